package workflows

import (
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"twigz/models"
)

// signal is one way to ask for something. Its name is its action's.
type signal struct {
	kind  models.ActionKind
	about string // for the dialog in the Web UI
}

// signals are all that every workflow takes, with what a person who has never
// seen this program needs to know in order to send them. The reason goes into
// the audit; requestId may be left out, and makes a request that is sent twice
// act once.
func signals() []signal {
	return []signal{
		{kind: models.ActRetry, about: "Look again: the store is open, the stock is there, or the cart is filled. " +
			`Input: {"actor":"your name","reason":"what you did"}`},
		{kind: models.ActFix, about: "Look again with corrected metadata, which replaces what the payment came with: " +
			"who bought, in which store, how it is delivered. " +
			`Input: {"actor":"your name","reason":"why","metadata":{"customerId":"…","storeId":"…","deliveryType":"pickup"}}`},
		{kind: models.ActAccept, about: "Make the order although amount or fee do not fit: it is then worth what was collected. " +
			`Input: {"actor":"your name","reason":"why"}`},
		{kind: models.ActRefund, about: "Give money back. Without an amount all that is left; " +
			"an amount is in the smallest unit of the currency, 500 for $5.00. " +
			`Input: {"actor":"your name","reason":"why","requestId":"any name for this refund","amount":500}`},
		{kind: models.ActCancel, about: "Cancel the order, or see to it that there will be none, and refund everything. " +
			`Input: {"actor":"your name","reason":"why"}`},
		{kind: models.ActHold, about: "Do not hand the order over for now. " +
			`Input: {"actor":"your name","reason":"why"}`},
		{kind: models.ActRelease, about: "Take a hold away, or every hold of staff when holdId is left out. " +
			`Input: {"actor":"your name","reason":"why","holdId":"hold_…"}`},
		{kind: models.ActResend, about: "Send the latest mail again, to the customer or to the store. " +
			`Input: {"actor":"your name","reason":"why","recipient":"customer"}`},
		{kind: models.ActNote, about: "Write something down for whoever looks at the payment next; nothing else happens. " +
			`Input: {"actor":"your name","reason":"what there is to know"}`},
	}
}

// listen collects requests for as long as the workflow is open.
func (d *desk) listen(ctx workflow.Context) {
	selector := workflow.NewSelector(ctx)
	for _, s := range signals() {
		channel := workflow.GetSignalChannelWithOptions(ctx, string(s.kind), workflow.SignalChannelOptions{Description: s.about})
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
