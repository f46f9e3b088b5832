package ledger

import (
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// mostRates is how many ways of shipping a session may offer.
const mostRates = 5

// offerShipping puts the ways of shipping into a session and chooses the first.
func (t *Tx) offerShipping(s, params wire.Object) *wire.Error {
	asked := params.List("shipping_options")
	if len(asked) > mostRates {
		return wire.Invalid("", "shipping_options", "You can only specify up to %d shipping options.", mostRates)
	}
	var offers []wire.Object
	for i, option := range asked {
		rate, refusal := t.shippingRate(option, indexed("shipping_options", i))
		if refusal != nil {
			return refusal
		}
		if own := rate.Sub("fixed_amount").Text("currency"); own != s.Text("currency") {
			return wire.Invalid("", indexed("shipping_options", i), "The shipping rate specified only supports `%s`. This doesn't match the expected currency: `%s`.", own, s.Text("currency"))
		}
		offers = append(offers, wire.Object{"shipping_amount": rate.Sub("fixed_amount").Int("amount"), "shipping_rate": rate.ID()})
	}
	if len(offers) > 0 {
		s["shipping_options"] = offers
		t.chooseShipping(s, offers[0])
	}
	return nil
}

// shippingRate finds the rate that an option names, or makes the one that it describes.
func (t *Tx) shippingRate(option wire.Object, param string) (wire.Object, *wire.Error) {
	data := option.Sub("shipping_rate_data")
	switch {
	case option.Has("shipping_rate") == option.Has("shipping_rate_data"):
		return nil, wire.Invalid("", param, "You must provide either `shipping_rate` or `shipping_rate_data` for each shipping option.")
	case option.Has("shipping_rate"):
		return t.Find("shipping_rate", option.Text("shipping_rate"), param+"[shipping_rate]")
	case !data.Has("fixed_amount"):
		return nil, missing(param + "[shipping_rate_data][fixed_amount]")
	case data.Sub("fixed_amount").Int("amount") < 0:
		return nil, wire.Invalid("parameter_invalid_integer", param+"[shipping_rate_data][fixed_amount][amount]", "Invalid non-negative integer")
	}
	rate := t.Make("shipping_rate", "shr")
	rate["active"], rate["type"], rate["tax_behavior"], rate["metadata"] = true, "fixed_amount", "unspecified", wire.Object{}
	assign(rate, data, "display_name", "delivery_estimate", "fixed_amount", "metadata", "tax_behavior", "tax_code")
	return rate, nil
}

// chooseShipping makes one of a session's offers the one that counts.
func (t *Tx) chooseShipping(s, offer wire.Object) {
	rate := offer.Text("shipping_rate")
	s["_shippingTax"] = t.Read(rate).Text("tax_behavior")
	s["shipping_cost"] = wire.Object{"amount_subtotal": offer.Int("shipping_amount"), "amount_tax": int64(0), "amount_total": int64(0), "shipping_rate": rate}
}

// ship chooses the offer that the customer has chosen. "" leaves the one that is chosen.
func (t *Tx) ship(s wire.Object, rate string) *wire.Error {
	if rate == "" {
		return nil
	}
	offers := s.List("shipping_options")
	i := slices.IndexFunc(offers, func(offer wire.Object) bool { return offer.Text("shipping_rate") == rate })
	if i < 0 {
		return wire.Invalid("", "shippingRate", "Choose one of the ways of shipping.")
	}
	t.chooseShipping(s, offers[i])
	return nil
}
