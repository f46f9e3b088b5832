package models_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestCreateOrderFromTheLiveCart(t *testing.T) {
	t.Parallel()

	t.Run("makes the order, once and for all", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid("pi_1")
		f := s.mustOrder(e)
		assert.True(t, f.Unfinished)
		assert.False(t, f.NoEmail)
		assert.Equal(t, models.OrderID("pi_1", ""), f.OrderID)
		assert.Equal(t, "ch_1", f.ChargeID)
		assert.Empty(t, f.WakeID)

		order := s.order(f.OrderID)
		assert.Equal(t, models.OrderConfirmed, order.Status)
		assert.Equal(t, []models.Line{
			{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
			{ProductID: "jam", Name: "Fresh jam", Quantity: 1, UnitAmount: 300},
		}, order.Items)
		assert.Equal(t, [3]int64{subtotal, fee, subtotal + fee}, [3]int64{order.Subtotal, order.DeliveryFee, order.Total})
		assert.Equal(t, []string{"1 Mill Lane", "BA1 Bath", "GB"}, order.DeliveryAddress.Lines())
		assert.EqualValues(t, "2", order.DeliveryAddress["floor"])
		assert.Equal(t, "pi_1", order.PaymentIntentID)
		assert.Equal(t, goods{
			Cart: map[string]int64{}, Loaves: 8, Orders: 1, Lines: 2, Notifications: 2, Claimed: 2,
		}, s.goods(), "what an order claimed is not the customer's any more")

		d := s.detail("pi_1")
		assert.Equal(t, "paid", d.Payment.Status)
		assert.Equal(t, f.PaymentID, d.Payment.PaymentID)
		assert.Equal(t, f.OrderID, d.Order.ID)
		assert.Equal(t, []models.EventOutcome{{
			EventID: e.ID, Type: e.Type, WorkflowID: e.ID, Outcome: "order_created", WorkflowURL: workflowURL(e.ID),
		}}, d.Events)
		assert.Equal(t, []string{"payment_paid", "order_confirmed"}, actions(d))
	})

	t.Run("finds it again when the event comes again, also after everything is done", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		e := paid("pi_1")
		first := s.mustOrder(e)
		again := s.create(e)
		assert.Equal(t, models.OrderExists, again.Outcome)
		assert.Equal(t, first.OrderID, again.OrderID)
		assert.True(t, again.Unfinished, "the cart is not cleared and nobody is told yet")

		require.NoError(t, s.ClearCart(t.Context(), first.OrderID))
		assert.True(t, s.create(e).Unfinished, "nobody is told yet")
		letters, err := s.ClaimNotifications(t.Context(), first.PaymentID, e.ID)
		require.NoError(t, err)
		for _, letter := range letters {
			require.NoError(t, s.SettleNotification(t.Context(), letter.Notification, models.NotificationSent, ""))
		}
		before, audit := s.goods(), actions(s.detail("pi_1"))
		last := s.create(e)
		assert.Equal(t, models.OrderExists, last.Outcome)
		assert.False(t, last.Unfinished)
		assert.Equal(t, before, s.goods())
		assert.Equal(t, audit, actions(s.detail("pi_1")))
		assert.Equal(t, map[string]string{e.ID: "order_created"}, outcomes(s.detail("pi_1")), "it keeps saying what it did")
	})

	t.Run("takes today's price and name", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("jam", 500, nil)
		f := s.mustOrder(paid("pi_1", collected(1799)))
		assert.EqualValues(t, 500, s.order(f.OrderID).Items[1].UnitAmount)
		s.putProduct("jam", 700, nil)
		assert.EqualValues(t, 500, s.order(f.OrderID).Items[1].UnitAmount, "an order keeps the price it was bought at")
	})

	t.Run("leaves other carts and other stores' carts alone", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.fillFor("other", "loaf", 3)
		s.putStore(func(store *models.Store) { store.ID = "bakery-2" })
		_, err := s.PutProduct(t.Context(), models.Product{StoreID: "bakery-2", ID: "loaf", Name: "Loaf", UnitAmount: 1, Active: true}, staff)
		require.NoError(t, err)
		_, err = s.SetCartItem(t.Context(), customerID, "bakery-2", "loaf", 4)
		require.NoError(t, err)

		s.mustOrder(paid("pi_1"))
		other, err := s.Cart(t.Context(), "other", storeID)
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"loaf": 3}, quantities(other.Items))
		elsewhere, err := s.Cart(t.Context(), customerID, "bakery-2")
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"loaf": 4}, quantities(elsewhere.Items))
	})

	t.Run("says when nobody knows the customer's address", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		unaddressed := func(e *models.Event) { e.Email = "" }
		f := s.mustOrder(paid("pi_1", unaddressed))
		assert.True(t, f.NoEmail)
		require.NoError(t, s.KeepReceiptEmail(t.Context(), f.PaymentID, "found@example.com"))
		assert.False(t, s.create(paid("pi_1", unaddressed)).NoEmail)

		s.exec("UPDATE customers SET email = 'row@example.com' WHERE id = $1", customerID)
		s.fill("jam", 1)
		assert.False(t, s.mustOrder(paid("pi_2", unaddressed, collected(699))).NoEmail)
	})

	t.Run("leaves a no-cost session nothing to collect", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("loaf", 0, nil)
		s.putProduct("jam", 0, nil)
		f := s.mustOrder(session("cs_1", "", collected(0), with(models.KeyDeliveryType, "pickup"), with(models.KeyDeliveryFee, "0")))
		assert.Equal(t, models.OrderID("", "cs_1"), f.OrderID)
		order := s.order(f.OrderID)
		assert.Zero(t, order.Total)
		assert.Empty(t, order.PaymentIntentID)
		d := s.detail("cs_1")
		assert.Nil(t, d.Payment.PaymentIntentID)
		assert.Equal(t, "paid", d.Payment.Status)
	})

	t.Run("makes one order of two events of which only one names the payment", func(t *testing.T) {
		t.Parallel()
		for name, events := range map[string][]models.Event{
			"intent first, metadata on both":         {paid("pi_1"), session("cs_1", "pi_1")},
			"session first, metadata on both":        {session("cs_1", "pi_1"), paid("pi_1")},
			"intent first, metadata on the intent":   {paid("pi_1"), session("cs_1", "pi_1", without)},
			"intent first, metadata on the session":  {paid("pi_1", without), session("cs_1", "pi_1")},
			"session first, metadata on the intent":  {session("cs_1", "pi_1", without), paid("pi_1")},
			"session first, metadata on the session": {session("cs_1", "pi_1"), paid("pi_1", without)},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newShop(t)
				first, second := s.create(events[0]), s.create(events[1])
				if events[0].Metadata == nil {
					assert.Equal(t, models.PaymentUnmatched, first.Outcome)
					assert.Equal(t, models.OrderCreated, second.Outcome)
				} else {
					assert.Equal(t, models.OrderCreated, first.Outcome)
					assert.Equal(t, models.OrderExists, second.Outcome)
				}
				assert.Equal(t, first.PaymentID, second.PaymentID)
				d := s.detail("cs_1")
				assert.Equal(t, "paid", d.Payment.Status)
				assert.Equal(t, "pi_1", *d.Payment.PaymentIntentID)
				assert.Equal(t, customerID, d.Payment.CustomerID)
				assert.Len(t, d.Events, 2)
				assert.Len(t, d.Notifications, 2)
				assert.Equal(t, goods{Cart: map[string]int64{}, Loaves: 8, Orders: 1, Lines: 2, Notifications: 2, Claimed: 2}, s.goods())
			})
		}
	})

	t.Run("keeps IDs, text and times that only look wrong", func(t *testing.T) {
		t.Parallel()
		for name, customer := range map[string]string{
			"an identity provider's":     "auth0|7",
			"64 characters of two bytes": strings.Repeat("é", 64),
			"an emoji":                   "🧁",
			"quotes and SQL":             `'; DROP TABLE orders; --"`,
			"blanks":                     " a b ",
			"combined characters":        "e\u0301\u200d",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newShop(t)
				_, err := s.EmptyCart(t.Context(), customerID, storeID)
				require.NoError(t, err)
				s.fillFor(customer, "jam", 1)
				f := s.mustOrder(paid("pi_1", with(models.KeyCustomerID, customer), collected(699), func(e *models.Event) {
					e.Created, e.APIVersion = 1<<62, "9999-99-99.élan"
				}))
				order, err := s.Order(t.Context(), customer, f.OrderID)
				require.NoError(t, err)
				assert.Equal(t, customer, order.CustomerID)
				assert.Equal(t, customer, s.detail("pi_1").Payment.CustomerID)
			})
		}
	})
}

func TestAbsurdEventTimesAreTheEpoch(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, created := range []int64{-1, -1 << 63, 1<<63 - 1, 253_402_300_800} {
		e := paid(fresh("pi"), without, func(e *models.Event) { e.Created = created })
		s.create(e)
		assert.Zero(t, ask[int64](s, "SELECT extract(epoch FROM created)::bigint FROM stripe_events WHERE id = $1", e.ID), created)
	}
	for _, created := range []int64{0, 1_700_000_000, 253_402_300_799} {
		e := paid(fresh("pi"), without, func(e *models.Event) { e.Created = created })
		s.create(e)
		assert.Equal(t, created, ask[int64](s, "SELECT extract(epoch FROM created)::bigint FROM stripe_events WHERE id = $1", e.ID))
	}
}

func TestDeliveryAndFee(t *testing.T) {
	t.Parallel()
	const address = `{"line1":"1 Mill Lane"}`
	for name, c := range map[string]struct {
		currency models.Currency
		fee      int64 // the store's
		delivery string
		address  string
		said     string // the fee in the metadata
		owed     int64  // 0: blocked
		blocked  models.BlockedReason
	}{
		"the store's fee is said":       {"usd", 399, "delivery", address, "3.99", 1599, ""},
		"no fee is said":                {"usd", 399, "delivery", address, "", 1599, ""},
		"no decimals are needed":        {"usd", 400, "delivery", address, "4", 1600, ""},
		"nought":                        {"usd", 0, "delivery", address, "0.00", 1200, ""},
		"leading noughts":               {"usd", 399, "delivery", address, "03.99", 1599, ""},
		"pickup is free":                {"usd", 399, "pickup", "", "0", 1200, ""},
		"pickup says no fee":            {"usd", 399, "pickup", "", "", 1200, ""},
		"pickup with an address":        {"usd", 399, "pickup", address, "0.00", 1200, ""},
		"pickup with an empty address":  {"usd", 399, "pickup", "{}", "0.00", 1200, ""},
		"pickup with a fee":             {"usd", 399, "pickup", "", "3.99", 0, models.BlockedFee},
		"pickup with half an address":   {"usd", 399, "pickup", `{"line1":"1 M`, "0", 0, models.BlockedMetadata},
		"another fee":                   {"usd", 399, "delivery", address, "3.98", 0, models.BlockedFee},
		"a negative fee":                {"usd", 399, "delivery", address, "-3.99", 0, models.BlockedFee},
		"too many decimals":             {"usd", 399, "delivery", address, "3.990", 0, models.BlockedFee},
		"a blank behind":                {"usd", 399, "delivery", address, "3.99 ", 0, models.BlockedFee},
		"a comma":                       {"usd", 399, "delivery", address, "3,99", 0, models.BlockedFee},
		"an exponent":                   {"usd", 399, "delivery", address, "399e-2", 0, models.BlockedFee},
		"a currency sign":               {"usd", 399, "delivery", address, "$3.99", 0, models.BlockedFee},
		"more than 64 bits":             {"usd", 399, "delivery", address, "99999999999999999999", 0, models.BlockedFee},
		"yen have no decimals":          {"jpy", 400, "delivery", address, "400", 1600, ""},
		"yen with decimals":             {"jpy", 400, "delivery", address, "400.0", 0, models.BlockedFee},
		"dinars have three":             {"kwd", 500, "delivery", address, "0.500", 1700, ""},
		"dinars with two":               {"kwd", 500, "delivery", address, "0.50", 1700, ""},
		"dinars with four":              {"kwd", 500, "delivery", address, "0.5000", 0, models.BlockedFee},
		"krónur are sent in hundredths": {"isk", 40000, "delivery", address, "400", 41200, ""},
		"krónur with decimals":          {"isk", 40000, "delivery", address, "400.00", 0, models.BlockedFee},
		"no address to deliver to":      {"usd", 399, "delivery", "", "3.99", 0, models.BlockedMetadata},
		"an address without line1":      {"usd", 399, "delivery", `{"city":"Bath"}`, "3.99", 0, models.BlockedMetadata},
		"a blank line1":                 {"usd", 399, "delivery", `{"line1":"  \t"}`, "3.99", 0, models.BlockedMetadata},
		"an address cut off at Stripe's limit": {
			"usd", 399, "delivery", `{"line1":"1 Mill Lane","note":"` + strings.Repeat("x", 469), "3.99", 0, models.BlockedMetadata,
		},
		"neither delivery nor pickup": {"usd", 399, "drone", address, "3.99", 0, models.BlockedMetadata},
		"no delivery type":            {"usd", 399, "", address, "3.99", 0, models.BlockedMetadata},
		"Delivery in capitals":        {"usd", 399, "Delivery", address, "3.99", 0, models.BlockedMetadata},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop{open(t), t}
			s.putStore(func(store *models.Store) { store.Currency, store.DeliveryFee = c.currency, c.fee })
			s.putProduct("loaf", 600, new(int64(10)))
			s.fill("loaf", 2)
			before := s.goods()
			f := s.create(paid("pi_1", in(string(c.currency)), collected(c.owed),
				with(models.KeyDeliveryType, c.delivery), with(models.KeyDeliveryAddress, c.address), with(models.KeyDeliveryFee, c.said)))
			assert.Equal(t, c.blocked, f.BlockedReason, f.BlockedDetail)
			if c.blocked != "" {
				assert.Equal(t, before, s.goods())
				return
			}
			order := s.order(f.OrderID)
			assert.Equal(t, c.owed, order.Total)
			assert.Equal(t, c.owed-1200, order.DeliveryFee)
			assert.Equal(t, c.address == address, order.DeliveryAddress.Deliverable())
		})
	}
}

func TestCreateOrderFromAFrozenCheckout(t *testing.T) {
	t.Parallel()

	t.Run("buys what was frozen at the price it had", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		s.putProduct("loaf", 9900, new(int64(10)))
		s.putStore(func(store *models.Store) { store.DeliveryFee = 1 })
		f := s.mustOrder(paid("pi_1", named("co_1")))
		assert.Equal(t, "co_1", f.PaymentID, "the customer was given this ID")
		order := s.order(f.OrderID)
		assert.Equal(t, subtotal+fee, order.Total)
		assert.Equal(t, "co_1", *order.CheckoutID)
		assert.Equal(t, []string{"1 Mill Lane", "Bath"}, order.DeliveryAddress.Lines())
		assert.Equal(t, goods{Cart: map[string]int64{}, Loaves: 8, Orders: 1, Lines: 2, Notifications: 2, Claimed: 2}, s.goods())
		assert.Equal(t, customerID, s.detail("co_1").Payment.CustomerID)
	})

	t.Run("buys a product that went off sale meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		s.exec("UPDATE products SET active = false")
		s.mustOrder(paid("pi_1", named("co_1")))
	})

	t.Run("leaves what was added to the cart meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		s.putProduct("tea", 200, nil)
		s.fill("loaf", 5)
		s.fill("tea", 1)
		f := s.mustOrder(paid("pi_1", named("co_1")))
		assert.Equal(t, map[string]int64{"loaf": 3, "tea": 1}, s.cart())
		assert.EqualValues(t, 2, ask[int64](s, "SELECT quantity FROM cart_items WHERE order_id = $1 AND product_id = 'loaf'", f.OrderID))
		require.NoError(t, s.ClearCart(t.Context(), f.OrderID))
		assert.Equal(t, map[string]int64{"loaf": 3, "tea": 1}, s.cart())
	})

	t.Run("has less to claim when lines were taken out meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		s.fill("loaf", 1)
		_, err := s.RemoveCartItem(t.Context(), customerID, storeID, "jam")
		require.NoError(t, err)
		f := s.mustOrder(paid("pi_1", named("co_1")))
		assert.Len(t, s.order(f.OrderID).Items, 2, "it was paid for all the same")
		assert.Equal(t, goods{Cart: map[string]int64{}, Loaves: 8, Orders: 1, Lines: 2, Notifications: 2, Claimed: 1}, s.goods())
	})

	t.Run("wins over other keys and faults in the metadata", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		s.mustOrder(paid("pi_1", with(models.KeyPaymentID, "co_1"), with(models.KeyDeliveryFee, "x"),
			func(e *models.Event) { e.MetadataProblem = "deliveryAddress is longer than 500 characters" }))
	})

	t.Run("makes one order of two payments and blocks the other", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.checkout("co_1")
		first := s.mustOrder(session("cs_1", "pi_1", named("co_1")))
		s.fill("loaf", 2)
		s.fill("jam", 1)
		after := s.goods()
		e := session("cs_2", "pi_2", named("co_1"))
		second := s.create(e)
		assert.Equal(t, models.BlockedCheckoutPaid, second.BlockedReason)
		assert.NotEqual(t, first.PaymentID, second.PaymentID)
		assert.Equal(t, after, s.goods())
		assert.Equal(t, second.PaymentID, s.create(paid("pi_2", named("co_1"))).PaymentID, "its sibling is the same payment")
		assert.Equal(t, second.PaymentID, s.create(paid("pi_2", without)).PaymentID)
		assert.Equal(t, models.OrderExists, s.create(paid("pi_1", named("co_1"))).Outcome)
		d := s.detail("pi_2")
		assert.Equal(t, "needs_attention", d.Payment.Status)
		assert.Nil(t, d.Order)
		assert.Equal(t, "pi_1", *s.detail("co_1").Payment.PaymentIntentID)
		assert.Equal(t, "cs_2", *d.Payment.CheckoutSessionID)
	})
}

func TestSubscriptionsAreNoOrders(t *testing.T) {
	t.Parallel()
	invoiced := func(e *models.Event) { e.InvoiceID = "in_1" }
	s := newShop(t)
	before := s.goods()
	f := s.create(paid("pi_1", without, invoiced))
	assert.Equal(t, models.PaymentSubscription, f.Outcome)
	assert.Equal(t, models.PaymentSubscription, s.create(paid("pi_1", without)).Outcome, "once told, it stays one")
	assert.Equal(t, "subscription", s.detail("pi_1").Payment.Status)
	assert.Equal(t, models.PaymentSubscription,
		s.create(session("cs_2", "", without, func(e *models.Event) { e.Mode = "subscription" })).Outcome)
	assert.Equal(t, before, s.goods())
	assert.Equal(t, models.OrderCreated, s.create(paid("pi_1")).Outcome, "unless our metadata says that it is an order")
}

func TestUnmatchedPaymentsCanBeClaimed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	before := s.goods()
	first := s.create(paid("pi_1", without, in("doubloons"), collected(-5)))
	assert.Equal(t, models.PaymentUnmatched, first.Outcome)
	assert.Equal(t, before, s.goods())
	assert.Equal(t, "unmatched", s.detail("pi_1").Payment.Status)

	second := s.mustOrder(paid("pi_1"))
	assert.Equal(t, first.PaymentID, second.PaymentID)
	assert.Equal(t, "paid", s.detail("pi_1").Payment.Status)
}

func TestEventWithoutAnyPayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	bare := paid("", without)
	f := s.create(bare)
	assert.Equal(t, models.PaymentUnmatched, f.Outcome)
	assert.Equal(t, f, s.create(bare), "the event leads back to the payment")
	assert.NotEqual(t, f.PaymentID, s.create(paid("", without)).PaymentID, "another event is another payment")
	assert.Equal(t, "unmatched", s.detail(f.PaymentID).Payment.Status)
}

func TestBlockedPayments(t *testing.T) {
	t.Parallel()
	closed := func(s shop) { s.putStore(func(store *models.Store) { store.Active = false }) }
	opened := func(s shop) { s.putStore(func(*models.Store) {}) }
	for name, c := range map[string]struct {
		arrange func(shop)
		event   []change
		reason  models.BlockedReason
		mend    func(shop) // nil: only a sibling that tells it better can
	}{
		"no customer":                 {event: []change{lacking(models.KeyCustomerID)}, reason: models.BlockedMetadata},
		"no store named":              {event: []change{lacking(models.KeyStoreID)}, reason: models.BlockedMetadata},
		"no delivery type":            {event: []change{lacking(models.KeyDeliveryType)}, reason: models.BlockedMetadata},
		"no address":                  {event: []change{lacking(models.KeyDeliveryAddress)}, reason: models.BlockedMetadata},
		"a customer of 65 characters": {event: []change{with(models.KeyCustomerID, strings.Repeat("x", 65))}, reason: models.BlockedMetadata},
		"a customer over two lines":   {event: []change{with(models.KeyCustomerID, "a\nb")}, reason: models.BlockedMetadata},
		"a line separator in an ID":   {event: []change{with(models.KeyCustomerID, "a\u2028b")}, reason: models.BlockedMetadata},
		"a C1 control in an ID":       {event: []change{with(models.KeyCustomerID, "a\u0085b")}, reason: models.BlockedMetadata},
		"a damaged customer":          {event: []change{with(models.KeyCustomerID, models.Clean("a\x00b", 500))}, reason: models.BlockedMetadata},
		"a damaged fee":               {event: []change{with(models.KeyDeliveryFee, "\uFFFD")}, reason: models.BlockedMetadata},
		"a NUL in the address":        {event: []change{with(models.KeyDeliveryAddress, `{"line1":"a\u0000b"}`)}, reason: models.BlockedMetadata},
		"half a surrogate":            {event: []change{with(models.KeyDeliveryAddress, `{"line1":"a\ud800b"}`)}, reason: models.BlockedMetadata},
		"a number no numeric can be": {
			event: []change{with(models.KeyDeliveryAddress, `{"line1":"a","n":1e999999}`)}, reason: models.BlockedMetadata,
		},
		"a number too small":         {event: []change{with(models.KeyDeliveryAddress, `{"line1":"a","n":[1e-99999]}`)}, reason: models.BlockedMetadata},
		"a fee that is no number":    {event: []change{with(models.KeyDeliveryFee, "free")}, reason: models.BlockedFee},
		"metadata of the wrong kind": {event: []change{without, func(e *models.Event) { e.MetadataProblem = "metadata is not an object of strings" }}, reason: models.BlockedMetadata},
		"metadata half read":         {event: []change{func(e *models.Event) { e.MetadataProblem = "metadata is not an object of strings" }}, reason: models.BlockedMetadata},
		"nothing collected":          {event: []change{collected(0)}, reason: models.BlockedAmount},
		"less than nothing":          {event: []change{collected(-1599)}, reason: models.BlockedAmount},
		"a cent too little":          {event: []change{collected(1598)}, reason: models.BlockedAmount},
		"a cent too much":            {event: []change{collected(1600)}, reason: models.BlockedAmount},
		"all that 64 bits hold":      {event: []change{collected(1<<63 - 1)}, reason: models.BlockedAmount},
		"the least that they hold":   {event: []change{collected(-1 << 63)}, reason: models.BlockedAmount},
		"a partial capture":          {event: []change{func(e *models.Event) { e.AmountReceived = new(int64(1000)) }}, reason: models.BlockedAmount},
		"an amount not told":         {event: []change{func(e *models.Event) { e.AmountReceived = nil }}, reason: models.BlockedAmount},
		"another currency":           {event: []change{in("eur")}, reason: models.BlockedCurrency},
		"capitals":                   {event: []change{in("USD")}, reason: models.BlockedCurrency},
		"no such currency":           {event: []change{in("doubloons, of gold, and old ones")}, reason: models.BlockedCurrency},
		"no currency":                {event: []change{in("")}, reason: models.BlockedCurrency},
		"an unknown store": {
			event: []change{with(models.KeyStoreID, "bakery-2"), collected(699)}, reason: models.BlockedUnknownStore,
			mend: func(s shop) {
				s.putStore(func(store *models.Store) { store.ID = "bakery-2" })
				_, err := s.PutProduct(s.t.Context(), models.Product{StoreID: "bakery-2", ID: "jam", Name: "Jam", UnitAmount: 300, Active: true}, staff)
				require.NoError(s.t, err)
				_, err = s.SetCartItem(s.t.Context(), customerID, "bakery-2", "jam", 1)
				require.NoError(s.t, err)
			},
		},
		"an unknown checkout": {
			event: []change{named("co_1")}, reason: models.BlockedUnknownCheckout,
			mend: func(s shop) { s.checkout("co_1") },
		},
		"a damaged checkout": {event: []change{named("co_\uFFFD")}, reason: models.BlockedUnknownCheckout},
		"a closed store":     {arrange: closed, reason: models.BlockedStoreClosed, mend: opened},
		"a checkout in a closed store": {
			arrange: func(s shop) { s.checkout("co_1"); closed(s) }, event: []change{named("co_1")},
			reason: models.BlockedStoreClosed, mend: opened,
		},
		"another fee in the store": {
			arrange: func(s shop) { s.putStore(func(store *models.Store) { store.DeliveryFee = 500 }) },
			reason:  models.BlockedFee, mend: opened,
		},
		"an unknown customer": {event: []change{with(models.KeyCustomerID, "nobody")}, reason: models.BlockedEmptyCart},
		"an empty cart": {
			arrange: func(s shop) {
				_, err := s.EmptyCart(s.t.Context(), customerID, storeID)
				require.NoError(s.t, err)
			},
			reason: models.BlockedEmptyCart,
			mend:   func(s shop) { s.fill("loaf", 2); s.fill("jam", 1) },
		},
		"a product not for sale": {
			arrange: func(s shop) { s.exec("UPDATE products SET active = false WHERE id = 'jam'") }, reason: models.BlockedNotForSale,
			mend: func(s shop) { s.exec("UPDATE products SET active = true") },
		},
		"too little in stock": {
			arrange: func(s shop) { s.putProduct("loaf", 450, new(int64(1))) }, reason: models.BlockedOutOfStock,
			mend: func(s shop) { s.putProduct("loaf", 450, new(int64(2))) },
		},
		"too little in stock for a checkout": {
			arrange: func(s shop) { s.checkout("co_1"); s.putProduct("loaf", 450, new(int64(0))) },
			event:   []change{named("co_1")}, reason: models.BlockedOutOfStock,
			mend: func(s shop) { s.putProduct("loaf", 450, new(int64(7))) },
		},
		"another price than was paid": {
			arrange: func(s shop) { s.putProduct("jam", 301, nil) }, reason: models.BlockedAmount,
			mend: func(s shop) { s.putProduct("jam", 300, nil) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if c.arrange != nil {
				c.arrange(s)
			}
			before := s.goods()
			e := paid("pi_1", c.event...)
			first := s.create(e)
			assert.Equal(t, models.PaymentBlocked, first.Outcome)
			assert.Equal(t, c.reason, first.BlockedReason, first.BlockedDetail)
			assert.NotEmpty(t, first.BlockedDetail)
			assert.NotContains(t, first.BlockedDetail, customerID, "it names no one")
			assert.NotContains(t, first.BlockedDetail, "Mill", "and no place")
			assert.Equal(t, e.ID, first.OwnerID)
			assert.Empty(t, first.OrderID)
			assert.Equal(t, first, s.create(e), "looking again finds the same")

			sibling := e
			sibling.ID = eventID()
			other := s.create(sibling)
			assert.Equal(t, e.ID, other.OwnerID, "the first workflow is the one that waits")
			assert.Equal(t, first.PaymentID, other.PaymentID)

			assert.Equal(t, before, s.goods())
			d := s.detail("pi_1")
			assert.Equal(t, "needs_attention", d.Payment.Status)
			assert.Equal(t, c.reason, *d.Payment.BlockedReason)
			assert.Nil(t, d.Order)
			assert.Equal(t, []string{"payment_paid", "payment_blocked"}, actions(d), "told once")
			assert.Equal(t, map[string]string{e.ID: "blocked", sibling.ID: "blocked"}, outcomes(d))

			wake, mended := "", e
			if c.mend != nil {
				c.mend(s)
			} else {
				mended, wake = paid("pi_1"), e.ID
			}
			f := s.mustOrder(mended)
			assert.Equal(t, wake, f.WakeID)
			assert.Equal(t, first.PaymentID, f.PaymentID)
			assert.Equal(t, before.Orders+1, s.goods().Orders)
			d = s.detail("pi_1")
			assert.Equal(t, "paid", d.Payment.Status)
			assert.Nil(t, d.Payment.BlockedReason)
			assert.Empty(t, d.Payment.BlockedDetail)
			assert.Equal(t, []string{"payment_paid", "payment_blocked", "order_confirmed", "payment_unblocked"}, actions(d))
			assert.Equal(t, "order_created", outcomes(d)[mended.ID])
			assert.Equal(t, wake, s.create(sibling).WakeID, "an answer that was lost is given again")
			assert.Empty(t, s.create(e).WakeID, "who waited has looked")
			assert.Empty(t, s.create(sibling).WakeID, "nobody waits any more")
		})
	}
}

func TestBlockedPaymentWithoutAName(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	before := s.goods()
	e := paid("")
	f := s.create(e)
	assert.Equal(t, models.BlockedUnidentified, f.BlockedReason)
	assert.Equal(t, f, s.create(e))
	assert.Equal(t, before, s.goods())

	e.PaymentIntentID = "pi_1"
	assert.Equal(t, f.PaymentID, s.mustOrder(e).PaymentID, "the event leads back to the payment")
}

func TestABlockMayChangeItsReason(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.putProduct("loaf", 450, new(int64(0)))
	e := paid("pi_1")
	assert.Equal(t, models.BlockedOutOfStock, s.create(e).BlockedReason)
	s.putStore(func(store *models.Store) { store.Active = false })
	assert.Equal(t, models.BlockedStoreClosed, s.create(e).BlockedReason)
	assert.Equal(t, []string{"payment_paid", "payment_blocked", "payment_blocked"}, actions(s.detail("pi_1")))
}

func TestReadableMetadataIsNotLostToASiblingWithout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.putStore(func(store *models.Store) { store.Active = false })
	first := paid("pi_1")
	s.create(first)
	unread := func(e *models.Event) { e.Metadata, e.MetadataProblem = nil, "metadata is not an object of strings" }
	assert.Equal(t, models.BlockedStoreClosed, s.create(session("cs_1", "pi_1", unread)).BlockedReason)
	s.putStore(func(*models.Store) {})
	assert.Equal(t, first.ID, s.mustOrder(session("cs_1", "pi_1", without)).WakeID)
}
