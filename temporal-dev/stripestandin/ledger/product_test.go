package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	newPrice    = "POST /v1/prices"
	changePrice = "POST /v1/prices/{price}"
)

func TestOnePriceHasALookupKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := []string{"currency", "usd", "unit_amount", "500", "product_data[name]", "Loaf", "lookup_key", "standard"}
	first := w.call(newPrice, "", form...)
	assert.Equal(t, "lookup_key", w.refused(newPrice, "", form...).Param)
	second := w.call(newPrice, "", append(form, "transfer_lookup_key", "true")...)
	assert.Nil(t, w.see(first.ID())["lookup_key"])
	found := w.call("GET /v1/prices", "", "lookup_keys[0]", "standard", "lookup_keys[1]", "none").List("data")
	require.Len(t, found, 1)
	assert.Equal(t, second.ID(), found[0].ID())
	found = w.call("GET /v1/products", "", "ids[0]", first.Text("product")).List("data")
	require.Len(t, found, 1)
	assert.Equal(t, first.Text("product"), found[0].ID())
	w.call(changePrice, second.ID(), "lookup_key", "standard")
	assert.Equal(t, "lookup_key", w.refused(changePrice, first.ID(), "lookup_key", "standard").Param)
	w.call(changePrice, first.ID(), "lookup_key", "standard", "transfer_lookup_key", "true")
	assert.Nil(t, w.see(second.ID())["lookup_key"])
}

func TestAPriceShowsAsItIsNowInItsSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	price := s.List("items")[0].Sub("price").ID()
	w.call(changePrice, price, "metadata[tier]", "gold")
	item := w.see(s.ID()).List("items")[0]
	assert.Equal(t, "gold", item.Sub("price").Sub("metadata").Text("tier"))
	plan := item.Sub("plan")
	w.check(plan)
	assert.Equal(t, price, plan.ID())
	assert.Equal(t, "gold", plan.Sub("metadata").Text("tier"))
	assert.Equal(t, int64(1200), plan.Int("amount"))
	assert.Equal(t, "month", plan.Text("interval"))
}

func TestPricesThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		param string
		form  []string
	}{
		"no number":             {"unit_amount_decimal", []string{"currency", "usd", "unit_amount_decimal", "NaN"}},
		"an exponent":           {"unit_amount_decimal", []string{"currency", "usd", "unit_amount_decimal", "1e5"}},
		"no interval at all":    {"recurring[interval_count]", []string{"currency", "usd", "unit_amount", "5", "recurring[interval]", "month", "recurring[interval_count]", "0"}},
		"more than three years": {"recurring[interval_count]", []string{"currency", "usd", "unit_amount", "5", "recurring[interval]", "month", "recurring[interval_count]", "37"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.param, w.refused(newPrice, "", append(c.form, "product_data[name]", "Loaf")...).Param)
		})
	}
	refusal := w.refused(newSubscription, "", "customer", w.member("pm_card_visa"), "items[0][price_data][currency]", "zzz", "items[0][price_data][unit_amount]", "5", "items[0][price_data][product]", "prod_1", "items[0][price_data][recurring][interval]", "month")
	assert.Equal(t, "items[0][price_data][currency]", refusal.Param)
}
