package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// tellSupport tells support at once of a reason that it has not been told of,
// unless somebody is at it already.
func (d *desk) tellSupport(ctx workflow.Context, reason string) error {
	if d.told == reason || d.asked(ctx) {
		return nil
	}
	d.told = reason
	d.blocks++
	return d.remind(ctx, models.Reminder{Kind: models.TellBlocked, Occasion: d.occasion(ctx, "blocked", d.blocks)})
}

// remindDaily tells support that a person is still waited for.
func (d *desk) remindDaily(ctx workflow.Context) error {
	d.days++
	r := models.Reminder{Kind: models.TellBlocked, Occasion: d.occasion(ctx, "day", d.days)}
	if d.BlockedReason == blockedInternal {
		r.Detail = d.Detail // the rows know nothing of it
	}
	return d.remind(ctx, r)
}

func (d *desk) occasion(ctx workflow.Context, what string, n int) string {
	return fmt.Sprintf("%s:%s-%d", workflow.GetInfo(ctx).WorkflowExecution.ID, what, n)
}

// remind tells support, once for an occasion of this name. It is a help and no
// duty: what keeps it from being told is logged, and a request that comes is
// attended to before a mail server that does not answer. Such a reminder stays
// pending and goes out with the next.
func (d *desk) remind(ctx workflow.Context, r models.Reminder) error {
	defer func(step string) { d.Step = step }(d.Step)
	r.PaymentID, r.Workflow = d.PaymentID, workflow.GetInfo(ctx).WorkflowExecution.ID
	_, err := rows[any](ctx, d, "Write a reminder for support", rowsAndMails.Remind, r)
	if err == nil {
		err = d.sendReminder(ctx)
	}
	if err != nil && ctx.Err() == nil {
		workflow.GetLogger(ctx).Error("support was not reminded", "occasion", r.Occasion, "error", err)
	}
	return ctx.Err()
}

func (d *desk) sendReminder(ctx workflow.Context) error {
	d.begin(ctx, "Remind support")
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	in := activities.NotifyInput{PaymentID: d.PaymentID, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID}
	sent := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, mails(d.Step)), rowsAndMails.SendNotifications, in)
	if err := workflow.Await(ctx, func() bool { return sent.IsReady() || len(d.queue) > 0 }); err != nil || !sent.IsReady() {
		return err
	}
	return sent.Get(ctx, nil)
}
