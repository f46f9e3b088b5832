package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Review is Radar's, or a person's at Stripe, look at a payment that may be fraud.
type Review struct {
	ID           string    `json:"reviewId"`
	PaymentID    string    `json:"-"`
	Open         bool      `json:"open"`
	OpenedReason string    `json:"openedReason"` // rule or manual
	ClosedReason string    `json:"closedReason"` // "" while it is open
	CreatedAt    time.Time `gorm:"->" json:"createdAt"`
	UpdatedAt    time.Time `json:"-"`
}

// RecordReview notes a review as e tells of it: the order is held while it is
// open, and released when it is approved. Any other end cancels the order and
// gives the money back, but for a dispute, where the bank decides.
func (db *DB) RecordReview(ctx context.Context, e Event) (Standing, error) {
	var s Standing
	if e.Review == nil {
		return s, invalid("review", "Is missing")
	}
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, _, err := observe(tx, e, "")
		if err != nil {
			return err
		}
		r, err := p.recordReview(tx, *e.Review, e.cause())
		if err != nil {
			return err
		}
		if err := p.holdWhile(tx, r.Open, HeldByReview, r.ID, r.OpenedReason, e.cause()); err != nil {
			return err
		}
		if s, err = p.settle(tx, e.turn()); err != nil {
			return err
		}
		return recordEvent(tx, e, p.ID, string(s.Outcome))
	})
	if err != nil {
		return Standing{}, fmt.Errorf("record review for %s: %w", e.ID, err)
	}
	return s, nil
}

// recordReview writes the review's row. A closed one never opens again: what tells
// that it is open came late.
func (p *Payment) recordReview(tx *gorm.DB, f ReviewFacts, by Cause) (Review, error) {
	var known []Review
	if err := tx.Clauses(forUpdate).Where("id = ?", f.ID).Limit(1).Find(&known).Error; err != nil {
		return Review{}, err
	}
	if len(known) == 0 {
		r := Review{ID: f.ID, PaymentID: p.ID, Open: f.Open, OpenedReason: f.OpenedReason, ClosedReason: f.ClosedReason, UpdatedAt: time.Now()}
		if err := tx.Create(&r).Error; err != nil {
			return r, err
		}
		return r, audit(tx, by, r.change(""))
	}
	r := known[0]
	before := r.state()
	r.OpenedReason = firstText(r.OpenedReason, f.OpenedReason)
	if r.Open && !f.Open {
		r.Open, r.ClosedReason = false, f.ClosedReason
	}
	r.UpdatedAt = time.Now()
	if err := tx.Model(&r).Select("*").Omit("id", "created_at").Updates(&r).Error; err != nil || r.state() == before {
		return r, err
	}
	return r, audit(tx, by, r.change(before))
}

func (r Review) state() string {
	if r.Open {
		return "open"
	}
	return firstText(r.ClosedReason, "closed")
}

func (r Review) change(before string) change {
	return change{
		action: "review_" + r.state(), subject: "review", subjectID: r.ID, paymentID: r.PaymentID, before: before, after: r.state(),
	}
}
