package ledger

import (
	"cmp"
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// Collecting an invoice. One that is not paid is tried again, unless the subscription has never been paid for: such an one ends
// by itself. _automatic, in an invoice, says that the present attempt is Stripe's own; attempts that somebody asks for count only
// where they are the first. https://docs.stripe.com/billing/revenue-recovery/smart-retries

// dunning are the waits after each failed attempt, in seconds.
var dunning = []int64{3 * day, 5 * day, 7 * day}

// dunningOutcomes are what a subscription can become when the last attempt has failed, which at Stripe is a setting of the
// account.
var dunningOutcomes = []string{"canceled", "unpaid", "past_due"}

// SetDunningOutcome says what becomes of a subscription when the last attempt to collect an invoice has failed: canceled, which
// it is unless something else was said; unpaid; or past_due.
func (t *Tx) SetDunningOutcome(subscriptionID, outcome string) *wire.Error {
	if !slices.Contains(dunningOutcomes, outcome) {
		return wire.Invalid("", "outcome", "Invalid outcome: must be one of canceled, unpaid, past_due")
	}
	s, refusal := t.Edit("subscription", subscriptionID, "")
	if refusal == nil {
		s["_dunning"] = outcome
	}
	return refusal
}

// payerOf is the payment method that pays a subscription's invoices; nil: there is none.
func (t *Tx) payerOf(s wire.Object) wire.Object {
	customer := t.Read(s.Text("customer"))
	return t.Read(cmp.Or(s.Text("default_payment_method"), customer.Sub("invoice_settings").Text("default_payment_method")))
}

// collect tries to pay an open invoice with the subscription's payment method.
func (t *Tx) collect(in wire.Object) *wire.Error {
	payer := t.payerOf(t.Read(in.Text("subscription")))
	if payer == nil || in.Text("payment_intent") == "" {
		t.unpaid(in, "invoice.payment_failed")
		return nil
	}
	return t.payWith(in, payer, false)
}

// payWith tries to pay an open invoice. Where the holder of a card has to authenticate the payment, the invoice waits for that;
// one that is paid offSession is declined instead.
func (t *Tx) payWith(in, method wire.Object, offSession bool) *wire.Error {
	intent := t.edit(in.Text("payment_intent"))
	intent["_off_session"] = offSession
	return t.confirm(intent, t.edit(method.ID()))
}

// collectNow collects an invoice that a request has made, as its payment_behavior says. What it costs the request is an error
// only with error_if_incomplete; else the objects and their events tell.
func (t *Tx) collectNow(in wire.Object, behavior string) *wire.Error {
	if in.Bool("paid") || behavior == "default_incomplete" {
		return nil
	}
	refusal := t.collect(in)
	if behavior != "error_if_incomplete" {
		return nil
	}
	if refusal == nil && t.waitsForHolder(in) {
		refusal = wire.Declined("subscription_payment_intent_requires_action", "", "Payment for this subscription requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with `subscription.latest_invoice`. For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action")
	}
	if refusal != nil {
		refusal.Keeps = false
	}
	return refusal
}

func (t *Tx) waitsForHolder(in wire.Object) bool {
	return t.Read(in.Text("payment_intent")).Text("status") == "requires_action"
}

// invoiceFollows does what an invoice and its subscription do when the intent that pays the invoice has changed its status
// (intent.invoice is set). Called by the payments code after it has emitted the intent's own events.
func invoiceFollows(t *Tx, intent wire.Object) {
	in := t.Read(intent.Text("invoice"))
	if in == nil || in.Text("status") == "paid" || in.Text("status") == "void" {
		return
	}
	in = t.edit(in.ID())
	in["charge"] = intent["latest_charge"]
	switch intent.Text("status") {
	case "succeeded":
		t.settle(in, intent)
	case "requires_payment_method":
		t.unpaid(in, "invoice.payment_failed")
	case "requires_action":
		t.unpaid(in, "invoice.payment_failed", "invoice.payment_action_required")
	case "processing":
		attempted(in)
		t.activate(in)
	}
}

// attempted counts an attempt to pay, where it counts.
func attempted(in wire.Object) (counts bool) {
	counts = in.Int("attempt_count") == 0 || in.Bool("_automatic")
	if counts {
		in["attempt_count"] = in.Int("attempt_count") + 1
	}
	in["attempted"] = true
	return counts
}

// settle makes an invoice paid, by an intent or, where there was nothing to pay, by none (nil).
func (t *Tx) settle(in, intent wire.Object) {
	in["status"], in["paid"], in["attempted"], in["auto_advance"], in["next_payment_attempt"] = "paid", true, true, false, nil
	in["amount_paid"], in["amount_remaining"] = in.Int("amount_due"), 0
	in.Sub("status_transitions")["paid_at"] = t.Now()
	delete(in, "_due")
	s := t.Read(in.Text("subscription"))
	if intent != nil {
		attempted(in)
		t.Emit("invoice.updated", in)
		if s.Sub("payment_settings").Text("save_default_payment_method") == "on_subscription" {
			t.edit(s.ID())["default_payment_method"] = intent["payment_method"]
		}
	}
	t.Emit("invoice.paid", in)
	t.Emit("invoice.payment_succeeded", in)
	if s.Text("_pending_invoice") == in.ID() {
		t.applyPending(t.edit(s.ID()))
	}
	t.activate(in)
}

// activate makes a subscription active whose latest invoice is paid, on its way to be, or forgiven.
func (t *Tx) activate(in wire.Object) {
	s := t.Read(in.Text("subscription"))
	if s.Text("latest_invoice") != in.ID() || !slices.Contains([]string{"incomplete", "past_due", "unpaid"}, s.Text("status")) {
		return
	}
	s = t.edit(s.ID())
	t.delinquent(s, false)
	s["status"] = "active"
	t.schedule(s)
	t.Emit("customer.subscription.updated", s)
}

// delinquent notes whether a customer is behind with a payment.
func (t *Tx) delinquent(s wire.Object, is bool) {
	if customer := t.edit(s.Text("customer")); customer.Bool("delinquent") != is {
		customer["delinquent"] = is
		t.Emit("customer.updated", customer)
	}
}

// unpaid notes an attempt that failed, and when the next one is.
func (t *Tx) unpaid(in wire.Object, eventTypes ...string) {
	s := t.edit(in.Text("subscription"))
	counts, retried := attempted(in), isRetried(in, s)
	last := in.Int("attempt_count") > int64(len(dunning))
	if counts || !retried || !in.Has("_due") { // else the next attempt is where it was
		t.tryAgain(in, retried && !last)
	}
	t.Emit("invoice.updated", in)
	for _, eventType := range eventTypes {
		t.Emit(eventType, in)
	}
	if over := counts && last; retried && (over || s.Text("latest_invoice") == in.ID()) {
		t.fallBehind(s, over)
	}
}

// isRetried tells whether Stripe tries again to collect an invoice by itself.
func isRetried(in, s wire.Object) bool {
	return in.Bool("auto_advance") && s.Text("status") != "incomplete" && !slices.Contains(ended, s.Text("status")) && s.Text("_pending_invoice") != in.ID()
}

func (t *Tx) tryAgain(in wire.Object, will bool) {
	delete(in, "_due")
	in["next_payment_attempt"] = nil
	if will {
		in["_due"] = t.Now() + dunning[in.Int("attempt_count")-1]
		in["next_payment_attempt"] = in["_due"]
	}
}

// fallBehind is what a failed payment does to a subscription; over says that it was the last attempt.
func (t *Tx) fallBehind(s wire.Object, over bool) {
	status := s.Text("status")
	switch outcome := cmp.Or(s.Text("_dunning"), "canceled"); {
	case over && outcome == "canceled":
		t.end(s, "payment_failed")
		return
	case over && status == "past_due":
		status = outcome
	case status == "active":
		status = "past_due"
	}
	if status != s.Text("status") {
		t.delinquent(s, true)
		s["status"] = status
		t.schedule(s)
		t.Emit("customer.subscription.updated", s)
	}
}
