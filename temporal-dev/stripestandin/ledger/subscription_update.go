package ledger

import (
	"cmp"
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
	for _, set := range []func(*Tx, wire.Object, wire.Object) *wire.Error{setPayer, setTerms, setTax, setPause, moveTrial} {
		if refusal := set(t, s, in.Params); refusal != nil {
			return nil, refusal
		}
	}
	return s, t.applyItems(s, in.Params)
}

// restrictions are the only parameters that an update can have in some cases, and how Stripe says so.
var restrictions = []struct {
	holds   func(s, params wire.Object) bool
	allowed []string
	message string
}{
	{
		func(s, _ wire.Object) bool { return slices.Contains(ended, s.Text("status")) },
		[]string{"cancellation_details", "expand", "metadata"},
		"A canceled subscription can only update its cancellation_details and metadata.",
	},
	{
		func(s, _ wire.Object) bool { return s.Text("status") == "incomplete" },
		[]string{"default_payment_method", "expand", "metadata", "payment_settings"},
		"You cannot make this update to a subscription with a status of `incomplete`: its first invoice must be paid before.",
	},
	{
		func(_, params wire.Object) bool { return params.Text("payment_behavior") == "pending_if_incomplete" },
		[]string{"billing_cycle_anchor", "expand", "items", "off_session", "payment_behavior", "proration_behavior", "trial_end"},
		"When `payment_behavior` is `pending_if_incomplete`, you can only pass parameters that are supported by pending updates. See https://stripe.com/docs/billing/subscriptions/pending-updates-reference#supported-attributes.",
	},
}

func updatable(s, params wire.Object) *wire.Error {
	for _, r := range restrictions {
		if !r.holds(s, params) {
			continue
		}
		for _, name := range params.Keys() {
			if !slices.Contains(r.allowed, name) {
				return wire.Invalid("", name, "%s", r.message)
			}
		}
	}
	switch {
	case params.Text("billing_cycle_anchor") == "now":
		return notServed("billing_cycle_anchor")
	case params.Text("payment_behavior") == "pending_if_incomplete" && s["pending_update"] != nil:
		return wire.Invalid("", "", "The subscription has a pending update already.")
	}
	return nil
}

// applyItems changes the items, with an invoice at once or lines on the next one, as the update says.
func (t *Tx) applyItems(s, params wire.Object) *wire.Error {
	kept := s.Sub("items").Clone()
	if asked := params.List("items"); len(asked) > 0 {
		if refusal := t.changeItems(s, asked); refusal != nil {
			return refusal
		}
	}
	behavior := cmp.Or(params.Text("payment_behavior"), "allow_incomplete")
	if behavior == "pending_if_incomplete" && (endsTrial(s, params) || changesPace(s, kept)) {
		return notServed("payment_behavior")
	}
	lines, atOnce := t.changeLines(s, kept.List("data"), params)
	switch {
	case !atOnce:
		s["_prorations"] = slices.Concat(s.List("_prorations"), lines)
	case behavior == "pending_if_incomplete":
		return t.pend(s, kept, lines)
	}
	t.schedule(s)
	t.emitUpdated("customer.subscription.updated", s)
	if !atOnce {
		return nil
	}
	return t.billNow(s, lines, behavior)
}

func endsTrial(s, params wire.Object) bool {
	return params["trial_end"] == "now" && s.Text("status") == "trialing"
}

// changesPace tells whether a subscription has come to another interval than that of the items that it had.
func changesPace(s, had wire.Object) bool {
	was, is := had.List("data")[0].Sub("price").Sub("recurring"), s.List("items")[0].Sub("price").Sub("recurring")
	return s.Text("status") != "trialing" && (was.Text("interval") != is.Text("interval") || was.Int("interval_count") != is.Int("interval_count"))
}

// changeLines are an invoice's lines for a change, and whether they are invoiced at once: they are where a new billing cycle
// begins with the change, and where it is asked for.
func (t *Tx) changeLines(s wire.Object, before []wire.Object, params wire.Object) (lines []wire.Object, atOnce bool) {
	proration, trialing := params.Text("proration_behavior"), s.Text("status") == "trialing"
	switch {
	case endsTrial(s, params):
		s["status"], s["trial_end"] = "active", t.Now()
		t.restart(s)
		t.Emit("customer.subscription.trial_will_end", s)
		return t.periodLines(s, false), true
	case trialing, s.Text("status") == "paused":
		return nil, false
	case changesPace(s, wire.Object{"data": before}):
		if proration != "none" {
			lines = t.prorate(s, before, nil)
		}
		t.restart(s)
		return slices.Concat(lines, t.periodLines(s, false)), true
	case proration != "none":
		lines = t.prorate(s, before, s.List("items"))
	}
	return lines, proration == "always_invoice" && len(lines) > 0
}

// restart begins a new billing cycle now.
func (t *Tx) restart(s wire.Object) {
	s["billing_cycle_anchor"] = t.Now()
	s["current_period_start"], s["current_period_end"] = t.Now(), nextPeriod(s, t.Now())
	delete(s, "_told")
}

// billNow invoices a change at once. Where the payment fails, the change stays, the invoice is open and the subscription past
// due, unless behavior says that nothing is to change then.
func (t *Tx) billNow(s wire.Object, lines []wire.Object, behavior string) *wire.Error {
	invoice := t.newInvoice(s, "subscription_update", lines)
	t.emitUpdated("customer.subscription.updated", s)
	t.Emit("invoice.created", invoice)
	t.finalize(invoice)
	if behavior == "default_incomplete" && !invoice.Bool("paid") {
		t.fallBehind(s, false)
	}
	return t.collectNow(invoice, behavior)
}

// pendingLife is how long a pending update waits to be paid, in seconds: 23 hours.
const pendingLife = 23 * 60 * 60

// pend makes an update that holds only once it is paid. Until then the items are as they were.
func (t *Tx) pend(s, kept wire.Object, lines []wire.Object) *wire.Error {
	wanted := s.Sub("items").Clone().List("data")
	s["items"] = kept
	update := wire.Part("subscription", "pending_update")
	for field := range update {
		update[field] = nil
	}
	update["subscription_items"], update["expires_at"] = wanted, t.Now()+pendingLife
	invoice := t.newInvoice(s, "subscription_update", lines)
	s["pending_update"], s["_pending_invoice"] = update, invoice.ID()
	t.Emit("invoice.created", invoice)
	t.finalize(invoice)
	_ = t.collectNow(invoice, "") // what it costs is told by the subscription and by events
	if s["pending_update"] != nil {
		t.schedule(s)
		t.emitUpdated("customer.subscription.updated", s)
	}
	return nil
}

// applyPending makes a pending update hold, now that its invoice is paid. Nobody was told of one that was paid at once.
func (t *Tx) applyPending(s wire.Object) {
	items := s.Sub("pending_update").Clone().List("subscription_items")
	s["pending_update"] = nil
	delete(s, "_pending_invoice")
	_ = putItems(s, items) // they were checked when it was asked for
	t.schedule(s)
	if t.ledger.objects[s.ID()].Sub("pending_update") != nil {
		t.Emit("customer.subscription.pending_update_applied", s)
	}
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

// moveTrial moves the end of a trial. One that ends now is ended with what else the update changes, see changeLines.
func moveTrial(t *Tx, s, params wire.Object) *wire.Error {
	switch {
	case !params.Has("trial_end"), endsTrial(s, params):
		return nil
	case s.Text("status") != "trialing" && params["trial_end"] == "now":
		return nil // it has ended already
	case s.Text("status") != "trialing":
		return wire.Invalid("", "trial_end", "This stand-in for Stripe does not serve a trial that begins later.")
	}
	end := params.Int("trial_end")
	if end <= t.Now() {
		return wire.Invalid("", "trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
	}
	s["trial_end"], s["current_period_end"], s["billing_cycle_anchor"] = end, end, end
	delete(s, "_told")
	return nil
}

// setPause pauses the collection of invoices, or goes on with it. The subscription itself goes on.
func setPause(t *Tx, s, params wire.Object) *wire.Error {
	given, isGiven := params["pause_collection"]
	if !isGiven {
		return nil
	}
	pause, _ := given.(wire.Object)
	switch {
	case pause == nil:
		s["pause_collection"] = nil
		return nil
	case pause.Text("behavior") == "":
		return missing("pause_collection[behavior]")
	case pause.Has("resumes_at") && pause.Int("resumes_at") <= t.Now():
		return wire.Invalid("", "pause_collection[resumes_at]", "Invalid timestamp: must be an integer Unix timestamp in the future.")
	}
	s["pause_collection"] = wire.Object{"behavior": pause.Text("behavior"), "resumes_at": pause["resumes_at"]}
	return nil
}
