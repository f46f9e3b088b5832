package models

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// OrderStatus is where an order is.
type OrderStatus string

// The statuses of an order.
const (
	OrderConfirmed   OrderStatus = "confirmed"
	OrderCanceled    OrderStatus = "canceled"
	OrderRefunded    OrderStatus = "refunded"
	OrderChargedBack OrderStatus = "charged_back"
	OrderOnHold      OrderStatus = "on_hold" // shown while any hold is open, never stored: a hold lies over the status
)

// orderSources are the statuses from which an order may go to another. Refunded
// is left backwards only because a refund failed after it had succeeded: the
// order is then where it was before. Nothing leaves charged_back.
var orderSources = map[OrderStatus][]OrderStatus{
	OrderConfirmed:   {OrderRefunded},
	OrderCanceled:    {OrderConfirmed, OrderRefunded},
	OrderRefunded:    {OrderConfirmed, OrderCanceled},
	OrderChargedBack: {OrderConfirmed, OrderCanceled, OrderRefunded},
}

// Order is what a customer bought and paid for.
type Order struct {
	ID              string      `json:"id"`
	PaymentID       string      `json:"-"`
	CheckoutID      *string     `json:"-"` // nil: made from the live cart
	CustomerID      string      `json:"-"`
	StoreID         string      `json:"storeId"`
	Status          OrderStatus `json:"status"`
	Items           []Line      `gorm:"-" json:"items"`
	Subtotal        int64       `json:"subtotal"`             // minor units
	DeliveryFee     int64       `json:"deliveryFee"`          // minor units
	Tax             int64       `json:"tax,omitempty"`        // that Stripe computed and collected on top, minor units
	Adjustment      int64       `json:"adjustment,omitempty"` // what a person accepted above (below 0: under) what was owed, minor units
	Total           int64       `json:"total"`                // minor units
	Currency        Currency    `json:"currency"`
	DeliveryType    Delivery    `json:"deliveryType"`
	DeliveryAddress Address     `json:"deliveryAddress"` // null when there is none
	PaymentMethod   string      `json:"paymentMethod"`
	PaymentIntentID string      `json:"paymentIntentId"` // "" for a no-cost session
	CancelReason    *string     `json:"-"`               // nil: never canceled
	CreatedAt       time.Time   `json:"createdAt"`
	UpdatedAt       time.Time   `json:"-"`
}

// orderItem is a line of an order as a row.
type orderItem struct {
	OrderID  string `gorm:"primaryKey"`
	Position int    `gorm:"primaryKey"`
	Line     `gorm:"embedded"`
}

func (orderItem) TableName() string { return "order_items" }

// OrderID is the ID of the one order that a payment may lead to. It is a
// function of Stripe's name for the payment, the payment intent if there is
// one, else the session: so it is known before the order is, two siblings
// agree on it, and the primary key refuses a second order.
func OrderID(paymentIntentID, checkoutSessionID string) string {
	return stableID("ord", firstText(paymentIntentID, checkoutSessionID))
}

// ChangeOrderStatus takes an order to a status, with an audit entry, in one
// transaction. An order already there is left alone; one that cannot get there is
// a Conflict.
func (db *DB) ChangeOrderStatus(ctx context.Context, orderID string, to OrderStatus, by Cause) error {
	return db.transaction(ctx, func(tx *gorm.DB) error {
		var order Order
		if err := tx.Clauses(forUpdate).Take(&order, "id = ?", orderID).Error; err != nil {
			return orNotFound(err, "Order")
		}
		return order.move(tx, to, by)
	})
}

// move takes the order to a status. It is the only function that does. An order
// already there is left alone; one that cannot get there is a Conflict.
func (o *Order) move(tx *gorm.DB, to OrderStatus, by Cause) error {
	from := o.Status
	if from == to {
		return nil
	}
	change := map[string]any{"status": to, "cancel_reason": o.CancelReason, "updated_at": time.Now()}
	moved := tx.Model(&Order{}).Where("id = ? AND status = ? AND status IN ?", o.ID, from, orderSources[to]).Updates(change)
	if moved.Error != nil {
		return moved.Error
	}
	if moved.RowsAffected == 0 {
		return conflict(fmt.Sprintf("An order that is %s cannot become %s", from, to))
	}
	o.Status = to
	return audit(tx, by, o.change("order_"+string(to), string(from), string(to)))
}

func (o Order) change(action, before, after string) change {
	return change{action: action, subject: "order", subjectID: o.ID, paymentID: o.PaymentID, before: before, after: after}
}

// insert writes a new order and its lines.
func (o Order) insert(tx *gorm.DB) error {
	items := make([]orderItem, len(o.Items))
	for i, line := range o.Items {
		items[i] = orderItem{OrderID: o.ID, Position: i + 1, Line: line}
	}
	if err := tx.Create(&o).Error; err != nil {
		return err
	}
	return tx.Create(&items).Error
}

// Order finds a customer's order; another customer's is not found.
func (db *DB) Order(ctx context.Context, customerID, orderID string) (Order, error) {
	orders, err := shownOrders(db.gorm.WithContext(ctx).Where("id = ? AND customer_id = ?", orderID, customerID))
	if err != nil {
		return Order{}, orNotFound(err, "Order")
	}
	if len(orders) == 0 {
		return Order{}, notFound("Order")
	}
	return orders[0], nil
}

// Orders lists a customer's orders, newest first, at most limit of them (one at
// least) from behind the cursor after ("" from the start). next is the cursor of
// the page that follows, "" when there is none.
func (db *DB) Orders(ctx context.Context, customerID, after string, limit int) (page []Order, next string, err error) {
	limit = max(limit, 1)
	query := db.gorm.WithContext(ctx).Where("customer_id = ?", customerID).
		Order("created_at DESC, id DESC").Limit(limit + 1) // one more tells whether there is a next page
	if after != "" {
		at, id, err := readCursor(after)
		if err != nil {
			return nil, "", err
		}
		query = query.Where("(created_at, id) < (?, ?)", at, id)
	}
	page, err = shownOrders(query)
	if err == nil && len(page) > limit {
		page = page[:limit]
		next = writeCursor(page[limit-1].CreatedAt, page[limit-1].ID)
	}
	return page, next, err
}

// shownOrders reads orders as people are shown them: on hold while a hold is open.
func shownOrders(query *gorm.DB) ([]Order, error) {
	orders, err := findOrders(query)
	if err != nil || len(orders) == 0 {
		return orders, err
	}
	payments := make([]string, len(orders))
	for i, o := range orders {
		payments[i] = o.PaymentID
	}
	var held []string
	err = query.Session(&gorm.Session{NewDB: true}).Model(&Hold{}).Distinct("payment_id").
		Where("payment_id IN ? AND released_at IS NULL", payments).Pluck("payment_id", &held).Error
	for i := range orders {
		if slices.Contains(held, orders[i].PaymentID) {
			orders[i].Status = OrderOnHold
		}
	}
	return orders, err
}

// findOrders reads orders and their lines in two queries.
func findOrders(query *gorm.DB) ([]Order, error) {
	orders := []Order{}
	if err := query.Find(&orders).Error; err != nil || len(orders) == 0 {
		return orders, err
	}
	at := make(map[string]int, len(orders))
	for i := range orders {
		at[orders[i].ID], orders[i].Items = i, []Line{}
	}
	var items []orderItem
	err := query.Session(&gorm.Session{NewDB: true}).Where("order_id IN ?", keys(at)).
		Order("order_id, position").Find(&items).Error
	for _, item := range items {
		i := at[item.OrderID]
		orders[i].Items = append(orders[i].Items, item.Line)
	}
	return orders, err
}

// A cursor is opaque to callers: the last row's time and ID.
func writeCursor(at time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + " " + id))
}

func readCursor(cursor string) (at time.Time, id string, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		stamp, rest, _ := strings.Cut(string(text), " ")
		id = rest
		at, err = time.Parse(time.RFC3339Nano, stamp)
	}
	if err != nil || id != Clean(id, len(id)) { // Postgres would refuse the text
		return at, id, invalid("after", "Must be the next value of an earlier answer")
	}
	return at, id, nil
}

func keys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for key := range m {
		list = append(list, key)
	}
	return list
}
