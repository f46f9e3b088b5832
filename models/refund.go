package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// RefundSource is who wanted a refund.
type RefundSource string

// The sources of a refund.
const (
	RefundByStripe       RefundSource = "stripe" // somebody there: the Dashboard, another program
	RefundByStaff        RefundSource = "staff"
	RefundByCompensation RefundSource = "compensation" // the order could not be made
	RefundByReview       RefundSource = "review"       // Radar's review rejected the payment
)

// alreadyRefunded is Stripe's code for a refund of what has been given back.
// https://docs.stripe.com/error-codes#charge-already-refunded
const alreadyRefunded = "charge_already_refunded"

// refundSources are the statuses from which a refund may come to another. Events
// come in any order, so a status is only left for a later one: failed is the
// last word, also of a refund that had succeeded.
var refundSources = map[RefundStatus][]RefundStatus{
	RefundPending:        {RefundRequested},
	RefundRequiresAction: {RefundRequested, RefundPending},
	RefundSucceeded:      {RefundRequested, RefundPending, RefundRequiresAction},
	RefundFailed:         {RefundRequested, RefundPending, RefundRequiresAction, RefundSucceeded},
	RefundCanceled:       {RefundRequested, RefundPending, RefundRequiresAction},
	RefundRefused:        {RefundRequested},
}

// Refund is money given back, or to be given back.
type Refund struct {
	ID             string       `json:"id"`
	PaymentID      string       `json:"-"`
	StripeRefundID *string      `json:"refundId"` // nil: not known at Stripe (yet)
	RequestKey     *string      `json:"-"`        // what asked for it, the stem of its idempotency keys; nil: it was not us
	Source         RefundSource `json:"source"`
	Status         RefundStatus `json:"status"`
	Amount         int64        `json:"amount"` // minor units
	Currency       Currency     `json:"currency"`
	Reason         string       `json:"reason"`
	FailureReason  string       `json:"failureReason,omitempty"` // Stripe's word
	Flagged        bool         `json:"-"`                       // failed, and nobody has dealt with that yet
	CreatedAt      time.Time    `gorm:"->" json:"createdAt"`
	UpdatedAt      time.Time    `json:"-"`
}

func (r Refund) change(p *Payment, before RefundStatus) change {
	return change{
		action: "refund_" + string(r.Status), subject: "refund", subjectID: r.ID, paymentID: p.ID,
		before: string(before), after: p.money(r.Amount),
	}
}

// money puts an amount of the payment's currency into words.
func (p *Payment) money(amount int64) string {
	if p.Currency.Valid() {
		return p.Currency.Format(amount)
	}
	return fmt.Sprint(amount)
}

// RecordRefunds notes what a refund event tells, and every refund of the payment
// that Stripe lists now: facts, none when Stripe was not asked. Totals follow
// from the rows, so that nothing counts twice. An event without a type was told by
// nobody: what Stripe lists was seen, by the workflow that its ID names.
func (db *DB) RecordRefunds(ctx context.Context, e Event, facts []RefundFacts) (Standing, error) {
	var s Standing
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, _, err := observe(tx, e, "")
		if err != nil {
			return err
		}
		if e.Refund != nil {
			facts = append(slices.Clone(facts), *e.Refund)
		}
		for _, f := range facts {
			if err := p.recordRefund(tx, f, e.cause()); err != nil {
				return err
			}
		}
		p.RefundsTold = max(p.RefundsTold, value(e.AmountRefunded))
		if s, err = p.settle(tx, e.turn()); err != nil || e.Type == "" {
			return err
		}
		return recordEvent(tx, e, p.ID, string(s.Outcome))
	})
	if err != nil {
		return Standing{}, fmt.Errorf("record refunds for %s: %w", e.ID, err)
	}
	return s, nil
}

// recordRefund writes down what Stripe says of one refund: ours, one that is
// known, or a new one that others made.
func (p *Payment) recordRefund(tx *gorm.DB, f RefundFacts, by Cause) error {
	var known []Refund
	err := tx.Clauses(forUpdate).Where("stripe_refund_id = ? OR id = ? AND payment_id = ? AND stripe_refund_id IS NULL", f.ID, f.Ours, p.ID).
		Order("stripe_refund_id NULLS LAST").Limit(1).Find(&known).Error
	if err != nil {
		return err
	}
	if len(known) == 1 {
		return known[0].follow(tx, p, f, by)
	}
	row := Refund{
		ID: stableID("rfd", f.ID), PaymentID: p.ID, StripeRefundID: &f.ID, Source: RefundByStripe, Status: f.Status,
		Amount: max(f.Amount, 0), Currency: Currency(f.Currency), Reason: f.Reason, FailureReason: f.FailureReason,
		Flagged: f.Status == RefundFailed, UpdatedAt: time.Now(),
	}
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	return audit(tx, by, row.change(p, ""))
}

// follow takes a refund to where Stripe says that it is, if it can have come there
// from where we have it.
func (r Refund) follow(tx *gorm.DB, p *Payment, f RefundFacts, by Cause) error {
	if r.StripeRefundID == nil {
		r.StripeRefundID = &f.ID
	}
	before := r.Status
	if slices.Contains(refundSources[f.Status], before) {
		r.Status = f.Status
		r.FailureReason = firstText(f.FailureReason, r.FailureReason)
		r.Flagged = f.Status == RefundFailed
	}
	if r.Reason == "" {
		r.Reason = f.Reason
	}
	r.UpdatedAt = time.Now()
	if err := tx.Model(&r).Select("*").Omit("id", "created_at").Updates(&r).Error; err != nil || r.Status == before {
		return err
	}
	return audit(tx, by, r.change(p, before))
}

// SettleRefund notes what Stripe said to a refund that we asked for.
func (db *DB) SettleRefund(ctx context.Context, a RefundAnswer) (Standing, error) {
	var s Standing
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		var row Refund
		if err := tx.Take(&row, "id = ?", a.RefundID).Error; err != nil {
			return orNotFound(err, "Refund")
		}
		p, err := lockPayment(tx, row.PaymentID)
		if err != nil {
			return err
		}
		by := Cause{Actor: "stripe", Reason: value(row.RequestKey)}
		if a.Facts != nil {
			err = p.recordRefund(tx, RefundFacts{
				ID: a.Facts.ID, Ours: row.ID, Status: a.Facts.Status, Amount: a.Facts.Amount,
				Currency: a.Facts.Currency, FailureReason: a.Facts.FailureReason,
			}, by)
		} else {
			err = row.refuse(tx, &p, a.Refused, by)
		}
		if err != nil {
			return err
		}
		s, err = p.settle(tx, turn{by: by})
		return err
	})
	if err != nil {
		return Standing{}, fmt.Errorf("settle refund %s: %w", a.RefundID, err)
	}
	return s, nil
}

// refuse notes that Stripe will not make the refund. That the money has been
// given back already is no fault.
func (r Refund) refuse(tx *gorm.DB, p *Payment, code string, by Cause) error {
	moved := tx.Model(&Refund{}).Where("id = ? AND status IN ?", r.ID, refundSources[RefundRefused]).
		Updates(map[string]any{
			"status": RefundRefused, "failure_reason": Clean(code, 100), "flagged": code != alreadyRefunded, "updated_at": time.Now(),
		})
	if moved.Error != nil || moved.RowsAffected == 0 {
		return moved.Error
	}
	before := r.Status
	r.Status = RefundRefused
	return audit(tx, by, r.change(p, before))
}

// requestRefund writes down that we want an amount given back, before Stripe is
// asked. key says what wants it: the same key twice is one refund. Staff's and our
// own together never come to more than was collected.
func (p *Payment) requestRefund(tx *gorm.DB, amount int64, source RefundSource, key, reason string, by Cause) error {
	r, err := p.tally(tx)
	if err != nil {
		return err
	}
	left := p.received() - p.AmountRefunded - r.Requested
	switch {
	case left <= 0:
		return conflict("Nothing is left to refund")
	case amount > left:
		return conflict("No more than " + p.money(left) + " is left to refund")
	}
	row := Refund{
		ID: stableID("rfd", key), PaymentID: p.ID, RequestKey: &key, Source: source, Status: RefundRequested,
		Amount: amount, Currency: p.Currency, Reason: reason, UpdatedAt: time.Now(),
	}
	made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if made.Error != nil || made.RowsAffected == 0 {
		return made.Error
	}
	// What failed before is dealt with by this one.
	if err := tx.Model(&Refund{}).Where("payment_id = ? AND flagged", p.ID).Update("flagged", false).Error; err != nil {
		return err
	}
	return audit(tx, by, row.change(p, ""))
}

// requestOwed wants back all that is owed and not asked for yet; nothing owed is
// fine.
func (p *Payment) requestOwed(tx *gorm.DB, source RefundSource, key, reason string, by Cause) error {
	r, err := p.tally(tx)
	if err != nil {
		return err
	}
	if left := p.owed() - r.Requested; left > 0 {
		return p.requestRefund(tx, left, source, key, reason, by)
	}
	return nil
}
