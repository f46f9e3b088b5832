package ledger_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// seldom are the fields that stripe-go reads and Stripe sends only now and then.
var seldom = map[string]string{
	"deleted":                     "of what is",
	"currency_options":            "when it is asked for",
	"tiers":                       "when it is asked for",
	"type of Product":             "to accounts that had such products before 2018",
	"invoice_item":                "when the line is not a subscription's own",
	"threshold_reason":            "when one was reached",
	"subscription_proration_date": "when it was previewed",
}

// reads are the names under which a struct of stripe-go's reads its fields.
func reads(of any) (fields []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			fields = append(fields, name)
		}
	}
	return fields
}

func TestWhatStripeGoReadsIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	invoice, item := w.latest(s.ID()), s.List("items")[0]
	for _, c := range []struct {
		made wire.Object
		read any
	}{
		{s, stripe.Subscription{}},
		{item, stripe.SubscriptionItem{}},
		{item.Sub("price"), stripe.Price{}},
		{item.Sub("plan"), stripe.Plan{}},
		{w.see(item.Sub("price").Text("product")), stripe.Product{}},
		{invoice, stripe.Invoice{}},
		{invoice.List("lines")[0], stripe.InvoiceLineItem{}},
	} {
		name := reflect.TypeOf(c.read).Name()
		for _, field := range reads(c.read) {
			if seldom[field] == "" && seldom[field+" of "+name] == "" {
				assert.Contains(t, c.made, field, name)
			}
		}
	}
}

func TestFromBasilOnStripeGoReadsNothingWithoutAWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	invoice := w.latest(s.ID())
	in := func(version string, o wire.Object, read any) {
		w.View(func(x *ledger.Tx) {
			require.NoError(t, json.Unmarshal(x.Render(x.Read(o.ID()), version).Encode(), read))
		})
	}
	for _, version := range []string{"2022-11-15", "2024-06-20", "2025-02-24.acacia"} {
		var bill stripe.Invoice
		in(version, invoice, &bill)
		assert.Equal(t, s.ID(), bill.Subscription.ID, version)
		assert.True(t, bill.Paid, version)
		assert.EqualValues(t, 1200, bill.Lines.Data[0].Plan.Amount, version)
	}
	for _, version := range []string{"2025-03-31.basil", "2025-06-30.basil", "2025-09-30.clover", "2026-08-26.dahlia"} {
		var (
			bill         stripe.Invoice
			subscription stripe.Subscription
		)
		in(version, invoice, &bill)
		assert.Nil(t, bill.Subscription, version)
		assert.Nil(t, bill.PaymentIntent, version)
		assert.Nil(t, bill.Lines.Data[0].Price, version)
		assert.Nil(t, bill.Lines.Data[0].Plan, version)
		assert.False(t, bill.Paid, version)
		assert.Equal(t, stripe.InvoiceStatusPaid, bill.Status, version)
		in(version, s, &subscription)
		assert.Zero(t, subscription.CurrentPeriodEnd, version)
		assert.Equal(t, stripe.SubscriptionStatusActive, subscription.Status, version)
	}
}

func TestARenewalIsToldOfInEachVersionsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	w.news()
	w.wait(32 * aDay)
	for _, event := range w.events() {
		if event.Text("type") != "customer.subscription.updated" {
			continue
		}
		previous := func(version string) (told wire.Object) {
			w.View(func(x *ledger.Tx) {
				told = x.Render(x.Read(event.ID()), version).Sub("data").Sub("previous_attributes")
			})
			return told
		}
		assert.Equal(t, []string{"current_period_end", "current_period_start", "latest_invoice"}, previous("2024-06-20").Keys())
		later := previous("2025-06-30.basil")
		assert.Equal(t, []string{"items", "latest_invoice"}, later.Keys())
		assert.Equal(t, s.Int("current_period_end"), later.List("items")[0].Int("current_period_end"), "the period that was")
		return
	}
	assert.Fail(t, "the renewal was not told of")
}
