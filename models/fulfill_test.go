package models_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestCreateOrder(t *testing.T) {
	t.Parallel()

	t.Run("makes the order from the live cart", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid("pi_1")
		f := s.create(e)
		require.Equal(t, models.OrderCreated, f.Outcome, f.BlockedDetail)
		assert.True(t, f.Unfinished)
		assert.False(t, f.NoEmail)
		assert.Equal(t, models.OrderID("pi_1", ""), f.OrderID)

		order, err := s.Order(t.Context(), customerID, f.OrderID)
		require.NoError(t, err)
		assert.Equal(t, models.OrderConfirmed, order.Status)
		assert.Equal(t, []models.Line{
			{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
			{ProductID: "jam", Name: "Fresh jam", Quantity: 1, UnitAmount: 300},
		}, order.Items)
		assert.Equal(t, [3]int64{subtotal, fee, subtotal + fee}, [3]int64{order.Subtotal, order.DeliveryFee, order.Total})
		assert.Equal(t, []string{"1 Mill Lane", "BA1 Bath", "GB"}, order.DeliveryAddress.Lines())
		assert.EqualValues(t, "2", order.DeliveryAddress["floor"])
		assert.EqualValues(t, 8, *s.stock("loaf"))
		assert.Empty(t, s.cart(), "what an order claimed is not the customer's any more")

		d := s.detail("pi_1")
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Equal(t, f.OrderID, d.Order.ID)
		assert.Len(t, d.Notifications, 2)
		assert.Equal(t, []models.EventOutcome{{
			EventID: e.ID, Type: e.Type, WorkflowID: e.ID, Outcome: "order_created", WorkflowURL: "https://temporal.example/" + e.ID,
		}}, d.Events)
		assert.Len(t, d.Audit, 2)
	})

	t.Run("is done once however many events tell of the payment", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		events := []models.Event{paid("pi_1"), session("cs_1", "pi_1"), session("cs_1", "pi_1", without), paid("pi_1", without)}
		events = append(events, events...) // and each is delivered again
		var wg sync.WaitGroup
		outcomes := make([]models.Fulfillment, len(events))
		for i, e := range events {
			wg.Go(func() {
				f, err := s.CreateOrder(t.Context(), e)
				assert.NoError(t, err)
				outcomes[i] = f
			})
		}
		wg.Wait()
		count := map[models.Outcome]int{}
		for _, f := range outcomes {
			count[f.Outcome]++
		}
		assert.Equal(t, 1, count[models.OrderCreated], count)
		assert.Zero(t, count[models.PaymentBlocked], count)
		d := s.detail("cs_1")
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Len(t, d.Events, 4)
		assert.Len(t, d.Notifications, 2)
		assert.EqualValues(t, 8, *s.stock("loaf"))
	})
}
