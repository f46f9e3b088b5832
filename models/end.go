package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// keptByReview are the reasons for which a review closes that leave the order to
// itself: approved, and disputed, where the bank decides about the money and the
// dispute holds the order.
var keptByReview = []string{"", "approved", "disputed"}

// reject does what a review that rejects the payment asks for: no order, the
// money back. It says whether that changed anything. A payment that nobody has
// tried to place yet is left to whoever does.
func (p *Payment) reject(tx *gorm.DB, found tally, order *Order, t turn) (bool, error) {
	if found.Rejected == "" || p.State != PaymentPaid {
		return false, nil
	}
	why, key := "review_"+found.Rejected, t.workflow+":review"
	switch {
	case order != nil && order.CancelReason == nil && order.Status != OrderChargedBack:
		return true, p.cancelOrder(tx, order, why, RefundByReview, key, t.by)
	case p.placeable(order) && p.BlockedReason != nil:
		return true, p.giveUp(tx, why, RefundByReview, key, t.by)
	default:
		return false, nil
	}
}

// cancelOrder takes an order back, once: its stock is free again, customer and
// store are told, and what was collected goes back. reckon takes it to its status.
func (p *Payment) cancelOrder(tx *gorm.DB, o *Order, why string, source RefundSource, key string, by Cause) error {
	marked := tx.Model(&Order{}).Where("id = ? AND cancel_reason IS NULL", o.ID).Update("cancel_reason", why)
	if marked.Error != nil || marked.RowsAffected == 0 {
		return marked.Error
	}
	o.CancelReason = &why
	if err := o.move(tx, o.due(p), by); err != nil {
		return err
	}
	if err := restock(tx, o.StoreID, "order_items", "order_id", o.ID); err != nil {
		return err
	}
	if err := p.announceEnd(tx, TellCanceled, o.ID, &o.ID, why); err != nil {
		return err
	}
	return p.requestOwed(tx, source, key, why, by)
}

// giveUp decides that a collected payment will not become an order: what was kept
// for it is free again, customer and store are told, and the money goes back.
func (p *Payment) giveUp(tx *gorm.DB, why string, source RefundSource, key string, by Cause) error {
	p.NoOrderReason = &why
	if err := p.save(tx); err != nil {
		return err
	}
	if err := audit(tx, by, p.change("payment_without_order", "", why)); err != nil {
		return err
	}
	if err := p.releaseReservation(tx); err != nil {
		return err
	}
	if err := p.announceEnd(tx, TellUnfulfillable, p.ID, nil, why); err != nil {
		return err
	}
	return p.requestOwed(tx, source, key, why, by)
}

// restock puts the lines of an order or a checkout back into the stock of those
// products that are counted, locking them in the order in which everybody does.
func restock(tx *gorm.DB, storeID, lines, of, id string) error {
	err := tx.Exec(`SELECT 1 FROM products WHERE store_id = ? AND stock IS NOT NULL
		AND id IN (SELECT product_id FROM `+lines+` WHERE `+of+` = ?) ORDER BY id FOR UPDATE`, storeID, id).Error
	if err != nil {
		return err
	}
	return tx.Exec(`UPDATE products AS p SET stock = p.stock + i.quantity, updated_at = now() FROM `+lines+` AS i
		WHERE i.`+of+` = ? AND p.store_id = ? AND p.id = i.product_id AND p.stock IS NOT NULL`, id, storeID).Error
}

// GiveBack leaves stock and cart of a payment without an order as they were: what
// its checkout kept is free again. (CreateOrder, when it refuses, has changed
// neither.) Doing it again changes nothing.
func (db *DB) GiveBack(ctx context.Context, paymentID string) error {
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, err := lockPayment(tx, paymentID)
		if err != nil {
			return err
		}
		order, err := p.order(tx)
		if err != nil || order != nil {
			return err
		}
		return p.releaseReservation(tx)
	})
	if err != nil {
		return fmt.Errorf("give back for %s: %w", paymentID, err)
	}
	return nil
}
