package ledger

import (
	"slices"
	"strings"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

// A dispute's life. While it is open, and after it is lost, its charge cannot be refunded; that of an inquiry can.
//
//	warning_needs_response ─▶ warning_under_review ─▶ warning_closed
//	        │ (escalated)             │
//	        ▼                         ▼
//	needs_response ─evidence─▶ under_review ─▶ won, lost
//
// One to which nobody responds in time is lost. https://docs.stripe.com/disputes/how-disputes-work
var disputeCalls = map[string]Call{
	"GET /v1/disputes":                  filtered("dispute", "/v1/disputes"),
	"GET /v1/disputes/{dispute}":        retrieve("dispute"),
	"POST /v1/disputes/{dispute}":       updateDispute,
	"POST /v1/disputes/{dispute}/close": dismissDispute,
}

// evidenceTime is how long there is to respond, in seconds. The last day counts whole.
const evidenceTime = 8 * day

// networkCodes are Visa's codes for the reasons of disputes.
var networkCodes = map[string]string{
	"credit_not_processed": "13.7", "duplicate": "12.6.1", "fraudulent": "10.4", "general": "13.9", "product_not_received": "13.1",
	"product_unacceptable": "13.3", "subscription_canceled": "13.2", "unrecognized": "10.4",
}

func isOpen(d wire.Object) bool {
	return !slices.Contains([]string{"won", "lost", "warning_closed"}, d.Text("status"))
}

func isInquiry(d wire.Object) bool { return strings.HasPrefix(d.Text("status"), "warning_") }

// dispute makes a dispute of a charge, before any money is withdrawn.
func (t *Tx) dispute(charge wire.Object, amount int64, reason string, inquiry bool) wire.Object {
	d := t.Make("dispute", "du")
	d["amount"], d["currency"], d["reason"] = amount, charge["currency"], reason
	d["charge"], d["payment_intent"] = charge.ID(), charge["payment_intent"]
	d["status"], d["is_charge_refundable"] = "needs_response", inquiry
	caseType, code := "chargeback", networkCodes[reason]
	if inquiry {
		d["status"], caseType, code = "warning_needs_response", "inquiry", "10"
	}
	delete(d, "payment_method_details")
	if card := charge.Sub("payment_method_details").Sub("card"); card != nil {
		d["payment_method_details"] = wire.Object{"type": "card", "card": wire.Object{
			"brand": card.Text("brand"), "case_type": caseType, "network_reason_code": nullable(code),
		}}
	}
	due := time.Unix(t.Now()+evidenceTime, 0).UTC().Truncate(day*time.Second).Unix() + day - 1
	d.Sub("evidence_details")["due_by"], d["_due"] = due, due
	evidence, billing := d.Sub("evidence"), charge.Sub("billing_details")
	evidence["customer_name"], evidence["customer_email_address"] = billing["name"], billing["email"]
	charge["disputed"], charge["_dispute"] = true, d.ID()
	return d
}

// tell tells of a dispute's change, which counts as one of its charge too.
func (t *Tx) tell(eventType string, d wire.Object) {
	t.Emit(eventType, d)
	t.Emit("charge.updated", t.Read(d.Text("charge")))
}

func (t *Tx) bookDispute(d wire.Object, why string, amount int64) {
	d["balance_transactions"] = append(d.List("balance_transactions"), t.book(why, d, amount))
}

// updateDispute adds evidence, and hands it to the bank unless submit is false.
func updateDispute(t *Tx, in Input) (wire.Object, *wire.Error) {
	d, refusal := t.Edit("dispute", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	assign(d, in.Params, "metadata")
	evidence, submit := in.Params.Sub("evidence"), in.Params["submit"] != false
	if evidence != nil || in.Params["submit"] == true {
		if refusal := t.respond(d, evidence, submit); refusal != nil {
			return nil, refusal
		}
	}
	if len(t.previous(d)) > 0 {
		t.tell("charge.dispute.updated", d)
	}
	if submit && evidence != nil {
		t.judge(d)
	}
	return d, nil
}

func (t *Tx) respond(d, evidence wire.Object, submit bool) *wire.Error {
	details := d.Sub("evidence_details")
	switch {
	case !isOpen(d):
		return wire.Invalid("", "", "This dispute is already closed")
	case details.Int("submission_count") > 0:
		return wire.Invalid("", "evidence", "Evidence for this dispute has already been submitted.")
	}
	assign(d.Sub("evidence"), evidence, evidence.Keys()...)
	details["has_evidence"] = true
	if submit {
		details["submission_count"] = 1
		d["status"] = strings.Replace(d.Text("status"), "needs_response", "under_review", 1)
		delete(d, "_due")
	}
	return nil
}

// judge lets the words decide that Stripe has for that in test mode. https://docs.stripe.com/testing#disputes
func (t *Tx) judge(d wire.Object) {
	won, lost := "won", "lost"
	if isInquiry(d) {
		won = "warning_closed"
	}
	switch d.Sub("evidence").Text("uncategorized_text") {
	case "winning_evidence":
		t.closeDispute(d, won)
	case "losing_evidence":
		t.closeDispute(d, lost)
	case "escalate_inquiry_evidence":
		t.escalate(d)
	}
}

// dismissDispute is the account's admission that a dispute is lost.
func dismissDispute(t *Tx, in Input) (wire.Object, *wire.Error) {
	d, refusal := t.Edit("dispute", in.ID, "")
	switch {
	case refusal != nil:
		return nil, refusal
	case !isOpen(d):
		return nil, wire.Invalid("", "", "This dispute is already closed")
	}
	t.closeDispute(d, "lost")
	return d, nil
}

// escalate makes a dispute of an inquiry.
func (t *Tx) escalate(d wire.Object) {
	d["status"], d["is_charge_refundable"] = "needs_response", false
	d.Sub("evidence_details")["submission_count"] = 0
	d["_due"] = d.Sub("evidence_details").Int("due_by")
	if card := d.Sub("payment_method_details").Sub("card"); card != nil {
		card["case_type"] = "chargeback"
	}
	t.bookDispute(d, "dispute", -d.Int("amount"))
	t.tell("charge.dispute.updated", d)
	t.Emit("charge.dispute.funds_withdrawn", d)
}

// closeDispute ends a dispute: won, lost or warning_closed. The money of one that is won comes back; the fee does not.
func (t *Tx) closeDispute(d wire.Object, status string) {
	d["status"], d["is_charge_refundable"] = status, status != "lost"
	delete(d, "_due")
	if status == "won" {
		t.bookDispute(d, "dispute_reversal", d.Int("amount"))
		t.Emit("charge.dispute.funds_reinstated", d)
	}
	t.tell("charge.dispute.closed", d)
}

// disputeDue: the time to respond is over.
func disputeDue(t *Tx, d wire.Object) {
	d.Sub("evidence_details")["past_due"] = true
	status := "lost"
	if isInquiry(d) {
		status = "warning_closed"
	}
	t.closeDispute(d, status)
}
