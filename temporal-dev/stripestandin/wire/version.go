package wire

import (
	"maps"
	"regexp"
	"slices"
)

// APIVersion is the version in whose shapes objects are kept: the one that stripe-go v79 pins.
const APIVersion = "2024-06-20"

// Versions between which shapes differ that we have, by their dates.
const (
	oldest  = "2022-11-15" // charges no longer hold their refunds
	april24 = "2024-04-10"
	basil   = "2025-03-31" // fields of invoices, their lines and subscriptions move
	june25  = "2025-06-30" // subscriptions say how they are billed
)

// versions are the releases of Stripe's API that the stand-in knows the shapes of, oldest first.
var versions = []string{
	oldest, "2023-08-16", "2023-10-16", april24, APIVersion,
	"2024-09-30.acacia", "2024-10-28.acacia", "2024-11-20.acacia", "2024-12-18.acacia", "2025-01-27.acacia", "2025-02-24.acacia",
	basil + ".basil", "2025-04-30.basil", "2025-05-28.basil", "2025-06-30.basil", "2025-07-30.basil", "2025-08-27.basil",
	"2025-09-30.clover", "2025-10-29.clover", "2025-11-17.clover", "2025-12-15.clover",
}

// The forms of versions: older ones are a date; later ones, of which there is one a month, have the name of a release too.
var (
	olderForm = regexp.MustCompile(`^20(1\d|2[012])-(0[1-9]|1[0-2])-([0-2]\d|3[01])$`)
	laterForm = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])\.[a-z]+$`)
)

// CheckVersion refuses what is no version of Stripe's API, or one that is older than the shapes here go back to. One that is
// later than all that are known is taken, in the shapes of the last.
func CheckVersion(version string) *Error {
	switch last := versions[len(versions)-1]; {
	case slices.Contains(versions, version), version > last && laterForm.MatchString(version):
		return nil
	case version < oldest && olderForm.MatchString(version):
		return Invalid("", "", "This stand-in for Stripe does not serve API version %s, only %s and later.", version, oldest)
	}
	return Invalid("", "", "Invalid Stripe API version: %s", version)
}

// reshaping is what a version has changed in objects of a kind.
type reshaping struct {
	kind    string
	from    string // holds for versions of this date and later; "": for all that are earlier than until
	until   string
	reshape func(o Object)
}

// reshapings are what differs from APIVersion, an object's own changes before those of what is in it.
// https://docs.stripe.com/changelog
var reshapings = []reshaping{
	{"product", "", april24, func(o Object) { move(o, "marketing_features", "features") }},
	{"invoice", "", april24, func(o Object) { move(o, "rendering", "rendering_options") }},
	{"charge", basil, "", func(o Object) { drop(o, "invoice") }},
	{"payment_intent", basil, "", func(o Object) { drop(o, "invoice") }},
	{"checkout.session", basil, "", basilSession},
	{"price", basil, "", func(o Object) { drop(o.Sub("recurring"), "aggregate_usage") }},
	{"plan", basil, "", func(o Object) { drop(o, "aggregate_usage") }},
	{"subscription", basil, "", basilSubscription},
	{"subscription", june25, "", func(o Object) { o["billing_mode"] = Object{"type": "classic"} }},
	{"invoice", basil, "", basilInvoice},
	{"line_item", basil, "", basilLine},
}

func (r reshaping) holds(date string) bool {
	if r.from == "" {
		return date < r.until
	}
	return date >= r.from
}

// In is the object as an API version shows it, with all that is in it; "" is APIVersion. The object itself stays as it is.
func (o Object) In(version string) Object {
	date := version[:min(len(version), len(basil))]
	if date == "" || date == APIVersion {
		return o
	}
	made := o.Clone()
	made.reshape(date)
	return made
}

// PreviousIn is what an event of a version says of the fields that o has changed, where APIVersion says previous. What has
// moved has changed where it is now: from basil on the items of a subscription, say, when its period has.
func (o Object) PreviousIn(version string, previous Object) Object {
	if version == "" || version == APIVersion {
		return previous
	}
	before := maps.Clone(o)
	maps.Copy(before, previous)
	then, now := before.In(version), o.In(version)
	changed := Object{}
	for field, value := range then {
		if !equal(value, now[field]) {
			changed[field] = value
		}
	}
	return changed
}

func equal(a, b any) bool {
	return string(Normalize(Object{"v": a}).Encode()) == string(Normalize(Object{"v": b}).Encode())
}

func (o Object) reshape(date string) {
	for _, r := range reshapings {
		if r.kind == o.Kind() && r.holds(date) {
			r.reshape(o)
		}
	}
	for _, value := range o {
		reshapeIn(value, date)
	}
}

func reshapeIn(value any, date string) {
	switch v := value.(type) {
	case Object:
		v.reshape(date)
	case []any:
		for _, each := range v {
			reshapeIn(each, date)
		}
	}
}

func drop(o Object, fields ...string) {
	for _, field := range fields {
		delete(o, field)
	}
}

func move(o Object, from, to string) {
	if o.Has(from) {
		o[to] = o[from]
		delete(o, from)
	}
}

func basilSession(o Object) {
	if details, ok := o["shipping_details"]; ok {
		o["collected_information"] = Object{"shipping_details": details}
	}
	drop(o, "shipping_details")
}

// basilSubscription moves the period onto the items, each of which has its own since then.
func basilSubscription(o Object) {
	for _, item := range o.List("items") {
		item["current_period_start"], item["current_period_end"] = o["current_period_start"], o["current_period_end"]
	}
	drop(o, "current_period_start", "current_period_end", "discount")
}

// basilInvoice moves what the invoice is for under parent. What has paid it is in payments, which is there only when it is
// asked for.
func basilInvoice(o Object) {
	o["parent"] = nil
	if o["subscription"] != nil {
		o["parent"] = Object{
			"type": "subscription_details", "quote_details": nil,
			"subscription_details": Object{"subscription": o["subscription"], "metadata": o.Sub("subscription_details")["metadata"]},
		}
	}
	o["total_taxes"], o["amount_overpaid"], o["total_pretax_credit_amounts"] = basilTaxes(o.List("total_tax_amounts")), int64(0), []any{}
	drop(
		o, "subscription", "subscription_details", "subscription_proration_date", "payment_intent", "charge", "paid", "paid_out_of_band",
		"quote", "tax", "total_tax_amounts", "application_fee_amount", "transfer_data", "discount",
	)
}

// basilTaxes are the taxes of an invoice or a line, which name their rate in a part of their own.
func basilTaxes(amounts []Object) []any {
	taxes := []any{}
	for _, tax := range amounts {
		behavior := map[bool]string{true: "inclusive", false: "exclusive"}[tax.Bool("inclusive")]
		taxes = append(taxes, Object{
			"amount": tax["amount"], "tax_behavior": behavior, "taxability_reason": tax["taxability_reason"], "taxable_amount": tax["taxable_amount"],
			"type": "tax_rate_details", "tax_rate_details": Object{"tax_rate": tax["tax_rate"]},
		})
	}
	return taxes
}

// basilLine moves a line's price under pricing, and where it comes from under parent.
func basilLine(o Object) {
	price := o.Sub("price")
	o["pricing"] = nil
	if price != nil {
		o["pricing"] = Object{
			"type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"],
			"price_details": Object{"price": price.ID(), "product": price["product"]},
		}
	}
	from := Object{"proration": o["proration"], "proration_details": o["proration_details"], "subscription": o["subscription"]}
	kind := "invoice_item_details"
	if o.Text("type") == "subscription" {
		kind = "subscription_item_details"
		from["subscription_item"], from["invoice_item"] = o["subscription_item"], o["invoice_item"]
	} else {
		from["invoice_item"] = o["invoice_item"]
	}
	o["parent"] = Object{"type": kind, "subscription_item_details": nil, "invoice_item_details": nil}
	o.Sub("parent")[kind] = from
	o["taxes"], o["pretax_credit_amounts"] = basilTaxes(o.List("tax_amounts")), []any{}
	drop(
		o, "price", "plan", "type", "subscription", "subscription_item", "invoice_item", "proration", "proration_details", "tax_amounts",
		"tax_rates", "unit_amount_excluding_tax", "amount_excluding_tax",
	)
}

// Versions are the releases of Stripe's API that the stand-in knows the shapes of, oldest first.
func Versions() []string { return slices.Clone(versions) }
