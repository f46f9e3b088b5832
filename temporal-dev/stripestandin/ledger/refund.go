package ledger

import (
	"strings"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/wire"
)

// A refund's life.
//
//	           ┌─▶ requires_action ─▶ canceled
//	POST ──────┼─▶ pending ─▶ succeeded, failed or canceled
//	           └─▶ succeeded ─▶ failed, which may come days later
//
// Its private field _fails says that the bank will send it back.
var refundCalls = map[string]Call{
	"POST /v1/refunds":                 createRefund,
	"GET /v1/refunds":                  filtered("refund", "/v1/refunds"),
	"GET /v1/refunds/{refund}":         retrieve("refund"),
	"POST /v1/refunds/{refund}":        updateRefund,
	"POST /v1/refunds/{refund}/cancel": cancelRefund,
}

func createRefund(t *Tx, in Input) (wire.Object, *wire.Error) {
	served := []string{"amount", "charge", "expand", "instructions_email", "metadata", "payment_intent", "reason"}
	if refusal := checkServed(in.Params, served, ""); refusal != nil {
		return nil, refusal
	}
	charge, refusal := t.toRefund(in.Params)
	if refusal != nil {
		return nil, refusal
	}
	left := charge.Int("amount") - charge.Int("amount_refunded") - t.promised(charge)
	amount := left
	if in.Params.Has("amount") {
		amount = in.Params.Int("amount")
	}
	switch {
	case left == 0:
		return nil, wire.Invalid("charge_already_refunded", "", "Charge %s has already been refunded.", charge.ID())
	case amount < 1:
		return nil, wire.Invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > left:
		return nil, wire.Invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", money(charge, amount), money(charge, left))
	}
	return t.refund(charge, amount, in.Params), nil
}

// promised is what refunds of a charge that have not succeeded yet will take of it.
func (t *Tx) promised(charge wire.Object) int64 {
	var sum int64
	for _, r := range t.all("refund", "charge", charge.ID()) {
		if status := r.Text("status"); status == "pending" || status == "requires_action" {
			sum += r.Int("amount")
		}
	}
	return sum
}

// money is an amount of a charge as Stripe's messages have it: $20.00.
func money(charge wire.Object, amount int64) string {
	currency := charge.Text("currency")
	if symbols[currency] == "" {
		return models.Currency(currency).Format(amount)
	}
	return strings.TrimSuffix(spokenAmount(currency, amount), " "+currency)
}

// toRefund finds the charge that the parameters name, which must be one that can be refunded.
func (t *Tx) toRefund(params wire.Object) (wire.Object, *wire.Error) {
	chargeID, intentID := params.Text("charge"), params.Text("payment_intent")
	switch {
	case chargeID == "" && intentID == "":
		return nil, wire.Invalid("", "", "One of the following params should be provided for this request: payment_intent or charge.")
	case chargeID != "" && intentID != "":
		return nil, wire.Invalid("parameters_exclusive", "", "You may only specify one of these parameters: charge, payment_intent.")
	case intentID != "":
		intent, refusal := t.Find("payment_intent", intentID, "")
		if refusal != nil {
			return nil, refusal
		}
		if chargeID = intent.Text("latest_charge"); chargeID == "" {
			return nil, notRefundable(intentID)
		}
	}
	charge, refusal := t.Edit("charge", chargeID, "") // a 404, as if it were in the path
	switch {
	case refusal != nil:
		return nil, refusal
	case !charge.Bool("paid"):
		return nil, notRefundable(charge.Text("payment_intent"))
	case !charge.Bool("captured"):
		return nil, wire.Invalid("", "", "This uncaptured Charge was created by a PaymentIntent (%s). You must cancel the PaymentIntent to reverse the authorization instead of refunding the Charge directly. For more information, see https://stripe.com/docs/payments/place-a-hold-on-a-payment-method", charge.Text("payment_intent"))
	case !t.isRefundable(charge):
		return nil, wire.Invalid("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", charge.ID())
	}
	return charge, nil
}

func notRefundable(intentID string) *wire.Error {
	return wire.Invalid("", "", "This PaymentIntent (%s) does not have a successful charge to refund.", intentID)
}

// isRefundable tells whether no dispute is in the way.
func (t *Tx) isRefundable(charge wire.Object) bool {
	d := t.Read(charge.Text("_dispute"))
	return d == nil || d.Bool("is_charge_refundable")
}

// refundOutcomes are what becomes of a refund: its status at first, and whether the bank sends it back later.
var refundOutcomes = map[string]struct {
	status string
	fails  bool
}{
	"":                {status: "succeeded"},
	"succeeded":       {status: "succeeded"},
	"pending":         {status: "pending"},
	"failed":          {status: "succeeded", fails: true},
	"requires_action": {status: "requires_action"},
}

// refund gives back a part of a charge, with the reason and metadata that the parameters give.
func (t *Tx) refund(charge wire.Object, amount int64, params wire.Object) wire.Object {
	does, _ := behaviour(t.Read(charge.Text("payment_method")).Text("_test"))
	name := does.refunds
	if said := charge.Text("_refunds"); said != "" {
		name = said
	}
	outcome := refundOutcomes[name]
	r := t.Make("refund", "re")
	r["amount"], r["currency"], r["status"], r["_fails"] = amount, charge["currency"], outcome.status, outcome.fails
	r["charge"], r["payment_intent"] = charge.ID(), charge["payment_intent"]
	r["destination_details"] = destination(does)
	assign(r, params, "instructions_email", "metadata", "reason")
	if params.Text("reason") == "fraudulent" {
		charge["fraud_details"] = wire.Object{"user_report": "fraudulent"}
	}
	if outcome.status == "succeeded" {
		r["balance_transaction"] = t.book("refund", r, -amount).ID()
	}
	r["_due"] = t.Now() + refundDelay(r)
	t.Emit("refund.created", r)
	if outcome.status == "succeeded" {
		t.countRefund(r)
	}
	return r
}

// countRefund counts a refund that has succeeded on its charge. One that is pending counts only in what is left to refund.
func (t *Tx) countRefund(r wire.Object) {
	charge := t.edit(r.Text("charge"))
	refunded(charge, r.Int("amount"))
	t.Emit("charge.refunded", charge)
	if charge.Bool("refunded") {
		t.resolve(charge, r.Text("reason"))
	}
}

// destination says where a refund goes. A card's network gives it a reference soon after, see refundDue.
func destination(does testMethod) wire.Object {
	if does.kind() != "card" {
		return wire.Object{"type": "us_bank_transfer", "us_bank_transfer": wire.Object{"reference": nil, "reference_status": nil}}
	}
	return wire.Object{"type": "card", "card": wire.Object{"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}}
}

// refundDelay is how long it takes until something happens to a refund, in seconds.
func refundDelay(r wire.Object) int64 {
	if r.Text("status") == "succeeded" && referencePending(r) {
		return 1
	}
	return bankTime
}

func referencePending(r wire.Object) bool {
	return r.Sub("destination_details").Sub("card").Text("reference_status") == "pending"
}

// resolve ends what a full refund settles: a review, and a bank's inquiry.
func (t *Tx) resolve(charge wire.Object, reason string) {
	closed := "refunded"
	if reason == "fraudulent" {
		closed = "refunded_as_fraud"
	}
	t.closeReview(charge, closed)
	if d := t.Read(charge.Text("_dispute")); d != nil && isOpen(d) && isInquiry(d) {
		t.closeDispute(t.edit(d.ID()), "warning_closed")
	}
}

// updateRefund changes the metadata, which is all that can be changed.
func updateRefund(t *Tx, in Input) (wire.Object, *wire.Error) {
	r, refusal := t.Edit("refund", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	assign(r, in.Params, "metadata")
	if len(t.previous(r)) > 0 {
		t.tellRefund(r)
	}
	return r, nil
}

// tellRefund tells of a refund's change, to those who listen for refunds and to those who listen for charges.
func (t *Tx) tellRefund(r wire.Object) {
	t.Emit("refund.updated", r)
	t.Emit("charge.refund.updated", r)
}

func cancelRefund(t *Tx, in Input) (wire.Object, *wire.Error) {
	r, refusal := t.Edit("refund", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if status := r.Text("status"); status != "requires_action" && status != "pending" {
		return nil, wire.Invalid("", "", "Canceling this refund is unsupported.")
	}
	t.settleRefund(r, "canceled", "")
	return r, nil
}
