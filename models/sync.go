package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

const (
	// leaseTime is how long one workflow alone looks at a customer of Stripe's. Each
	// attempt begins it anew; whoever dies keeps the others waiting no longer.
	leaseTime = 2 * time.Minute
	// queueTime is how long the turn is a workflow's that has not begun: Stripe takes
	// so many calls a second, and on the first of a month everybody is billed. Were it
	// lent to another meanwhile, both would stand in the queue.
	queueTime = 15 * time.Minute
	// burstPause is how long nobody looks after a look that several have wanted.
	burstPause = time.Second
)

// KeptSync is what a look found.
type KeptSync struct {
	SyncLook
	Generation int64 // as BeginSync read it, before Stripe was asked
	Facts      BillingFacts
	Grace      time.Duration // for how long access is kept after a payment failed; 0: not at all
	Announce   *Announce     // nil: other services are not told
}

// WantSync says whose turn it is to look at a customer of Stripe's, and makes it
// the holder's if nobody else looks. A want is covered when a look that began
// after it was kept: one in flight may have been answered before the change. A look
// of another's fetches only the newest invoices, so a want that names one that is
// not known is covered by the holder's own look alone.
func (db *DB) WantSync(ctx context.Context, w SyncWant) (SyncTurn, error) {
	var turn SyncTurn
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		id, err := w.customer(tx)
		if err != nil || id == "" {
			return err
		}
		c, err := knowStripeCustomer(tx, id)
		if err != nil {
			return err
		}
		if w.Generation == 0 {
			c.Wanted++
			w.Generation = c.Wanted
		}
		turn = SyncTurn{StripeCustomerID: id, Generation: w.Generation}
		if turn.Covered, err = c.covers(tx, w); err != nil {
			return err
		}
		turn.Mine = !turn.Covered && c.lease(w.Holder, time.Now())
		return c.save(tx)
	})
	if err != nil {
		return SyncTurn{}, fmt.Errorf("want sync for %s: %w", w.Holder, err)
	}
	return turn, nil
}

// customer is Stripe's customer that the want is about, "" when nothing that is
// known says so.
func (w SyncWant) customer(tx *gorm.DB) (string, error) {
	if w.StripeCustomerID != "" {
		return w.StripeCustomerID, nil
	}
	var known []string
	err := tx.Raw(`SELECT stripe_customer_id FROM subscriptions WHERE id = ?
		UNION ALL SELECT stripe_customer_id FROM invoices WHERE id = ? LIMIT 1`, w.SubscriptionID, w.InvoiceID).Scan(&known).Error
	if err != nil || len(known) == 0 {
		return "", err
	}
	return known[0], nil
}

// covers says whether what is kept of the customer is newer than the want.
func (c *StripeCustomer) covers(tx *gorm.DB, w SyncWant) (bool, error) {
	if c.Fetched < w.Generation {
		return false, nil
	}
	if w.InvoiceID == "" || c.LookedBy == w.Holder {
		return true, nil
	}
	var known int64
	err := tx.Model(&Invoice{}).Where("id = ?", w.InvoiceID).Count(&known).Error
	return known > 0, err
}

// lease makes the turn the holder's unless it is another's, and says whether it is
// the holder's now.
func (c *StripeCustomer) lease(holder string, now time.Time) bool {
	if c.LeaseHolder != nil && *c.LeaseHolder != holder && c.LeaseUntil.After(now) {
		return false
	}
	until := now.Add(queueTime)
	c.LeaseHolder, c.LeaseUntil = &holder, &until
	return true
}

// BeginSync begins a look of the workflow whose turn it is, or another attempt of
// it, with the whole time of the lease before it. generation is what the look will
// cover: whatever was wanted before Stripe is asked. mine is false when the turn is
// another's by now, or the look was kept already.
func (db *DB) BeginSync(ctx context.Context, look SyncLook) (generation int64, mine bool, err error) {
	err = db.hold(ctx, look, time.Now().Add(leaseTime), &generation, &mine)
	return generation, mine, err
}

// HoldSync keeps the turn for as long as Stripe says to wait, and the attempt that
// follows: nobody else asks Stripe meanwhile. A turn that is another's stays theirs.
func (db *DB) HoldSync(ctx context.Context, look SyncLook, d time.Duration) error {
	return db.hold(ctx, look, time.Now().Add(d+leaseTime), new(int64), new(bool))
}

func (db *DB) hold(ctx context.Context, look SyncLook, until time.Time, generation *int64, mine *bool) error {
	var held []StripeCustomer
	err := db.gorm.WithContext(ctx).Model(&held).Clauses(clause.Returning{Columns: columns("wanted")}).
		Where("id = ? AND lease_holder = ?", look.StripeCustomerID, look.Holder).Update("lease_until", until).Error
	if err != nil {
		return fmt.Errorf("hold sync of %s: %w", look.StripeCustomerID, err)
	}
	if len(held) == 1 {
		*generation, *mine = held[0].Wanted, true
	}
	return nil
}

// KeepSync keeps what a look found, replaces what earlier ones did, and gives the
// turn back. What the customers concerned may have now is told in the same
// transaction. A look whose turn went to another keeps nothing, nor does one that
// began before the one that was kept last.
func (db *DB) KeepSync(ctx context.Context, k KeptSync) (SyncResult, error) {
	var r SyncResult
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		c, err := lockStripeCustomer(tx, k.StripeCustomerID)
		if err != nil {
			return err
		}
		if value(c.LeaseHolder) != k.Holder || k.Generation < c.Fetched {
			r = SyncResult{Lost: true}
			return nil
		}
		r, err = c.keep(tx, k)
		return err
	})
	if err != nil {
		return SyncResult{}, fmt.Errorf("keep sync of %s: %w", k.StripeCustomerID, err)
	}
	return r, nil
}

// keep replaces the customer's rows by what the look found.
func (c *StripeCustomer) keep(tx *gorm.DB, k KeptSync) (SyncResult, error) {
	r := SyncResult{Gone: k.Facts.Customer.Gone, Subscriptions: len(k.Facts.Subscriptions), Invoices: len(k.Facts.Invoices)}
	known := *c
	c.learn(k.Facts.Customer)
	owners, changed, err := c.become(tx, k.Facts, k.Grace, Cause{Actor: "stripe", Reason: k.Holder})
	if err != nil {
		return r, err
	}
	if err := c.forget(tx); err != nil {
		return r, err
	}
	r.Changed = changed || c.differs(known)
	if err := c.giveBack(tx, k); err != nil {
		return r, err
	}
	return r, grantAll(tx, owners, k.Announce)
}

// become writes the rows that hang on the customer as Stripe says they are. It returns
// whose they were and are, whose rows it has locked, and whether one is another now.
func (c *StripeCustomer) become(tx *gorm.DB, f BillingFacts, grace time.Duration, by Cause) (owners []string, changed bool, err error) {
	before, err := c.subscriptions(tx)
	if err != nil {
		return nil, false, err
	}
	after := c.replaced(before, f)
	if err := claimPayments(tx, by, f.paymentIntents()...); err != nil {
		return nil, false, err
	}
	if owners, err = c.lockOwners(tx, before, after); err != nil {
		return nil, false, err
	}
	invoices, err := replace(tx, c.invoices(f.Invoices))
	if err != nil {
		return nil, false, err
	}
	if err := c.grace(tx, after, grace); err != nil { // by the invoices as they are now
		return nil, false, err
	}
	if f.Customer.Gone {
		if err := c.lose(tx, by); err != nil {
			return nil, false, err
		}
	}
	subscriptions, err := c.keepOwned(tx, before, after, by)
	return owners, invoices || subscriptions, err
}

// giveBack ends the turn of a look that is kept: at once, or a little later where
// the look was for several, because more are likely to come, which one look is
// enough for.
func (c *StripeCustomer) giveBack(tx *gorm.DB, k KeptSync) error {
	now := time.Now()
	several := k.Generation-c.Fetched > 1
	c.Fetched, c.SyncedAt, c.LookedBy = k.Generation, &now, k.Holder
	c.LeaseHolder, c.LeaseUntil = nil, nil
	if several {
		until := now.Add(burstPause)
		c.LeaseHolder, c.LeaseUntil = &k.Holder, &until
	}
	return c.save(tx)
}
