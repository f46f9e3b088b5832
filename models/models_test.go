package models_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// staff is who makes what the tests need.
var staff = models.Cause{Actor: "ada", Reason: "test"}

func open(t *testing.T) *models.DB {
	t.Helper()
	db, err := models.Open(pgtest.NewURL(t), 10)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// shop is a store with two products and a customer with both in the cart: two
// loaves at 4.50 and one jam at 3.00, delivered for 3.99, 15.99 in all.
type shop struct {
	*models.DB
	t *testing.T
}

const (
	storeID    = "bakery"
	customerID = "auth0|7"
	subtotal   = int64(1200)
	fee        = int64(399)
)

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{open(t), t}
	s.putStore(func(*models.Store) {})
	s.putProduct("loaf", 450, new(int64(10)))
	s.putProduct("jam", 300, nil)
	s.fill("loaf", 2)
	s.fill("jam", 1)
	return s
}

func (s shop) putStore(change func(*models.Store)) {
	s.t.Helper()
	store := models.Store{
		ID: storeID, Name: "Corner Bakery", Email: "orders@bakery.example", Currency: "usd",
		DeliveryFee: fee, Active: true, OnUnfulfillable: models.RefundWhenUnfulfillable,
	}
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
	_, err := s.SetCartItem(s.t.Context(), customerID, storeID, product, quantity)
	require.NoError(s.t, err)
}

func (s shop) cart() map[string]int64 {
	s.t.Helper()
	cart, err := s.Cart(s.t.Context(), customerID, storeID)
	require.NoError(s.t, err)
	lines := map[string]int64{}
	for _, item := range cart.Items {
		lines[item.ProductID] = item.Quantity
	}
	return lines
}

func (s shop) stock(product string) *int64 {
	s.t.Helper()
	_, products, err := s.Products(s.t.Context(), storeID)
	require.NoError(s.t, err)
	for _, p := range products {
		if p.ID == product {
			return p.Stock
		}
	}
	s.t.Fatalf("no product %s", product)
	return nil
}

func (s shop) create(e models.Event) models.Fulfillment {
	s.t.Helper()
	f, err := s.CreateOrder(s.t.Context(), e)
	require.NoError(s.t, err)
	return f
}

func (s shop) detail(id string) models.PaymentDetail {
	s.t.Helper()
	d, err := s.PaymentDetail(s.t.Context(), id, func(id string) string { return "https://temporal.example/" + id })
	require.NoError(s.t, err)
	return d
}

var serial atomic.Int64

// eventID makes an event ID that no other call makes.
func eventID() string { return fmt.Sprintf("evt_%d", serial.Add(1)) }

// terms is complete metadata of a payment made by another client.
func terms() models.Metadata {
	return models.Metadata{
		models.KeyCustomerID: customerID, models.KeyStoreID: storeID,
		models.KeyDeliveryType:    "delivery",
		models.KeyDeliveryAddress: `{"line1":"1 Mill Lane","city":"Bath","postal_code":"BA1","country":"GB","floor":2}`,
		models.KeyDeliveryFee:     "3.99",
	}
}

// paid is a succeeded payment intent that pays the shop's cart exactly.
func paid(intent string, change ...func(*models.Event)) models.Event {
	e := models.Event{
		ID: eventID(), Type: "payment_intent.succeeded", Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: intent, ChargeID: "ch_1", Amount: new(subtotal + fee), AmountReceived: new(subtotal + fee),
		Currency: "usd", Email: "eve@example.com", Metadata: terms(),
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

// session is the sibling of paid: the completed checkout session of the intent.
func session(id, intent string, change ...func(*models.Event)) models.Event {
	e := paid(intent, func(e *models.Event) {
		e.Type, e.CheckoutSessionID, e.Mode, e.PaymentStatus, e.ChargeID = "checkout.session.completed", id, "payment", "paid", ""
	})
	for _, c := range change {
		c(&e)
	}
	return e
}

func without(e *models.Event) { e.Metadata = nil }
