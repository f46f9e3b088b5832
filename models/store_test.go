package models_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// requireKind checks that err is the caller's to mend, and how.
func requireKind(t *testing.T, err error, kind models.ErrorKind, field string) {
	t.Helper()
	var known *models.Error
	require.ErrorAs(t, err, &known)
	assert.Equal(t, kind, known.Kind, err)
	assert.Equal(t, field, known.Field, err)
	assert.NotEmpty(t, known.Error())
}

func TestPutStore(t *testing.T) {
	t.Parallel()

	t.Run("makes and changes a store, and audits both", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		made := bakery()
		_, err := s.PutStore(t.Context(), made, models.Cause{Actor: "ada", Reason: "new"})
		require.NoError(t, err)
		changed := made
		changed.Name, changed.Active, changed.DeliveryFee, changed.AutomaticTax = "Mill Bakery", false, 0, true
		changed.Currency, changed.OnUnfulfillable = "eur", models.HoldWhenUnfulfillable // it has no products yet
		_, err = s.PutStore(t.Context(), changed, models.Cause{Actor: "bo"})
		require.NoError(t, err)

		got, err := s.Store(t.Context(), storeID)
		require.NoError(t, err)
		assert.False(t, got.CreatedAt.IsZero())
		assert.False(t, got.UpdatedAt.Before(got.CreatedAt))
		changed.CreatedAt, changed.UpdatedAt = got.CreatedAt, got.UpdatedAt
		assert.Equal(t, changed, got)

		const entry = `SELECT concat_ws('|', actor, subject, subject_id, reason, before <> '', payment_id IS NULL) FROM audit_entries WHERE action = $1`
		assert.Equal(t, "ada|store|bakery|new|f|t", ask[string](s, entry, "store_made"))
		assert.Equal(t, "bo|store|bakery||t|t", ask[string](s, entry, "store_changed"))
		assert.Equal(t, "Corner Bakery", ask[string](s, "SELECT before::jsonb ->> 'name' FROM audit_entries WHERE action = 'store_changed'"))
		assert.Equal(t, "Mill Bakery", ask[string](s, "SELECT after::jsonb ->> 'name' FROM audit_entries WHERE action = 'store_changed'"))
	})

	t.Run("does not change the currency that products are priced in", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		store := bakery()
		store.Currency, store.Name = "eur", "Another"
		_, err := s.PutStore(t.Context(), store, staff)
		requireKind(t, err, models.Conflict, "")
		got, err := s.Store(t.Context(), storeID)
		require.NoError(t, err)
		assert.Equal(t, "Corner Bakery", got.Name, "nothing else is changed either")
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = 'store_changed'"))
	})

	t.Run("says which value cannot be", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		for name, c := range map[string]struct {
			field  string
			change func(*models.Store)
		}{
			"no ID":                      {"storeId", func(s *models.Store) { s.ID = "" }},
			"an ID of 65 characters":     {"storeId", func(s *models.Store) { s.ID = strings.Repeat("é", 65) }},
			"a tab in the ID":            {"storeId", func(s *models.Store) { s.ID = "a\tb" }},
			"a NUL in the ID":            {"storeId", func(s *models.Store) { s.ID = "a\x00" }},
			"invalid UTF-8 in the ID":    {"storeId", func(s *models.Store) { s.ID = "a\xff" }},
			"no name":                    {"name", func(s *models.Store) { s.Name = "" }},
			"a blank name":               {"name", func(s *models.Store) { s.Name = " \u00a0" }},
			"a name of 201 characters":   {"name", func(s *models.Store) { s.Name = strings.Repeat("é", 201) }},
			"a name over two lines":      {"name", func(s *models.Store) { s.Name = "Bakery\r\nBcc: all@example.com" }},
			"a bell in the name":         {"name", func(s *models.Store) { s.Name = "Bakery\a" }},
			"a damaged name":             {"name", func(s *models.Store) { s.Name = "Bak\uFFFDry" }},
			"no address":                 {"email", func(s *models.Store) { s.Email = "" }},
			"an address without a host":  {"email", func(s *models.Store) { s.Email = "orders@" }},
			"an address with a name":     {"email", func(s *models.Store) { s.Email = "Orders <orders@bakery.example>" }},
			"two addresses":              {"email", func(s *models.Store) { s.Email = "a@b.example, c@d.example" }},
			"an address and a header":    {"email", func(s *models.Store) { s.Email = "a@b.example\r\nBcc: c@d.example" }},
			"an address too long":        {"email", func(s *models.Store) { s.Email = strings.Repeat("a", 320) + "@b.example" }},
			"no currency":                {"currency", func(s *models.Store) { s.Currency = "" }},
			"a currency in capitals":     {"currency", func(s *models.Store) { s.Currency = "USD" }},
			"a currency of four letters": {"currency", func(s *models.Store) { s.Currency = "usdc" }},
			"a negative fee":             {"deliveryFee", func(s *models.Store) { s.DeliveryFee = -1 }},
			"a fee beyond Stripe":        {"deliveryFee", func(s *models.Store) { s.DeliveryFee = models.MaxAmount + 1 }},
			"another wish":               {"onUnfulfillable", func(s *models.Store) { s.OnUnfulfillable = "shrug" }},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				store := bakery()
				c.change(&store)
				_, err := db.PutStore(t.Context(), store, staff)
				requireKind(t, err, models.Invalid, c.field)
			})
		}
	})

	t.Run("takes what is at the limits", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		store := bakery()
		store.ID, store.Name, store.DeliveryFee = strings.Repeat("é", 64), strings.Repeat("é", 200), models.MaxAmount
		_, err := db.PutStore(t.Context(), store, staff)
		require.NoError(t, err)
	})
}

func TestPutProduct(t *testing.T) {
	t.Parallel()
	loaf := models.Product{StoreID: storeID, ID: "loaf", Name: "Loaf", UnitAmount: 450, Active: true}

	t.Run("makes and changes a product, and audits both", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.putStore(func(*models.Store) {})
		_, err := s.PutProduct(t.Context(), loaf, staff)
		require.NoError(t, err)
		counted := loaf
		counted.Stock, counted.Active = new(int64(0)), false
		_, err = s.PutProduct(t.Context(), counted, staff)
		require.NoError(t, err)
		_, products, err := s.Products(t.Context(), storeID)
		require.NoError(t, err)
		require.Len(t, products, 1)
		assert.Zero(t, *products[0].Stock)
		assert.False(t, products[0].Active)
		assert.Equal(t, "bakery/loaf", ask[string](s, "SELECT subject_id FROM audit_entries WHERE action = 'product_made'"))
		assert.Equal(t, "null 0", ask[string](s, `SELECT (before::jsonb -> 'stock')::text || ' ' || (after::jsonb -> 'stock')::text
			FROM audit_entries WHERE action = 'product_changed'`))

		_, err = s.PutProduct(t.Context(), loaf, staff)
		require.NoError(t, err)
		_, products, err = s.Products(t.Context(), storeID)
		require.NoError(t, err)
		assert.Nil(t, products[0].Stock, "counted no more")
	})

	t.Run("says which value cannot be", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.putStore(func(*models.Store) {})
		for name, c := range map[string]struct {
			kind   models.ErrorKind
			field  string
			change func(*models.Product)
		}{
			"no ID":               {models.Invalid, "productId", func(p *models.Product) { p.ID = "" }},
			"a long ID":           {models.Invalid, "productId", func(p *models.Product) { p.ID = strings.Repeat("x", 65) }},
			"no name":             {models.Invalid, "name", func(p *models.Product) { p.Name = "" }},
			"a long name":         {models.Invalid, "name", func(p *models.Product) { p.Name = strings.Repeat("x", 201) }},
			"a negative price":    {models.Invalid, "unitAmount", func(p *models.Product) { p.UnitAmount = -1 }},
			"a price over Stripe": {models.Invalid, "unitAmount", func(p *models.Product) { p.UnitAmount = models.MaxAmount + 1 }},
			"a negative stock":    {models.Invalid, "stock", func(p *models.Product) { p.Stock = new(int64(-1)) }},
			"an unknown store":    {models.NotFound, "", func(p *models.Product) { p.StoreID = "nowhere" }},
			"a store with a NUL":  {models.NotFound, "", func(p *models.Product) { p.StoreID = "a\x00" }},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				product := loaf
				c.change(&product)
				_, err := s.PutProduct(t.Context(), product, staff)
				requireKind(t, err, c.kind, c.field)
			})
		}
	})
}

func TestProducts(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	s.putStore(func(*models.Store) {})
	store, none, err := s.Products(t.Context(), storeID)
	require.NoError(t, err)
	assert.Equal(t, "Corner Bakery", store.Name)
	assert.NotNil(t, none)
	assert.Empty(t, none)

	s.putProduct("b", 1, nil)
	s.putProduct("a", 1, nil)
	_, products, err := s.Products(t.Context(), storeID)
	require.NoError(t, err)
	assert.Equal(t, []string{"Fresh a", "Fresh b"}, []string{products[0].Name, products[1].Name})

	for _, id := range []string{"nowhere", "", "a\x00b", "a\xffb"} {
		_, _, err = s.Products(t.Context(), id)
		requireKind(t, err, models.NotFound, "")
		_, err = s.Store(t.Context(), id)
		requireKind(t, err, models.NotFound, "")
	}
}

func TestNothingIsDoneWithoutAnActor(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	_, err := s.PutStore(t.Context(), bakery(), models.Cause{})
	require.Error(t, err)
	_, err = s.Store(t.Context(), storeID)
	requireKind(t, err, models.NotFound, "")
}
