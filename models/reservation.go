package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Reservation is what became of the stock that a checkout keeps for its payment.
//
//	none ──▶ held ──▶ used       by the order
//	          └─────▶ released   not paid in time, canceled or given up
//
// A success that comes after its stock was released takes it from what is there
// then, like any other.
type Reservation string

// The states of a reservation.
const (
	ReservationNone     Reservation = "none"
	ReservationHeld     Reservation = "held"
	ReservationReleased Reservation = "released"
	ReservationUsed     Reservation = "used"
)

// ReserveStock takes what a checkout is for out of the stock, until it is paid or
// released. A second time changes nothing; a Conflict says what is not in stock.
func (db *DB) ReserveStock(ctx context.Context, checkoutID string) error {
	return db.transaction(ctx, func(tx *gorm.DB) error {
		var c Checkout
		if err := tx.Clauses(forUpdate).Take(&c, "id = ?", checkoutID).Error; err != nil {
			return orNotFound(err, "Checkout")
		}
		if c.Reservation != ReservationNone {
			return nil
		}
		lines, err := checkoutLines(tx, c)
		if err != nil {
			return err
		}
		if err := takeStock(tx, purchase{store: Store{ID: c.StoreID}, lines: lines}); err != nil {
			if no, ok := asRefusal(err); ok {
				return conflict(no.detail)
			}
			return err
		}
		return tx.Model(&Checkout{}).Where("id = ?", c.ID).Update("reservation", ReservationHeld).Error
	})
}

// ReleaseReservation frees the stock that a checkout keeps, if it still does.
func (db *DB) ReleaseReservation(ctx context.Context, checkoutID string) error {
	err := db.transaction(ctx, func(tx *gorm.DB) error { return releaseReservation(tx, checkoutID) })
	if err != nil {
		return fmt.Errorf("release what %s reserved: %w", checkoutID, err)
	}
	return nil
}

// releaseReservation frees what the payment's checkout keeps, if it has one.
func (p *Payment) releaseReservation(tx *gorm.DB) error {
	if p.CheckoutID == nil {
		return nil
	}
	return releaseReservation(tx, *p.CheckoutID)
}

func releaseReservation(tx *gorm.DB, checkoutID string) error {
	freed, err := letGo(tx, checkoutID)
	if err != nil || freed == nil {
		return err
	}
	return restock(tx, freed.StoreID, "checkout_items", "checkout_id", checkoutID)
}

// letGo ends the reservation of a checkout whose stock the caller puts back. It
// returns nil when there is nothing to put back.
func letGo(tx *gorm.DB, checkoutID string) (*Checkout, error) {
	var freed []Checkout
	err := tx.Model(&freed).Clauses(clause.Returning{}).
		Where("id = ? AND reservation = ?", checkoutID, ReservationHeld).Update("reservation", ReservationReleased).Error
	if err != nil || len(freed) == 0 {
		return nil, err
	}
	return &freed[0], nil
}
