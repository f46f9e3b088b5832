package control

import (
	"strconv"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// fact is what a page tells of an object before it shows its JSON.
type fact struct {
	label, path string // path: names of fields, with dots between them
	manner      manner // how the value is shown
}

type manner int

const (
	asIs manner = iota
	asMoney
	asTime
	asWords
)

// facts are what is worth knowing of each kind. Fields that say nothing are left out.
var facts = map[string][]fact{
	"payment_intent": {
		{"Customer", "customer", asIs},
		{"Receipt to", "receipt_email", asIs},
		{"For", "description", asIs},
		{"Received", "amount_received", asMoney},
		{"Can be captured", "amount_capturable", asMoney},
		{"What went wrong", "last_payment_error.message", asIs},
		{"Canceled because", "cancellation_reason", asWords},
		{"Charge", "latest_charge", asIs},
		{"Invoice", "invoice", asIs},
	},
	"charge": {
		{"Payment", "payment_intent", asIs},
		{"Card", "payment_method_details.card.brand", asWords},
		{"Last digits", "payment_method_details.card.last4", asIs},
		{"Mail", "billing_details.email", asIs},
		{"Captured", "amount_captured", asMoney},
		{"Refunded", "amount_refunded", asMoney},
		{"What went wrong", "failure_message", asIs},
		{"Radar says", "outcome.seller_message", asIs},
	},
	"checkout.session": {
		{"For a", "mode", asWords},
		{"Customer", "customer", asIs},
		{"Mail", "customer_details.email", asIs},
		{"Payment", "payment_intent", asIs},
		{"Subscription", "subscription", asIs},
		{"Open until", "expires_at", asTime},
		{"Leads back to", "success_url", asIs},
	},
	"billing_portal.session": {
		{"Customer", "customer", asIs}, {"Leads back to", "return_url", asIs},
	},
	"refund": {
		{"Payment", "payment_intent", asIs}, {"Charge", "charge", asIs}, {"Because", "reason", asWords}, {"Failed because", "failure_reason", asWords},
	},
	"dispute": {
		{"Payment", "payment_intent", asIs},
		{"Charge", "charge", asIs},
		{"Because", "reason", asWords},
		{"Evidence due", "evidence_details.due_by", asTime},
		{"Evidence handed in", "evidence_details.submission_count", asIs},
		{"Evidence", "evidence.uncategorized_text", asIs},
	},
	"review": {{"Payment", "payment_intent", asIs}, {"Charge", "charge", asIs}, {"Because of", "opened_reason", asWords}},
	"customer": {
		{"Name", "name", asIs}, {"Mail", "email", asIs}, {"Phone", "phone", asIs}, {"Pays with", "invoice_settings.default_payment_method", asIs},
	},
	"subscription": {
		{"Customer", "customer", asIs},
		{"Period from", "current_period_start", asTime},
		{"Period until", "current_period_end", asTime},
		{"Trial until", "trial_end", asTime},
		{"Ends", "cancel_at", asTime},
		{"Ended", "ended_at", asTime},
		{"Invoices are meanwhile", "pause_collection.behavior", asWords},
		{"Update pending until", "pending_update.expires_at", asTime},
		{"Latest invoice", "latest_invoice", asIs},
		{"Pays with", "default_payment_method", asIs},
	},
	"invoice": {
		{"Number", "number", asIs},
		{"Customer", "customer", asIs},
		{"Subscription", "subscription", asIs},
		{"Because of", "billing_reason", asWords},
		{"Due", "amount_due", asMoney},
		{"Paid", "amount_paid", asMoney},
		{"Attempts", "attempt_count", asIs},
		{"Next attempt", "next_payment_attempt", asTime},
		{"Payment", "payment_intent", asIs},
	},
	"product": {{"Name", "name", asIs}, {"Description", "description", asIs}},
	"price":   {{"Product", "product", asIs}, {"Name", "nickname", asIs}, {"Key", "lookup_key", asIs}},
	"payment_method": {
		{"Customer", "customer", asIs}, {"Card", "card.brand", asWords}, {"Last digits", "card.last4", asIs}, {"Mail", "billing_details.email", asIs},
	},
	"balance_transaction": {{"Of", "source", asIs}, {"Fee", "fee", asMoney}, {"Net", "net", asMoney}},
	"webhook_endpoint":    {{"Address", "url", asIs}, {"Is sent", "enabled_events", asIs}, {"API version", "api_version", asIs}},
	"event":               {{"About", "data.object.id", asIs}, {"Made by request", "request.id", asIs}, {"With idempotency key", "request.idempotency_key", asIs}},
}

// said is a fact as a page shows it.
type said struct {
	Label, Value string
	Link         bool // Value is the ID of an object that there is
}

// tell tells what is worth knowing of an object.
func tell(t *ledger.Tx, o wire.Object) (all []said) {
	for _, f := range facts[o.Kind()] {
		if value := f.read(o); value != "" {
			all = append(all, said{f.label, value, t.Read(value) != nil})
		}
	}
	return all
}

// metadata is what its makers have noted of an object.
func metadata(o wire.Object) (all []said) {
	pairs := o.Sub("metadata")
	for _, key := range pairs.Keys() {
		all = append(all, said{Label: key, Value: pairs.Text(key)})
	}
	return all
}

// read shows what an object says; "" for nothing.
func (f fact) read(o wire.Object) string {
	fields := strings.Split(f.path, ".")
	in := o
	for _, field := range fields[:len(fields)-1] {
		in = in.Sub(field)
	}
	last := fields[len(fields)-1]
	number := in.Int(last)
	switch {
	case number != 0 && f.manner == asMoney:
		return money(number, o)
	case number != 0 && f.manner == asTime:
		return clock(number)
	case number != 0:
		return strconv.FormatInt(number, 10)
	case f.manner == asWords:
		return spaced(in.Text(last))
	case in.Text(last) == "":
		return strings.Join(in.Texts(last), ", ")
	}
	return in.Text(last)
}
