package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
)

// undo is a stack of what takes back. Each step is put on it before the step it
// takes back is done, so that there is no moment in which something is done and
// cannot be taken back.
type undo struct {
	steps []undoStep
}

type undoStep struct {
	name string
	do   func(workflow.Context) error
}

func (u *undo) add(name string, do func(workflow.Context) error) {
	u.steps = append(u.steps, undoStep{name, do})
}

// run takes back, the last step first, even when the workflow is canceled
// meanwhile. A step that fails keeps none of the others from being done; all
// that failed is returned.
func (u *undo) run(ctx workflow.Context) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var failed []error
	for _, step := range slices.Backward(u.steps) {
		if err := step.do(ctx); err != nil {
			workflow.GetLogger(ctx).Error("undo step failed", "step", step.name, "error", err)
			failed = append(failed, errors.New(step.name+": "+inWords(err))) // for people
		}
	}
	return errors.Join(failed...)
}

// undoes is what takes back an order: stock and cart first, so that others can
// buy, then the money, and when it is known what came of that, customer and
// store are told. Every step is safe to do twice, and where nothing was done.
func (f *fulfillment) undoes() *undo {
	u := &undo{}
	u.add("Tell customer and store", func(ctx workflow.Context) error {
		return f.tell(ctx, f.made.PaymentID, f.made.ChargeID, f.made.NoEmail)
	})
	u.add("Refund the payment", func(ctx workflow.Context) error {
		var failed []error
		for _, due := range f.made.Refunds {
			_, err := f.refund(ctx, due) // what is due then is to tell, the next step
			failed = append(failed, err)
		}
		return errors.Join(failed...)
	})
	u.add("Give back stock and cart", func(ctx workflow.Context) error {
		_, err := onRows[any](ctx, &f.desk, "Give back stock and cart", rowsAndMails.GiveBack,
			activities.PaymentInput{PaymentID: f.made.PaymentID})
		return err
	})
	return u
}
