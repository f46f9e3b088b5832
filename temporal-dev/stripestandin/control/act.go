package control

import (
	"slices"
	"time"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// act is one thing that can happen.
type act struct {
	Name    string   `json:"name"`
	Kinds   []string `json:"kinds"` // of objects that it happens to
	Says    string   `json:"says"`  // for people, as on a button
	Fields  []field  `json:"fields"`
	offered func(o wire.Object) bool
	do      func(t *ledger.Tx, id string, in wire.Object) *wire.Error
}

// field is one thing that must be said about an act.
type field struct {
	Name    string   `json:"name"`
	Label   string   `json:"label"`
	Type    string   `json:"type"`              // text, number or choice
	Options []string `json:"options,omitempty"` // of a choice; the first is taken where nothing is said
	Value   string   `json:"-"`                 // what a form shows first
}

func choice(name, label string, options ...string) field {
	return field{Name: name, Label: label, Type: "choice", Options: options}
}

func text(name, label string) field { return field{Name: name, Label: label, Type: "text"} }

func number(name, label string) field { return field{Name: name, Label: label, Type: "number"} }

// methods chooses one of Stripe's test payment methods.
func methods() field {
	var names []string
	for _, card := range ledger.Cards() {
		names = append(names, card.Method)
	}
	return choice("method", "With", names...)
}

// in tells whether an object has one of the statuses.
func in(statuses ...string) func(wire.Object) bool {
	return func(o wire.Object) bool { return slices.Contains(statuses, o.Text("status")) }
}

var amount = number("amount", "Amount in minor units (empty: all)")

// acts are all things that can happen, in the order in which to show them.
var acts = []act{
	{
		"pay_intent",
		[]string{"payment_intent"},
		"The customer pays",
		[]field{methods(), text("email", "Mail address")},
		in("requires_payment_method", "requires_confirmation"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.PayIntent(id, in.Text("method"), wire.Object{"email": blank(in.Text("email"))})
		},
	},
	{
		"complete_action",
		[]string{"payment_intent"},
		"The customer authenticates",
		[]field{choice("result", "It", "succeeded", "failed")},
		in("requires_action"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.CompleteAction(id, in.Text("result") == "succeeded")
		},
	},
	{
		"settle_intent",
		[]string{"payment_intent"},
		"The bank answers",
		[]field{choice("result", "It", "succeeded", "failed")},
		in("processing"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.SettleIntent(id, in.Text("result") == "succeeded")
		},
	},
	{
		"cancel_intent",
		[]string{"payment_intent"},
		"Cancel it",
		[]field{choice("reason", "Because", "requested_by_customer", "abandoned", "duplicate", "fraudulent")},
		in("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.CancelIntent(id, in.Text("reason"))
		},
	},
	{
		"refund",
		[]string{"payment_intent", "charge"},
		"Refund it",
		[]field{amount, choice("reason", "Because", "requested_by_customer", "duplicate", "fraudulent")},
		in("succeeded"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			_, refusal := t.Refund(id, in.Int("amount"), in.Text("reason"))
			return refusal
		},
	},
	{
		"refund_outcome",
		[]string{"payment_intent", "charge"},
		"Say what refunds will do",
		[]field{choice("outcome", "They", "succeeded", "pending", "failed", "requires_action")},
		in("succeeded"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.SetRefundOutcome(id, in.Text("outcome"))
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
		in("succeeded"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			_, refusal := t.OpenDispute(id, in.Int("amount"), in.Text("reason"), in.Text("type") == "inquiry")
			return refusal
		},
	},
	{
		"open_review",
		[]string{"payment_intent"},
		"Put it into review",
		[]field{choice("reason", "Because", "rule", "manual")},
		in("succeeded", "requires_capture"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			_, refusal := t.OpenReview(id, in.Text("reason"))
			return refusal
		},
	},
	{
		"settle_refund",
		[]string{"refund"},
		"The bank answers",
		[]field{choice("status", "It", "succeeded", "failed", "canceled"), choice("failureReason", "Reason of a failure", "lost_or_stolen_card", "expired_or_canceled_card", "unknown")},
		in("pending", "requires_action", "succeeded"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			reason := in.Text("failureReason")
			if in.Text("status") != "failed" {
				reason = ""
			}
			return t.SettleRefund(id, in.Text("status"), reason)
		},
	},
	{
		"update_dispute",
		[]string{"dispute"},
		"Give evidence",
		[]field{text("words", "Evidence"), choice("submit", "Submit it", "no", "yes")},
		in("needs_response", "warning_needs_response"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.UpdateDispute(id, in.Text("words"), in.Text("submit") == "yes")
		},
	},
	{
		"escalate_dispute",
		[]string{"dispute"},
		"The inquiry becomes a dispute", nil, in("warning_needs_response", "warning_under_review"),
		func(t *ledger.Tx, id string, _ wire.Object) *wire.Error { return t.EscalateDispute(id) },
	},
	{
		"close_dispute",
		[]string{"dispute"},
		"The bank decides",
		[]field{choice("status", "It is", "won", "lost", "warning_closed")},
		in("needs_response", "under_review", "warning_needs_response", "warning_under_review"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.CloseDispute(id, in.Text("status"))
		},
	},
	{
		"close_review",
		[]string{"review"},
		"Decide",
		[]field{choice("reason", "It is", "approved", "refunded", "refunded_as_fraud", "disputed", "redacted")},
		func(o wire.Object) bool { return o.Bool("open") },
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error { return t.CloseReview(id, in.Text("reason")) },
	},
	{
		"complete_session",
		[]string{"checkout.session"},
		"The customer pays",
		[]field{methods(), text("email", "Mail address"), text("name", "Name")},
		in("open"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			_, refusal := t.CompleteSession(id, ledger.SessionPayment{
				Method: in.Text("method"), BillingDetails: ledger.BillingDetails{Email: in.Text("email"), Name: in.Text("name")},
			})
			return refusal
		},
	},
	{
		"expire_session",
		[]string{"checkout.session"},
		"Let it expire", nil, in("open"),
		func(t *ledger.Tx, id string, _ wire.Object) *wire.Error {
			_, refusal := t.ExpireSession(id)
			return refusal
		},
	},
	{
		"set_default_method",
		[]string{"customer"},
		"Another card from now on",
		[]field{methods()},
		func(o wire.Object) bool { return !o.Bool("deleted") },
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			_, refusal := t.SetDefaultMethod(id, in.Text("method"))
			return refusal
		},
	},
	{
		"change_subscription",
		[]string{"subscription"},
		"Another price",
		[]field{text("price", "Price (price_…)"), number("quantity", "Quantity"), choice("proration_behavior", "Proration", "create_prorations", "always_invoice", "none")},
		in("active", "trialing", "past_due"), changePrice,
	},
	{
		"pause_subscription",
		[]string{"subscription"},
		"Pause its invoices",
		[]field{choice("behavior", "They are", "void", "keep_as_draft", "mark_uncollectible")},
		func(o wire.Object) bool {
			return o["pause_collection"] == nil && in("active", "trialing", "past_due")(o)
		},
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return subscription(t, "POST", id, wire.Object{"pause_collection": wire.Object{"behavior": in.Text("behavior")}})
		},
	},
	{
		"unpause_subscription",
		[]string{"subscription"},
		"Go on with its invoices", nil,
		func(o wire.Object) bool { return o["pause_collection"] != nil },
		func(t *ledger.Tx, id string, _ wire.Object) *wire.Error {
			return subscription(t, "POST", id, wire.Object{"pause_collection": ""})
		},
	},
	{
		"cancel_subscription",
		[]string{"subscription"},
		"Cancel it",
		[]field{choice("when", "When", "period_end", "now")},
		in("active", "trialing", "past_due", "incomplete", "unpaid", "paused"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			if in.Text("when") == "now" {
				return subscription(t, "DELETE", id, wire.Object{})
			}
			return subscription(t, "POST", id, wire.Object{"cancel_at_period_end": true})
		},
	},
	{
		"pay_invoice",
		[]string{"invoice"},
		"Pay it",
		[]field{methods()},
		in("open", "draft", "uncollectible"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			_, refusal := t.PayInvoice(id, in.Text("method"))
			return refusal
		},
	},
	{"void_invoice", []string{"invoice"}, "Void it", nil, in("open", "uncollectible"), call("POST /v1/invoices/{invoice}/void")},
	{"give_up_invoice", []string{"invoice"}, "It will not be paid", nil, in("open"), call("POST /v1/invoices/{invoice}/mark_uncollectible")},
	{
		"roll_secret",
		[]string{"webhook_endpoint"},
		"Roll the secret",
		[]field{text("secret", "New secret (empty: any)"), number("hours", "Hours for which the old one signs too")},
		in("enabled", "disabled"),
		func(t *ledger.Tx, id string, in wire.Object) *wire.Error {
			return t.RollSecret(id, newSecret(in.Text("secret")), time.Duration(in.Int("hours"))*time.Hour)
		},
	},
	{"disable_endpoint", []string{"webhook_endpoint"}, "Disable it", nil, in("enabled"), toggle(true)},
	{"enable_endpoint", []string{"webhook_endpoint"}, "Enable it", nil, in("disabled"), toggle(false)},
}

// find is the act of a name; nil when there is none.
func find(name string) *act {
	i := slices.IndexFunc(acts, func(a act) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &acts[i]
}

// offers are what can happen to an object now.
func offers(o wire.Object) (all []act) {
	for _, a := range acts {
		if slices.Contains(a.Kinds, o.Kind()) && a.offered(o) {
			all = append(all, a)
		}
	}
	return all
}

// call is an act that is a call of the API.
func call(pattern string) func(*ledger.Tx, string, wire.Object) *wire.Error {
	return func(t *ledger.Tx, id string, _ wire.Object) *wire.Error {
		_, refusal := ledger.Calls()[pattern](t, ledger.Input{ID: id, Params: wire.Object{}})
		return refusal
	}
}

func toggle(disabled bool) func(*ledger.Tx, string, wire.Object) *wire.Error {
	return func(t *ledger.Tx, id string, _ wire.Object) *wire.Error {
		in := ledger.Input{ID: id, Params: wire.Object{"disabled": disabled}}
		_, refusal := ledger.Calls()["POST /v1/webhook_endpoints/{webhook_endpoint}"](t, in)
		return refusal
	}
}

func subscription(t *ledger.Tx, method, id string, params wire.Object) *wire.Error {
	_, refusal := ledger.Calls()[method+" /v1/subscriptions/{subscription_exposed_id}"](t, ledger.Input{ID: id, Params: params})
	return refusal
}

func changePrice(t *ledger.Tx, id string, in wire.Object) *wire.Error {
	s, refusal := t.Find("subscription", id, "")
	if refusal != nil {
		return refusal
	}
	item := wire.Object{"id": s.List("items")[0].ID()}
	if price := in.Text("price"); price != "" {
		item["price"] = price
	}
	if in.Int("quantity") > 0 {
		item["quantity"] = in.Int("quantity")
	}
	return subscription(t, "POST", id, wire.Object{"items": []wire.Object{item}, "proration_behavior": in.Text("proration_behavior")})
}

func blank(text string) any {
	if text == "" {
		return nil
	}
	return text
}
