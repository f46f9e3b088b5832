package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/models"
)

// Names that people and programs reach a workflow by. The other signals are
// named for their actions, see signals.
const (
	QueryState  = "state"
	SignalRetry = string(models.ActRetry)
)

// blockedInternal is the BlockedReason of a step that no retry can mend.
const blockedInternal = "internal_error"

// maxDetail is in characters: four bytes each at most, and Temporal takes 20 KB.
const maxDetail = 4000

// State is the answer to the query "state".
type State struct {
	Step          string `json:"step"`                    // what is being done, in words
	WaitingFor    string `json:"waitingFor,omitempty"`    // whom, "" when nobody is waited for
	BlockedReason string `json:"blockedReason,omitempty"` // a fixed word
	Detail        string `json:"detail,omitempty"`        // why, in words
	Answer        string `json:"answer,omitempty"`        // what came of the last request, "" before the first
	PaymentID     string `json:"paymentId,omitempty"`
	OrderID       string `json:"orderId,omitempty"`
}

// desk is where people reach a workflow: it answers the query "state", and
// collects the requests that the story attends to when it comes to them.
type desk struct {
	State
	received int            // signals, of whatever kind
	queue    []Request      // received, and not attended to yet
	hint     string         // what a person who is waited for can do
	soft     bool           // a step that no retry mends returns its error, and nobody is waited for
	told     string         // the reason that support was last told of, "" since the payment was last unblocked
	blocks   int            // times that support was told of a reason
	days     int            // days that a person has been waited for
	keys     map[string]int // by our refund: idempotency keys under which Stripe keeps a failure
}

// open sets the desk up. It must come before anything is awaited, or the Web
// UI's dialogs would not list the signals and the query.
func (d *desk) open(ctx workflow.Context) error { return d.openTo(ctx, signals()) }

// openTo is open for workflows that take other signals.
func (d *desk) openTo(ctx workflow.Context, taken []signal) error {
	d.keys = map[string]int{}
	d.listen(ctx, taken)
	return workflow.SetQueryHandlerWithOptions(ctx, QueryState, func() (State, error) { return d.State, nil },
		workflow.QueryHandlerOptions{Description: "What this workflow is doing, and whom it waits for"})
}

// begin says which step is next.
func (d *desk) begin(ctx workflow.Context, step string) {
	d.Step = step
	d.show(ctx, step)
}

// show puts a text at the top of the workflow's page in the Web UI.
func (d *desk) show(ctx workflow.Context, text string) {
	if d.Answer != "" {
		text += "\n\nLast request: " + d.Answer
	}
	workflow.SetCurrentDetails(ctx, text)
}

// block says why the payment needs a person. The reason is shown in the search
// attribute BlockedReason, and stays there until clear: looking again may find
// the same.
func (d *desk) block(ctx workflow.Context, reason, detail, hint string) error {
	if d.BlockedReason != reason {
		if err := workflow.UpsertTypedSearchAttributes(ctx, AttrBlockedReason.ValueSet(reason)); err != nil {
			return err
		}
	}
	d.BlockedReason, d.Detail, d.hint = reason, models.Clean(detail, maxDetail), hint
	workflow.GetLogger(ctx).Warn("payment waits for a person", "reason", reason)
	return nil
}

// waitFor says whom the workflow waits for from here on.
func (d *desk) waitFor(ctx workflow.Context, whom string) {
	d.WaitingFor = whom
	if d.BlockedReason == "" {
		d.show(ctx, strings.TrimSpace("Waits for "+whom+"\n\n"+d.Detail))
		return
	}
	d.show(ctx, "**Blocked: "+d.BlockedReason+"**\n\n"+d.Detail+"\n\n"+d.hint)
}

// clear takes the block away, if there is one.
func (d *desk) clear(ctx workflow.Context) error {
	if d.BlockedReason == "" {
		return nil
	}
	d.BlockedReason, d.Detail = "", ""
	return workflow.UpsertTypedSearchAttributes(ctx, AttrBlockedReason.ValueUnset())
}

// breakDown leaves a step that no retry can mend to a person, until they send
// "retry". Where the story goes on without the step, it returns the reason.
func (d *desk) breakDown(ctx workflow.Context, because error) error {
	workflow.GetLogger(ctx).Error("step failed for good", "step", d.Step, "error", because)
	if d.soft {
		return because
	}
	detail := "The step “" + d.Step + "” failed: " + inWords(because)
	if err := d.block(ctx, blockedInternal, detail, "Mend the cause, then send the signal `retry`."); err != nil {
		return err
	}
	return d.awaitRetry(ctx)
}

// mended takes away the block of a step that had broken down and now succeeded.
// Any other block is not the step's to take away, and a step that is done softly
// has never broken down: the block is another's.
func (d *desk) mended(ctx workflow.Context) error {
	if d.soft || d.BlockedReason != blockedInternal {
		return nil
	}
	return d.clear(ctx)
}

// softly does something whose failure the story goes on from: it returns what
// would have been left to a person otherwise, and is told in the state.
func (d *desk) softly(ctx workflow.Context, do func() error) error {
	before := d.soft
	d.soft = true
	err := do()
	d.soft = before
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		workflow.GetLogger(ctx).Error("something due was not done", "error", err)
		d.Detail = models.Clean(strings.TrimSpace(d.Detail+"\n\n"+inWords(err)), maxDetail)
	}
	return nil
}

// inWords is an error without what Temporal puts around it. Of several that were
// joined, it is all.
func inWords(err error) string {
	var several interface{ Unwrap() []error }
	if asError(err, &several) {
		var words []string
		for _, one := range several.Unwrap() {
			words = append(words, inWords(one))
		}
		return strings.Join(words, "; ")
	}
	var failure *temporal.ApplicationError
	if asError(err, &failure) {
		return failure.Message()
	}
	return err.Error()
}

// eventFields are what every log line of an event's workflow carries.
func eventFields(e models.Event) []any {
	return []any{"event_id", e.ID, "event_type", e.Type, "payment_intent_id", e.PaymentIntentID}
}
