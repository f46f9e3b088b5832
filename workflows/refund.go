package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// RecordRefund keeps what was refunded of a payment, by whomever, as Stripe has
// it now: an event may be old, and tells of one refund only.
func RecordRefund(ctx workflow.Context, e models.Event) (Result, error) {
	var d desk
	if err := d.open(ctx); err != nil {
		return Result{}, err
	}
	view, err := d.viewRefundsOf(ctx, &e)
	if err != nil {
		return Result{}, err
	}
	s, err := d.recordRefunds(ctx, e, view)
	if err != nil {
		return Result{}, err
	}
	return d.end(ctx, s, eventFields(e))
}

// viewRefundsOf asks Stripe for all refunds of the payment that an event is
// about, and names the payment in the event where only Stripe can.
func (d *desk) viewRefundsOf(ctx workflow.Context, e *models.Event) (activities.RefundsView, error) {
	in := activities.RefundsInput{PaymentIntentID: e.PaymentIntentID, ChargeID: e.ChargeID}
	if e.Refund != nil {
		in.RefundID = e.Refund.ID
	}
	view, err := d.viewRefunds(ctx, in)
	identify(e, view.PaymentIntentID, view.ChargeID)
	return view, err
}

// recordRefunds writes down what was refunded of a payment, by the event alone
// where Stripe was not asked.
func (d *desk) recordRefunds(ctx workflow.Context, e models.Event, view activities.RefundsView) (models.Standing, error) {
	return onRows[models.Standing](ctx, d, "Record the refunds", rowsAndMails.RecordRefunds,
		activities.RecordRefundsInput{Event: e, Refunds: view.Refunds})
}

func (d *desk) viewRefunds(ctx workflow.Context, in activities.RefundsInput) (activities.RefundsView, error) {
	return ask[activities.RefundsView](ctx, d, "Ask Stripe what was refunded", stripeCalls.ViewRefunds, in)
}

// maxKeys is how many failures Stripe may keep for one refund before a person
// has to look: an hour's worth, with the pauses between them.
const maxKeys = 10

// maxPause is the longest pause before another key.
const maxPause = 15 * time.Minute

// refund has Stripe make one refund, and writes down what it said. It returns
// what is due then.
func (d *desk) refund(ctx workflow.Context, due models.RefundDue) (models.Due, error) {
	answer, err := d.makeRefund(ctx, due)
	if err != nil {
		return models.Due{}, err
	}
	settled, err := onRows[models.Standing](ctx, d, "Settle the refund", rowsAndMails.SettleRefund, answer)
	if err != nil {
		return settled.Due, err
	}
	d.wake(ctx, settled.Due.WakeID)
	if answer.Refused == "" {
		return settled.Due, nil
	}
	// Refused, most likely because somebody else has refunded it.
	workflow.GetLogger(ctx).Warn("refund was refused", "refund_id", due.RefundID, "code", answer.Refused)
	view, err := d.viewRefunds(ctx, activities.RefundsInput{PaymentIntentID: due.PaymentIntentID, ChargeID: due.ChargeID})
	if err != nil || !view.Found {
		return settled.Due, err
	}
	// An event without type: nobody was told, it was seen.
	seen := models.Event{
		ID: workflow.GetInfo(ctx).WorkflowExecution.ID, PaymentIntentID: due.PaymentIntentID, ChargeID: due.ChargeID,
	}
	identify(&seen, view.PaymentIntentID, view.ChargeID)
	recorded, err := d.recordRefunds(ctx, seen, view)
	d.wake(ctx, recorded.Due.WakeID)
	return recorded.Due, err
}

// makeRefund asks Stripe for a refund until it answers. Each attempt whose fate
// is unknown is repeated under the same idempotency key. A failure that Stripe
// keeps under a key would be its answer for a day, so the next attempt gets the
// next key; MakeRefund has looked by then whether the failed one made the refund.
func (d *desk) makeRefund(ctx workflow.Context, due models.RefundDue) (models.RefundAnswer, error) {
	for {
		n := d.keys[due.RefundID] + 1
		d.begin(ctx, "Refund the payment")
		var answer models.RefundAnswer
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, refunds(ctx, d.Step)), stripeCalls.MakeRefund,
			activities.RefundInput{
				RefundID: due.RefundID, PaymentIntentID: due.PaymentIntentID, ChargeID: due.ChargeID, Amount: due.Amount,
				IdempotencyKey: fmt.Sprintf("%s:%d", due.Key, n),
			}).Get(ctx, &answer)
		switch {
		case err == nil:
			return answer, d.mended(ctx)
		case ctx.Err() != nil:
			return answer, ctx.Err()
		case asErrorOf(err, activities.KeptFailure):
			d.keys[due.RefundID] = n
			if n%maxKeys != 0 {
				if err := sleep(ctx, min(time.Duration(n)*time.Minute, maxPause), "Before the next attempt to refund"); err != nil {
					return answer, err
				}
				continue
			}
		}
		if err := d.breakDown(ctx, err); err != nil {
			return answer, err
		}
	}
}

// identify names an event's payment by what Stripe says, where the event does
// not.
func identify(e *models.Event, paymentIntentID, chargeID string) {
	if e.PaymentIntentID == "" {
		e.PaymentIntentID = paymentIntentID
	}
	if e.ChargeID == "" {
		e.ChargeID = chargeID
	}
}
