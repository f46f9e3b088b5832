package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// disputeSources are the statuses from which a dispute may come to another:
//
//	warning_needs_response ─▶ warning_under_review ─▶ warning_closed
//	        │ (escalated)             │
//	        ▼                         ▼
//	needs_response ─────────▶ under_review ─▶ won, lost
//
// Events come in any order, so a status is only left for a later one, and nothing
// leaves a decision. https://docs.stripe.com/disputes/how-disputes-work
var disputeSources = map[DisputeStatus][]DisputeStatus{
	InquiryUnderReview:   {InquiryNeedsResponse},
	InquiryClosed:        {InquiryNeedsResponse, InquiryUnderReview},
	DisputeNeedsResponse: {InquiryNeedsResponse, InquiryUnderReview},
	DisputeUnderReview:   {InquiryNeedsResponse, InquiryUnderReview, DisputeNeedsResponse},
	DisputeWon:           {InquiryNeedsResponse, InquiryUnderReview, DisputeNeedsResponse, DisputeUnderReview},
	DisputeLost:          {InquiryNeedsResponse, InquiryUnderReview, DisputeNeedsResponse, DisputeUnderReview},
}

// Dispute is a customer's objection to a charge, which their bank decides.
type Dispute struct {
	ID              string        `json:"disputeId"`
	PaymentID       string        `json:"-"`
	Status          DisputeStatus `json:"status"`
	Reason          string        `json:"reason"`
	Amount          int64         `json:"amount"` // minor units
	Currency        Currency      `json:"currency"`
	DueBy           *time.Time    `json:"dueBy"` // until when evidence counts; null: not told
	OwnerWorkflowID *string       `json:"-"`     // the open workflow that answers for it; nil: none
	CreatedAt       time.Time     `gorm:"->" json:"createdAt"`
	UpdatedAt       time.Time     `json:"-"`
}

// RecordDispute notes a dispute as e tells of it: the order is held while it is
// open, released when it is won, charged back when it is lost. The first workflow
// that finds it open watches it from then on. An event without a type was told by
// nobody: the workflow that its ID names has looked.
func (db *DB) RecordDispute(ctx context.Context, e Event) (DisputeStanding, error) {
	var s DisputeStanding
	if e.Dispute == nil {
		return s, invalid("dispute", "Is missing")
	}
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, _, err := observe(tx, e, "")
		if err != nil {
			return err
		}
		var d Dispute
		if d, s.Changed, err = p.recordDispute(tx, *e.Dispute, e.turn()); err != nil {
			return err
		}
		s.Open, s.Watcher = d.Status.Open(), value(d.OwnerWorkflowID)
		if d.DueBy != nil {
			s.DueBy = d.DueBy.Unix()
		}
		if err := p.holdWhile(tx, s.Open, HeldByDispute, d.ID, d.Reason, e.cause()); err != nil {
			return err
		}
		if s.Standing, err = p.settle(tx, e.turn()); err != nil || e.Type == "" {
			return err
		}
		return recordEvent(tx, e, p.ID, string(s.Outcome))
	})
	if err != nil {
		return DisputeStanding{}, fmt.Errorf("record dispute for %s: %w", e.ID, err)
	}
	return s, nil
}

// recordDispute writes the dispute's row, and says whether it is another than
// before.
func (p *Payment) recordDispute(tx *gorm.DB, f DisputeFacts, t turn) (d Dispute, changed bool, err error) {
	var known []Dispute
	if err := tx.Clauses(forUpdate).Where("id = ?", f.ID).Limit(1).Find(&known).Error; err != nil {
		return d, false, err
	}
	if len(known) == 0 {
		d = Dispute{ID: f.ID, PaymentID: p.ID, Status: f.Status, UpdatedAt: time.Now()}
		d.learn(f, t)
		if err := tx.Create(&d).Error; err != nil {
			return d, false, err
		}
		return d, true, audit(tx, t.by, d.change(""))
	}
	d = known[0]
	before := d
	if slices.Contains(disputeSources[f.Status], d.Status) {
		d.Status = f.Status
	}
	d.learn(f, t)
	if d.same(before) {
		return d, false, nil
	}
	d.UpdatedAt = time.Now()
	if err := tx.Model(&d).Select("*").Omit("id", "created_at").Updates(&d).Error; err != nil || d.Status == before.Status {
		return d, true, err
	}
	return d, true, audit(tx, t.by, d.change(before.Status))
}

// learn takes over what the facts say, and lets the workflow whose turn it is
// watch an open dispute that nobody watches. A watcher that finds it closed is one
// no longer.
func (d *Dispute) learn(f DisputeFacts, t turn) {
	d.Reason, d.Currency = firstText(f.Reason, d.Reason), Currency(firstText(f.Currency, string(d.Currency)))
	d.Amount = max(f.Amount, d.Amount)
	if f.DueBy > 0 && (d.DueBy == nil || d.Status == f.Status) {
		due := time.Unix(f.DueBy, 0).UTC()
		d.DueBy = &due
	}
	switch {
	case d.Status.Open() && d.OwnerWorkflowID == nil && t.workflow != "":
		d.OwnerWorkflowID = &t.workflow
	case !d.Status.Open() && value(d.OwnerWorkflowID) == t.workflow:
		d.OwnerWorkflowID = nil
	}
}

func (d Dispute) same(o Dispute) bool {
	return d.Status == o.Status && d.Reason == o.Reason && d.Amount == o.Amount && d.Currency == o.Currency &&
		value(d.DueBy).Equal(value(o.DueBy)) && value(d.OwnerWorkflowID) == value(o.OwnerWorkflowID)
}

func (d Dispute) change(before DisputeStatus) change {
	return change{
		action: "dispute_" + string(d.Status), subject: "dispute", subjectID: d.ID, paymentID: d.PaymentID,
		before: string(before), after: string(d.Status),
	}
}
