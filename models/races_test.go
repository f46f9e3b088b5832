package models_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// createAll creates the orders of all events at once, in no order, and counts
// the outcomes. A deadlock that Postgres breaks is an error, and fails the test.
func (s shop) createAll(events ...models.Event) (count map[models.Outcome]int, made []models.Fulfillment) {
	s.t.Helper()
	events = append([]models.Event{}, events...)
	rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	made = make([]models.Fulfillment, len(events))
	var wg sync.WaitGroup
	for i, e := range events {
		wg.Go(func() {
			f, err := s.CreateOrder(s.t.Context(), e)
			assert.NoError(s.t, err)
			made[i] = f
		})
	}
	wg.Wait()
	count = map[models.Outcome]int{}
	for _, f := range made {
		count[f.Outcome]++
	}
	return count, made
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	bought := goods{Cart: map[string]int64{}, Loaves: 8, Orders: 1, Lines: 2, Notifications: 2, Claimed: 2}

	t.Run("siblings of one payment make one order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		events := []models.Event{
			paid("pi_1"), session("cs_1", "pi_1"), session("cs_1", "pi_1", without), paid("pi_1", without),
			session("cs_1", "pi_1", func(e *models.Event) { e.Type = "checkout.session.async_payment_succeeded" }),
		}
		count, made := s.createAll(append(events, events...)...) // each is delivered twice
		assert.Equal(t, 1, count[models.OrderCreated], count)
		assert.Zero(t, count[models.PaymentBlocked], count)
		for _, f := range made {
			assert.Equal(t, made[0].PaymentID, f.PaymentID)
		}
		assert.Equal(t, bought, s.goods())
		d := s.detail("cs_1")
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Len(t, d.Events, 5)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})

	t.Run("siblings of one checkout make one order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		ours := named("co_1")
		events := []models.Event{paid("pi_1", ours), session("cs_1", "pi_1", ours), paid("pi_1", without), session("cs_1", "pi_1", without)}
		count, _ := s.createAll(append(events, events...)...)
		assert.Equal(t, 1, count[models.OrderCreated], count)
		assert.Zero(t, count[models.PaymentBlocked], count)
		assert.Equal(t, bought, s.goods())
	})

	t.Run("two payments for one cart make one order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		count, made := s.createAll(paid("pi_1"), paid("pi_2"))
		assert.Equal(t, map[models.Outcome]int{models.OrderCreated: 1, models.PaymentBlocked: 1}, count)
		for _, f := range made {
			if f.Outcome == models.PaymentBlocked {
				assert.Equal(t, models.BlockedEmptyCart, f.BlockedReason)
			}
		}
		assert.Equal(t, bought, s.goods())
	})

	t.Run("two payments for one checkout make one order", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		ours := named("co_1")
		count, _ := s.createAll(paid("pi_1", ours), paid("pi_2", ours), session("cs_1", "pi_1", ours), session("cs_2", "pi_2", ours))
		assert.Equal(t, map[models.Outcome]int{models.OrderCreated: 1, models.OrderExists: 1, models.PaymentBlocked: 2}, count)
		assert.Equal(t, bought, s.goods())
	})

	t.Run("the last in stock are sold once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("bun", 100, new(int64(3)))
		var events []models.Event
		for range 8 {
			customer := fresh("customer")
			s.fillFor(customer, "loaf", 2) // ten loaves are five times two
			s.fillFor(customer, "bun", 1)
			events = append(events, paid(fresh("pi"), with(models.KeyCustomerID, customer), collected(1000+fee)))
		}
		count, made := s.createAll(events...)
		assert.Equal(t, map[models.Outcome]int{models.OrderCreated: 3, models.PaymentBlocked: 5}, count)
		for _, f := range made {
			if f.Outcome == models.PaymentBlocked {
				assert.Equal(t, models.BlockedOutOfStock, f.BlockedReason)
			}
		}
		assert.EqualValues(t, 4, s.stock("loaf"))
		assert.Zero(t, s.stock("bun"))
	})

	t.Run("carts that name the same products in another order do not lock each other out", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("loaf", 100, new(int64(100)))
		s.putProduct("bun", 100, new(int64(100)))
		s.putProduct("cake", 100, new(int64(100)))
		var events []models.Event
		for i := range 24 {
			customer := fresh("customer")
			products := []string{"loaf", "bun", "cake"}
			for j := range products {
				s.fillFor(customer, products[(i+j)%3], 1)
			}
			events = append(events, paid(fresh("pi"), with(models.KeyCustomerID, customer), collected(300+fee)))
		}
		count, _ := s.createAll(events...)
		assert.Equal(t, map[models.Outcome]int{models.OrderCreated: 24}, count)
		assert.Equal(t, [3]int64{76, 76, 76}, [3]int64{s.stock("loaf"), s.stock("bun"), s.stock("cake")})
	})

	t.Run("a cart edited while it is bought is bought whole or not at all", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 20 {
				_, err := s.SetCartItem(t.Context(), customerID, storeID, "loaf", 2)
				assert.NoError(t, err)
				_, err = s.RemoveCartItem(t.Context(), customerID, storeID, "loaf")
				assert.NoError(t, err)
			}
		})
		wg.Go(func() {
			for range 20 {
				_, err := s.PutProduct(t.Context(), models.Product{StoreID: storeID, ID: "jam", Name: "Jam", UnitAmount: 300, Active: true}, staff)
				assert.NoError(t, err)
				_, err = s.PutStore(t.Context(), bakery(), staff)
				assert.NoError(t, err)
			}
		})
		e := paid("pi_1")
		var f models.Fulfillment
		wg.Go(func() {
			for range 20 {
				var err error
				f, err = s.CreateOrder(t.Context(), e)
				assert.NoError(t, err)
			}
		})
		wg.Wait()
		if f.Outcome == models.PaymentBlocked {
			assert.Contains(t, []models.BlockedReason{models.BlockedAmount, models.BlockedEmptyCart}, f.BlockedReason)
			assert.Equal(t, goods{Cart: map[string]int64{"jam": 1}, Loaves: 10}, s.goods())
			return
		}
		assert.Equal(t, map[string]int64{"loaf": 2, "jam": 1}, quantities(s.order(f.OrderID).Items))
		assert.EqualValues(t, 8, s.stock("loaf"))
	})

	t.Run("successes and failures of one payment end in paid", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				_, err := s.RecordPaymentState(t.Context(), failed("pi_1", "ch_0"), models.PaymentFailed)
				assert.NoError(t, err)
			})
			wg.Go(func() {
				_, err := s.CreateOrder(t.Context(), session("cs_1", "pi_1"))
				assert.NoError(t, err)
			})
			wg.Go(func() {
				_, err := s.RecordPaymentState(t.Context(), paid("pi_1", without), models.PaymentProcessing)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		d := s.detail("pi_1")
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Equal(t, subtotal+fee, *d.Payment.AmountReceived)
		assert.NotNil(t, d.Order)
		assert.Len(t, d.Events, 15)
	})

	t.Run("a store made twice is made once and changed once", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				_, err := s.PutStore(t.Context(), bakery(), staff)
				assert.NoError(t, err)
				_, err = s.PutProduct(t.Context(), models.Product{StoreID: storeID, ID: "loaf", Name: "Loaf", Active: true}, staff)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		for _, subject := range []string{"store", "product"} {
			assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = $1", subject+"_made"))
			assert.EqualValues(t, 5, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = $1 AND before <> ''", subject+"_changed"))
		}
	})

	t.Run("a store's currency and its first product do not pass each other", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		for range 10 {
			store := bakery()
			store.ID = fresh("store")
			euros := store
			euros.Currency = "eur"
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := s.PutStore(t.Context(), store, staff)
				assert.NoError(t, err)
				_, err = s.PutProduct(t.Context(), models.Product{StoreID: store.ID, ID: "loaf", Name: "Loaf", Active: true}, staff)
				assert.NoError(t, err)
			})
			wg.Go(func() {
				_, err := s.PutStore(t.Context(), euros, staff)
				var known *models.Error
				if err != nil && assert.ErrorAs(t, err, &known) {
					assert.Equal(t, models.Conflict, known.Kind)
				}
			})
			wg.Wait()
			changes := ask[int64](s, `SELECT count(*) FROM audit_entries AS c JOIN audit_entries AS p
				ON p.action = 'product_made' AND p.subject_id = $1 || '/loaf' AND c.id > p.id
				WHERE c.subject = 'store' AND c.subject_id = $1`, store.ID)
			assert.Zero(t, changes, "no change of currency comes after the product")
		}
	})

	t.Run("notifications are claimed by one workflow", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		f := s.mustOrder(paid("pi_1"))
		var wg sync.WaitGroup
		claimed := make([]int, 8)
		for i := range claimed {
			wg.Go(func() {
				letters, err := s.ClaimNotifications(t.Context(), f.PaymentID, fresh("evt"))
				assert.NoError(t, err)
				claimed[i] = len(letters)
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range claimed {
			sum += n
		}
		assert.Equal(t, 2, sum, claimed)
	})
}

func TestFirstUseOfACustomerAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := s.SetCartItem(t.Context(), "newcomer", storeID, "jam", 1)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	cart, err := s.Cart(t.Context(), "newcomer", storeID)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"jam": 1}, quantities(cart.Items))
}
