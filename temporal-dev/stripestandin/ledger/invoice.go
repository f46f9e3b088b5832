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
// A renewal's is a draft for an hour. How it is collected is in invoice_collect.go.
const draftLife = 60 * 60

// newInvoice makes the draft of an invoice for a subscription, with the lines that were to go onto the next one.
func (t *Tx) newInvoice(s wire.Object, reason string, lines []wire.Object) wire.Object {
	in := t.Make("invoice", "in")
	t.fill(in, s, reason, slices.Concat(lines, s.List("_prorations")))
	delete(s, "_prorations")
	s["latest_invoice"] = in.ID()
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
	in["account_country"] = "US"
	in["period_start"], in["period_end"] = t.looksBack(s)
	for _, line := range lines {
		line["invoice"] = nullable(in.ID())
	}
	t.taxInvoice(in, s, lines)
	in["lines"] = wire.List("/v1/invoices/"+in.ID()+"/lines", false, lines)
	t.demand(in)
}

// looksBack is the period that an invoice says it is for, in seconds since 1970. At Stripe that of a renewal is the one that has
// ended; the one that is paid for is in the lines. https://docs.stripe.com/api/invoices/object#invoice_object-period_start
func (t *Tx) looksBack(s wire.Object) (start, end int64) {
	if s.Has("_ended_period") {
		return s.Int("_ended_period"), s.Int("current_period_start")
	}
	return t.Now(), t.Now()
}

// demand is what an invoice's customer has to pay: its total and what their balance says that they owe, or less what they are
// owed. What is too little to be charged is left for the next invoice.
func (t *Tx) demand(in wire.Object) {
	balance := t.Read(in.Text("customer")).Int("balance")
	due := in.Int("total") + balance
	if due < max(least[in.Text("currency")], 1) {
		due = 0
	}
	in["starting_balance"], in["amount_due"], in["amount_remaining"] = balance, due, due
}

// bill makes the invoice of a period that has begun, which is finalized in an hour. Nobody collects it while the subscription
// is unpaid or its collection is paused.
func (t *Tx) bill(s wire.Object) {
	in := t.newInvoice(s, "subscription_cycle", t.periodLines(s, false))
	t.emitUpdated("customer.subscription.updated", s)
	in["auto_advance"] = s.Text("status") != "unpaid" && s.Sub("pause_collection").Text("behavior") != "keep_as_draft"
	t.advanceInvoice(in)
	t.Emit("invoice.created", in)
}

// advanceInvoice notes when a draft is to be finalized, or an open invoice to be collected: in an hour, or never.
func (t *Tx) advanceInvoice(in wire.Object) {
	delete(in, "_due")
	in["next_payment_attempt"], in["automatically_finalizes_at"] = nil, nil
	if !in.Bool("auto_advance") {
		return
	}
	in["_due"] = t.Now() + draftLife
	in["next_payment_attempt"] = in["_due"]
	if in.Text("status") == "draft" {
		in["automatically_finalizes_at"] = in["_due"]
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
		in["_automatic"] = true
		_ = t.collect(in) // events tell what came of it
		delete(in, "_automatic")
	}
}

// finalize makes a draft an invoice that is due. One of nothing is paid by that.
func (t *Tx) finalize(in wire.Object) {
	delete(in, "_due")
	in["automatically_finalizes_at"] = nil
	customer := t.edit(in.Text("customer"))
	in["number"] = fmt.Sprintf("%s-%04d", customer.Text("invoice_prefix"), customer.Int("next_invoice_sequence"))
	customer["next_invoice_sequence"] = customer.Int("next_invoice_sequence") + 1
	t.demand(in)
	in["status"], in["effective_at"] = "open", t.Now()
	in["ending_balance"] = in.Int("starting_balance") + in.Int("total") - in.Int("amount_due")
	in.Sub("status_transitions")["finalized_at"] = t.Now()
	page := t.ledger.page("invoice", in.ID())
	in["hosted_invoice_url"], in["invoice_pdf"] = page, page+"/pdf"
	t.Emit("invoice.finalized", in)
	t.credit(customer, in.Int("total")-in.Int("amount_due"))
	if in.Int("amount_due") == 0 {
		t.settle(in, nil)
		return
	}
	intent, refusal := t.newIntent(t.invoiceIntent(in))
	if refusal == nil { // an amount that cannot be charged, such as one that is too large, is left open without an intent
		in["payment_intent"] = intent.ID()
	}
}

// credit changes what a customer owes, or is owed where that is less than nothing, in minor units.
func (t *Tx) credit(customer wire.Object, amount int64) {
	if amount != 0 && !customer.Bool("deleted") {
		customer["balance"] = customer.Int("balance") + amount
		t.Emit("customer.updated", customer)
	}
}

// invoiceIntent are the parameters of the intent that pays an invoice.
func (t *Tx) invoiceIntent(in wire.Object) wire.Object {
	params := wire.Object{
		"amount": in.Int("amount_due"), "currency": in.Text("currency"), "customer": in.Text("customer"), "invoice": in.ID(),
		"description": "Subscription update",
	}
	if in.Text("billing_reason") == "subscription_create" {
		params["description"], params["setup_future_usage"] = "Subscription creation", "off_session"
	}
	return params
}

// void takes back an invoice that is not paid. A subscription whose first one it was never begins.
func (t *Tx) void(in wire.Object) {
	in["status"], in["auto_advance"], in["next_payment_attempt"] = "void", false, nil
	in.Sub("status_transitions")["voided_at"] = t.Now()
	delete(in, "_due")
	t.Emit("invoice.updated", in)
	t.Emit("invoice.voided", in)
	t.credit(t.edit(in.Text("customer")), in.Int("amount_due")-in.Int("total"))
	if intent := t.Read(in.Text("payment_intent")); intent != nil && intent.Text("status") != "canceled" {
		t.cancelIntent(t.edit(intent.ID()), "void_invoice")
	}
	if s := t.Read(in.Text("subscription")); s.Text("status") == "incomplete" {
		t.expire(t.edit(s.ID()))
	}
}

// giveUp says of an invoice that it will not be paid. Its subscription is in good standing by that, if it is the latest.
func (t *Tx) giveUp(in wire.Object) {
	in["status"], in["auto_advance"], in["next_payment_attempt"] = "uncollectible", false, nil
	in.Sub("status_transitions")["marked_uncollectible_at"] = t.Now()
	delete(in, "_due")
	t.Emit("invoice.updated", in)
	t.Emit("invoice.marked_uncollectible", in)
	if s := t.Read(in.Text("subscription")); s.Text("status") != "incomplete" {
		t.activate(in)
	}
}

// upcoming is the next invoice as it would be now. It has no ID yet.
func (t *Tx) upcoming(s wire.Object) wire.Object {
	next := s.Clone()
	next["current_period_start"], next["current_period_end"] = s.Int("current_period_end"), nextPeriod(s, s.Int("current_period_end"))
	next["_ended_period"] = s.Int("current_period_start")
	in := wire.Blank("invoice")
	delete(in, "id")
	in["object"], in["created"], in["livemode"], in["metadata"] = "invoice", s.Int("current_period_end"), t.ledger.config.Livemode, wire.Object{}
	t.fill(in, next, "upcoming", slices.Concat(t.periodLines(next, false), next.List("_prorations")))
	in["next_payment_attempt"] = s.Int("current_period_end") + draftLife
	in.Sub("lines")["url"] = "/v1/invoices/upcoming/lines"
	return in
}
