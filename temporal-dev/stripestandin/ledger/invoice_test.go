package ledger_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const (
	payInvoice    = "POST /v1/invoices/{invoice}/pay"
	changeInvoice = "POST /v1/invoices/{invoice}"
	finalize      = "POST /v1/invoices/{invoice}/finalize"
	forgive       = "POST /v1/invoices/{invoice}/mark_uncollectible"
	voidInvoice   = "POST /v1/invoices/{invoice}/void"
	nextInvoice   = "GET /v1/invoices/upcoming"
)

// latest is the latest invoice of a subscription.
func (w *world) latest(subscription string) wire.Object {
	w.t.Helper()
	return w.see(w.see(subscription).Text("latest_invoice"))
}

// renewed is a subscription of 12 dollars a month, with such a card, just after its first renewal was tried.
func (w *world) renewed(card string) (s wire.Object) {
	w.t.Helper()
	s = w.subscribe()
	w.card(s.Text("customer"), card)
	w.wait(time.Unix(s.Int("current_period_end"), 0).Sub(w.Now()) + 2*time.Hour)
	return w.see(s.ID())
}

func TestAnInvoiceLooksBackAndItsLinesAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.subscribe()
	invoice := w.latest(first.ID())
	assert.Equal(t, invoice.Int("created"), invoice.Int("period_start"))
	assert.Equal(t, invoice.Int("created"), invoice.Int("period_end"))
	coming := w.call(nextInvoice, "", "subscription", first.ID())
	assert.Equal(t, first.Int("current_period_start"), coming.Int("period_start"))
	assert.Equal(t, first.Int("current_period_end"), coming.List("lines")[0].Sub("period").Int("start"))

	w.wait(time.Unix(first.Int("current_period_end"), 0).Sub(w.Now()) + time.Minute)
	s := w.see(first.ID())
	invoice = w.latest(s.ID())
	assert.Equal(t, "draft", invoice.Text("status"))
	assert.Equal(t, first.Int("current_period_start"), invoice.Int("period_start"))
	assert.Equal(t, first.Int("current_period_end"), invoice.Int("period_end"))
	assert.Equal(t, s.Int("current_period_end"), invoice.List("lines")[0].Sub("period").Int("end"))
	assert.Equal(t, invoice.Int("created")+3600, invoice.Int("next_payment_attempt"))
	assert.Equal(t, invoice.Int("created")+3600, invoice.Int("automatically_finalizes_at"))
}

func TestWhatIsTooMuchIsCreditedToTheNextInvoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	cheaper := w.price("200")
	w.call(changeSubscription, s.ID(), "items[0][id]", s.List("items")[0].ID(), "items[0][price]", cheaper, "proration_behavior", "always_invoice")
	invoice := w.latest(s.ID())
	assert.Equal(t, int64(-1000), invoice.Int("total"))
	assert.Zero(t, invoice.Int("amount_due"))
	assert.Equal(t, int64(-1000), invoice.Int("ending_balance"))
	assert.Equal(t, "paid", invoice.Text("status"))
	assert.Nil(t, invoice["payment_intent"])
	customer := w.see(s.Text("customer"))
	assert.Equal(t, int64(-1000), customer.Int("balance"))

	w.wait(33 * aDay)
	invoice = w.latest(s.ID())
	assert.Equal(t, int64(200), invoice.Int("total"))
	assert.Zero(t, invoice.Int("amount_paid"))
	assert.Equal(t, int64(-1000), invoice.Int("starting_balance"))
	assert.Equal(t, int64(-800), w.see(customer.ID()).Int("balance"))
}

func TestAFewCentsAreLeftForTheNextInvoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.member("pm_card_visa")
	s := w.call(newSubscription, "", "customer", customer, "items[0][price]", w.price("30"))
	assert.Equal(t, "active", s.Text("status"))
	assert.Zero(t, w.latest(s.ID()).Int("amount_due"))
	assert.Equal(t, int64(30), w.see(customer).Int("balance"))
	w.wait(33 * aDay)
	assert.Equal(t, int64(60), w.latest(s.ID()).Int("amount_paid"))
	assert.Zero(t, w.see(customer).Int("balance"))
}

func TestOnlyStripesOwnAttemptsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.renewed("pm_card_chargeCustomerFail")
	assert.Equal(t, "past_due", s.Text("status"))
	assert.True(t, w.see(s.Text("customer")).Bool("delinquent"))
	failed := w.latest(s.ID())
	assert.Equal(t, int64(1), failed.Int("attempt_count"))
	w.news()
	refusal := w.refused(payInvoice, failed.ID())
	assert.Equal(t, "card_declined", refusal.Code)
	assert.Contains(t, w.news(), "invoice.payment_failed")
	again := w.see(failed.ID())
	assert.Equal(t, int64(1), again.Int("attempt_count"))
	assert.Equal(t, failed.Int("next_payment_attempt"), again.Int("next_payment_attempt"))

	w.call(payInvoice, failed.ID(), "payment_method", "pm_card_visa")
	assert.Equal(t, int64(1), w.see(failed.ID()).Int("attempt_count"))
	assert.Equal(t, "active", w.see(s.ID()).Text("status"))
	assert.False(t, w.see(s.Text("customer")).Bool("delinquent"))
}

func TestARenewalMayHaveToBeAuthenticated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.renewed("pm_card_threeDSecure2Required")
	news := w.news()
	assert.Contains(t, news, "invoice.payment_failed")
	assert.Contains(t, news, "invoice.payment_action_required")
	assert.Equal(t, "past_due", s.Text("status"))
	invoice := w.latest(s.ID())

	t.Run("where the customer is not there, it is declined", func(t *testing.T) {
		assert.Equal(t, "authentication_required", w.refused(payInvoice, invoice.ID()).Code)
	})
	t.Run("where they are, it waits for them", func(t *testing.T) {
		refusal := w.refused(payInvoice, invoice.ID(), "off_session", "false")
		assert.Equal(t, http.StatusPaymentRequired, refusal.Status)
		assert.Equal(t, "invoice_payment_intent_requires_action", refusal.Code)
		paying := w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.PayInvoice(invoice.ID(), "") })
		assert.Equal(t, "open", paying.Text("status"))
		w.happens(func(x *ledger.Tx) *wire.Error { return x.CompleteAction(invoice.Text("payment_intent"), true) })
		assert.Equal(t, "paid", w.see(invoice.ID()).Text("status"))
		assert.Equal(t, "active", w.see(s.ID()).Text("status"))
	})
}

func TestWhatBecomesOfASubscriptionWhenNothingHelps(t *testing.T) {
	t.Parallel()
	for outcome, told := range map[string]string{"canceled": "customer.subscription.deleted", "unpaid": "customer.subscription.updated", "past_due": "invoice.payment_failed"} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.renewed("pm_card_chargeCustomerFail")
			w.happens(func(x *ledger.Tx) *wire.Error { return x.SetDunningOutcome(s.ID(), outcome) })
			failed := w.latest(s.ID())
			w.wait(14 * aDay)
			w.news()
			w.wait(2 * aDay)
			assert.Contains(t, w.news(), told)
			assert.Equal(t, outcome, w.see(s.ID()).Text("status"))
			failed = w.see(failed.ID())
			assert.Equal(t, "open", failed.Text("status"))
			assert.Equal(t, int64(4), failed.Int("attempt_count"))
			assert.Nil(t, failed["next_payment_attempt"])
		})
	}
	w := newWorld(t)
	s := w.subscribe()
	assert.Equal(t, "outcome", w.cannot(func(x *ledger.Tx) *wire.Error { return x.SetDunningOutcome(s.ID(), "forgiven") }).Param)
	assert.Equal(t, http.StatusNotFound, w.cannot(func(x *ledger.Tx) *wire.Error { return x.SetDunningOutcome("sub_none", "unpaid") }).Status)
}

func TestAnUnpaidSubscriptionGoesOnWithDrafts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.renewed("pm_card_chargeCustomerFail")
	w.happens(func(x *ledger.Tx) *wire.Error { return x.SetDunningOutcome(s.ID(), "unpaid") })
	failed := w.latest(s.ID())
	w.wait(35 * aDay)
	draft := w.latest(s.ID())
	require.NotEqual(t, failed.ID(), draft.ID())
	assert.Equal(t, "draft", draft.Text("status"))
	assert.False(t, draft.Bool("auto_advance"))

	w.call(payInvoice, failed.ID(), "payment_method", "pm_card_visa")
	assert.Equal(t, "unpaid", w.see(s.ID()).Text("status"), "it is not the latest")
	w.call(payInvoice, draft.ID(), "payment_method", "pm_card_visa")
	assert.Equal(t, "active", w.see(s.ID()).Text("status"))
}

func TestAnInvoiceIsForgivenOrVoided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.renewed("pm_card_chargeCustomerFail")
	w.news()
	w.call(forgive, w.latest(s.ID()).ID())
	assert.Equal(t, "active", w.see(s.ID()).Text("status"))
	assert.Contains(t, w.news(), "invoice.marked_uncollectible")

	begun := w.call(newSubscription, "", "customer", s.Text("customer"), "items[0][price]", w.price("900"))
	assert.Equal(t, "incomplete", begun.Text("status"))
	w.call(voidInvoice, begun.Text("latest_invoice"))
	assert.Equal(t, "incomplete_expired", w.see(begun.ID()).Text("status"), "its first invoice is void")
	assert.Contains(t, w.news(), "payment_intent.canceled")
}

func TestADraftIsFinalizedByHand(t *testing.T) {
	t.Parallel()
	for advance, status := range map[string]string{"true": "paid", "false": "open"} {
		t.Run("auto_advance "+advance, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.subscribe()
			w.wait(time.Unix(s.Int("current_period_end"), 0).Sub(w.Now()) + time.Minute)
			draft := w.latest(s.ID())
			w.call(changeInvoice, draft.ID(), "description", "Thank you", "auto_advance", "false")
			w.wait(2 * time.Hour)
			assert.Equal(t, "draft", w.see(draft.ID()).Text("status"), "it waits")
			open := w.call(finalize, draft.ID(), "auto_advance", advance)
			assert.Equal(t, "open", open.Text("status"))
			assert.Equal(t, "invoice_not_editable", w.refused(changeInvoice, draft.ID(), "description", "Sorry").Code)
			w.wait(2 * time.Hour)
			assert.Equal(t, status, w.see(draft.ID()).Text("status"))
		})
	}
}

func TestLinesHavePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSubscription, "", "customer", w.member("pm_card_visa"), "items[0][price]", w.price("1200"), "items[1][price]", w.price("500"), "items[1][quantity]", "3")
	page := w.call("GET /v1/invoices/{invoice}/lines", s.Text("latest_invoice"), "limit", "1")
	require.Len(t, page.List("data"), 1)
	assert.True(t, page.Bool("has_more"))
	page = w.call("GET /v1/subscription_items", "", "subscription", s.ID(), "starting_after", s.List("items")[0].ID())
	require.Len(t, page.List("data"), 1)
	assert.Equal(t, int64(3), page.List("data")[0].Int("quantity"))
}

func TestTheNextInvoiceIsThatOfASubscriptionThatGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	over := w.call(newSubscription, "", "customer", s.Text("customer"), "items[0][price]", w.price("900"))
	w.call(endSubscription, over.ID())
	coming := w.call(nextInvoice, "", "customer", s.Text("customer"))
	assert.Equal(t, s.ID(), coming.Text("subscription"))
	assert.NotContains(t, coming, "id")
	w.call(changeSubscription, s.ID(), "cancel_at_period_end", "true")
	for _, form := range [][]string{{"customer", s.Text("customer")}, {"subscription", s.ID()}} {
		refusal := w.refused(nextInvoice, "", form...)
		assert.Equal(t, http.StatusNotFound, refusal.Status)
		assert.Equal(t, "invoice_upcoming_none", refusal.Code)
	}
	w.news()
	w.wait(40 * aDay)
	assert.NotContains(t, w.news(), "invoice.upcoming")
}

func TestABankDebitFailsDaysLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSubscription, "", "customer", w.member("pm_usBankAccount_insufficientFunds"), "items[0][price]", w.price("1200"))
	assert.Equal(t, "active", s.Text("status"), "it is trusted meanwhile")
	invoice := w.latest(s.ID())
	assert.Equal(t, "open", invoice.Text("status"))
	assert.Equal(t, int64(1), invoice.Int("attempt_count"))
	w.news()
	w.wait(5 * aDay)
	assert.Contains(t, w.news(), "invoice.payment_failed")
	assert.Equal(t, "past_due", w.see(s.ID()).Text("status"))
	assert.NotNil(t, w.see(invoice.ID())["next_payment_attempt"])
	w.card(s.Text("customer"), "pm_card_visa")
	w.wait(3 * aDay)
	assert.Equal(t, "active", w.see(s.ID()).Text("status"))
}
