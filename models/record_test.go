package models_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestPaymentStates(t *testing.T) {
	t.Parallel()
	// From each state, the ones that an event may take the payment to.
	ways := map[models.PaymentState][]models.PaymentState{
		models.PaymentPending:    {models.PaymentProcessing, models.PaymentFailed, models.PaymentCanceled, models.PaymentPaid},
		models.PaymentProcessing: {models.PaymentFailed, models.PaymentCanceled, models.PaymentPaid},
		models.PaymentFailed:     {models.PaymentProcessing, models.PaymentCanceled, models.PaymentPaid},
		models.PaymentCanceled:   {models.PaymentPaid},
		models.PaymentPaid:       {},
	}
	for from, open := range ways {
		for to := range ways {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				s := newShop(t)
				s.record(paid("pi_1"), "")
				s.exec("UPDATE payments SET state = $1", from)
				before := s.detail("pi_1")
				require.Equal(t, string(from), before.Payment.Status)
				cart := s.cart()
				if to == models.PaymentPaid {
					assert.Equal(t, models.OrderCreated, s.create(paid("pi_1")).Outcome, "whatever was before, the money is here")
				} else {
					told := s.record(paid("pi_1"), to)
					again := from == models.PaymentFailed && to == models.PaymentFailed
					assert.Equal(t, slices.Contains(open, to) || again, told.Outcome == models.PaymentRecorded, told.Outcome)
					assert.Equal(t, cart, s.cart(), "carts are not touched")
				}
				after := s.detail("pi_1")
				if !slices.Contains(open, to) {
					assert.Equal(t, string(from), after.Payment.Status)
					assert.NotContains(t, actions(after), "payment_"+string(to))
					return
				}
				assert.Equal(t, string(to), after.Payment.Status)
				entry := after.Audit[0]
				assert.Equal(t, [3]string{"payment_" + string(to), string(from), string(to)}, [3]string{entry.Action, entry.Before, entry.After})
				assert.Equal(t, "stripe", entry.Actor)
			})
		}
	}
}

func TestPaymentFailures(t *testing.T) {
	t.Parallel()

	t.Run("keep their reason and tell the customer once for each charge", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		first := failed("pi_1", "ch_1")
		r := s.record(first, models.PaymentFailed)
		assert.Equal(t, models.Recording{Outcome: models.PaymentRecorded, PaymentID: r.PaymentID, Tell: true, ChargeID: "ch_1"}, r)
		assert.Equal(t, r, s.record(first, models.PaymentFailed), "delivered again")
		s.record(failed("pi_1", "ch_1"), models.PaymentFailed)
		d := s.detail("pi_1")
		assert.Equal(t, "failed", d.Payment.Status)
		assert.Equal(t, "insufficient_funds", d.Payment.FailureCode)
		assert.Equal(t, "Your card has insufficient funds.", d.Payment.FailureMessage)
		assert.Len(t, d.Notifications, 1)
		assert.Equal(t, []string{"payment_failed"}, actions(d))

		s.record(failed("pi_1", "ch_2", func(e *models.Event) { e.FailureCode = "expired_card" }), models.PaymentFailed)
		d = s.detail("pi_1")
		assert.Equal(t, "expired_card", d.Payment.FailureCode)
		assert.Len(t, d.Notifications, 2, "a second attempt that fails is news")

		s.record(failed("pi_1", ""), models.PaymentFailed)
		assert.Len(t, s.detail("pi_1").Notifications, 3, "and so is one that names no charge")
	})

	t.Run("say when nobody knows the customer's address", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		assert.True(t, s.record(failed("pi_1", "ch_1", func(e *models.Event) { e.Email = "" }), models.PaymentFailed).NoEmail)
	})

	t.Run("never undo a success, whatever comes first", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		early, late := failed("pi_1", "ch_0"), failed("pi_1", "ch_0")
		s.record(early, models.PaymentFailed)
		s.mustOrder(paid("pi_1"))
		before := s.goods()
		assert.Equal(t, models.EventTooLate, s.record(late, models.PaymentFailed).Outcome)
		assert.Equal(t, models.EventTooLate, s.record(early, models.PaymentFailed).Outcome)
		d := s.detail("pi_1")
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Equal(t, before, s.goods())
		assert.Equal(t, "recorded", outcomes(d)[early.ID], "what came of it at first")
		assert.Equal(t, "no_change", outcomes(d)[late.ID])
	})

	t.Run("of payments that are no orders tell nobody", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		r := s.record(failed("pi_1", "ch_1", without), models.PaymentFailed)
		assert.Equal(t, models.PaymentUnmatched, r.Outcome)
		assert.False(t, r.Tell)
		invoiced := s.record(failed("pi_2", "ch_2", without, func(e *models.Event) { e.InvoiceID = "in_1" }), models.PaymentFailed)
		assert.Equal(t, models.PaymentSubscription, invoiced.Outcome)
		assert.Zero(t, s.goods().Notifications)
		assert.Equal(t, "insufficient_funds", s.detail("pi_1").Payment.FailureCode)
	})
}

func TestCancellations(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	before := s.goods()
	e := paid("pi_1", func(e *models.Event) { e.CancellationReason = "abandoned" })
	assert.Equal(t, models.PaymentRecorded, s.record(e, models.PaymentCanceled).Outcome)
	assert.Equal(t, before, s.goods(), "the cart is kept and nobody is told")
	assert.Equal(t, "canceled", s.detail("pi_1").Payment.Status)
	assert.Equal(t, "abandoned", ask[string](s, "SELECT cancellation_reason FROM payments"))
	assert.Equal(t, models.EventTooLate, s.record(failed("pi_1", "ch_1"), models.PaymentFailed).Outcome)
	assert.Equal(t, models.EventTooLate, s.record(paid("pi_1"), models.PaymentProcessing).Outcome)

	s.mustOrder(paid("pi_1"))
	assert.Equal(t, "paid", s.detail("pi_1").Payment.Status)
}

func TestAnEventCanBeNotedAlone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	e := paid("pi_1")
	assert.Equal(t, models.EventTooLate, s.record(e, "").Outcome)
	d := s.detail("pi_1")
	assert.Equal(t, "pending", d.Payment.Status)
	assert.Equal(t, map[string]string{e.ID: "no_change"}, outcomes(d))
	assert.Empty(t, d.Audit)
}

func TestALateEventSaysWhatWasCollected(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.Equal(t, models.PaymentUnmatched, s.create(paid("pi_1", without)).Outcome)
	late := session("cs_1", "pi_1", func(e *models.Event) { e.PaymentStatus, e.AmountReceived = "unpaid", nil })
	assert.True(t, s.record(late, models.PaymentProcessing).Unplaced)
	assert.True(t, s.record(late, models.PaymentProcessing).Unplaced, "until it is placed, or blocked")
	s.mustOrder(late)
	assert.Equal(t, "paid", s.detail("pi_1").Payment.Status)
	assert.False(t, s.record(late, models.PaymentProcessing).Unplaced)
	assert.Equal(t, "order_created", outcomes(s.detail("pi_1"))[late.ID])

	s.putStore(func(store *models.Store) { store.Active = false })
	blocked := paid("pi_2")
	s.create(blocked)
	assert.False(t, s.record(session("cs_2", "pi_2"), models.PaymentProcessing).Unplaced, "somebody waits for a person already")
}
