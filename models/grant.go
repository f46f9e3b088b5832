package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Announce says how a message to another service is delivered: by a workflow of its
// own.
type Announce struct {
	WorkflowType string
	WorkflowID   func(messageID string) string
}

// Grant is what a customer's subscriptions come to, as other services were told
// last.
type Grant struct {
	CustomerID  string       `gorm:"primaryKey"`
	Content     jsonDocument // a SubscriptionState, see granted
	Sequence    int64        // rises by one with each change; 0: nothing was told yet
	AccessUntil *time.Time   // when it is to be reckoned anew although nothing happens; nil: never
	UpdatedAt   time.Time
}

// granted is what other services are told: all but the invoices, which change with
// each attempt to collect them, and whose links open them.
func (s SubscriptionState) granted() SubscriptionState {
	s.LatestInvoice = nil
	list := s.Subscriptions
	s.Subscriptions = nil
	for _, one := range list {
		s.Subscriptions = append(s.Subscriptions, one.granted())
	}
	return s
}

// lapses is when the state becomes another by time alone: when access ends first
// that is kept although a payment failed. nil: it does not.
func (s SubscriptionState) lapses() *time.Time {
	var first *time.Time
	for _, one := range s.Subscriptions {
		if value(one.Access) && one.AccessUntil != nil && (first == nil || one.AccessUntil.Before(*first)) {
			first = one.AccessUntil
		}
	}
	return first
}

// grantAll reckons what customers' subscriptions come to, and tells other services
// where it is something else than they were told last. The rows of the customers are
// locked, so that two of Stripe's that are one of ours take turns.
func grantAll(tx *gorm.DB, customerIDs []string, announce *Announce) error {
	for _, id := range customerIDs {
		if _, err := grant(tx, id, announce); err != nil {
			return err
		}
	}
	return nil
}

func grant(tx *gorm.DB, customerID string, announce *Announce) (changed bool, err error) {
	now := time.Now()
	state, err := subscriptionState(tx, customerID, now)
	if err != nil {
		return false, err
	}
	state = state.granted()
	content, err := jsonText(state)
	if err != nil {
		return false, err
	}
	var told []struct {
		Sequence int64
		Same     bool
	}
	err = tx.Model(&Grant{}).Select("sequence, content = CAST(? AS jsonb) AS same", content).
		Where("customer_id = ?", customerID).Scan(&told).Error
	if err != nil {
		return false, err
	}
	g := Grant{CustomerID: customerID, Content: jsonDocument(content), AccessUntil: state.lapses()}
	switch {
	case len(told) == 0 && state.Status == StatusNone:
		return false, nil // they never had one, and nobody was told that they have
	case len(told) == 1 && told[0].Same:
		return false, tx.Model(&g).Select("access_until").UpdateColumns(&g).Error
	case len(told) == 1:
		g.Sequence = told[0].Sequence
	}
	g.Sequence++
	if err := tx.Clauses(clause.OnConflict{Columns: columns("customer_id"), UpdateAll: true}).Create(&g).Error; err != nil {
		return false, err
	}
	return true, g.announce(tx, state, now, announce)
}

// grantSoon has EndGrace reckon what customers' subscriptions come to: they are
// others' now, by a change that is not Stripe's.
func grantSoon(tx *gorm.DB, customerIDs []string) error {
	now := time.Now()
	for _, id := range customerIDs {
		g := Grant{CustomerID: id, Content: `{"status":"` + StatusNone + `"}`, AccessUntil: &now}
		err := tx.Clauses(clause.OnConflict{Columns: columns("customer_id"), DoUpdates: clause.AssignmentColumns([]string{"access_until"})}).
			Create(&g).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// EndGrace reckons anew what time alone has changed: access that was kept for a
// while after a payment failed. It says how many customers' it is. One that cannot
// be reckoned keeps none of the others waiting.
func (db *DB) EndGrace(ctx context.Context, grace time.Duration, announce *Announce) (int, error) {
	var due []string
	err := db.gorm.WithContext(ctx).Model(&Grant{}).Where("access_until <= ?", time.Now()).
		Order("access_until").Pluck("customer_id", &due).Error
	if err != nil {
		return 0, fmt.Errorf("end grace: %w", err)
	}
	changed := 0
	var failed []error
	for _, id := range due {
		other, err := db.endGrace(ctx, id, grace, announce)
		if err != nil {
			failed = append(failed, fmt.Errorf("end grace of %s: %w", id, err))
		}
		if other {
			changed++
		}
	}
	return changed, errors.Join(failed...)
}

// endGrace reckons one customer's, by the grace that is set now: it may have been
// another when the payment failed.
func (db *DB) endGrace(ctx context.Context, customerID string, grace time.Duration, announce *Announce) (changed bool, err error) {
	err = db.transaction(ctx, func(tx *gorm.DB) error {
		if err := regrace(tx, customerID, grace); err != nil {
			return err
		}
		if err := lockCustomers(tx, []string{customerID}); err != nil {
			return err
		}
		if changed, err = grant(tx, customerID, announce); err != nil || !changed {
			return err
		}
		// No row of a subscription tells of it: none has changed.
		return tx.Exec("SELECT pg_notify('payments', ?)", "subscription:"+customerID).Error
	})
	return changed && err == nil, err
}

// regrace reckons until when access is kept of a customer's subscriptions of which a
// payment failed.
func regrace(tx *gorm.DB, customerID string, grace time.Duration) error {
	var lapsed []StripeCustomer
	err := tx.Clauses(forUpdate).Where("id IN (SELECT stripe_customer_id FROM subscriptions WHERE owner_id = ? AND status IN ?)", customerID, lapsing).
		Order("id").Find(&lapsed).Error
	if err != nil {
		return err
	}
	for _, c := range lapsed {
		list, err := c.subscriptions(tx)
		if err != nil {
			return err
		}
		if err := c.grace(tx, list, grace); err != nil {
			return err
		}
		if _, err := replace(tx, list); err != nil {
			return err
		}
	}
	return nil
}
