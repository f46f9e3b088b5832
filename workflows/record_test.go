package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestRecordPaymentFailure(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeRecordPaymentFailure, failureStories())
}

func TestCancelPayment(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeCancelPayment, cancelStories())
}

func TestRecordPayment(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeRecordPayment, processingStories())
}

// about makes an event of a payment intent out of paid.
func about(eventType string, change ...func(*models.Event)) models.Event {
	e := paid()
	e.ID, e.Type, e.AmountReceived = "evt_told", eventType, nil
	for _, c := range change {
		c(&e)
	}
	return e
}

func failed(change ...func(*models.Event)) models.Event {
	return about("payment_intent.payment_failed", append([]func(*models.Event){func(e *models.Event) {
		e.FailureCode, e.FailureMessage = "generic_decline", "Your card was declined."
	}}, change...)...)
}

func canceled(change ...func(*models.Event)) models.Event {
	return about("payment_intent.canceled", append([]func(*models.Event){func(e *models.Event) {
		e.CancellationReason = "abandoned"
	}}, change...)...)
}

// ofSession makes an event one of a checkout session, which says less.
func ofSession(eventType string) func(*models.Event) {
	return func(e *models.Event) {
		e.Type, e.CheckoutSessionID, e.Mode, e.PaymentStatus = eventType, "cs_1", "payment", "unpaid"
		e.ChargeID, e.FailureCode, e.FailureMessage, e.CancellationReason = "", "", "", ""
	}
}

// What RecordPaymentState comes to.
var (
	recorded = models.Recording{Outcome: models.PaymentRecorded, PaymentID: "pay_1", ChargeID: "ch_1"}
	tooLate  = models.Recording{Outcome: models.EventTooLate, PaymentID: "pay_1", ChargeID: "ch_1"}
	telling  = models.Recording{Outcome: models.PaymentRecorded, PaymentID: "pay_1", ChargeID: "ch_1", Tell: true}

	noted    = workflows.Result{Outcome: models.PaymentRecorded, PaymentID: "pay_1"}
	noChange = workflows.Result{Outcome: models.EventTooLate, PaymentID: "pay_1"}
)

// What Stripe says of a payment.
var (
	unknown       = activities.PaymentView{}
	declined      = activities.PaymentView{Found: true, Status: "requires_payment_method", ChargeID: "ch_2", FailureCode: "insufficient_funds", FailureMessage: "Not enough."}
	inProgress    = activities.PaymentView{Found: true, Status: "processing", ChargeID: "ch_1"}
	calledOff     = activities.PaymentView{Found: true, Status: "canceled", ChargeID: "ch_1", CancellationReason: "requested_by_customer"}
	paidMeanwhile = activities.PaymentView{Found: true, Status: "succeeded", ChargeID: "ch_2"}

	errStripe = temporal.NewApplicationError("view payment intent: Stripe cannot be reached", "StripeUnreachable")
)

// says scripts what Stripe and then the rows come to.
func says(view activities.PaymentView, then ...any) func(*stage) {
	return func(s *stage) {
		s.answer("ViewPaymentIntent", view)
		s.answer("RecordPaymentState", then...)
	}
}

var viewedAndRecorded = []string{"activity ViewPaymentIntent", "local activity RecordPaymentState"}

// then is what follows when a payment was viewed and recorded.
func then(more ...string) []string { return slices.Concat(viewedAndRecorded, more) }

func failureStories() []story {
	told := then("activity SendNotifications")
	return []story{
		{
			name:  "a failed payment is recorded with the reason that Stripe has now, and the customer is told",
			file:  "failed_told",
			event: failed(),
			script: func(s *stage) {
				says(declined, telling)(s)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: told, want: noted,
		},
		{
			name:  "a session's failure gets reason and charge from Stripe, as its sibling's does",
			file:  "failed_session",
			event: failed(ofSession("checkout.session.async_payment_failed")),
			script: func(s *stage) {
				says(declined, telling)(s)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: told, want: noted,
		},
		{
			name:  "a reason that Stripe has forgotten is the event's",
			file:  "failed_forgotten",
			event: failed(),
			script: func(s *stage) {
				says(activities.PaymentView{Found: true, Status: "requires_payment_method"}, telling)(s)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: told, want: noted,
		},
		{
			name:  "a payment that Stripe does not know goes by the event",
			file:  "failed_unknown",
			event: failed(),
			script: func(s *stage) {
				says(unknown, telling)(s)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: told, want: noted,
		},
		{
			name:  "when Stripe cannot be asked the event's word is used",
			file:  "failed_unreachable",
			event: failed(),
			script: func(s *stage) {
				s.answerAlways("ViewPaymentIntent", errStripe)
				s.answer("RecordPaymentState", telling)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: told, want: noted,
		},
		{
			name:  "a session without payment intent is not asked about",
			file:  "failed_no_intent",
			event: failed(ofSession("checkout.session.async_payment_failed"), func(e *models.Event) { e.PaymentIntentID = "" }),
			script: func(s *stage) {
				s.answer("RecordPaymentState", telling)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: told[1:], want: noted,
		},
		{
			name:   "a payment that has succeeded meanwhile stays as it is",
			file:   "failed_then_paid",
			event:  failed(),
			script: says(paidMeanwhile, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
		{
			name:   "a payment that is tried again stays as it is",
			file:   "failed_then_processing",
			event:  failed(),
			script: says(inProgress, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
		{
			name:   "a failed payment that was canceled meanwhile is canceled",
			file:   "failed_then_canceled",
			event:  failed(),
			script: says(calledOff, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:   "a failure that comes after the success changes nothing, and nobody is told",
			file:   "failed_too_late",
			event:  failed(),
			script: says(declined, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
		{
			name:   "a failed payment with none of our metadata is nobody's news",
			file:   "failed_unmatched",
			event:  without(failed()),
			script: says(declined, models.Recording{Outcome: models.PaymentUnmatched, PaymentID: "pay_1"}),
			did:    viewedAndRecorded,
			want:   workflows.Result{Outcome: models.PaymentUnmatched, PaymentID: "pay_1"},
		},
		{
			name:  "a customer whose address nobody knows is asked for at Stripe",
			file:  "failed_email_from_stripe",
			event: failed(),
			script: func(s *stage) {
				noEmail := telling
				noEmail.NoEmail = true
				says(declined, noEmail)(s)
				s.answer("FindBillingEmail", activities.BillingEmail{Email: "eve@example.com"})
				s.answer("KeepReceiptEmail", done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did:  then("activity FindBillingEmail", "local activity KeepReceiptEmail", "activity SendNotifications"),
			want: noted,
		},
		{
			name:  "an address that the database refuses waits for a person, and no block stays behind",
			file:  "failed_email_internal_error",
			event: failed(),
			script: func(s *stage) {
				noEmail := telling
				noEmail.NoEmail = true
				says(declined, noEmail)(s)
				s.answer("FindBillingEmail", activities.BillingEmail{Email: "eve@example.com"})
				s.answer("KeepReceiptEmail", errPermanent, done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
				s.retryAfter(time.Hour)
			},
			did: then("activity FindBillingEmail", "local activity KeepReceiptEmail", "set BlockedReason", "version support-actions", "timer 24h0m0s",
				"local activity KeepReceiptEmail", "unset BlockedReason", "activity SendNotifications"),
			want: noted,
		},
		{
			name:  "a mail that no server takes for three days is given up",
			file:  "failed_mail_given_up",
			event: failed(),
			script: func(s *stage) {
				says(declined, telling)(s)
				s.answerAlways("SendNotifications", errPassing)
				s.answer("FailNotifications", done{})
			},
			did: then("activity SendNotifications", "local activity FailNotifications"), want: noted,
		},
		{
			name:  "rows that cannot be reached at once are tried as long as it takes",
			file:  "failed_durable",
			event: failed(),
			script: func(s *stage) {
				says(declined, errPassing, errPassing, errPassing, telling)(s)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
			},
			did: []string{
				"activity ViewPaymentIntent", "local activity RecordPaymentState", "activity RecordPaymentState",
				"activity SendNotifications",
			},
			want: noted,
		},
		{
			name:  "a state that the database refuses waits for a person",
			file:  "failed_internal_error",
			event: failed(),
			script: func(s *stage) {
				says(declined, errPermanent, tooLate)(s)
				s.retryAfter(time.Hour)
			},
			did: []string{
				"activity ViewPaymentIntent", "local activity RecordPaymentState", "set BlockedReason",
				"local activity RecordPaymentState", "unset BlockedReason",
			},
			want: noChange,
		},
	}
}

func cancelStories() []story {
	return []story{
		{
			name:   "a canceled payment is recorded with the reason that Stripe has now",
			file:   "canceled",
			event:  canceled(),
			script: says(calledOff, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:   "a session that expired says nothing of its payment intent, so Stripe is not asked",
			file:   "canceled_expired",
			event:  canceled(ofSession("checkout.session.expired")),
			script: func(s *stage) { s.answer("RecordPaymentState", recorded) },
			did:    viewedAndRecorded[1:], want: noted,
		},
		{
			name:   "a payment that Stripe does not know goes by the event",
			file:   "canceled_unknown",
			event:  canceled(),
			script: says(unknown, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:  "when Stripe cannot be asked the event's word is used",
			file:  "canceled_unreachable",
			event: canceled(),
			script: func(s *stage) {
				s.answerAlways("ViewPaymentIntent", errStripe)
				s.answer("RecordPaymentState", recorded)
			},
			did: viewedAndRecorded, want: noted,
		},
		{
			name:   "a payment that Stripe says was paid stays as it is",
			file:   "canceled_then_paid",
			event:  canceled(),
			script: says(paidMeanwhile, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
		{
			name:   "a payment that waits for another method stays as it is",
			file:   "canceled_then_failed",
			event:  canceled(),
			script: says(declined, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
	}
}

func processingStories() []story {
	processing := about("payment_intent.processing")
	return []story{
		{
			name:   "a payment that is being processed is recorded so",
			file:   "processing",
			event:  processing,
			script: says(inProgress, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:   "a session that was completed unpaid is being processed",
			file:   "processing_session",
			event:  about("", ofSession("checkout.session.completed")),
			script: says(inProgress, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:   "a payment that Stripe does not know goes by the event",
			file:   "processing_unknown",
			event:  processing,
			script: says(unknown, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:  "when Stripe cannot be asked the event's word is used",
			file:  "processing_unreachable",
			event: processing,
			script: func(s *stage) {
				s.answerAlways("ViewPaymentIntent", errStripe)
				s.answer("RecordPaymentState", recorded)
			},
			did: viewedAndRecorded, want: noted,
		},
		{
			name:   "a payment that has succeeded meanwhile stays as it is",
			file:   "processing_then_paid",
			event:  processing,
			script: says(paidMeanwhile, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
		{
			name:   "a payment that has failed meanwhile is left to the event that tells why",
			file:   "processing_then_failed",
			event:  processing,
			script: says(declined, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
		{
			name:   "a payment that was canceled meanwhile is canceled",
			file:   "processing_then_canceled",
			event:  processing,
			script: says(calledOff, recorded),
			did:    viewedAndRecorded, want: noted,
		},
		{
			name:  "a payment that was collected before anybody knew for what is fulfilled",
			file:  "processing_placed_late",
			event: about("", ofSession("checkout.session.completed")),
			script: func(s *stage) {
				says(paidMeanwhile, models.Recording{Outcome: models.EventTooLate, PaymentID: "pay_1", Unplaced: true})(s)
				s.answer("CreateOrder", created)
				finishes(s)
			},
			did: append(slices.Clone(viewedAndRecorded), "local activity CreateOrder", "set OrderID", "local activity ClearCart",
				"activity SendNotifications"),
			want: orderMade,
		},
		{
			name:   "a status that Stripe may yet invent changes nothing",
			file:   "processing_then_something",
			event:  processing,
			script: says(activities.PaymentView{Found: true, Status: "requires_confirmation"}, tooLate),
			did:    viewedAndRecorded, want: noChange,
		},
	}
}
