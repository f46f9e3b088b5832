package bench

import (
	"context"
	"crypto/md5" //nolint:gosec // no secret
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"twigz/models"
	"twigz/models/migrations"
)

// What is sold: as many stores as keep their counted product from being the one row that all wait for.
const (
	stores      = 20
	deliveryFee = 399        // minor units
	cartTotal   = 1600 + 399 // minor units: what fillCarts puts into a cart, and the delivery
)

func storeID(n int) string { return fmt.Sprintf("store_%d", n) }

// products are the same in every store; two of the three are not counted.
func products(store string) []models.Product {
	return []models.Product{
		{StoreID: store, ID: "loaf", Name: "Sourdough loaf", UnitAmount: 450, Stock: new(int64(1_000_000_000)), Active: true},
		{StoreID: store, ID: "jam", Name: "Apricot jam", UnitAmount: 300, Active: true},
		{StoreID: store, ID: "tea", Name: "Green tea", UnitAmount: 400, Active: true},
	}
}

// openShop makes the tables of a database and its stores.
func openShop(ctx context.Context, url string) (*models.DB, error) {
	db, err := models.Open(url, 4)
	if err != nil {
		return nil, err
	}
	if err := migrations.Up(ctx, db.SQL()); err != nil {
		return db, err
	}
	by := models.Cause{Actor: "bench"}
	for n := range stores {
		store := models.Store{
			ID: storeID(n), Name: "Bakery", Email: storeID(n) + "@example.com", Currency: "usd", DeliveryFee: deliveryFee,
			Active: true, OnUnfulfillable: models.RefundWhenUnfulfillable,
		}
		if _, err := db.PutStore(ctx, store, by); err != nil {
			return db, fmt.Errorf("make %s: %w", store.ID, err)
		}
		for _, product := range products(store.ID) {
			if _, err := db.PutProduct(ctx, product, by); err != nil {
				return db, fmt.Errorf("make %s in %s: %w", product.ID, store.ID, err)
			}
		}
	}
	return db, nil
}

// fillCarts gives each buyer a cart with three lines.
func fillCarts(ctx context.Context, db *sql.DB, purchases []purchase) error {
	customers, stores := make([]string, len(purchases)), make([]string, len(purchases))
	for i, p := range purchases {
		customers[i], stores[i] = p.customer, p.store
	}
	return inTransaction(ctx, db,
		statement{"INSERT INTO customers (id) SELECT unnest($1::text[])", []any{customers}},
		statement{"INSERT INTO carts (customer_id, store_id) SELECT * FROM unnest($1::text[], $2::text[])", []any{customers, stores}},
		statement{`INSERT INTO cart_items (customer_id, store_id, product_id, quantity)
			SELECT customer, store, product, quantity FROM unnest($1::text[], $2::text[]) AS c (customer, store),
				(VALUES ('loaf', 2), ('jam', 1), ('tea', 1)) AS p (product, quantity)`, []any{customers, stores}},
	)
}

type statement struct {
	query string
	args  []any
}

func inTransaction(ctx context.Context, db *sql.DB, statements ...statement) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // committed by then, or what is returned says more
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return fmt.Errorf("%.60s…: %w", s.query, err)
		}
	}
	return tx.Commit()
}

// Who and what there is very much of: a customer with a tenth of all old orders, an address that a tenth of the payments
// came with, and one that a hundredth of the customers have.
const (
	regular   = "old_0"
	frontDesk = "Front.Desk@example.com"
	family    = "Family@example.com"
)

// customersOf is how many customers make n old orders; all but the regular one make ten each.
func customersOf(n int) int { return max(1, n/10) }

// oldID is what the IDs of the nth old order, its payment and its event have in common. seedOld says the same in SQL.
func oldID(n int) string {
	return strings.Map(func(digit rune) rune {
		return rune("2357acehjlnprtvy"[strings.IndexRune("0123456789abcdef", digit)])
	}, fmt.Sprintf("%x", md5.Sum([]byte(strconv.Itoa(n))))) //nolint:gosec // no secret
}

// seedOld writes n orders that were fulfilled in the past, each with all the rows that it would have left: two or three
// of every kind. Of a thousand, twenty were refunded and one is disputed. Their IDs are as random as real ones, so that new
// ones come to lie between them, but are written in order: it takes a third of the time. So does leaving out foreign keys
// and triggers, which are not what is looked at here.
func seedOld(ctx context.Context, db *sql.DB, n int) error {
	customers := fmt.Sprint(customersOf(n))
	fast := statement{query: "SET LOCAL session_replication_role = replica"}
	err := inTransaction(ctx, db,
		statement{query: `CREATE UNLOGGED TABLE old AS SELECT n, translate(md5(n::text), '0123456789abcdef', '2357acehjlnprtvy') AS id,
			CASE n % 10 WHEN 0 THEN '` + regular + `' ELSE 'old_' || n % ` + customers + ` END AS customer,
			'store_' || n % ` + fmt.Sprint(stores) + ` AS store, now() - n * interval '1 minute' AS at FROM generate_series(1, ` + fmt.Sprint(n) + `) AS n ORDER BY 2`},
		statement{query: "ANALYZE old"},
	)
	if err != nil {
		return err
	}
	for _, query := range oldRows {
		if err := inTransaction(ctx, db, fast, statement{query: query}); err != nil {
			return err
		}
	}
	for _, query := range []string{"DROP TABLE old", "VACUUM (ANALYZE)", "CHECKPOINT"} {
		if _, err := db.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return nil
}

// oldRows are what CreateOrder, ClearCart and SendNotifications leave behind.
var oldRows = []string{
	`INSERT INTO customers (id, email)
		SELECT DISTINCT customer, CASE WHEN customer ~ '^old_(.*0)?7$' THEN '` + family + `' ELSE customer || '@example.com' END FROM old ORDER BY 1`,
	"INSERT INTO carts (customer_id, store_id) SELECT DISTINCT customer, store FROM old ORDER BY 1, 2",
	`INSERT INTO payments (id, payment_intent_id, checkout_session_id, kind, state, amount, amount_received, amount_refunded,
			disputed, currency, customer_id, store_id, metadata, receipt_email, charge_id, livemode, created_at, updated_at)
		SELECT 'pay_' || id, 'pi_' || id, 'cs_' || id, 'order', 'paid', 1999, 1999, CASE n % 50 WHEN 3 THEN 1999 ELSE 0 END,
			n % 1000 = 5, 'usd', customer, store,
			jsonb_build_object('customerId', customer, 'storeId', store, 'deliveryType', 'delivery', 'deliveryFee', '3.99',
				'deliveryAddress', '{"line1":"1 Example Street","city":"Springfield","postalCode":"62701"}'),
			CASE n % 10 WHEN 1 THEN '` + frontDesk + `' ELSE customer || '@example.com' END, 'ch_' || id, false, at, at FROM old`,
	`INSERT INTO refunds (id, payment_id, stripe_refund_id, source, status, amount, currency, created_at, updated_at)
		SELECT 'rfd_' || id, 'pay_' || id, 're_' || id, 'stripe', 'succeeded', 1999, 'usd', at, at FROM old WHERE n % 50 = 3`,
	`INSERT INTO disputes (id, payment_id, status, amount, currency, created_at, updated_at)
		SELECT 'du_' || id, 'pay_' || id, 'needs_response', 1999, 'usd', at, at FROM old WHERE n % 1000 = 5`,
	`INSERT INTO orders (id, payment_id, customer_id, store_id, status, currency, subtotal, delivery_fee, total, delivery_type,
			delivery_address, payment_intent_id, created_at, updated_at)
		SELECT 'ord_' || left(id, 24), 'pay_' || id, customer, store, CASE n % 50 WHEN 3 THEN 'refunded' ELSE 'confirmed' END,
			'usd', 1600, 399, 1999, 'delivery', '{"line1":"1 Example Street","city":"Springfield","postalCode":"62701"}', 'pi_' || id, at, at FROM old`,
	`INSERT INTO order_items (order_id, position, product_id, name, unit_amount, quantity)
		SELECT 'ord_' || left(old.id, 24), l.position, l.product, l.name, l.price, l.quantity FROM old, (VALUES
			(1, 'loaf', 'Sourdough loaf', 450, 2), (2, 'jam', 'Apricot jam', 300, 1), (3, 'tea', 'Green tea', 400, 1)
		) AS l (position, product, name, price, quantity)`,
	`INSERT INTO notifications (id, payment_id, order_id, recipient, kind, occasion, status, attempts, claimed_by, claimed_at,
			sent_at, created_at)
		SELECT 'ntf_' || old.id || r.recipient, 'pay_' || id, 'ord_' || left(id, 24), r.recipient, r.kind, 'ord_' || left(id, 24),
			'sent', 1, 'evt_' || id, at, at, at
		FROM old, (VALUES ('customer', 'order_confirmed'), ('store', 'order_received')) AS r (recipient, kind)`,
	`INSERT INTO stripe_events (id, type, api_version, livemode, created, payment_id, outcome, recorded_at)
		SELECT 'evt_' || id, 'payment_intent.succeeded', '2024-06-20', false, at, 'pay_' || id, 'order_created', at FROM old`,
	`INSERT INTO audit_entries (at, actor, action, subject, subject_id, payment_id, before, after, reason)
		SELECT at, 'stripe', c.action, c.subject, c.prefix || CASE c.subject WHEN 'order' THEN left(id, 24) ELSE id END, 'pay_' || id,
			c.before, c.after, 'evt_' || id
		FROM old, (VALUES ('payment_paid', 'payment', 'pay_', 'pending', 'paid'), ('order_confirmed', 'order', 'ord_', '', 'confirmed'))
			AS c (action, subject, prefix, before, after)`,
}
