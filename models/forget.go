package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
)

// forgotten stands where a rule wants an address and the customer wants none.
const forgotten = `{"line1":"forgotten"}`

// forgetting is what takes a customer's personal data out of the tables, in the
// order in which transactions take locks. Carts are locked before they are
// emptied, so that nothing is put into one meanwhile; what an order has claimed
// is left to that order, and the cart's own row, which says nothing, to the next
// purchase. Amounts, products and the audit trail stay, which name
// nobody but the customer's ID, and so does Stripe's name for them: events that
// are still to come have to be known for theirs.
var forgetting = []string{
	`SELECT 1 FROM stripe_customers WHERE ` + atStripe + ` ORDER BY id FOR UPDATE`, // a look in flight ends first, or begins after
	`UPDATE stripe_customers SET email = NULL WHERE email IS NOT NULL AND ` + atStripe,
	`UPDATE notifications SET error = '', address = '' WHERE stripe_customer_id IN (SELECT id FROM stripe_customers WHERE ` + atStripe + `)`,
	`SELECT 1 FROM payments WHERE customer_id = @id AND customer_id <> '' ORDER BY id FOR UPDATE`,
	`UPDATE payments SET receipt_email = '', metadata = CASE WHEN metadata ->> 'deliveryAddress' IS NULL THEN metadata
		ELSE jsonb_set(metadata, '{deliveryAddress}', to_jsonb(CAST(@address AS text))) END WHERE customer_id = @id AND customer_id <> ''`,
	`UPDATE checkouts SET delivery_address = CAST(@address AS jsonb) WHERE customer_id = @id AND delivery_address IS NOT NULL`,
	`DELETE FROM checkout_requests WHERE customer_id = @id`, // the hash is of an address, among other things
	`SELECT 1 FROM carts WHERE customer_id = @id ORDER BY store_id FOR UPDATE`,
	`DELETE FROM cart_items WHERE customer_id = @id AND order_id IS NULL`,
	`UPDATE orders SET delivery_address = CAST(@address AS jsonb) WHERE customer_id = @id AND delivery_address IS NOT NULL`,
	`UPDATE notifications SET error = '', address = '', detail = CASE kind WHEN 'payment_failed' THEN '' ELSE detail END
		WHERE recipient = 'customer' AND payment_id IN (SELECT id FROM payments WHERE customer_id = @id AND customer_id <> '')`,
	`UPDATE actions SET input = jsonb_set(input, '{metadata,deliveryAddress}', to_jsonb(CAST(@address AS text)), false)
		WHERE input -> 'metadata' IS NOT NULL AND payment_id IN (SELECT id FROM payments WHERE customer_id = @id AND customer_id <> '')`,
	`UPDATE customers SET email = NULL, name = NULL, stripe_synced = false, forgotten_at = clock_timestamp() WHERE id = @id`,
}

// atStripe are the customers of Stripe's that are one of ours: @id. Each part is
// answered by an index.
const atStripe = `id IN (SELECT id FROM stripe_customers WHERE owner_id = @id UNION ALL SELECT id FROM stripe_customers WHERE customer_id = @id
	UNION ALL SELECT stripe_customer_id FROM subscriptions WHERE owner_id = @id)`

// ForgetCustomer takes a customer's mail address, name and delivery addresses out
// of every row, and what is in their carts. Orders keep their money. Asked again, it forgets
// what came since; of a customer who is not known there is nothing to forget. What
// Stripe has of them is Stripe's.
func (db *DB) ForgetCustomer(ctx context.Context, customerID string) error {
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		var known []string
		if err := tx.Model(&Customer{}).Where("id = ?", customerID).Pluck("id", &known).Error; err != nil || len(known) == 0 {
			return orNotFound(err, "Customer")
		}
		for _, statement := range forgetting {
			if err := tx.Exec(statement, map[string]any{"id": customerID, "address": forgotten}).Error; err != nil {
				return err
			}
		}
		return audit(tx, byCustomer, change{action: "customer_forgotten", subject: "customer", subjectID: customerID})
	})
	if err != nil {
		return fmt.Errorf("forget %s: %w", customerID, err)
	}
	return nil
}

// forget drops the mail address that a look has just told of somebody who wanted it
// forgotten, and was not remembered again. Whose the customer and their subscriptions
// are is written already.
func (c *StripeCustomer) forget(tx *gorm.DB) error {
	if c.Email == nil {
		return nil
	}
	theirs, err := c.subscriptions(tx)
	if err != nil {
		return err
	}
	owners := named(c.OwnerID, c.CustomerID)
	for _, s := range theirs {
		owners = append(owners, named(s.OwnerID)...)
	}
	var wished int64
	err = tx.Model(&Customer{}).Where("id IN ? AND forgotten_at IS NOT NULL", owners).Count(&wished).Error
	if wished > 0 {
		c.Email = nil
	}
	return err
}

// personal is what the payment knows of whom.
func (p Payment) personal() [3]string {
	return [3]string{p.CustomerID, p.ReceiptEmail, p.Metadata[KeyDeliveryAddress]}
}

// forget drops what event e has just told of a customer who wanted it forgotten:
// nothing that is older than that wish brings an address back. A payment is as old
// as its row; one that was not known before, as the event. What they buy later is
// told by mail and delivered as ever.
func (p *Payment) forget(tx *gorm.DB, e Event, before []Payment) error {
	told := p.personal()
	nothing := p.CustomerID == "" || told[1]+told[2] == ""
	if nothing || slices.ContainsFunc(before, func(row Payment) bool { return row.personal() == told }) {
		return nil
	}
	made := p.CreatedAt
	if made.IsZero() {
		made = e.createdTime()
	}
	wished, err := forgottenSince(tx, p.CustomerID, made)
	if err != nil || !wished {
		return err
	}
	p.ReceiptEmail = ""
	if told[2] != "" {
		p.Metadata = maps.Clone(p.Metadata) // the event is its workflow's
		p.Metadata[KeyDeliveryAddress] = forgotten
	}
	return nil
}

// forgottenSince says whether a customer was forgotten later than at that time,
// and not remembered again.
func forgottenSince(tx *gorm.DB, customerID string, made time.Time) (bool, error) {
	var wished int64
	err := tx.Model(&Customer{}).Where("id = ? AND forgotten_at > ?", customerID, made).Count(&wished).Error
	return wished > 0, err
}
