package ledger

import (
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

func updateSubscription(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedSubscriptionUpdate, ""); refusal != nil {
		return nil, refusal
	}
	s, refusal := t.Edit("subscription", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if refusal := updatable(s, in.Params); refusal != nil {
		return nil, refusal
	}
	for _, set := range []func(*Tx, wire.Object, wire.Object) *wire.Error{setPayer, setTerms, endTrial, setPause} {
		if refusal := set(t, s, in.Params); refusal != nil {
			return nil, refusal
		}
	}
	markCanceling(t, s)
	return s, t.applyItems(s, in.Params)
}

func updatable(s, params wire.Object) *wire.Error {
	switch {
	case slices.Contains(ended, s.Text("status")):
		return wire.Invalid("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	case params.Has("billing_cycle_anchor") && params.Text("billing_cycle_anchor") == "now":
		return notServed("billing_cycle_anchor")
	case params.Text("payment_behavior") == "pending_if_incomplete" && s["pending_update"] != nil:
		return wire.Invalid("", "", "The subscription has a pending update already.")
	}
	return nil
}

// applyItems changes the items, with an invoice at once or lines on the next one, as the update says.
func (t *Tx) applyItems(s, params wire.Object) *wire.Error {
	asked := params.List("items")
	if len(asked) == 0 {
		t.schedule(s)
		t.emitUpdated("customer.subscription.updated", s)
		return nil
	}
	kept := s.Sub("items").Clone()
	before, refusal := t.changeItems(s, asked)
	if refusal != nil {
		return refusal
	}
	lines := t.prorate(s, before)
	switch proration := params.Text("proration_behavior"); {
	case proration == "none" || s.Text("status") == "trialing":
		lines = nil
	case params.Text("payment_behavior") == "pending_if_incomplete":
		return t.pend(s, kept, lines)
	case proration == "always_invoice":
		t.emitUpdated("customer.subscription.updated", s)
		return t.billNow(s, lines)
	}
	s["_prorations"] = slices.Concat(s.List("_prorations"), lines)
	t.schedule(s)
	t.emitUpdated("customer.subscription.updated", s)
	return nil
}

// billNow invoices an update at once. Where the payment fails, the update stays, and the invoice is open.
func (t *Tx) billNow(s wire.Object, lines []wire.Object) *wire.Error {
	invoice := t.newInvoice(s, "subscription_update", lines)
	s["latest_invoice"] = invoice.ID()
	t.Emit("invoice.created", invoice)
	t.finalize(invoice)
	if !invoice.Bool("paid") {
		_ = t.collect(invoice) // the caller is told of the update, and by events of the payment
	}
	return nil
}

// pendingLife is how long a pending update waits to be paid, in seconds: 23 hours.
const pendingLife = 23 * 60 * 60

// pend makes an update that holds only once it is paid. Until then the items are as they were.
func (t *Tx) pend(s, kept wire.Object, lines []wire.Object) *wire.Error {
	wanted := s.Sub("items")
	s["items"] = kept
	update := wire.Part("subscription", "pending_update")
	for field := range update {
		update[field] = nil
	}
	update["subscription_items"], update["expires_at"] = wanted.Clone().List("data"), t.Now()+pendingLife
	invoice := t.newInvoice(s, "subscription_update", lines)
	s["pending_update"], s["latest_invoice"], s["_pending_invoice"] = update, invoice.ID(), invoice.ID()
	t.Emit("invoice.created", invoice)
	t.finalize(invoice)
	if !invoice.Bool("paid") {
		_ = t.collect(invoice)
	}
	if s["pending_update"] != nil {
		t.schedule(s)
		t.emitUpdated("customer.subscription.updated", s)
	}
	return nil
}

// applyPending makes a pending update hold, now that its invoice is paid.
func (t *Tx) applyPending(s wire.Object) {
	items := s.Sub("pending_update").Clone().List("subscription_items")
	s["pending_update"] = nil
	delete(s, "_pending_invoice")
	_ = putItems(s, items) // they were checked when it was asked for
	t.schedule(s)
	t.Emit("customer.subscription.pending_update_applied", s)
	t.emitUpdated("customer.subscription.updated", s)
}

// dropPending forgets a pending update that was not paid in time.
func (t *Tx) dropPending(s wire.Object) {
	s["pending_update"] = nil
	if invoice := t.Read(s.Text("_pending_invoice")); invoice.Text("status") == "open" {
		t.void(t.edit(invoice.ID()))
	}
	delete(s, "_pending_invoice")
	t.Emit("customer.subscription.pending_update_expired", s)
	t.emitUpdated("customer.subscription.updated", s)
}

// endTrial ends a trial now, or moves its end.
func endTrial(t *Tx, s, params wire.Object) *wire.Error {
	if !params.Has("trial_end") {
		return nil
	}
	if s.Text("status") != "trialing" {
		return wire.Invalid("", "trial_end", "This stand-in for Stripe does not serve a trial that begins later.")
	}
	end := t.Now() + 1 // the clock ends it
	if params["trial_end"] != "now" {
		if end = params.Int("trial_end"); end <= t.Now() {
			return wire.Invalid("", "trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
		}
	}
	s["trial_end"], s["current_period_end"], s["billing_cycle_anchor"] = end, end, end
	return nil
}

// setPause pauses the collection of invoices, or goes on with it. The subscription itself goes on.
func setPause(_ *Tx, s, params wire.Object) *wire.Error {
	given, isGiven := params["pause_collection"]
	if !isGiven {
		return nil
	}
	pause, _ := given.(wire.Object)
	if pause == nil {
		s["pause_collection"] = nil
		return nil
	}
	if pause.Text("behavior") == "" {
		return missing("pause_collection[behavior]")
	}
	s["pause_collection"] = wire.Object{"behavior": pause.Text("behavior"), "resumes_at": pause["resumes_at"]}
	return nil
}

// markCanceling notes when it was decided that the subscription is to end.
func markCanceling(t *Tx, s wire.Object) {
	switch ending := s.Bool("cancel_at_period_end") || s["cancel_at"] != nil; {
	case ending && s["canceled_at"] == nil:
		s["canceled_at"] = t.Now()
	case !ending:
		s["canceled_at"] = nil
	}
	if s.Bool("cancel_at_period_end") {
		s["cancel_at"] = s["current_period_end"]
	}
}
