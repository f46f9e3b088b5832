package webhook

import (
	"cmp"

	"twigz/models"
)

// This file reads what is told of subscriptions, invoices and Stripe's customers.
// It is little: which ones an event is about, wherever its API version says so,
// and whose they are. How they are is asked of Stripe itself, since events come in
// any order. What cannot be asked for later is read here: a charge that is
// announced, and when a trial was to end.

// readSubscription reads https://docs.stripe.com/api/subscriptions/object.
func readSubscription(o object, e *models.Event) error {
	if e.Type == "customer.subscription.trial_will_end" {
		e.TrialEnd = o.moment("trial_end")
	}
	return cmp.Or(
		o.id("id", &e.SubscriptionID),
		o.ref("customer", &e.StripeCustomerID),
	)
}

// readInvoice reads https://docs.stripe.com/api/invoices/object. Since
// 2025-03-31.basil what an invoice is for is its parent; before, the subscription
// was a member of its own. An upcoming one has no ID, or since basil one that
// nobody can ask for: it is no invoice yet.
func readInvoice(o object, e *models.Event) error {
	parent := o.inner("parent").inner("subscription_details")
	var own, subscription, parents string
	err := cmp.Or(
		o.id("id", &own),
		o.ref("customer", &e.StripeCustomerID),
		o.ref("subscription", &subscription),
		parent.ref("subscription", &parents),
	)
	e.SubscriptionID = cmp.Or(subscription, parents)
	e.Metadata, e.MetadataProblem = invoiceMetadata(o.inner("subscription_details"), parent, o)
	if e.Type == "invoice.upcoming" {
		return cmp.Or(err, readUpcoming(o, e))
	}
	e.InvoiceID = own
	return err
}

// invoiceMetadata is the first metadata that says whose the subscription is: the
// subscription's own, which an invoice carries a copy of, before the invoice's. It
// is the first that says anything where none says that.
func invoiceMetadata(holders ...object) (kept models.Metadata, problem string) {
	for _, holder := range holders {
		metadata, why := readMetadata(holder)
		if metadata[models.KeyCustomerID] != "" {
			return metadata, why
		}
		if kept == nil {
			kept, problem = metadata, cmp.Or(problem, why)
		}
	}
	return kept, problem
}

// readUpcoming reads a charge that is announced. It is for the latest period of its
// lines: the others settle what has been.
func readUpcoming(o object, e *models.Event) error {
	facts := models.UpcomingFacts{
		Currency: o.text("currency", maxCurrency),
		At:       cmp.Or(o.moment("next_payment_attempt"), o.moment("period_end"), o.moment("due_date")),
	}
	for _, line := range o.list("lines") {
		period := line.inner("period")
		if end := period.moment("end"); end > facts.PeriodEnd {
			facts.PeriodStart, facts.PeriodEnd = period.moment("start"), end
		}
	}
	err := o.minor("amount_due", &facts.Amount)
	e.Upcoming = &facts
	return err
}

// readCustomer reads https://docs.stripe.com/api/customers/object.
func readCustomer(o object, e *models.Event) error { return o.id("id", &e.StripeCustomerID) }
