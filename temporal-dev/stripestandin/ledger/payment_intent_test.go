package ledger_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func TestANewIntentWaitsForAPaymentMethod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.call(newCustomer, "")
	intent := w.intent("customer", c.ID(), "metadata[paymentId]", "5", "receipt_email", "ada@example.test", "shipping[name]", "Ada", "shipping[address][line1]", "1 Main St")
	assert.Equal(t, "requires_payment_method", intent.Text("status"))
	assert.Equal(t, "automatic_async", intent.Text("capture_method"))
	assert.Equal(t, wire.Object{"allow_redirects": "always", "enabled": true}, intent.Sub("automatic_payment_methods"))
	assert.Equal(t, []string{"card", "us_bank_account"}, intent.Texts("payment_method_types"))
	assert.Regexp(t, "^"+intent.ID()+"_secret_", intent.Text("client_secret"))
	assert.Equal(t, "5", intent.Sub("metadata").Text("paymentId"))
	assert.Equal(t, "1 Main St", intent.Sub("shipping").Sub("address").Text("line1"))
	assert.Equal(t, []string{"customer.created", "payment_intent.created"}, w.news())

	assert.Equal(t, intent, w.call(oneIntent, intent.ID(), "client_secret", intent.Text("client_secret")))
	assert.Equal(t, "client_secret", w.refused(oneIntent, intent.ID(), "client_secret", "pi_1_secret_2").Param)
	w.intent()
	assert.Len(t, w.call("GET /v1/payment_intents", "", "customer", c.ID()).List("data"), 1)
	missing := w.refused(oneIntent, "pi_none")
	assert.Equal(t, http.StatusNotFound, missing.Status)
	assert.Equal(t, "intent", missing.Param)
	assert.Equal(t, "No such payment_intent: 'pi_none'", missing.Message)
}

func TestAnAmountMustBePossibleInItsCurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		amount, currency, code, message string
	}{
		"nothing":                      {"0", "usd", "parameter_invalid_integer", "minimum charge amount"},
		"less than nothing":            {"-5", "usd", "parameter_invalid_integer", "minimum charge amount"},
		"less than fifty cents":        {"49", "usd", "amount_too_small", "Amount must be at least $0.50 usd"},
		"less than fifty yen":          {"49", "jpy", "amount_too_small", "Amount must be at least ¥50 jpy"},
		"a million":                    {"100000000", "usd", "amount_too_large", "Amount must be no more than $999999.99 usd"},
		"a thousandth of a dinar":      {"5001", "kwd", "", "multiple of 10"},
		"a hundredth of a króna":       {"50050", "isk", "", "multiple of 100"},
		"a currency that there is not": {"1000", "xyz", "", "Invalid currency: xyz. Stripe currently supports these currencies: usd, aed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal := w.refused(newIntent, "", "amount", c.amount, "currency", c.currency)
			assert.Equal(t, c.code, refusal.Code)
			assert.Contains(t, refusal.Message, c.message)
		})
	}
	t.Run("and these are", func(t *testing.T) {
		t.Parallel()
		for currency, amount := range map[string]string{"usd": "50", "jpy": "50", "kwd": "5000", "isk": "500", "idr": "999999999999", "EUR": "99999999"} {
			w.call(newIntent, "", "amount", amount, "currency", currency)
		}
		assert.Equal(t, "eur", w.call(newIntent, "", "amount", "50", "currency", "EUR").Text("currency"))
	})
}

func TestANewIntentThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		form           []string
		code, param    string
		messageHasThis string
	}{
		"two ways to say how it is paid":  {[]string{"automatic_payment_methods[enabled]", "true", "payment_method_types[]", "card"}, "parameters_exclusive", "", "automatic_payment_methods, payment_method_types"},
		"a return without a confirmation": {[]string{"return_url", "https://shop.example"}, "", "return_url", "unless `confirm` is set to true"},
		"a confirmation without a return": {[]string{"confirm", "true", "payment_method", "pm_card_visa"}, "", "", "you must provide a `return_url`"},
		"a confirmation without a method": {[]string{"confirm", "true", "return_url", "https://shop.example"}, "payment_intent_unexpected_state", "", "it's missing a payment method"},
		"a method of another type":        {[]string{"payment_method_types[]", "us_bank_account", "payment_method", "pm_card_visa"}, "", "payment_method", "is not allowed for this PaymentIntent"},
		"a method that there is not":      {[]string{"payment_method", "pm_card_golden"}, "resource_missing", "payment_method", "No such PaymentMethod: 'pm_card_golden'"},
		"an address that is none":         {[]string{"receipt_email", "ada"}, "email_invalid", "receipt_email", "Invalid email address: ada"},
		"a type that is not served":       {[]string{"payment_method_types[]", "giropay"}, "", "payment_method_types[0]", "giropay"},
		"a parameter that is not served":  {[]string{"on_behalf_of", "acct_1"}, "", "on_behalf_of", "does not serve"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal := w.refused(newIntent, "", append([]string{"amount", "1000", "currency", "usd"}, c.form...)...)
			assert.Equal(t, http.StatusBadRequest, refusal.Status)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, c.param, refusal.Param)
			assert.Contains(t, refusal.Message, c.messageHasThis)
		})
	}
}

func TestAnIntentIsChangedUntilItIsPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.intent("payment_method", "pm_card_visa", "metadata[a]", "b")
	assert.Equal(t, "requires_confirmation", intent.Text("status"))
	changed := w.call(changeIntent, intent.ID(), "amount", "2500", "currency", "eur", "description", "two cakes", "metadata[c]", "d")
	assert.Equal(t, int64(2500), changed.Int("amount"))
	assert.Equal(t, "eur", changed.Text("currency"))
	assert.Equal(t, wire.Object{"a": "b", "c": "d"}, changed.Sub("metadata"))
	assert.Equal(t, "amount_too_small", w.refused(changeIntent, intent.ID(), "amount", "7").Code)

	done := w.paid("pm_card_visa")
	for _, field := range []string{"amount", "currency", "payment_method"} {
		refusal := w.refused(changeIntent, done.ID(), field, map[string]string{"amount": "2000", "currency": "eur", "payment_method": "pm_card_visa"}[field])
		assert.Equal(t, "payment_intent_unexpected_state", refusal.Code)
		assert.Equal(t, field, refusal.Param)
		assert.Contains(t, refusal.Message, "This PaymentIntent's "+field+" could not be updated because it has a status of succeeded.")
		assert.Equal(t, done.ID(), refusal.PaymentIntent.ID())
	}
	assert.Equal(t, "late", w.call(changeIntent, done.ID(), "description", "late", "metadata[note]", "x").Text("description"), "what is no money can change")
	w.events()
}

func TestHowAnIntentIsPaidCanBeSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.intent("payment_method_types[]", "card", "capture_method", "automatic", "payment_method_options[card][request_three_d_secure]", "any")
	assert.Nil(t, intent["automatic_payment_methods"])
	assert.Equal(t, "any", intent.Sub("payment_method_options").Sub("card").Text("request_three_d_secure"))
	assert.Equal(t, []string{"us_bank_account"}, w.call(changeIntent, intent.ID(), "payment_method_types[]", "us_bank_account").Texts("payment_method_types"))
	assert.Equal(t, "payment_method", w.cannot(pay(intent, "pm_card_visa")).Param)
	assert.Equal(t, "payment_method_types[0]", w.refused(changeIntent, intent.ID(), "payment_method_types[]", "giropay").Param)
	w.call(changeIntent, intent.ID(), "payment_method_types[]", "card")
	w.call(confirmIntent, intent.ID(), "payment_method", "pm_card_visa")
	assert.NotNil(t, w.chargeOf(intent)["balance_transaction"], "known at once unless it may come later")
}

func TestAServerConfirmsAnIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.intent("payment_method", "pm_card_visa", "confirm", "true", "return_url", "https://shop.example/back")
	assert.Equal(t, "succeeded", intent.Text("status"))
	assert.Equal(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}, w.news())

	later := w.intent("automatic_payment_methods[enabled]", "true", "automatic_payment_methods[allow_redirects]", "never")
	done := w.call(confirmIntent, later.ID(), "payment_method", "pm_card_visa")
	assert.Equal(t, "succeeded", done.Text("status"))
	assert.Equal(t, int64(1000), done.Int("amount_received"))

	t.Run("and is told of a decline with all there is to know", func(t *testing.T) {
		t.Parallel()
		refusal := w.refused(newIntent, "", "amount", "1000", "currency", "usd", "payment_method", "pm_card_visa_chargeDeclined", "confirm", "true", "return_url", "https://shop.example/back")
		assert.Equal(t, http.StatusPaymentRequired, refusal.Status)
		assert.Equal(t, "card_error", refusal.Type)
		assert.Equal(t, "https://stripe.com/docs/error-codes/card-declined", refusal.DocURL)
		assert.Equal(t, "requires_payment_method", w.see(refusal.PaymentIntent.ID()).Text("status"), "the intent stays")
		assert.Equal(t, "failed", w.see(refusal.Charge).Text("status"))
		assert.False(t, refusal.PaymentMethod.Has("_test"))
	})
	t.Run("and of a page to come back to that is none", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "url_invalid", w.refused(confirmIntent, w.intent().ID(), "return_url", "shop").Code)
	})
	t.Run("and of a customer without a card", func(t *testing.T) {
		t.Parallel()
		c := w.call(newCustomer, "")
		assert.Contains(t, w.refused(confirmIntent, w.intent("customer", c.ID()).ID(), "return_url", "https://shop.example/back").Message, "To confirm the PaymentIntent with "+c.ID())
	})
	t.Run("who cannot authenticate in the customer's place", func(t *testing.T) {
		t.Parallel()
		refusal := w.refused(newIntent, "", "amount", "1000", "currency", "usd", "payment_method", "pm_card_authenticationRequired", "confirm", "true", "return_url", "https://shop.example/back", "off_session", "true")
		assert.Equal(t, "authentication_required", refusal.Code)
		assert.Empty(t, refusal.Charge, "none was tried")
	})
}

// Each status, and what Stripe's API does in it with an intent.
func TestWhatCanBeDoneDependsOnTheStatus(t *testing.T) {
	t.Parallel()
	reach := map[string]func(*world) wire.Object{
		"requires_payment_method": func(w *world) wire.Object { return w.intent() },
		"requires_confirmation":   func(w *world) wire.Object { return w.intent("payment_method", "pm_card_visa") },
		"requires_action":         func(w *world) wire.Object { return w.paid("pm_card_authenticationRequired") },
		"requires_capture":        func(w *world) wire.Object { return w.paid("pm_card_visa", "capture_method", "manual") },
		"processing":              func(w *world) wire.Object { return w.paid("pm_usBankAccount_processing") },
		"succeeded":               func(w *world) wire.Object { return w.paid("pm_card_visa") },
		"canceled":                func(w *world) wire.Object { return w.call(cancelIntent, w.intent().ID()) },
	}
	confirmation := []string{"payment_method", "pm_card_visa", "return_url", "https://shop.example/back"}
	for _, c := range []struct {
		call    string
		form    []string
		allowed []string
	}{
		{confirmIntent, confirmation, []string{"requires_payment_method", "requires_confirmation", "requires_action"}},
		{captureIntent, nil, []string{"requires_capture"}},
		{cancelIntent, nil, []string{"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"}},
		{changeIntent, []string{"amount", "2000"}, []string{"requires_payment_method", "requires_confirmation", "requires_action"}},
		{changeIntent, []string{"metadata[a]", "b"}, []string{"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing", "succeeded", "canceled"}},
	} {
		for status, there := range reach {
			t.Run(c.call+" in "+status, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				intent := there(w)
				require.Equal(t, status, intent.Text("status"))
				_, refusal := w.try(c.call, intent.ID(), c.form...)
				w.events()
				if slices.Contains(c.allowed, status) {
					assert.Nil(t, refusal, "%v", refusal)
					return
				}
				require.NotNil(t, refusal)
				assert.Equal(t, "payment_intent_unexpected_state", refusal.Code)
				assert.Equal(t, intent, refusal.PaymentIntent)
			})
		}
	}
}

func TestASessionsIntentIsTheSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.intent()
	w.happens(func(x *ledger.Tx) *wire.Error {
		x.Put(wire.Object{"id": "cs_test_1", "object": "checkout.session", "status": "open"})
		edited, refusal := x.Edit("payment_intent", intent.ID(), "")
		edited["_session"] = "cs_test_1"
		return refusal
	})
	assert.Contains(t, w.refused(cancelIntent, intent.ID()).Message, "expiring the Checkout Session instead")
	assert.Contains(t, w.refused(confirmIntent, intent.ID(), "payment_method", "pm_card_visa").Message, "Checkout Session")
	assert.Contains(t, w.refused(changeIntent, intent.ID(), "amount", "2000").Message, "Checkout Session")
	assert.Contains(t, w.cannot(func(x *ledger.Tx) *wire.Error { return x.PayIntent(intent.ID(), "pm_card_visa", nil) }).Message, "Checkout Session")
	assert.Equal(t, "b", w.call(changeIntent, intent.ID(), "metadata[a]", "b").Sub("metadata").Text("a"))
}
