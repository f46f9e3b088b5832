package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/models"
)

// Names that people and programs reach a workflow by.
const (
	QueryState  = "state"
	SignalRetry = "retry"
)

// blockedInternal is the BlockedReason of a step that no retry can mend.
const blockedInternal = "internal_error"

// maxDetail is in characters: four bytes each at most, and Temporal takes 20 KB.
const maxDetail = 4000

// Request is what a signal carries: who asks, and why.
type Request struct {
	Actor     string `json:"actor"`
	Reason    string `json:"reason"`
	RequestID string `json:"requestId,omitempty"`
}

// State is the answer to the query "state".
type State struct {
	Step          string `json:"step"`                    // what is being done, in words
	WaitingFor    string `json:"waitingFor,omitempty"`    // whom, "" when nobody is waited for
	BlockedReason string `json:"blockedReason,omitempty"` // a fixed word
	Detail        string `json:"detail,omitempty"`        // why, in words
	PaymentID     string `json:"paymentId,omitempty"`
	OrderID       string `json:"orderId,omitempty"`
}

// desk is where people reach a workflow: it answers the query "state", and
// collects the signals that the story waits for.
type desk struct {
	State
	retries int // signals "retry" that no wait has used up yet
}

// open sets the desk up. It must come before anything is awaited, or the Web
// UI's dialogs would not list the signal and the query.
func (d *desk) open(ctx workflow.Context) error {
	signals := workflow.GetSignalChannelWithOptions(ctx, SignalRetry, workflow.SignalChannelOptions{
		Description: "Look again: the store is open, the stock is there, or the cart is filled. " +
			`Input: {"actor":"your name","reason":"what you did"}`,
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var input converter.RawValue
			if more := signals.Receive(ctx, &input); !more {
				return
			}
			// Who signals means it, whatever they typed. What cannot be read
			// leaves them unnamed; received as a Request, it would be dropped.
			var request Request
			_ = converter.GetDefaultDataConverter().FromPayload(input.Payload(), &request)
			workflow.GetLogger(ctx).Info("retry requested", "actor", request.Actor)
			d.retries++
		}
	})
	return workflow.SetQueryHandlerWithOptions(ctx, QueryState, func() (State, error) { return d.State, nil },
		workflow.QueryHandlerOptions{Description: "What this workflow is doing, and whom it waits for"})
}

// begin says which step is next.
func (d *desk) begin(ctx workflow.Context, step string) {
	d.Step = step
	workflow.SetCurrentDetails(ctx, step)
}

// waitForRetry leaves the workflow to a person until they send "retry". The
// reason is shown in the search attribute BlockedReason meanwhile, and stays
// there until clear: looking again may find the same.
func (d *desk) waitForRetry(ctx workflow.Context, reason, detail string) error {
	detail = models.Clean(detail, maxDetail)
	if d.BlockedReason != reason {
		if err := workflow.UpsertTypedSearchAttributes(ctx, AttrBlockedReason.ValueSet(reason)); err != nil {
			return err
		}
	}
	d.BlockedReason, d.Detail, d.WaitingFor = reason, detail, "a person"
	workflow.SetCurrentDetails(ctx, "**Blocked: "+reason+"**\n\n"+detail+"\n\nMend the cause, then send the signal `retry`.")
	workflow.GetLogger(ctx).Warn("payment waits for a person", "reason", reason)
	err := workflow.Await(ctx, func() bool { return d.retries > 0 })
	d.retries, d.WaitingFor = 0, ""
	return err
}

// clear takes the block away, if there is one.
func (d *desk) clear(ctx workflow.Context) error {
	if d.BlockedReason == "" {
		return nil
	}
	d.BlockedReason, d.Detail = "", ""
	return workflow.UpsertTypedSearchAttributes(ctx, AttrBlockedReason.ValueUnset())
}

// breakDown leaves a step that no retry can mend to a person.
func (d *desk) breakDown(ctx workflow.Context, because error) error {
	workflow.GetLogger(ctx).Error("step failed for good", "step", d.Step, "error", because)
	why := because.Error()
	var failure *temporal.ApplicationError
	if asError(because, &failure) {
		why = failure.Message() // without what Temporal puts around it
	}
	return d.waitForRetry(ctx, blockedInternal, "The step “"+d.Step+"” failed: "+why)
}

// mended takes away the block of a step that had broken down and now succeeded.
// Any other block is not the step's to take away.
func (d *desk) mended(ctx workflow.Context) error {
	if d.BlockedReason != blockedInternal {
		return nil
	}
	return d.clear(ctx)
}

// onRows runs a step that is one short transaction: as a local activity, and
// when that fails for a passing reason as a regular one. What no retry can mend
// waits for a person, then the step is done again. So an error means that the
// workflow was canceled.
func onRows[Out any](ctx workflow.Context, d *desk, step string, activity, in any) (Out, error) {
	for {
		d.begin(ctx, step)
		var out Out
		err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, localRows(step)), activity, in).Get(ctx, &out)
		if err != nil && passing(err) {
			err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, durableRows(step)), activity, in).Get(ctx, &out)
		}
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

// passing says whether a later attempt may do better.
func passing(err error) bool {
	var failure *temporal.ApplicationError
	if asError(err, &failure) {
		return !failure.NonRetryable()
	}
	return !temporal.IsCanceledError(err) // a timeout
}

// eventFields are what every log line of an event's workflow carries.
func eventFields(e models.Event) []any {
	return []any{"event_id", e.ID, "event_type", e.Type, "payment_intent_id", e.PaymentIntentID}
}
