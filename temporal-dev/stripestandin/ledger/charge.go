package ledger

import (
	"cmp"

	"twigz/temporal-dev/stripestandin/wire"
)

// A charge is one attempt to collect a payment intent. Its private field _refunds says what its refunds will do, see
// SetRefundOutcome.
var chargeCalls = map[string]Call{
	"GET /v1/charges":                  filtered("charge", "/v1/charges"),
	"GET /v1/charges/{charge}":         retrieve("charge"),
	"POST /v1/charges/{charge}":        updateCharge,
	"GET /v1/charges/{charge}/refunds": listChargeRefunds,
}

// copied are the fields that a charge has from its intent.
var copied = []string{
	"amount", "currency", "customer", "description", "invoice", "metadata", "receipt_email", "shipping", "statement_descriptor",
	"statement_descriptor_suffix", "transfer_group", "_refunds",
}

// newCharge makes the charge of an intent, neither paid nor failed yet.
func (t *Tx) newCharge(intent, m wire.Object) wire.Object {
	does, _ := behaviour(m.Text("_test"))
	c := t.Make("charge", map[string]string{"card": "ch", "us_bank_account": "py"}[does.kind()])
	delete(c, "refunds")
	for field, value := range intent.Clone() {
		for _, name := range copied {
			if field == name {
				c[name] = value
			}
		}
	}
	c["payment_intent"], c["payment_method"] = intent.ID(), m.ID()
	c["billing_details"] = m.Sub("billing_details").Clone()
	c["payment_method_details"] = wire.Object{"type": does.kind(), does.kind(): does.details(c.Int("amount"))}
	c["calculated_statement_descriptor"] = cmp.Or(intent.Text("statement_descriptor"), "STAND-IN")
	c["balance_transaction"], c["receipt_url"], c["fraud_details"] = nil, nil, wire.Object{}
	intent["latest_charge"] = c.ID()
	return c
}

// details are a charge's payment_method_details.
func (m testMethod) details(amount int64) wire.Object {
	details := wire.Part("charge", "payment_method_details", m.kind())
	known := m.funds()
	if m.kind() == "card" {
		details["amount_authorized"], details["network"] = amount, m.brand
		details["network_token"] = wire.Object{"used": false}
		details["overcapture"] = wire.Object{"maximum_amount_capturable": amount, "status": "unavailable"}
	}
	for field := range details {
		if value, has := known[field]; has {
			details[field] = value
		}
	}
	return details
}

// approve makes a charge one that the bank agrees to.
func (t *Tx) approve(intent, charge wire.Object) {
	does, _ := behaviour(t.Read(charge.Text("payment_method")).Text("_test"))
	charge["paid"], charge["status"] = true, "succeeded"
	charge["outcome"] = outcome(does, "")
	if does.kind() != "card" {
		charge.Sub("outcome")["risk_level"] = "not_assessed"
	}
	charge["receipt_url"] = "https://pay.stripe.com/receipts/payment/" + charge.ID()
	if does.risk == "elevated" {
		t.review(intent, charge, "rule")
	}
}

// release gives back what was authorized and is not collected, which Stripe counts as refunded.
func (t *Tx) release(charge wire.Object, amount int64) {
	refund := t.Make("refund", "re")
	refund["amount"], refund["currency"], refund["status"] = amount, charge["currency"], "succeeded"
	refund["charge"], refund["payment_intent"] = charge.ID(), charge["payment_intent"]
	refund["destination_details"] = wire.Object{"type": "card", "card": wire.Object{"type": "reversal"}}
	refunded(charge, amount)
}

// refunded counts a refund on its charge; a negative amount one that did not go through.
func refunded(charge wire.Object, amount int64) {
	charge["amount_refunded"] = charge.Int("amount_refunded") + amount
	charge["refunded"] = charge.Int("amount_refunded") == charge.Int("amount")
}

// chargeDue comes two seconds after a payment: what it means for the balance is known only then, because capture_method is
// automatic_async unless the intent says otherwise. https://docs.stripe.com/payments/payment-intents/asynchronous-capture
func chargeDue(t *Tx, charge wire.Object) {
	delete(charge, "_due")
	charge["balance_transaction"] = t.book("charge", charge, charge.Int("amount_captured")).ID()
	t.Emit("charge.updated", charge)
}

func updateCharge(t *Tx, in Input) (wire.Object, *wire.Error) {
	served := []string{"customer", "description", "expand", "fraud_details", "metadata", "receipt_email", "shipping", "transfer_group"}
	if refusal := checkServed(in.Params, served, ""); refusal != nil {
		return nil, refusal
	}
	c, refusal := t.Edit("charge", in.ID, "")
	if refusal == nil {
		refusal = checkEmail(in.Params, "receipt_email")
	}
	if id := in.Params.Text("customer"); refusal == nil && id != "" {
		_, refusal = t.Find("customer", id, "customer")
	}
	if refusal != nil {
		return nil, refusal
	}
	assign(c, in.Params, "customer", "description", "fraud_details", "metadata", "receipt_email", "transfer_group")
	if value, given := in.Params["shipping"]; given {
		c["shipping"] = filled(value, "charge", "shipping")
	}
	t.emitUpdated("charge.updated", c)
	return c, nil
}

// chargeOf finds the charge whose ID, or whose intent's, is given. The error is a 404.
func (t *Tx) chargeOf(id string) (wire.Object, *wire.Error) {
	if intent := t.Read(id); intent.Kind() == "payment_intent" {
		if charge := intent.Text("latest_charge"); charge != "" {
			return t.edit(charge), nil
		}
		return nil, uncharged(id)
	}
	return t.Edit("charge", id, "")
}

func uncharged(intentID string) *wire.Error {
	return wire.Invalid("", "", "This PaymentIntent (%s) does not have a successful charge.", intentID)
}

func listChargeRefunds(t *Tx, in Input) (wire.Object, *wire.Error) {
	if _, refusal := t.Find("charge", in.ID, ""); refusal != nil {
		return nil, refusal
	}
	return t.list("refund", in, refundsPath(in.ID), func(r wire.Object) bool { return r.Text("charge") == in.ID })
}

func refundsPath(chargeID string) string { return "/v1/charges/" + chargeID + "/refunds" }

// chargeRefunds is the list that a charge includes when it is expanded: the first page.
func chargeRefunds(t *Tx, shown wire.Object) wire.Object {
	all := t.all("refund", "charge", shown.ID())
	return wire.List(refundsPath(shown.ID()), len(all) > 10, all[:min(10, len(all))])
}
