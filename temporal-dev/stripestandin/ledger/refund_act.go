package ledger

import (
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// What staff do in the Dashboard, and banks do, to refunds.

// Refund gives back a part of a charge, or of an intent's charge, as staff do in the Dashboard. The amount is in minor units;
// 0 is all that is left. The reason may be empty.
func (t *Tx) Refund(chargeOrIntentID string, amount int64, reason string) (wire.Object, *wire.Error) {
	charge, refusal := t.chargeOf(chargeOrIntentID)
	if refusal != nil {
		return nil, refusal
	}
	params := wire.Object{"charge": charge.ID()}
	if amount != 0 {
		params["amount"] = amount
	}
	if reason != "" {
		params["reason"] = reason
	}
	return createRefund(t, Input{Params: params})
}

// SetRefundOutcome says what the coming refunds of a charge, or of an intent, will do, whatever its payment method would have
// them do: succeeded; pending; failed, which is succeeded first and failed days later; or requires_action.
func (t *Tx) SetRefundOutcome(chargeOrIntentID, outcome string) *wire.Error {
	if _, known := refundOutcomes[outcome]; !known || outcome == "" {
		return wire.Invalid("", "outcome", "Invalid outcome: must be one of succeeded, pending, failed, requires_action")
	}
	if intent := t.Read(chargeOrIntentID); intent.Kind() == "payment_intent" {
		t.edit(intent.ID())["_refunds"] = outcome
		if intent.Text("latest_charge") == "" {
			return nil
		}
	}
	charge, refusal := t.chargeOf(chargeOrIntentID)
	if refusal == nil {
		charge["_refunds"] = outcome
	}
	return refusal
}

// refundSources are the statuses from which a refund can come to each.
var refundSources = map[string][]string{
	"succeeded": {"pending", "requires_action"},
	"failed":    {"pending", "requires_action", "succeeded"},
	"canceled":  {"pending", "requires_action"},
}

// SettleRefund is the bank's answer to a refund: succeeded, failed or canceled. failureReason is one of Stripe's, such as
// lost_or_stolen_card; empty is expired_or_canceled_card. A refund that has succeeded can still fail.
func (t *Tx) SettleRefund(id, status, failureReason string) *wire.Error {
	r, refusal := t.Edit("refund", id, "")
	if refusal != nil {
		return refusal
	}
	if now := r.Text("status"); !slices.Contains(refundSources[status], now) {
		return wire.Invalid("", "status", "A refund with a status of %s cannot become %s.", now, status)
	}
	t.settleRefund(r, status, failureReason)
	return nil
}

func (t *Tx) settleRefund(r wire.Object, status, failureReason string) {
	counted := r.Text("status") == "succeeded"
	r["status"], r["_fails"] = status, false
	if status == "failed" {
		r["failure_reason"] = "expired_or_canceled_card"
		if failureReason != "" {
			r["failure_reason"] = failureReason
		}
	}
	delete(r, "_due")
	switch {
	case status == "succeeded":
		t.succeedRefund(r)
	case counted:
		t.undoRefund(r)
	}
	t.tellRefund(r)
	if status == "failed" {
		t.Emit("refund.failed", r)
	}
}

func (t *Tx) succeedRefund(r wire.Object) {
	r["balance_transaction"] = t.book("refund", r, -r.Int("amount")).ID()
	r["_due"] = t.Now() + refundDelay(r)
	t.countRefund(r)
}

// undoRefund gives the money of a refund back to the account. The charge is not refunded by as much any more.
func (t *Tx) undoRefund(r wire.Object) {
	refunded(t.edit(r.Text("charge")), -r.Int("amount"))
	r["failure_balance_transaction"] = t.book("refund_failure", r, r.Int("amount")).ID()
	if card := r.Sub("destination_details").Sub("card"); referencePending(r) {
		card["reference_status"] = "unavailable"
	}
}

// refundDue is what time brings: a reference number within seconds, the bank's answer within days.
func refundDue(t *Tx, r wire.Object) {
	delete(r, "_due")
	switch {
	case r.Text("status") == "pending":
		t.settleRefund(r, "succeeded", "")
	case r.Text("status") == "succeeded" && referencePending(r):
		card := r.Sub("destination_details").Sub("card")
		card["reference"], card["reference_status"] = NewID("")[2:18], "available"
		if r.Bool("_fails") {
			r["_due"] = t.Now() + bankTime
		}
		t.tellRefund(r)
	case r.Bool("_fails"):
		t.settleRefund(r, "failed", "")
	}
}
