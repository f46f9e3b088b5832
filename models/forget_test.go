package models_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// traces counts the rows in which something of a customer's person is left.
func (s shop) traces() map[string]int64 {
	s.t.Helper()
	left := map[string]int64{}
	for _, table := range []string{
		"customers", "stripe_customers", "payments", "checkouts", "orders", "notifications", "audit_entries", "actions", "checkout_requests", "stripe_events",
	} {
		n := ask[int64](s, "SELECT count(*) FROM "+table+" AS row WHERE to_jsonb(row)::text ~ 'eve@|\"Eve\"|Mill Lane|Bath'")
		if n > 0 {
			left[table] = n
		}
	}
	return left
}

func (s shop) forget() {
	s.t.Helper()
	require.NoError(s.t, s.ForgetCustomer(s.t.Context(), customerID))
}

func TestForgetCustomer(t *testing.T) {
	t.Parallel()

	t.Run("leaves no trace of the person, and the money where it was", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		asOf := s.putCustomer("eve@example.com", "Eve")
		asOf.StripeCustomerID = "cus_1"
		_, err := s.KeepStripeCustomer(t.Context(), asOf)
		require.NoError(t, err)
		f := s.mustOrder(paid("pi_1"))
		letter := s.claim(f.PaymentID, "evt_a")[models.ToCustomer]
		letter.Address = "eve@example.com"
		require.NoError(t, s.SettleNotification(t.Context(), letter.Notification, models.NotificationFailed, "no mailbox eve@example.com"))
		s.fill("jam", 2)
		s.create(paid("pi_2", collected(1)))
		s.act(models.ActFix, func(a *models.Action) { a.PaymentID, a.Metadata = "pi_2", terms() })
		frozen := s.freeze(keyed("k1"))
		require.NotEmpty(t, s.traces())

		s.forget()
		s.forget()
		assert.Empty(t, s.traces())
		assert.Empty(t, s.cart())
		assert.EqualValues(t, 2, ask[int64](s, "SELECT count(*) FROM cart_items"), "what the order has claimed is still to be cleared")
		order := s.order(f.OrderID)
		assert.Equal(t, subtotal+fee, order.Total)
		assert.Equal(t, models.Address{"line1": "forgotten"}, order.DeliveryAddress)
		assert.Equal(t, models.CustomerProfile{CustomerID: customerID, StripeCustomerID: "cus_1"}, s.profile(customerID))
		assert.Equal(t, "pending", s.view(frozen.PaymentID).Status)
		require.NoError(t, s.ClearCart(t.Context(), f.OrderID))

		s.fill("jam", 1)
		assert.Equal(t, "eve@example.org", s.putCustomer("eve@example.org", "Eve").Email, "remembered again")
	})

	t.Run("leaves others alone", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.fillFor("other", "jam", 1)
		s.mustOrder(paid("pi_1", with(models.KeyCustomerID, "other"), collected(300+fee)))
		before := s.traces()
		s.forget()
		assert.Equal(t, before, s.traces())
	})

	t.Run("waits for nobody who waits for it", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("jam", 300, new(int64(1000)))
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				s.fill("jam", 1)
				s.fill("loaf", 1)
				_, err := s.PutCustomer(t.Context(), customerID, "eve@example.com", "Eve "+strconv.Itoa(i))
				assert.NoError(t, err)
				p, err := s.Freeze(t.Context(), request())
				if known, ok := errors.AsType[*models.Error](err); ok {
					assert.Equal(t, models.Conflict, known.Kind)
					return
				}
				assert.NoError(t, err)
				_, err = s.CreateOrder(t.Context(), paid(fresh("pi"), named(p.PaymentID), collected(p.Total)))
				assert.NoError(t, err)
			})
			wg.Go(func() { assert.NoError(t, s.ForgetCustomer(t.Context(), customerID)) })
		}
		wg.Wait()
		s.forget()
		assert.Empty(t, s.traces())
	})

	t.Run("of nobody is nothing to do", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		require.NoError(t, s.ForgetCustomer(t.Context(), "nobody"))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM customers"))
	})
}

func TestWhatComesLaterBringsNothingBack(t *testing.T) {
	t.Parallel()
	now := func(e *models.Event) { e.Created = time.Now().Add(time.Minute).Unix() }

	t.Run("of an old payment", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.mustOrder(paid("pi_1"))
		s.forget()
		s.create(paid("pi_1", now))
		s.create(session("cs_1", "pi_1", now))
		require.NoError(t, s.KeepReceiptEmail(t.Context(), f.PaymentID, "eve@example.com"))
		assert.Empty(t, s.traces())
	})

	t.Run("of an old payment of their checkout", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		s.forget()
		f := s.mustOrder(paid("pi_1", named(p.PaymentID), now))
		assert.True(t, f.NoEmail)
		assert.Empty(t, s.traces())
	})

	t.Run("of an old payment that only a late event says is theirs", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.create(paid("pi_1", without))
		s.forget()
		e := paid("pi_1", now)
		s.create(e)
		assert.Empty(t, s.traces())
		assert.Contains(t, e.Metadata[models.KeyDeliveryAddress], "Mill Lane", "the event is as it was")
	})

	t.Run("of an old payment that was never heard of", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.forget()
		s.create(paid("pi_1"))
		assert.Empty(t, s.traces())
	})

	t.Run("but what they buy later is delivered and told as ever", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.forget()
		s.fill("loaf", 2)
		s.fill("jam", 1)
		p := s.freeze()
		f := s.mustOrder(paid("pi_1", named(p.PaymentID)))
		assert.False(t, f.NoEmail)
		assert.Equal(t, "1 Mill Lane", s.order(f.OrderID).DeliveryAddress["line1"])
		s.fill("jam", 1)
		assert.False(t, s.mustOrder(paid("pi_2", now, collected(300+fee))).NoEmail)
	})
}
