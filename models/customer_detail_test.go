package models_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func (s shop) person(id string) models.CustomerDetail {
	s.t.Helper()
	d, err := s.CustomerDetail(s.t.Context(), id, workflowURL)
	require.NoError(s.t, err)
	return d
}

func TestCustomerDetail(t *testing.T) {
	t.Parallel()

	t.Run("tells all of one who subscribed, by our ID and by Stripe's", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putCustomer("eve@home.example", "Eve")
		s.mustOrder(paid("pi_2"))
		s.invoices(invoiced("in_1", "sub_1", "paid", paidBy("pi_1")),
			invoiced("in_2", "sub_1", "open", func(f *models.InvoiceFacts) { f.MadeAt = *day(3) }))
		s.create(paid("pi_1", without))
		first, second := billing("invoice.paid", invoice("in_1")), billing("invoice.payment_failed", invoice("in_2"))
		s.finish(first)
		s.finish(second)

		d := s.person(customerID)
		assert.Equal(t, d, s.person("cus_1"))
		require.NotNil(t, d.Customer)
		assert.Equal(t, customerID, d.Customer.CustomerID)
		assert.Equal(t, "eve@home.example", *d.Customer.Email)
		require.Len(t, d.StripeCustomers, 1)
		assert.Equal(t, "cus_1", d.StripeCustomers[0].StripeCustomerID)
		assert.Equal(t, customerID, *d.StripeCustomers[0].CustomerID)
		assert.NotNil(t, d.StripeCustomers[0].SyncedAt)
		assert.Equal(t, s.subscription(customerID), d.Subscription)
		require.Len(t, d.Subscriptions, 1)
		assert.Equal(t, "sub_1", d.Subscriptions[0].SubscriptionID)
		assert.Equal(t, []string{"in_2", "in_1"}, []string{d.Invoices[0].InvoiceID, d.Invoices[1].InvoiceID})
		assert.Equal(t, []string{"pi_1", "pi_2"}, intents(d.Payments))
		assert.Equal(t, []string{"in_1", "in_2"}, []string{d.Notifications[0].Occasion, d.Notifications[1].Occasion})
		assert.Equal(t, models.BillingEvent{
			EventOutcome: models.EventOutcome{
				EventID: first.ID, Type: "invoice.paid", WorkflowID: first.ID, Outcome: "subscription_synced", WorkflowURL: workflowURL(first.ID),
			},
			ObjectID: "in_1",
		}, d.Events[0])
		require.Len(t, d.Messages, 1)
		assert.Equal(t, models.MessagePending, d.Messages[0].Status)
		var told []string
		for _, entry := range d.Audit {
			told = append(told, entry.Action)
		}
		assert.Equal(t, []string{"customer_changed", "subscription_active", "subscription_owned"}, told)
	})

	t.Run("has one of Stripe's who is nobody's, and nobody's payments", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.create(paid("pi_2", without))
		s.look(stripeSays("", monthly("sub_1", "active")))
		d := s.person("cus_1")
		assert.Nil(t, d.Customer)
		assert.Equal(t, models.StatusNone, d.Subscription.Status)
		assert.Nil(t, d.Subscriptions[0].CustomerID)
		assert.Empty(t, d.Payments)
	})

	t.Run("of a subscription that alone says whose it is, is that customer's", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.look(stripeSays("", monthly("sub_1", "active", of(customerID))))
		d := s.person("cus_1")
		assert.Equal(t, customerID, d.Customer.CustomerID)
		assert.Equal(t, d, s.person(customerID))
		assert.Nil(t, d.StripeCustomers[0].CustomerID)
	})

	t.Run("has the contract's keys, and lists that are never null", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		text, err := json.Marshal(s.person(customerID))
		require.NoError(t, err)
		var keys map[string]any
		require.NoError(t, json.Unmarshal(text, &keys))
		for _, list := range []string{"stripeCustomers", "subscriptions", "invoices", "payments", "notifications", "events", "messages", "audit"} {
			assert.Equal(t, []any{}, keys[list], list)
		}
		assert.Equal(t, map[string]any{"status": "none"}, keys["subscription"])
		s.look(stripeSays("", monthly("sub_1", "active", func(f *models.SubscriptionFacts) { f.Items = nil })))
		text, err = json.Marshal(s.person("cus_1"))
		require.NoError(t, err)
		assert.Contains(t, string(text), `"customer":null`)
		assert.Contains(t, string(text), `"items":[]`)
	})

	t.Run("of a nobody is not found", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for _, id := range []string{"", "nobody", "cus_9", "a\x00", "a\xff"} {
			_, err := s.CustomerDetail(t.Context(), id, workflowURL)
			requireKind(t, err, models.NotFound, "")
		}
	})
}
