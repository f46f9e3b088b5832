package models_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func (s shop) prepared(id string) (models.Prepared, bool) {
	s.t.Helper()
	p, ready, err := s.PreparedOf(s.t.Context(), customerID, id)
	require.NoError(s.t, err)
	return p, ready
}

func TestKeepPrepared(t *testing.T) {
	t.Parallel()

	t.Run("notes a payment intent, by which the payment is found", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		_, ready := s.prepared(p.PaymentID)
		assert.False(t, ready)
		made := models.Prepared{PaymentID: p.PaymentID, PaymentIntentID: "pi_1", ClientSecret: "pi_1_secret"}
		require.NoError(t, s.KeepPrepared(t.Context(), made))
		require.NoError(t, s.KeepPrepared(t.Context(), made), "once")
		got, ready := s.prepared(p.PaymentID)
		assert.True(t, ready)
		assert.Equal(t, made, got)
		assert.Equal(t, p.PaymentID, s.detail("pi_1").Payment.PaymentID)
		f := s.mustOrder(paid("pi_1", without))
		assert.Equal(t, p.PaymentID, f.PaymentID, "also by an event that carries no metadata")
	})

	t.Run("notes a session, whose intent comes later", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze(hosted)
		made := models.Prepared{PaymentID: p.PaymentID, CheckoutSessionID: "cs_1", URL: "https://pay.example/cs_1"}
		require.NoError(t, s.KeepPrepared(t.Context(), made))
		got, ready := s.prepared(p.PaymentID)
		assert.True(t, ready)
		assert.Equal(t, made, got)
		s.mustOrder(session("cs_1", "pi_1", named(p.PaymentID)))
		assert.Equal(t, p.PaymentID, s.detail("pi_1").Payment.PaymentID)
	})

	t.Run("is harmless after the payment's events", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		f := s.mustOrder(paid("pi_1", named(p.PaymentID)))
		before := s.detail("pi_1")
		require.NoError(t, s.KeepPrepared(t.Context(), models.Prepared{PaymentID: p.PaymentID, PaymentIntentID: "pi_1", ClientSecret: "x"}))
		assert.Equal(t, before, s.detail("pi_1"))
		assert.Equal(t, models.OrderExists, s.create(paid("pi_1", named(p.PaymentID))).Outcome)
		assert.Equal(t, f.OrderID, s.detail(p.PaymentID).Order.ID)
	})

	t.Run("joins what an event said that knew only the intent", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		s.record(paid("pi_1", without), models.PaymentProcessing)
		require.NoError(t, s.KeepPrepared(t.Context(), models.Prepared{PaymentID: p.PaymentID, PaymentIntentID: "pi_1", ClientSecret: "x"}))
		d := s.detail(p.PaymentID)
		assert.Equal(t, "processing", d.Payment.Status)
		assert.Len(t, d.Events, 1)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})

	t.Run("keeps the first of two answers", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		first := models.Prepared{PaymentID: p.PaymentID, PaymentIntentID: "pi_1", ClientSecret: "first"}
		require.NoError(t, s.KeepPrepared(t.Context(), first))
		require.NoError(t, s.KeepPrepared(t.Context(), models.Prepared{PaymentID: p.PaymentID, PaymentIntentID: "pi_2", ClientSecret: "second"}))
		got, _ := s.prepared(p.PaymentID)
		assert.Equal(t, first, got)

		s.mustOrder(paid("pi_2", named(p.PaymentID)))
		view := s.view(p.PaymentID)
		assert.Equal(t, "paid", view.Status, "a second payment for it is found by the same ID")
		assert.NotNil(t, view.Order)
	})

	t.Run("of nobody's checkout, or another's, is not found", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		requireKind(t, s.KeepPrepared(t.Context(), models.Prepared{PaymentID: "pay_9", PaymentIntentID: "pi_1"}), models.NotFound, "")
		for _, c := range [][2]string{{"other", p.PaymentID}, {customerID, "pay_9"}, {customerID, "pay_\x00"}} {
			_, _, err := s.PreparedOf(t.Context(), c[0], c[1])
			requireKind(t, err, models.NotFound, "")
		}
	})
}

// TestEveryOrderAroundKeepPrepared lets Stripe's answer come anywhere among the
// events of the payment that it is about.
func TestEveryOrderAroundKeepPrepared(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.putProduct("loaf", 450, new(int64(1000)))
	n := 0
	for order := range permutations(5) {
		n++
		customer, intent, cs := fresh("customer"), fresh("pi"), fresh("cs")
		s.fillFor(customer, "loaf", 2)
		s.fillFor(customer, "jam", 1)
		id := s.freeze(hosted, func(r *models.CheckoutRequest) { r.CustomerID = customer }).PaymentID
		happenings := []func(){
			func() {
				made := models.Prepared{PaymentID: id, CheckoutSessionID: cs, URL: "https://pay.example/" + cs}
				require.NoError(t, s.KeepPrepared(t.Context(), made))
			},
			func() { s.tell(session(cs, intent, named(id))) },
			func() { s.tell(paid(intent, named(id))) },
			func() { s.tell(failed(intent, charge(intent), named(id))) },
			func() { s.tell(chargeRefunded(intent, 500)) },
		}
		for _, i := range order {
			happenings[i]()
		}
		v, err := s.CustomerPayment(t.Context(), customer, id)
		require.NoError(t, err)
		require.Equal(t, "partially_refunded", v.Status, "in the order %v", order)
		require.Equal(t, models.OrderConfirmed, v.Order.Status, "in the order %v", order)
		require.Equal(t, "used", s.reservation(id), "in the order %v", order)
		prepared, ready, err := s.PreparedOf(t.Context(), customer, id)
		require.NoError(t, err)
		require.True(t, ready)
		require.Equal(t, [2]string{intent, cs}, [2]string{prepared.PaymentIntentID, prepared.CheckoutSessionID}, "in the order %v", order)
	}
	require.Equal(t, 120, n)
	assert.EqualValues(t, n, ask[int64](s, "SELECT count(*) FROM payments"))
	assert.EqualValues(t, 1000-2*n, s.stock("loaf"))
}
