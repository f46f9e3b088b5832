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
	s, err := f.place(ctx)
	if err != nil {
		return Result{}, err
	}
	if s, err = f.settle(ctx, s, f.place); err != nil {
		return Result{}, err
	}
	workflow.GetLogger(ctx).Info("payment handled",
		append(eventFields(f.event), "outcome", s.Outcome, "order_id", s.OrderID)...)
	return result(s), nil
}

// place creates the order, or takes back what was done towards one that cannot
// be made. Where the payment stands then, the rows say.
func (f *fulfillment) place(ctx workflow.Context) (models.Standing, error) {
	takeBack := f.undoes()
	var undone error
	for tried := false; ; tried = true {
		made, err := onRows[models.Fulfillment](ctx, &f.desk, "Create the order", rowsAndMails.CreateOrder, f.event)
		if err != nil {
			return models.Standing{}, err
		}
		f.made = made
		f.PaymentID, f.OrderID = made.PaymentID, made.OrderID
		switch {
		case !made.Compensate,
			tried && undone != nil,          // what failed is a person's now
			tried && len(made.Refunds) == 0: // a mail, which another workflow is at
			return f.standing(undone), nil
		case tried: // and the rows know nothing of it
			if err := f.breakDown(ctx, errStillOwed); err != nil {
				return models.Standing{}, err
			}
		}
		if undone, err = f.takeBack(ctx, takeBack); err != nil {
			return models.Standing{}, err
		}
	}
}

// errStillOwed is about rows that ask for what has just been done.
var errStillOwed = errors.New("what was to be taken back was, and is asked for again")

// takeBack runs the undo stack. undone says what of it failed; err, that the
// workflow was canceled.
func (f *fulfillment) takeBack(ctx workflow.Context, stack *undo) (undone, err error) {
	f.soft = true
	undone = stack.run(ctx)
	f.soft = false
	if undone != nil {
		workflow.GetLogger(ctx).Error("compensation did not finish", append(eventFields(f.event), "error", undone)...)
		f.Detail = models.Clean(undone.Error(), maxDetail)
	}
	return undone, ctx.Err()
}

// standing is where the payment stands by what CreateOrder came to. What of a
// compensation has just failed is not tried again at once: a person is told.
func (f *fulfillment) standing(undone error) models.Standing {
	s := models.Standing{
		Outcome: f.made.Outcome, PaymentID: f.made.PaymentID, OrderID: f.made.OrderID,
		BlockedReason: f.made.BlockedReason, BlockedDetail: f.made.BlockedDetail, OwnerID: f.made.OwnerID,
		Due: models.Due{
			PaymentID: f.made.PaymentID, OrderID: f.made.OrderID, Refunds: f.made.Refunds,
			ClearCart: f.made.Unfinished && f.made.OrderID != "", Notify: f.made.Unfinished, NoEmail: f.made.NoEmail,
			ChargeID: f.made.ChargeID, WakeID: f.made.WakeID,
		},
	}
	if undone != nil && s.BlockedReason != "" {
		s.BlockedDetail += "\n\n" + undone.Error()
		s.Due.Refunds = nil
	}
	return s
}

// result is what a workflow came to, by where its payment stands at the end.
func result(s models.Standing) Result {
	r := Result{Outcome: s.Outcome, PaymentID: s.PaymentID, OrderID: s.OrderID}
	if s.BlockedReason != "" {
		r.AskedOf = s.OwnerID
	}
	return r
}
