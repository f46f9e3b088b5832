package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// PendingStart is a workflow that is to start as soon as Temporal can be
// reached.
type PendingStart struct {
	WorkflowID   string
	WorkflowType string
	Input        json.RawMessage
}

const (
	// startTime bounds one start, and with it how long a Temporal that hangs keeps
	// a row locked and a connection busy.
	startTime = 5 * time.Second
	// dispatchTime bounds the transaction around it, a slow database included.
	dispatchTime = startTime + 3*time.Second
	// longestPause is between two attempts to start what Temporal refuses.
	longestPause = 5 * time.Minute
)

// inboxRow is a PendingStart in the inbox.
type inboxRow struct {
	WorkflowID   string
	WorkflowType string
	Input        string // JSON
	Attempts     int
}

// TableName is the table's name, which has no plural.
func (inboxRow) TableName() string { return "inbox" }

// KeepStart keeps a workflow until Temporal can be asked to start it. fresh is
// false when it was kept already.
func (db *DB) KeepStart(ctx context.Context, p PendingStart) (fresh bool, err error) {
	fresh, err = keepStart(db.gorm.WithContext(ctx), p)
	if err != nil {
		return false, fmt.Errorf("keep start of %s: %w", p.WorkflowID, err)
	}
	return fresh, nil
}

func keepStart(tx *gorm.DB, p PendingStart) (fresh bool, err error) {
	kept := tx.Clauses(clause.OnConflict{DoNothing: true}).
		Create(&inboxRow{WorkflowID: p.WorkflowID, WorkflowType: p.WorkflowType, Input: string(p.Input)})
	return kept.RowsAffected == 1, kept.Error
}

// DispatchStarts starts up to limit of the workflows that were kept, oldest
// first, and says how many. Several processes may do so at once: each row is one
// process's at a time. A process that dies between the start and its commit
// leaves the row, and the next one's start is a duplicate.
//
// An error of start that is passing says that Temporal is away: it ends the round
// and is returned, and its row stays first in the queue. Any other error is of
// this row alone: it is noted, and the row tried again later, so that the rows
// behind it do not wait for it.
func (db *DB) DispatchStarts(ctx context.Context, limit int, start func(context.Context, PendingStart) error, passing func(error) bool) (int, error) {
	started := 0
	for range limit {
		result, err := db.dispatchOldest(ctx, start, passing)
		if err != nil {
			return started, err
		}
		switch result {
		case nothingDue:
			return started, nil
		case startDone:
			started++
		case startRefused: // told by its row
		}
	}
	return started, nil
}

// dispatch is what became of the oldest row.
type dispatch int

const (
	nothingDue   dispatch = iota // no row is there, or each is another process's or has its next attempt later
	startDone                    // the row is gone
	startRefused                 // the row is tried again later
)

// dispatchOldest starts one workflow in one transaction, which holds the row's
// lock meanwhile.
func (db *DB) dispatchOldest(ctx context.Context, start func(context.Context, PendingStart) error, passing func(error) bool) (dispatch, error) {
	ctx, cancel := context.WithTimeout(ctx, dispatchTime)
	defer cancel()
	result := nothingDue
	var away error // as start returned it
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		var rows []inboxRow
		err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked}).
			Where("not_before <= now()").Order("received_at").Limit(1).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		refused := startWithin(ctx, rows[0], start)
		switch {
		case refused == nil:
			result = startDone
			return tx.Where("workflow_id = ?", rows[0].WorkflowID).Delete(&inboxRow{}).Error
		case passing(refused):
			away = refused
			return nil
		default:
			result = startRefused
			return rows[0].postpone(tx, refused)
		}
	})
	switch {
	case away != nil:
		return nothingDue, away
	case err != nil:
		return nothingDue, fmt.Errorf("dispatch starts: %w", err)
	}
	return result, nil
}

func startWithin(ctx context.Context, row inboxRow, start func(context.Context, PendingStart) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return start(ctx, PendingStart{WorkflowID: row.WorkflowID, WorkflowType: row.WorkflowType, Input: json.RawMessage(row.Input)})
}

// postpone notes why the start was refused, and tries again after 2, 4, 8 …
// seconds.
func (r inboxRow) postpone(tx *gorm.DB, why error) error {
	pause := min(time.Second<<min(r.Attempts+1, 20), longestPause)
	return tx.Model(&inboxRow{}).Where("workflow_id = ?", r.WorkflowID).Updates(map[string]any{
		"attempts": r.Attempts + 1, "error": Clean(why.Error(), 500),
		"not_before": gorm.Expr("now() + make_interval(secs => ?)", pause.Seconds()),
	}).Error
}

// InboxState says how many workflows wait to be started, and for how long the
// oldest has, zero when none does.
func (db *DB) InboxState(ctx context.Context) (count int64, oldest time.Duration, err error) {
	var state struct {
		Count  int64
		Oldest float64 // seconds
	}
	err = db.gorm.WithContext(ctx).Model(&inboxRow{}).
		Select("count(*) AS count, coalesce(extract(epoch FROM now() - min(received_at)), 0) AS oldest").Scan(&state).Error
	if err != nil {
		return 0, 0, fmt.Errorf("inbox state: %w", err)
	}
	return state.Count, time.Duration(state.Oldest * float64(time.Second)), nil
}
