package ledger

import "twigz/temporal-dev/stripestandin/wire"

// What banks do to a charge, and staff do about it in the Dashboard.

// OpenDispute disputes a part of a charge, or of an intent's charge: amount in minor units, 0 for all of it. reason is one of
// Stripe's, such as fraudulent; empty is general. An inquiry moves no money.
func (t *Tx) OpenDispute(chargeOrIntentID string, amount int64, reason string, inquiry bool) (wire.Object, *wire.Error) {
	charge, refusal := t.chargeOf(chargeOrIntentID)
	if refusal != nil {
		return nil, refusal
	}
	if reason == "" {
		reason = "general"
	}
	if amount == 0 {
		amount = charge.Int("amount_captured")
	}
	switch {
	case !charge.Bool("paid") || !charge.Bool("captured"):
		return nil, wire.Invalid("", "", "Charge %s was not collected: nobody can dispute it.", charge.ID())
	case t.underDispute(charge):
		return nil, wire.Invalid("", "", "Charge %s is disputed already.", charge.ID())
	case amount < 1 || amount > charge.Int("amount_captured"):
		return nil, wire.Invalid("", "amount", "The amount of a dispute is between 1 and what was collected: %d.", charge.Int("amount_captured"))
	}
	d := t.dispute(charge, amount, reason, inquiry)
	if inquiry {
		t.Emit("charge.dispute.created", d)
		return d, nil
	}
	t.bookDispute(d, "dispute", -amount)
	t.Emit("charge.dispute.created", d)
	t.Emit("charge.dispute.funds_withdrawn", d)
	t.closeReview(charge, "disputed")
	return d, nil
}

// underDispute tells whether a charge has a dispute that is open, or that has taken the money.
func (t *Tx) underDispute(charge wire.Object) bool {
	d := t.Read(charge.Text("_dispute"))
	return d != nil && (isOpen(d) || d.Text("status") == "lost")
}

// openDispute finds a dispute that is open.
func (t *Tx) openDispute(id string) (wire.Object, *wire.Error) {
	d, refusal := t.Edit("dispute", id, "")
	if refusal == nil && !isOpen(d) {
		refusal = wire.Invalid("", "", "This dispute is already closed")
	}
	return d, refusal
}

// UpdateDispute adds evidence in words, as staff do in the Dashboard, and hands it to the bank if submit says so. The words
// winning_evidence, losing_evidence and escalate_inquiry_evidence decide the dispute, as in Stripe's test mode.
func (t *Tx) UpdateDispute(id, words string, submit bool) *wire.Error {
	_, refusal := updateDispute(t, Input{ID: id, Params: wire.Object{"evidence": wire.Object{"uncategorized_text": words}, "submit": submit}})
	return refusal
}

// EscalateDispute makes a dispute of an inquiry: now the money is withdrawn.
func (t *Tx) EscalateDispute(id string) *wire.Error {
	d, refusal := t.openDispute(id)
	switch {
	case refusal != nil:
		return refusal
	case !isInquiry(d):
		return wire.Invalid("", "", "This dispute is no inquiry any more.")
	}
	t.escalate(d)
	return nil
}

// CloseDispute is the bank's decision: won or lost, or warning_closed for an inquiry.
func (t *Tx) CloseDispute(id, status string) *wire.Error {
	d, refusal := t.openDispute(id)
	if refusal != nil {
		return refusal
	}
	switch {
	case isInquiry(d) && status != "warning_closed":
		return wire.Invalid("", "status", "An inquiry can only become warning_closed.")
	case !isInquiry(d) && status != "won" && status != "lost":
		return wire.Invalid("", "status", "A dispute can only become won or lost.")
	}
	t.closeDispute(d, status)
	return nil
}
