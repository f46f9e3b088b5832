package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func TestASessionStartsASubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan("subscription_data[metadata][on]", "subscription", "metadata[on]", "session")...)
	assert.Equal(t, "always", s.Text("customer_creation"))
	assert.Equal(t, "always", s.Text("payment_method_collection"))
	assert.Nil(t, s["subscription"])
	w.news()
	_, refusal := w.submits(s, who("pm_card_visa"))
	require.Nil(t, refusal)
	news := w.news()
	assert.Equal(t, "customer.created", news[0])
	assert.Equal(t, "checkout.session.completed", news[len(news)-1])
	for _, told := range []string{"customer.subscription.created", "invoice.paid", "payment_intent.succeeded"} {
		assert.Contains(t, news, told)
	}

	s = w.see(s.ID())
	assert.Equal(t, "paid", s.Text("payment_status"))
	assert.Nil(t, s["payment_intent"], "it is the invoice's")
	subscription := w.see(s.Text("subscription"))
	assert.Equal(t, "active", subscription.Text("status"))
	assert.Equal(t, s.Text("customer"), subscription.Text("customer"))
	assert.Equal(t, "subscription", subscription.Sub("metadata").Text("on"))
	assert.Equal(t, subscription.Text("latest_invoice"), s.Text("invoice"))
	assert.Equal(t, int64(1000), w.see(s.Text("invoice")).Int("amount_paid"))
	method := w.see(subscription.Text("default_payment_method"))
	assert.Equal(t, s.Text("customer"), method.Text("customer"), "so that it can be charged again")
}

func TestWhatIsSoldOnceIsOnTheFirstInvoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan(item(1, "Bread box", 2500, 1, "usd")...)...)
	assert.Equal(t, int64(3500), s.Int("amount_total"))
	_, refusal := w.submits(s, who(""))
	require.Nil(t, refusal)
	assert.Equal(t, int64(3500), w.see(w.see(s.ID()).Text("invoice")).Int("amount_paid"))
}

func TestATrialIsFreeToday(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan("subscription_data[trial_period_days]", "14")...)
	assert.Equal(t, int64(0), s.Int("amount_total"))
	_, refusal := w.submits(s, who(""))
	require.Nil(t, refusal)
	s = w.see(s.ID())
	assert.Equal(t, "complete", s.Text("status"))
	assert.Equal(t, "no_payment_required", s.Text("payment_status"))
	subscription := w.see(s.Text("subscription"))
	assert.Equal(t, "trialing", subscription.Text("status"))
	assert.Equal(t, int64(14*24*60*60), subscription.Int("trial_end")-subscription.Int("trial_start"))
	assert.NotEmpty(t, subscription.Text("default_payment_method"), "the card is there when the trial ends")
}

func TestATrialNeedsNoCardWhereNoneIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan("subscription_data[trial_period_days]", "14", "payment_method_collection", "if_required")...)
	_, refusal := w.submits(s, who("pm_card_chargeDeclined"))
	require.Nil(t, refusal)
	assert.Empty(t, w.see(w.see(s.ID()).Text("subscription")).Text("default_payment_method"))
}

func TestASubscriptionWhoseFirstPaymentIsDeclinedIsPaidWithTheNextCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan()...)
	_, refusal := w.submits(s, who("pm_card_visa_chargeDeclined"))
	require.NotNil(t, refusal)
	assert.Equal(t, 402, refusal.Status)
	assert.Equal(t, "card_declined", refusal.Code)
	assert.NotContains(t, w.news(), "checkout.session.completed")
	s = w.see(s.ID())
	assert.Equal(t, "open", s.Text("status"))
	assert.Nil(t, s["subscription"])

	_, refusal = w.submits(s, who("pm_card_visa"))
	require.Nil(t, refusal)
	news := w.news()
	assert.NotContains(t, news, "customer.created", "it is the same customer")
	assert.NotContains(t, news, "customer.subscription.created", "and the same subscription")
	assert.Equal(t, "checkout.session.completed", news[len(news)-1])
	s = w.see(s.ID())
	assert.Equal(t, "paid", s.Text("payment_status"))
	subscription := w.see(s.Text("subscription"))
	assert.Equal(t, "active", subscription.Text("status"))
	method := w.see(subscription.Text("default_payment_method"))
	assert.Equal(t, "4242", method.Sub("card").Text("last4"))
	assert.Equal(t, s.Text("customer"), method.Text("customer"))

	w.wait(32 * 24 * time.Hour)
	assert.Equal(t, 1, count(w.news(), "invoice.paid"), "which pays the next month, too")
}

func count(types []string, wanted string) (n int) {
	for _, t := range types {
		if t == wanted {
			n++
		}
	}
	return n
}

func TestADeclinedCardStartsNoTrial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan("subscription_data[trial_period_days]", "14")...)
	w.news()
	_, refusal := w.submits(s, who("pm_card_visa_chargeDeclined"))
	require.NotNil(t, refusal)
	assert.Equal(t, 402, refusal.Status)
	assert.Empty(t, w.news(), "it leaves nothing behind")
	_, refusal = w.submits(s, who("pm_card_visa"))
	require.Nil(t, refusal)
}

func TestASubscriptionWaitsForTheCardsHolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan()...)
	_, refusal := w.submits(s, who("pm_card_authenticationRequired"))
	require.Nil(t, refusal)
	assert.Equal(t, "open", w.see(s.ID()).Text("status"))
	w.news()
	require.Nil(t, w.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error { return x.CompleteAction(x.IntentOf(x.Read(s.ID())).ID(), true) }))
	news := w.news()
	assert.Equal(t, "checkout.session.completed", news[len(news)-1])
	s = w.see(s.ID())
	assert.Equal(t, "paid", s.Text("payment_status"))
	assert.Equal(t, "active", w.see(s.Text("subscription")).Text("status"))
}

func TestASubscriptionOfASessionThatExpiresEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan()...)
	_, refusal := w.submits(s, who("pm_card_visa_chargeDeclined"))
	require.NotNil(t, refusal)
	w.wait(24 * time.Hour)
	assert.Contains(t, w.news(), "checkout.session.expired")
	subscriptions := w.call("GET /v1/subscriptions", "", "status", "all").List("data")
	require.Len(t, subscriptions, 1)
	assert.Equal(t, "incomplete_expired", subscriptions[0].Text("status"))
}

func TestABankDebitPaysASubscriptionLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan()...)
	_, refusal := w.submits(s, who("pm_usBankAccount_success"))
	require.Nil(t, refusal)
	s = w.see(s.ID())
	assert.Equal(t, "complete", s.Text("status"))
	assert.Equal(t, "unpaid", s.Text("payment_status"))
	w.news()
	w.wait(5 * 24 * time.Hour)
	news := w.news()
	assert.Contains(t, news, "checkout.session.async_payment_succeeded")
	assert.Contains(t, news, "invoice.paid")
	assert.Equal(t, "paid", w.see(s.ID()).Text("payment_status"))
}
