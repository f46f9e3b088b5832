package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func TestACustomerPaysASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", basket(
		"metadata[on]", "session", "payment_intent_data[metadata][on]", "intent", "payment_intent_data[description]", "Two loaves",
		"payment_intent_data[receipt_email]", "receipts@example.com",
	)...)
	w.news()
	_, refusal := w.submits(s, who("pm_card_visa"))
	require.Nil(t, refusal)
	assert.Equal(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}, w.news())

	s = w.see(s.ID())
	assert.Equal(t, "complete", s.Text("status"))
	assert.Equal(t, "paid", s.Text("payment_status"))
	assert.Nil(t, s["url"])
	assert.Nil(t, s["customer"], "none is needed")
	assert.Equal(t, wire.Object{"on": "session"}, s.Sub("metadata"))
	assert.Equal(t, "ada@example.com", s.Sub("customer_details").Text("email"))
	assert.Equal(t, "Ada Lovelace", s.Sub("customer_details").Text("name"))

	intent := w.see(s.Text("payment_intent"))
	assert.Equal(t, "succeeded", intent.Text("status"))
	assert.Equal(t, int64(1000), intent.Int("amount_received"))
	assert.Equal(t, wire.Object{"on": "intent"}, intent.Sub("metadata"))
	assert.Equal(t, "Two loaves", intent.Text("description"))
	assert.Equal(t, "receipts@example.com", intent.Text("receipt_email"))
	charge := w.see(intent.Text("latest_charge"))
	assert.Equal(t, "ada@example.com", charge.Sub("billing_details").Text("email"))

	_, refusal = w.submits(s, who("pm_card_visa"))
	require.NotNil(t, refusal, "nobody pays twice")
	assert.Contains(t, refusal.Message, "status of `complete`")
	assert.Empty(t, w.news())
}

func TestADeclinedCardLeavesTheSessionOpenForTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", basket()...)
	w.news()
	_, refusal := w.submits(s, who("pm_card_visa_chargeDeclined"))
	require.NotNil(t, refusal)
	assert.Equal(t, 402, refusal.Status)
	assert.Equal(t, "card_declined", refusal.Code)
	assert.Equal(t, []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}, w.news())
	s = w.see(s.ID())
	assert.Equal(t, "open", s.Text("status"))
	first := s.Text("payment_intent")
	assert.Equal(t, "requires_payment_method", w.see(first).Text("status"))

	_, refusal = w.submits(s, who("pm_card_mastercard"))
	require.Nil(t, refusal)
	assert.Equal(t, []string{"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}, w.news())
	assert.Equal(t, first, w.see(s.ID()).Text("payment_intent"), "it is the same intent")
}

func TestWhatIsNotEnoughIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", basket("shipping_address_collection[allowed_countries][0]", "DE", "phone_number_collection[enabled]", "true", "payment_method_types[0]", "card")...)
	p := ledger.SessionPayment{}
	for _, c := range []struct {
		field string
		mend  func()
	}{
		{"email", func() { p.Email = "ada@example.com" }},
		{"name", func() { p.Name = "Ada" }},
		{"phone", func() { p.Phone = "+49 30 1" }},
		{"line1", func() { p.Line1 = "Weg 1" }},
		{"city", func() { p.City = "Berlin" }},
		{"country", func() { p.Country = "Germany" }},
		{"country", func() { p.Country = "US" }},
		{"country", func() { p.Country = "DE"; p.Method = "pm_usBankAccount_success" }},
		{"method", func() { p.Method = ""; p.ShippingRate = "shr_no" }},
		{"shippingRate", func() { p.ShippingRate = "" }},
	} {
		_, refusal := w.submits(s, p)
		require.NotNil(t, refusal, c.field)
		assert.Equal(t, c.field, refusal.Param, refusal.Message)
		c.mend()
	}
	_, refusal := w.submits(s, p)
	require.Nil(t, refusal)
	s = w.see(s.ID())
	assert.Equal(t, "Weg 1", s.Sub("shipping_details").Sub("address").Text("line1"))
	assert.Equal(t, "Ada", w.see(s.Text("payment_intent")).Sub("shipping").Text("name"))
}

func TestACustomerIsMadeWhereOneIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", basket("customer_creation", "always")...)
	w.news()
	_, refusal := w.submits(s, who(""))
	require.Nil(t, refusal)
	assert.Equal(t, "customer.created", w.news()[0])
	s = w.see(s.ID())
	assert.Equal(t, "ada@example.com", w.see(s.Text("customer")).Text("email"))
	assert.Equal(t, s.Text("customer"), w.see(s.Text("payment_intent")).Text("customer"))
}

func TestACustomerWhoIsKnownPaysUnderTheirOwnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	known := w.call("POST /v1/customers", "", "email", "grace@example.com")
	s := w.call(newSession, "", basket("customer", known.ID())...)
	assert.Equal(t, "grace@example.com", s.Sub("customer_details").Text("email"))
	assert.Nil(t, s["customer_creation"])
	_, refusal := w.submits(s, who(""))
	require.Nil(t, refusal)
	assert.Equal(t, "grace@example.com", w.see(s.ID()).Sub("customer_details").Text("email"))

	unknown := w.call("POST /v1/customers", "")
	s = w.call(newSession, "", basket("customer", unknown.ID())...)
	_, refusal = w.submits(s, who(""))
	require.Nil(t, refusal)
	assert.Equal(t, "ada@example.com", w.see(unknown.ID()).Text("email"), "one whose address was not known has it now")
}

func TestWhatCostsNothingNeedsNoPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", append([]string{"mode", "payment", "success_url", "https://shop.example/"}, item(0, "Sample", 0, 1, "usd")...)...)
	w.news()
	_, refusal := w.submits(s, who(""))
	require.Nil(t, refusal)
	assert.Equal(t, []string{"checkout.session.completed"}, w.news())
	s = w.see(s.ID())
	assert.Equal(t, "no_payment_required", s.Text("payment_status"))
	assert.Nil(t, s["payment_intent"])
}

func TestABankDebitIsAnsweredLater(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pays   bool
		status string
		news   []string
	}{
		"the money comes": {true, "paid", []string{"charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded"}},
		"it does not":     {false, "unpaid", []string{"charge.failed", "payment_intent.payment_failed", "checkout.session.async_payment_failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.call(newSession, "", basket()...)
			w.news()
			_, refusal := w.submits(s, who("pm_usBankAccount_processing"))
			require.Nil(t, refusal)
			assert.Equal(t, []string{"payment_intent.created", "charge.pending", "payment_intent.processing", "checkout.session.completed"}, w.news())
			s = w.see(s.ID())
			assert.Equal(t, "complete", s.Text("status"))
			assert.Equal(t, "unpaid", s.Text("payment_status"))

			require.Nil(t, w.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error { return x.SettleIntent(s.Text("payment_intent"), c.pays) }))
			assert.Equal(t, c.news, w.news())
			assert.Equal(t, c.status, w.see(s.ID()).Text("payment_status"))
		})
	}
}

func TestACardWhoseHolderMustAuthenticate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", basket()...)
	w.news()
	_, refusal := w.submits(s, who("pm_card_authenticationRequired"))
	require.Nil(t, refusal)
	assert.Equal(t, []string{"payment_intent.created", "payment_intent.requires_action"}, w.news())
	s = w.see(s.ID())
	assert.Equal(t, "open", s.Text("status"))
	intent := s.Text("payment_intent")

	require.Nil(t, w.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error { return x.CompleteAction(intent, false) }))
	assert.Equal(t, []string{"payment_intent.payment_failed"}, w.news())
	assert.Equal(t, "open", w.see(s.ID()).Text("status"), "the customer may try again")

	_, refusal = w.submits(s, who("pm_card_authenticationRequired"))
	require.Nil(t, refusal)
	w.news()
	require.Nil(t, w.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error { return x.CompleteAction(intent, true) }))
	assert.Equal(t, []string{"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}, w.news())
	assert.Equal(t, "paid", w.see(s.ID()).Text("payment_status"))
}

func TestWhatIsCapturedByHandIsUnpaidUntilThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", basket("payment_intent_data[capture_method]", "manual")...)
	_, refusal := w.submits(s, who(""))
	require.Nil(t, refusal)
	s = w.see(s.ID())
	assert.Equal(t, "unpaid", s.Text("payment_status"))
	w.news()
	w.call("POST /v1/payment_intents/{intent}/capture", s.Text("payment_intent"))
	assert.NotContains(t, w.news(), "checkout.session.async_payment_succeeded")
	assert.Equal(t, "paid", w.see(s.ID()).Text("payment_status"))
}

func TestASessionExpires(t *testing.T) {
	t.Parallel()
	const expire = "POST /v1/checkout/sessions/{session}/expire"
	t.Run("by itself, after a day", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.call(newSession, "", basket()...)
		w.news()
		w.wait(24*time.Hour - time.Minute)
		assert.Empty(t, w.news())
		w.wait(time.Minute)
		assert.Equal(t, []string{"checkout.session.expired"}, w.news())
		s = w.see(s.ID())
		assert.Equal(t, "expired", s.Text("status"))
		assert.Equal(t, "unpaid", s.Text("payment_status"))
		assert.Nil(t, s["url"])
	})
	t.Run("when it was asked to, with what it has begun", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.call(newSession, "", basket()...)
		_, refusal := w.submits(s, who("pm_card_visa_chargeDeclined"))
		require.NotNil(t, refusal)
		w.news()
		s = w.call(expire, s.ID())
		assert.Equal(t, []string{"payment_intent.canceled", "checkout.session.expired"}, w.news())
		assert.Equal(t, "canceled", w.see(s.Text("payment_intent")).Text("status"))
		assert.Equal(t, "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `expired`.", w.refused(expire, s.ID()).Message)
		_, refusal = w.submits(s, who(""))
		require.NotNil(t, refusal, "and nobody pays it any more")
		w.wait(25 * time.Hour)
		assert.Empty(t, w.news(), "it expires once")
	})
	t.Run("never once it is complete", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.call(newSession, "", basket()...)
		_, refusal := w.submits(s, who(""))
		require.Nil(t, refusal)
		assert.Contains(t, w.refused(expire, s.ID()).Message, "status of `complete`")
		w.wait(25 * time.Hour)
		assert.NotContains(t, w.news(), "checkout.session.expired")
	})
}
