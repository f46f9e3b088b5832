package ledger_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func TestACardIsKeptWithACustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.call(newCustomer, "", "payment_method", "pm_card_visa", "invoice_settings[default_payment_method]", "pm_card_visa")
	first := c.Sub("invoice_settings").Text("default_payment_method")
	second := w.call(attachMethod, "pm_card_mastercard", "customer", c.ID())
	assert.Equal(t, []string{"payment_method.attached", "customer.created", "payment_method.attached"}, w.news())
	assert.Equal(t, "4444", second.Sub("card").Text("last4"))
	for _, list := range []wire.Object{
		w.call("GET /v1/payment_methods", "", "customer", c.ID(), "type", "card"),
		w.call("GET /v1/customers/{customer}/payment_methods", c.ID()),
	} {
		require.Len(t, list.List("data"), 2)
		assert.Equal(t, second.ID(), list.List("data")[0].ID(), "the newest first")
	}
	assert.Empty(t, w.call("GET /v1/payment_methods", "", "type", "card").List("data"), "without a customer there is nothing to list")

	w.call("POST /v1/customers/{customer}", c.ID(), "invoice_settings[default_payment_method]", second.ID())
	w.call("POST /v1/payment_methods/{payment_method}/detach", second.ID())
	assert.Equal(t, []string{"customer.updated", "payment_method.detached", "customer.updated"}, w.news())
	assert.Nil(t, w.call(oneCustomer, c.ID()).Sub("invoice_settings")["default_payment_method"])
	assert.Equal(t, c.ID(), w.see(first).Text("customer"))

	t.Run("and once taken away cannot come back", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, w.refused(attachMethod, second.ID(), "customer", c.ID()).Message, "may not be used again")
		assert.Contains(t, w.refused("POST /v1/payment_methods/{payment_method}/detach", second.ID()).Message, "detachment is impossible")
		assert.Contains(t, w.refused(newIntent, "", "amount", "1000", "currency", "usd", "payment_method", second.ID()).Message, "may not be used again")
	})
	t.Run("nor belong to two", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, w.refused(attachMethod, first, "customer", c.ID()).Message, "already been attached")
		refusal := w.refused(newIntent, "", "amount", "1000", "currency", "usd", "payment_method", first)
		assert.Equal(t, "source", refusal.Param)
		assert.Equal(t, "parameter_missing", refusal.Code)
		other := w.call(newCustomer, "")
		refusal = w.refused(newIntent, "", "amount", "1000", "currency", "usd", "payment_method", first, "customer", other.ID())
		assert.Contains(t, refusal.Message, "does not belong to the Customer you supplied")
		assert.Equal(t, "requires_payment_method", refusal.PaymentIntent.Text("status"))
	})
}

func TestADeclinedCardCannotBeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.call(newCustomer, "")
	refusal := w.refused(attachMethod, "pm_card_visa_chargeDeclinedInsufficientFunds", "customer", c.ID())
	assert.Equal(t, http.StatusPaymentRequired, refusal.Status)
	assert.Equal(t, "insufficient_funds", refusal.DeclineCode)
	w.call(attachMethod, "pm_card_chargeCustomerFail", "customer", c.ID()) // but this one is made for that
	assert.Len(t, w.call("GET /v1/customers/{customer}/payment_methods", c.ID()).List("data"), 1)
}

func TestEveryTestMethodIsAsStripeDescribesPaymentMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, card := range ledger.Cards() {
		assert.NotEmpty(t, card.Says)
		intent := w.intent()
		refusal := w.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error {
			return x.PayIntent(intent.ID(), card.Method, wire.Object{"email": "ada@example.test"})
		})
		if refusal != nil {
			require.Equal(t, http.StatusPaymentRequired, refusal.Status, card.Method)
			require.NoError(t, wire.Check(refusal.PaymentIntent), card.Method)
			require.NoError(t, wire.Check(refusal.PaymentMethod), card.Method)
			continue
		}
		m := w.see(w.see(intent.ID()).Text("payment_method"))
		assert.Equal(t, card.Number[len(card.Number)-4:], m.Sub(m.Text("type")).Text("last4"))
		assert.Equal(t, "ada@example.test", m.Sub("billing_details").Text("email"))
		assert.True(t, m.Sub("billing_details").Sub("address").Has("line1"))
	}
	w.events() // holds them all against the description
}
