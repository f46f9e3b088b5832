package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// resident is a customer with a card of whom it is known where they are.
func (w *world) resident() string {
	w.t.Helper()
	id := w.member("pm_card_visa")
	w.call("POST /v1/customers/{customer}", id, "address[country]", "US", "address[postal_code]", "94103")
	return id
}

func TestASubscriptionWithAutomaticTaxIsInvoicedWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSubscription, "", "customer", w.resident(), "items[0][price]", w.price("1205"), "items[0][quantity]", "3", "automatic_tax[enabled]", "true")
	assert.True(t, s.Sub("automatic_tax").Bool("enabled"))
	in := w.see(s.Text("latest_invoice"))
	assert.Equal(t, int64(3615), in.Int("subtotal"))
	assert.Equal(t, int64(362), in.Int("tax"), "rounded half up")
	assert.Equal(t, int64(3977), in.Int("total"))
	assert.Equal(t, int64(3977), in.Int("amount_paid"))
	assert.Equal(t, int64(3615), in.Int("total_excluding_tax"))
	assert.Equal(t, "complete", in.Sub("automatic_tax").Text("status"))
	require.Len(t, in.List("total_tax_amounts"), 1)
	assert.Equal(t, int64(362), in.List("total_tax_amounts")[0].Int("amount"))
	assert.Equal(t, int64(3615), in.List("total_tax_amounts")[0].Int("taxable_amount"))
	assert.Equal(t, int64(362), in.List("lines")[0].List("tax_amounts")[0].Int("amount"))

	t.Run("at each renewal, too", func(t *testing.T) {
		w.wait(32 * aDay)
		next := w.see(w.see(s.ID()).Text("latest_invoice"))
		assert.NotEqual(t, in.ID(), next.ID())
		assert.Equal(t, int64(3977), next.Int("amount_paid"))
	})
	t.Run("and so is what is credited by a change", func(t *testing.T) {
		item := s.List("items")[0].ID()
		changed := w.call(changeSubscription, s.ID(), "items[0][id]", item, "items[0][quantity]", "1", "proration_behavior", "always_invoice")
		update := w.see(changed.Text("latest_invoice"))
		assert.Negative(t, update.Int("tax"))
		assert.Equal(t, update.Int("subtotal")+update.Int("tax"), update.Int("total"))
	})
	t.Run("until it is turned off", func(t *testing.T) {
		w.call(changeSubscription, s.ID(), "automatic_tax[enabled]", "false")
		w.wait(32 * aDay)
		last := w.see(w.see(s.ID()).Text("latest_invoice"))
		assert.Nil(t, last["tax"])
		assert.Equal(t, int64(1205), last.Int("total"))
	})
}

func TestATaxThatIsInThePriceAddsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	price := w.call("POST /v1/prices", "", "currency", "usd", "unit_amount", "1100", "recurring[interval]", "month", "product_data[name]", "Club", "tax_behavior", "inclusive")
	s := w.call(newSubscription, "", "customer", w.resident(), "items[0][price]", price.ID(), "automatic_tax[enabled]", "true")
	in := w.see(s.Text("latest_invoice"))
	assert.Equal(t, int64(1100), in.Int("total"))
	assert.Equal(t, int64(100), in.Int("tax"))
	assert.Equal(t, int64(1000), in.Int("total_excluding_tax"))
	assert.True(t, in.List("total_tax_amounts")[0].Bool("inclusive"))
}

func TestTaxNeedsToKnowWhereTheCustomerIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refusal := w.refused(newSubscription, "", "customer", w.member("pm_card_visa"), "items[0][price]", w.price("1200"), "automatic_tax[enabled]", "true")
	assert.Equal(t, "customer_tax_location_invalid", refusal.Code)
}

func TestASessionForASubscriptionChargesTheTaxThatItShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", plan("automatic_tax[enabled]", "true")...)
	assert.Equal(t, "requires_location_inputs", s.Sub("automatic_tax").Text("status"))
	p := who("pm_card_visa")
	p.Country, p.PostalCode = "US", "94103"
	entered := w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.EnterSession(s.ID(), p) })
	assert.Equal(t, int64(1100), entered.Int("amount_total"))
	_, refusal := w.submits(s, p)
	require.Nil(t, refusal)
	s = w.see(s.ID())
	in := w.see(s.Text("invoice"))
	assert.Equal(t, s.Int("amount_total"), in.Int("amount_paid"))
	assert.Equal(t, int64(100), in.Int("tax"))
	assert.True(t, w.see(s.Text("subscription")).Sub("automatic_tax").Bool("enabled"))
}
