package control

import (
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// unpaid is what leaves a new payment to be paid later.
const unpaid = "none"

// paymentActs are what customers and banks do to payments.
var paymentActs = []act{
	{
		"new_payment", nil,
		"Make a payment",
		append(
			[]field{
				number("amount", "Amount in minor units (2674 is 26.74 USD)"),
				{Name: "currency", Label: "Currency", Type: "text", Default: "usd"},
				text("email", "Mail address"), methods(unpaid),
			},
			rare(text("customer", "Customer (cus_…)"), text("description", "Description"))...,
		),
		nil, newPayment,
	},
	{
		"pay_intent",
		[]string{"payment_intent"},
		"The customer pays",
		[]field{methods(), text("email", "Mail address")},
		func(t *ledger.Tx, o wire.Object) bool {
			return o.Text("_session") == "" && when("requires_payment_method", "requires_confirmation")(t, o)
		},
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.PayIntent(id, in.Text("method"), given(in, "email"))
		},
	},
	{
		"complete_action",
		[]string{"payment_intent"},
		"The customer authenticates",
		[]field{choice("result", "The authentication has", "succeeded", "failed")},
		when("requires_action"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.CompleteAction(id, in.Text("result") == "succeeded")
		},
	},
	{
		"settle_intent",
		[]string{"payment_intent"},
		"The bank answers",
		[]field{choice("result", "The payment has", "succeeded", "failed")},
		when("processing"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.SettleIntent(id, in.Text("result") == "succeeded")
		},
	},
	{
		"capture_intent",
		[]string{"payment_intent"},
		"Capture it",
		[]field{amount},
		when("requires_capture"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			params := wire.Object{}
			if part := in.Int("amount"); part > 0 {
				params["amount_to_capture"] = part
			}
			_, refusal := call(t, "POST /v1/payment_intents/{intent}/capture", id, params)
			return nil, refusal
		},
	},
	{
		"cancel_intent",
		[]string{"payment_intent"},
		"Cancel it",
		[]field{choice("reason", "Because", "requested_by_customer", "abandoned", "duplicate", "fraudulent")},
		func(t *ledger.Tx, o wire.Object) bool {
			return o.Text("_session") == "" && o.Text("invoice") == "" && !when("succeeded", "canceled")(t, o)
		},
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.CancelIntent(id, in.Text("reason"))
		},
	},
}

func newPayment(t *ledger.Tx, _ string, in wire.Object) (wire.Object, *wire.Error) {
	if in.Text("method") != unpaid {
		return t.Pay(ledger.Payment{
			Amount: in.Int("amount"), Currency: in.Text("currency"), ReceiptEmail: in.Text("email"), Customer: in.Text("customer"),
			Description: in.Text("description"), BillingDetails: ledger.BillingDetails{Email: in.Text("email")}, Method: in.Text("method"),
		})
	}
	params := given(in, "customer", "description")
	params["amount"], params["currency"] = in["amount"], in["currency"]
	if in.Text("email") != "" {
		params["receipt_email"] = in["email"]
	}
	return call(t, "POST /v1/payment_intents", "", params)
}

// chargeOf is the charge that paid an intent, or the charge itself; nil when nothing was collected.
func chargeOf(t *ledger.Tx, o wire.Object) wire.Object {
	if o.Kind() == "payment_intent" {
		o = t.Read(o.Text("latest_charge"))
	}
	if o.Text("status") != "succeeded" {
		return nil
	}
	return o
}

// collected offers an act to what has been captured.
func collected(t *ledger.Tx, o wire.Object) bool { return chargeOf(t, o).Bool("captured") }

// unreturned offers an act to what has been captured and can still be refunded.
func unreturned(t *ledger.Tx, o wire.Object) bool {
	latest := t.First("dispute", "charge", chargeOf(t, o).ID())
	return collected(t, o) && !chargeOf(t, o).Bool("refunded") && (latest == nil || latest.Bool("is_charge_refundable"))
}

// undisputed offers an act to what has been captured and has no dispute that is open or lost.
func undisputed(t *ledger.Tx, o wire.Object) bool {
	latest := t.First("dispute", "charge", chargeOf(t, o).ID())
	return collected(t, o) && (latest == nil || when("won", "warning_closed")(t, latest))
}

// refundActs are what staff and banks do about payments that were collected.
var refundActs = []act{
	{
		"refund",
		[]string{"payment_intent", "charge"},
		"Refund it",
		[]field{amount, choice("reason", "Because", "requested_by_customer", "duplicate", "fraudulent")},
		unreturned,
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return t.Refund(id, in.Int("amount"), in.Text("reason"))
		},
	},
	{
		"refund_outcome",
		[]string{"payment_intent", "charge"},
		"Say how refunds will go",
		[]field{choice("outcome", "They will be", "succeeded", "pending", "failed", "requires_action")},
		unreturned,
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.SetRefundOutcome(id, in.Text("outcome"))
		},
	},
	{
		"open_dispute",
		[]string{"payment_intent", "charge"},
		"The customer disputes it",
		[]field{
			choice("reason", "Because", "fraudulent", "product_not_received", "product_unacceptable", "duplicate", "credit_not_processed", "general"),
			choice("type", "As", "dispute", "inquiry"), amount,
		},
		undisputed,
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return t.OpenDispute(id, in.Int("amount"), in.Text("reason"), in.Text("type") == "inquiry")
		},
	},
	{
		"open_review",
		[]string{"payment_intent"},
		"Put it into review",
		[]field{choice("reason", "Because of", "rule", "manual")},
		func(t *ledger.Tx, o wire.Object) bool {
			return chargeOf(t, o) != nil && !t.Read(o.Text("review")).Bool("open")
		},
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return t.OpenReview(id, in.Text("reason"))
		},
	},
	{
		"settle_refund",
		[]string{"refund"},
		"The bank answers",
		[]field{
			choice("status", "The refund has", "succeeded", "failed", "canceled"),
			choice("failureReason", "If it has failed, because", "expired_or_canceled_card", "lost_or_stolen_card", "unknown"),
		},
		when("pending", "requires_action"), settleRefund,
	},
	{
		"fail_refund",
		[]string{"refund"},
		"It fails after all",
		[]field{choice("failureReason", "Because", "expired_or_canceled_card", "lost_or_stolen_card", "unknown")},
		when("succeeded"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.SettleRefund(id, "failed", in.Text("failureReason"))
		},
	},
	{
		"update_dispute",
		[]string{"dispute"},
		"Give evidence",
		[]field{text("words", "Evidence (winning_evidence and losing_evidence decide)"), choice("submit", "Hand it in", "no", "yes")},
		when("needs_response", "warning_needs_response"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.UpdateDispute(id, in.Text("words"), in.Text("submit") == "yes")
		},
	},
	{
		"escalate_dispute",
		[]string{"dispute"},
		"The inquiry becomes a dispute", nil, when("warning_needs_response", "warning_under_review"),
		func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
			return nil, t.EscalateDispute(id)
		},
	},
	{
		"close_dispute",
		[]string{"dispute"},
		"The bank decides",
		[]field{choice("status", "It is", "won", "lost")},
		when("needs_response", "under_review"), closeDispute,
	},
	{
		"close_inquiry",
		[]string{"dispute"},
		"The bank lets it rest", nil, when("warning_needs_response", "warning_under_review"),
		func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
			return nil, t.CloseDispute(id, "warning_closed")
		},
	},
	{
		"close_review",
		[]string{"review"},
		"Close it",
		[]field{choice("reason", "It is", "approved", "refunded", "refunded_as_fraud", "disputed", "redacted")},
		func(_ *ledger.Tx, o wire.Object) bool { return o.Bool("open") },
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.CloseReview(id, in.Text("reason"))
		},
	},
}

func settleRefund(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
	reason := in.Text("failureReason")
	if in.Text("status") != "failed" {
		reason = ""
	}
	return nil, t.SettleRefund(id, in.Text("status"), reason)
}

func closeDispute(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
	return nil, t.CloseDispute(id, in.Text("status"))
}
