package models

import (
	"context"

	"gorm.io/gorm"
)

// PaymentView is a payment as its customer is shown it.
type PaymentView struct {
	PaymentID string   `json:"paymentId"`
	Status    string   `json:"status"` // the one word that everybody is shown
	Amount    int64    `json:"amount"` // collected, before that: asked for; minor units
	Currency  Currency `json:"currency"`
	OrderID   string   `json:"orderId,omitempty"` // "" when there is no order (yet)
	Order     *Order   `json:"order,omitempty"`   // nil when there is no order (yet)

	orderless bool // there will be no order
}

// Final says whether nothing more is expected: what follows, a refund next month
// for example, nobody waits for. A failed payment may be tried again, and an order
// on hold is still to be released or taken back.
func (v PaymentView) Final() bool {
	switch v.Status {
	case "refunded", "charged_back", "canceled":
		return true
	case "paid", "partially_refunded":
		return v.orderless || v.Order != nil && v.Order.Status != OrderOnHold
	default:
		return false
	}
}

// CustomerPayment shows a customer their payment by our ID; another's is not
// found. Of two payments for one checkout it is the one that has the order.
func (db *DB) CustomerPayment(ctx context.Context, customerID, paymentID string) (PaymentView, error) {
	var v PaymentView
	// One snapshot, or a paid payment could show without the order it has.
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").Error; err != nil {
			return err
		}
		var p Payment
		err := tx.Where("customer_id = ? AND customer_id <> '' AND (id = ? OR checkout_id = ?)", customerID, paymentID, paymentID).
			Order(gorm.Expr("EXISTS (SELECT FROM orders WHERE payment_id = payments.id) DESC, (id = ?) DESC, id", paymentID)).Take(&p).Error
		if err != nil {
			return orNotFound(err, "Payment")
		}
		v, err = p.view(tx, paymentID)
		return err
	})
	return v, err
}

func (p *Payment) view(tx *gorm.DB, id string) (PaymentView, error) {
	v := PaymentView{PaymentID: id, Status: p.Status, Amount: value(p.Amount), Currency: p.Currency, orderless: p.orderless() != ""}
	if p.State == PaymentPaid && p.AmountReceived != nil {
		v.Amount = *p.AmountReceived
	}
	orders, err := shownOrders(tx.Where("payment_id = ?", p.ID))
	if err == nil && len(orders) == 1 {
		v.Order, v.OrderID = &orders[0], orders[0].ID
	}
	return v, err
}
