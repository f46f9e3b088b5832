package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/wire"
)

// payload is the object of the newest event of a type, as an endpoint of a version is sent it.
func (w *world) payload(eventType, version string) wire.Object {
	w.t.Helper()
	list := w.call("GET /v1/events", "", "type", eventType, "limit", "1").List("data")
	require.NotEmpty(w.t, list, eventType)
	text, found := w.Payload(list[0].ID(), version)
	require.True(w.t, found)
	event, err := wire.Decode(text)
	require.NoError(w.t, err)
	assert.Equal(w.t, version, event.Text("api_version"))
	return event.Sub("data").Sub("object")
}

// billed is a world in which everything about a subscription has been told once, with its ID.
func billed(t *testing.T) (w *world, id string) {
	t.Helper()
	w = newWorld(t)
	s := w.call(newSession, "", plan("subscription_data[metadata][customerId]", "user_1")...)
	_, refusal := w.submits(s, who("pm_card_visa"))
	require.Nil(t, refusal)
	id = w.see(s.ID()).Text("subscription")
	w.wait(33 * aDay)
	w.call(changeSubscription, id, "description", "changed")
	return w, id
}

func TestEventsOfBillingAreSentInTheShapeOfTheirEndpoint(t *testing.T) {
	t.Parallel()
	w, id := billed(t)
	for _, version := range []string{"2022-11-15", "2024-06-20"} {
		for _, eventType := range []string{"invoice.paid", "invoice.upcoming", "invoice.finalized"} {
			in := w.payload(eventType, version)
			assert.Equal(t, id, in.Text("subscription"), eventType)
			assert.Equal(t, "user_1", in.Sub("subscription_details").Sub("metadata").Text("customerId"), eventType)
			assert.Equal(t, id, in.List("lines")[0].Text("subscription"), eventType)
			assert.NotEmpty(t, in.List("lines")[0].Sub("price").ID(), eventType)
			assert.NotContains(t, in, "parent", eventType)
		}
		assert.NotEmpty(t, w.payload("invoice.paid", version).Text("payment_intent"))
		s := w.payload("customer.subscription.updated", version)
		assert.NotZero(t, s.Int("current_period_end"))
		assert.False(t, s.List("items")[0].Has("current_period_end"))
	}
	const basil = "2025-06-30.basil"
	for _, eventType := range []string{"invoice.paid", "invoice.upcoming", "invoice.finalized"} {
		in := w.payload(eventType, basil)
		assert.Equal(t, id, in.Sub("parent").Sub("subscription_details").Text("subscription"), eventType)
		assert.Equal(t, "user_1", in.Sub("parent").Sub("subscription_details").Sub("metadata").Text("customerId"), eventType)
		line := in.List("lines")[0]
		assert.Equal(t, id, line.Sub("parent").Sub("subscription_item_details").Text("subscription"), eventType)
		assert.NotEmpty(t, line.Sub("pricing").Sub("price_details").Text("price"), eventType)
		for _, gone := range []string{"subscription", "subscription_details", "payment_intent", "charge", "paid", "tax", "total_tax_amounts"} {
			assert.NotContains(t, in, gone, eventType)
		}
	}
	s := w.payload("customer.subscription.updated", basil)
	assert.NotContains(t, s, "current_period_end")
	assert.NotZero(t, s.List("items")[0].Int("current_period_end"))
	assert.NotEmpty(t, s.List("items")[0].Sub("price").ID(), "the items keep their prices")
	assert.NotContains(t, w.payload("payment_intent.succeeded", basil), "invoice")

	session := w.call(newSession, "", plan()...)
	_, refusal := w.submits(session, who("pm_card_visa"))
	require.Nil(t, refusal)
	for _, version := range []string{"2022-11-15", "2024-06-20", basil} {
		assert.False(t, w.payload("invoice.upcoming", version).Has("id"), "an upcoming invoice has none")
		done := w.payload("checkout.session.completed", version)
		assert.Equal(t, w.see(session.ID()).Text("subscription"), done.Text("subscription"))
		assert.NotEmpty(t, done.Text("invoice"))
	}
	w.call(deleteCustomer, w.see(id).Text("customer"))
	for _, version := range []string{"2022-11-15", "2024-06-20", basil} {
		assert.NotEmpty(t, w.payload("customer.deleted", version).Text("email"))
		assert.Equal(t, "canceled", w.payload("customer.subscription.deleted", version).Text("status"))
	}
}
