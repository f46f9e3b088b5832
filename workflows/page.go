package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// PageKind is which page of Stripe's a customer wants to be led to.
type PageKind string

// The pages.
const (
	PageSubscribe PageKind = "subscribe" // Checkout for a subscription
	PagePortal    PageKind = "portal"    // the billing portal
)

// PageInput is a page that Stripe is to make for a customer.
type PageInput struct {
	Kind       PageKind `json:"kind"`
	CustomerID string   `json:"customerId"`
	PriceID    string   `json:"priceId,omitempty"`    // to subscribe to
	Quantity   int64    `json:"quantity,omitempty"`   // of it
	SuccessURL string   `json:"successUrl,omitempty"` // of a subscription's page
	CancelURL  string   `json:"cancelUrl,omitempty"`
	ReturnURL  string   `json:"returnUrl,omitempty"` // of the portal
	ExpiresAt  int64    `json:"expiresAt"`           // until when it is tried, Unix seconds
}

// Page is what Stripe made.
type Page struct {
	URL   string    `json:"url"`
	Asked PageInput `json:"asked"` // by the first who asked under this workflow's ID: another's wish with the same key is another's
}

// PageWorkflowID is the ID of the workflow that has Stripe make a page. key is
// whatever makes a customer's wish the same wish.
func PageWorkflowID(customerID, key string) string {
	return "page-" + hashOf(customerID) + "-" + hashOf(key)
}

// The update UpdatePrepare of an OpenPage workflow answers with a Page, or fails
// with one of these types. None of them is an error of ours.
const (
	PageRefused    models.Outcome = "page_refused"    // Stripe does not make such a page
	PageExpired    models.Outcome = "page_expired"    // its time was over before Stripe could be reached
	PageNoPrice    models.Outcome = "page_no_price"   // there is no such price, or none to subscribe to
	PageSubscribed models.Outcome = "page_subscribed" // they have a subscription of that product already
	PageOpened     models.Outcome = "page_opened"     // Stripe made it
)

const aboutOpen = "Wait until Stripe has made the page, and get its URL. No input."

// OpenPage has Stripe make a page for a customer, once for a wish.
func OpenPage(ctx workflow.Context, in PageInput) (Result, error) {
	p := page{in: in}
	if err := p.openTo(ctx, signalsToMaker()); err != nil {
		return Result{}, err
	}
	if err := p.offer(ctx, aboutOpen); err != nil {
		return Result{}, err
	}
	if err := p.prepare(ctx, time.Unix(in.ExpiresAt, 0)); err != nil {
		return Result{}, err
	}
	workflow.GetLogger(ctx).Info("page prepared", "customer_id", in.CustomerID, "page", string(in.Kind), "outcome", p.outcome)
	return Result{Outcome: p.outcome}, p.finish(ctx)
}

type page struct {
	desk
	answers[Page]
	in PageInput
}

// prepare has Stripe make the page and lets whoever waits know.
func (p *page) prepare(ctx workflow.Context, until time.Time) error {
	made, err := p.open(ctx, until)
	outcome := unmade(err, PageRefused, PageExpired)
	switch {
	case outcome != "":
		workflow.GetLogger(ctx).Warn("stripe made no page", "customer_id", p.in.CustomerID, "error", err)
		p.refuse(outcome)
	case err != nil:
		return err
	case p.outcome == "":
		p.give(PageOpened, Page{URL: made.URL, Asked: p.in})
	}
	return nil
}

// open has Stripe make the page, unless it refuses it itself.
func (p *page) open(ctx workflow.Context, until time.Time) (made activities.PageMade, err error) {
	if p.in.Kind == PageSubscribe {
		if err := p.check(ctx, until); err != nil || p.outcome != "" {
			return made, err
		}
	}
	return forCustomer(ctx, &p.desk, p.in.CustomerID, until, func(stripeCustomerID, lost string) (activities.PageMade, error) {
		return p.make(ctx, stripeCustomerID, lost, until)
	})
}

// check refuses a subscription to what cannot be subscribed to, and a second one of
// the same product.
func (p *page) check(ctx workflow.Context, until time.Time) error {
	price, err := atStripe[activities.PriceView](ctx, &p.desk, "Ask Stripe for the price", stripeCalls.ViewPrice, until,
		func(int) any { return activities.PriceInput{PriceID: p.in.PriceID} })
	if err != nil {
		return err
	}
	if !price.Found || !price.Active || !price.Recurring {
		p.refuse(PageNoPrice)
		return nil
	}
	has, err := onRows[activities.HasSubscriptionResult](ctx, &p.desk, "Look for a subscription of the product", rowsAndMails.HasSubscription,
		activities.HasSubscriptionInput{CustomerID: p.in.CustomerID, ProductID: price.ProductID})
	if err == nil && has.Has {
		p.refuse(PageSubscribed)
	}
	return err
}

// make has Stripe make the page for one of its customers. lost is the one for whom
// it could not, because it no longer has them; "": nobody was lost.
func (p *page) make(ctx workflow.Context, stripeCustomerID, lost string, until time.Time) (activities.PageMade, error) {
	key := func(n int) string { return numbered("page:"+workflow.GetInfo(ctx).WorkflowExecution.ID, lost, n) }
	if p.in.Kind == PagePortal {
		return atStripe[activities.PageMade](ctx, &p.desk, "Have Stripe open the billing portal", stripeCalls.CreatePortalSession, until, func(n int) any {
			return activities.PortalCall{StripeCustomerID: stripeCustomerID, ReturnURL: p.in.ReturnURL, IdempotencyKey: key(n)}
		})
	}
	return atStripe[activities.PageMade](ctx, &p.desk, "Have Stripe open a page to subscribe on", stripeCalls.CreateSubscriptionSession, until, func(n int) any {
		return activities.SubscribeCall{
			CustomerID: p.in.CustomerID, StripeCustomerID: stripeCustomerID, PriceID: p.in.PriceID, Quantity: p.in.Quantity,
			SuccessURL: p.in.SuccessURL, CancelURL: p.in.CancelURL, IdempotencyKey: key(n),
		}
	})
}
