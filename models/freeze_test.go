package models_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// wish is one difference to a usual request.
type wish = func(*models.CheckoutRequest)

// request asks for the shop's cart, delivered, by payment intent.
func request(wishes ...wish) models.CheckoutRequest {
	r := models.CheckoutRequest{
		CustomerID: customerID, StoreID: storeID, Way: models.ByPaymentIntent,
		Delivery: models.Deliver, Address: models.Address{"line1": "1 Mill Lane", "city": "Bath"},
	}
	for _, w := range wishes {
		w(&r)
	}
	return r
}

func keyed(key string) wish { return func(r *models.CheckoutRequest) { r.Key = key } }

func pickup(r *models.CheckoutRequest) { r.Delivery, r.Address = models.Pickup, nil }

func hosted(r *models.CheckoutRequest) {
	r.Way, r.SuccessURL, r.CancelURL = models.BySession, "https://shop.example/done?p={paymentId}&again={paymentId}", "https://shop.example/cart"
}

func (s shop) freeze(wishes ...wish) models.Purchase {
	s.t.Helper()
	p, err := s.Freeze(s.t.Context(), request(wishes...))
	require.NoError(s.t, err)
	return p
}

func (s shop) reservation(id string) string {
	s.t.Helper()
	return ask[string](s, "SELECT reservation FROM checkouts WHERE id = $1", id)
}

func TestFreeze(t *testing.T) {
	t.Parallel()

	t.Run("keeps what is in the cart, its stock, and a payment that waits", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.exec("UPDATE customers SET stripe_customer_id = 'cus_7' WHERE id = $1", customerID)
		p := s.freeze(func(r *models.CheckoutRequest) { r.Livemode = true })
		assert.True(t, strings.HasPrefix(p.PaymentID, "pay_"))
		assert.InDelta(t, time.Now().Add(35*time.Minute).Unix(), p.ExpiresAt, 10)
		assert.Equal(t, models.Purchase{
			PaymentID: p.PaymentID, Way: models.ByPaymentIntent, Currency: "usd", DeliveryFee: fee, Total: subtotal + fee,
			Items: []models.Line{
				{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
				{ProductID: "jam", Name: "Fresh jam", Quantity: 1, UnitAmount: 300},
			},
			StripeCustomerID: "cus_7", ExpiresAt: p.ExpiresAt,
		}, p)
		assert.Equal(t, goods{Cart: map[string]int64{"loaf": 2, "jam": 1}, Loaves: 8}, s.goods(), "the cart is as it was")
		d := s.detail(p.PaymentID)
		assert.Equal(t, "pending", d.Payment.Status)
		assert.Equal(t, subtotal+fee, *d.Payment.Amount)
		assert.Equal(t, [2]string{customerID, storeID}, [2]string{d.Payment.CustomerID, d.Payment.StoreID})
		assert.Equal(t, []string{"checkout_frozen"}, actions(d))
		assert.True(t, ask[bool](s, "SELECT livemode FROM payments"))

		again, err := s.PurchaseOf(t.Context(), p.PaymentID)
		require.NoError(t, err)
		assert.Equal(t, p, again)
	})

	t.Run("by session names its payment in the addresses that lead back, and leaves the tax to Stripe", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putStore(func(store *models.Store) { store.AutomaticTax = true })
		p := s.freeze(hosted)
		assert.Equal(t, models.BySession, p.Way)
		assert.True(t, p.AutomaticTax)
		assert.Equal(t, "https://shop.example/done?p="+p.PaymentID+"&again="+p.PaymentID, p.SuccessURL)
		assert.Equal(t, "https://shop.example/cart", p.CancelURL)
		assert.False(t, s.freeze().AutomaticTax, "Stripe computes none for a payment intent")
	})

	t.Run("takes no fee for what is picked up", func(t *testing.T) {
		t.Parallel()
		p := newShop(t).freeze(pickup)
		assert.Equal(t, [2]int64{0, subtotal}, [2]int64{p.DeliveryFee, p.Total})
	})

	t.Run("of a free cart goes by session", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("loaf", 0, nil)
		s.putProduct("jam", 0, nil)
		p := s.freeze(hosted, pickup)
		assert.Zero(t, p.Total)
		f := s.mustOrder(session("cs_1", "", named(p.PaymentID), collected(0)))
		assert.Equal(t, p.PaymentID, f.PaymentID)
	})
}

func TestFreezeRefuses(t *testing.T) {
	t.Parallel()
	nothing := func(shop) {}
	for name, c := range map[string]struct {
		arrange     func(shop)
		wish        wish
		kind        models.ErrorKind
		field, says string
	}{
		"an unknown way of delivery": {nothing, func(r *models.CheckoutRequest) { r.Delivery = "drone" }, models.Invalid, "deliveryType", ""},
		"a delivery to nowhere":      {nothing, func(r *models.CheckoutRequest) { r.Address = models.Address{"city": "Bath"} }, models.Invalid, "deliveryAddress", ""},
		"a delivery without address": {nothing, func(r *models.CheckoutRequest) { r.Address = nil }, models.Invalid, "deliveryAddress", ""},
		"an unknown way to pay":      {nothing, func(r *models.CheckoutRequest) { r.Way = "cash" }, models.Invalid, "way", ""},
		"a session to nowhere":       {nothing, func(r *models.CheckoutRequest) { r.Way = models.BySession }, models.Invalid, "successUrl", ""},
		"a key that is too long":     {nothing, keyed(strings.Repeat("k", 256)), models.Invalid, "Idempotency-Key", ""},
		"a key over two lines":       {nothing, keyed("a\nb"), models.Invalid, "Idempotency-Key", ""},
		"an unknown store":           {nothing, func(r *models.CheckoutRequest) { r.StoreID = "nowhere" }, models.NotFound, "", "Store not found"},
		"a store that cannot be":     {nothing, func(r *models.CheckoutRequest) { r.StoreID = "a\x00" }, models.NotFound, "", "Store not found"},
		"a closed store":             {func(s shop) { s.putStore(func(store *models.Store) { store.Active = false }) }, nil, models.Conflict, "", "The store is closed"},
		"an empty cart":              {nothing, func(r *models.CheckoutRequest) { r.CustomerID = "newcomer" }, models.Conflict, "", "The cart is empty"},
		"what is not for sale": {
			func(s shop) { s.exec("UPDATE products SET active = false WHERE id = 'jam'") }, nil,
			models.Conflict, "", "Fresh jam is not for sale",
		},
		"what is not in stock": {
			func(s shop) { s.putProduct("loaf", 450, new(int64(1))) }, nil,
			models.Conflict, "", "There is not enough of Fresh loaf in stock",
		},
		"a payment of nothing": {
			func(s shop) { s.putProduct("loaf", 0, nil); s.putProduct("jam", 0, nil) }, pickup,
			models.Conflict, "", "There is nothing to pay: use a checkout session",
		},
		"more than a payment can be": {
			func(s shop) { s.putProduct("loaf", models.MaxAmount, nil) }, nil,
			models.Conflict, "", "The total is more than one payment can be",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			c.arrange(s)
			before := ask[string](s, "SELECT string_agg(id || coalesce(stock, 0), ',' ORDER BY id) FROM products")
			r := request(keyed("k"))
			if c.wish != nil {
				c.wish(&r)
			}
			_, err := s.Freeze(t.Context(), r)
			requireKind(t, err, c.kind, c.field)
			if c.says != "" {
				assert.Equal(t, c.says, err.Error())
			}
			assert.Equal(t, before, ask[string](s, "SELECT string_agg(id || coalesce(stock, 0), ',' ORDER BY id) FROM products"))
			assert.Zero(t, ask[int64](s, "SELECT (SELECT count(*) FROM checkouts) + (SELECT count(*) FROM payments) + (SELECT count(*) FROM checkout_requests)"))
		})
	}

	t.Run("and knows no purchase that it has not made", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		for _, id := range []string{"co_1", "pay_9", "", "pay_\x00"} {
			_, err := s.PurchaseOf(t.Context(), id)
			requireKind(t, err, models.NotFound, "")
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()

	t.Run("makes the same request one checkout, whatever became of the cart", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		first := s.freeze(keyed("k1"))
		s.mustOrder(paid("pi_1", named(first.PaymentID)))
		s.fill("jam", 5)
		assert.Equal(t, first, s.freeze(keyed("k1")))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM checkouts"))
	})

	t.Run("is refused for another request", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.freeze(keyed("k1"))
		for name, w := range map[string]wish{
			"way": hosted, "delivery": pickup,
			"address": func(r *models.CheckoutRequest) { r.Address = models.Address{"line1": "2 Mill Lane", "city": "Bath"} },
			"store":   func(r *models.CheckoutRequest) { r.StoreID = "elsewhere" },
		} {
			_, err := s.Freeze(t.Context(), request(keyed("k1"), w))
			requireKind(t, err, models.Conflict, "")
			assert.Equal(t, "This Idempotency-Key was used for another request", err.Error(), name)
		}
	})

	t.Run("is a customer's own", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.fillFor("other", "loaf", 1)
		first := s.freeze(keyed("k1"))
		assert.NotEqual(t, first.PaymentID, s.freeze(keyed("k1"), func(r *models.CheckoutRequest) { r.CustomerID = "other" }).PaymentID)
	})

	t.Run("of a refused request may be used again", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("loaf", 450, new(int64(1)))
		_, err := s.Freeze(t.Context(), request(keyed("k1")))
		requireKind(t, err, models.Conflict, "")
		s.putProduct("loaf", 450, new(int64(2)))
		s.freeze(keyed("k1"))
	})

	t.Run("makes one checkout of many clicks at once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		made := s.freezeAll(8, func(int) models.CheckoutRequest { return request(keyed("k1")) })
		assert.Len(t, made, 1)
		assert.EqualValues(t, 8, s.stock("loaf"))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})
}

// freezeAll asks for n checkouts at once, and returns those that were made, each
// with how many requests it answered. Those refused are Conflicts.
func (s shop) freezeAll(n int, of func(i int) models.CheckoutRequest) map[string]int {
	s.t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := map[string]int{}
	for i := range n {
		wg.Go(func() {
			p, err := s.Freeze(s.t.Context(), of(i))
			var known *models.Error
			if err != nil && assert.ErrorAs(s.t, err, &known) {
				assert.Equal(s.t, models.Conflict, known.Kind)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made[p.PaymentID]++
		})
	}
	wg.Wait()
	return made
}

func TestCheckoutsAtOnce(t *testing.T) {
	t.Parallel()

	t.Run("of the last in stock: one is made", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("bun", 100, new(int64(1)))
		for i := range 8 {
			s.fillFor("c"+strconv.Itoa(i), "bun", 1)
		}
		made := s.freezeAll(8, func(i int) models.CheckoutRequest {
			return request(func(r *models.CheckoutRequest) { r.CustomerID = "c" + strconv.Itoa(i) })
		})
		assert.Len(t, made, 1)
		assert.Zero(t, s.stock("bun"))
	})

	t.Run("of one customer hold stock once", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		assert.Len(t, s.freezeAll(8, func(int) models.CheckoutRequest { return request() }), 8)
		assert.EqualValues(t, 8, s.stock("loaf"))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM checkouts WHERE reservation = 'held'"))
	})

	t.Run("of customers who go back and forth, with payments and expiries between them, lock nobody out", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		products := []string{"loaf", "bun", "cake"}
		for _, p := range products {
			s.putProduct(p, 100, new(int64(1000)))
		}
		var wg sync.WaitGroup
		for i := range 6 {
			customer := "c" + strconv.Itoa(i)
			wg.Go(func() {
				for range 5 {
					for j := range products {
						s.fillFor(customer, products[(i+j)%3], 1)
					}
					p, err := s.Freeze(t.Context(), request(func(r *models.CheckoutRequest) { r.CustomerID = customer }))
					if known, ok := errors.AsType[*models.Error](err); ok {
						assert.Equal(t, "The cart is empty", known.Message, "an order was quicker")
						continue
					}
					if !assert.NoError(t, err) {
						return
					}
					wg.Go(func() { assert.NoError(t, s.ExpireCheckout(t.Context(), p.PaymentID)) })
					wg.Go(func() {
						_, err := s.CreateOrder(t.Context(), paid(fresh("pi"), named(p.PaymentID), collected(p.Total)))
						assert.NoError(t, err)
					})
				}
			})
		}
		wg.Wait()
		assert.Equal(t, ask[int64](s, "SELECT count(*) FROM checkouts"), ask[int64](s, "SELECT count(*) FROM orders"))
		for _, p := range products {
			sold := ask[int64](s, "SELECT coalesce(sum(quantity), 0) FROM order_items WHERE product_id = $1", p)
			assert.Equal(t, 1000-sold, s.stock(p))
		}
	})
}

func TestFrozenCheckoutsBecomeOrders(t *testing.T) {
	t.Parallel()

	t.Run("of what was frozen, while the cart keeps the rest", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		s.fill("loaf", 5)
		s.putProduct("bun", 100, nil)
		s.fill("bun", 1)
		s.putProduct("jam", 999, nil)
		s.putStore(func(store *models.Store) { store.DeliveryFee = 1 })
		f := s.mustOrder(paid("pi_1", named(p.PaymentID)))
		assert.Equal(t, p.PaymentID, f.PaymentID)
		order := s.order(f.OrderID)
		assert.Equal(t, p.Items, order.Items)
		assert.Equal(t, p.Total, order.Total)
		assert.Equal(t, "1 Mill Lane", order.DeliveryAddress["line1"])
		assert.Equal(t, map[string]int64{"loaf": 3, "bun": 1}, s.cart())
		assert.EqualValues(t, 8, s.stock("loaf"))
		assert.Equal(t, "used", s.reservation(p.PaymentID))
		d := s.detail("pi_1")
		assert.Equal(t, p.PaymentID, d.Payment.PaymentID)
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Len(t, d.Notifications, 2)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})

	t.Run("one, whichever of session and intent comes first", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze(hosted)
		require.NoError(t, s.KeepPrepared(t.Context(), models.Prepared{PaymentID: p.PaymentID, CheckoutSessionID: "cs_1", URL: "https://pay.example/cs_1"}))
		ours := named(p.PaymentID)
		count, _ := s.createAll(paid("pi_1", ours), session("cs_1", "pi_1", ours), paid("pi_1", without), session("cs_1", "pi_1", without))
		assert.Equal(t, 1, count[models.OrderCreated], count)
		assert.Zero(t, count[models.PaymentBlocked], count)
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM payments"))
	})

	t.Run("whole, also after a failed attempt", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		s.record(failed("pi_1", "ch_0", named(p.PaymentID)), models.PaymentFailed)
		assert.Equal(t, "held", s.reservation(p.PaymentID), "another attempt may come")
		s.mustOrder(paid("pi_1", named(p.PaymentID)))
		assert.EqualValues(t, 8, s.stock("loaf"))
	})

	t.Run("in currencies without and with three decimals", func(t *testing.T) {
		t.Parallel()
		for currency, shown := range map[models.Currency]string{"jpy": "1599 JPY", "kwd": "1.599 KWD", "isk": "15.99 ISK"} {
			s := shop{open(t), t}
			s.putStore(func(store *models.Store) { store.Currency = currency })
			s.putProduct("loaf", 450, new(int64(10)))
			s.putProduct("jam", 300, nil)
			s.fill("loaf", 2)
			s.fill("jam", 1)
			p := s.freeze()
			assert.Equal(t, currency, p.Currency)
			assert.Equal(t, subtotal+fee, p.Total)
			f := s.mustOrder(paid("pi_1", named(p.PaymentID), in(string(currency))))
			order := s.order(f.OrderID)
			assert.Equal(t, shown, order.Currency.Format(order.Total))
			view, err := s.CustomerPayment(t.Context(), customerID, p.PaymentID)
			require.NoError(t, err)
			assert.Equal(t, [2]any{subtotal + fee, currency}, [2]any{view.Amount, view.Currency})
			assert.Equal(t, shown, ask[string](s, "SELECT after FROM audit_entries WHERE action = 'checkout_frozen'"))
		}
	})
}

func TestTaxOnTop(t *testing.T) {
	t.Parallel()
	taxed := func(t *testing.T) (shop, models.Purchase) {
		t.Helper()
		s := newShop(t)
		s.putStore(func(store *models.Store) { store.AutomaticTax = true })
		return s, s.freeze(hosted)
	}
	for name, tax := range map[string]int64{"none": 0, "some": 128} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := taxed(t)
			f := s.mustOrder(session("cs_1", "pi_1", named(p.PaymentID), collected(subtotal+fee+tax)))
			o := s.order(f.OrderID)
			assert.Equal(t, [5]int64{subtotal, fee, tax, 0, subtotal + fee + tax}, [5]int64{o.Subtotal, o.DeliveryFee, o.Tax, o.Adjustment, o.Total})
		})
	}
	t.Run("less than is owed is a mismatch, and worth what was collected once that is accepted", func(t *testing.T) {
		t.Parallel()
		s, p := taxed(t)
		f := s.create(session("cs_1", "pi_1", named(p.PaymentID), collected(subtotal+fee-1)))
		assert.Equal(t, models.BlockedAmount, f.BlockedReason)
		s.act(models.ActAccept)
		o := s.detail(p.PaymentID).Order
		assert.Equal(t, [3]int64{0, -1, subtotal + fee - 1}, [3]int64{o.Tax, o.Adjustment, o.Total})
	})
	t.Run("in another currency is a mismatch", func(t *testing.T) {
		t.Parallel()
		s, p := taxed(t)
		f := s.create(session("cs_1", "pi_1", named(p.PaymentID), collected(2000), in("eur")))
		assert.Equal(t, models.BlockedCurrency, f.BlockedReason)
	})
	t.Run("more than is owed is a mismatch where Stripe adds no tax", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze(hosted)
		s.putStore(func(store *models.Store) { store.AutomaticTax = true })
		f := s.create(session("cs_1", "pi_1", named(p.PaymentID), collected(subtotal+fee+1)))
		assert.Equal(t, models.BlockedAmount, f.BlockedReason)
	})
}

func TestANewCheckoutReplacesAnUnpaidOne(t *testing.T) {
	t.Parallel()

	t.Run("whose stock is free at once, and who pays it later is checked against the stock", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("loaf", 450, new(int64(2)))
		first := s.freeze()
		assert.Zero(t, s.stock("loaf"))
		second := s.freeze(pickup)
		assert.Zero(t, s.stock("loaf"), "the same two loaves")
		assert.Equal(t, [2]string{"released", "held"}, [2]string{s.reservation(first.PaymentID), s.reservation(second.PaymentID)})
		assert.Equal(t, []string{"checkout_frozen", "checkout_replaced"}, actions(s.detail(first.PaymentID)))

		late := s.create(paid("pi_1", named(first.PaymentID)))
		assert.Equal(t, models.BlockedOutOfStock, late.BlockedReason)
		s.mustOrder(paid("pi_2", named(second.PaymentID), collected(subtotal)))
	})

	t.Run("only when the new one is made", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		first := s.freeze()
		s.fill("loaf", 11)
		_, err := s.Freeze(t.Context(), request())
		requireKind(t, err, models.Conflict, "")
		assert.Equal(t, "held", s.reservation(first.PaymentID))
		assert.EqualValues(t, 8, s.stock("loaf"))
	})

	t.Run("and its stock counts for the new one", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.freeze()
		s.fill("loaf", 10)
		s.freeze()
		assert.Zero(t, s.stock("loaf"))
	})

	t.Run("but none that is paid, being processed, elsewhere, or another's", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("loaf", 450, new(int64(100)))
		processing := s.freeze()
		s.record(paid("pi_1", named(processing.PaymentID)), models.PaymentProcessing)
		bought := s.freeze()
		s.putStore(func(store *models.Store) { store.Active = false })
		s.create(paid("pi_2", named(bought.PaymentID))) // waits for a person
		s.putStore(func(*models.Store) {})
		s.fillFor("other", "loaf", 2)
		others := s.freeze(func(r *models.CheckoutRequest) { r.CustomerID = "other" })
		s.freeze()
		for _, p := range []models.Purchase{processing, bought, others} {
			assert.Equal(t, "held", s.reservation(p.PaymentID))
		}
		assert.EqualValues(t, 92, s.stock("loaf"))
	})
}

func TestExpireCheckout(t *testing.T) {
	t.Parallel()

	t.Run("frees the stock of a payment that waits, which goes on waiting", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		require.NoError(t, s.ExpireCheckout(t.Context(), p.PaymentID))
		require.NoError(t, s.ExpireCheckout(t.Context(), p.PaymentID), "once")
		assert.EqualValues(t, 10, s.stock("loaf"))
		assert.Equal(t, "pending", s.detail(p.PaymentID).Payment.Status)
		s.mustOrder(paid("pi_1", named(p.PaymentID)))
		assert.EqualValues(t, 8, s.stock("loaf"), "paid after all, and there was enough")
	})

	t.Run("leaves what is paid or being processed", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		s.record(paid("pi_1", named(p.PaymentID)), models.PaymentProcessing)
		require.NoError(t, s.ExpireCheckout(t.Context(), p.PaymentID))
		assert.EqualValues(t, 8, s.stock("loaf"))
		s.mustOrder(paid("pi_1", named(p.PaymentID)))
		require.NoError(t, s.ExpireCheckout(t.Context(), p.PaymentID))
		assert.EqualValues(t, 8, s.stock("loaf"))
	})

	t.Run("of a payment that was being processed then is done when it fails", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze()
		s.record(paid("pi_1", named(p.PaymentID)), models.PaymentProcessing)
		s.exec("UPDATE checkouts SET expires_at = now() - interval '1 minute'")
		require.NoError(t, s.ExpireCheckout(t.Context(), p.PaymentID))
		s.record(failed("pi_1", "ch_1", named(p.PaymentID)), models.PaymentFailed)
		assert.EqualValues(t, 10, s.stock("loaf"))
		assert.Equal(t, "released", s.reservation(p.PaymentID))
	})

	t.Run("comes with Stripe's word that the session has expired, which ends the payment", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		p := s.freeze(hosted)
		s.record(session("cs_1", "", named(p.PaymentID)), models.PaymentCanceled)
		assert.EqualValues(t, 10, s.stock("loaf"))
		assert.Equal(t, "canceled", s.detail(p.PaymentID).Payment.Status)
		assert.Equal(t, map[string]int64{"loaf": 2, "jam": 1}, s.cart())
	})

	t.Run("of what is no checkout changes nothing", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, newShop(t).ExpireCheckout(t.Context(), "pay_9"))
	})
}
