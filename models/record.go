package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// Recording is what RecordPaymentState came to.
type Recording struct {
	Outcome   Outcome `json:"outcome"`
	PaymentID string  `json:"paymentId"`
	Tell      bool    `json:"tell,omitempty"`     // somebody is to be told
	Unplaced  bool    `json:"unplaced,omitempty"` // it was collected before anything said that it is an order's: place it now
	NoEmail   bool    `json:"noEmail,omitempty"`  // nobody knows the customer's address yet
	ChargeID  string  `json:"chargeId,omitempty"` // where to look for it
}

// RecordPaymentState notes that a payment is processing, failed or canceled,
// unless it is already further; to "" it notes the event and no more. A failure
// keeps its reason, and the customer's notification is written beside it. Carts
// are not touched.
func (db *DB) RecordPaymentState(ctx context.Context, e Event, to PaymentState) (Recording, error) {
	var r Recording
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, _, err := observe(tx, e, to)
		if err != nil {
			return err
		}
		r = Recording{PaymentID: p.ID, ChargeID: p.ChargeID}
		if err := p.take(tx, e, to, &r); err != nil {
			return err
		}
		if p.Kind != OrderPayment {
			r.Outcome = Outcome(p.Kind)
		}
		if r.Unplaced, err = p.unplaced(tx); err != nil {
			return err
		}
		return recordEvent(tx, e, p.ID, string(r.Outcome))
	})
	if err != nil {
		return Recording{}, fmt.Errorf("record %s for %s: %w", to, e.ID, err)
	}
	return r, nil
}

// take brings the payment to the state that the event tells of, with what goes
// with it: the reason, who is to be told, the stock that nobody waits for now.
func (p *Payment) take(tx *gorm.DB, e Event, to PaymentState, r *Recording) error {
	// A second attempt may fail as well: that is news though the state stays.
	again := to == PaymentFailed && p.State == PaymentFailed
	moved, err := p.move(tx, to, e.cause())
	if err != nil {
		return err
	}
	if !moved && !again {
		r.Outcome = EventTooLate
		return p.fillReason(tx, e, to)
	}
	r.Outcome = PaymentRecorded
	if err := keepReason(tx, p, e, r, to); err != nil || again {
		return err
	}
	switch to {
	case PaymentCanceled:
		return p.releaseReservation(tx)
	case PaymentFailed:
		return p.releaseExpired(tx)
	default:
		return nil
	}
}

// fillReason keeps why an attempt failed although its event came late and changes
// nothing else: it is worth knowing whichever event came first.
func (p *Payment) fillReason(tx *gorm.DB, e Event, told PaymentState) error {
	if told != PaymentFailed || p.FailureCode+p.FailureMessage != "" {
		return nil
	}
	p.FailureCode, p.FailureMessage = e.FailureCode, e.FailureMessage
	return p.save(tx)
}

// unplaced says whether the payment was collected for an order that nobody has
// tried to make: its success carried no metadata and passed as unmatched, and
// only a late event of another kind says what it was for.
func (p *Payment) unplaced(tx *gorm.DB) (bool, error) {
	if p.BlockedReason != nil {
		return false, nil
	}
	order, err := p.order(tx)
	return p.placeable(order), err
}

func keepReason(tx *gorm.DB, p *Payment, e Event, r *Recording, to PaymentState) error {
	switch to {
	case PaymentFailed:
		p.FailureCode, p.FailureMessage = e.FailureCode, e.FailureMessage
	case PaymentCanceled:
		p.CancellationReason = e.CancellationReason
	default:
		return nil
	}
	if err := p.save(tx); err != nil || to != PaymentFailed || p.Kind != OrderPayment {
		return err
	}
	if err := announceFailure(tx, *p, e); err != nil {
		return err
	}
	address, err := customerAddress(tx, p.CustomerID, p.ReceiptEmail)
	r.Tell, r.NoEmail = true, address == ""
	return err
}
