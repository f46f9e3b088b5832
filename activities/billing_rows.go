package activities

import (
	"context"

	"twigz/models"
)

// The activities on rows for subscriptions. Each is one short idempotent
// transaction of models, which says what it guarantees.

// HasSubscriptionInput names a product that a customer may have subscribed to.
type HasSubscriptionInput struct {
	CustomerID string `json:"customerId"`
	ProductID  string `json:"productId"`
}

// HasSubscriptionResult says whether they have.
type HasSubscriptionResult struct {
	Has bool `json:"has"`
}

// StripeCustomerInput names a customer of Stripe's.
type StripeCustomerInput struct {
	StripeCustomerID string `json:"stripeCustomerId"`
}

// WantSync says whose turn it is to look at a customer of Stripe's.
func (a *Activities) WantSync(ctx context.Context, in models.SyncWant) (models.SyncTurn, error) {
	turn, err := a.DB.WantSync(ctx, in)
	return turn, edge(err)
}

// FinishSync notes an event about subscriptions once its customer was looked at,
// and that a mail is due.
func (a *Activities) FinishSync(ctx context.Context, e models.Event) (models.Billed, error) {
	billed, err := a.DB.FinishSync(ctx, e)
	return billed, edge(err)
}

// HasSubscription says whether a customer has a subscription of a product that goes on.
func (a *Activities) HasSubscription(ctx context.Context, in HasSubscriptionInput) (HasSubscriptionResult, error) {
	has, err := a.DB.HasSubscription(ctx, in.CustomerID, in.ProductID)
	return HasSubscriptionResult{Has: has}, edge(err)
}

// LoseStripeCustomer notes that Stripe has deleted a customer.
func (a *Activities) LoseStripeCustomer(ctx context.Context, in StripeCustomerInput) error {
	return edge(a.DB.LoseStripeCustomer(ctx, in.StripeCustomerID))
}
