package workflows

import (
	"cmp"
	"fmt"
	"slices"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"twigz/models"
)

// twigz is the actor of a sibling's wake-up: the signal "retry" that asks to
// look again and is no person's.
const twigz = "twigz"

// maxAnswer is in characters; with maxDetail it fits into what Temporal takes.
const maxAnswer = 500

// unnamed is the actor of a signal that does not say who sent it.
const unnamed = "unnamed"

// Request is what a signal carries: who asks, why, and what for.
type Request struct {
	Actor     string `json:"actor"`
	Reason    string `json:"reason"`
	RequestID string `json:"requestId,omitempty"` // acts once; "": every signal is a request of its own

	Amount    *int64           `json:"amount,omitempty"`    // of a refund, minor units; nil: all that is left
	Metadata  models.Metadata  `json:"metadata,omitempty"`  // of a fix
	Recipient models.Recipient `json:"recipient,omitempty"` // of a resend
	HoldID    string           `json:"holdId,omitempty"`    // of a release; "": every hold of staff

	kind models.ActionKind // the signal it came by
}

// read makes a request of whatever a signal carries. Who signals means it: what
// cannot be read leaves them unnamed. But what was to narrow the request must
// not widen it when it cannot be read, as an amount of "5.00" would, so then the
// amount is none and the hold is nobody's.
func read(input converter.RawValue, kind models.ActionKind) Request {
	var r Request
	err := converter.GetDefaultDataConverter().FromPayload(input.Payload(), &r)
	r.kind = kind
	if err != nil {
		switch kind {
		case models.ActRefund:
			r.Amount = new(int64(0))
		case models.ActRelease:
			r.HoldID = "unreadable"
		default:
		}
	}
	return r
}

// name gives a request that carries no ID that can be kept the one of its
// signal, the n-th of the workflow, which a replay gives it again.
func (r *Request) name(workflowID string, n int) {
	if kept := models.Clean(r.RequestID, 200); kept == "" || kept != r.RequestID {
		r.RequestID = fmt.Sprintf("%s#%d", workflowID, n)
	}
}

// wakeUp says whether a sibling asks to look again, and not a person.
func (r Request) wakeUp() bool { return r.kind == models.ActRetry && r.Actor == twigz }

// action is the request as the rows take it: claimed, because nobody has checked
// who sent the signal.
func (r Request) action(paymentID, workflowID string) models.Action {
	return models.Action{
		PaymentID: paymentID, Workflow: workflowID, Kind: r.kind, RequestID: r.RequestID, Claimed: true,
		Actor: models.Clean(cmp.Or(r.Actor, unnamed), 200), Reason: models.Clean(r.Reason, 2000),
		Amount: r.Amount, Metadata: r.Metadata,
		Recipient: models.Recipient(models.Clean(string(r.Recipient), 32)), HoldID: models.Clean(r.HoldID, 200),
	}
}

// asked says whether a request waits. It lets the listener have its turn first:
// a story that is about to end may be ahead of it.
func (d *desk) asked(ctx workflow.Context) bool {
	turn := false
	workflow.Go(ctx, func(workflow.Context) { turn = true }) // the listener is older, so it is before this one
	_ = workflow.Await(ctx, func() bool { return turn })
	return len(d.queue) > 0
}

// attend does what people asked for, in the order it came, and says whether
// anything was done: then it is worthwhile to look again. Requests that come
// before the payment is known wait.
func (d *desk) attend(ctx workflow.Context) (done bool, err error) {
	if d.PaymentID == "" {
		return false, nil
	}
	defer func(step string) { d.Step = step }(d.Step)
	for d.asked(ctx) {
		r := d.queue[0]
		d.queue = d.queue[1:]
		switch {
		case r.wakeUp():
		case !takesRequests(ctx):
			workflow.GetLogger(ctx).Warn("request was not understood", "request", string(r.kind), "actor", r.Actor)
		default:
			done = true
			if err := d.act(ctx, r); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// has says whether a request of a kind waits.
func (d *desk) has(kind models.ActionKind) bool {
	return slices.ContainsFunc(d.queue, func(r Request) bool { return r.kind == kind })
}

// useUp takes all requests of a kind out of the queue, and says whether there
// were any.
func (d *desk) useUp(kind models.ActionKind) bool {
	before := len(d.queue)
	d.queue = slices.DeleteFunc(d.queue, func(r Request) bool { return r.kind == kind })
	return len(d.queue) < before
}

// act does one request and carries out what it leaves to be done. A request
// that the rows cannot take is answered, or it would be in everybody's way.
func (d *desk) act(ctx workflow.Context, r Request) error {
	result, err := rows[models.ActionResult](ctx, d, "Do what was asked for: "+string(r.kind), rowsAndMails.Act, r.action(d.PaymentID, workflow.GetInfo(ctx).WorkflowExecution.ID))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case err != nil:
		d.Answer = fmt.Sprintf("%s was not done: %s", r.kind, inWords(err))
	case result.Refusal != "":
		d.Answer = fmt.Sprintf("%s was refused: %s", r.kind, result.Refusal)
	case result.Duplicate:
		d.Answer = fmt.Sprintf("%s had been done before", r.kind)
	default:
		d.Answer = fmt.Sprintf("%s was done", r.kind)
	}
	d.Answer = models.Clean(d.Answer, maxAnswer)
	workflow.GetLogger(ctx).Info("request attended to", "request", string(r.kind), "request_id", r.RequestID, "answer", d.Answer)
	if err != nil {
		return nil //nolint:nilerr // it was the answer
	}
	return d.softly(ctx, func() error { return d.carryOut(ctx, result.Due) }) // the look that follows finds what is left
}
