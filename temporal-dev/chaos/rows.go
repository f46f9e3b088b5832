package chaos

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"twigz/models"
	"twigz/models/migrations"
)

// rows is the shop's database, as this program looks at it and fills it.
type rows struct {
	db *models.DB
}

// openRows makes the tables, and everything that is for sale.
func openRows(ctx context.Context, url string, plan []*sale) (*rows, error) {
	db, err := models.Open(url, 8)
	if err != nil {
		return nil, err
	}
	r := &rows{db}
	if err := migrations.Up(ctx, db.SQL()); err != nil {
		return r, err
	}
	if err := r.stock(ctx, plan); err != nil {
		return r, err
	}
	if err := r.fillCarts(ctx, plan); err != nil {
		return r, err
	}
	return r, r.freeze(ctx, plan)
}

// stock makes the stores and their products.
func (r *rows) stock(ctx context.Context, plan []*sale) error {
	by := models.Cause{Actor: "chaos"}
	var products []models.Product
	for _, s := range stores {
		if _, err := r.db.PutStore(ctx, s, by); err != nil {
			return fmt.Errorf("make store %s: %w", s.ID, err)
		}
		for _, p := range goods {
			p.StoreID = s.ID
			products = append(products, p)
		}
	}
	for _, s := range plan {
		if s.Rare != nil {
			products = append(products, *s.Rare)
		}
	}
	for _, p := range products {
		if _, err := r.db.PutProduct(ctx, p, by); err != nil {
			return fmt.Errorf("make %s in %s: %w", p.ID, p.StoreID, err)
		}
	}
	return nil
}

// fillCarts gives each customer what they will pay for, and some of them something beside it in another store. Every second
// one's address is known before they pay.
func (r *rows) fillCarts(ctx context.Context, plan []*sale) error {
	var customers, emails, owners, shops, products []string
	var quantities []int64
	put := func(s *sale, store string, line models.Line) {
		owners, shops = append(owners, s.Customer), append(shops, store)
		products, quantities = append(products, line.ProductID), append(quantities, line.Quantity)
	}
	for _, s := range plan {
		email := s.Email
		if s.Number%2 == 0 {
			email = ""
		}
		customers, emails = append(customers, s.Customer), append(emails, email)
		for _, line := range s.Lines {
			put(s, s.Store.ID, line)
		}
		if s.Beside != nil {
			put(s, s.BesideIn, *s.Beside)
		}
	}
	return r.insert(
		ctx,
		statement{"INSERT INTO customers (id, email) SELECT id, nullif(email, '') FROM unnest($1::text[], $2::text[]) AS c (id, email)", []any{customers, emails}},
		statement{"INSERT INTO carts (customer_id, store_id) SELECT DISTINCT * FROM unnest($1::text[], $2::text[])", []any{owners, shops}},
		statement{`INSERT INTO cart_items (customer_id, store_id, product_id, quantity)
			SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])`, []any{owners, shops, products, quantities}},
	)
}

// freeze makes the checkouts that are paid for.
func (r *rows) freeze(ctx context.Context, plan []*sale) error {
	var all []statement
	for _, s := range plan {
		if s.Checkout == "" {
			continue
		}
		all = append(all, statement{`INSERT INTO checkouts (id, customer_id, store_id, currency, subtotal, delivery_fee, total, delivery_type, delivery_address)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)`, []any{
			s.Checkout, s.Customer, s.Store.ID, string(s.Store.Currency), s.subtotal(), s.fee(), s.owed(), string(s.Delivery), s.address(),
		}})
		for i, line := range s.Lines {
			all = append(all, statement{`INSERT INTO checkout_items (checkout_id, position, product_id, name, unit_amount, quantity)
				VALUES ($1, $2, $3, $4, $5, $6)`, []any{s.Checkout, i + 1, line.ProductID, line.Name, line.UnitAmount, line.Quantity}})
		}
	}
	return r.insert(ctx, all...)
}

type statement struct {
	query string
	args  []any
}

// insert runs statements in one transaction.
func (r *rows) insert(ctx context.Context, statements ...statement) error {
	tx, err := r.db.SQL().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return fmt.Errorf("%.60s…: %w", s.query, err)
		}
	}
	return tx.Commit()
}

// standing is where a payment is, as far as a play has to know.
type standing struct {
	Status string // "": it is not known
	Order  string // its status; "": there is none
}

func (r *rows) standing(ctx context.Context, intent string) (s standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err = r.db.SQL().QueryRowContext(ctx, `SELECT coalesce(max(p.status), ''), coalesce(max(o.status), '')
		FROM payments p LEFT JOIN orders o ON o.payment_id = p.id WHERE p.payment_intent_id = $1`, intent).Scan(&s.Status, &s.Order)
	return s, err
}

// restock puts more of a product on the shelf. It looks at how much there was, so that doing it again, because nobody knows
// whether it was done, changes nothing, even if some of it has been sold since.
func (r *rows) restock(ctx context.Context, p models.Product, to int64) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := r.db.SQL().ExecContext(ctx, "UPDATE products SET stock = $1 WHERE store_id = $2 AND id = $3 AND stock = $4",
		to, p.StoreID, p.ID, *p.Stock)
	return err
}

// read takes a picture of the tables, all of the same moment. NULL is the zero value.
func (r *rows) read(ctx context.Context) (t tables, err error) {
	tx, err := r.db.SQL().BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return t, err
	}
	defer tx.Rollback() //nolint:errcheck // it was only read
	for _, part := range []struct {
		query string
		into  any
	}{
		{`SELECT id, payment_intent_id, customer_id, status, amount_received, amount_refunded, currency, blocked_reason, owner_workflow_id
			FROM payments ORDER BY created_at`, &t.Payments},
		{`SELECT id, payment_id, customer_id, store_id, status, currency, subtotal, delivery_fee, total, cancel_reason
			FROM orders ORDER BY created_at`, &t.Orders},
		{"SELECT order_id, product_id, quantity FROM order_items", &t.OrderItems},
		{"SELECT id, payment_id, stripe_refund_id, status, amount FROM refunds", &t.Refunds},
		{"SELECT id, payment_id, status, owner_workflow_id FROM disputes", &t.Disputes},
		{"SELECT payment_id, released_at IS NULL AS open FROM holds", &t.Holds},
		{"SELECT id, payment_id, kind, recipient, occasion, status FROM notifications ORDER BY created_at", &t.Notifications},
		{"SELECT customer_id, store_id, product_id, quantity, order_id FROM cart_items", &t.CartItems},
		{"SELECT store_id, id, stock FROM products WHERE stock IS NOT NULL", &t.Products},
		{"SELECT workflow_id, error FROM inbox", &t.Inbox},
	} {
		var found []byte
		query := "SELECT coalesce(json_agg(x), '[]') FROM (" + part.query + ") AS x"
		if err := tx.QueryRowContext(ctx, query).Scan(&found); err != nil {
			return t, fmt.Errorf("%.60s…: %w", part.query, err)
		}
		if err := json.Unmarshal(found, part.into); err != nil {
			return t, fmt.Errorf("%.60s…: %w", part.query, err)
		}
	}
	return t, nil
}
