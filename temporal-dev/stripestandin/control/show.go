package control

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// What people are told of objects.

// chip is a word or two about how something stands.
type chip struct {
	Text string
	Tone string // good, bad or wait; empty: neither
}

// tones are what statuses mean to whoever looks at them at night: all is well, somebody has lost something, something is
// still to come.
var tones = map[string]string{
	"succeeded": "good", "active": "good", "paid": "good", "won": "good", "enabled": "good", "approved": "good", "complete": "good",
	"failed": "bad", "lost": "bad", "past_due": "bad", "uncollectible": "bad", "needs_response": "bad", "unpaid": "bad",
	"incomplete_expired": "bad", "disabled": "bad", "dropped": "bad", "given_up": "bad", "gone": "bad",
	"processing": "wait", "pending": "wait", "requires_action": "wait", "requires_capture": "wait", "open": "wait", "trialing": "wait",
	"paused": "wait", "incomplete": "wait", "under_review": "wait", "warning_needs_response": "wait", "warning_under_review": "wait",
	"waiting": "wait", "sending": "wait",
}

func toned(status string) chip { return chip{spaced(status), tones[status]} }

// status is how an object stands; the zero chip for one that just is.
func status(o wire.Object) chip {
	switch {
	case o.Bool("deleted"):
		return chip{"deleted", ""}
	case o.Kind() == "review" && !o.Bool("open"):
		return toned(o.Text("closed_reason"))
	case o.Kind() == "review":
		return toned("open")
	case o.Text("status") == "complete":
		return chip{"complete, " + spaced(o.Text("payment_status")), map[bool]string{true: "wait", false: "good"}[o.Text("payment_status") == "unpaid"]}
	case o.Text("status") == "requires_payment_method" && o["last_payment_error"] != nil:
		why := o.Sub("last_payment_error")
		return chip{"failed, " + spaced(cmp.Or(why.Text("decline_code"), why.Text("code"))), "bad"}
	case o.Text("status") == "requires_payment_method":
		return chip{"not paid yet", ""}
	case o.Has("active") && !o.Bool("active"):
		return chip{"inactive", ""}
	}
	return toned(o.Text("status"))
}

// remarks are what else there is to know of an object at a glance.
func remarks(t *ledger.Tx, o wire.Object) (all []chip) {
	add := func(holds bool, c chip) {
		if holds {
			all = append(all, c)
		}
	}
	if o.Kind() == "payment_intent" || o.Kind() == "charge" {
		charge := chargeOf(t, o)
		back, disputed := charge.Int("amount_refunded"), t.First("dispute", "charge", charge.ID())
		add(back > 0, chip{"refunded " + money(back, charge), "wait"})
		add(charge != nil && disputed != nil, chip{"dispute: " + spaced(disputed.Text("status")), tones[disputed.Text("status")]})
		add(t.Read(charge.Text("review")).Bool("open"), chip{"in review", "wait"})
	}
	add(o.Kind() == "subscription" && o.Bool("cancel_at_period_end"), chip{"ends " + date(o.Int("cancel_at")), "wait"})
	add(o.Kind() == "subscription" && o["pause_collection"] != nil, chip{"invoices paused", "wait"})
	add(o.Kind() == "subscription" && o["pending_update"] != nil, chip{"update pending", "wait"})
	return all
}

// sums are the fields that tell what an object is worth, the first that is there.
var sums = []string{"amount", "amount_total", "total", "unit_amount"}

// amountOf shows an amount as people read it; "" where there is none.
func amountOf(o wire.Object) string {
	if o.Kind() == "subscription" {
		return subscriptionAmount(o)
	}
	for _, field := range sums {
		if o[field] != nil && o.Text("currency") != "" {
			return money(o.Int(field), o) + pace(o)
		}
	}
	return ""
}

// money is an amount in the currency of an object.
func money(minor int64, o wire.Object) string {
	return models.Currency(o.Text("currency")).Format(minor)
}

// pace is how often a recurring price is paid; "" for others.
func pace(price wire.Object) string {
	recurring := price.Sub("recurring")
	switch n := recurring.Int("interval_count"); {
	case recurring == nil:
		return ""
	case n > 1:
		return " every " + strconv.FormatInt(n, 10) + " " + recurring.Text("interval") + "s"
	default:
		return " a " + recurring.Text("interval")
	}
}

func subscriptionAmount(s wire.Object) string {
	var all []string
	for _, item := range s.List("items") {
		price := item.Sub("price")
		all = append(all, money(price.Int("unit_amount")*max(item.Int("quantity"), 1), price)+pace(price))
	}
	return strings.Join(all, ", ")
}

// who tells who or what an object is about: in its own words, else in those of an object that it names, or of that one's
// customer. "": nobody says.
func who(t *ledger.Tx, o wire.Object) string {
	if said := party(o); said != "" {
		return said
	}
	for _, field := range []string{"customer", "latest_charge", "charge", "payment_intent", "product"} {
		other := t.Read(o.Text(field))
		if said := cmp.Or(party(other), party(t.Read(other.Text("customer")))); said != "" {
			return said
		}
	}
	return o.Text("description")
}

// parties are the fields that tell who or what an object is about, the first that is there.
var parties = []string{"receipt_email", "customer_email", "email", "url", "nickname", "name"}

func party(o wire.Object) string {
	if said := cmp.Or(o.Sub("customer_details").Text("email"), o.Sub("billing_details").Text("email")); said != "" || o.Kind() == "checkout.session" {
		return cmp.Or(said, o.Text("customer_email")) // its url is where it is paid
	}
	for _, field := range parties {
		if said := o.Text(field); said != "" {
			return said
		}
	}
	return ""
}

// what tells what an object is about, beside who; "" where that says it all.
func what(o wire.Object) string {
	switch o.Kind() {
	case "webhook_endpoint":
		return sent(o)
	case "customer":
		return o.Text("name")
	case "refund", "dispute", "review":
		return spaced(o.Text("reason"))
	case "invoice":
		return spaced(o.Text("billing_reason"))
	case "checkout.session":
		return "for a " + o.Text("mode")
	}
	return o.Text("description")
}

// sent tells what an endpoint is sent.
func sent(endpoint wire.Object) string {
	types := endpoint.Texts("enabled_events")
	said := counted(len(types), "type", "types") + " of events"
	if slices.Contains(types, "*") {
		said = "all events"
	}
	if version := endpoint.Text("api_version"); version != "" {
		said += ", as " + version + " shapes them"
	}
	return said
}

// nouns are what kinds are called, where not by their names.
var nouns = map[string]string{
	"payment_intent": "Payment", "checkout.session": "Checkout Session", "webhook_endpoint": "Endpoint", "payment_method": "Payment method",
	"balance_transaction": "Balance transaction", "billing_portal.session": "Portal session",
}

func noun(kind string) string { return cmp.Or(nouns[kind], capital(kind)) }

// clock is a time of the ledger's as a page shows it, in UTC; "" for none.
func clock(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format("2 Jan 2006, 15:04")
}

func date(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2 Jan 2006") }
