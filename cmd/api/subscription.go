package main

import (
	"crypto/rand"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"

	"twigz/internal/paymentfeed"
	"twigz/models"
	"twigz/workflows"
)

const (
	// pagePatience is for how long a page is tried to be made whose customer has given
	// up waiting: asked again with the same Idempotency-Key, they find it.
	pagePatience = 10 * time.Minute
	// maxPrice is in characters: object IDs of Stripe's fit in 255.
	maxPrice = 255
	// mostOfIt is how many of a price may be subscribed to at once.
	mostOfIt = 10_000
)

// pageLife is for how long a page of Stripe's can be used after it was made.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
// https://docs.stripe.com/customer-management/integrate-customer-portal
var pageLife = map[workflows.PageKind]time.Duration{
	workflows.PageSubscribe: 24 * time.Hour,
	workflows.PagePortal:    5 * time.Minute,
}

var errPageOver = &models.Error{Kind: models.Conflict, Message: "This page has expired"}

// subscribe prepares a subscription on Stripe's page. Nothing of it is in rows before
// Stripe says that there is one; the workflow's ID is what makes two clicks one.
func (s *server) subscribe(c *gin.Context, body checkoutBody) (any, error) {
	in, err := s.subscription(c.GetString(customerKey), body)
	if err != nil {
		return nil, err
	}
	return s.openPage(c, in)
}

// subscription reads what a customer wants to subscribe to.
func (s *server) subscription(customerID string, body checkoutBody) (workflows.PageInput, error) {
	in := workflows.PageInput{Kind: workflows.PageSubscribe, CustomerID: customerID, PriceID: body.PriceID, Quantity: 1}
	if body.Quantity != nil {
		in.Quantity = *body.Quantity
	}
	switch {
	case !isPrintable(in.PriceID, maxPrice):
		return in, &models.Error{Kind: models.Invalid, Field: "priceId", Message: "Must be the ID of a price, such as price_1Abc"}
	case in.Quantity < 1 || in.Quantity > mostOfIt:
		return in, &models.Error{Kind: models.Invalid, Field: "quantity", Message: "Must be a whole number from 1 to 10000"}
	}
	var err error
	in.SuccessURL, in.CancelURL, err = s.returnURLs(body.SuccessURL, body.CancelURL, s.config.publicURL+"/shop?subscribed=1", (*url.URL).String)
	return in, err
}

// portalBody says where Stripe's billing portal leads back to.
type portalBody struct {
	ReturnURL string `json:"returnUrl"` // "": to our own shop page
}

// openPortal leads to Stripe's billing portal, where customers change what they pay
// by, and end their subscriptions. The body may be left out.
func (s *server) openPortal(c *gin.Context) (any, error) {
	var body portalBody
	if c.Request.ContentLength != 0 {
		if err := decode(c, &body); err != nil {
			return nil, err
		}
	}
	in := workflows.PageInput{Kind: workflows.PagePortal, CustomerID: c.GetString(customerKey)}
	var err error
	if in.ReturnURL, err = s.returnURL("returnUrl", body.ReturnURL, s.config.publicURL+"/shop", (*url.URL).String); err != nil {
		return nil, err
	}
	return s.openPage(c, in)
}

// openPage has Stripe make a page and answers where it is. A customer's
// Idempotency-Key names the workflow: whoever sends it again gets the same page, also
// when the workflow has ended, because Temporal finds the answer of its update for as
// long as it keeps the workflow. After that Stripe, asked under the same key for its
// part, makes another one: that is a day and more later.
func (s *server) openPage(c *gin.Context, in workflows.PageInput) (any, error) {
	key, err := idempotencyKey(c)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = rand.Text()
	}
	in.ExpiresAt = time.Now().Add(pagePatience).Unix()
	var page workflows.Page
	err = s.await(c.Request.Context(), client.StartWorkflowOptions{
		ID:                    workflows.PageWorkflowID(in.CustomerID, s.config.temporal.TaskQueue+":"+string(in.Kind)+":"+key), // installations may share a namespace
		TypedSearchAttributes: workflows.SupportAttributes("", in.CustomerID, ""),
		StaticSummary:         "Have Stripe open a page: " + string(in.Kind),
	}, workflows.TypeOpenPage, in, &page)
	if err == nil {
		err = answers(page, in, time.Now())
	}
	if err != nil {
		return nil, err
	}
	return gin.H{"url": page.URL}, nil
}

// answers says why the page is none for who asks for it now, if it is none: it may
// have been made for an earlier wish with the same key.
func answers(page workflows.Page, in workflows.PageInput, now time.Time) error {
	latest := time.Unix(page.Asked.ExpiresAt, 0) // that Stripe can have made it
	page.Asked.ExpiresAt = in.ExpiresAt
	switch {
	case page.Asked != in:
		return &models.Error{Kind: models.Conflict, Message: "This Idempotency-Key was used for another request"}
	case now.After(latest.Add(pageLife[in.Kind])):
		return errPageOver
	}
	return nil
}

// subscriptionOf is what a customer has subscribed to.
func (s *server) subscriptionOf(c *gin.Context) (any, error) {
	return s.db.Subscription(c.Request.Context(), c.GetString(customerKey))
}

// subscriptionEvents sends what subscriptionOf answers, at once and at each change.
func (s *server) subscriptionEvents(c *gin.Context) {
	s.stream(c, followed{
		kind: "subscription", key: paymentfeed.SubscriptionKey(c.GetString(customerKey)), read: s.readSubscription,
	})
}

// subscriptionNow is a customer's subscriptions as an event: there may always be
// another one.
type subscriptionNow struct{ models.SubscriptionState }

func (subscriptionNow) Final() bool { return false }

// readSubscription is what the customer who is calling has subscribed to, as it is now.
func (s *server) readSubscription(c *gin.Context) (told, error) {
	ctx, cancel := requestContext(c)
	defer cancel()
	state, err := s.db.Subscription(ctx, c.GetString(customerKey))
	return subscriptionNow{state}, err
}
