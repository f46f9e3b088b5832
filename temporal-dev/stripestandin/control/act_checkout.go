package control

import (
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// checkoutActs are what customers do on the hosted page, for those who do not want to open it.
var checkoutActs = []act{
	{
		"complete_session",
		[]string{"checkout.session"},
		"The customer pays",
		append(
			[]field{methods(), text("email", "Mail address"), text("name", "Name")},
			rare(
				text("line1", "Street and number"), text("city", "City"), text("state", "State"), text("postalCode", "Postal code"),
				text("country", "Country (two letters)"), text("phone", "Phone"), text("shippingRate", "Way of shipping (shr_…)"),
			)...,
		),
		when("open"), completeSession,
	},
	{
		"expire_session",
		[]string{"checkout.session"},
		"Let it expire", nil, when("open"),
		func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
			_, refusal := t.ExpireSession(id)
			return nil, refusal
		},
	},
}

func completeSession(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error) {
	_, refusal := t.CompleteSession(id, ledger.SessionPayment{
		Method: in.Text("method"), ShippingRate: in.Text("shippingRate"),
		BillingDetails: ledger.BillingDetails{
			Name: in.Text("name"), Email: in.Text("email"), Phone: in.Text("phone"), Line1: in.Text("line1"), City: in.Text("city"),
			State: in.Text("state"), PostalCode: in.Text("postalCode"), Country: in.Text("country"),
		},
	})
	return nil, refusal
}
