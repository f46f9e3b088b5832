package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// FindDue says what is still to be done in the world about a payment, which may
// be named as Act takes it.
func (db *DB) FindDue(ctx context.Context, payment string) (Due, error) {
	var due Due
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, err := lockNamed(tx, payment)
		if err != nil {
			return err
		}
		due, err = p.due(tx)
		return err
	})
	if err != nil {
		return Due{}, fmt.Errorf("find what is due for %s: %w", payment, err)
	}
	return due, nil
}

func (p *Payment) due(tx *gorm.DB) (Due, error) {
	d := Due{PaymentID: p.ID, ChargeID: p.ChargeID}
	var row struct {
		OrderID    string
		CustomerID string
		Claimed    bool
		Pending    bool
	}
	err := tx.Raw(`SELECT o.id AS order_id, o.customer_id,
		EXISTS (SELECT FROM cart_items WHERE order_id = o.id) AS claimed,
		EXISTS (SELECT FROM notifications WHERE payment_id = p.id AND status = 'pending') AS pending
		FROM payments AS p LEFT JOIN orders AS o ON o.payment_id = p.id WHERE p.id = ?`, p.ID).Scan(&row).Error
	if err != nil {
		return d, err
	}
	d.OrderID, d.ClearCart, d.Notify = row.OrderID, row.Claimed, row.Pending
	if d.Notify {
		address, err := customerAddress(tx, firstText(row.CustomerID, p.CustomerID), p.ReceiptEmail)
		if err != nil {
			return d, err
		}
		d.NoEmail = address == ""
	}
	d.Refunds, err = p.refundsDue(tx)
	return d, err
}

func (p *Payment) refundsDue(tx *gorm.DB) ([]RefundDue, error) {
	var wanted []Refund
	err := tx.Where("payment_id = ? AND status = ?", p.ID, RefundRequested).Order("created_at, id").Find(&wanted).Error
	var due []RefundDue
	for _, r := range wanted {
		due = append(due, RefundDue{
			RefundID: r.ID, Key: value(r.RequestKey), PaymentIntentID: value(p.PaymentIntentID), ChargeID: p.ChargeID, Amount: r.Amount,
		})
	}
	return due, err
}

// lockPayment finds a payment by our ID, and keeps it to this transaction.
func lockPayment(tx *gorm.DB, id string) (Payment, error) {
	var p Payment
	err := tx.Clauses(forUpdate).Take(&p, "id = ?", id).Error
	return p, orNotFound(err, "Payment")
}
