package ledger

import "twigz/temporal-dev/stripestandin/wire"

var balanceCalls = map[string]Call{
	"GET /v1/balance_transactions":      filtered("balance_transaction", "/v1/balance_transactions"),
	"GET /v1/balance_transactions/{id}": retrieve("balance_transaction"),
}

// disputeFee is what Stripe takes for a dispute, in minor units.
const disputeFee = 1500

// bookings are how what the balance is changed for is called: type, reporting category and description.
var bookings = map[string]struct{ kind, category, description string }{
	"charge":           {"charge", "charge", ""},
	"refund":           {"refund", "refund", "Refund for "},
	"refund_failure":   {"refund_failure", "refund_failure", "Refund failure for "},
	"dispute":          {"adjustment", "dispute", "Chargeback withdrawal for "},
	"dispute_reversal": {"adjustment", "dispute_reversal", "Chargeback reversal for "},
}

// book writes down that the balance changes by an amount, for a charge, a refund or a dispute.
func (t *Tx) book(why string, source wire.Object, amount int64) wire.Object {
	b := t.Make("balance_transaction", "txn")
	fee, about := int64(0), source.Text("charge")
	switch why {
	case "charge":
		fee, about = amount*29/1000+30, source.Text("description")
	case "dispute":
		fee = disputeFee
	}
	booking := bookings[why]
	b["type"], b["reporting_category"] = booking.kind, booking.category
	b["description"] = nullable(booking.description + about)
	b["amount"], b["fee"], b["net"], b["currency"] = amount, fee, amount-fee, source["currency"]
	b["source"], b["status"], b["available_on"] = source.ID(), "available", t.Now()
	if fee > 0 {
		what := map[bool]string{true: "Dispute fee", false: "Stripe processing fees"}[why == "dispute"]
		b["fee_details"] = []wire.Object{{"amount": fee, "application": nil, "currency": source["currency"], "description": what, "type": "stripe_fee"}}
	}
	return b
}
