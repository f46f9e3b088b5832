package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// onRows runs a step that is one short transaction. What no retry can mend
// waits for a person, then the step is done again. So an error means that the
// workflow was canceled, or that the step was to be done softly.
func onRows[Out any](ctx workflow.Context, d *desk, step string, activity, in any) (Out, error) {
	for {
		out, err := rows[Out](ctx, d, step, activity, in)
		if err == nil {
			return out, d.mended(ctx)
		}
		if temporal.IsCanceledError(err) {
			return out, err
		}
		if err := d.breakDown(ctx, err); err != nil {
			return out, err
		}
	}
}

// rows runs a step that is one short transaction once: as a local activity, and
// when that fails for a passing reason as a regular one, for as long as it takes.
func rows[Out any](ctx workflow.Context, d *desk, step string, activity, in any) (Out, error) {
	d.begin(ctx, step)
	var out Out
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, localRows(step)), activity, in).Get(ctx, &out)
	if err != nil && passing(err) {
		err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, durableRows(step)), activity, in).Get(ctx, &out)
	}
	return out, err
}

// passing says whether a later attempt may do better.
func passing(err error) bool {
	var failure *temporal.ApplicationError
	if asError(err, &failure) {
		return !failure.NonRetryable()
	}
	return !temporal.IsCanceledError(err) // a timeout
}

// asError is errors.As, named here so that the story reads on.
func asError[T any](err error, target *T) bool { return errors.As(err, target) }

// asErrorOf says whether an activity failed with an error of a type.
func asErrorOf(err error, errorType string) bool {
	var failure *temporal.ApplicationError
	return asError(err, &failure) && failure.Type() == errorType
}
