package workflows

import "go.temporal.io/sdk/workflow"

// ask asks Stripe how something is now. Where Stripe cannot be asked in time,
// the event's own word has to do: the zero answer.
func ask[Out any](ctx workflow.Context, d *desk, step string, activity, in any) (Out, error) {
	d.begin(ctx, step)
	var view, none Out
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, askStripe(ctx, step)), activity, in).Get(ctx, &view)
	if err != nil {
		workflow.GetLogger(ctx).Warn("stripe was not asked, going by the event", "error", err)
		return none, ctx.Err()
	}
	return view, nil
}
