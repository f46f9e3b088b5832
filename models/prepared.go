package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// KeepPrepared notes what Stripe made of a checkout. What is known already stays:
// Stripe's events may have come first, and of two answers the first counts.
func (db *DB) KeepPrepared(ctx context.Context, made Prepared) error {
	err := db.transaction(ctx, func(tx *gorm.DB) error { return keepPrepared(tx, made) })
	if err != nil {
		return fmt.Errorf("keep what Stripe made of %s: %w", made.PaymentID, err)
	}
	return nil
}

// keepPrepared takes Stripe's answer as it takes an event: by name, so that rows
// from an event that knew only the payment intent become this payment.
func keepPrepared(tx *gorm.DB, made Prepared) error {
	e := Event{
		PaymentIntentID: made.PaymentIntentID, CheckoutSessionID: made.CheckoutSessionID,
		Metadata: Metadata{KeyPaymentID: made.PaymentID},
	}
	// As observe does: from here on no event changes what the payment is called.
	if err := lockNames(tx, e.PaymentIntentID, e.CheckoutSessionID, made.PaymentID); err != nil {
		return err
	}
	var c Checkout
	if err := tx.Take(&c, "id = ?", made.PaymentID).Error; err != nil {
		return orNotFound(err, "Payment")
	}
	var known []Payment
	if err := tx.Where("id = ?", made.PaymentID).Limit(1).Find(&known).Error; err != nil {
		return err
	}
	if len(known) == 1 && known[0].belongsToAnother(e) {
		return nil
	}
	if len(known) == 1 {
		e.Livemode = known[0].Livemode
	}
	if _, _, err := observe(tx, e, ""); err != nil {
		return err
	}
	return tx.Exec(`UPDATE checkouts SET client_secret = coalesce(client_secret, nullif(?, '')), url = coalesce(url, nullif(?, ''))
		WHERE id = ?`, made.ClientSecret, made.URL, made.PaymentID).Error
}

// PreparedOf is what Stripe made of a customer's checkout; ready says whether it
// has been made. Another customer's is not found.
func (db *DB) PreparedOf(ctx context.Context, customerID, paymentID string) (p Prepared, ready bool, err error) {
	read := db.gorm.WithContext(ctx).Raw(`SELECT c.id AS payment_id,
		coalesce(p.payment_intent_id, '') AS payment_intent_id, coalesce(p.checkout_session_id, '') AS checkout_session_id,
		coalesce(c.client_secret, '') AS client_secret, coalesce(c.url, '') AS url
		FROM checkouts AS c LEFT JOIN payments AS p ON p.id = c.id WHERE c.id = ? AND c.customer_id = ?`, paymentID, customerID).Scan(&p)
	switch {
	case read.Error != nil:
		return Prepared{}, false, orNotFound(read.Error, "Payment")
	case read.RowsAffected == 0:
		return Prepared{}, false, notFound("Payment")
	}
	return p, p.ClientSecret != "" || p.URL != "", nil
}
