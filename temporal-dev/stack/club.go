package stack

import (
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// demoClub is what the demo customer can subscribe to. It is found again by its lookup key, so that a stack that starts anew
// on the same directory has it once.
var demoClub = struct {
	lookupKey, label string
	product, price   wire.Object // parameters as Stripe's API takes them
}{
	lookupKey: "crumb-club-monthly",
	label:     "Crumb Club, 9.00 USD a month",
	product:   wire.Object{"name": "Crumb Club", "metadata": wire.Object{"tier": "club"}},
	price: wire.Object{
		"unit_amount": int64(900), "currency": "usd", "recurring": wire.Object{"interval": "month"},
	},
}

// stockClub has the stand-in offer the club. A real Stripe is left as it is: what is sold there is its owner's business.
func (s *stack) stockClub(t *ledger.Tx) *wire.Error {
	price, refusal := clubPrice(t)
	s.plan.clubPrice = price.ID()
	return refusal
}

// clubPrice is the club's price, made unless it is there.
func clubPrice(t *ledger.Tx) (wire.Object, *wire.Error) {
	if known := t.First("price", "lookup_key", demoClub.lookupKey); known != nil {
		return known, nil
	}
	product, refusal := ledger.Calls()["POST /v1/products"](t, ledger.Input{Params: demoClub.product.Clone()})
	if refusal != nil {
		return nil, refusal
	}
	params := demoClub.price.Clone()
	params["product"], params["lookup_key"] = product.ID(), demoClub.lookupKey
	return ledger.Calls()["POST /v1/prices"](t, ledger.Input{Params: params})
}
