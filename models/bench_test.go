package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

// BenchmarkCreateOrder takes what fulfilling costs in the database: the order
// of a cart with three lines, and clearing the cart. Filling it is not counted.
//
//	go test -run '^$' -bench CreateOrder ./models
func BenchmarkCreateOrder(b *testing.B) {
	b.Run("one connection", func(b *testing.B) { benchmarkCreateOrder(b, 1, 1) })
	b.Run("sixteen connections", func(b *testing.B) { benchmarkCreateOrder(b, 16, 16) })
}

func benchmarkCreateOrder(b *testing.B, connections, clients int) {
	b.Helper()
	db, err := models.Open(pgtest.NewURL(b), connections)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	s := shop{db, b}
	s.putStore(func(*models.Store) {})
	for _, product := range []string{"loaf", "jam", "tea"} {
		s.putProduct(product, 100, nil)
	}
	events := make([]models.Event, b.N)
	for i := range events {
		customer := fresh("customer")
		events[i] = paid(fresh("pi"), with(models.KeyCustomerID, customer), collected(300+fee))
	}
	s.exec("INSERT INTO customers (id) SELECT unnest($1::text[])", customers(events))
	s.exec("INSERT INTO carts SELECT unnest($1::text[]), $2", customers(events), storeID)
	s.exec(`INSERT INTO cart_items (customer_id, store_id, product_id, quantity)
		SELECT c, $2, p, 1 FROM unnest($1::text[]) AS c, unnest(ARRAY['loaf', 'jam', 'tea']) AS p`, customers(events), storeID)
	s.exec("ANALYZE customers, carts, cart_items") // not what is empty still: plans for it would be made for nothing
	work := make(chan models.Event)
	done := make(chan error, clients)
	b.ResetTimer()
	for range clients {
		go func() {
			var failed error
			for e := range work {
				if failed == nil {
					failed = fulfill(b, db, e)
				}
			}
			done <- failed
		}()
	}
	for _, e := range events {
		work <- e
	}
	close(work)
	for range clients {
		require.NoError(b, <-done)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
	require.EqualValues(b, b.N, ask[int64](s, "SELECT count(*) FROM orders"))
}

func fulfill(b *testing.B, db *models.DB, e models.Event) error {
	b.Helper()
	f, err := db.CreateOrder(b.Context(), e)
	if err != nil {
		return err
	}
	return db.ClearCart(b.Context(), f.OrderID)
}

func customers(events []models.Event) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.Metadata[models.KeyCustomerID]
	}
	return list
}
