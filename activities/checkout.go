package activities

import (
	"context"

	"twigz/models"
)

// The activities on rows for what comes before the payment.

// CustomerInput names a customer.
type CustomerInput struct {
	CustomerID string `json:"customerId"`
}

// PurchaseOf finds what Stripe is to be told about a checkout.
func (a *Activities) PurchaseOf(ctx context.Context, in PaymentInput) (models.Purchase, error) {
	p, err := a.DB.PurchaseOf(ctx, in.PaymentID)
	return p, edge(err)
}

// KeepPrepared keeps what Stripe made of a checkout.
func (a *Activities) KeepPrepared(ctx context.Context, p models.Prepared) error {
	return edge(a.DB.KeepPrepared(ctx, p))
}

// ExpireCheckout frees the stock of a checkout that is neither paid nor being
// processed.
func (a *Activities) ExpireCheckout(ctx context.Context, in PaymentInput) error {
	return edge(a.DB.ExpireCheckout(ctx, in.PaymentID))
}

// Profile finds a customer as Stripe is to know them.
func (a *Activities) Profile(ctx context.Context, in CustomerInput) (models.CustomerProfile, error) {
	p, err := a.DB.Profile(ctx, in.CustomerID)
	return p, edge(err)
}

// KeepStripeCustomer keeps Stripe's name for a customer, and that Stripe has the
// email and name of this profile. It returns what is true now.
func (a *Activities) KeepStripeCustomer(ctx context.Context, asOf models.CustomerProfile) (models.CustomerProfile, error) {
	p, err := a.DB.KeepStripeCustomer(ctx, asOf)
	return p, edge(err)
}
