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

// pay has the customer confirm an intent with a method.
func pay(intent wire.Object, method string) func(*ledger.Tx) *wire.Error {
	return func(x *ledger.Tx) *wire.Error { return x.PayIntent(intent.ID(), method, nil) }
}

func TestACardPays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.intent("metadata[paymentId]", "5", "description", "two cakes", "receipt_email", "ada@example.test")
	billing := wire.Object{"name": "Ada", "email": "ada@example.test", "address": wire.Object{"postal_code": "12345"}}
	w.happens(func(x *ledger.Tx) *wire.Error { return x.PayIntent(intent.ID(), "pm_card_visa", billing) })
	assert.Equal(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}, w.news())

	intent = w.see(intent.ID())
	assert.Equal(t, "succeeded", intent.Text("status"))
	assert.Equal(t, int64(1000), intent.Int("amount_received"))
	charge := w.chargeOf(intent)
	assert.True(t, charge.Bool("paid") && charge.Bool("captured"))
	assert.Equal(t, int64(1000), charge.Int("amount_captured"))
	assert.Equal(t, "5", charge.Sub("metadata").Text("paymentId"))
	assert.Equal(t, "Ada", charge.Sub("billing_details").Text("name"))
	assert.Equal(t, "4242", charge.Sub("payment_method_details").Sub("card").Text("last4"))
	assert.Equal(t, "approved_by_network", charge.Sub("outcome").Text("network_status"))
	assert.False(t, charge.Has("refunds"), "they are shown when they are asked for")
	assert.Len(t, w.call("GET /v1/charges", "", "payment_intent", intent.ID()).List("data"), 1)
	expanded := w.call(oneIntent, intent.ID(), "expand[]", "latest_charge.refunds")
	assert.Equal(t, "list", expanded.Sub("latest_charge").Sub("refunds").Kind())

	t.Run("and what it means for the balance is known soon after", func(t *testing.T) {
		t.Parallel()
		assert.Nil(t, charge["balance_transaction"])
		w.wait(3 * time.Second)
		event := w.events()[0]
		assert.Equal(t, "charge.updated", event.Text("type"))
		assert.Nil(t, event.Sub("request")["id"], "no request asked for it")
		assert.Equal(t, wire.Object{"balance_transaction": nil}, event.Sub("data").Sub("previous_attributes"))
		booked := w.see(event.Sub("data").Sub("object").Text("balance_transaction"))
		assert.Equal(t, int64(1000-59), booked.Int("net"))
		assert.Equal(t, booked, w.call("GET /v1/balance_transactions/{id}", booked.ID()))
	})
}

func TestACardIsDeclined(t *testing.T) {
	t.Parallel()
	for method, c := range map[string]struct{ code, declineCode, message string }{
		"pm_card_visa_chargeDeclined":                  {"card_declined", "generic_decline", "Your card was declined."},
		"pm_card_chargeDeclined":                       {"card_declined", "generic_decline", "Your card was declined."},
		"pm_card_visa_chargeDeclinedInsufficientFunds": {"card_declined", "insufficient_funds", "Your card has insufficient funds."},
		"pm_card_visa_chargeDeclinedLostCard":          {"card_declined", "lost_card", "Your card was declined."},
		"pm_card_chargeDeclinedExpiredCard":            {"expired_card", "", "Your card has expired."},
		"pm_card_chargeDeclinedIncorrectCvc":           {"incorrect_cvc", "", "Your card's security code is incorrect."},
		"pm_card_chargeDeclinedProcessingError":        {"processing_error", "", "An error occurred while processing your card. Try again in a little bit."},
		"pm_card_radarBlock":                           {"card_declined", "fraudulent", "Your card was declined."},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			intent := w.intent()
			refusal := w.cannot(pay(intent, method))
			assert.Equal(t, http.StatusPaymentRequired, refusal.Status)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, c.declineCode, refusal.DeclineCode)
			assert.Equal(t, c.message, refusal.Message)
			assert.Equal(t, []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}, w.news())

			intent = w.see(intent.ID())
			assert.Equal(t, intent, refusal.PaymentIntent)
			assert.Equal(t, "requires_payment_method", intent.Text("status"))
			assert.Nil(t, intent["payment_method"])
			assert.Equal(t, c.message, intent.Sub("last_payment_error").Text("message"))
			assert.Equal(t, refusal.Charge, intent.Sub("last_payment_error").Text("charge"))
			charge := w.chargeOf(intent)
			assert.Equal(t, c.code, charge.Text("failure_code"))
			assert.False(t, charge.Bool("paid") || charge.Bool("captured"))

			w.happens(pay(intent, "pm_card_visa"))
			assert.Nil(t, w.see(intent.ID())["last_payment_error"], "another card pays the same intent")
			assert.Len(t, w.call("GET /v1/charges", "", "payment_intent", intent.ID()).List("data"), 2)
			w.events()
		})
	}
}

func TestACustomerAuthenticates(t *testing.T) {
	t.Parallel()
	act := func(intent wire.Object, ok bool) func(*ledger.Tx) *wire.Error {
		return func(x *ledger.Tx) *wire.Error { return x.CompleteAction(intent.ID(), ok) }
	}
	begin := func(t *testing.T, method string) (*world, wire.Object) {
		t.Helper()
		w := newWorld(t)
		intent := w.intent()
		w.happens(pay(intent, method))
		assert.Equal(t, []string{"payment_intent.created", "payment_intent.requires_action"}, w.news())
		intent = w.see(intent.ID())
		assert.Equal(t, "requires_action", intent.Text("status"))
		assert.Equal(t, "use_stripe_sdk", intent.Sub("next_action").Text("type"))
		assert.Nil(t, intent["latest_charge"])
		return w, intent
	}
	t.Run("and the card pays", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t, "pm_card_authenticationRequired")
		w.happens(act(intent, true))
		assert.Equal(t, []string{"charge.succeeded", "payment_intent.succeeded"}, w.news())
		assert.Nil(t, w.see(intent.ID())["next_action"])
		assert.Equal(t, "payment_intent_unexpected_state", w.cannot(act(intent, true)).Code, "once is enough")
	})
	t.Run("and the card is declined all the same", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
		assert.Equal(t, "insufficient_funds", w.cannot(act(intent, true)).DeclineCode)
		assert.Equal(t, []string{"charge.failed", "payment_intent.payment_failed"}, w.news())
	})
	t.Run("in vain", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t, "pm_card_authenticationRequired")
		w.happens(act(intent, false))
		assert.Equal(t, []string{"payment_intent.payment_failed"}, w.news())
		failure := w.see(intent.ID()).Sub("last_payment_error")
		assert.Equal(t, "payment_intent_authentication_failure", failure.Text("code"))
		assert.False(t, failure.Has("charge"))
	})
	t.Run("on a page that the server sends them to", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		intent := w.intent("payment_method", "pm_card_authenticationRequired", "confirm", "true", "return_url", "https://shop.example/back")
		assert.Equal(t, "https://shop.example/back", intent.Sub("next_action").Sub("redirect_to_url").Text("return_url"))
	})
	t.Run("not again for a card that is kept", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.call(newCustomer, "")
		m := w.call(attachMethod, "pm_card_authenticationRequiredOnSetup", "customer", c.ID())
		intent := w.intent("customer", c.ID(), "payment_method", m.ID(), "confirm", "true", "off_session", "true", "return_url", "https://shop.example/back")
		assert.Equal(t, "succeeded", intent.Text("status"))
	})
}

func TestABankTakesDays(t *testing.T) {
	t.Parallel()
	settle := func(intent wire.Object, ok bool) func(*ledger.Tx) *wire.Error {
		return func(x *ledger.Tx) *wire.Error { return x.SettleIntent(intent.ID(), ok) }
	}
	begin := func(t *testing.T, method string) (*world, wire.Object) {
		t.Helper()
		w := newWorld(t)
		intent := w.intent()
		w.happens(pay(intent, method))
		assert.Equal(t, []string{"payment_intent.created", "charge.pending", "payment_intent.processing"}, w.news())
		assert.Equal(t, "processing", w.see(intent.ID()).Text("status"))
		assert.Equal(t, "pending", w.chargeOf(intent).Text("status"))
		return w, intent
	}
	t.Run("and pays", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t, "pm_usBankAccount_success")
		w.happens(settle(intent, true))
		assert.Equal(t, []string{"charge.succeeded", "payment_intent.succeeded"}, w.news())
		assert.Equal(t, "payment_intent_unexpected_state", w.cannot(settle(intent, false)).Code)
	})
	t.Run("or does not", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t, "pm_usBankAccount_success")
		w.happens(settle(intent, false))
		assert.Equal(t, []string{"charge.failed", "payment_intent.payment_failed"}, w.news())
		assert.Equal(t, "requires_payment_method", w.see(intent.ID()).Text("status"))
		assert.Equal(t, "insufficient_funds", w.chargeOf(intent).Text("failure_code"))
	})
	t.Run("by itself, as the account's name says", func(t *testing.T) {
		t.Parallel()
		for method, status := range map[string]string{
			"pm_usBankAccount_success": "succeeded", "pm_usBankAccount_insufficientFunds": "requires_payment_method", "pm_usBankAccount_processing": "processing",
		} {
			w, intent := begin(t, method)
			w.wait(5 * 24 * time.Hour)
			assert.Equal(t, status, w.see(intent.ID()).Text("status"))
			w.events()
		}
	})
	t.Run("unless it is called off", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t, "pm_usBankAccount_success")
		w.call(cancelIntent, intent.ID())
		assert.Equal(t, []string{"charge.failed", "payment_intent.canceled"}, w.news())
		w.wait(5 * 24 * time.Hour)
		assert.Empty(t, w.news())
	})
}

func TestAnAmountIsAuthorizedFirst(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (*world, wire.Object) {
		t.Helper()
		w := newWorld(t)
		intent := w.intent("capture_method", "manual")
		w.happens(pay(intent, "pm_card_visa"))
		assert.Equal(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"}, w.news())
		intent = w.see(intent.ID())
		assert.Equal(t, int64(1000), intent.Int("amount_capturable"))
		assert.False(t, w.chargeOf(intent).Bool("captured"))
		return w, intent
	}
	t.Run("and captured", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t)
		done := w.call(captureIntent, intent.ID(), "metadata[a]", "b")
		assert.Equal(t, []string{"charge.captured", "payment_intent.succeeded"}, w.news())
		assert.Equal(t, int64(1000), done.Int("amount_received"))
		assert.Zero(t, done.Int("amount_capturable"))
		assert.NotNil(t, w.chargeOf(intent)["balance_transaction"])
	})
	t.Run("and captured in part: the rest counts as refunded", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t)
		done := w.call(captureIntent, intent.ID(), "amount_to_capture", "700")
		assert.Equal(t, int64(700), done.Int("amount_received"))
		assert.Equal(t, int64(1000), done.Int("amount"))
		charge := w.chargeOf(intent)
		assert.Equal(t, []int64{700, 300}, []int64{charge.Int("amount_captured"), charge.Int("amount_refunded")})
		assert.False(t, charge.Bool("refunded"))
		assert.Equal(t, []string{"charge.captured", "payment_intent.succeeded"}, w.news())
		w.call(newRefund, "", "charge", charge.ID())
		assert.True(t, w.chargeOf(intent).Bool("refunded"))
	})
	t.Run("but not for more, nor for nothing", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t)
		for amount, code := range map[string]string{"1001": "amount_too_large", "0": "parameter_invalid_integer", "-1": ""} {
			refusal := w.refused(captureIntent, intent.ID(), "amount_to_capture", amount)
			assert.Equal(t, code, refusal.Code)
			assert.Equal(t, intent.ID(), refusal.PaymentIntent.ID())
		}
	})
	t.Run("and let go", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t)
		assert.Contains(t, w.refused(newRefund, "", "payment_intent", intent.ID()).Message, "You must cancel the PaymentIntent")
		canceled := w.call(cancelIntent, intent.ID(), "cancellation_reason", "requested_by_customer")
		assert.Equal(t, []string{"charge.refunded", "payment_intent.canceled"}, w.news())
		assert.Equal(t, "requested_by_customer", canceled.Text("cancellation_reason"))
		assert.True(t, w.chargeOf(intent).Bool("refunded"))
	})
	t.Run("and forgotten for a week", func(t *testing.T) {
		t.Parallel()
		w, intent := begin(t)
		w.wait(8 * 24 * time.Hour)
		assert.Equal(t, []string{"charge.expired", "payment_intent.canceled"}, w.news())
		assert.Equal(t, "automatic", w.see(intent.ID()).Text("cancellation_reason"))
	})
}

func TestACardThatHasPaidIsKeptWhereThatWasAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.call(newCustomer, "")
	intent := w.intent("customer", c.ID(), "setup_future_usage", "off_session")
	w.happens(pay(intent, "pm_card_visa"))
	assert.Contains(t, w.news(), "payment_method.attached")
	assert.Equal(t, c.ID(), w.see(w.see(intent.ID()).Text("payment_method")).Text("customer"))
}

func TestAPaymentIsMadeInOneGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	partly := w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) {
		return x.Pay(ledger.Payment{Amount: 1000, AmountReceived: 700, Currency: "usd", Metadata: map[string]string{"a": "b"}})
	})
	assert.Equal(t, int64(700), partly.Int("amount_received"))
	failed, refusal := w.act(func(x *ledger.Tx) (wire.Object, *wire.Error) {
		return x.Fail(ledger.Payment{Amount: 1000, Currency: "usd"})
	})
	require.Nil(t, refusal)
	assert.Equal(t, "requires_payment_method", failed.Text("status"))
	canceled := w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) {
		return x.Cancel(ledger.Payment{PaymentIntentID: failed.ID(), Reason: "abandoned"})
	})
	assert.Equal(t, "abandoned", canceled.Text("cancellation_reason"))
	w.events()
}
