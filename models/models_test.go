package models_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// staff is who makes what the tests need.
var staff = models.Cause{Actor: "ada", Reason: "test"}

func open(t testing.TB) *models.DB {
	t.Helper()
	return openAt(t, pgtest.NewURL(t))
}

func openAt(t testing.TB, url string) *models.DB {
	t.Helper()
	db, err := models.Open(url, 10)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// shop is a store with two products and a customer with both in the cart: two
// loaves at 4.50 and one jam at 3.00, delivered for 3.99, 15.99 in all. Of
// loaves there are ten, jam is not counted.
type shop struct {
	*models.DB
	t testing.TB
}

const (
	storeID    = "bakery"
	customerID = "auth0|7"
	subtotal   = int64(1200)
	fee        = int64(399)
)

func newShop(t testing.TB) shop {
	t.Helper()
	s := shop{open(t), t}
	s.putStore(func(*models.Store) {})
	s.putProduct("loaf", 450, new(int64(10)))
	s.putProduct("jam", 300, nil)
	s.fill("loaf", 2)
	s.fill("jam", 1)
	return s
}

func bakery() models.Store {
	return models.Store{
		ID: storeID, Name: "Corner Bakery", Email: "orders@bakery.example", Currency: "usd",
		DeliveryFee: fee, Active: true, OnUnfulfillable: models.HoldWhenUnfulfillable,
	}
}

func (s shop) putStore(change func(*models.Store)) {
	s.t.Helper()
	store := bakery()
	change(&store)
	_, err := s.PutStore(s.t.Context(), store, staff)
	require.NoError(s.t, err)
}

func (s shop) putProduct(id string, price int64, stock *int64) {
	s.t.Helper()
	_, err := s.PutProduct(s.t.Context(), models.Product{
		StoreID: storeID, ID: id, Name: "Fresh " + id, UnitAmount: price, Stock: stock, Active: true,
	}, staff)
	require.NoError(s.t, err)
}

func (s shop) fill(product string, quantity int64) {
	s.t.Helper()
	s.fillFor(customerID, product, quantity)
}

func (s shop) fillFor(customer, product string, quantity int64) {
	s.t.Helper()
	_, err := s.SetCartItem(s.t.Context(), customer, storeID, product, quantity)
	require.NoError(s.t, err)
}

// checkout freezes lines for the shop's customer, delivered for the shop's fee,
// and by default the two products that are in the cart.
func (s shop) checkout(id string, lines ...models.Line) {
	s.t.Helper()
	if len(lines) == 0 {
		lines = []models.Line{
			{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
			{ProductID: "jam", Name: "Fresh jam", Quantity: 1, UnitAmount: 300},
		}
	}
	var sum int64
	for _, line := range lines {
		sum += line.Quantity * line.UnitAmount
	}
	tx, err := s.SQL().BeginTx(s.t.Context(), nil)
	require.NoError(s.t, err)
	defer tx.Rollback() //nolint:errcheck // committed by then, or the test has failed
	_, err = tx.ExecContext(s.t.Context(), `INSERT INTO checkouts
		(id, customer_id, store_id, currency, subtotal, delivery_fee, total, delivery_type, delivery_address)
		VALUES ($1, $2, $3, 'usd', $4, $5, $6, 'delivery', '{"line1":"1 Mill Lane","city":"Bath"}')`,
		id, customerID, storeID, sum, fee, sum+fee)
	require.NoError(s.t, err)
	for i, line := range lines {
		_, err = tx.ExecContext(s.t.Context(), `INSERT INTO checkout_items
			(checkout_id, position, product_id, name, unit_amount, quantity) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, i+1, line.ProductID, line.Name, line.UnitAmount, line.Quantity)
		require.NoError(s.t, err)
	}
	require.NoError(s.t, tx.Commit())
}

// exec does behind the package's back what no function of it does.
func (s shop) exec(query string, args ...any) {
	s.t.Helper()
	_, err := s.SQL().ExecContext(s.t.Context(), query, args...)
	require.NoError(s.t, err)
}

// ask reads one value behind the package's back.
func ask[T any](s shop, query string, args ...any) T {
	s.t.Helper()
	var answer T
	require.NoError(s.t, s.SQL().QueryRowContext(s.t.Context(), query, args...).Scan(&answer))
	return answer
}

// cart is the customer's cart: quantities by product.
func (s shop) cart() map[string]int64 {
	s.t.Helper()
	cart, err := s.Cart(s.t.Context(), customerID, storeID)
	require.NoError(s.t, err)
	return quantities(cart.Items)
}

func quantities(lines []models.Line) map[string]int64 {
	by := map[string]int64{}
	for _, line := range lines {
		by[line.ProductID] = line.Quantity
	}
	return by
}

func (s shop) stock(product string) int64 {
	s.t.Helper()
	return ask[int64](s, "SELECT stock FROM products WHERE store_id = $1 AND id = $2", storeID, product)
}

// goods is all that an order changes. Two of them tell whether one was made.
type goods struct {
	Cart                         map[string]int64
	Loaves                       int64
	Orders, Lines, Notifications int64
	Claimed                      int64 // rows in carts that an order bought
}

func (s shop) goods() goods {
	s.t.Helper()
	return goods{
		Cart: s.cart(), Loaves: s.stock("loaf"),
		Orders:        ask[int64](s, "SELECT count(*) FROM orders"),
		Lines:         ask[int64](s, "SELECT count(*) FROM order_items"),
		Notifications: ask[int64](s, "SELECT count(*) FROM notifications"),
		Claimed:       ask[int64](s, "SELECT count(*) FROM cart_items WHERE order_id IS NOT NULL"),
	}
}

func (s shop) create(e models.Event) models.Fulfillment {
	s.t.Helper()
	f, err := s.CreateOrder(s.t.Context(), e)
	require.NoError(s.t, err)
	return f
}

// mustOrder is create for a payment that fits.
func (s shop) mustOrder(e models.Event) models.Fulfillment {
	s.t.Helper()
	f := s.create(e)
	require.Equal(s.t, models.OrderCreated, f.Outcome, f.BlockedDetail)
	return f
}

func (s shop) record(e models.Event, to models.PaymentState) models.Recording {
	s.t.Helper()
	r, err := s.RecordPaymentState(s.t.Context(), e, to)
	require.NoError(s.t, err)
	return r
}

func (s shop) order(id string) models.Order {
	s.t.Helper()
	o, err := s.Order(s.t.Context(), customerID, id)
	require.NoError(s.t, err)
	return o
}

func workflowURL(id string) string { return "https://temporal.example/" + id }

func (s shop) detail(id string) models.PaymentDetail {
	s.t.Helper()
	d, err := s.PaymentDetail(s.t.Context(), id, workflowURL)
	require.NoError(s.t, err)
	return d
}

// actions are the actions of a payment's audit, in order.
func actions(d models.PaymentDetail) []string {
	var list []string
	for _, entry := range d.Audit {
		list = append(list, entry.Action)
	}
	return list
}

// outcomes are what came of a payment's events, by their ID.
func outcomes(d models.PaymentDetail) map[string]string {
	by := map[string]string{}
	for _, e := range d.Events {
		by[e.EventID] = e.Outcome
	}
	return by
}

var serial atomic.Int64

// eventID makes an event ID that no other call makes.
func eventID() string { return fmt.Sprintf("evt_%d", serial.Add(1)) }

// fresh makes an ID that no other call makes.
func fresh(prefix string) string { return prefix + "_" + strconv.FormatInt(serial.Add(1), 10) }

// terms is complete metadata of a payment made by another client.
func terms() models.Metadata {
	return models.Metadata{
		models.KeyCustomerID: customerID, models.KeyStoreID: storeID,
		models.KeyDeliveryType:    "delivery",
		models.KeyDeliveryAddress: `{"line1":"1 Mill Lane","city":"Bath","postal_code":"BA1","country":"GB","floor":2}`,
		models.KeyDeliveryFee:     "3.99",
	}
}

// change is one difference to a usual event.
type change = func(*models.Event)

// paid is a succeeded payment intent that pays the shop's cart exactly.
func paid(intent string, changes ...change) models.Event {
	e := models.Event{
		ID: eventID(), Type: "payment_intent.succeeded", Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: intent, ChargeID: charge(intent), Amount: new(subtotal + fee), AmountReceived: new(subtotal + fee),
		Currency: "usd", Email: "eve@example.com", Metadata: terms(),
	}
	return changed(e, changes)
}

// charge is what collected an intent: ch_1 for pi_1, none for no intent.
func charge(intent string) string {
	if intent == "" {
		return ""
	}
	return "ch_" + strings.TrimPrefix(intent, "pi_")
}

// session is the sibling of paid: the completed checkout session of the intent,
// which is "" for a no-cost session.
func session(id, intent string, changes ...change) models.Event {
	e := paid(intent)
	e.Type, e.CheckoutSessionID, e.Mode, e.PaymentStatus, e.ChargeID = "checkout.session.completed", id, "payment", "paid", ""
	return changed(e, changes)
}

// failed is an attempt to pay the shop's cart that did not succeed.
func failed(intent, charge string, changes ...change) models.Event {
	e := paid(intent)
	e.Type, e.ChargeID, e.AmountReceived = "payment_intent.payment_failed", charge, new(int64(0))
	e.FailureCode, e.FailureMessage = "insufficient_funds", "Your card has insufficient funds."
	return changed(e, changes)
}

func changed(e models.Event, changes []change) models.Event {
	for _, c := range changes {
		c(&e)
	}
	return e
}

// without takes the metadata away.
func without(e *models.Event) { e.Metadata = nil }

// with sets one key of the metadata.
func with(key, text string) change {
	return func(e *models.Event) {
		e.Metadata = maps.Clone(e.Metadata)
		e.Metadata[key] = text
	}
}

// lacking takes one key of the metadata away.
func lacking(key string) change {
	return func(e *models.Event) {
		e.Metadata = maps.Clone(e.Metadata)
		delete(e.Metadata, key)
	}
}

// named is metadata of a checkout of ours.
func named(checkoutID string) change {
	return func(e *models.Event) { e.Metadata = models.Metadata{models.KeyPaymentID: checkoutID} }
}

// collected is another sum than the cart's.
func collected(sum int64) change {
	return func(e *models.Event) { e.Amount, e.AmountReceived = &sum, &sum }
}

func in(currency string) change { return func(e *models.Event) { e.Currency = currency } }
