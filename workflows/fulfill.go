package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// Nil pointers for method references: the worker has the real ones.
var (
	rowsAndMails *activities.Activities
	stripeCalls  *activities.Stripe
)

// Result is what an event's workflow came to.
type Result struct {
	Outcome   models.Outcome `json:"outcome"`
	PaymentID string         `json:"paymentId,omitempty"`
	OrderID   string         `json:"orderId,omitempty"` // "" when there is no order
	AskedOf   string         `json:"askedOf,omitempty"` // the workflow that waits for a person, when blocked
}

// FulfillOrder turns a collected payment into an order: creates it, clears the
// cart of what was bought, tells customer and store. A payment that does not
// fit waits for a person; one that is not ours, or that a sibling has already
// fulfilled, ends here.
func FulfillOrder(ctx workflow.Context, e models.Event) (Result, error) {
	run := fulfillment{event: e}
	if err := run.open(ctx); err != nil {
		return Result{}, err
	}
	return run.run(ctx)
}

type fulfillment struct {
	desk
	event models.Event
	made  models.Fulfillment
}

func (f *fulfillment) run(ctx workflow.Context) (Result, error) {
	if err := f.createOrder(ctx); err != nil {
		return Result{}, err
	}
	if err := f.nameOrder(ctx); err != nil {
		return Result{}, err
	}
	f.wakeSibling(ctx)
	if f.made.Unfinished {
		if err := f.finish(ctx); err != nil {
			return Result{}, err
		}
	}
	workflow.GetLogger(ctx).Info("payment handled",
		append(eventFields(f.event), "outcome", f.made.Outcome, "order_id", f.made.OrderID)...)
	result := Result{Outcome: f.made.Outcome, PaymentID: f.made.PaymentID, OrderID: f.made.OrderID}
	if f.made.Outcome == models.PaymentBlocked {
		result.AskedOf = f.made.OwnerID
	}
	return result, nil
}

// createOrder looks at the payment until it has an outcome that is not this
// workflow's to wait for.
func (f *fulfillment) createOrder(ctx workflow.Context) error {
	for {
		made, err := onRows[models.Fulfillment](ctx, &f.desk, "Create the order", rowsAndMails.CreateOrder, f.event)
		if err != nil {
			return err
		}
		f.made = made
		f.PaymentID, f.OrderID = made.PaymentID, made.OrderID
		if made.Outcome != models.PaymentBlocked || made.OwnerID != workflow.GetInfo(ctx).WorkflowExecution.ID {
			return f.clear(ctx)
		}
		if err := f.waitForRetry(ctx, string(made.BlockedReason), made.BlockedDetail); err != nil {
			return err
		}
	}
}

// nameOrder makes the workflow findable by its order where the event alone did
// not say that there would be one: it carried no metadata, a sibling did.
func (f *fulfillment) nameOrder(ctx workflow.Context) error {
	known, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttrOrderID)
	if f.OrderID == "" || f.OrderID == known {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, AttrOrderID.ValueSet(f.OrderID))
}

// wakeSibling lets the workflow that waited about this payment look again. That
// it ended meanwhile is no fault.
func (f *fulfillment) wakeSibling(ctx workflow.Context) {
	if f.made.WakeID == "" {
		return
	}
	request := Request{Actor: "twigz", Reason: "fulfilled by " + f.event.ID}
	err := workflow.SignalExternalWorkflow(ctx, f.made.WakeID, "", SignalRetry, request).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("waiting sibling was not reached", "workflow_id", f.made.WakeID, "error", err)
	}
}

func (f *fulfillment) finish(ctx workflow.Context) error {
	order := activities.OrderInput{OrderID: f.made.OrderID}
	if _, err := onRows[any](ctx, &f.desk, "Clear the cart", rowsAndMails.ClearCart, order); err != nil {
		return err
	}
	if f.made.NoEmail {
		if err := findEmail(ctx, &f.desk, f.made.PaymentID, f.made.ChargeID); err != nil {
			return err
		}
	}
	return notify(ctx, &f.desk, f.made.PaymentID)
}

// findEmail asks Stripe for the customer's address when nobody else knew it.
// Without an answer the customer's notification will fail, and say so.
func findEmail(ctx workflow.Context, d *desk, paymentID, chargeID string) error {
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

// notify sends the payment's pending notifications, and gives up on them when
// no mail server took them for days.
func notify(ctx workflow.Context, d *desk, paymentID string) error {
	in := activities.NotifyInput{PaymentID: paymentID, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID}
	for {
		d.begin(ctx, "Notify customer and store")
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

// asError is errors.As, named here so that the story reads on.
func asError[T error](err error, target *T) bool { return errors.As(err, target) }
