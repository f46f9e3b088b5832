package webhook

import (
	"cmp"

	"twigz/models"
)

// This file reads what becomes of a payment after it succeeded: refunds,
// disputes, reviews. They hang on a charge, and name the payment intent only
// where there is one. One without an ID of its own is no row of ours: what it
// says of the payment is kept, and the rest is Stripe's to tell.

// readCharge reads https://docs.stripe.com/api/charges/object, of which a refund
// was made. Which refunds these are (old versions embed the newest ten) is not
// read: each has events of its own, and Stripe lists them.
func readCharge(o object, e *models.Event) error {
	var refunded, amount, captured *int64
	err := cmp.Or(
		o.id("id", &e.ChargeID),
		o.ref("payment_intent", &e.PaymentIntentID),
		read(o, "amount_refunded", &refunded),
		read(o, "amount", &amount),
		read(o, "amount_captured", &captured),
	)
	if refunded != nil {
		e.AmountRefunded = new(max(0, max(0, *refunded)-released(amount, captured)))
	}
	return err
}

// released is how much of a charge was authorized and never collected, which
// Stripe counts as refunded once it lets go of it. The oldest versions do not
// say what was captured: then nothing is known to have been released.
func released(amount, captured *int64) int64 {
	if amount == nil || captured == nil || *captured < 0 {
		return 0
	}
	return max(0, *amount-*captured)
}

// readRefund reads https://docs.stripe.com/api/refunds/object.
func readRefund(o object, e *models.Event) error {
	facts := models.RefundFacts{
		Ours:          models.Clean(textsOf(o.inner("metadata"))[models.KeyRefundID], maxID),
		Status:        models.StripeRefundStatus(o.text("status", maxWord)),
		Currency:      o.text("currency", maxCurrency),
		Reason:        o.text("reason", maxWord),
		FailureReason: o.text("failure_reason", maxWord),
	}
	err := cmp.Or(readOwn(o, &facts.ID, e), o.minor("amount", &facts.Amount))
	if facts.ID != "" {
		e.Refund = &facts
	}
	return err
}

// readDispute reads https://docs.stripe.com/api/disputes/object.
func readDispute(o object, e *models.Event) error {
	facts := models.DisputeFacts{
		Status:   models.StripeDisputeStatus(o.text("status", maxWord)),
		Reason:   o.text("reason", maxWord),
		Currency: o.text("currency", maxCurrency),
		DueBy:    o.inner("evidence_details").moment("due_by"), // 0: evidence counts no more, or never did
	}
	err := cmp.Or(readOwn(o, &facts.ID, e), o.minor("amount", &facts.Amount))
	if facts.ID != "" {
		e.Dispute = &facts
	}
	return err
}

// readReview reads https://docs.stripe.com/api/radar/reviews/object. The oldest
// versions have one reason, for being open or for being closed.
func readReview(o object, e *models.Event) error {
	facts := models.ReviewFacts{
		Open:         isOpen(o, e.Type),
		OpenedReason: o.text("opened_reason", maxWord),
		ClosedReason: o.text("closed_reason", maxWord),
	}
	reason := o.text("reason", maxWord)
	if facts.Open {
		facts.OpenedReason, facts.ClosedReason = cmp.Or(facts.OpenedReason, reason), ""
	} else {
		facts.ClosedReason = cmp.Or(facts.ClosedReason, reason)
	}
	err := readOwn(o, &facts.ID, e)
	if facts.ID != "" {
		e.Review = &facts
	}
	return err
}

// isOpen goes by the event's type where the review does not say.
func isOpen(review object, eventType string) bool {
	var open *bool
	if read(review, "open", &open) != nil || open == nil {
		return eventType == "review.opened"
	}
	return *open
}

// readOwn reads an object's own ID and what it hangs on.
func readOwn(o object, id *string, e *models.Event) error {
	return cmp.Or(
		o.id("id", id),
		o.ref("charge", &e.ChargeID),
		o.ref("payment_intent", &e.PaymentIntentID),
	)
}
