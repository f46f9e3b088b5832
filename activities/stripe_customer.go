package activities

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// CustomerCall is a customer whom Stripe is to know.
type CustomerCall struct {
	Profile        models.CustomerProfile `json:"profile"`
	IdempotencyKey string                 `json:"idempotencyKey"` // a function of the customer alone
}

// StripeCustomer is Stripe's customer for one of ours.
type StripeCustomer struct {
	ID      string `json:"id"`
	Refused string `json:"refused,omitempty"` // Stripe's word for why it does not take the email or name; "": it has them
}

// PutStripeCustomer makes a customer at Stripe if there is none yet, and tells it
// their email and name. It is made of our ID alone: so the key stands for the same
// request whoever asks with it, and two first checkouts at once make one customer
// even when the email changes between them.
//
// A customer that somebody has deleted at Stripe stays so, and is nobody to keep
// in step. Errors are as those of CreatePaymentIntent.
func (s *Stripe) PutStripeCustomer(ctx context.Context, in CustomerCall) (StripeCustomer, error) {
	made := StripeCustomer{ID: in.Profile.StripeCustomerID}
	if made.ID == "" {
		customer, err := s.api.Customers.New(&stripe.CustomerParams{
			Params:   stripe.Params{Context: ctx, IdempotencyKey: &in.IdempotencyKey},
			Metadata: map[string]string{models.KeyCustomerID: in.Profile.CustomerID},
		})
		if err != nil {
			return made, makingEdge("create customer", err)
		}
		if customer.ID == "" || customer.Metadata[models.KeyCustomerID] != in.Profile.CustomerID {
			return made, errOddAnswer("create customer")
		}
		made.ID = customer.ID
	}
	err := s.updateCustomer(ctx, in.Profile, &made)
	return made, err
}

// updateCustomer sets what is known. Neither can be unset there: what was forgotten
// here stays Stripe's own record.
func (s *Stripe) updateCustomer(ctx context.Context, profile models.CustomerProfile, made *StripeCustomer) error {
	params := &stripe.CustomerParams{Params: stripe.Params{Context: ctx}}
	if profile.Email != "" {
		params.Email = &profile.Email
	}
	if profile.Name != "" {
		params.Name = &profile.Name
	}
	if params.Email == nil && params.Name == nil {
		return nil
	}
	customer, err := s.api.Customers.Update(made.ID, params)
	var answer *stripe.Error
	switch {
	case isMissing(err):
		return nil
	case errors.As(err, &answer) && answer.HTTPStatusCode == http.StatusBadRequest:
		made.Refused = models.Clean(cmp.Or(string(answer.Code), string(answer.Type)), maxWord)
		return nil
	case err != nil:
		return owedEdge("update customer "+made.ID, err)
	case customer.ID != made.ID:
		return errOddAnswer("update customer " + made.ID)
	}
	return nil
}
