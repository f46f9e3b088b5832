package models

import (
	"context"
	"fmt"
)

// PayerOf is who has paid a payment, named as ActOnCustomer takes it: Stripe's
// customer of the invoice that it pays, else the customer whose it is, "" where
// nobody knows. The payment may be named by our ID, its payment intent or its session.
func (db *DB) PayerOf(ctx context.Context, id string) (string, error) {
	var payers []string
	err := db.gorm.WithContext(ctx).Raw(`SELECT coalesce(
			(SELECT stripe_customer_id FROM invoices WHERE payment_intent_id = p.payment_intent_id LIMIT 1),
			(SELECT id FROM customers WHERE id = p.customer_id), '')
		FROM payments AS p WHERE p.id = @id OR p.payment_intent_id = @id OR p.checkout_session_id = @id`,
		map[string]any{"id": id}).Scan(&payers).Error
	switch {
	case err != nil:
		return "", fmt.Errorf("find who paid %s: %w", id, err)
	case len(payers) == 0:
		return "", notFound("Payment")
	}
	return payers[0], nil
}
