package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// UpdatePrepare is the update of a Checkout and of an OpenPage workflow: it answers
// as soon as Stripe has made what the workflow is for, with models.Prepared or a
// Page, or fails with a type that is the outcome. Sent under its own name as the
// ID, it is one update however often it is asked for.
const UpdatePrepare = "prepare"

// answers are for whoever waits by UpdatePrepare.
type answers[Out any] struct {
	outcome models.Outcome // "" until it is known
	made    bool           // there is what was asked for
	out     Out            // zero unless it was made
}

// offer takes UpdatePrepare from now on. about is its description.
func (a *answers[Out]) offer(ctx workflow.Context, about string) error {
	options := workflow.UpdateHandlerOptions{Description: about}
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdatePrepare, a.wait, options)
}

// wait is the handler of UpdatePrepare.
func (a *answers[Out]) wait(ctx workflow.Context) (Out, error) {
	if err := workflow.Await(ctx, func() bool { return a.outcome != "" }); err != nil {
		return a.out, err
	}
	if !a.made {
		return a.out, temporal.NewNonRetryableApplicationError("it was not made", string(a.outcome), nil)
	}
	return a.out, nil
}

// give answers with what was made.
func (a *answers[Out]) give(outcome models.Outcome, out Out) {
	a.outcome, a.made, a.out = outcome, true, out
}

// refuse answers that nothing was made.
func (a *answers[Out]) refuse(outcome models.Outcome) { a.outcome = outcome }

// finish lets whoever still asks be answered before the workflow ends.
func (a *answers[Out]) finish(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// unmade is what it comes to that Stripe was to make something and there was an
// error, "" when that means nothing but that the workflow was canceled.
func unmade(err error, refused, expired models.Outcome) models.Outcome {
	switch {
	case asErrorOf(err, activities.Refused), asErrorOf(err, activities.CustomerGone):
		return refused
	case errors.Is(err, errTooLate):
		return expired
	default:
		return ""
	}
}
