package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// RecordPaymentFailure keeps why a payment failed and tells the customer. The
// cart stays as it is, and a success is never undone.
func RecordPaymentFailure(ctx workflow.Context, e models.Event) (Result, error) {
	return record(ctx, e, models.PaymentFailed)
}

// CancelPayment notes that a payment was canceled, or its session expired. The
// cart stays as it is.
func CancelPayment(ctx workflow.Context, e models.Event) (Result, error) {
	return record(ctx, e, models.PaymentCanceled)
}

// RecordPayment notes that a payment is being processed.
func RecordPayment(ctx workflow.Context, e models.Event) (Result, error) {
	return record(ctx, e, models.PaymentProcessing)
}

// record notes what an event tells, corrected by what Stripe says now.
func record(ctx workflow.Context, e models.Event, told models.PaymentState) (Result, error) {
	run := fulfillment{event: e}
	d := &run.desk
	if err := d.open(ctx); err != nil {
		return Result{}, err
	}
	state := told
	// A session that expired says nothing of its intent, which may linger a while.
	if e.PaymentIntentID != "" && e.Type != "checkout.session.expired" {
		in := activities.PaymentIntentInput{PaymentIntentID: e.PaymentIntentID}
		view, err := ask[activities.PaymentView](ctx, d, "Ask Stripe how the payment is now", stripeCalls.ViewPaymentIntent, in)
		if err != nil {
			return Result{}, err
		}
		e, state = present(e, told, view)
	}
	in := activities.RecordInput{Event: e, State: state}
	recorded, err := onRows[models.Recording](ctx, d, "Record the payment's state", rowsAndMails.RecordPaymentState, in)
	if err != nil {
		return Result{}, err
	}
	d.PaymentID = recorded.PaymentID
	workflow.GetLogger(ctx).Info("payment state recorded",
		append(eventFields(e), "state", state, "outcome", recorded.Outcome, "reason", e.FailureCode+e.CancellationReason)...)
	if recorded.Tell {
		if err := d.tell(ctx, recorded.PaymentID, recorded.ChargeID, recorded.NoEmail); err != nil {
			return Result{}, err
		}
	}
	if recorded.Unplaced {
		// What was collected is known from the success; this event's amounts are
		// of another time.
		run.event.Amount, run.event.AmountReceived = nil, nil
		return run.run(ctx)
	}
	return d.end(ctx, models.Standing{Outcome: recorded.Outcome, PaymentID: recorded.PaymentID}, eventFields(e))
}

// present corrects what an event told by how the payment is now. An event that
// the payment has left behind changes nothing: the one that tells of the
// present is on its way, or was here.
func present(e models.Event, told models.PaymentState, view activities.PaymentView) (models.Event, models.PaymentState) {
	if !view.Found {
		return e, told
	}
	now := map[string]models.PaymentState{
		"requires_payment_method": models.PaymentFailed,
		"processing":              models.PaymentProcessing,
		"canceled":                models.PaymentCanceled,
	}[view.Status]
	switch {
	case now == models.PaymentCanceled:
		e.CancellationReason = view.CancellationReason
	case now != told:
		return e, ""
	case told == models.PaymentFailed:
		keepFailure(&e, view)
	}
	return e, now
}

// keepFailure tells the failure as Stripe has it now, with its charge: a sibling
// event that names no charge is about the same failure, of which the customer is
// told once. Stripe forgets the error when the intent is updated for whatever
// reason; then the event's own has to do.
// https://docs.stripe.com/api/payment_intents/object#payment_intent_object-last_payment_error
func keepFailure(e *models.Event, view activities.PaymentView) {
	if view.ChargeID != "" {
		e.ChargeID = view.ChargeID
	}
	if view.FailureCode+view.FailureMessage != "" {
		e.FailureCode, e.FailureMessage = view.FailureCode, view.FailureMessage
	}
}
