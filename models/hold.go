package models

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// HoldSource is who wants an order held.
type HoldSource string

// The sources of a hold.
const (
	HeldByDispute HoldSource = "dispute"
	HeldByReview  HoldSource = "review"
	HeldByStaff   HoldSource = "staff"
)

// Hold keeps an order from being shipped while it is open. Several may lie over
// one order, so that releasing one leaves the others, and the order is where it
// was when the last is gone.
type Hold struct {
	ID         string     `json:"id"`
	PaymentID  string     `json:"-"`
	Source     HoldSource `json:"source"`
	SourceID   string     `json:"sourceId"` // the dispute, the review, or the request of staff
	Reason     string     `json:"reason"`
	Actor      string     `json:"actor"`
	OpenedAt   time.Time  `gorm:"->" json:"openedAt"`
	ReleasedAt *time.Time `json:"-"` // nil: open
	ReleasedBy string     `json:"-"`
}

// holdID is a function of what the hold is for, so that one dispute holds once.
func holdID(source HoldSource, sourceID string) string {
	return stableID("hold", string(source)+" "+sourceID)
}

// hold lays a hold over the payment's order, once for each source.
func (p *Payment) hold(tx *gorm.DB, source HoldSource, sourceID, reason string, by Cause) error {
	row := Hold{
		ID: holdID(source, sourceID), PaymentID: p.ID, Source: source, SourceID: sourceID,
		Reason: reason, Actor: by.Actor,
	}
	made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if made.Error != nil || made.RowsAffected == 0 {
		return made.Error
	}
	return audit(tx, by, p.change("hold_opened", "", string(source)+" "+sourceID))
}

// release takes away the open holds that the condition names, and says how many.
func (p *Payment) release(tx *gorm.DB, by Cause, condition string, args ...any) (int, error) {
	var open []Hold
	err := tx.Model(&open).Clauses(clause.Returning{}).
		Where("payment_id = ? AND released_at IS NULL", p.ID).Where(condition, args...).
		Updates(map[string]any{"released_at": time.Now(), "released_by": by.Actor}).Error
	if err != nil || len(open) == 0 {
		return 0, err
	}
	changes := make([]change, len(open))
	for i, h := range open {
		changes[i] = p.change("hold_released", string(h.Source)+" "+h.SourceID, "")
	}
	return len(open), audit(tx, by, changes...)
}

// holdWhile keeps the order held for as long as a source wants it. A source that
// is over before it was heard of leaves a hold that is released already, so that
// the order of arrival makes no difference.
func (p *Payment) holdWhile(tx *gorm.DB, open bool, source HoldSource, sourceID, reason string, by Cause) error {
	if err := p.hold(tx, source, sourceID, reason, by); err != nil || open {
		return err
	}
	_, err := p.release(tx, by, "source = ? AND source_id = ?", source, sourceID)
	return err
}
