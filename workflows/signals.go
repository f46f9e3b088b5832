package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"twigz/models"
)

// signal is one way to ask for something. Its name is its action's.
type signal struct {
	kind  models.ActionKind
	about string // what it does, for somebody who has never seen this program
	more  string // of its input, beside who asks and why
}

// signals are what every workflow about a payment takes.
func signals() []signal {
	return []signal{
		{models.ActRetry, "Look again: the store is open, the stock is there, or the cart is filled.", ""},
		{
			models.ActFix, "Look again with corrected metadata, which replaces what the payment came with: who bought, where, and how it is delivered.",
			`"metadata":{"customerId":"…","storeId":"…","deliveryType":"pickup"}`,
		},
		{models.ActAccept, "Make the order although the amount or the fee does not fit: it is then worth what was collected.", ""},
		{
			models.ActRefund, "Give money back: the amount, in the currency's smallest unit (500 for $5.00), or all that is left when no amount is named.",
			`"amount":500`,
		},
		{models.ActCancel, "Cancel the order, or see to it that there will be none, and give all the money back.", ""},
		{models.ActHold, "Do not hand the order over for now.", ""},
		{models.ActRelease, "Take a hold away: the one that is named, or all that staff have put when none is.", `"holdId":"hold_…"`},
		{models.ActResend, "Send the latest mail once more, to the customer or to the store.", `"recipient":"customer"`},
		{models.ActNote, "Write something down for whoever looks at the payment next. Nothing else happens.", ""},
	}
}

// signalsToMaker are what workflows take that are about no payment yet: nothing can
// be asked of them but to go on.
func signalsToMaker() []signal {
	return []signal{{models.ActRetry, "Do the step that failed again, now that its cause is mended.", ""}}
}

// description is what the Web UI's dialog says. The request's ID is no part of
// the input that people copy: two requests of one ID would be one.
func (s signal) description() string {
	input := `{"actor":"your name","reason":"why"`
	if s.more != "" {
		input += "," + s.more
	}
	return s.about + " Input: " + input + `}; add "requestId":"a word of your own" and the request acts once even when it is sent twice.`
}

// listen collects requests for as long as the workflow is open.
func (d *desk) listen(ctx workflow.Context, taken []signal) {
	selector := workflow.NewSelector(ctx)
	for _, s := range taken {
		channel := workflow.GetSignalChannelWithOptions(ctx, string(s.kind), workflow.SignalChannelOptions{Description: s.description()})
		selector.AddReceive(channel, func(channel workflow.ReceiveChannel, _ bool) {
			// Received as a Request, what cannot be read would be dropped.
			var input converter.RawValue
			channel.Receive(ctx, &input)
			d.received++
			r := read(input, s.kind)
			r.name(workflow.GetInfo(ctx).WorkflowExecution.ID, d.received)
			d.queue = append(d.queue, r)
			workflow.GetLogger(ctx).Info("request received", "request", string(r.kind), "actor", r.Actor)
		})
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			selector.Select(ctx)
		}
	})
}
