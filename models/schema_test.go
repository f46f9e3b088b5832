package models_test

import (
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// TestTablesRefuse tries by raw SQL what no function of the package would do:
// the tables hold on their own.
func TestTablesRefuse(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.checkout("co_1")
	f := s.mustOrder(paid("pi_1"))
	s.fill("loaf", 2)
	s.fill("jam", 1)
	s.mustOrder(session("cs_2", "pi_2", named("co_1")))
	s.create(paid("pi_3", without))
	s.exec("UPDATE customers SET stripe_customer_id = 'cus_1' WHERE id = $1", customerID)
	s.fill("jam", 1)
	billed := stripeSays(customerID, monthly("sub_1", "active"))
	billed.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", "open")}
	s.look(billed)
	order, payment := f.OrderID, f.PaymentID

	const (
		check   = "23514"
		foreign = "23503"
		unique  = "23505"
		null    = "23502"
	)
	newOrder := func(id, payment, checkout, subtotal, fee, total, delivery, address string) string {
		return `INSERT INTO orders (id, payment_id, checkout_id, customer_id, store_id, status, currency, subtotal, delivery_fee, total, delivery_type, delivery_address)
			SELECT '` + id + `', ` + payment + `, ` + checkout + `, 'auth0|7', 'bakery', 'confirmed', 'usd', ` + subtotal + `, ` + fee + `, ` + total + `, '` + delivery + `', ` + address
	}
	newCheckout := func(subtotal, fee, total, delivery, address string) string {
		return `INSERT INTO checkouts (id, customer_id, store_id, currency, subtotal, delivery_fee, total, delivery_type, delivery_address)
			VALUES ('co_2', 'auth0|7', 'bakery', 'usd', ` + subtotal + `, ` + fee + `, ` + total + `, '` + delivery + `', ` + address + `)`
	}
	const unmatched = "(SELECT id FROM payments WHERE payment_intent_id = 'pi_3')"
	for name, c := range map[string]struct{ query, code, constraint string }{
		"an empty ID":                         {"INSERT INTO customers (id) VALUES ('')", check, "caller_id_check"},
		"an ID of 65 characters":              {"INSERT INTO customers (id) VALUES (repeat('é', 65))", check, "caller_id_check"},
		"a control character in an ID":        {"INSERT INTO customers (id) VALUES (E'a\\x1bb')", check, "caller_id_check"},
		"a line separator in an ID":           {"INSERT INTO customers (id) VALUES (U&'a\\2028b')", check, "caller_id_check"},
		"a currency in capitals":              {"UPDATE stores SET currency = 'USD'", check, "currency_check"},
		"a currency over two lines":           {"UPDATE stores SET currency = E'usd\\n'", check, "currency_check"},
		"a store without a name":              {"UPDATE stores SET name = ''", check, "stores_name_check"},
		"a store without an address":          {"UPDATE stores SET email = ''", check, "stores_email_check"},
		"a negative delivery fee":             {"UPDATE stores SET delivery_fee = -1", check, "minor_units_check"},
		"another wish":                        {"UPDATE stores SET on_unfulfillable = 'shrug'", check, "stores_on_unfulfillable_check"},
		"two stores of one ID":                {"INSERT INTO stores (id, name, email, currency) VALUES ('bakery', 'x', 'x', 'usd')", unique, "stores_pkey"},
		"a product of no store":               {"INSERT INTO products (store_id, id, name, unit_amount) VALUES ('nowhere', 'x', 'x', 1)", foreign, "products_store_id_fkey"},
		"a product without a name":            {"UPDATE products SET name = ''", check, "products_name_check"},
		"a negative price":                    {"UPDATE products SET unit_amount = -1", check, "minor_units_check"},
		"a price over twelve digits":          {"UPDATE products SET unit_amount = 1000000000000", check, "products_unit_amount_check"},
		"a negative stock":                    {"UPDATE products SET stock = -1", check, "products_stock_check"},
		"two products of one ID":              {"INSERT INTO products (store_id, id, name, unit_amount) VALUES ('bakery', 'loaf', 'x', 1)", unique, "products_pkey"},
		"a customer with an empty address":    {"UPDATE customers SET email = ''", check, "customers_email_check"},
		"a customer with an empty name":       {"UPDATE customers SET name = ''", check, "customers_name_check"},
		"an empty Stripe customer":            {"UPDATE customers SET stripe_customer_id = ''", check, "customers_stripe_customer_id_check"},
		"one Stripe customer twice":           {"INSERT INTO customers (id, stripe_customer_id) VALUES ('x', 'cus_1')", unique, "customers_stripe_customer_id_key"},
		"a checkout that does not add up":     {newCheckout("100", "10", "111", "delivery", `'{"line1":"a"}'`), check, "checkout_total_adds_up"},
		"a pickup checkout with a fee":        {newCheckout("100", "10", "110", "pickup", "NULL"), check, "checkout_pickup_is_free"},
		"a checkout delivered nowhere":        {newCheckout("100", "10", "110", "delivery", "NULL"), check, "checkout_delivery_has_address"},
		"a checkout delivered to no line1":    {newCheckout("100", "10", "110", "delivery", `'{"line1":""}'`), check, "checkout_delivery_has_address"},
		"a checkout delivered to a list":      {newCheckout("100", "10", "110", "delivery", `'["line1"]'`), check, "checkout_delivery_has_address"},
		"a checkout by drone":                 {newCheckout("100", "0", "100", "drone", `'{"line1":"a"}'`), check, "checkouts_delivery_type_check"},
		"a checkout without lines":            {newCheckout("100", "0", "100", "pickup", "NULL"), check, ""},
		"a checkout for nothing, of no lines": {newCheckout("0", "0", "0", "pickup", "NULL"), check, ""},
		"a checkout whose lines differ":       {"UPDATE checkouts SET subtotal = 1201, total = 1600", check, ""},
		"a checkout's line at place nought":   {"UPDATE checkout_items SET position = 0", check, "checkout_items_position_check"},
		"a checkout's line of none":           {"UPDATE checkout_items SET quantity = 0", check, "checkout_items_quantity_check"},
		"a checkout's line too many":          {"UPDATE checkout_items SET quantity = 10001", check, "checkout_items_quantity_check"},
		"a checkout's line without a name":    {"UPDATE checkout_items SET name = ''", check, "checkout_items_name_check"},
		"one product twice in a checkout":     {"UPDATE checkout_items SET product_id = 'x'", unique, "checkout_items_checkout_id_product_id_key"},
		"a line of no checkout":               {"INSERT INTO checkout_items VALUES ('co_9', 1, 'x', 'x', 1, 1)", foreign, "checkout_items_checkout_id_fkey"},
		"two payments of one intent":          {"INSERT INTO payments (id, payment_intent_id, kind, state, livemode) VALUES ('x', 'pi_1', 'order', 'paid', false)", unique, "payments_payment_intent_id_key"},
		"two payments of one session":         {"INSERT INTO payments (id, checkout_session_id, kind, state, livemode) VALUES ('x', 'cs_2', 'order', 'paid', false)", unique, "payments_checkout_session_id_key"},
		"an empty payment intent":             {"UPDATE payments SET payment_intent_id = ''", check, "payments_payment_intent_id_check"},
		"an empty session":                    {"UPDATE payments SET checkout_session_id = ''", check, "payments_checkout_session_id_check"},
		"a payment of no checkout":            {"UPDATE payments SET checkout_id = 'co_9'", foreign, "payments_checkout_id_fkey"},
		"a payment of another kind":           {"UPDATE payments SET kind = 'gift'", check, "payments_kind_check"},
		"a payment in another state":          {"UPDATE payments SET state = 'lost'", check, "payments_state_check"},
		"a currency as long as a novel":       {"UPDATE payments SET currency = repeat('x', 33)", check, "payments_currency_check"},
		"metadata that is a list":             {"UPDATE payments SET metadata = '[]'", check, "payments_metadata_check"},
		"a negative refund":                   {"UPDATE payments SET amount_refunded = -1", check, "minor_units_check"},
		"a status of our own making":          {"UPDATE payments SET status = 'paid'", "428C9", ""},
		"two refunds by one name":             {"INSERT INTO refunds (id, payment_id, stripe_refund_id, source, status, amount) SELECT x, id, 're_1', 'stripe', 'pending', 1 FROM payments, (VALUES ('rfd_1'), ('rfd_2')) AS v (x) WHERE payment_intent_id = 'pi_1'", unique, "refunds_stripe_refund_id_key"},
		"two refunds for one request":         {"INSERT INTO refunds (id, payment_id, request_key, source, status, amount) SELECT x, id, 'k', 'staff', 'requested', 1 FROM payments, (VALUES ('rfd_1'), ('rfd_2')) AS v (x) WHERE payment_intent_id = 'pi_1'", unique, "refunds_request_key_key"},
		"a refund of less than nothing":       {"INSERT INTO refunds (id, payment_id, source, status, amount) SELECT 'rfd_1', id, 'staff', 'requested', -1 FROM payments WHERE payment_intent_id = 'pi_1'", check, "minor_units_check"},
		"two holds for one cause":             {"INSERT INTO holds (id, payment_id, source, source_id, actor) SELECT x, id, 'dispute', 'du_1', 'stripe' FROM payments, (VALUES ('h_1'), ('h_2')) AS v (x) WHERE payment_intent_id = 'pi_1'", unique, "holds_source_source_id_key"},
		"a negative tax":                      {"UPDATE orders SET tax = -1, total = total - 1", check, "minor_units_check"},
		"an order that leaves out its tax":    {"UPDATE orders SET tax = 1", check, "order_total_adds_up"},
		"a checkout asked for by no key":      {"INSERT INTO checkout_requests VALUES ('auth0|7', '', 'x', 'co_1')", check, "checkout_requests_key_check"},
		"one key for two checkouts":           {"INSERT INTO checkout_requests VALUES ('auth0|7', 'k', 'x', 'co_1'), ('auth0|7', 'k', 'x', 'co_1')", unique, "checkout_requests_pkey"},
		"a request for no checkout":           {"INSERT INTO checkout_requests VALUES ('auth0|7', 'k', 'x', 'co_9')", foreign, "checkout_requests_checkout_id_fkey"},
		"an order that is not worth its sum":  {"UPDATE orders SET adjustment = 1", check, "order_total_adds_up"},
		"a block that nobody owns":            {"UPDATE payments SET blocked_reason = 'x' WHERE payment_intent_id = 'pi_1'", check, "blocked_payment_has_owner"},
		"a block without a reason":            {"UPDATE payments SET blocked_reason = '', owner_workflow_id = 'x'", check, "payments_blocked_reason_check"},
		"a block of what is no order":         {"UPDATE payments SET blocked_reason = 'x', owner_workflow_id = 'x' WHERE payment_intent_id = 'pi_3'", check, "only_orders_block"},
		"an owner without a name":             {"UPDATE payments SET owner_workflow_id = ''", check, "payments_owner_workflow_id_check"},
		"a payment of no livemode":            {"INSERT INTO payments (id, kind, state) VALUES ('x', 'order', 'paid')", null, ""},
		"a second order of a payment":         {newOrder("x", "'"+payment+"'", "NULL", "100", "0", "100", "pickup", "NULL"), unique, "orders_payment_id_key"},
		"a second order of a checkout":        {newOrder("x", unmatched, "'co_1'", "100", "0", "100", "pickup", "NULL"), unique, "orders_checkout_id_key"},
		"a second order of one ID":            {newOrder(order, unmatched, "NULL", "100", "0", "100", "pickup", "NULL"), unique, "orders_pkey"},
		"an order of no payment":              {newOrder("x", "'pay_9'", "NULL", "100", "0", "100", "pickup", "NULL"), foreign, "orders_payment_id_fkey"},
		"an order without lines":              {newOrder("x", unmatched, "NULL", "100", "0", "100", "pickup", "NULL"), check, ""},
		"an order that does not add up":       {newOrder("x", unmatched, "NULL", "100", "10", "100", "delivery", `'{"line1":"a"}'`), check, "order_total_adds_up"},
		"an order picked up for a fee":        {newOrder("x", unmatched, "NULL", "100", "10", "110", "pickup", "NULL"), check, "order_pickup_is_free"},
		"an order delivered nowhere":          {newOrder("x", unmatched, "NULL", "100", "0", "100", "delivery", "'{}'"), check, "order_delivery_has_address"},
		"an order by drone":                   {newOrder("x", unmatched, "NULL", "100", "0", "100", "drone", "NULL"), check, "orders_delivery_type_check"},
		"an order of less than nothing":       {newOrder("x", unmatched, "NULL", "-1", "0", "-1", "pickup", "NULL"), check, "minor_units_check"},
		"an order in another status":          {"UPDATE orders SET status = 'eaten'", check, "orders_status_check"},
		"an order of nobody":                  {"UPDATE orders SET customer_id = 'nobody'", foreign, "orders_customer_id_fkey"},
		"an order of no store":                {"UPDATE orders SET store_id = 'nowhere'", foreign, "orders_store_id_fkey"},
		"an order whose lines differ":         {"UPDATE orders SET subtotal = subtotal + 1, total = total + 1", check, ""},
		"an order's line of none":             {"UPDATE order_items SET quantity = 0", check, "order_items_quantity_check"},
		"an order's line at place nought":     {"UPDATE order_items SET position = 0", check, "order_items_position_check"},
		"an order's line without a name":      {"UPDATE order_items SET name = ''", check, "order_items_name_check"},
		"a negative line":                     {"UPDATE order_items SET unit_amount = -1", check, "minor_units_check"},
		"one product twice in an order":       {"UPDATE order_items SET product_id = 'x'", unique, "order_items_order_id_product_id_key"},
		"a Stripe customer without an ID":     {"INSERT INTO stripe_customers (id) VALUES ('')", check, "stripe_customers_id_check"},
		"one Stripe customer in two rows":     {"INSERT INTO stripe_customers (id) VALUES ('cus_1')", unique, "stripe_customers_pkey"},
		"a Stripe customer made for nobody":   {"UPDATE stripe_customers SET customer_id = 'nobody'", foreign, "stripe_customers_customer_id_fkey"},
		"a Stripe customer owned by nobody":   {"UPDATE stripe_customers SET owner_id = 'nobody'", foreign, "stripe_customers_owner_id_fkey"},
		"a Stripe customer's empty address":   {"UPDATE stripe_customers SET email = ''", check, "stripe_customers_email_check"},
		"a look that nobody wanted":           {"UPDATE stripe_customers SET fetched = wanted + 1", check, "fetched_was_wanted"},
		"a lease without an end":              {"UPDATE stripe_customers SET lease_holder = 'evt_1'", check, "lease_has_an_end"},
		"a lease of nobody's":                 {"UPDATE stripe_customers SET lease_until = now()", check, "lease_has_an_end"},
		"a lease without a name":              {"UPDATE stripe_customers SET lease_holder = '', lease_until = now()", check, "stripe_customers_lease_holder_check"},
		"a Stripe customer gone before his":   {"DELETE FROM stripe_customers", foreign, ""},
		"a subscription without an ID":        {"UPDATE subscriptions SET id = ''", check, "subscriptions_id_check"},
		"a subscription of no customer":       {"UPDATE subscriptions SET stripe_customer_id = 'cus_9'", foreign, "subscriptions_stripe_customer_id_fkey"},
		"a subscription owned by nobody":      {"UPDATE subscriptions SET owner_id = 'nobody'", foreign, "subscriptions_owner_id_fkey"},
		"a subscription in no status":         {"UPDATE subscriptions SET status = ''", check, "subscriptions_status_check"},
		"a subscription's endless currency":   {"UPDATE subscriptions SET currency = repeat('x', 33)", check, "subscriptions_currency_check"},
		"a subscription of no list":           {"UPDATE subscriptions SET items = '{}'", check, "subscriptions_items_check"},
		"a subscription that never began":     {"UPDATE subscriptions SET started_at = NULL", null, ""},
		"an invoice without an ID":            {"UPDATE invoices SET id = ''", check, "invoices_id_check"},
		"an invoice of no customer":           {"UPDATE invoices SET stripe_customer_id = 'cus_9'", foreign, "invoices_stripe_customer_id_fkey"},
		"an invoice's endless currency":       {"UPDATE invoices SET currency = repeat('x', 33)", check, "invoices_currency_check"},
		"an invoice of no list":               {"UPDATE invoices SET lines = 'null'", check, "invoices_lines_check"},
		"an invoice paid by an empty name":    {"UPDATE invoices SET payment_intent_id = ''", check, "invoices_payment_intent_id_check"},
		"a grant to nobody":                   {"UPDATE grants SET customer_id = 'nobody'", foreign, "grants_customer_id_fkey"},
		"two grants to one customer":          {"INSERT INTO grants (customer_id, content) VALUES ('auth0|7', '{}')", unique, "grants_pkey"},
		"a message of another name":           {"UPDATE outgoing_messages SET id = 'evt_1'", check, "outgoing_messages_id_check"},
		"a message about nobody":              {"UPDATE outgoing_messages SET customer_id = 'nobody'", foreign, "outgoing_messages_customer_id_fkey"},
		"a message in another status":         {"UPDATE outgoing_messages SET status = 'lost'", check, "outgoing_messages_status_check"},
		"a message delivered at no time":      {"UPDATE outgoing_messages SET status = 'delivered'", check, "delivered_has_a_time"},
		"a message not delivered, at a time":  {"UPDATE outgoing_messages SET delivered_at = now()", check, "delivered_has_a_time"},
		"a cart of nobody":                    {"INSERT INTO carts VALUES ('nobody', 'bakery')", foreign, "carts_customer_id_fkey"},
		"a cart in no store":                  {"INSERT INTO carts VALUES ('auth0|7', 'nowhere')", foreign, "carts_store_id_fkey"},
		"two carts in one store":              {"INSERT INTO carts VALUES ('auth0|7', 'bakery')", unique, "carts_pkey"},
		"a cart's line of no product":         {"INSERT INTO cart_items (customer_id, store_id, product_id, quantity) VALUES ('auth0|7', 'bakery', 'cake', 1)", foreign, "cart_items_store_id_product_id_fkey"},
		"a cart's line of no cart":            {"INSERT INTO cart_items (customer_id, store_id, product_id, quantity) VALUES ('other', 'bakery', 'jam', 1)", foreign, "cart_items_customer_id_store_id_fkey"},
		"a cart's line of none":               {"UPDATE cart_items SET quantity = 0", check, "cart_items_quantity_check"},
		"a cart's line too many":              {"UPDATE cart_items SET quantity = 10001", check, "cart_items_quantity_check"},
		"a product twice in a cart":           {"INSERT INTO cart_items (customer_id, store_id, product_id, quantity) VALUES ('auth0|7', 'bakery', 'jam', 1)", unique, "cart_items_open"},
		"a product claimed twice":             {"INSERT INTO cart_items (customer_id, store_id, product_id, quantity, order_id) VALUES ('auth0|7', 'bakery', 'jam', 1, '" + order + "')", unique, "cart_items_claimed"},
		"a claim of no order":                 {"UPDATE cart_items SET order_id = 'ord_9' WHERE order_id IS NULL", foreign, "cart_items_order_id_fkey"},
		"an order gone while its claim stays": {"DELETE FROM orders", foreign, ""},
		"a notification twice":                {"INSERT INTO notifications (id, payment_id, recipient, kind, occasion) SELECT 'x', payment_id, recipient, kind, occasion FROM notifications LIMIT 1", unique, "notifications_payment_id_kind_recipient_occasion_key"},
		"a notification to another":           {"UPDATE notifications SET recipient = 'press'", check, "notifications_recipient_check"},
		"a notification of another kind":      {"UPDATE notifications SET kind = 'advert'", check, "notifications_kind_check"},
		"a notification in another status":    {"UPDATE notifications SET status = 'lost'", check, "notifications_status_check"},
		"sent at no time":                     {"UPDATE notifications SET status = 'sent'", check, "sent_has_a_time"},
		"not sent, at a time":                 {"UPDATE notifications SET sent_at = now()", check, "sent_has_a_time"},
		"claimed at no time":                  {"UPDATE notifications SET claimed_by = 'x'", check, "claim_has_a_time"},
		"claimed by nobody":                   {"UPDATE notifications SET claimed_at = now()", check, "claim_has_a_time"},
		"a notification of no payment":        {"UPDATE notifications SET payment_id = 'pay_9'", foreign, "notifications_payment_id_fkey"},
		"a notification of no order":          {"UPDATE notifications SET order_id = 'ord_9'", foreign, "notifications_order_id_fkey"},
		"an event of another name":            {"UPDATE stripe_events SET id = 'pi_1'", check, "stripe_events_id_check"},
		"an event of no payment":              {"UPDATE stripe_events SET payment_id = 'pay_9'", foreign, "stripe_events_payment_id_fkey"},
		"an event without an outcome":         {"UPDATE stripe_events SET outcome = NULL", null, ""},
		"an audit entry by nobody":            {"UPDATE audit_entries SET actor = ''", check, "audit_entries_actor_check"},
		"an audit entry of nothing":           {"UPDATE audit_entries SET action = ''", check, "audit_entries_action_check"},
		"an audit entry of no payment":        {"UPDATE audit_entries SET payment_id = 'pay_9'", foreign, "audit_entries_payment_id_fkey"},
		"an audit entry numbered by hand":     {"INSERT INTO audit_entries (id, actor, action, subject, subject_id) VALUES (1, 'a', 'a', 'a', 'a')", "428C9", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tx, err := s.SQL().BeginTx(t.Context(), nil)
			require.NoError(t, err)
			if _, err = tx.ExecContext(t.Context(), c.query); err == nil {
				err = tx.Commit() // what is deferred is checked now
			}
			var refused *pgconn.PgError
			if !assert.ErrorAs(t, err, &refused) {
				return
			}
			if err := tx.Rollback(); err != nil {
				require.ErrorIs(t, err, sql.ErrTxDone)
			}
			assert.Equal(t, c.code, refused.Code, refused.Message)
			if c.constraint != "" {
				assert.Equal(t, c.constraint, refused.ConstraintName)
			}
		})
	}
}

// Lines can be changed behind a subtotal's back as well: the sum is looked at
// from both sides.
func TestLinesCannotChangeBehindTheSubtotal(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.checkout("co_1")
	s.mustOrder(paid("pi_1", named("co_1")))
	for _, query := range []string{
		"UPDATE order_items SET quantity = quantity + 1",
		"UPDATE order_items SET unit_amount = 0",
		"DELETE FROM order_items WHERE position = 1",
		"INSERT INTO order_items SELECT id, 9, 'x', 'x', 1, 1 FROM orders",
		"UPDATE checkout_items SET quantity = quantity + 1",
		"DELETE FROM checkout_items WHERE position = 1",
	} {
		_, err := s.SQL().ExecContext(t.Context(), query)
		var refused *pgconn.PgError
		if assert.ErrorAs(t, err, &refused, query) {
			assert.Equal(t, "23514", refused.Code)
		}
	}
	s.exec("UPDATE order_items SET name = 'renamed'")
}
