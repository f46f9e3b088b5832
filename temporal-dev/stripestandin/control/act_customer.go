package control

import (
	"cmp"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// present offers an act to customers who are not deleted.
func present(_ *ledger.Tx, o wire.Object) bool { return !o.Bool("deleted") }

// customerActs are what customers do about themselves.
var customerActs = []act{
	{
		"new_customer", nil,
		"Make a customer",
		append(
			[]field{text("email", "Mail address"), text("name", "Name"), methods(unpaid)},
			rare(text("customerId", "Whose they are: customerId in the metadata"))...,
		),
		nil, newCustomer,
	},
	{
		"subscribe",
		[]string{"customer"},
		"Start a subscription",
		append(
			[]field{
				{Name: "price", Label: "Price", Type: "text", suggest: recurring},
				number("quantity", "Quantity (empty: 1)"), number("trialDays", "Days of trial (empty: none)"),
			},
			rare(
				choice("withoutCard", "If the trial ends without a card", "create_invoice", "pause", "cancel"),
				text("customerId", "Whose it is: customerId in the metadata"),
			)...,
		),
		present, subscribe,
	},
	{
		"set_default_method",
		[]string{"customer", "subscription"},
		"Another card from now on",
		[]field{methods()},
		func(t *ledger.Tx, o wire.Object) bool {
			return present(t, o) && (o.Kind() == "customer" || running(t, o))
		},
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			return t.SetDefaultMethod(cmp.Or(t.Read(id).Text("customer"), id), in.Text("method"))
		},
	},
	{
		"open_portal",
		[]string{"customer"},
		"Open their billing portal",
		[]field{text("returnUrl", "Where it leads back to (http://…; empty: nowhere)")},
		present,
		func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
			params := wire.Object{"customer": id}
			if url := in.Text("returnUrl"); url != "" {
				params["return_url"] = url
			}
			return call(t, "POST /v1/billing_portal/sessions", "", params)
		},
	},
	{"delete_customer", []string{"customer"}, "Delete them", nil, present, calls("DELETE /v1/customers/{customer}")},
}

func newCustomer(t *ledger.Tx, _ string, in wire.Object) (wire.Object, *wire.Error) {
	params := given(in, "email", "name")
	params["metadata"] = given(in, "customerId")
	made, refusal := call(t, "POST /v1/customers", "", params)
	if refusal != nil || in.Text("method") == unpaid {
		return made, refusal
	}
	_, refusal = t.SetDefaultMethod(made.ID(), in.Text("method"))
	return made, refusal
}

// subscribe starts a subscription without a Checkout Session, as staff do.
func subscribe(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
	item := wire.Object{"price": in.Text("price"), "quantity": max(in.Int("quantity"), 1)}
	params := wire.Object{"customer": id, "items": []any{item}, "metadata": given(in, "customerId")}
	if days := in.Int("trialDays"); days > 0 {
		params["trial_period_days"] = days
		params["trial_settings"] = wire.Object{"end_behavior": wire.Object{"missing_payment_method": in.Text("withoutCard")}}
	}
	return call(t, "POST /v1/subscriptions", "", params)
}

// catalogActs are what staff do about what is sold.
var catalogActs = []act{
	{
		"new_price", nil,
		"Sell something by subscription",
		append(
			[]field{
				text("name", "What it is called"), number("amount", "Price in minor units (1200 is 12.00 USD)"),
				{Name: "currency", Label: "Currency", Type: "text", Default: "usd"},
				choice("interval", "Every", "month", "year", "week", "day"), text("tier", "What it grants: tier in the metadata (empty: nothing)"),
			},
			rare(
				number("intervalCount", "Every how many of them (empty: 1)"),
				text("product", "Product that there is already (prod_…)"),
			)...,
		),
		nil, newPrice,
	},
}

// newPrice makes a recurring price, and the product that it is of unless one is named.
func newPrice(t *ledger.Tx, _ string, in wire.Object) (wire.Object, *wire.Error) {
	product := in.Text("product")
	if product == "" {
		made, refusal := call(t, "POST /v1/products", "", wire.Object{"name": cmp.Or(in.Text("name"), "Subscription"), "metadata": given(in, "tier")})
		if refusal != nil {
			return nil, refusal
		}
		product = made.ID()
	}
	params := wire.Object{
		"product": product, "currency": in.Text("currency"), "unit_amount": in.Int("amount"),
		"recurring": wire.Object{"interval": in.Text("interval"), "interval_count": max(in.Int("intervalCount"), 1)},
	}
	if in.Text("product") != "" { // whose tier it overrules
		params["metadata"] = given(in, "tier")
	}
	return call(t, "POST /v1/prices", "", params)
}
