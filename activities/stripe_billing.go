package activities

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// This file is one look at a customer of Stripe's: how they are now, whatever
// events have told. What is deleted while it is looked at is not there.

// Limits of the texts that are kept of what Stripe says, in characters.
const (
	maxEmail = 320
	maxText  = 500
	maxLink  = 2000 // Stripe's pages for invoices have long names
)

// maxLines is how many lines are kept of an invoice that a look was for.
const maxLines = pageSize

// billingFacts looks at a customer of Stripe's: in at least three calls, and one
// more for each product. Its error is fit for Temporal; that of a key to the API which
// an operator has to mend passes, since nobody else can say what Stripe would.
func (s *Stripe) billingFacts(ctx context.Context, in models.SyncLook) (models.BillingFacts, error) {
	facts := models.BillingFacts{Customer: models.StripeCustomerFacts{ID: in.StripeCustomerID}}
	for _, step := range []struct {
		what string
		do   func(context.Context, models.SyncLook, *models.BillingFacts) error
	}{
		{"view customer", s.viewCustomer},
		{"list subscriptions", s.listSubscriptions},
		{"list invoices", s.listInvoices},
	} {
		if err := step.do(ctx, in, &facts); err != nil {
			return models.BillingFacts{}, owedEdge(step.what+" of "+in.StripeCustomerID, err)
		}
		if facts.Customer.Unknown {
			return facts, nil
		}
	}
	return facts, nil
}

// viewCustomer asks for the customer and what their invoices are paid by.
func (s *Stripe) viewCustomer(ctx context.Context, in models.SyncLook, facts *models.BillingFacts) error {
	params := &stripe.CustomerParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("invoice_settings.default_payment_method")
	customer, err := s.api.Customers.Get(in.StripeCustomerID, params)
	switch {
	case isMissing(err):
		facts.Customer.Unknown = true // one that was deleted is still shown, as deleted
		return nil
	case err != nil:
		return err
	case customer.ID != in.StripeCustomerID:
		return errOddAnswer("view customer")
	case customer.Deleted:
		facts.Customer.Gone = true
		return nil
	}
	facts.Customer.CustomerID = models.Clean(customer.Metadata[models.KeyCustomerID], models.MaxMetadataValue)
	facts.Customer.Email = models.Clean(customer.Email, maxEmail)
	if settings := customer.InvoiceSettings; settings != nil {
		facts.Customer.Card = cardOf(settings.DefaultPaymentMethod)
	}
	return nil
}

// lacksCustomer says whether Stripe refused a call because it has no such customer
// (any more).
func lacksCustomer(err error) bool {
	var answer *stripe.Error
	return errors.As(err, &answer) && answer.Code == stripe.ErrorCodeResourceMissing && answer.Param == "customer" &&
		(answer.HTTPStatusCode == http.StatusBadRequest || answer.HTTPStatusCode == http.StatusNotFound)
}

// isList says whether an answer is a page of a list, and can be gone on from when
// it says that there is more.
func isList(list stripe.ListMeta, ids []string) bool {
	return list.URL != "" && !slices.Contains(ids, "") && (!list.HasMore || len(ids) > 0)
}

// cardOf is what a payment method is shown as. One that is not there whole is none.
func cardOf(method *stripe.PaymentMethod) models.Card {
	if method == nil || method.Type == "" {
		return models.Card{}
	}
	card := models.Card{Brand: string(method.Type), Last4: last4Of(method)}
	if method.Type == stripe.PaymentMethodTypeCard && method.Card != nil && method.Card.Brand != "" {
		card.Brand = string(method.Card.Brand)
	}
	return models.Card{Brand: models.Clean(card.Brand, maxWord), Last4: models.Clean(card.Last4, maxWord)}
}

// last4Of is the end of the number that a payment method is known by, "" for one
// that has no number.
func last4Of(method *stripe.PaymentMethod) string {
	switch {
	case method.Card != nil:
		return method.Card.Last4
	case method.SEPADebit != nil:
		return method.SEPADebit.Last4
	case method.USBankAccount != nil:
		return method.USBankAccount.Last4
	case method.BACSDebit != nil:
		return method.BACSDebit.Last4
	case method.AUBECSDebit != nil:
		return method.AUBECSDebit.Last4
	case method.ACSSDebit != nil:
		return method.ACSSDebit.Last4
	default:
		return ""
	}
}

// moment is a time that Stripe says in Unix seconds: nil where it says none, or one
// that no calendar has.
func moment(seconds int64) *time.Time {
	const year9999 = 253_402_300_799
	if seconds <= 0 || seconds > year9999 {
		return nil
	}
	return new(time.Unix(seconds, 0).UTC())
}

// perUnit is a price in whole minor units. Some have fractions of one, and those in
// tiers or chosen by the customer have no such price.
func perUnit(price *stripe.Price) int64 {
	if price.UnitAmount != 0 {
		return price.UnitAmount
	}
	return int64(math.Round(price.UnitAmountDecimal))
}
