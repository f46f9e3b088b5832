package models

import (
	"context"
	"time"
)

// OverdueCheckouts names checkouts that keep stock although their time has been
// over for so long, those that have been longest first. Whoever was to release it
// is gone: a process died before it had the workflow started, or somebody
// terminated that. What is paid or being processed is not overdue.
func (db *DB) OverdueCheckouts(ctx context.Context, after time.Duration, limit int) ([]string, error) {
	ids := []string{}
	err := db.gorm.WithContext(ctx).Raw(`SELECT c.id FROM checkouts c
		WHERE c.reservation = 'held' AND c.expires_at < ?
		AND NOT EXISTS (SELECT FROM payments p WHERE p.checkout_id = c.id AND p.state IN ?)
		ORDER BY c.expires_at LIMIT ?`, time.Now().Add(-after), []PaymentState{PaymentPaid, PaymentProcessing}, limit).Scan(&ids).Error
	return ids, err
}
