package e2e_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// A year of one subscription, lived by several customers of Stripe's at once, to
// the second alike. What differs is how its events are told: the first one's as
// they happen, everybody else's when the year is over.

// telling is one way to deliver a year's events.
type telling struct {
	name    string
	version string                          // in whose shapes the events are; "": 2024-06-20
	order   func(*rand.Rand, []told) []told // nil: as they happened
}

var tellings = []telling{
	{name: "in order", version: ""}, // the first: it is told day by day
	{name: "shuffled", order: shuffled},
	{name: "doubled", order: doubled},
	{name: "2022-11-15", version: "2022-11-15"},
	{name: "2025-06-30.basil", version: "2025-06-30.basil"},
	{name: "2025-06-30.basil, shuffled and doubled", version: "2025-06-30.basil", order: func(seed *rand.Rand, all []told) []told {
		return shuffled(seed, doubled(seed, all))
	}},
}

func shuffled(seed *rand.Rand, all []told) []told {
	all = slices.Clone(all)
	seed.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// doubled has each event delivered twice, and another one that tells of the same.
func doubled(_ *rand.Rand, all []told) (doubled []told) {
	for _, e := range all {
		doubled = append(doubled, e, e, e.twin())
	}
	return doubled
}

// patron is one who lives the year.
type patron struct {
	telling
	customerID, email    string
	stripe, subscription string // IDs at Stripe
	events               []told // of the year, in the order of their making
}

// turn is something that people do in the year.
type turn struct {
	what string
	when func(day int, subscription wire.Object) bool
	do   func(*ledger.Tx, *patron) *wire.Error
}

// from is the first day on which a subscription has a status.
func from(day int, status string) func(int, wire.Object) bool {
	return func(now int, s wire.Object) bool { return now >= day && s.Text("status") == status }
}

// turns are what people do, one after the other. The rest is time's.
var turns = []turn{
	{"the card is declined from now on", from(84, "active"), changesCard("pm_card_chargeCustomerFail")},
	{"a renewal was not paid: another card", from(84, "past_due"), changesCard("pm_card_mastercard")},
	{"an upgrade, paid at once", from(150, "active"), upgrades},
	{"a pause: invoices are void", from(200, "active"), updates(wire.Object{"pause_collection": wire.Object{"behavior": "void"}})},
	{"the pause is over", from(270, "active"), updates(wire.Object{"pause_collection": ""})},
	{"it is to end with its period", from(330, "active"), updates(wire.Object{"cancel_at_period_end": true})},
}

// begins has a patron come to Stripe and subscribe, with a trial of two weeks.
func begins(t *ledger.Tx, p *patron) *wire.Error {
	made, refusal := newPatron(t, p.customerID, p.email)
	if refusal != nil {
		return refusal
	}
	p.stripe = made.ID()
	made, refusal = stripeCall(t, "POST /v1/subscriptions", "", wire.Object{
		"customer": p.stripe, "items": []wire.Object{{"price": clubPrice}}, "trial_period_days": int64(14),
	})
	p.subscription = made.ID()
	return refusal
}

func changesCard(card string) func(*ledger.Tx, *patron) *wire.Error {
	return func(t *ledger.Tx, p *patron) *wire.Error {
		method, refusal := stripeCall(t, "POST /v1/payment_methods/{payment_method}/attach", card, wire.Object{"customer": p.stripe})
		if refusal != nil {
			return refusal
		}
		_, refusal = stripeCall(t, "POST /v1/customers/{customer}", p.stripe, wire.Object{
			"invoice_settings": wire.Object{"default_payment_method": method.ID()},
		})
		return refusal
	}
}

func updates(params wire.Object) func(*ledger.Tx, *patron) *wire.Error {
	return func(t *ledger.Tx, p *patron) *wire.Error {
		_, refusal := stripeCall(t, "POST /v1/subscriptions/{subscription_exposed_id}", p.subscription, params.Clone())
		return refusal
	}
}

func upgrades(t *ledger.Tx, p *patron) *wire.Error {
	item := t.Read(p.subscription).List("items")[0].ID()
	return updates(wire.Object{
		"items": []wire.Object{{"id": item, "price": goldPrice}}, "proration_behavior": "always_invoice",
	})(t, p)
}

// year is the world in which it is lived.
type year struct {
	*world
	patrons []*patron
	seen    map[string]bool // events, by ID
	checked int             // prefixes after which the rows were Stripe's state
}

func newYear(t *testing.T) *year {
	t.Helper()
	y := &year{world: newWorld(t), seen: map[string]bool{}}
	y.offers()
	for i, how := range tellings {
		y.patrons = append(y.patrons, &patron{telling: how, customerID: "patron|" + how.name, email: fmt.Sprintf("patron-%d@mail.example", i)})
	}
	return y
}

// all has every patron do the same in the same moment.
func (y *year) all(do func(*ledger.Tx, *patron) *wire.Error) {
	y.Helper()
	y.happen(func(t *ledger.Tx) *wire.Error {
		for _, p := range y.patrons {
			if refusal := do(t, p); refusal != nil {
				return refusal
			}
		}
		return nil
	})
}

// gather hands the events that are new to those whom they are about, each in the
// version that they are told in. It returns those of the first.
func (y *year) gather() (first []told) {
	y.Helper()
	before := len(y.patrons[0].events)
	y.stripe.View(func(t *ledger.Tx) {
		var fresh []wire.Object
		for event := range t.Every("event") {
			if !y.seen[event.ID()] {
				fresh = append(fresh, event)
			}
		}
		for _, event := range slices.Backward(fresh) { // the oldest first
			y.seen[event.ID()] = true
			about := event.Sub("data").Sub("object")
			for _, p := range y.patrons {
				if cmp.Or(about.Text("customer"), about.ID()) == p.stripe {
					p.events = append(p.events, told{event.ID(), event.Text("type"), t.Render(event, p.version).Encode()})
				}
			}
		}
	})
	return y.patrons[0].events[before:]
}

// live lives the year day by day, and tells the first patron's events as they
// happen.
func (y *year) live() {
	y.Helper()
	y.all(begins)
	y.tellFirst()
	left := turns
	for day := range 365 {
		y.stripe.Advance(24 * time.Hour)
		if len(left) > 0 && left[0].when(day, y.ofFirst()) {
			y.Logf("day %d: %s", day, left[0].what)
			y.all(left[0].do)
			left = left[1:]
		}
		y.tellFirst()
	}
	require.Empty(y, left, "what was to be done in the year; the subscription: %v", y.ofFirst())
	require.Equal(y, "canceled", y.ofFirst().Text("status"))
}

// ofFirst is the first patron's subscription at Stripe.
func (y *year) ofFirst() (s wire.Object) {
	y.stripe.View(func(t *ledger.Tx) { s = t.Read(y.patrons[0].subscription).Clone() })
	return s
}

// tellFirst delivers what is new of the first patron, one event after the other.
// After each one the rows are what Stripe has, unless its time went on meanwhile.
func (y *year) tellFirst() {
	y.Helper()
	first := y.patrons[0]
	for fresh := y.gather(); len(fresh) > 0; fresh = y.gather() {
		for i, e := range fresh {
			if !y.deliver(e) {
				continue
			}
			y.closed(e.id)
			if strings.HasPrefix(e.kind, "payment_intent.") {
				continue // is about the payment alone
			}
			here, there := y.rowsOf(first), y.stateOf(first)
			if y.unseen() > 0 {
				continue // time has passed at Stripe between the two
			}
			y.checked++
			require.Equal(y, there, here, "after %s (%s), %d of %d new ones", e.kind, e.id, i+1, len(fresh))
		}
	}
}

// unseen is how many events Stripe has made since they were gathered last.
func (y *year) unseen() (count int) {
	y.Helper()
	for _, event := range y.atStripe("event") {
		if !y.seen[event.ID()] {
			count++
		}
	}
	return count
}

// tellOthers delivers the year of everybody else, now that it is over.
func (y *year) tellOthers(seed *rand.Rand) {
	y.Helper()
	for _, p := range y.patrons[1:] {
		events := p.events
		if p.order != nil {
			events = p.order(seed, events)
		}
		handled := map[string]bool{}
		for _, e := range events {
			if y.deliver(e) {
				handled[e.id] = true
			}
		}
		for id := range handled {
			y.closed(id)
		}
		y.Logf("%s: %d deliveries, %d events of %d handled", p.name, len(events), len(handled), len(p.events))
	}
}

// rowsOf is what the database has of a patron, in the words of stateOf.
func (y *year) rowsOf(p *patron) map[string]any {
	y.Helper()
	return map[string]any{
		"subscriptions": y.decoded(`SELECT jsonb_build_object('id', id, 'status', status, 'currency', currency,
			'current_period_start', extract(epoch FROM current_period_start)::bigint, 'current_period_end', extract(epoch FROM current_period_end)::bigint,
			'cancel_at_period_end', cancel_at_period_end, 'cancel_at', extract(epoch FROM cancel_at)::bigint,
			'canceled_at', extract(epoch FROM canceled_at)::bigint, 'ended_at', extract(epoch FROM ended_at)::bigint,
			'trial_start', extract(epoch FROM trial_start)::bigint, 'trial_end', extract(epoch FROM trial_end)::bigint,
			'start_date', extract(epoch FROM started_at)::bigint, 'pause', pause_behavior, 'latest_invoice', latest_invoice_id,
			'pending', extract(epoch FROM pending_until)::bigint, 'card', card_brand || ' ' || card_last4, 'livemode', livemode,
			'items', (SELECT jsonb_agg(item - 'productName') FROM jsonb_array_elements(items) item))
			FROM subscriptions WHERE stripe_customer_id = $1 ORDER BY id`, p.stripe),
		"invoices": y.decoded(`SELECT jsonb_build_object('id', id, 'subscription', subscription_id, 'number', number, 'status', status,
			'billing_reason', billing_reason, 'currency', currency, 'subtotal', subtotal, 'tax', tax, 'total', total, 'amount_due', amount_due,
			'amount_paid', amount_paid, 'amount_remaining', amount_remaining, 'attempt_count', attempt_count,
			'next_payment_attempt', extract(epoch FROM next_attempt_at)::bigint, 'payment_intent', coalesce(payment_intent_id, ''),
			'hosted_invoice_url', hosted_url, 'invoice_pdf', pdf_url, 'created', extract(epoch FROM made_at)::bigint,
			'finalized_at', extract(epoch FROM finalized_at)::bigint, 'paid_at', extract(epoch FROM paid_at)::bigint)
			FROM invoices WHERE stripe_customer_id = $1 ORDER BY id`, p.stripe),
	}
}

func (y *year) decoded(query string, args ...any) []map[string]any {
	y.Helper()
	all := []map[string]any{}
	for _, row := range y.rows(query, args...) {
		var one map[string]any
		require.NoError(y, json.Unmarshal([]byte(row), &one))
		all = append(all, one)
	}
	return all
}

// stateOf is what Stripe's API says of a patron now.
func (y *year) stateOf(p *patron) map[string]any {
	y.Helper()
	subscriptions, invoices := []map[string]any{}, []map[string]any{}
	for _, s := range y.readsStripe("/v1/subscriptions", url.Values{"customer": {p.stripe}, "status": {"all"}, "limit": {"100"}}) {
		one := picked(s, "id", "status", "currency", "current_period_start", "current_period_end", "cancel_at_period_end", "cancel_at",
			"canceled_at", "ended_at", "trial_start", "trial_end", "start_date", "latest_invoice", "livemode")
		one["pause"], one["pending"] = textIn(s, "pause_collection", "behavior"), in(s, "pending_update", "expires_at")
		one["card"], one["items"] = y.cardOf(p, s), itemsOf(s)
		subscriptions = append(subscriptions, one)
	}
	for _, i := range y.readsStripe("/v1/invoices", url.Values{"customer": {p.stripe}, "limit": {"100"}}) {
		one := picked(i, "id", "status", "currency", "subtotal", "total", "amount_due", "amount_paid", "amount_remaining",
			"attempt_count", "next_payment_attempt", "created")
		for _, key := range []string{"subscription", "number", "billing_reason", "payment_intent", "hosted_invoice_url", "invoice_pdf"} {
			one[key], _ = i[key].(string) // '' in the row where Stripe says null
		}
		one["tax"], _ = i["tax"].(float64)
		one["finalized_at"], one["paid_at"] = in(i, "status_transitions", "finalized_at"), in(i, "status_transitions", "paid_at")
		invoices = append(invoices, one)
	}
	byID := func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) }
	slices.SortFunc(subscriptions, byID)
	slices.SortFunc(invoices, byID)
	return map[string]any{"subscriptions": subscriptions, "invoices": invoices}
}

// cardOf is what a subscription is paid by: its own payment method, else its
// customer's.
func (y *year) cardOf(p *patron, s map[string]any) string {
	y.Helper()
	method, _ := s["default_payment_method"].(string)
	if method == "" {
		customer := y.readsStripe("/v1/customers/"+p.stripe, nil)[0]
		method = textIn(customer, "invoice_settings", "default_payment_method")
	}
	card := y.readsStripe("/v1/payment_methods/"+method, nil)[0]
	return textIn(card, "card", "brand") + " " + textIn(card, "card", "last4")
}

func itemsOf(s map[string]any) []any {
	items := []any{}
	for _, each := range s["items"].(map[string]any)["data"].([]any) {
		item := each.(map[string]any)
		price := item["price"].(map[string]any)
		items = append(items, map[string]any{
			"id": item["id"], "quantity": item["quantity"], "priceId": price["id"], "productId": price["product"], "tier": tiers[price["id"].(string)],
			"unitAmount": price["unit_amount"], "currency": price["currency"],
			"interval": in(price, "recurring", "interval"), "intervalCount": in(price, "recurring", "interval_count"),
		})
	}
	return items
}

func picked(o map[string]any, keys ...string) map[string]any {
	some := map[string]any{}
	for _, key := range keys {
		some[key] = o[key]
	}
	return some
}

// in is what is under a key of a part of an object, nil where there is no such part.
func in(o map[string]any, part, key string) any {
	inner, _ := o[part].(map[string]any)
	return inner[key]
}

func textIn(o map[string]any, part, key string) string {
	text, _ := in(o, part, key).(string)
	return text
}

// outcome is everything that a patron's year has come to, with the IDs taken out
// that differ from one to the next.
type outcome struct {
	Subscriptions, Invoices, Payments, Grants, Mails []string
}

func (y *year) outcome(p *patron) outcome {
	y.Helper()
	nameless := y.nameless(p)
	read := func(query string) []string {
		all := y.rows(query, p.stripe)
		for i := range all {
			all[i] = nameless.Replace(all[i])
		}
		slices.Sort(all)
		return all
	}
	return outcome{
		Subscriptions: read(`SELECT (to_jsonb(s) - 'updated_at')::text FROM subscriptions s WHERE stripe_customer_id = $1`),
		Invoices:      read(`SELECT (to_jsonb(i) - 'updated_at')::text FROM invoices i WHERE stripe_customer_id = $1`),
		Payments: read(`SELECT p.kind || ' ' || p.status || ' ' || p.payment_intent_id FROM payments p
			JOIN invoices i ON i.payment_intent_id = p.payment_intent_id WHERE i.stripe_customer_id = $1`),
		Grants: read(`SELECT jsonb_build_object('content', content, 'accessUntil', access_until)::text FROM grants
			WHERE customer_id = (SELECT owner_id FROM stripe_customers WHERE id = $1)`),
		Mails: read(`SELECT kind || ' about ' || occasion || ' to the ' || recipient || ': ' || status FROM notifications WHERE stripe_customer_id = $1`),
	}
}

// nameless replaces what is a patron's own by what it is: the third invoice is the
// third one of everybody.
func (y *year) nameless(p *patron) *strings.Replacer {
	y.Helper()
	pairs := []string{p.stripe, "cus", p.subscription, "sub", p.customerID, "customer", p.email, "address"}
	y.stripe.View(func(t *ledger.Tx) {
		pairs = append(pairs, t.Read(p.stripe).Text("invoice_prefix"), "PREFIX")
		for _, item := range t.Read(p.subscription).List("items") {
			pairs = append(pairs, item.ID(), "item")
		}
		for _, kind := range []string{"invoice", "payment_intent"} {
			number := 0
			for o := range t.Every(kind) {
				if o.Text("customer") == p.stripe {
					pairs = append(pairs, o.ID(), fmt.Sprintf("%s -%d", kind, number))
					number++
				}
			}
		}
	})
	return strings.NewReplacer(pairs...)
}

func TestAYearOfOneSubscription(t *testing.T) {
	t.Parallel()
	y, seed := newYear(t), rand.New(rand.NewPCG(6, 2026))
	began := time.Now()
	y.live()
	require.Greater(t, y.checked, 50, "prefixes after which the rows were compared with Stripe's state")
	t.Logf("in order: %d events, after %d of them the rows were Stripe's state, %s", len(y.patrons[0].events), y.checked, time.Since(began).Round(time.Second))
	y.tellOthers(seed)
	t.Logf("all of it took %s", time.Since(began).Round(time.Second))

	want := y.outcome(y.patrons[0])
	kinds := map[string]int{}
	for _, mail := range want.Mails {
		kind, _, _ := strings.Cut(mail, " ")
		kinds[kind]++
		assert.True(t, strings.HasSuffix(mail, ": sent"), mail)
	}
	t.Logf("mails: %v", kinds)
	assert.Equal(t, 1, kinds["trial_ending"], kinds)
	assert.Equal(t, 1, kinds["invoice_payment_failed"], kinds)
	assert.Equal(t, y.paidInvoices(y.patrons[0]), kinds["invoice_paid"], kinds)
	assert.Greater(t, kinds["invoice_upcoming"], 6, kinds)
	for _, p := range y.patrons {
		got := y.outcome(p)
		assert.Equal(t, want, got, p.name)
		assert.Len(t, y.mailsTo(p.email), len(got.Mails), "%s: mails in the inbox", p.name)
	}
}

// paidInvoices counts a patron's invoices that something was paid for.
func (y *year) paidInvoices(p *patron) (count int) {
	for _, invoice := range y.atStripe("invoice") {
		if invoice.Text("customer") == p.stripe && invoice.Text("status") == "paid" && invoice.Int("total") > 0 {
			count++
		}
	}
	return count
}
