package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// This file asks of every payment that succeeded what came of it. The answer must
// be one of three: an order, all of the money back with the customer, or an open
// case that a person can see (the payment is blocked, and a workflow waits with
// it). The first two can be read from rows; whether a workflow is open, only
// Temporal knows, so that is the caller's to ask.

// Names of cursors.
const (
	CursorEvents  = "stripe_events"         // Stripe's events were listed and started up to here
	CursorWatched = "payments_with_outcome" // every payment that was last changed before has an outcome
)

// watchOverlap is how far before CursorWatched is looked again: clocks differ
// between machines, and a transaction may end later than the time that it wrote
// down. With a million payments in the table an hour of them takes 4 ms, a day
// 350, and all of them 2.5 s.
const watchOverlap = time.Hour

// withoutOutcome are the payments that were last changed between two times and
// have nothing to show for their money. Money counts as given back when it was
// lost to a dispute, or as soon as Stripe has a refund that did not fail: it may
// take the bank days, and there is nothing for anyone to do meanwhile. What
// nothing was collected for, and will have no order, owes nobody anything.
const withoutOutcome = `FROM payments p
	WHERE p.kind = 'order' AND p.state = 'paid' AND p.blocked_reason IS NULL AND p.updated_at > @from AND p.updated_at < @to
	AND NOT EXISTS (SELECT FROM orders o WHERE o.payment_id = p.id)
	AND NOT p.charged_back
	AND NOT (p.no_order_reason IS NOT NULL AND coalesce(p.amount_received, 0) <= 0)
	AND NOT (coalesce(p.amount_received, 0) > 0 AND p.amount_received <= greatest(p.amount_refunded, (
		SELECT sum(r.amount) FROM refunds r WHERE r.payment_id = p.id AND r.status IN ('pending', 'requires_action', 'succeeded'))))`

// PaidWithoutOutcome counts the succeeded payments that nothing came of for so
// long.
func (db *DB) PaidWithoutOutcome(ctx context.Context, after time.Duration) (int64, error) {
	window, err := db.watchWindow(ctx, after)
	if err != nil {
		return 0, err
	}
	var count int64
	err = db.gorm.WithContext(ctx).Raw("SELECT count(*) "+withoutOutcome, window).Scan(&count).Error
	return count, err
}

// PaymentsWithoutOutcome names the first of them, those that have waited longest.
func (db *DB) PaymentsWithoutOutcome(ctx context.Context, after time.Duration, limit int) ([]string, error) {
	window, err := db.watchWindow(ctx, after)
	if err != nil {
		return nil, err
	}
	window["limit"] = limit
	ids := []string{}
	err = db.gorm.WithContext(ctx).Raw("SELECT p.id "+withoutOutcome+" ORDER BY p.updated_at, p.id LIMIT @limit", window).Scan(&ids).Error
	return ids, err
}

// watchWindow is between which times a payment has to have been changed last to
// be looked at. What is before was found well, and could only have become worse
// by a change: looking through it again would read a shop's whole past each time.
// So whatever makes a payment worse, a refund that comes back for example, has to
// touch the payment's updated_at, also when no other column of it changes.
func (db *DB) watchWindow(ctx context.Context, after time.Duration) (map[string]any, error) {
	well, err := db.Cursor(ctx, CursorWatched)
	if err != nil {
		return nil, err
	}
	return map[string]any{"from": well.Add(-watchOverlap), "to": time.Now().Add(-after)}, nil
}

// Owned is something that waits for a person, and the workflow that waits with it.
type Owned struct {
	ID        string // of a payment or a dispute: by it they are paged through
	PaymentID string
	OwnerID   string // a workflow's ID; it may have ended
}

// BlockedPayments are the blocked payments by their ID, a page after the one that
// is named, "" for the first page.
func (db *DB) BlockedPayments(ctx context.Context, after string, limit int) ([]Owned, error) {
	page := []Owned{}
	err := db.gorm.WithContext(ctx).Raw(`SELECT id, id AS payment_id, owner_workflow_id AS owner_id FROM payments
		WHERE status = 'needs_attention' AND id > ? ORDER BY id LIMIT ?`, after, limit).Scan(&page).Error
	return page, err
}

// WatchedDisputes are the open disputes that a workflow watches, in the same way.
func (db *DB) WatchedDisputes(ctx context.Context, after string, limit int) ([]Owned, error) {
	page := []Owned{}
	err := db.gorm.WithContext(ctx).Raw(`SELECT id, payment_id, owner_workflow_id AS owner_id FROM disputes
		WHERE owner_workflow_id IS NOT NULL AND status NOT IN ('won', 'lost', 'warning_closed') AND id > ? ORDER BY id LIMIT ?`,
		after, limit).Scan(&page).Error
	return page, err
}

// Cursor is how far something has been read; the zero time when never.
func (db *DB) Cursor(ctx context.Context, name string) (time.Time, error) {
	var reached []time.Time
	err := db.gorm.WithContext(ctx).Table("cursors").Where("name = ?", name).Pluck("reached", &reached).Error
	if err != nil || len(reached) == 0 {
		return time.Time{}, err
	}
	return reached[0], nil
}

// MoveCursor notes that something was read up to a time. It never moves back:
// of two readers, the one that came further has read what the other has.
func (db *DB) MoveCursor(ctx context.Context, name string, reached time.Time) error {
	return db.gorm.WithContext(ctx).Table("cursors").Clauses(clause.OnConflict{
		Columns: columns("name"),
		DoUpdates: clause.Assignments(map[string]any{
			"reached": gorm.Expr("greatest(cursors.reached, excluded.reached)"), "updated_at": gorm.Expr("now()"),
		}),
	}).Create(map[string]any{"name": name, "reached": reached}).Error
}

// Unseen are those of the events that no workflow has recorded and that do not
// wait in the inbox, in the order in which they are given.
func (db *DB) Unseen(ctx context.Context, eventIDs []string) ([]string, error) {
	var seen []string
	err := db.gorm.WithContext(ctx).Raw(`SELECT id FROM stripe_events WHERE id IN @ids
		UNION SELECT workflow_id FROM inbox WHERE workflow_id IN @ids`, map[string]any{"ids": eventIDs}).Scan(&seen).Error
	if err != nil {
		return nil, fmt.Errorf("look for %d events: %w", len(eventIDs), err)
	}
	known := make(map[string]bool, len(seen))
	for _, id := range seen {
		known[id] = true
	}
	unseen := []string{}
	for _, id := range eventIDs {
		if !known[id] {
			unseen = append(unseen, id)
		}
	}
	return unseen, nil
}
