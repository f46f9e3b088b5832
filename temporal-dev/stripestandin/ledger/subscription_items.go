package ledger

import (
	"fmt"
	"slices"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/wire"
)

// setItems makes a new subscription's items.
func setItems(t *Tx, s, params wire.Object) *wire.Error {
	asked := params.List("items")
	if len(asked) == 0 {
		return missing("items")
	}
	var items []wire.Object
	for i, given := range asked {
		item, refusal := t.newItem(s, given, indexed("items", i))
		if refusal != nil {
			return refusal
		}
		items = append(items, item)
	}
	return putItems(s, items)
}

// mostItems is how many items a subscription can have.
const mostItems = 20

// putItems gives a subscription its items, all of one pace and one currency.
func putItems(s wire.Object, items []wire.Object) *wire.Error {
	if len(items) == 0 {
		return wire.Invalid("", "items", "A subscription must have at least one item.")
	}
	if len(items) > mostItems {
		return wire.Invalid("", "items", "A subscription can have at most %d items.", mostItems)
	}
	first, seen := items[0].Sub("price"), map[string]bool{}
	for _, item := range items {
		price := item.Sub("price")
		a, b := price.Sub("recurring"), first.Sub("recurring")
		switch {
		case seen[price.ID()]:
			return wire.Invalid("", "items", "Cannot add multiple subscription items with the same plan: %s", price.ID())
		case price.Text("currency") != first.Text("currency"):
			return wire.Invalid("", "items", "All prices on a subscription must have the same `currency`.")
		case a.Text("interval") != b.Text("interval") || a.Int("interval_count") != b.Int("interval_count"):
			return wire.Invalid("", "items", "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If you meant to update an existing subscription item instead of creating a new one, make sure to include the subscription item ID in your request.")
		}
		seen[price.ID()] = true
	}
	s["currency"] = first.Text("currency")
	s["items"] = wire.List("/v1/subscription_items?subscription="+s.ID(), false, items)
	return nil
}

func (t *Tx) newItem(s, given wire.Object, param string) (wire.Object, *wire.Error) {
	if refusal := checkServed(given, servedItem, ""); refusal != nil {
		return nil, notServed(param + "[" + refusal.Param + "]")
	}
	price, refusal := t.itemPrice(given, param)
	if refusal != nil {
		return nil, refusal
	}
	item := wire.Blank("subscription_item")
	item["id"], item["object"], item["created"], item["metadata"] = t.ID("si"), "subscription_item", t.Now(), wire.Object{}
	item["subscription"], item["quantity"], item["tax_rates"] = s.ID(), int64(1), []any{}
	setPrice(item, price)
	assign(item, given, "metadata")
	return item, setQuantity(item, given, param)
}

// mostOf is how large a quantity can be.
const mostOf = 999_999

func setQuantity(item, given wire.Object, param string) *wire.Error {
	if quantity := given.Int("quantity"); quantity < 0 || quantity > mostOf {
		return wire.Invalid("parameter_invalid_integer", param+"[quantity]", "Invalid integer: %d; must be between 0 and %d", quantity, mostOf)
	}
	assign(item, given, "quantity")
	return nil
}

func (t *Tx) itemPrice(given wire.Object, param string) (wire.Object, *wire.Error) {
	price, refusal := t.linePrice(given, param)
	if refusal != nil {
		return nil, refusal
	}
	if price.Text("type") != "recurring" {
		return nil, wire.Invalid("", param+"[price]", "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	return price, nil
}

// changeItems applies the items of an update: an id names one that is there.
func (t *Tx) changeItems(s wire.Object, asked []wire.Object) *wire.Error {
	items := s.Clone().List("items")
	for i, given := range asked {
		param := indexed("items", i)
		at := slices.IndexFunc(items, func(item wire.Object) bool { return item.ID() == given.Text("id") })
		switch {
		case !given.Has("id"):
			item, refusal := t.newItem(s, given, param)
			if refusal != nil {
				return refusal
			}
			items = append(items, item)
		case at < 0:
			return wire.Missing("subscription_item", given.Text("id"), param+"[id]")
		case given.Bool("deleted"):
			items = slices.Delete(items, at, at+1)
		default:
			if refusal := t.changeItem(items[at], given, param); refusal != nil {
				return refusal
			}
		}
	}
	return putItems(s, items)
}

func (t *Tx) changeItem(item, given wire.Object, param string) *wire.Error {
	if given.Has("price") || given.Has("price_data") {
		price, refusal := t.itemPrice(given, param)
		if refusal != nil {
			return refusal
		}
		setPrice(item, price)
	}
	assign(item, given, "metadata")
	return setQuantity(item, given, param)
}

func listItems(t *Tx, in Input) (wire.Object, *wire.Error) {
	s, refusal := t.Find("subscription", in.Params.Text("subscription"), "subscription")
	if refusal != nil {
		return nil, refusal
	}
	return paged(s.List("items"), "subscription_item", in, "/v1/subscription_items?subscription="+s.ID())
}

func retrieveItem(t *Tx, in Input) (wire.Object, *wire.Error) {
	for s := range t.Every("subscription") {
		for _, item := range s.List("items") {
			if item.ID() == in.ID {
				return item, nil
			}
		}
	}
	return nil, wire.Missing("subscription_item", in.ID, "")
}

// periodLines are an invoice's lines for the subscription's present period, which cost nothing while it is on trial.
func (t *Tx) periodLines(s wire.Object, free bool) (lines []wire.Object) {
	for _, item := range s.List("items") {
		line := t.itemLine(s, item, s.Int("current_period_start"), s.Int("current_period_end"))
		if free {
			line["amount"], line["amount_excluding_tax"], line["unit_amount_excluding_tax"] = 0, 0, "0"
			line["description"] = "Trial period for " + t.productName(item.Sub("price"))
		}
		lines = append(lines, line)
	}
	return lines
}

// itemLine is one item for one period.
func (t *Tx) itemLine(s, item wire.Object, from, to int64) wire.Object {
	price, quantity := item.Sub("price"), item.Int("quantity")
	line := t.newLineItem(s.Text("currency"), times(price, quantity), from, to)
	delete(line, "invoice_item")
	setPrice(line, price)
	line["quantity"], line["type"] = quantity, "subscription"
	line["subscription"], line["subscription_item"] = s.ID(), item.ID()
	line["metadata"] = s.Sub("metadata")
	line["unit_amount_excluding_tax"] = price["unit_amount_decimal"]
	each := models.Currency(s.Text("currency")).Format(price.Int("unit_amount"))
	line["description"] = fmt.Sprintf("%d × %s (at %s / %s)", quantity, t.productName(price), each, price.Sub("recurring").Text("interval"))
	return line
}

func (t *Tx) newLineItem(currency string, amount, from, to int64) wire.Object {
	line := wire.Blank("line_item")
	line["id"], line["object"], line["currency"], line["metadata"] = t.ID("il"), "line_item", currency, wire.Object{}
	line["amount"], line["amount_excluding_tax"], line["discountable"] = amount, amount, true
	line["period"] = wire.Object{"start": from, "end": to}
	line["livemode"] = t.ledger.config.Livemode
	return line
}

func (t *Tx) productName(price wire.Object) string { return t.Read(price.Text("product")).Text("name") }

// oneTimeLines are what is sold once together with a subscription.
func (t *Tx) oneTimeLines(asked []wire.Object, s wire.Object) (lines []wire.Object, refusal *wire.Error) {
	for i, given := range asked {
		param := indexed("add_invoice_items", i)
		price, refusal := t.linePrice(given, param)
		if refusal != nil {
			return nil, refusal
		}
		if price.Text("type") != "one_time" {
			return nil, wire.Invalid("", param+"[price]", "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.")
		}
		quantity := max(given.Int("quantity"), 1)
		line := t.newLineItem(s.Text("currency"), times(price, quantity), t.Now(), t.Now())
		delete(line, "subscription_item")
		setPrice(line, price)
		line["quantity"], line["type"], line["invoice_item"] = quantity, "invoiceitem", t.ID("ii")
		line["description"], line["subscription"] = t.productName(price), s.ID()
		line["unit_amount_excluding_tax"] = price["unit_amount_decimal"]
		lines = append(lines, line)
	}
	return lines, nil
}

// prorate is what a change of items comes to for the rest of the present period: what was paid for those that were and is not
// used, and what those that are cost. Nothing, where they are the same.
func (t *Tx) prorate(s wire.Object, before, after []wire.Object) (lines []wire.Object) {
	for _, item := range before {
		if !contains(after, item) {
			lines = append(lines, t.restLine(s, item, -1, "Unused"))
		}
	}
	for _, item := range after {
		if !contains(before, item) {
			lines = append(lines, t.restLine(s, item, 1, "Remaining"))
		}
	}
	return lines
}

// contains tells whether an item is among others at the same price and in the same quantity.
func contains(items []wire.Object, item wire.Object) bool {
	return slices.ContainsFunc(items, func(other wire.Object) bool {
		return other.ID() == item.ID() && other.Sub("price").ID() == item.Sub("price").ID() && other.Int("quantity") == item.Int("quantity")
	})
}

// restLine is an item for the rest of the present period, to the second, in what can be paid in the currency.
func (t *Tx) restLine(s, item wire.Object, sign int64, word string) wire.Object {
	from, to := s.Int("current_period_start"), s.Int("current_period_end")
	line := t.itemLine(s, item, t.Now(), to)
	unit := (to - from) * max(steps[s.Text("currency")], 1)
	amount := sign * ((line.Int("amount")*(to-t.Now()) + unit/2) / unit) * max(steps[s.Text("currency")], 1)
	line["amount"], line["amount_excluding_tax"] = amount, amount
	line["proration"], line["discountable"], line["type"], line["invoice_item"] = true, false, "invoiceitem", t.ID("ii")
	name := t.productName(item.Sub("price"))
	if quantity := item.Int("quantity"); quantity != 1 {
		name = fmt.Sprintf("%d × %s", quantity, name)
	}
	line["description"] = fmt.Sprintf("%s time on %s after %s", word, name, t.Time().UTC().Format("02 Jan 2006"))
	return line
}
