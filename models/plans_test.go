package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

// TestNothingReadsAWholeTable does what every payment does in a shop that has
// been open for long, and asks Postgres which tables were read from end to end.
func TestNothingReadsAWholeTable(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	watch := shop{openAt(t, url), t}
	watch.putStore(func(*models.Store) {})
	watch.putProduct("loaf", 450, new(int64(10)))
	watch.putProduct("jam", 300, nil)
	years(watch)

	busy, err := models.Open(url, 10)
	require.NoError(t, err)
	s := shop{busy, t}
	s.fill("loaf", 2)
	s.fill("jam", 1)
	s.checkout("co_1", models.Line{ProductID: "jam", Name: "Jam", UnitAmount: 300, Quantity: 1})
	s.record(failed("pi_new", "ch_1"), models.PaymentFailed)
	f := s.mustOrder(session("cs_new", "pi_new"))
	s.create(paid("pi_new"))
	s.create(paid("pi_other", named("co_1"), collected(300+fee)))
	require.NoError(t, s.ClearCart(t.Context(), f.OrderID))
	letter := s.claim(f.PaymentID, "evt_a")[models.ToStore]
	require.NoError(t, s.SettleNotification(t.Context(), letter.Notification, models.NotificationSent, ""))
	require.NoError(t, s.FailNotifications(t.Context(), f.PaymentID, "given up"))
	require.NoError(t, s.ChangeOrderStatus(t.Context(), f.OrderID, models.OrderCanceled, staff))
	s.order(f.OrderID)
	for _, id := range []string{f.PaymentID, "pi_new", "cs_new"} {
		s.detail(id)
	}
	_, next, err := s.Orders(t.Context(), "c7", "", 10)
	require.NoError(t, err)
	_, _, err = s.Orders(t.Context(), "c7", next, 10)
	require.NoError(t, err)
	searchAll(s)
	beforeThePayment(s)
	askOfSubscribers(s)
	lookOften(s)
	require.NoError(t, busy.Close()) // its sessions report when they end
	require.Eventually(t, func() bool {
		return ask[int64](watch, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0
	}, 10*time.Second, 10*time.Millisecond)

	rows, err := watch.SQL().QueryContext(t.Context(), `SELECT relname, seq_scan, idx_scan FROM pg_stat_user_tables
		WHERE relname IN ('payments', 'orders', 'order_items', 'notifications', 'stripe_events', 'audit_entries', 'cart_items', 'carts', 'customers', 'checkouts', 'checkout_items', 'checkout_requests',
			'refunds', 'disputes', 'reviews', 'actions', 'stripe_customers', 'subscriptions', 'invoices', 'grants')`)
	require.NoError(t, err)
	defer rows.Close() //nolint:errcheck // read to its end
	for rows.Next() {
		var table string
		var whole, index int64
		require.NoError(t, rows.Scan(&table, &whole, &index))
		assert.Zero(t, whole, "%s was read from end to end", table)
		if table != "audit_entries" && table != "customers" {
			assert.Positive(t, index, "%s was not read at all", table)
		}
	}
	require.NoError(t, rows.Err())
	walked := ask[int64](watch, "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'payments_newest'")
	assert.Less(t, walked, int64(20_000), "nor was it by walking along an index: only pages of all payments need this one")
}

// beforeThePayment does what comes before a payment, for customers with few and
// with many checkouts, often enough for plans that hold for anyone.
func beforeThePayment(s shop) {
	s.t.Helper()
	for _, customer := range []string{"c0", "c7", "c8", "c9", "c17", "c18", "c19", customerID} {
		s.fillFor(customer, "jam", 1)
		p := s.freeze(keyed("new"), func(r *models.CheckoutRequest) { r.CustomerID = customer })
		require.NoError(s.t, s.KeepPrepared(s.t.Context(), models.Prepared{PaymentID: p.PaymentID, PaymentIntentID: "pi_of_" + customer, ClientSecret: "x"}))
		_, ready, err := s.PreparedOf(s.t.Context(), customer, p.PaymentID)
		require.NoError(s.t, err)
		require.True(s.t, ready)
		_, err = s.CustomerPayment(s.t.Context(), customer, p.PaymentID)
		require.NoError(s.t, err)
		_, err = s.PutCustomer(s.t.Context(), customer, "new@example.com", "New")
		require.NoError(s.t, err)
		s.freeze(func(r *models.CheckoutRequest) { r.CustomerID = customer })
		require.NoError(s.t, s.ExpireCheckout(s.t.Context(), p.PaymentID))
		if customer != "c0" { // a tenth of all payments are theirs: no index finds those faster
			require.NoError(s.t, s.ForgetCustomer(s.t.Context(), customer))
		}
	}
}

// lookOften does what events of subscriptions do, often enough for plans that hold
// for anyone.
func lookOften(s shop) {
	s.t.Helper()
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		for _, w := range []models.SyncWant{{SubscriptionID: "sub_" + n}, {InvoiceID: "in_" + n}} {
			w.Holder = "evt_last"
			require.Equal(s.t, "cus_"+n, s.want(w).StripeCustomerID)
		}
		s.exec("UPDATE stripe_customers SET lease_holder = NULL, lease_until = NULL WHERE id = $1", "cus_"+n)
		f := stripeSays("c"+n, monthly("sub_"+n, "past_due"))
		f.Customer.ID = "cus_" + n
		f.Invoices = []models.InvoiceFacts{invoiced("in_"+n, "sub_"+n, "open")}
		s.look(f)
		s.exec("UPDATE grants SET access_until = now() WHERE customer_id = $1", "c"+n)
		s.endGrace(grace)
		s.subscription("c" + n)
		s.mapTo("c"+n, "cus_"+n)
		f.Customer.Gone = true
		s.look(f)
		require.Equal(s.t, "cus_"+n, s.profile("c"+n).After)
	}
}

// askOfSubscribers does what support and mails about subscriptions do, often enough
// for plans that hold for anyone.
func askOfSubscribers(s shop) {
	s.t.Helper()
	for _, n := range []string{"11", "12", "13", "14", "15", "16", "17", "18"} {
		e := models.Event{ID: "evt_new" + n, Type: "invoice.paid", InvoiceID: "in_" + n}
		require.True(s.t, s.finish(e).Tell)
		s.letter(e)
		s.person("c" + n)
		s.person("cus_" + n)
		_, err := s.ActOnCustomer(s.t.Context(), models.CustomerAction{
			Customer: "cus_" + n, Kind: models.ActAssign, To: "c" + n, Actor: "ada", RequestID: "req_new" + n,
			Start: &models.PendingStart{WorkflowID: "support-req_new" + n, WorkflowType: "Resync"},
		})
		require.NoError(s.t, err)
	}
	for _, text := range []string{"", "sub_7", "cus_7", "in_7", "evt_new11", "evt_old7", "c7", "c7@example.com", "s7@example.com", "nobody"} {
		for _, q := range []models.SubscriptionQuery{{}, {Status: "active"}, {Unowned: true}} {
			q.Text, q.Limit = text, 10
			for range 7 {
				_, next, err := s.SearchSubscriptions(s.t.Context(), q)
				require.NoError(s.t, err)
				q.After = next
			}
		}
	}
}

// searchAll searches by all that support can search by, often enough for
// Postgres to go over to plans that hold for any text. No page is so large that
// so small a table were better read whole.
func searchAll(s shop) {
	s.t.Helper()
	for _, text := range []string{
		"", "pay_7", "pi_7", "cs_7", "ch_7", "ord_7", "evt_old7", "re_7", "rfd_7", "du_7", "prv_7", "nobody",
		"in_7", "sub_7", "cus_7", "c7", "c0", "c7@example.com", "desk@example.com", "family@example.com",
	} {
		for _, status := range []string{"", "paid", "disputed", "failed"} {
			for _, limit := range []int{1, 20} {
				after := ""
				for range 7 {
					_, next, err := s.SearchPayments(s.t.Context(), models.SearchQuery{Text: text, Status: status, After: after, Limit: limit})
					require.NoError(s.t, err)
					after = next
				}
			}
		}
	}
}

// years fills the tables with many payments of many customers.
func years(s shop) {
	s.t.Helper()
	tx, err := s.SQL().BeginTx(s.t.Context(), nil)
	require.NoError(s.t, err)
	defer tx.Rollback() //nolint:errcheck // committed by then, or the test has failed
	for _, query := range []string{
		"SET LOCAL session_replication_role = replica", // no foreign keys, no triggers: a tenth of the time
		`INSERT INTO customers (id, email) SELECT 'c' || n, CASE n % 10 WHEN 9 THEN 'Family@example.com' ELSE 'c' || n || '@example.com' END
			FROM generate_series(0, 999) AS n`,
		// A year of invoices of each subscription.
		"INSERT INTO stripe_customers (id, customer_id, owner_id, email) SELECT 'cus_' || n, 'c' || n % 1000, 'c' || n % 1000, 's' || n || '@example.com' FROM generate_series(1, 2000) AS n",
		`INSERT INTO subscriptions (id, stripe_customer_id, owner_id, status, livemode, started_at)
			SELECT 'sub_' || n, 'cus_' || n, 'c' || n % 1000, 'active', true, now() - n * interval '1 minute' FROM generate_series(1, 2000) AS n`,
		`INSERT INTO invoices (id, stripe_customer_id, subscription_id, payment_intent_id, status, total, made_at)
			SELECT 'in_' || n, 'cus_' || n % 2000, 'sub_' || n % 2000, 'pi_' || n, 'paid', 900, now() - n * interval '1 minute' FROM generate_series(1, 20000) AS n`,
		"INSERT INTO grants (customer_id, content) SELECT 'c' || n, '{}' FROM generate_series(0, 999) AS n",
		"INSERT INTO carts SELECT 'c' || n, 'bakery' FROM generate_series(0, 999) AS n",
		// A tenth of them are one customer's, another tenth have one address.
		`INSERT INTO payments (id, payment_intent_id, checkout_session_id, kind, state, disputed, livemode, customer_id, receipt_email, charge_id, created_at)
			SELECT 'pay_' || n, 'pi_' || n, 'cs_' || n, 'order', 'paid', n % 100 = 7, true, 'c' || CASE n % 10 WHEN 0 THEN 0 ELSE n % 1000 END,
				CASE n % 10 WHEN 1 THEN 'Desk@example.com' ELSE 'c' || n % 1000 || '@example.com' END, 'ch_' || n, now() - n * interval '1 minute'
			FROM generate_series(1, 20000) AS n`,
		`INSERT INTO checkouts (id, customer_id, store_id, currency, subtotal, delivery_fee, total, delivery_type, reservation, expires_at, created_at)
			SELECT 'pay_' || n, 'c' || CASE n % 10 WHEN 0 THEN 0 ELSE n % 1000 END, 'bakery', 'usd', 300, 0, 300, 'pickup',
				CASE n % 10 WHEN 0 THEN 'used' ELSE 'released' END, now() - n * interval '1 minute', now() - n * interval '1 minute'
			FROM generate_series(1, 20000) AS n`,
		"INSERT INTO checkout_items SELECT 'pay_' || n, 1, 'jam', 'Jam', 300, 1 FROM generate_series(1, 20000) AS n",
		"INSERT INTO checkout_requests SELECT 'c' || n % 1000, 'key_' || n, 'hash', 'pay_' || n FROM generate_series(1, 20000) AS n",
		"UPDATE payments SET checkout_id = id",
		`INSERT INTO actions (request_id, payment_id, action, actor, claimed)
			SELECT 'req_' || n, 'pay_' || n, 'note', 'ada', false FROM generate_series(1, 20000) AS n`,
		`INSERT INTO refunds (id, payment_id, stripe_refund_id, source, status, amount)
			SELECT 'rfd_' || n, 'pay_' || n, 're_' || n, 'staff', 'failed', 1 FROM generate_series(1, 20000) AS n`,
		"INSERT INTO disputes (id, payment_id, status) SELECT 'du_' || n, 'pay_' || n, 'lost' FROM generate_series(1, 20000) AS n",
		"INSERT INTO reviews (id, payment_id, open) SELECT 'prv_' || n, 'pay_' || n, false FROM generate_series(1, 20000) AS n",
		`INSERT INTO orders (id, payment_id, customer_id, store_id, status, currency, subtotal, delivery_fee, total, delivery_type, created_at)
			SELECT 'ord_' || n, 'pay_' || n, 'c' || n % 1000, 'bakery', 'confirmed', 'usd', 300, 0, 300, 'pickup', now() - n * interval '1 minute'
			FROM generate_series(1, 20000) AS n`,
		"INSERT INTO order_items SELECT 'ord_' || n, 1, 'jam', 'Jam', 300, 1 FROM generate_series(1, 20000) AS n",
		`INSERT INTO notifications (id, payment_id, order_id, recipient, kind, occasion, status)
			SELECT 'ntf_' || n, 'pay_' || n, 'ord_' || n, 'store', 'order_received', 'ord_' || n, 'recorded' FROM generate_series(1, 20000) AS n`,
		`INSERT INTO stripe_events (id, type, livemode, created, payment_id, outcome)
			SELECT 'evt_old' || n, 'payment_intent.succeeded', true, now(), 'pay_' || n, 'order_created' FROM generate_series(1, 20000) AS n`,
		`INSERT INTO audit_entries (actor, action, subject, subject_id, payment_id)
			SELECT 'stripe', 'payment_paid', 'payment', 'pay_' || n, 'pay_' || n FROM generate_series(1, 20000) AS n`,
		`INSERT INTO cart_items (customer_id, store_id, product_id, quantity)
			SELECT 'c' || n, 'bakery', p, 1 FROM generate_series(0, 999) AS n, unnest(ARRAY['loaf', 'jam']) AS p`,
	} {
		_, err := tx.ExecContext(s.t.Context(), query)
		require.NoError(s.t, err, query)
	}
	require.NoError(s.t, tx.Commit())
	s.exec("ANALYZE")
	s.exec("SELECT pg_stat_reset()")
}
