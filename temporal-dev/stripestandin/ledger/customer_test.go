package ledger_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"twigz/temporal-dev/stripestandin/wire"
)

func TestACustomerIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.call(newCustomer, "", "email", "ada@example.test", "name", "Ada", "address[line1]", "1 Main St", "metadata[customerId]", "u1", "metadata[x]", "y")
	assert.Equal(t, "none", c.Text("tax_exempt"))
	assert.Equal(t, []string{"city", "country", "line1", "line2", "postal_code", "state"}, c.Sub("address").Keys(), "an address has all its fields")
	assert.Nil(t, c.Sub("address")["city"])

	changed := w.call("POST /v1/customers/{customer}", c.ID(), "metadata[x]", "", "phone", "+49 1", "shipping[name]", "Ada L", "shipping[address][line1]", "2 Side St")
	assert.Equal(t, wire.Object{"customerId": "u1"}, changed.Sub("metadata"), "an empty value takes a key away")
	assert.Equal(t, "2 Side St", changed.Sub("shipping").Sub("address").Text("line1"))
	w.call("POST /v1/customers/{customer}", c.ID(), "phone", "+49 1") // nothing changes, nobody is told
	events := w.events()
	assert.Equal(t, []string{"customer.created", "customer.updated"}, []string{events[0].Text("type"), events[1].Text("type")})
	assert.Len(t, events, 2)
	assert.Equal(t, []string{"metadata", "phone", "shipping"}, events[1].Sub("data").Sub("previous_attributes").Keys())

	card := w.call(attachMethod, "pm_card_visa", "customer", c.ID())
	w.news()
	gone := w.call("DELETE /v1/customers/{customer}", c.ID())
	assert.Nil(t, w.see(card.ID())["customer"])
	assert.Equal(t, wire.Object{"id": c.ID(), "object": "customer", "deleted": true}, gone)
	assert.Equal(t, gone, w.call(oneCustomer, c.ID()), "that there was one is still known")
	deleted := w.events()[0]
	assert.Equal(t, "customer.deleted", deleted.Text("type"))
	assert.Equal(t, "ada@example.test", deleted.Sub("data").Sub("object").Text("email"), "the event has all of the customer")

	t.Run("and then nothing more can be done with them", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, http.StatusNotFound, w.refused("POST /v1/customers/{customer}", c.ID(), "name", "Eve").Status)
		assert.Equal(t, http.StatusNotFound, w.refused("DELETE /v1/customers/{customer}", c.ID()).Status)
		refusal := w.refused(newIntent, "", "amount", "1000", "currency", "usd", "customer", c.ID())
		assert.Equal(t, http.StatusBadRequest, refusal.Status, "a parameter names them, not the path")
		assert.Equal(t, "resource_missing", refusal.Code)
		assert.Equal(t, "customer", refusal.Param)
		assert.Equal(t, "No such customer: '"+c.ID()+"'", refusal.Message)
		assert.Empty(t, w.call("GET /v1/customers", "").List("data"))
	})
}

func TestCustomersAreFoundByEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.call(newCustomer, "", "email", "ada@example.test")
	w.call(newCustomer, "", "email", "eve@example.test")
	found := w.call("GET /v1/customers", "", "email", "ada@example.test").List("data")
	assert.Len(t, found, 1)
	assert.Equal(t, ada.ID(), found[0].ID())
}

func TestACustomerThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := w.call(attachMethod, "pm_card_visa", "customer", w.call(newCustomer, "").ID())
	for name, c := range map[string]struct {
		form        []string
		code, param string
		status      int
	}{
		"an email that is none":           {[]string{"email", "ada"}, "email_invalid", "email", http.StatusBadRequest},
		"another's payment method":        {[]string{"invoice_settings[default_payment_method]", stranger.ID()}, "resource_missing", "invoice_settings[default_payment_method]", http.StatusBadRequest},
		"a payment method there is not":   {[]string{"payment_method", "pm_none"}, "resource_missing", "payment_method", http.StatusBadRequest},
		"a card that is declined":         {[]string{"payment_method", "pm_card_visa_chargeDeclined"}, "card_declined", "", http.StatusPaymentRequired},
		"what the stand-in does not have": {[]string{"test_clock", "clock_1"}, "", "test_clock", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal := w.refused(newCustomer, "", c.form...)
			assert.Equal(t, c.status, refusal.Status)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, c.param, refusal.Param)
		})
	}
}

func TestMetadataHasLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := func(prefix string, n int) (form []string) {
		for i := range n {
			form = append(form, "metadata["+prefix+string(rune('a'+i%26))+string(rune('a'+i/26))+"]", "x")
		}
		return form
	}
	text := func(n int) string { return string(make([]rune, n)) }
	c := w.call(newCustomer, "", append(many("k", 50), "metadata[kaa]", text(500))...)
	assert.Len(t, c.Sub("metadata"), 50)
	for name, form := range map[string][]string{
		"fifty-one keys":        many("k", 51),
		"a key of 41 letters":   {"metadata[" + text(41) + "]", "x"},
		"a value of 501":        {"metadata[k]", text(501)},
		"brackets in a key":     {"metadata[[a]", "x"},
		"deeper in a parameter": {"payment_intent_data[metadata][k]", text(501)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := newCustomer
			if name == "deeper in a parameter" {
				call = "POST /v1/checkout/sessions"
			}
			refusal := w.refused(call, "", form...)
			assert.Equal(t, http.StatusBadRequest, refusal.Status)
			assert.Equal(t, "metadata", refusal.Param)
		})
	}
	t.Run("together with what was there", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "metadata", w.refused("POST /v1/customers/{customer}", c.ID(), many("other", 1)...).Param)
		assert.Len(t, w.see(c.ID()).Sub("metadata"), 50, "nothing has changed")
	})
}
