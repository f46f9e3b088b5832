package control_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/wire"
)

// story is one act in a state in which it is offered, and what comes of it.
type story struct {
	on     func(d *desk) string // the object that it happens to
	said   wire.Object
	event  string // one that it makes; empty: it makes none
	status string // the object's afterwards; empty: it has none that matters
	stays  bool   // it is offered afterwards too
}

func intent(method string) func(*desk) string {
	return func(d *desk) string { return d.payment(method) }
}

// after is an object that an act on another has made.
func after(on func(*desk) string, act string, said wire.Object) func(*desk) string {
	return func(d *desk) string { return d.act(act, on(d), said).Text("made") }
}

// then is an object to which an act has happened.
func then(on func(*desk) string, act string, said wire.Object) func(*desk) string {
	return func(d *desk) string { return d.act(act, on(d), said).ID() }
}

func subscribed(method string, more wire.Object) func(*desk) string {
	return func(d *desk) string { return d.subscription(method, more) }
}

// invoiced is the invoice of a subscription whose first payment was declined.
func invoiced(d *desk) string {
	return d.see(d.subscription("pm_card_chargeCustomerFail", nil)).Text("latest_invoice")
}

// drafted is the invoice of a renewal, in its first hour.
func drafted(d *desk) string {
	id := d.subscription(visa, nil)
	d.Advance(time.Until(time.Unix(d.see(id).Int("current_period_end"), 0)) + time.Minute)
	return d.see(id).Text("latest_invoice")
}

// pausedOne is a subscription whose trial has ended without a card.
func pausedOne(d *desk) string {
	id := d.subscription("", wire.Object{
		"trial_period_days": 7, "trial_settings": wire.Object{"end_behavior": wire.Object{"missing_payment_method": "pause"}},
	})
	d.Advance(8 * 24 * time.Hour)
	d.act("set_default_method", d.see(id).Text("customer"), nil)
	return id
}

var (
	dispute = after(intent(visa), "open_dispute", nil)
	inquiry = after(intent(visa), "open_dispute", wire.Object{"type": "inquiry"})
	hook    = (*desk).hook
)

var stories = map[string]story{
	"new_payment": {said: wire.Object{"amount": 2674, "currency": "jpy"}, event: "payment_intent.succeeded", status: "succeeded"},
	"pay_intent":  {on: intent("none"), said: wire.Object{"method": "pm_card_mastercard"}, event: "payment_intent.succeeded", status: "succeeded"},
	"complete_action": {
		on: intent("pm_card_authenticationRequired"), said: wire.Object{"result": "failed"}, event: "payment_intent.payment_failed", status: "requires_payment_method",
	},
	"settle_intent": {on: intent("pm_usBankAccount_processing"), event: "payment_intent.succeeded", status: "succeeded"},
	"capture_intent": {
		on: func(d *desk) string {
			id := d.call("POST /v1/payment_intents", wire.Object{"amount": 2674, "currency": "usd", "capture_method": "manual"})
			return d.act("pay_intent", id, nil).ID()
		},
		said: wire.Object{"amount": 2000}, event: "payment_intent.succeeded", status: "succeeded",
	},
	"cancel_intent":  {on: intent("none"), said: wire.Object{"reason": "abandoned"}, event: "payment_intent.canceled", status: "canceled"},
	"refund":         {on: intent(visa), event: "charge.refunded", status: "succeeded"},
	"refund_outcome": {on: intent(visa), said: wire.Object{"outcome": "pending"}, status: "succeeded", stays: true},
	"open_dispute":   {on: intent(visa), event: "charge.dispute.funds_withdrawn", status: "succeeded"},
	"open_review":    {on: intent(visa), event: "review.opened", status: "succeeded"},
	"settle_refund": {
		on: after(intent("pm_card_pendingRefund"), "refund", nil), said: wire.Object{"status": "failed", "failureReason": "lost_or_stolen_card"},
		event: "refund.failed", status: "failed",
	},
	"fail_refund":      {on: after(intent(visa), "refund", nil), event: "refund.failed", status: "failed"},
	"update_dispute":   {on: dispute, said: wire.Object{"words": "It was eaten.", "submit": "yes"}, event: "charge.dispute.updated", status: "under_review"},
	"escalate_dispute": {on: inquiry, event: "charge.dispute.funds_withdrawn", status: "needs_response"},
	"close_dispute":    {on: dispute, said: wire.Object{"status": "lost"}, event: "charge.dispute.closed", status: "lost"},
	"close_inquiry":    {on: inquiry, event: "charge.dispute.closed", status: "warning_closed"},
	"close_review":     {on: after(intent(visa), "open_review", nil), said: wire.Object{"reason": "refunded_as_fraud"}, event: "charge.refunded"},

	"complete_session": {
		on: (*desk).session, said: wire.Object{"email": "customer@example.com"}, event: "checkout.session.completed", status: "complete",
	},
	"expire_session": {on: (*desk).session, event: "checkout.session.expired", status: "expired"},
	"set_default_method": {
		on: func(d *desk) string { return d.customer("") }, said: wire.Object{"method": "pm_card_amex"}, event: "customer.updated", stays: true,
	},
	"new_customer": {said: wire.Object{"email": "grace@example.com", "method": visa, "customerId": "user_1"}, event: "customer.created"},
	"subscribe": {
		on:    func(d *desk) string { return d.customer(visa) },
		event: "invoice.paid", stays: true, // what is said is known only once there is a price, see happens
	},
	"open_portal": {
		on: func(d *desk) string { return d.customer(visa) }, said: wire.Object{"returnUrl": "https://shop.example/"}, event: "billing_portal.session.created", stays: true,
	},
	"new_price":       {said: wire.Object{"name": "Gold club", "amount": 1200, "interval": "year", "tier": "gold"}, event: "price.created"},
	"delete_customer": {on: func(d *desk) string { return d.customer(visa) }, event: "customer.deleted"},

	"change_subscription": {
		on: subscribed(visa, nil), said: wire.Object{"quantity": 3, "proration_behavior": "always_invoice"}, event: "invoice.paid", status: "active", stays: true,
	},
	"end_trial":            {on: subscribed(visa, wire.Object{"trial_period_days": 14}), event: "customer.subscription.updated", status: "active"},
	"pause_subscription":   {on: subscribed(visa, nil), event: "customer.subscription.updated", status: "active"},
	"unpause_subscription": {on: then(subscribed(visa, nil), "pause_subscription", nil), event: "customer.subscription.updated", status: "active"},
	"resume_subscription":  {on: pausedOne, event: "customer.subscription.resumed", status: "active"},
	"cancel_subscription": {
		on: subscribed(visa, nil), said: wire.Object{"when": "now"}, event: "customer.subscription.deleted", status: "canceled",
	},
	"dunning_outcome":   {on: subscribed(visa, nil), said: wire.Object{"outcome": "unpaid"}, status: "active", stays: true},
	"keep_subscription": {on: then(subscribed(visa, nil), "cancel_subscription", nil), event: "customer.subscription.updated", status: "active"},

	"finalize_invoice": {on: drafted, event: "invoice.finalized", status: "open"},
	"pay_invoice":      {on: invoiced, event: "invoice.paid", status: "paid"},
	"void_invoice":     {on: invoiced, event: "invoice.voided", status: "void"},
	"give_up_invoice":  {on: invoiced, event: "invoice.marked_uncollectible", status: "uncollectible"},

	"new_endpoint":     {said: wire.Object{"url": "http://127.0.0.1:9/", "events": "invoice.paid invoice.upcoming", "apiVersion": "2025-06-30.basil"}, status: "enabled"},
	"roll_secret":      {on: hook, said: wire.Object{"hours": 1, "secret": "whsec_2"}, status: "enabled", stays: true},
	"disable_endpoint": {on: hook, status: "disabled"},
	"enable_endpoint":  {on: then(hook, "disable_endpoint", nil), status: "enabled"},
	"delete_endpoint":  {on: hook},
}

func TestEveryActHappensWhereItIsOffered(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, a := range d.must(http.MethodGet, "/_control/acts", "").List("acts") {
		assert.Contains(t, stories, a.Text("name"))
		assert.NotEmpty(t, a.Text("says"))
		assert.NotNil(t, a["fields"])
	}
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.happens(open(t), name)
		})
	}
}

func (s story) happens(d *desk, name string) {
	id := ""
	if s.on != nil {
		id = s.on(d)
		require.Contains(d, d.offered(id), name)
	}
	said := s.said
	if name == "subscribe" {
		said = wire.Object{"price": d.price()}
	}
	out := d.act(name, id, said)
	var types []string
	for _, e := range out.List("events") {
		types = append(types, e.Text("type"))
	}
	if s.event == "" {
		assert.Empty(d, types)
	} else {
		assert.Contains(d, types, s.event)
	}
	require.NotEmpty(d, out.ID())
	assert.Equal(d, s.status, d.see(out.ID()).Text("status"))
	if s.on == nil {
		assert.Equal(d, out.ID(), out.Text("made"))
		return
	}
	assert.Equal(d, s.stays, slices.Contains(d.offered(id), name), "offered afterwards")
}

func TestADeclinedCardIsNoRefusalOfTheAct(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.payment("none")
	out := d.act("pay_intent", id, wire.Object{"method": "pm_card_visa_chargeDeclined"})
	assert.Equal(t, "Your card was declined.", out.Text("declined"))
	assert.Len(t, out.List("events"), 2, "it left its traces")
	assert.Contains(t, d.offered(id), "pay_intent", "the next card may pay")
}

func TestWhatWouldBeRefusedIsNotOffered(t *testing.T) {
	t.Parallel()
	d := open(t)
	for what, c := range map[string]struct {
		on  func(*desk) string
		not []string
	}{
		"a payment that is not paid":      {intent("none"), []string{"refund", "open_dispute", "open_review", "settle_intent"}},
		"a payment that was refunded":     {then(intent(visa), "refund", nil), []string{"refund", "refund_outcome"}},
		"a payment that was charged back": {then(intent(visa), "open_dispute", nil), []string{"refund", "open_dispute"}},
		"the intent of a session":         {ofSession, []string{"pay_intent", "cancel_intent"}},
		"a subscription that has ended":   {then(subscribed(visa, nil), "cancel_subscription", wire.Object{"when": "now"}), []string{"change_subscription", "pause_subscription"}},
		"an event, to which nothing can happen": {func(d *desk) string {
			return d.act("new_payment", "", wire.Object{"amount": 100}).List("events")[0].ID()
		}, nil},
	} {
		offered := d.offered(c.on(d))
		for _, name := range c.not {
			assert.NotContains(t, offered, name, what)
		}
	}
}

// ofSession is the intent of a session whose card was declined.
func ofSession(d *desk) string {
	id := d.session()
	d.act("complete_session", id, wire.Object{"email": "customer@example.com", "method": "pm_card_visa_chargeDeclined"})
	return d.see(id).Text("payment_intent")
}

func TestANumberIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	d := open(t)
	out := d.act("new_payment", "", wire.Object{"amount": 12_345_678, "currency": "usd"})
	assert.EqualValues(t, 12_345_678, d.see(out.ID()).Int("amount"))
}
