package models_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func (s shop) endGrace(grace time.Duration) int {
	s.t.Helper()
	n, err := s.EndGrace(s.t.Context(), grace, delivered)
	require.NoError(s.t, err)
	return n
}

// messages are the bodies of all messages, by their number.
func (s shop) messages() []map[string]any {
	s.t.Helper()
	var list []map[string]any
	text := ask[string](s, "SELECT coalesce(json_agg(body::json ORDER BY (body::jsonb -> 'data' ->> 'sequence')::bigint), '[]') FROM outgoing_messages")
	require.NoError(s.t, json.Unmarshal([]byte(text), &list))
	return list
}

// told are the statuses that other services were told, in order.
func (s shop) told() []string {
	s.t.Helper()
	list := []string{}
	for i, m := range s.messages() {
		data := m["data"].(map[string]any)
		require.InDelta(s.t, i+1, data["sequence"], 0)
		list = append(list, data["status"].(string))
	}
	return list
}

func TestGrants(t *testing.T) {
	t.Parallel()

	t.Run("are told when they change, by a workflow that starts with the change", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID, monthly("sub_1", "active"))
		f.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", "open")}
		s.look(f)
		s.look(f)
		f.Invoices[0].Status = "paid"
		assert.True(t, s.look(f).Changed)
		assert.Equal(t, []string{"active"}, s.told(), "what an invoice says is nobody's grant")

		m := s.messages()[0]
		assert.Equal(t, "subscription.changed", m["type"])
		at, err := time.Parse(time.RFC3339, m["timestamp"].(string))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), at, time.Minute)
		data := m["data"].(map[string]any)
		assert.Equal(t, customerID, data["customerId"])
		assert.Equal(t, "gold", data["tier"])
		assert.Equal(t, true, data["access"])
		assert.Equal(t, []any{"gold"}, data["tiers"])
		assert.NotContains(t, data, "latestInvoice")
		assert.NotContains(t, data["subscriptions"].([]any)[0], "latestInvoice")
		assert.Len(t, data["subscriptions"], 1)

		id := ask[string](s, "SELECT id FROM outgoing_messages")
		assert.Equal(t, "webhook-"+id, ask[string](s, "SELECT workflow_id FROM inbox WHERE workflow_type = 'DeliverWebhook'"))
		assert.JSONEq(t, `{"messageId":"`+id+`","customerId":"`+customerID+`"}`, ask[string](s, "SELECT input FROM inbox"))
	})

	t.Run("are kept where nobody is told, and told from then on when somebody is", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.lookWith(stripeSays(customerID, monthly("sub_1", "trialing")), nil)
		s.lookWith(stripeSays(customerID, monthly("sub_1", "active")), nil)
		assert.EqualValues(t, 2, ask[int64](s, "SELECT sequence FROM grants"))
		assert.Zero(t, ask[int64](s, "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM outgoing_messages)"))
		s.look(stripeSays(customerID, monthly("sub_1", "canceled")))
		assert.InDelta(t, 3, s.messages()[0]["data"].(map[string]any)["sequence"], 0)
	})

	t.Run("are nobody's of what nobody owns, or never had", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays("", monthly("sub_1", "active")))
		s.look(stripeSays(customerID))
		assert.Equal(t, []string{"active"}, s.told(), "it is the customer's with the second look")
		s.exec("TRUNCATE subscriptions, grants, outgoing_messages")
		s.look(stripeSays(customerID))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM grants"))
	})

	t.Run("end with the grace, told once, and not before", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID, monthly("sub_1", "past_due"))
		f.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", "open", func(f *models.InvoiceFacts) { f.FinalizedAt = day(8) })}
		s.look(f)
		assert.Equal(t, *day(15), ask[time.Time](s, "SELECT access_until FROM grants").UTC())
		assert.Zero(t, s.endGrace(grace), "it is not over")

		// Time goes by: whatever there is becomes a week older.
		s.exec("UPDATE grants SET access_until = access_until - interval '7 days'")
		s.exec("UPDATE invoices SET finalized_at = finalized_at - interval '7 days'")
		assert.Equal(t, 1, s.endGrace(grace))
		assert.Zero(t, s.endGrace(grace))
		assert.Equal(t, []string{"past_due", "past_due"}, s.told())
		data := s.messages()[1]["data"].(map[string]any)
		assert.Equal(t, false, data["access"])
		assert.NotContains(t, data, "tiers")
		assert.False(t, *s.subscription(customerID).Access)

		f.Subscriptions[0].Status, f.Invoices[0].Status = "active", "paid"
		s.look(f)
		assert.Equal(t, true, s.messages()[2]["data"].(map[string]any)["access"])
		assert.True(t, ask[bool](s, "SELECT access_until IS NULL FROM grants"))
	})

	t.Run("end by the grace that is set when it ends", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID, monthly("sub_1", "past_due"))
		f.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", "open", func(f *models.InvoiceFacts) { f.FinalizedAt = day(8) })}
		s.look(f)
		s.exec("UPDATE grants SET access_until = now()")
		assert.Equal(t, 1, s.endGrace(30*24*time.Hour))
		assert.Equal(t, day(38), s.subscription(customerID).AccessUntil)
		s.exec("UPDATE grants SET access_until = now()")
		assert.Equal(t, 1, s.endGrace(0))
		assert.False(t, *s.subscription(customerID).Access)
	})

	t.Run("one that cannot be told keeps nobody waiting", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays("broken", monthly("sub_1", "past_due")))
		f := stripeSays("whole", monthly("sub_2", "past_due"))
		f.Customer.ID = "cus_2"
		s.look(f)
		s.exec("ALTER TABLE grants ADD CHECK (customer_id <> 'broken' OR sequence = 1)")
		s.exec("UPDATE grants SET access_until = now() - interval '1 hour', content = '{}'")
		n, err := s.EndGrace(t.Context(), 0, delivered)
		require.ErrorContains(t, err, "end grace of broken")
		assert.Equal(t, 1, n)
		assert.EqualValues(t, 2, ask[int64](s, "SELECT sequence FROM grants WHERE customer_id = 'whole'"))
	})
}

func TestMessages(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	s.look(stripeSays(customerID, monthly("sub_1", "active")))
	id := ask[string](s, "SELECT id FROM outgoing_messages")

	m, err := s.Message(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, models.OutgoingMessage{ID: id, Type: models.TypeSubscriptionChanged, Body: ask[string](s, "SELECT body FROM outgoing_messages"), Status: models.MessagePending}, m)
	_, err = s.Message(t.Context(), "msg_9")
	requireKind(t, err, models.NotFound, "")

	for _, last := range []models.MessageStatus{models.MessageDelivered, models.MessageRefused, models.MessageRecorded} {
		s.exec("UPDATE outgoing_messages SET status = 'pending', delivered_at = NULL")
		require.NoError(t, s.SettleMessage(t.Context(), id, last, "said \x00 this"))
		require.NoError(t, s.SettleMessage(t.Context(), id, models.MessageRefused, "and that"), "what is settled stays")
		require.NoError(t, s.SettleMessage(t.Context(), id, models.MessageDelivered, "and that"))
		assert.Equal(t, string(last)+" said \uFFFD this", ask[string](s, "SELECT status || ' ' || answer FROM outgoing_messages"))
		m, err = s.Message(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, last, m.Status)
	}
}
