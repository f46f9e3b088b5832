package workflows

import (
	"cmp"
	"errors"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// carryOut does in the world what the rows say is due for a payment. Whatever
// of it has been done meanwhile, by whomever, is not done again. An error means
// that the workflow was canceled, or that it was to be done softly: then every
// step was tried, and the errors are joined.
func (d *desk) carryOut(ctx workflow.Context, due models.Due) error {
	var failed []error
	d.wake(ctx, due.WakeID)
	if due.ClearCart {
		_, err := onRows[any](ctx, d, "Clear the cart", rowsAndMails.ClearCart, activities.OrderInput{OrderID: due.OrderID})
		failed = append(failed, err)
	}
	for _, one := range due.Refunds {
		settled, err := d.refund(ctx, one)
		failed = append(failed, err)
		due.Notify = due.Notify || settled.Notify
		due.NoEmail = due.NoEmail || settled.NoEmail
		due.ChargeID = cmp.Or(due.ChargeID, settled.ChargeID)
	}
	if due.Notify {
		failed = append(failed, d.tell(ctx, due.PaymentID, due.ChargeID, due.NoEmail))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(failed...)
}

// wake lets the workflow that waited about a payment look again. That it ended
// meanwhile is no fault.
func (d *desk) wake(ctx workflow.Context, workflowID string) {
	if workflowID == "" || workflowID == workflow.GetInfo(ctx).WorkflowExecution.ID { // Temporal refuses a signal to oneself
		return
	}
	request := Request{Actor: twigz, Reason: "settled by " + workflow.GetInfo(ctx).WorkflowExecution.ID}
	err := workflow.SignalExternalWorkflow(ctx, workflowID, "", SignalRetry, request).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("waiting sibling was not reached", "workflow_id", workflowID, "error", err)
	}
}

// tell sends a payment's pending notifications, and finds the customer's address
// first where nobody knows it.
func (d *desk) tell(ctx workflow.Context, paymentID, chargeID string, noEmail bool) error {
	if noEmail {
		if err := d.findEmail(ctx, paymentID, chargeID); err != nil {
			return err
		}
	}
	return d.notify(ctx, "Notify customer and store", paymentID)
}

// findEmail asks Stripe for the customer's address when nobody else knew it.
// Without an answer the customer's notification will fail, and say so.
func (d *desk) findEmail(ctx workflow.Context, paymentID, chargeID string) error {
	if chargeID == "" {
		return nil
	}
	d.begin(ctx, "Ask Stripe for the customer's address")
	asking := workflow.WithActivityOptions(ctx, findAddress(ctx, d.Step))
	var found activities.BillingEmail
	err := workflow.ExecuteActivity(asking, stripeCalls.FindBillingEmail, activities.ChargeInput{ChargeID: chargeID}).Get(ctx, &found)
	if err != nil {
		workflow.GetLogger(ctx).Warn("no address from stripe", "error", err)
		return ctx.Err()
	}
	if found.Email == "" {
		return nil
	}
	_, err = onRows[any](ctx, d, "Keep the customer's address", rowsAndMails.KeepReceiptEmail,
		activities.KeepEmailInput{PaymentID: paymentID, Email: found.Email})
	return err
}

// notify sends the payment's pending notifications and those that the rows have
// left to this workflow, and gives up on them when no mail server took them for
// days. paymentID is "" where it is about no payment.
func (d *desk) notify(ctx workflow.Context, step, paymentID string) error {
	in := activities.NotifyInput{PaymentID: paymentID, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID}
	for {
		d.begin(ctx, step)
		sending := workflow.WithActivityOptions(ctx, mails(d.Step))
		err := workflow.ExecuteActivity(sending, rowsAndMails.SendNotifications, in).Get(ctx, nil)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			return d.mended(ctx)
		case passing(err): // and did not pass for days
			workflow.GetLogger(ctx).Error("notifications given up", "error", err)
			_, err = onRows[any](ctx, d, "Give up the notifications", rowsAndMails.FailNotifications, in)
			return err
		}
		if err := d.breakDown(ctx, err); err != nil {
			return err
		}
	}
}
