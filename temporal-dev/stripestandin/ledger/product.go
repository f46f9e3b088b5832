package ledger

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// What is sold, and for how much.
var catalogCalls = map[string]Call{
	"POST /v1/products":        func(t *Tx, in Input) (wire.Object, *wire.Error) { return t.newProduct(in.Params) },
	"GET /v1/products":         filtered("product", "/v1/products"),
	"GET /v1/products/{id}":    retrieve("product"),
	"POST /v1/products/{id}":   updateProduct,
	"DELETE /v1/products/{id}": deleteProduct,

	"POST /v1/prices":         func(t *Tx, in Input) (wire.Object, *wire.Error) { return t.newPrice(in.Params, "") },
	"GET /v1/prices":          filtered("price", "/v1/prices"),
	"GET /v1/prices/{price}":  retrieve("price"),
	"POST /v1/prices/{price}": updatePrice,
}

// The parameters that do something here.
var (
	servedProduct = []string{"active", "default_price", "description", "expand", "id", "images", "metadata", "name", "shippable", "statement_descriptor", "tax_code", "unit_label", "url"}
	servedPrice   = []string{
		"active", "billing_scheme", "currency", "expand", "lookup_key", "metadata", "nickname", "product", "product_data",
		"recurring[interval]", "recurring[interval_count]", "recurring[usage_type]", "tax_behavior", "transfer_lookup_key", "unit_amount", "unit_amount_decimal",
	}
)

func (t *Tx) newProduct(params wire.Object) (wire.Object, *wire.Error) {
	if refusal := checkServed(params, servedProduct, ""); refusal != nil {
		return nil, refusal
	}
	id := cmp.Or(params.Text("id"), t.ID("prod"))
	if t.Read(id) != nil {
		return nil, wire.Invalid("resource_already_exists", "id", "Product already exists.")
	}
	p := t.makeAs("product", id)
	p["active"], p["updated"] = true, t.Now()
	assign(p, params, "active", "description", "images", "metadata", "name", "shippable", "statement_descriptor", "tax_code", "unit_label", "url")
	t.Emit("product.created", p)
	return p, nil
}

func updateProduct(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedProduct, ""); refusal != nil {
		return nil, refusal
	}
	p, refusal := t.Edit("product", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if id := in.Params.Text("default_price"); id != "" {
		if _, refusal := t.Find("price", id, "default_price"); refusal != nil {
			return nil, refusal
		}
	}
	assign(p, in.Params, "active", "default_price", "description", "images", "metadata", "name", "shippable", "statement_descriptor", "tax_code", "unit_label", "url")
	p["updated"] = t.Now()
	t.emitUpdated("product.updated", p)
	return p, nil
}

func deleteProduct(t *Tx, in Input) (wire.Object, *wire.Error) {
	p, refusal := t.Edit("product", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if t.First("price", "product", in.ID) != nil {
		return nil, wire.Invalid("", "", "This product cannot be deleted because it has one or more user-created prices.")
	}
	t.Emit("product.deleted", p)
	t.remove(in.ID)
	return wire.Object{"id": in.ID, "object": "product", "deleted": true}, nil
}

// newPrice makes a price from parameters as POST /v1/prices takes them. param is the name of the parameter that they are in,
// for errors; "" where they are the call's own.
func (t *Tx) newPrice(params wire.Object, param string) (wire.Object, *wire.Error) {
	named := func(name string) string {
		if param == "" {
			return name
		}
		return param + "[" + name + "]"
	}
	if refusal := checkServed(params, servedPrice, ""); refusal != nil {
		return nil, notServed(named(refusal.Param))
	}
	amount, refusal := unitAmount(params, named)
	if refusal == nil {
		if refusal = checkCurrency(params.Text("currency")); refusal != nil {
			refusal.Param = named(refusal.Param)
		}
	}
	if refusal != nil {
		return nil, refusal
	}
	product, refusal := t.pricedProduct(params, named)
	if refusal != nil {
		return nil, refusal
	}
	p := t.Make("price", "price")
	p["active"], p["billing_scheme"], p["type"], p["product"] = true, "per_unit", "one_time", product.ID()
	p["currency"], p["tax_behavior"] = strings.ToLower(params.Text("currency")), "unspecified"
	if refusal := t.takeLookupKey(p, params); refusal != nil {
		return nil, refusal
	}
	assign(p, params, "active", "metadata", "nickname", "tax_behavior")
	p["unit_amount_decimal"] = amount
	if whole, err := strconv.ParseInt(amount, 10, 64); err == nil {
		p["unit_amount"] = whole
	}
	if recurring := params.Sub("recurring"); recurring != nil {
		if refusal := checkPace(recurring, named); refusal != nil {
			return nil, refusal
		}
		p["type"], p["recurring"] = "recurring", pace(recurring)
	}
	t.Emit("price.created", p)
	return p, nil
}

// takeLookupKey gives a price the key that it can be looked up by, which one price alone can have.
func (t *Tx) takeLookupKey(p, params wire.Object) *wire.Error {
	if key := params.Text("lookup_key"); key != "" {
		switch owner := t.First("price", "lookup_key", key); {
		case owner == nil || owner.ID() == p.ID():
		case !params.Bool("transfer_lookup_key"):
			return wire.Invalid("resource_already_exists", "lookup_key", "A price (`%s`) already uses that lookup key.", owner.ID())
		default:
			owner = t.edit(owner.ID())
			owner["lookup_key"] = nil
			t.emitUpdated("price.updated", owner)
		}
	}
	assign(p, params, "lookup_key")
	return nil
}

// longest is how long the period of a price may be, in each interval: three years.
var longest = map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}

func checkPace(recurring wire.Object, named func(string) string) *wire.Error {
	interval, count := recurring.Text("interval"), recurring.Int("interval_count")
	if recurring.Has("interval_count") && (count < 1 || count > longest[interval]) {
		return wire.Invalid("parameter_invalid_integer", named("recurring")+"[interval_count]", "Invalid integer: %d; must be between 1 and %d where the interval is %s", count, longest[interval], interval)
	}
	return nil
}

// decimals are amounts that may have a fraction, of twelve digits at most.
var decimals = regexp.MustCompile(`^\d{1,12}(\.\d{1,12})?$`)

// unitAmount is the price of one, in minor units, perhaps with a fraction.
func unitAmount(params wire.Object, named func(string) string) (string, *wire.Error) {
	switch {
	case params.Has("unit_amount") && params.Has("unit_amount_decimal"):
		return "", wire.Invalid("parameters_exclusive", named("unit_amount"), "You may only specify one of these parameters: unit_amount, unit_amount_decimal.")
	case params.Has("unit_amount"):
		if params.Int("unit_amount") < 0 {
			return "", wire.Invalid("parameter_invalid_integer", named("unit_amount"), "Invalid integer: %d; must be at least 0", params.Int("unit_amount"))
		}
		return strconv.FormatInt(params.Int("unit_amount"), 10), nil
	case params.Has("unit_amount_decimal"):
		decimal := params.Text("unit_amount_decimal")
		if !decimals.MatchString(decimal) {
			return "", wire.Invalid("", named("unit_amount_decimal"), "Invalid decimal: %s", decimal)
		}
		return decimal, nil
	}
	return "", missing(named("unit_amount"))
}

// pricedProduct finds the product of a new price, or makes the one that product_data describes.
func (t *Tx) pricedProduct(params wire.Object, named func(string) string) (wire.Object, *wire.Error) {
	switch {
	case params.Has("product") == params.Has("product_data"):
		return nil, wire.Invalid("parameter_missing", named("product"), "You must provide either product or product_data.")
	case params.Has("product_data"):
		return t.newProduct(params.Sub("product_data"))
	}
	return t.Find("product", params.Text("product"), named("product"))
}

// pace is the recurring part of a price.
func pace(given wire.Object) wire.Object {
	r := wire.Part("price", "recurring")
	r["interval"], r["interval_count"], r["usage_type"] = given.Text("interval"), int64(1), "licensed"
	assign(r, given, "interval_count", "usage_type")
	return r
}

// inlinePrice makes the price (and product) that price_data describes, as in a session's or subscription's items; param is
// the name of the parameter, for errors: line_items[0][price_data]. Such a price cannot be used again.
func (t *Tx) inlinePrice(data wire.Object, param string) (wire.Object, *wire.Error) {
	p, refusal := t.newPrice(data, param)
	if refusal != nil {
		return nil, refusal
	}
	p["active"] = false
	return p, nil
}

func updatePrice(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"active", "expand", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key"}, ""); refusal != nil {
		return nil, refusal
	}
	p, refusal := t.Edit("price", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if behavior := in.Params.Text("tax_behavior"); behavior != "" && p.Text("tax_behavior") != "unspecified" {
		return nil, wire.Invalid("", "tax_behavior", "You cannot change the tax_behavior of a price once it is set.")
	}
	if refusal := t.takeLookupKey(p, in.Params); refusal != nil {
		return nil, refusal
	}
	assign(p, in.Params, "active", "metadata", "nickname", "tax_behavior")
	t.emitUpdated("price.updated", p)
	t.showPrice(p)
	return p, nil
}

// showPrice shows a price as it is now in the subscriptions to it, which contain it.
func (t *Tx) showPrice(p wire.Object) {
	for s := range t.Every("subscription") {
		for i, item := range s.List("items") {
			if item.Sub("price").ID() == p.ID() {
				setPrice(t.edit(s.ID()).List("items")[i], p)
			}
		}
	}
}

// setPrice puts a price into a subscription's item or an invoice's line.
func setPrice(o, price wire.Object) {
	o["price"], o["plan"] = price.Public(), planOf(price)
}

// planOf is the plan that a recurring price was before there were prices. Null: the price does not recur.
func planOf(price wire.Object) any {
	recurring := price.Sub("recurring")
	if recurring == nil {
		return nil
	}
	plan := wire.Blank("plan")
	delete(plan, "tiers")
	for field := range plan {
		if value, has := recurring[field]; has {
			plan[field] = value
		} else if value, has := price[field]; has {
			plan[field] = value
		}
	}
	plan["object"], plan["amount"], plan["amount_decimal"] = "plan", price["unit_amount"], price["unit_amount_decimal"]
	return plan
}
