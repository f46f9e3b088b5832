package activities

import (
	"context"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// This file makes the pages that a customer subscribes on, and looks after their
// subscriptions on.

// PriceInput names a price.
type PriceInput struct {
	PriceID string `json:"priceId"`
}

// PriceView is a price as Stripe has it now.
type PriceView struct {
	Found     bool   `json:"found"` // false: Stripe knows no such price
	Recurring bool   `json:"recurring,omitempty"`
	Active    bool   `json:"active,omitempty"`
	ProductID string `json:"productId,omitempty"`
}

// ViewPrice asks Stripe for a price.
func (s *Stripe) ViewPrice(ctx context.Context, in PriceInput) (PriceView, error) {
	price, err := s.api.Prices.Get(in.PriceID, &stripe.PriceParams{Params: stripe.Params{Context: ctx}})
	switch {
	case isMissing(err):
		return PriceView{}, nil
	case err != nil:
		return PriceView{}, owedEdge("view price", err)
	case price.ID != in.PriceID:
		return PriceView{}, errOddAnswer("view price")
	case price.Deleted:
		return PriceView{}, nil
	}
	view := PriceView{Found: true, Recurring: price.Type == stripe.PriceTypeRecurring, Active: price.Active}
	if price.Product != nil {
		view.ProductID = models.Clean(price.Product.ID, maxID)
	}
	return view, nil
}

// PageMade is a page of Stripe's that a customer is to be led to.
type PageMade struct {
	URL string `json:"url"`
}

// SubscribeCall is a subscription that a customer wants.
type SubscribeCall struct {
	CustomerID       string `json:"customerId"`
	StripeCustomerID string `json:"stripeCustomerId"`
	PriceID          string `json:"priceId"`
	Quantity         int64  `json:"quantity,omitempty"` // 0: not told, as Stripe wants it of what is metered
	SuccessURL       string `json:"successUrl"`
	CancelURL        string `json:"cancelUrl,omitempty"` // "": the page has no way back
	IdempotencyKey   string `json:"idempotencyKey"`
}

// CreateSubscriptionSession makes Stripe's hosted page for a subscription. Session
// and subscription both say whose it is. Errors are as those of
// CreatePaymentIntent.
func (s *Stripe) CreateSubscriptionSession(ctx context.Context, in SubscribeCall) (PageMade, error) {
	const what = "create session for a subscription"
	session, err := s.api.CheckoutSessions.New(in.session(ctx))
	if err != nil {
		return PageMade{}, makingEdge(what, err)
	}
	if session.ID == "" || session.URL == "" || session.Metadata[models.KeyCustomerID] != in.CustomerID {
		return PageMade{}, errOddAnswer(what)
	}
	return PageMade{URL: session.URL}, nil
}

func (in *SubscribeCall) session(ctx context.Context) *stripe.CheckoutSessionParams {
	whose := map[string]string{models.KeyCustomerID: in.CustomerID}
	line := &stripe.CheckoutSessionLineItemParams{Price: &in.PriceID}
	if in.Quantity > 0 {
		line.Quantity = &in.Quantity
	}
	params := &stripe.CheckoutSessionParams{
		Params:           stripe.Params{Context: ctx, IdempotencyKey: &in.IdempotencyKey},
		Mode:             new(string(stripe.CheckoutSessionModeSubscription)),
		Customer:         &in.StripeCustomerID,
		LineItems:        []*stripe.CheckoutSessionLineItemParams{line},
		SuccessURL:       &in.SuccessURL,
		Metadata:         whose,
		SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: whose},
	}
	if in.CancelURL != "" {
		params.CancelURL = &in.CancelURL
	}
	return params
}

// PortalCall is a customer who wants to look after their subscriptions.
type PortalCall struct {
	StripeCustomerID string `json:"stripeCustomerId"`
	ReturnURL        string `json:"returnUrl"`
	IdempotencyKey   string `json:"idempotencyKey"`
}

// CreatePortalSession makes a page of Stripe's billing portal for a customer. Errors
// are as those of CreatePaymentIntent; one of type Refused may be that the portal has
// not been configured at Stripe.
func (s *Stripe) CreatePortalSession(ctx context.Context, in PortalCall) (PageMade, error) {
	const what = "create portal session"
	session, err := s.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Params:    stripe.Params{Context: ctx, IdempotencyKey: &in.IdempotencyKey},
		Customer:  &in.StripeCustomerID,
		ReturnURL: &in.ReturnURL,
	})
	if err != nil {
		return PageMade{}, makingEdge(what, err)
	}
	if session.ID == "" || session.URL == "" || session.Customer != in.StripeCustomerID {
		return PageMade{}, errOddAnswer(what)
	}
	return PageMade{URL: session.URL}, nil
}
