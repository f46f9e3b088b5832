package ledger_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/wire"
)

// amounts are what an invoice's lines come to.
func amounts(invoice wire.Object) (all []int64) {
	for _, line := range invoice.List("lines") {
		all = append(all, line.Int("amount"))
	}
	return all
}

// half has half of a subscription's period pass, to the second.
func (w *world) half(s wire.Object) {
	w.t.Helper()
	middle := (s.Int("current_period_start") + s.Int("current_period_end")) / 2
	w.wait(time.Unix(middle, 0).Sub(w.Now()))
}

func TestAChangeIsProrated(t *testing.T) {
	t.Parallel()
	for behavior, c := range map[string]struct{ now, next []int64 }{
		"create_prorations": {nil, []int64{-600, 1200, 2400, 500}},
		"always_invoice":    {[]int64{-600, 1200}, []int64{2400, 500}},
		"none":              {nil, []int64{2400, 500}},
	} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.call(newSubscription, "", "customer", w.member("pm_card_visa"), "items[0][price]", w.price("1200"), "items[1][price]", w.price("500"))
			w.half(s)
			w.call(changeSubscription, s.ID(), "items[0][id]", s.List("items")[0].ID(), "items[0][quantity]", "2", "proration_behavior", behavior)
			if invoice := w.latest(s.ID()); c.now != nil {
				assert.Equal(t, c.now, amounts(invoice), "the other item stays out of it")
				assert.Contains(t, invoice.List("lines")[1].Text("description"), "Remaining time on 2 × Bread club after ")
			} else {
				assert.Equal(t, s.Text("latest_invoice"), invoice.ID())
			}
			coming := amounts(w.call(nextInvoice, "", "subscription", s.ID()))
			assert.ElementsMatch(t, c.next, coming)
			w.wait(20 * aDay)
			assert.ElementsMatch(t, c.next, amounts(w.latest(s.ID())), "as it was foretold")
		})
	}
}

func TestAnotherIntervalBeginsAnotherCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	w.half(s)
	yearly := w.call("POST /v1/prices", "", "currency", "usd", "unit_amount", "9900", "recurring[interval]", "year", "product_data[name]", "A year of bread").ID()
	s = w.call(changeSubscription, s.ID(), "items[0][id]", s.List("items")[0].ID(), "items[0][price]", yearly)
	assert.Equal(t, []int64{-600, 9900}, amounts(w.latest(s.ID())))
	assert.InDelta(t, w.Now().Unix(), s.Int("billing_cycle_anchor"), 2)
	end := time.Unix(s.Int("billing_cycle_anchor"), 0).UTC().AddDate(1, 0, 0)
	assert.InDelta(t, end.Unix(), s.Int("current_period_end"), 86400)
}

func TestATrialEndsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("trial_period_days", "30")
	w.wait(2 * aDay)
	w.news()
	s = w.call(changeSubscription, s.ID(), "trial_end", "now")
	assert.Equal(t, "active", s.Text("status"))
	assert.Equal(t, s.Int("trial_end"), s.Int("current_period_start"))
	invoice := w.latest(s.ID())
	assert.Equal(t, int64(1200), invoice.Int("amount_paid"))
	assert.Equal(t, "subscription_update", invoice.Text("billing_reason"))
	assert.Contains(t, w.news(), "customer.subscription.trial_will_end")
}

func TestAShortTrialIsWarnedOfAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("trial_period_days", "2")
	w.news()
	w.wait(time.Second)
	assert.Equal(t, []string{"customer.subscription.trial_will_end"}, w.news())
}

func TestAnUpdateThatIsNotPaid(t *testing.T) {
	t.Parallel()
	for behavior, c := range map[string]struct {
		code   int
		status string
		dearer bool
	}{
		"allow_incomplete":      {0, "past_due", true},
		"default_incomplete":    {0, "past_due", true},
		"error_if_incomplete":   {http.StatusPaymentRequired, "active", false},
		"pending_if_incomplete": {0, "active", false},
	} {
		for _, card := range []string{"pm_card_chargeCustomerFail", "pm_card_threeDSecure2Required"} {
			t.Run(behavior+" with "+card, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := w.subscribe()
				w.card(s.Text("customer"), card)
				dearer := w.price("9900")
				_, refusal := w.try(changeSubscription, s.ID(), "items[0][id]", s.List("items")[0].ID(), "items[0][price]", dearer, "payment_behavior", behavior, "proration_behavior", "always_invoice")
				if c.code != 0 {
					require.NotNil(t, refusal)
					assert.Equal(t, c.code, refusal.Status)
				}
				s = w.see(s.ID())
				assert.Equal(t, c.status, s.Text("status"))
				assert.Equal(t, c.dearer, s.List("items")[0].Sub("price").ID() == dearer)
			})
		}
	}
}

func TestAPendingUpdateThatIsPaidAtOnceIsNoneToBeToldOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	w.news()
	s = w.call(changeSubscription, s.ID(), "items[0][id]", s.List("items")[0].ID(), "items[0][price]", w.price("9900"), "payment_behavior", "pending_if_incomplete", "proration_behavior", "always_invoice")
	assert.Equal(t, int64(9900), s.List("items")[0].Sub("price").Int("unit_amount"))
	assert.Nil(t, s["pending_update"])
	assert.NotContains(t, w.news(), "customer.subscription.pending_update_applied")
}

func TestASubscriptionEndsOnADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	on := w.Now().Add(5 * aDay).Unix()
	s = w.call(changeSubscription, s.ID(), "cancel_at", strconv.FormatInt(on, 10), "cancellation_details[feedback]", "too_expensive")
	assert.Equal(t, "cancellation_requested", s.Sub("cancellation_details").Text("reason"))
	assert.NotNil(t, s["canceled_at"])

	s = w.call(changeSubscription, s.ID(), "cancel_at", "")
	assert.Nil(t, s["canceled_at"], "they have changed their mind")
	assert.Nil(t, s.Sub("cancellation_details")["reason"])

	w.call(changeSubscription, s.ID(), "cancel_at", strconv.FormatInt(on, 10))
	w.news()
	w.wait(25 * aDay)
	news := w.news()
	assert.Equal(t, 1, count(news, "customer.subscription.deleted"))
	assert.NotContains(t, news, "invoice.upcoming")
	s = w.see(s.ID())
	assert.Equal(t, on, s.Int("ended_at"))
	s = w.call(changeSubscription, s.ID(), "metadata[why]", "moved away")
	assert.Equal(t, "canceled", s.Text("status"))
	assert.Equal(t, "moved away", s.Sub("metadata").Text("why"))
}

func TestCollectionGoesOnByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	until := strconv.FormatInt(w.Now().Add(40*aDay).Unix(), 10)
	w.call(changeSubscription, s.ID(), "pause_collection[behavior]", "keep_as_draft", "pause_collection[resumes_at]", until)
	w.news()
	w.wait(39 * aDay)
	assert.Equal(t, []string{"customer.subscription.updated", "invoice.created"}, w.news())
	assert.Equal(t, "draft", w.latest(s.ID()).Text("status"))
	w.wait(2 * aDay)
	assert.Nil(t, w.see(s.ID())["pause_collection"])
	assert.Equal(t, "active", w.see(s.ID()).Text("status"), "it was all the time")
	w.wait(30 * aDay)
	assert.Equal(t, "paid", w.latest(s.ID()).Text("status"))
}

func TestTheCardThatPaysFirstPaysFromThenOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.call(newCustomer, "", "email", "member@example.com")
	s := w.call(
		newSubscription, "", "customer", customer.ID(), "items[0][price]", w.price("1200"), "payment_behavior", "default_incomplete",
		"payment_settings[save_default_payment_method]", "on_subscription", "expand[]", "latest_invoice.payment_intent",
	)
	assert.Equal(t, "incomplete", s.Text("status"))
	intent := s.Sub("latest_invoice").Sub("payment_intent")
	assert.NotEmpty(t, intent.Text("client_secret"))
	w.call(confirmIntent, intent.ID(), "payment_method", "pm_card_visa", "return_url", "https://shop.example/done")
	paid := w.see(s.ID())
	assert.Equal(t, "active", paid.Text("status"))
	assert.NotEmpty(t, paid.Text("default_payment_method"))
	w.wait(33 * aDay)
	assert.Equal(t, "paid", w.latest(s.ID()).Text("status"))
	assert.Equal(t, "subscription_cycle", w.latest(s.ID()).Text("billing_reason"))
}

func TestAnUpdateTellsWhatWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe()
	for _, event := range w.events() {
		previous := event.Sub("data").Sub("previous_attributes")
		switch event.Text("type") {
		case "customer.subscription.updated":
			assert.Equal(t, wire.Object{"status": "incomplete"}, previous)
		case "invoice.updated":
			assert.Equal(t, "draft", previous.Text("status"), "as invoice.created had it")
			assert.Equal(t, false, previous["paid"])
		}
	}
}

func TestUpdatesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	item := s.List("items")[0]
	begun := w.call(newSubscription, "", "customer", s.Text("customer"), "items[0][price]", w.price("900"), "payment_behavior", "default_incomplete")
	for name, c := range map[string]struct {
		id, param string
		form      []string
	}{
		"the same price twice":          {s.ID(), "items", []string{"items[0][price]", item.Sub("price").ID()}},
		"less than nothing":             {s.ID(), "items[0][quantity]", []string{"items[0][id]", item.ID(), "items[0][quantity]", "-1"}},
		"another's item":                {s.ID(), "items[0][id]", []string{"items[0][id]", begun.List("items")[0].ID()}},
		"no item left":                  {s.ID(), "items", []string{"items[0][id]", item.ID(), "items[0][deleted]", "true"}},
		"two ends":                      {s.ID(), "", []string{"cancel_at", "4000000000", "cancel_at_period_end", "true"}},
		"a pause that is over":          {s.ID(), "pause_collection[resumes_at]", []string{"pause_collection[behavior]", "void", "pause_collection[resumes_at]", "5"}},
		"a cycle from now on":           {s.ID(), "billing_cycle_anchor", []string{"billing_cycle_anchor", "now"}},
		"a trial afterwards":            {s.ID(), "trial_end", []string{"trial_end", "4000000000"}},
		"metadata that wait":            {s.ID(), "metadata", []string{"metadata[a]", "b", "payment_behavior", "pending_if_incomplete"}},
		"before it is paid for":         {begun.ID(), "items", []string{"items[0][price]", w.price("5")}},
		"an ACH credit in its settings": {s.ID(), "payment_settings[payment_method_types]", []string{"payment_settings[payment_method_types][0]", "card"}},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := w.refused(changeSubscription, c.id, c.form...)
			assert.Equal(t, http.StatusBadRequest, refusal.Status)
			assert.Equal(t, c.param, refusal.Param, refusal.Message)
		})
	}
	for param, form := range map[string][]string{
		"payment_behavior": {"payment_behavior", "pending_if_incomplete"},
		"currency":         {"currency", "eur"},
	} {
		refusal := w.refused(newSubscription, "", append([]string{"customer", s.Text("customer"), "items[0][price]", w.price("900")}, form...)...)
		assert.Equal(t, param, refusal.Param)
	}
	assert.Equal(t, "prorate", w.refused(endSubscription, s.ID(), "prorate", "true").Param)
}
