package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
)

// reconciler names the activities that compare us with Stripe; its methods are
// only referred to.
var reconciler *activities.Reconciler

// Reconciliation is what came of looking for what is missing.
type Reconciliation struct {
	Events      activities.ReconcileResult `json:"events"`
	EventsError string                     `json:"eventsError,omitempty"` // why not all of Stripe's events were looked at, "" when they were
	Watch       activities.WatchResult     `json:"watch"`
	WatchError  string                     `json:"watchError,omitempty"` // why not all payments were looked at, "" when they were
}

// Reconcile looks for events that never came and for payments that nothing came
// of. A schedule starts it every few minutes, so it does not insist: what could
// not be looked at is said in its result and in the log, and looked at next time.
// The two parts do not wait for each other's success: while Stripe is down, what
// is here can still be watched.
func Reconcile(ctx workflow.Context) (Reconciliation, error) {
	var r Reconciliation
	workflow.SetCurrentDetails(ctx, "Looking for events that Stripe has and we do not")
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, listing(ctx)), reconciler.ReconcileEvents).Get(ctx, &r.Events)
	if r.EventsError = problem(err); err != nil {
		workflow.GetLogger(ctx).Error("events were not reconciled", "error", err)
	}
	workflow.SetCurrentDetails(ctx, "Looking for payments that nothing came of")
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, watching(ctx)), reconciler.Watch).Get(ctx, &r.Watch)
	if r.WatchError = problem(err); err != nil {
		workflow.GetLogger(ctx).Error("payments were not watched", "error", err)
	}
	workflow.SetCurrentDetails(ctx, "")
	return r, ctx.Err() // only when somebody canceled it
}

// problem is an error without what Temporal puts around it.
func problem(err error) string {
	var failure *temporal.ApplicationError
	switch {
	case err == nil:
		return ""
	case asError(err, &failure):
		return failure.Message()
	default:
		return err.Error()
	}
}

// listing is for a look at Stripe's events. Usually it takes a second; after a
// month without one, hundreds of thousands of events are listed and started in
// two hours at most. A worker that died shows within a minute, by its heartbeats.
// Three attempts pass a restart or a limit of Stripe's; the rest is the next
// run's, minutes later.
func listing(ctx workflow.Context) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           StripeQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout: 2 * time.Hour,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 5 * time.Second, MaximumInterval: time.Minute, MaximumAttempts: 3},
		Summary:             "Start the workflows of events that Stripe has and we do not",
	}
}

// watching is for a look at our own rows and at Temporal: a moment, or minutes
// when thousands of payments are blocked and each one's workflow is asked for.
func watching(ctx workflow.Context) workflow.ActivityOptions {
	options := listing(ctx)
	options.StartToCloseTimeout = 30 * time.Minute
	options.Summary = "Open a case for each payment that nothing came of"
	return options
}
