package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"

	"twigz/temporal-dev/stripestandin/wire"
)

func TestVersionsAreChecked(t *testing.T) {
	t.Parallel()
	later := "2027-01-27.elder"
	for _, known := range append(wire.Versions(), wire.APIVersion, later) {
		assert.Nil(t, wire.CheckVersion(known), known)
	}
	for _, wrong := range []string{"", "yesterday", "2024-6-20", "2024-13-01", "2024-06-20.acacia", "2025-06-30", "2025-06-30.", "2025-06-30.BASIL", "2025-06-30.acacia", "2022-08-01", "2024-06-20 ", "2023-01-01", "2025-06-29.basil", "2027-01-27"} {
		refusal := wire.CheckVersion(wrong)
		require.NotNil(t, refusal, wrong)
		assert.Equal(t, 400, refusal.Status)
		assert.Contains(t, refusal.Message, wrong)
	}
}

func invoice() wire.Object {
	price := wire.Object{"id": "price_1", "object": "price", "product": "prod_1", "unit_amount_decimal": "1200", "recurring": wire.Object{"interval": "month", "aggregate_usage": nil}}
	return wire.Normalize(wire.Object{
		"id": "in_1", "object": "invoice", "subscription": "sub_1", "subscription_details": wire.Object{"metadata": wire.Object{"a": "b"}},
		"paid": true, "charge": wire.Object{"id": "ch_1", "object": "charge", "invoice": "in_1"}, "payment_intent": "pi_1", "tax": nil, "total": 1200,
		"lines": wire.List("/v1/invoices/in_1/lines", false, []wire.Object{
			{"id": "il_1", "object": "line_item", "type": "subscription", "price": price, "subscription": "sub_1", "subscription_item": "si_1", "proration": false, "amount": 1200, "period": wire.Object{"start": 5, "end": 6}},
			{"id": "il_2", "object": "line_item", "type": "invoiceitem", "price": nil, "subscription": "sub_1", "proration": true, "amount": -3},
		}),
	})
}

func TestFromBasilOnAnInvoiceHasParentsAndPricing(t *testing.T) {
	t.Parallel()
	o := invoice()
	made := o.In("2025-06-30.basil")
	for _, gone := range []string{"subscription", "subscription_details", "paid", "charge", "payment_intent", "tax"} {
		assert.NotContains(t, made, gone)
	}
	assert.Equal(t, "sub_1", made.Sub("parent").Sub("subscription_details").Text("subscription"))
	assert.Equal(t, "b", made.Sub("parent").Sub("subscription_details").Sub("metadata").Text("a"))
	lines := made.List("lines")
	assert.Equal(t, "price_1", lines[0].Sub("pricing").Sub("price_details").Text("price"))
	assert.Equal(t, "si_1", lines[0].Sub("parent").Sub("subscription_item_details").Text("subscription_item"))
	assert.Equal(t, "invoice_item_details", lines[1].Sub("parent").Text("type"))
	assert.Nil(t, lines[1]["pricing"])
	assert.NotContains(t, lines[0], "subscription")
	assert.Equal(t, int64(1200), made.Int("total"), "what has not moved is where it was")
	assert.Equal(t, []any{}, made["total_taxes"])
	assert.Equal(t, []any{}, lines[0]["taxes"])

	t.Run("and the object itself is as it was", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, invoice(), o)
	})
	t.Run("and an invoice of no subscription has no parent", func(t *testing.T) {
		t.Parallel()
		bare := invoice()
		bare["subscription"] = nil
		assert.Nil(t, bare.In("2025-03-31.basil")["parent"])
	})
	t.Run("and not before", func(t *testing.T) {
		t.Parallel()
		for _, earlier := range []string{"", "2022-11-15", "2024-06-20", "2025-02-24.acacia"} {
			assert.Equal(t, o, o.In(earlier), earlier)
		}
	})
}

func TestFromBasilOnTaxesNameTheirRateInAPart(t *testing.T) {
	t.Parallel()
	o := invoice()
	tax := []wire.Object{{"amount": int64(120), "inclusive": false, "tax_rate": "txr_1", "taxability_reason": "standard_rated", "taxable_amount": int64(1200)}}
	o["tax"], o["total_tax_amounts"] = int64(120), tax
	o.List("lines")[0]["tax_amounts"] = tax
	made := o.In("2025-06-30.basil")
	for _, taxes := range [][]wire.Object{made.List("total_taxes"), made.List("lines")[0].List("taxes")} {
		require.Len(t, taxes, 1)
		assert.Equal(t, wire.Object{
			"amount": int64(120), "tax_behavior": "exclusive", "taxability_reason": "standard_rated", "taxable_amount": int64(1200),
			"type": "tax_rate_details", "tax_rate_details": wire.Object{"tax_rate": "txr_1"},
		}, taxes[0])
	}
	assert.NotContains(t, made, "total_tax_amounts")
	assert.Equal(t, int64(120), o.In("2022-11-15").Int("tax"))
}

func TestFromBasilOnAPeriodIsOnTheItems(t *testing.T) {
	t.Parallel()
	o := wire.Normalize(wire.Object{
		"id": "sub_1", "object": "subscription", "current_period_start": 5, "current_period_end": 6, "latest_invoice": invoice(),
		"items": wire.List("/v1/subscription_items", false, []wire.Object{{"id": "si_1", "object": "subscription_item"}}),
	})
	made := o.In("2025-06-30.basil")
	assert.NotContains(t, made, "current_period_end")
	assert.Equal(t, int64(6), made.List("items")[0].Int("current_period_end"))
	assert.NotContains(t, made.Sub("latest_invoice"), "paid", "what is in it has moved too")
	assert.NotContains(t, made.Sub("latest_invoice"), "charge")
	assert.Equal(t, "classic", made.Sub("billing_mode").Text("type"))
	assert.NotContains(t, o.In("2025-05-28.basil"), "billing_mode", "which came a month later")

	t.Run("and stripe-go of another version reads zero, without a word", func(t *testing.T) {
		t.Parallel()
		var s stripe.Subscription
		require.NoError(t, json.Unmarshal(made.Encode(), &s))
		assert.Zero(t, s.CurrentPeriodEnd)
		require.NoError(t, json.Unmarshal(o.Encode(), &s))
		assert.EqualValues(t, 6, s.CurrentPeriodEnd)
	})
}

func TestOtherThingsThatMoved(t *testing.T) {
	t.Parallel()
	event := wire.Normalize(wire.Object{"object": "event", "data": wire.Object{"object": wire.Object{"object": "payment_intent", "id": "pi_1", "invoice": nil}}})
	assert.NotContains(t, event.In("2025-09-30.clover").Sub("data").Sub("object"), "invoice")
	session := wire.Object{"object": "checkout.session", "shipping_details": wire.Object{"name": "A"}}
	assert.Equal(t, "A", session.In("2025-06-30.basil").Sub("collected_information").Sub("shipping_details").Text("name"))
	product := wire.Object{"object": "product", "marketing_features": []any{}}
	assert.Contains(t, product.In("2023-10-16"), "features")
	assert.Contains(t, product.In("2024-04-10"), "marketing_features")
	bill := wire.Object{"object": "invoice", "rendering": nil}
	assert.Contains(t, bill.In("2022-11-15"), "rendering_options")
	assert.Contains(t, bill.In("2024-04-10"), "rendering")
}

func TestWhatHasChangedHasMovedToo(t *testing.T) {
	t.Parallel()
	now := wire.Normalize(wire.Object{
		"object": "subscription", "status": "active", "current_period_start": 6, "current_period_end": 7, "latest_invoice": "in_2",
		"items": wire.List("/v1/subscription_items", false, []wire.Object{{"id": "si_1", "object": "subscription_item"}}),
	})
	previous := wire.Object{"current_period_start": int64(5), "current_period_end": int64(6), "latest_invoice": "in_1"}
	for _, earlier := range []string{"", "2022-11-15", "2024-06-20", "2025-02-24.acacia"} {
		assert.Equal(t, previous, now.PreviousIn(earlier, previous), earlier)
	}
	later := now.PreviousIn("2025-06-30.basil", previous)
	assert.Equal(t, []string{"items", "latest_invoice"}, later.Keys())
	assert.Equal(t, int64(6), later.List("items")[0].Int("current_period_end"))
	assert.Equal(t, int64(7), now.Int("current_period_end"), "the object itself is as it was")
	assert.Empty(t, now.PreviousIn("2025-06-30.basil", wire.Object{}))
}
