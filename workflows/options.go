package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// localRows is for one short transaction inside the workflow task. Three
// seconds are a hundred times what it takes and well below the ten of a
// workflow task; one more try a moment later passes a deadlock or a dropped
// connection.
func localRows(summary string) workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		StartToCloseTimeout:    2 * time.Second,
		ScheduleToCloseTimeout: 3 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumAttempts: 2},
		Summary:                summary,
	}
}

// durableRows is for the same transaction when the database does not answer:
// it is tried until the database is back, however long that takes, because the
// money has been taken. At most a minute passes between its return and ours.
func durableRows(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:             summary,
	}
}

// mails is for sending: two recipients with thirty seconds each, and slack. It
// beats between mails that take long, so that those that a dead worker left are
// sent after forty seconds and not after two minutes. A mail server may be down over a long
// weekend; after three days a receipt has lost its use, and the notification is
// marked failed.
func mails(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		HeartbeatTimeout:       40 * time.Second,
		ScheduleToCloseTimeout: 72 * time.Hour,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Minute},
		Summary:                summary,
	}
}

// askStripe is for a question whose answer makes a step better but that the
// step can do without. The customer waits for the mail that follows, so after
// fifteen seconds the event's own word has to do.
func askStripe(ctx workflow.Context, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              StripeQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 15 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second},
		Summary:                summary,
	}
}

// findAddress is for the same kind of question when no mail can go out without
// the answer: ten minutes outlast a restart of anything in between.
func findAddress(ctx workflow.Context, summary string) workflow.ActivityOptions {
	options := askStripe(ctx, summary)
	options.ScheduleToCloseTimeout = 10 * time.Minute
	return options
}

// making is for what a customer waits for at their screen: the pauses are short and
// do not grow beyond what is bearable there. A call takes up to eight seconds, a
// customer's up to two. After five minutes the story looks whether it is still
// wanted, and asks again.
func making(ctx workflow.Context, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              StripeQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:    20 * time.Second,
		ScheduleToCloseTimeout: 5 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 15 * time.Second},
		Summary:                summary,
	}
}

// refunds is for giving money back. Half a day outlasts every outage of Stripe's
// that is known; then a person is told. A look and a call take up to eight
// seconds each. The pauses grow to a quarter of an hour, because by then nobody
// waits at a screen.
func refunds(ctx workflow.Context, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              StripeQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:    20 * time.Second,
		ScheduleToCloseTimeout: 12 * time.Hour,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 15 * time.Minute},
		Summary:                summary,
	}
}

// looking is for a look at a customer of Stripe's: five calls or so of two seconds
// at most, and one transaction. Those that wait for their turn ask for it again,
// so after ten minutes the story does too: meanwhile somebody else may have looked.
func looking(ctx workflow.Context, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              SyncQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Summary:                summary,
	}
}

// delivery is for a message to another service, which is to have it however long
// that is away. An hour at most passes between its return and the message's
// delivery, unless somebody sends "retry".
func delivery(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 5 * time.Second, MaximumInterval: time.Hour},
		Summary:             summary,
	}
}
