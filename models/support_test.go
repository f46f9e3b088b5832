package models_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestPaymentDetail(t *testing.T) {
	t.Parallel()

	t.Run("is found by each of its names", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.mustOrder(session("cs_1", "pi_1"))
		want := s.detail("pi_1")
		assert.Equal(t, want, s.detail("cs_1"))
		assert.Equal(t, want, s.detail(want.Payment.PaymentID))
		for _, id := range []string{"pi_2", "", "pi_\x00", "pi_\xff", want.Order.ID} {
			_, err := s.PaymentDetail(t.Context(), id, workflowURL)
			requireKind(t, err, models.NotFound, "")
		}
	})

	t.Run("has the contract's keys, and lists that are never null", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.record(models.Event{ID: eventID(), Type: "payment_intent.processing", PaymentIntentID: "pi_1"}, "")
		text, err := json.Marshal(s.detail("pi_1"))
		require.NoError(t, err)
		var keys map[string]any
		require.NoError(t, json.Unmarshal(text, &keys))
		for _, list := range []string{"holds", "refunds", "disputes", "notifications", "audit"} {
			assert.Equal(t, []any{}, keys[list], list)
		}
		assert.Len(t, keys["events"], 1)
		assert.Contains(t, keys, "order")
		assert.Nil(t, keys["order"])
		payment, ok := keys["payment"].(map[string]any)
		require.True(t, ok)
		for _, key := range []string{
			"paymentId", "paymentIntentId", "checkoutSessionId", "status", "amount", "amountReceived",
			"amountRefunded", "currency", "customerId", "storeId", "blockedReason",
		} {
			assert.Contains(t, payment, key)
		}
		assert.Nil(t, payment["amount"], "not told is not nought")
	})

	t.Run("tells the story in its order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.record(paid("pi_1"), models.PaymentProcessing)
		s.record(failed("pi_1", "ch_0"), models.PaymentFailed)
		f := s.mustOrder(paid("pi_1"))
		require.NoError(t, s.ChangeOrderStatus(t.Context(), f.OrderID, models.OrderCanceled, staff))
		d := s.detail("pi_1")
		assert.Equal(t, []string{"payment_processing", "payment_failed", "payment_paid", "order_confirmed", "order_canceled"}, actions(d))
		var told []string
		for _, e := range d.Events {
			told = append(told, e.Outcome)
		}
		assert.Equal(t, []string{"recorded", "recorded", "order_created"}, told)
		assert.Equal(t, models.TellFailed, d.Notifications[0].Kind)
		assert.Equal(t, models.OrderCanceled, d.Order.Status)
	})
}
