package ledger_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const (
	newSubscription    = "POST /v1/subscriptions"
	changeSubscription = "POST /v1/subscriptions/{subscription_exposed_id}"
	endSubscription    = "DELETE /v1/subscriptions/{subscription_exposed_id}"
	listInvoices       = "GET /v1/invoices"
)

// price is one of a product of its own, a month's, in minor units of usd.
func (w *world) price(amount string) string {
	w.t.Helper()
	return w.call("POST /v1/prices", "", "currency", "usd", "unit_amount", amount, "recurring[interval]", "month", "product_data[name]", "Bread club").ID()
}

// member is a customer with a card.
func (w *world) member(method string) string {
	w.t.Helper()
	c := w.call(newCustomer, "", "email", "member@example.com")
	w.card(c.ID(), method)
	return c.ID()
}

func (w *world) card(customer, method string) {
	w.t.Helper()
	w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.SetDefaultMethod(customer, method) })
}

func (w *world) subscribe(form ...string) wire.Object {
	w.t.Helper()
	return w.call(newSubscription, "", append([]string{"customer", w.member("pm_card_visa"), "items[0][price]", w.price("1200")}, form...)...)
}

// later is a day some days from now.
const aDay = 24 * time.Hour

func TestASubscriptionIsPaidAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer, price := w.member("pm_card_visa"), w.price("1200")
	w.news()
	s := w.call(newSubscription, "", "customer", customer, "items[0][price]", price, "items[0][quantity]", "2", "metadata[customerId]", "user_1")
	assert.Equal(t, "active", s.Text("status"))
	assert.Equal(t, []string{
		"customer.subscription.created", "invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
		"invoice.updated", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated",
	}, slices.DeleteFunc(w.news(), func(t string) bool { return t == "customer.updated" }))
	invoice := w.see(s.Text("latest_invoice"))
	assert.Equal(t, int64(2400), invoice.Int("amount_paid"))
	assert.Equal(t, "subscription_create", invoice.Text("billing_reason"))
	assert.NotEmpty(t, invoice.Text("number"))
	assert.NotEmpty(t, invoice.Text("hosted_invoice_url"))
	assert.Equal(t, "user_1", invoice.Sub("subscription_details").Sub("metadata").Text("customerId"))
	line := invoice.List("lines")[0]
	assert.Equal(t, s.Int("current_period_end"), line.Sub("period").Int("end"))
	assert.Equal(t, "2 × Bread club (at 12.00 USD / month)", line.Text("description"))
	assert.Equal(t, invoice.ID(), w.see(invoice.Text("payment_intent")).Text("invoice"))

	t.Run("and stripe-go reads it", func(t *testing.T) {
		var read stripe.Subscription
		require.NoError(t, json.Unmarshal(w.see(s.ID()).Encode(), &read))
		assert.Equal(t, s.Int("current_period_end"), read.CurrentPeriodEnd)
		assert.Equal(t, price, read.Items.Data[0].Price.ID)
		assert.EqualValues(t, 2, read.Items.Data[0].Quantity)
		var bill stripe.Invoice
		require.NoError(t, json.Unmarshal(invoice.Encode(), &bill))
		assert.True(t, bill.Paid)
		assert.Equal(t, s.ID(), bill.Subscription.ID)
	})
}

func TestTheFirstPaymentMayNotSucceed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		card, behavior, status string
		code                   int
		events                 []string
	}{
		"declined, it is incomplete":             {"pm_card_chargeCustomerFail", "allow_incomplete", "incomplete", 0, []string{"invoice.payment_failed"}},
		"authentication wanted, it is too":       {"pm_card_threeDSecure2Required", "allow_incomplete", "incomplete", 0, []string{"invoice.payment_action_required"}},
		"left for later, it is too":              {"pm_card_visa", "default_incomplete", "incomplete", 0, []string{"payment_intent.created"}},
		"declined, nothing was where that is so": {"pm_card_chargeCustomerFail", "error_if_incomplete", "", 402, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			customer := w.member(c.card)
			_, refusal := w.try(newSubscription, "", "customer", customer, "items[0][price]", w.price("1200"), "payment_behavior", c.behavior)
			if c.code == 0 {
				require.Nil(t, refusal, "%v", refusal)
			} else {
				require.NotNil(t, refusal)
				assert.Equal(t, c.code, refusal.Status)
			}
			all := w.call("GET /v1/subscriptions", "", "customer", customer, "status", "all").List("data")
			if c.status == "" {
				assert.Empty(t, all)
				return
			}
			require.Len(t, all, 1)
			assert.Equal(t, c.status, all[0].Text("status"))
			news := w.news()
			for _, told := range c.events {
				assert.Contains(t, news, told)
			}
			w.wait(23*time.Hour + time.Minute)
			assert.Equal(t, "incomplete_expired", w.see(all[0].ID()).Text("status"))
			assert.Contains(t, w.news(), "invoice.voided")
		})
	}
}

func TestAYearOfASubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("trial_period_days", "14", "metadata[customerId]", "user_1")
	id, customer := s.ID(), s.Text("customer")
	status := func() string { return w.see(id).Text("status") }
	assert.Equal(t, "trialing", status())
	w.news()

	w.wait(12 * aDay)
	assert.Equal(t, []string{"invoice.upcoming", "customer.subscription.trial_will_end"}, w.news(), "a week and three days before the trial's end")
	w.wait(3 * aDay)
	assert.Equal(t, "active", status())
	news := w.news()
	assert.Less(t, slices.Index(news, "invoice.created"), slices.Index(news, "invoice.finalized"))
	assert.Less(t, slices.Index(news, "invoice.finalized"), slices.Index(news, "invoice.paid"))

	w.wait(31 * aDay)
	news = w.news()
	assert.Equal(t, 1, count(news, "invoice.upcoming"))
	assert.Equal(t, 1, count(news, "invoice.paid"), "a renewal: %v", news)

	w.card(customer, "pm_card_chargeCustomerFail")
	w.news()
	w.wait(31 * aDay)
	assert.Equal(t, "past_due", status())
	failed := w.call(listInvoices, "", "subscription", id).List("data")[0]
	assert.Equal(t, "open", failed.Text("status"))
	assert.NotZero(t, failed.Int("next_payment_attempt"))
	assert.Contains(t, w.news(), "invoice.payment_failed")
	w.card(customer, "pm_card_visa")
	w.wait(8 * aDay)
	assert.Equal(t, "active", status(), "the next attempt recovers it")
	assert.Equal(t, "paid", w.see(failed.ID()).Text("status"))

	w.news()
	item := w.see(id).List("items")[0].ID()
	w.call(changeSubscription, id, "items[0][id]", item, "items[0][price]", w.price("2400"), "proration_behavior", "always_invoice")
	latest := w.see(w.see(id).Text("latest_invoice"))
	assert.Equal(t, "subscription_update", latest.Text("billing_reason"))
	assert.Positive(t, latest.Int("amount_paid"))
	assert.Less(t, latest.Int("amount_paid"), int64(1200), "for the rest of the month")
	require.Len(t, latest.List("lines"), 2)

	w.call(changeSubscription, id, "pause_collection[behavior]", "void")
	w.news()
	w.wait(31 * aDay)
	assert.Contains(t, w.news(), "invoice.voided")
	w.call(changeSubscription, id, "pause_collection", "")
	w.wait(31 * aDay)
	assert.Contains(t, w.news(), "invoice.paid")

	s = w.call(changeSubscription, id, "cancel_at_period_end", "true")
	assert.Equal(t, s.Int("current_period_end"), s.Int("cancel_at"))
	assert.Equal(t, "active", s.Text("status"))
	w.wait(31 * aDay)
	assert.Equal(t, "canceled", status())
	assert.Equal(t, 1, count(w.news(), "customer.subscription.deleted"))
	w.wait(90 * aDay)
	assert.Empty(t, w.news(), "nothing more happens to it")
}

func TestARenewalThatIsNeverPaidEndsTheSubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	w.card(s.Text("customer"), "pm_card_chargeCustomerFail")
	w.news()
	w.wait(60 * aDay)
	assert.Equal(t, "canceled", w.see(s.ID()).Text("status"))
	assert.Equal(t, 4, count(w.news(), "invoice.payment_failed"))
}

func TestMonthsEndWhereTheyEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.Now()
	january := time.Date(now.Year()+1, time.January, 31, 12, 0, 0, 0, time.UTC)
	w.wait(january.Sub(now))
	s := w.subscribe()
	var ends []string
	for range 4 {
		end := time.Unix(w.see(s.ID()).Int("current_period_end"), 0).UTC()
		ends = append(ends, end.Format("2 January"))
		w.wait(end.Sub(w.Now()) + time.Hour)
	}
	february := time.Date(january.Year(), time.March, 0, 0, 0, 0, 0, time.UTC).Format("2 January")
	assert.Equal(t, []string{february, "31 March", "30 April", "31 May"}, ends)
}

func TestATrialWithoutACardPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.call(newCustomer, "", "email", "member@example.com").ID()
	s := w.call(newSubscription, "", "customer", customer, "items[0][price]", w.price("1200"), "trial_period_days", "5", "trial_settings[end_behavior][missing_payment_method]", "pause")
	w.wait(6 * aDay)
	assert.Equal(t, "paused", w.see(s.ID()).Text("status"))
	assert.Contains(t, w.news(), "customer.subscription.paused")
	assert.NotNil(t, w.refused("POST /v1/subscriptions/{subscription}/resume", s.ID()))
	w.card(customer, "pm_card_visa")
	w.call("POST /v1/subscriptions/{subscription}/resume", s.ID())
	w.wait(2 * time.Hour)
	news := w.news()
	assert.Contains(t, news, "customer.subscription.resumed")
	assert.Contains(t, news, "invoice.paid")
}

func TestAnUpdateMayWaitForItsPayment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pays bool
		told string
	}{
		"paid in time, it is applied":     {true, "customer.subscription.pending_update_applied"},
		"not paid in time, it is dropped": {false, "customer.subscription.pending_update_expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.subscribe()
			w.card(s.Text("customer"), "pm_card_chargeCustomerFail")
			dearer := w.price("9900")
			s = w.call(changeSubscription, s.ID(), "items[0][id]", s.List("items")[0].ID(), "items[0][price]", dearer, "payment_behavior", "pending_if_incomplete", "proration_behavior", "always_invoice")
			require.NotNil(t, s.Sub("pending_update"))
			assert.NotEqual(t, dearer, s.List("items")[0].Sub("price").ID())
			if c.pays {
				w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) {
					return x.PayInvoice(s.Text("latest_invoice"), "pm_card_visa")
				})
			}
			w.wait(24 * time.Hour)
			assert.Contains(t, w.news(), c.told)
			s = w.see(s.ID())
			assert.Nil(t, s["pending_update"])
			assert.Equal(t, c.pays, s.List("items")[0].Sub("price").ID() == dearer)
		})
	}
}

func TestSubscriptionsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	customer, price := s.Text("customer"), s.List("items")[0].Sub("price").ID()
	yearly := w.call("POST /v1/prices", "", "currency", "usd", "unit_amount", "100", "recurring[interval]", "year", "product_data[name]", "X").ID()
	once := w.call("POST /v1/prices", "", "currency", "usd", "unit_amount", "100", "product_data[name]", "X").ID()
	bare := w.call(newCustomer, "").ID()
	for name, form := range map[string][]string{
		"no items":            {"customer", customer},
		"no customer":         {"customer", "cus_none", "items[0][price]", price},
		"no card":             {"customer", bare, "items[0][price]", price},
		"no such price":       {"customer", customer, "items[0][price]", "price_none"},
		"sold once":           {"customer", customer, "items[0][price]", once},
		"two paces":           {"customer", customer, "items[0][price]", price, "items[1][price]", yearly},
		"a trial in the past": {"customer", customer, "items[0][price]", price, "trial_end", "5"},
		"somebody else's card": {
			"customer", bare, "items[0][price]", price, "default_payment_method", w.see(customer).Sub("invoice_settings").Text("default_payment_method"),
		},
		"sent by mail":    {"customer", customer, "items[0][price]", price, "collection_method", "send_invoice", "days_until_due", "3"},
		"tax's liability": {"customer", customer, "items[0][price]", price, "automatic_tax[liability][type]", "self", "automatic_tax[enabled]", "true"},
		"canceled before": {"customer", customer, "items[0][price]", price, "cancel_at", "5"},
	} {
		refusal := w.refused(newSubscription, "", form...)
		assert.Less(t, refusal.Status, 405, name)
		assert.Equal(t, "invalid_request_error", refusal.Type, name)
	}
	w.call(endSubscription, s.ID())
	require.NotNil(t, w.refused(endSubscription, s.ID()))
	require.NotNil(t, w.refused(changeSubscription, s.ID(), "cancel_at_period_end", "true"))
	assert.Empty(t, w.call("GET /v1/subscriptions", "", "customer", customer).List("data"), "canceled ones are listed when asked for")
}

func TestInvoicesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	paid := s.Text("latest_invoice")
	assert.Equal(t, "invoice_already_paid", w.refused("POST /v1/invoices/{invoice}/pay", paid).Code)
	require.NotNil(t, w.refused("POST /v1/invoices/{invoice}/void", paid))
	require.NotNil(t, w.refused("POST /v1/invoices/{invoice}/finalize", paid))
	require.NotNil(t, w.refused("POST /v1/invoices/{invoice}/mark_uncollectible", paid))
	w.call(endSubscription, s.ID())
	assert.Equal(t, "invoice_upcoming_none", w.refused("GET /v1/invoices/upcoming", "", "subscription", s.ID()).Code)
}

func TestProductsAndPricesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	product := w.call("POST /v1/products", "", "name", "Loaf", "id", "loaf")
	assert.Equal(t, "loaf", product.ID())
	assert.Equal(t, "resource_already_exists", w.refused("POST /v1/products", "", "name", "Loaf", "id", "loaf").Code)
	for name, form := range map[string][]string{
		"no amount":    {"currency", "usd", "product", "loaf"},
		"two amounts":  {"currency", "usd", "product", "loaf", "unit_amount", "5", "unit_amount_decimal", "5.5"},
		"less than 0":  {"currency", "usd", "product", "loaf", "unit_amount", "-5"},
		"no currency":  {"currency", "zzz", "product", "loaf", "unit_amount", "5"},
		"no product":   {"currency", "usd", "unit_amount", "5"},
		"another's":    {"currency", "usd", "unit_amount", "5", "product", "prod_none"},
		"by the metre": {"currency", "usd", "product", "loaf", "unit_amount", "5", "custom_unit_amount[enabled]", "true"},
	} {
		refusal := w.refused("POST /v1/prices", "", form...)
		assert.Equal(t, 400, refusal.Status, name)
	}
	w.call("POST /v1/prices", "", "currency", "usd", "product", "loaf", "unit_amount_decimal", "0.5")
	require.NotNil(t, w.refused("DELETE /v1/products/{id}", "loaf"))
	w.news()
	w.call("POST /v1/products/{id}", "loaf", "description", "Fresh", "metadata[tier]", "gold")
	assert.Equal(t, []string{"product.updated"}, w.news())
}
