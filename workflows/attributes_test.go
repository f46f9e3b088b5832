package workflows_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"twigz/models"
	"twigz/workflows"
)

func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]string{
		"StripeEventType": "Keyword",
		"PaymentIntentID": "Keyword",
		"CustomerID":      "Keyword",
		"StoreID":         "Keyword",
		"Livemode":        "Bool",
		"OrderID":         "Keyword",
		"BlockedReason":   "Keyword",
	}, workflows.SearchAttributes())
}

func TestStartAttributes(t *testing.T) {
	t.Parallel()
	claim := func(key, value string) models.Event {
		e := paid()
		e.Metadata = models.Metadata{models.KeyPaymentID: "pay_1", key: value}
		return e
	}
	session := paid()
	session.Type, session.PaymentIntentID, session.CheckoutSessionID = "checkout.session.completed", "", "cs_1"
	nameless := paid()
	nameless.PaymentIntentID = ""
	live := without(paid())
	live.Livemode = true

	type attributes = map[string]any
	base := attributes{"StripeEventType": "payment_intent.succeeded", "Livemode": false, "PaymentIntentID": "pi_1"}
	with := func(more attributes) attributes {
		all := attributes{}
		for _, part := range []attributes{base, more} {
			for key, value := range part {
				all[key] = value
				if value == nil {
					delete(all, key)
				}
			}
		}
		return all
	}
	for _, c := range []struct {
		name         string
		workflowType string
		event        models.Event
		want         attributes
	}{
		{
			"a payment with our metadata can be found by all it names, and by the order it will make",
			workflows.TypeFulfillOrder, paid(),
			with(attributes{"CustomerID": "auth0|7", "StoreID": "bakery", "OrderID": orderID}),
		},
		{
			"a payment of our own checkout can be found by its order",
			workflows.TypeFulfillOrder, claim(models.KeyPaymentID, "pay_1"), with(attributes{"OrderID": orderID}),
		},
		{
			"a session without payment intent makes an order that is named for the session",
			workflows.TypeFulfillOrder, session,
			with(attributes{
				"StripeEventType": "checkout.session.completed", "PaymentIntentID": nil,
				"CustomerID": "auth0|7", "StoreID": "bakery", "OrderID": models.OrderID("", "cs_1"),
			}),
		},
		{
			"a payment with none of our metadata makes no order",
			workflows.TypeFulfillOrder, without(paid()), with(nil),
		},
		{
			"a payment without any name makes no order",
			workflows.TypeFulfillOrder, nameless,
			with(attributes{"PaymentIntentID": nil, "CustomerID": "auth0|7", "StoreID": "bakery"}),
		},
		{
			"a failure makes no order",
			workflows.TypeRecordPaymentFailure, failed(),
			with(attributes{"StripeEventType": "payment_intent.payment_failed", "CustomerID": "auth0|7", "StoreID": "bakery"}),
		},
		{
			"a dispute is found by what its charge says",
			workflows.TypeTrackDispute,
			func() models.Event {
				e := paid()
				e.Type = "charge.dispute.created"
				return e
			}(),
			with(attributes{"StripeEventType": "charge.dispute.created", "CustomerID": "auth0|7", "StoreID": "bakery"}),
		},
		{
			"an invoice is found by whose its subscription says it is, if it does",
			workflows.TypeSyncSubscription,
			models.Event{Type: "invoice.paid", InvoiceID: "in_1", StripeCustomerID: "cus_1", Metadata: models.Metadata{models.KeyCustomerID: "auth0|7"}},
			attributes{"StripeEventType": "invoice.paid", "Livemode": false, "CustomerID": "auth0|7"},
		},
		{"live is live", workflows.TypeFulfillOrder, live, with(attributes{"Livemode": true})},
		{
			"a customer that cannot be one is left out",
			workflows.TypeFulfillOrder, claim(models.KeyCustomerID, "eve@example.com\nMill Lane"), with(attributes{"OrderID": orderID}),
		},
		{
			"a customer whose ID lost a character is left out",
			workflows.TypeFulfillOrder, claim(models.KeyCustomerID, "a\uFFFDb"), with(attributes{"OrderID": orderID}),
		},
		{
			"a store whose ID is as long as a street is left out",
			workflows.TypeFulfillOrder, claim(models.KeyStoreID, strings.Repeat("x", 65)), with(attributes{"OrderID": orderID}),
		},
		{
			"address, mail and everything else that the event knows is left out",
			workflows.TypeFulfillOrder,
			func() models.Event {
				e := claim(models.KeyDeliveryAddress, `{"line1":"1 Mill Lane"}`)
				e.Email, e.FailureMessage, e.MetadataProblem = "eve@example.com", "Not enough.", "odd"
				return e
			}(),
			with(attributes{"OrderID": orderID}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := attributes{}
			known := workflows.SearchAttributes()
			for key, value := range workflows.StartAttributes(c.workflowType, c.event).GetUntypedValues() {
				got[key.GetName()] = value
				assert.Contains(t, known, key.GetName())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestSupportAttributes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                      string
		payment, customer, bakery string
		want                      map[string]any
	}{
		{"name what the payment is found by", "pi_1", "auth0|7", "bakery", map[string]any{
			"PaymentIntentID": "pi_1", "CustomerID": "auth0|7", "StoreID": "bakery",
		}},
		{"leave out what is not known", "", "", "", map[string]any{}},
		{"leave out what cannot be an ID", "pi_1", "1 Mill Lane\nBath", strings.Repeat("x", 65), map[string]any{"PaymentIntentID": "pi_1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := map[string]any{}
			for key, value := range workflows.SupportAttributes(c.payment, c.customer, c.bakery).GetUntypedValues() {
				got[key.GetName()] = value
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		event models.Event
		want  string
	}{
		{"names the payment intent", models.Event{Type: "t", PaymentIntentID: "pi_1", CheckoutSessionID: "cs_1"}, "t pi_1"},
		{"names the session where there is no intent", models.Event{Type: "t", CheckoutSessionID: "cs_1"}, "t cs_1"},
		{"names the charge where there is nothing else", models.Event{Type: "t", ChargeID: "ch_1"}, "t ch_1"},
		{
			"names the invoice, whatever it is for and paid by",
			models.Event{Type: "invoice.paid", InvoiceID: "in_1", SubscriptionID: "sub_1", StripeCustomerID: "cus_1", PaymentIntentID: "pi_1"},
			"invoice.paid in_1",
		},
		{
			"names the subscription of an invoice that has no ID yet",
			models.Event{Type: "invoice.upcoming", SubscriptionID: "sub_1", StripeCustomerID: "cus_1"},
			"invoice.upcoming sub_1",
		},
		{
			"names the subscription",
			models.Event{Type: "customer.subscription.paused", SubscriptionID: "sub_1", StripeCustomerID: "cus_1"},
			"customer.subscription.paused sub_1",
		},
		{"names Stripe's customer where there is nothing else", models.Event{Type: "customer.deleted", StripeCustomerID: "cus_1"}, "customer.deleted cus_1"},
		{"names the type alone where there is neither", models.Event{Type: "t"}, "t"},
		{
			"names nobody",
			models.Event{Type: "t", PaymentIntentID: "pi_1", Email: "eve@example.com", Metadata: paid().Metadata},
			"t pi_1",
		},
		{"is cut at 200 bytes", models.Event{Type: "t", PaymentIntentID: strings.Repeat("x", 255)}, "t " + strings.Repeat("x", 198)},
		{
			"is never cut within a character",
			models.Event{Type: "t", PaymentIntentID: strings.Repeat("é", 255)},
			"t " + strings.Repeat("é", 99),
		},
		{
			"holds nothing that is no text",
			models.Event{Type: "t", PaymentIntentID: "a\x00b\xff"},
			"t a\uFFFDb\uFFFD",
		},
		{
			"is cut at 200 bytes when every character has four",
			models.Event{Type: "tt", PaymentIntentID: strings.Repeat("😀", 255)},
			"tt " + strings.Repeat("😀", 49),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := workflows.Summary(c.event)
			assert.Equal(t, c.want, got)
			assert.LessOrEqual(t, len(got), 200)
			assert.True(t, utf8.ValidString(got))
		})
	}
}
