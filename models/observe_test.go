package models_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestTwoRowsThatAreOnePayment(t *testing.T) {
	t.Parallel()

	t.Run("become one, with all that was written under either", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		one := failed("pi_1", "ch_0")
		two := failed("", "", func(e *models.Event) { e.CheckoutSessionID = "cs_1" })
		a, b := s.record(one, models.PaymentFailed), s.record(two, models.PaymentFailed)
		require.NotEqual(t, a.PaymentID, b.PaymentID)

		three := session("cs_1", "pi_1")
		f := s.mustOrder(three)
		assert.Equal(t, a.PaymentID, f.PaymentID, "the row that knows the intent stays")
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
		d := s.detail("cs_1")
		assert.Equal(t, d, s.detail("pi_1"))
		assert.Equal(t, map[string]string{one.ID: "recorded", two.ID: "recorded", three.ID: "order_created"}, outcomes(d))
		assert.Equal(t, []string{"payment_failed", "payment_failed", "payment_merged", "payment_paid", "order_confirmed"}, actions(d))
		var kinds []models.NotificationKind
		for _, n := range d.Notifications {
			kinds = append(kinds, n.Kind)
		}
		assert.ElementsMatch(t, []models.NotificationKind{models.TellFailed, models.TellFailed, models.TellConfirmed, models.TellReceived}, kinds)
	})

	t.Run("are never two when they share a charge, which is then told of once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		a := s.record(failed("pi_1", "ch_0"), models.PaymentFailed)
		b := s.record(failed("", "ch_0", func(e *models.Event) { e.CheckoutSessionID = "cs_1" }), models.PaymentFailed)
		assert.Equal(t, a.PaymentID, b.PaymentID)
		assert.Len(t, s.detail("cs_1").Notifications, 1)
	})

	t.Run("stay two when another intent names a charge of the first", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		a := s.record(failed("pi_1", "ch_0"), models.PaymentFailed)
		b := s.record(failed("pi_2", "ch_0"), models.PaymentFailed)
		assert.NotEqual(t, a.PaymentID, b.PaymentID)
	})

	t.Run("keep the ID that the customer was given, and lose no fact", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		// What making a checkout leaves, and what an intent without metadata does.
		s.exec(`INSERT INTO payments (id, checkout_id, checkout_session_id, customer_id, kind, state, livemode)
			VALUES ('co_1', 'co_1', 'cs_1', $1, 'order', 'pending', false)`, customerID)
		s.record(failed("pi_1", "ch_0", without), models.PaymentFailed)
		before := s.detail("pi_1")
		require.NotEqual(t, "co_1", before.Payment.PaymentID)

		r := s.record(models.Event{
			ID: eventID(), Type: "checkout.session.completed", CheckoutSessionID: "cs_1", PaymentIntentID: "pi_1",
			Metadata: models.Metadata{models.KeyPaymentID: "co_1"},
		}, "")
		assert.Equal(t, "co_1", r.PaymentID)
		after := s.detail("co_1").Payment
		assert.Equal(t, "failed", after.Status)
		assert.Equal(t, "insufficient_funds", after.FailureCode)
		assert.Equal(t, before.Payment.FailureMessage, after.FailureMessage)
		assert.Equal(t, before.Payment.Amount, after.Amount)
		assert.EqualValues(t, "usd", after.Currency)
		assert.Equal(t, customerID, after.CustomerID)
		assert.Equal(t, "pi_1", *after.PaymentIntentID)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})

	t.Run("let the one with an order stay and wake whoever waited for the other", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		blocked := session("cs_1", "", collected(1))
		require.Equal(t, models.BlockedAmount, s.create(blocked).BlockedReason)
		f := s.mustOrder(paid("pi_1"))
		joined := s.create(session("cs_1", "pi_1"))
		assert.Equal(t, models.OrderExists, joined.Outcome)
		assert.Equal(t, f.PaymentID, joined.PaymentID)
		assert.Equal(t, blocked.ID, joined.WakeID)
		assert.Equal(t, "paid", s.detail("cs_1").Payment.Status)
		again := s.create(blocked)
		assert.Equal(t, f.OrderID, again.OrderID, "who was woken finds the order")
		assert.Empty(t, again.WakeID)
	})

	t.Run("take over the block when neither has an order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putStore(func(store *models.Store) { store.Active = false })
		blocked := session("cs_1", "")
		s.create(blocked)
		s.record(paid("pi_1", without), models.PaymentProcessing)
		f := s.create(session("cs_1", "pi_1", without))
		assert.Equal(t, models.BlockedStoreClosed, f.BlockedReason)
		assert.Equal(t, blocked.ID, f.OwnerID)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})

	t.Run("stay two when both have an order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		a := s.mustOrder(session("cs_1", ""))
		s.fill("loaf", 2)
		s.fill("jam", 1)
		b := s.mustOrder(paid("pi_1"))
		f := s.create(session("cs_1", "pi_1"))
		assert.Equal(t, models.OrderExists, f.Outcome)
		assert.Contains(t, []string{a.OrderID, b.OrderID}, f.OrderID)
		assert.Equal(t, a.OrderID, s.detail("cs_1").Order.ID)
		assert.Equal(t, b.OrderID, s.detail("pi_1").Order.ID)
	})
}

func TestLateEventsOnlyFillGaps(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]models.PaymentState{
		"processing": models.PaymentProcessing, "failed": models.PaymentFailed, "canceled": models.PaymentCanceled, "noted": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.mustOrder(paid("pi_1"))
			before := s.detail("pi_1").Payment
			late := failed("pi_1", "ch_0", in("eur"), func(e *models.Event) { e.CheckoutSessionID = "cs_1" })
			late.Amount = new(int64(7))
			late.Metadata = models.Metadata{models.KeyCustomerID: "somebody else"}
			r := s.record(late, state)
			assert.Equal(t, models.EventTooLate, r.Outcome)
			assert.False(t, r.Tell)
			assert.Equal(t, "ch_1", r.ChargeID)
			after := s.detail("pi_1").Payment
			assert.Equal(t, "cs_1", *after.CheckoutSessionID)
			after.CheckoutSessionID = nil
			if state == models.PaymentFailed {
				assert.Equal(t, "insufficient_funds", after.FailureCode, "why an attempt failed is worth knowing")
				after.FailureCode, after.FailureMessage = "", ""
			}
			assert.Equal(t, before, after, "nothing received, by its word, would be wrong now")
		})
	}
}

func TestLateEventAfterARefundIsNoError(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := s.mustOrder(paid("pi_1"))
	s.exec("UPDATE payments SET amount_refunded = 100 WHERE id = $1", f.PaymentID)
	assert.Equal(t, models.EventTooLate, s.record(failed("pi_1", "ch_0"), models.PaymentFailed).Outcome)
	assert.Equal(t, "partially_refunded", s.detail("pi_1").Payment.Status)
	s.exec("UPDATE payments SET amount_refunded = amount_received WHERE id = $1", f.PaymentID)
	assert.Equal(t, "refunded", s.detail("pi_1").Payment.Status)
}

func TestWhatTheNewestEventSaysCounts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.record(failed("pi_1", "ch_0", in("eur"), collected(5)), models.PaymentFailed)
	s.mustOrder(session("cs_1", "pi_1"))
	d := s.detail("pi_1").Payment
	assert.Equal(t, subtotal+fee, *d.AmountReceived)
	assert.EqualValues(t, "usd", d.Currency)
}
