package models_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestCart(t *testing.T) {
	t.Parallel()

	t.Run("shows what is in it at today's prices", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.putProduct("jam", 350, nil)
		cart, err := s.Cart(t.Context(), customerID, storeID)
		require.NoError(t, err)
		assert.Equal(t, models.Cart{
			StoreID: storeID, Currency: "usd", Subtotal: 1250,
			Items: []models.Line{
				{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
				{ProductID: "jam", Name: "Fresh jam", Quantity: 1, UnitAmount: 350},
			},
		}, cart)
	})

	t.Run("is empty before it is used", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		cart, err := s.Cart(t.Context(), "stranger", storeID)
		require.NoError(t, err)
		assert.Equal(t, models.Cart{StoreID: storeID, Currency: "usd", Items: []models.Line{}}, cart)
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM customers WHERE id = 'stranger'"), "looking makes nobody a customer")
	})

	t.Run("of an unknown store is not found", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for _, store := range []string{"nowhere", "", "a\x00b"} {
			_, err := s.Cart(t.Context(), customerID, store)
			requireKind(t, err, models.NotFound, "")
			_, err = s.SetCartItem(t.Context(), customerID, store, "loaf", 1)
			requireKind(t, err, models.NotFound, "")
			_, err = s.RemoveCartItem(t.Context(), customerID, store, "loaf")
			requireKind(t, err, models.NotFound, "")
			_, err = s.EmptyCart(t.Context(), customerID, store)
			requireKind(t, err, models.NotFound, "")
		}
	})
}

func TestSetCartItem(t *testing.T) {
	t.Parallel()

	t.Run("replaces the quantity and keeps the place", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		cart, err := s.SetCartItem(t.Context(), customerID, storeID, "loaf", 5)
		require.NoError(t, err)
		assert.Equal(t, "loaf", cart.Items[0].ProductID)
		assert.Equal(t, map[string]int64{"loaf": 5, "jam": 1}, quantities(cart.Items))
		assert.EqualValues(t, 2550, cart.Subtotal)
	})

	t.Run("refuses what cannot be bought", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for quantity, fits := range map[int64]bool{
			-1: false, 0: false, 1: true, models.MaxQuantity: true, models.MaxQuantity + 1: false, 1 << 40: false,
		} {
			_, err := s.SetCartItem(t.Context(), customerID, storeID, "loaf", quantity)
			if fits {
				require.NoError(t, err)
				continue
			}
			requireKind(t, err, models.Invalid, "quantity")
		}
		for _, product := range []string{"cake", "", "a\x00b"} {
			_, err := s.SetCartItem(t.Context(), customerID, storeID, product, 1)
			requireKind(t, err, models.NotFound, "")
		}
		s.exec("UPDATE products SET active = false WHERE id = 'jam'")
		_, err := s.SetCartItem(t.Context(), customerID, storeID, "jam", 2)
		requireKind(t, err, models.Conflict, "")
		s.putStore(func(store *models.Store) { store.Active = false })
		_, err = s.SetCartItem(t.Context(), customerID, storeID, "loaf", 2)
		requireKind(t, err, models.Conflict, "")
		assert.EqualValues(t, 1, s.cart()["jam"])
	})

	t.Run("is for customers whose ID can be one", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		before := ask[int64](s, "SELECT count(*) FROM carts")
		for _, customer := range []string{"", "a\nb", "a\x00b"} {
			_, err := s.SetCartItem(t.Context(), customer, storeID, "loaf", 1)
			require.Error(t, err, customer)
		}
		assert.Equal(t, before, ask[int64](s, "SELECT count(*) FROM carts"))
	})

	t.Run("has a limit of lines", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.exec(`INSERT INTO products (store_id, id, name, unit_amount) SELECT $1, 'p' || n, 'P', 1 FROM generate_series(1, 199) AS n`, storeID)
		s.exec(`INSERT INTO cart_items (customer_id, store_id, product_id, quantity)
			SELECT $1, $2, 'p' || n, 1 FROM generate_series(1, 198) AS n`, customerID, storeID)
		_, err := s.SetCartItem(t.Context(), customerID, storeID, "p199", 1)
		requireKind(t, err, models.Conflict, "")
		assert.Len(t, s.cart(), models.MaxLines)
		_, err = s.SetCartItem(t.Context(), customerID, storeID, "p1", 7)
		require.NoError(t, err, "what is in it may change")
	})
}

func TestTakingOutOfTheCart(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	cart, err := s.RemoveCartItem(t.Context(), customerID, storeID, "loaf")
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"jam": 1}, quantities(cart.Items))
	_, err = s.RemoveCartItem(t.Context(), customerID, storeID, "loaf")
	require.NoError(t, err, "it is not there, which is what was wanted")
	s.fill("loaf", 1)
	s.fillFor("other", "loaf", 3)
	cart, err = s.EmptyCart(t.Context(), customerID, storeID)
	require.NoError(t, err)
	assert.Equal(t, []models.Line{}, cart.Items)
	other, err := s.Cart(t.Context(), "other", storeID)
	require.NoError(t, err)
	assert.Len(t, other.Items, 1)
}

func TestWhatAnOrderClaimedIsOutOfReach(t *testing.T) {
	t.Parallel()
	claimed := func(s shop) map[string]int64 {
		return map[string]int64{
			"loaf": ask[int64](s, "SELECT quantity FROM cart_items WHERE product_id = 'loaf' AND order_id IS NOT NULL"),
			"jam":  ask[int64](s, "SELECT quantity FROM cart_items WHERE product_id = 'jam' AND order_id IS NOT NULL"),
		}
	}
	for name, do := range map[string]func(s shop) error{
		"setting":  func(s shop) error { _, err := s.SetCartItem(s.t.Context(), customerID, storeID, "loaf", 9); return err },
		"removing": func(s shop) error { _, err := s.RemoveCartItem(s.t.Context(), customerID, storeID, "loaf"); return err },
		"emptying": func(s shop) error { _, err := s.EmptyCart(s.t.Context(), customerID, storeID); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.mustOrder(paid("pi_1"))
			require.NoError(t, do(s))
			assert.Equal(t, map[string]int64{"loaf": 2, "jam": 1}, claimed(s))
		})
	}
}

func TestClearCart(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	first := s.mustOrder(paid("pi_1"))
	s.fill("loaf", 1)
	s.fill("jam", 1)
	second := s.mustOrder(paid("pi_2", collected(750+fee)))
	s.fill("loaf", 4)
	for range 2 {
		require.NoError(t, s.ClearCart(t.Context(), first.OrderID))
		assert.EqualValues(t, 2, s.goods().Claimed, "another order's are not its to clear")
		assert.Equal(t, map[string]int64{"loaf": 4}, s.cart())
	}
	require.NoError(t, s.ClearCart(t.Context(), "ord_unknown"))
	require.NoError(t, s.ClearCart(t.Context(), second.OrderID))
	assert.Zero(t, s.goods().Claimed)
	assert.Equal(t, map[string]int64{"loaf": 4}, s.cart())
}
