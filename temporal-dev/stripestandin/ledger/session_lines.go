package ledger

import (
	"math/big"

	"twigz/temporal-dev/stripestandin/wire"
)

// TaxPercent is the rate of automatic tax, for all goods in all places: a round figure that is easily checked. It comes on top
// of prices, unless their tax_behavior says that they include it, and is rounded half up on each line, to what can be paid in the
// currency (KWD 0.010, ISK 1).
const TaxPercent = 10

const (
	// mostLines is how many line items a session may have.
	mostLines = 100
	// mostRecurring is how many of them may recur, and how many may not, in a subscription.
	mostRecurring = 20
)

// newLines makes the line items that a new session's parameters ask for.
func (t *Tx) newLines(params wire.Object) ([]wire.Object, *wire.Error) {
	asked := params.List("line_items")
	if len(asked) == 0 {
		return nil, missing("line_items")
	}
	if len(asked) > mostLines {
		return nil, wire.Invalid("", "line_items", "You can only specify up to %d line items.", mostLines)
	}
	var lines []wire.Object
	for i, item := range asked {
		line, refusal := t.newLine(item, indexed("line_items", i))
		if refusal != nil {
			return nil, refusal
		}
		if isRecurring(line) && trial(params.Sub("subscription_data")) {
			line["amount_subtotal"] = int64(0) // what is due today
		}
		lines = append(lines, line)
	}
	if refusal := oneCurrency(lines, params.Text("currency")); refusal != nil {
		return nil, refusal
	}
	return lines, checkRecurring(lines, params.Text("mode"))
}

func trial(data wire.Object) bool { return data.Has("trial_period_days") || data.Has("trial_end") }

func isRecurring(line wire.Object) bool { return line.Sub("price").Text("type") == "recurring" }

func (t *Tx) newLine(item wire.Object, param string) (wire.Object, *wire.Error) {
	if refusal := checkServed(item, servedLine, ""); refusal != nil {
		return nil, notServed(param + "[" + refusal.Param + "]")
	}
	price, refusal := t.linePrice(item, param)
	if refusal != nil {
		return nil, refusal
	}
	quantity := item.Int("quantity")
	switch {
	case !item.Has("quantity"):
		return nil, wire.Invalid("", param, "Quantity is required. Add `quantity` to `%s`", param)
	case quantity < 1 || quantity > 999_999:
		return nil, wire.Invalid("parameter_invalid_integer", param+"[quantity]", "Invalid integer: %d; must be between 1 and 999999", quantity)
	}
	return wire.Object{
		"id": t.ID("li"), "object": "item", "amount_discount": int64(0), "amount_subtotal": times(price, quantity), "amount_tax": int64(0),
		"currency": price.Text("currency"), "description": t.Read(price.Text("product")).Text("name"), "price": price.Public(), "quantity": quantity,
	}, nil
}

// linePrice finds the price that a line item names, or makes the one that it describes.
func (t *Tx) linePrice(item wire.Object, param string) (wire.Object, *wire.Error) {
	switch {
	case item.Has("price") == item.Has("price_data"):
		return nil, wire.Invalid("", param, "You must provide either price or price_data for each line item when using prices.")
	case item.Has("price_data"):
		return t.inlinePrice(item.Sub("price_data"), param+"[price_data]")
	}
	price, refusal := t.Find("price", item.Text("price"), param+"[price]")
	switch {
	case refusal != nil:
		return nil, refusal
	case !price.Bool("active") && !item.Bool("_own"): // a session's own inline prices are good for its subscription
		return nil, wire.Invalid("", param+"[price]", "The price specified is inactive. This field only accepts active prices.")
	case price.Text("billing_scheme") != "per_unit", price.Sub("recurring").Text("usage_type") == "metered", price["custom_unit_amount"] != nil:
		return nil, wire.Invalid("", param+"[price]", "This stand-in for Stripe does not serve tiered, metered and customer-chosen prices.")
	}
	return price, nil
}

// times is what a quantity of a price comes to, in minor units, rounded half up.
func times(price wire.Object, quantity int64) int64 {
	if price["unit_amount"] != nil {
		return price.Int("unit_amount") * quantity
	}
	sum, ok := new(big.Rat).SetString(price.Text("unit_amount_decimal"))
	if !ok {
		return 0
	}
	sum.Mul(sum, new(big.Rat).SetInt64(quantity)).Add(sum, big.NewRat(1, 2))
	return new(big.Int).Div(sum.Num(), sum.Denom()).Int64()
}

// oneCurrency wants all to be in one currency: wanted, or that of the first.
func oneCurrency(lines []wire.Object, wanted string) *wire.Error {
	if wanted == "" {
		wanted = lines[0].Text("currency")
	}
	for i, line := range lines {
		if own := line.Text("currency"); own != wanted {
			return wire.Invalid("", indexed("line_items", i), "The price specified only supports `%s`. This doesn't match the expected currency: `%s`.", own, wanted)
		}
	}
	return nil
}

// checkRecurring wants the prices to fit the mode, and those that recur to do so at one pace.
func checkRecurring(lines []wire.Object, mode string) *wire.Error {
	var first wire.Object
	recurring := 0
	for i, line := range lines {
		if !isRecurring(line) {
			continue
		}
		recurring++
		pace := line.Sub("price").Sub("recurring")
		switch {
		case mode == "payment":
			return wire.Invalid("", indexed("line_items", i), "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
		case first != nil && (pace.Text("interval") != first.Text("interval") || pace.Int("interval_count") != first.Int("interval_count")):
			return wire.Invalid("", indexed("line_items", i), "Checkout does not support multiple prices with different billing intervals.")
		}
		first = pace
	}
	switch {
	case mode != "subscription":
	case recurring == 0:
		return wire.Invalid("", "line_items", "You must provide at least one recurring price in `subscription` mode when using prices.")
	case recurring > mostRecurring, len(lines)-recurring > mostRecurring:
		return wire.Invalid("", "line_items", "You can only specify up to %d line items with recurring prices and %d with one-time prices.", mostRecurring, mostRecurring)
	}
	return nil
}

// total adds up what a session costs: its lines and its shipping, with their taxes once it is known where the customer is.
func total(s wire.Object) {
	taxed, step := s.Sub("automatic_tax").Text("status") == "complete", max(steps[s.Text("currency")], 1)
	var subtotal, tax, sum int64
	lines := s.List("_lines")
	for _, line := range lines {
		levy(line, line.Sub("price").Text("tax_behavior"), taxed, step)
		subtotal, tax, sum = subtotal+line.Int("amount_subtotal"), tax+line.Int("amount_tax"), sum+line.Int("amount_total")
	}
	shipping := s.Sub("shipping_cost")
	if shipping != nil {
		levy(shipping, s.Text("_shippingTax"), taxed, step)
		tax, sum = tax+shipping.Int("amount_tax"), sum+shipping.Int("amount_total")
	}
	s["_lines"], s["amount_subtotal"], s["amount_total"] = lines, subtotal, sum
	s["total_details"] = wire.Object{"amount_discount": int64(0), "amount_shipping": shipping.Int("amount_subtotal"), "amount_tax": tax}
}

// levy sets the tax and the total of a part that has its amount_subtotal. step is what amounts in its currency are multiples of.
func levy(part wire.Object, behavior string, taxed bool, step int64) {
	net := part.Int("amount_subtotal")
	tax, sum := int64(0), net
	switch {
	case !taxed:
	case behavior == "inclusive":
		tax = share(net, 100+TaxPercent, step)
	default:
		tax = share(net, 100, step)
		sum += tax
	}
	part["amount_tax"], part["amount_total"] = tax, sum
}

// share is the tax in an amount of which the tax is TaxPercent in so many hundredths, rounded half up to a multiple of step.
func share(amount, hundredths, step int64) int64 {
	unit := 2 * hundredths * step
	return (2*amount*TaxPercent + unit/2) / unit * step
}
