package ledger

import "twigz/temporal-dev/stripestandin/wire"

// A review is Radar's, or a member of staff's, question whether a payment is fraudulent. It is closed by approving it, and by
// whatever else settles the matter: a refund of all, a dispute, a cancellation. https://docs.stripe.com/radar/reviews
var reviewCalls = map[string]Call{
	"GET /v1/reviews":                   listReviews,
	"GET /v1/reviews/{review}":          retrieve("review"),
	"POST /v1/reviews/{review}/approve": approveReview,
}

// listReviews lists those that are open.
func listReviews(t *Tx, in Input) (wire.Object, *wire.Error) {
	return t.list("review", in, "/v1/reviews", func(r wire.Object) bool { return r.Bool("open") && fits(r, in.Params) })
}

// review puts a payment into review: rule or manual says who did.
func (t *Tx) review(intent, charge wire.Object, reason string) wire.Object {
	r := t.Make("review", "prv")
	r["charge"], r["payment_intent"] = charge.ID(), intent.ID()
	r["open"], r["opened_reason"], r["reason"] = true, reason, reason
	r["billing_zip"] = charge.Sub("billing_details").Sub("address")["postal_code"]
	intent["review"], charge["review"] = r.ID(), r.ID()
	return r
}

// closeReview closes the review of a charge, if it has one that is open.
func (t *Tx) closeReview(charge wire.Object, reason string) {
	id := charge.Text("review")
	if id == "" || !t.Read(id).Bool("open") {
		return
	}
	r := t.edit(id)
	r["open"], r["closed_reason"], r["reason"] = false, reason, reason
	t.Emit("review.closed", r)
}

func approveReview(t *Tx, in Input) (wire.Object, *wire.Error) {
	refusal := t.CloseReview(in.ID, "approved")
	return t.Read(in.ID), refusal
}

// OpenReview puts a payment into review, as one of Radar's rules does (rule), or staff in the Dashboard (manual, which the empty
// reason is too).
func (t *Tx) OpenReview(intentID, reason string) (wire.Object, *wire.Error) {
	if reason == "" {
		reason = "manual"
	}
	intent, refusal := t.Edit("payment_intent", intentID, "")
	if refusal != nil {
		return nil, refusal
	}
	charge := t.Read(intent.Text("latest_charge"))
	switch {
	case reason != "rule" && reason != "manual":
		return nil, wire.Invalid("", "reason", "Invalid reason: must be one of rule, manual")
	case !charge.Bool("paid") || intent.Text("status") == "canceled":
		return nil, uncharged(intentID)
	case t.Read(charge.Text("review")).Bool("open"):
		return nil, wire.Invalid("", "", "This payment is in review already.")
	}
	r := t.review(intent, t.edit(charge.ID()), reason)
	t.Emit("review.opened", r)
	return r, nil
}

// closings do what lies behind the reason for which a review is closed.
var closings = map[string]func(t *Tx, charge wire.Object) *wire.Error{
	"approved":          func(t *Tx, charge wire.Object) *wire.Error { t.closeReview(charge, "approved"); return nil },
	"redacted":          func(t *Tx, charge wire.Object) *wire.Error { t.closeReview(charge, "redacted"); return nil },
	"refunded":          func(t *Tx, charge wire.Object) *wire.Error { return t.giveBack(charge, "") },
	"refunded_as_fraud": func(t *Tx, charge wire.Object) *wire.Error { return t.giveBack(charge, "fraudulent") },
	"disputed": func(t *Tx, charge wire.Object) *wire.Error {
		_, refusal := t.OpenDispute(charge.ID(), 0, "fraudulent", false)
		return refusal
	},
}

// CloseReview closes a review: approved, redacted, refunded, refunded_as_fraud (which give the money back) or disputed (which
// opens a dispute).
func (t *Tx) CloseReview(id, reason string) *wire.Error {
	r, refusal := t.Edit("review", id, "")
	switch {
	case refusal != nil:
		return refusal
	case !r.Bool("open"):
		return wire.Invalid("", "", "This review is already closed.")
	case closings[reason] == nil:
		return wire.Invalid("", "reason", "Invalid reason: must be one of approved, redacted, refunded, refunded_as_fraud, disputed")
	}
	return closings[reason](t, t.edit(r.Text("charge")))
}

// giveBack refunds all of a charge, or cancels its payment where it is not collected yet.
func (t *Tx) giveBack(charge wire.Object, reason string) *wire.Error {
	if !charge.Bool("captured") {
		return t.CancelIntent(charge.Text("payment_intent"), reason)
	}
	_, refusal := t.Refund(charge.ID(), 0, reason)
	return refusal
}
