package control

import (
	"time"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// running are the statuses of a subscription that goes on.
var running = when("active", "trialing", "past_due")

// subscriptionActs are what customers and staff do about subscriptions. What time does to them is the clock's business.
var subscriptionActs = []act{
	{
		"change_subscription",
		[]string{"subscription"},
		"Change it",
		[]field{
			{Name: "price", Label: "Price (empty: as it is)", Type: "text", suggest: prices},
			number("quantity", "Quantity (empty: as it is)"),
			choice("proration_behavior", "The difference", "create_prorations", "always_invoice", "none"),
			choice("payment_behavior", "If its payment fails", "allow_incomplete", "pending_if_incomplete"),
		},
		running, changeItem,
	},
	{
		"end_trial",
		[]string{"subscription"},
		"End its trial now", nil, when("trialing"),
		func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
			return nil, update(t, id, wire.Object{"trial_end": "now"})
		},
	},
	{
		"pause_subscription",
		[]string{"subscription"},
		"Pause its invoices",
		[]field{choice("behavior", "Meanwhile they are", "void", "keep_as_draft", "mark_uncollectible")},
		func(t *ledger.Tx, o wire.Object) bool { return o["pause_collection"] == nil && running(t, o) },
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, update(t, id, wire.Object{"pause_collection": wire.Object{"behavior": in.Text("behavior")}})
		},
	},
	{
		"unpause_subscription",
		[]string{"subscription"},
		"Go on with its invoices", nil,
		func(t *ledger.Tx, o wire.Object) bool { return o["pause_collection"] != nil && running(t, o) },
		func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
			return nil, update(t, id, wire.Object{"pause_collection": ""})
		},
	},
	{"resume_subscription", []string{"subscription"}, "Resume it", nil, when("paused"), calls("POST /v1/subscriptions/{subscription}/resume")},
	{
		"cancel_subscription",
		[]string{"subscription"},
		"Cancel it",
		[]field{choice("when", "When", "period_end", "now")},
		when("active", "trialing", "past_due", "incomplete", "unpaid", "paused"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			if in.Text("when") == "now" {
				_, refusal := call(t, "DELETE /v1/subscriptions/{subscription_exposed_id}", id, wire.Object{})
				return nil, refusal
			}
			return nil, update(t, id, wire.Object{"cancel_at_period_end": true})
		},
	},
	{
		"keep_subscription",
		[]string{"subscription"},
		"Keep it after all", nil,
		func(t *ledger.Tx, o wire.Object) bool { return o.Bool("cancel_at_period_end") && running(t, o) },
		func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
			return nil, update(t, id, wire.Object{"cancel_at_period_end": false})
		},
	},
	{
		"dunning_outcome",
		[]string{"subscription"},
		"Say how the last failed attempt ends",
		[]field{choice("outcome", "It is then", "canceled", "unpaid", "past_due")},
		running,
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.SetDunningOutcome(id, in.Text("outcome"))
		},
	},
}

// update changes a subscription as the API does.
func update(t *ledger.Tx, id string, params wire.Object) *wire.Error {
	_, refusal := call(t, "POST /v1/subscriptions/{subscription_exposed_id}", id, params)
	return refusal
}

// changeItem changes the first item, which is the only one of nearly all subscriptions.
func changeItem(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
	s, refusal := t.Find("subscription", id, "")
	if refusal != nil {
		return nil, refusal
	}
	item := given(in, "price", "quantity")
	item["id"] = s.List("items")[0].ID()
	params := given(in, "proration_behavior", "payment_behavior")
	params["items"] = []wire.Object{item}
	return nil, update(t, id, params)
}

// prices are those that a subscription can be changed to.
func prices(t *ledger.Tx) []field {
	return append([]field{{Name: "", Label: "As it is"}}, recurring(t)...)
}

// recurring are the prices that a subscription can have.
func recurring(t *ledger.Tx) (all []field) {
	for p := range t.Every("price") {
		if p.Bool("active") && p.Text("type") == "recurring" {
			all = append(all, field{Name: p.ID(), Label: who(t, p) + ", " + amountOf(p)})
		}
	}
	return all
}

// invoiceActs are what customers and staff do about invoices.
var invoiceActs = []act{
	{"finalize_invoice", []string{"invoice"}, "Finalize it", nil, when("draft"), calls("POST /v1/invoices/{invoice}/finalize")},
	{
		"pay_invoice",
		[]string{"invoice"},
		"Pay it",
		[]field{methods()},
		when("open", "draft", "uncollectible"),
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			_, refusal := t.PayInvoice(id, in.Text("method"))
			return nil, refusal
		},
	},
	{"void_invoice", []string{"invoice"}, "Void it", nil, when("open", "uncollectible"), calls("POST /v1/invoices/{invoice}/void")},
	{
		"give_up_invoice",
		[]string{"invoice"},
		"Mark it uncollectible", nil, when("open"), calls("POST /v1/invoices/{invoice}/mark_uncollectible"),
	},
}

// endpointActs are what staff do about the endpoints that events are sent to.
var endpointActs = []act{
	{
		"new_endpoint", nil,
		"Add an endpoint",
		append(
			[]field{text("url", "Address (http://…)"), text("events", "Events, with blanks between them (empty: all)")},
			rare(text("secret", "Signing secret (empty: a new one)"), choice("apiVersion", "API version", versions()...))...,
		),
		nil,
		func(t *ledger.Tx, _ string, in wire.Object) (wire.Object, *wire.Error) {
			return addEndpoint(t, endpointOf(in))
		},
	},
	{
		"roll_secret",
		[]string{"webhook_endpoint"},
		"Roll the secret",
		[]field{number("hours", "Hours for which the old one signs too"), text("secret", "New secret (empty: any)")},
		always,
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return nil, t.RollSecret(id, newSecret(in.Text("secret")), time.Duration(in.Int("hours"))*time.Hour)
		},
	},
	{"disable_endpoint", []string{"webhook_endpoint"}, "Disable it", nil, when("enabled"), disable(true)},
	{"enable_endpoint", []string{"webhook_endpoint"}, "Enable it", nil, when("disabled"), disable(false)},
	{"delete_endpoint", []string{"webhook_endpoint"}, "Delete it", nil, always, calls("DELETE /v1/webhook_endpoints/{webhook_endpoint}")},
}

func disable(disabled bool) func(*ledger.Tx, string, wire.Object) (wire.Object, *wire.Error) {
	return func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
		_, refusal := call(t, "POST /v1/webhook_endpoints/{webhook_endpoint}", id, wire.Object{"disabled": disabled})
		return nil, refusal
	}
}
