package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
)

// errTooLate is about something that Stripe was to make before a time that is over.
var errTooLate = errors.New("too late to be made at Stripe")

// maxRest is the longest pause before Stripe is asked again.
const maxRest = time.Minute

// atStripe has Stripe make something, and insists until it is made, refused for
// good (an error of type activities.Refused), its customer gone
// (activities.CustomerGone) or needed no more (errTooLate); a zero until is never
// over. in is the activity's input under the n-th idempotency key. An attempt whose
// fate is unknown is repeated under the same key; a failure that Stripe keeps under
// one is followed by the next.
func atStripe[Out any](ctx workflow.Context, d *desk, step string, activity any, until time.Time, in func(n int) any) (Out, error) {
	var out Out
	for n, failed := 1, time.Duration(0); until.IsZero() || workflow.Now(ctx).Before(until); {
		d.begin(ctx, step)
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, making(ctx, step)), activity, in(n)).Get(ctx, &out)
		switch {
		case err == nil, asErrorOf(err, activities.Refused), asErrorOf(err, activities.CustomerGone):
			return out, err
		case ctx.Err() != nil:
			return out, ctx.Err()
		case asErrorOf(err, activities.KeptFailure):
			n++
		}
		workflow.GetLogger(ctx).Warn("not made at stripe yet", "step", step, "error", err)
		failed++
		d.waitFor(ctx, "Stripe")
		if err := sleep(ctx, min(failed*time.Second, maxRest), "Before Stripe is asked again"); err != nil {
			return out, err
		}
		d.WaitingFor = ""
	}
	return out, errTooLate
}

// numbered is the n-th idempotency key for making something. What is made after a
// customer at Stripe was lost is another thing than what was made before, and Stripe
// may keep under the old key that it was not; after is "" when nobody was lost.
func numbered(what, after string, n int) string {
	if after != "" {
		what += ":after-" + after
	}
	return fmt.Sprintf("%s:%d", what, n)
}
