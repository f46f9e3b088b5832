package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// An invoice's life.
//
//	draft ──finalized──▶ open ──▶ paid
//	                      ├─────▶ uncollectible ──▶ paid, void
//	                      └─────▶ void
//
// A renewal's is a draft for an hour. One that is not paid is tried again after three, five and seven days; then its
// subscription is canceled.
const draftLife = 60 * 60

// dunning are the waits after each failed attempt, in seconds.
var dunning = []int64{3 * day, 5 * day, 7 * day}

// newInvoice makes the draft of an invoice for a subscription.
func (t *Tx) newInvoice(s wire.Object, reason string, lines []wire.Object) wire.Object {
	in := t.Make("invoice", "in")
	t.fill(in, s, reason, slices.Concat(lines, s.List("_prorations")))
	delete(s, "_prorations")
	return in
}

// fill writes into an invoice what it is for and what it comes to.
func (t *Tx) fill(in, s wire.Object, reason string, lines []wire.Object) {
	customer := t.Read(s.Text("customer"))
	in["customer"], in["customer_email"], in["customer_name"] = customer.ID(), customer["email"], customer["name"]
	in["customer_phone"], in["customer_address"] = customer["phone"], customer["address"]
	in["customer_tax_exempt"], in["customer_tax_ids"] = cmp.Or(customer.Text("tax_exempt"), "none"), []any{}
	in["billing_reason"], in["collection_method"], in["currency"] = reason, "charge_automatically", s.Text("currency")
	in["subscription"], in["subscription_details"] = s.ID(), wire.Object{"metadata": s.Sub("metadata")}
	in["status"], in["auto_advance"] = "draft", true
	in["period_start"], in["period_end"] = s.Int("current_period_start"), s.Int("current_period_end")
	in["account_country"] = "US"
	total := int64(0)
	for _, line := range lines {
		line["invoice"] = nullable(in.ID())
		total += line.Int("amount")
	}
	url := "/v1/invoices/" + in.ID() + "/lines"
	in["lines"] = wire.List(url, false, lines)
	due := max(total, 0) // less than nothing is credited, which the stand-in keeps no account of
	in["subtotal"], in["subtotal_excluding_tax"], in["total"], in["total_excluding_tax"] = total, total, total, total
	in["amount_due"], in["amount_remaining"] = due, due
}

// bill makes the invoice of a period that has begun, to be finalized after so many seconds.
func (t *Tx) bill(s wire.Object, reason string, life int64) {
	in := t.newInvoice(s, reason, t.periodLines(s, false))
	s["latest_invoice"] = in.ID()
	if t.ledger.objects[s.ID()] != nil {
		t.emitUpdated("customer.subscription.updated", s)
	}
	pause := s.Sub("pause_collection")
	if pause != nil {
		in["auto_advance"] = pause.Text("behavior") != "keep_as_draft"
	}
	t.Emit("invoice.created", in)
	if in.Bool("auto_advance") {
		in["_due"] = t.Now() + max(life, 1)
	}
}

// invoiceDue finalizes a draft, or tries again to collect what is open.
func invoiceDue(t *Tx, in wire.Object) {
	delete(in, "_due")
	if in.Text("status") == "draft" {
		t.finalize(in)
		switch t.Read(in.Text("subscription")).Sub("pause_collection").Text("behavior") {
		case "void":
			t.void(in)
			return
		case "mark_uncollectible":
			t.giveUp(in)
			return
		}
	}
	if in.Text("status") == "open" {
		_ = t.collect(in) // events tell what came of it
	}
}

// finalize makes a draft an invoice that is due. One of nothing is paid by that.
func (t *Tx) finalize(in wire.Object) {
	delete(in, "_due")
	customer := t.edit(in.Text("customer"))
	in["number"] = fmt.Sprintf("%s-%04d", customer.Text("invoice_prefix"), customer.Int("next_invoice_sequence"))
	customer["next_invoice_sequence"] = customer.Int("next_invoice_sequence") + 1
	in["status"], in["effective_at"] = "open", t.Now()
	in.Sub("status_transitions")["finalized_at"] = t.Now()
	base := "https://invoice.stripe.com/i/acct_standin/test_" + in.ID()
	in["hosted_invoice_url"], in["invoice_pdf"] = base, base+"/pdf"
	t.Emit("invoice.finalized", in)
	if in.Int("amount_due") == 0 {
		t.settle(in, nil)
		return
	}
	intent, refusal := t.newIntent(wire.Object{
		"amount": in.Int("amount_due"), "currency": in.Text("currency"), "customer": in.Text("customer"), "invoice": in.ID(),
		"description":        map[bool]string{true: "Subscription creation", false: "Subscription update"}[in.Text("billing_reason") == "subscription_create"],
		"setup_future_usage": "off_session",
	})
	if refusal == nil { // an amount too small to be charged is left open, without an intent
		in["payment_intent"] = intent.ID()
	}
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
	return t.payWith(in, payer)
}

func (t *Tx) payWith(in, method wire.Object) *wire.Error {
	intent := t.edit(in.Text("payment_intent"))
	intent["_off_session"] = in.Text("billing_reason") == "subscription_cycle"
	return t.confirm(intent, t.edit(method.ID()))
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
		in["attempted"] = true
		t.activate(t.edit(in.Text("subscription")))
	}
}

// settle makes an invoice paid, by an intent or, where there was nothing to pay, by none (nil).
func (t *Tx) settle(in, intent wire.Object) {
	in["status"], in["paid"], in["attempted"], in["next_payment_attempt"] = "paid", true, true, nil
	in["amount_paid"], in["amount_remaining"] = in.Int("amount_due"), 0
	in.Sub("status_transitions")["paid_at"] = t.Now()
	delete(in, "_due")
	if intent != nil {
		in["attempt_count"] = in.Int("attempt_count") + 1
		t.Emit("invoice.updated", in)
	}
	t.Emit("invoice.paid", in)
	t.Emit("invoice.payment_succeeded", in)
	s := t.Read(in.Text("subscription"))
	switch {
	case s == nil || slices.Contains(ended, s.Text("status")):
	case s.Text("_pending_invoice") == in.ID():
		t.applyPending(t.edit(s.ID()))
	default:
		t.activate(t.edit(s.ID()))
	}
}

// activate makes a subscription active whose invoice is paid, or on its way to be.
func (t *Tx) activate(s wire.Object) {
	if status := s.Text("status"); status != "incomplete" && status != "past_due" && status != "unpaid" {
		return
	}
	s["status"] = "active"
	t.schedule(s)
	t.Emit("customer.subscription.updated", s)
}

// unpaid notes an attempt that failed, and when the next one is. After the last the subscription ends.
func (t *Tx) unpaid(in wire.Object, eventTypes ...string) {
	attempts := in.Int("attempt_count") + 1
	in["attempted"], in["attempt_count"] = true, attempts
	s := t.edit(in.Text("subscription"))
	cycle, last := in.Text("billing_reason") == "subscription_cycle", attempts > int64(len(dunning))
	in["next_payment_attempt"] = nil
	if cycle && !last && !slices.Contains(ended, s.Text("status")) {
		in["next_payment_attempt"] = t.Now() + dunning[attempts-1]
		in["_due"] = in["next_payment_attempt"]
	}
	t.Emit("invoice.updated", in)
	for _, eventType := range eventTypes {
		t.Emit(eventType, in)
	}
	switch {
	case !cycle || slices.Contains(ended, s.Text("status")):
	case last:
		t.end(s, "payment_failed")
	case s.Text("status") == "active":
		s["status"] = "past_due"
		t.schedule(s)
		t.Emit("customer.subscription.updated", s)
	}
}

// void takes back an invoice that is not paid.
func (t *Tx) void(in wire.Object) {
	in["status"], in["auto_advance"], in["next_payment_attempt"] = "void", false, nil
	in.Sub("status_transitions")["voided_at"] = t.Now()
	delete(in, "_due")
	t.Emit("invoice.updated", in)
	t.Emit("invoice.voided", in)
	if intent := t.Read(in.Text("payment_intent")); intent != nil && intent.Text("status") != "canceled" {
		t.cancelIntent(t.edit(intent.ID()), "void_invoice")
	}
}

// giveUp says of an invoice that it will not be paid.
func (t *Tx) giveUp(in wire.Object) {
	in["status"], in["auto_advance"], in["next_payment_attempt"] = "uncollectible", false, nil
	in.Sub("status_transitions")["marked_uncollectible_at"] = t.Now()
	delete(in, "_due")
	t.Emit("invoice.updated", in)
	t.Emit("invoice.marked_uncollectible", in)
}

// upcoming is the next invoice as it would be now. It has no ID yet.
func (t *Tx) upcoming(s wire.Object) wire.Object {
	next := s.Clone()
	next["current_period_start"], next["current_period_end"] = s.Int("current_period_end"), nextPeriod(s, s.Int("current_period_end"))
	in := wire.Blank("invoice")
	delete(in, "id")
	in["object"], in["created"], in["livemode"], in["metadata"] = "invoice", s.Int("current_period_end"), t.ledger.config.Livemode, wire.Object{}
	t.fill(in, next, "upcoming", slices.Concat(t.periodLines(next, false), next.List("_prorations")))
	in["next_payment_attempt"] = s.Int("current_period_end") + draftLife
	in.Sub("lines")["url"] = "/v1/invoices/upcoming/lines"
	for _, line := range in.List("lines") {
		line["invoice"] = nil
	}
	return in
}
