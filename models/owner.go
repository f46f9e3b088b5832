package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// StripeCustomer is a customer of Stripe's: whose it is here, and who looks at it.
type StripeCustomer struct {
	ID         string  // cus_…
	CustomerID *string // our own mapping; nil: neither made by us nor assigned by support
	Told       string  // whose it is by its metadata, as it came; "": it does not say
	OwnerID    *string // whose it is, see owner; nil: nobody's yet
	Email      *string // a personal datum
	Card       Card    `gorm:"embedded;embeddedPrefix:card_"` // default for invoices
	DeletedAt  *time.Time
	Wanted     int64 // how often somebody wanted it looked at …
	Fetched    int64 // … and up to which of these what is kept is newer
	// LeaseHolder is the workflow whose turn it is to look, until LeaseUntil; both are
	// nil when nobody looks.
	LeaseHolder *string
	LeaseUntil  *time.Time
	LookedBy    string     // the workflow whose look was kept last
	SyncedAt    *time.Time // nil: never looked at
	CreatedAt   time.Time  `gorm:"->"`
}

// knowStripeCustomer locks the row of a customer of Stripe's, and makes it first if
// they are met for the first time.
func knowStripeCustomer(tx *gorm.DB, id string) (*StripeCustomer, error) {
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&StripeCustomer{ID: id}).Error; err != nil {
		return nil, err
	}
	return lockStripeCustomer(tx, id)
}

// lockStripeCustomer locks the row of a customer of Stripe's, under which their
// subscriptions and invoices are written.
func lockStripeCustomer(tx *gorm.DB, id string) (*StripeCustomer, error) {
	var c StripeCustomer
	err := tx.Clauses(forUpdate).Take(&c, "id = ?", id).Error
	return &c, orNotFound(err, "Stripe customer")
}

// save writes everything but the ID.
func (c *StripeCustomer) save(tx *gorm.DB) error {
	return tx.Model(c).Select("*").Omit("id", "created_at").Updates(c).Error
}

// subscriptions are the customer's as they are kept.
func (c *StripeCustomer) subscriptions(tx *gorm.DB) ([]Subscription, error) {
	var list []Subscription
	err := tx.Where("stripe_customer_id = ?", c.ID).Order("id").Find(&list).Error
	return list, err
}

// learn takes over what Stripe says. Of one that is gone, or that it does not know, it
// says nothing: what was known stays, for whoever asks whose it was.
func (c *StripeCustomer) learn(f StripeCustomerFacts) {
	if f.Gone || f.Unknown {
		return
	}
	c.Told = Clean(f.CustomerID, MaxMetadataValue)
	c.Email = nonEmpty(Clean(f.Email, 320))
	c.Card = f.Card.clean()
}

// differs says whether something other than whose turn it is differs.
func (c *StripeCustomer) differs(from StripeCustomer) bool {
	return c.Told != from.Told || value(c.OwnerID) != value(from.OwnerID) || value(c.Email) != value(from.Email) ||
		c.Card != from.Card || (c.DeletedAt == nil) != (from.DeletedAt == nil)
}

// owner is whose the customer is: by their metadata at Stripe, where that can be,
// else by our own mapping. nil: nobody knows.
func (c *StripeCustomer) owner() *string { return firstOf(validOwner(c.Told), c.CustomerID) }

// owner is whose the subscription is: by its own metadata, where that can be, else
// its customer's.
func (s *Subscription) owner(c *StripeCustomer) *string {
	return firstOf(validOwner(s.Told), c.owner())
}

func validOwner(told string) *string {
	if !ValidID(told) {
		return nil
	}
	return &told
}

// resolve finds anew whose the customer and their subscriptions are, after told or
// CustomerID has become another. It writes the customer's row, and has EndGrace tell
// what may have changed for whom. The row is locked; of customers none may be, unless
// lockOwners was told of it.
func (c *StripeCustomer) resolve(tx *gorm.DB, by Cause) error {
	before, err := c.subscriptions(tx)
	if err != nil {
		return err
	}
	owners, err := c.lockOwners(tx, before, before)
	if err != nil {
		return err
	}
	changed, err := c.keepOwned(tx, before, slices.Clone(before), by)
	if err != nil {
		return err
	}
	if changed {
		err = grantSoon(tx, owners)
	}
	if err != nil {
		return err
	}
	return c.save(tx)
}

// lockOwners locks the customers to whom rows of the Stripe customer belong, or will
// belong when the rows are as after, and those named besides. It makes those who are
// met for the first time, and returns them all.
func (c *StripeCustomer) lockOwners(tx *gorm.DB, before, after []Subscription, besides ...string) ([]string, error) {
	var owners []string
	if err := tx.Model(&Customer{}).Where("stripe_customer_id = ?", c.ID).Pluck("id", &owners).Error; err != nil {
		return nil, err
	}
	owners = append(append(owners, besides...), named(c.OwnerID, c.owner())...)
	for _, s := range before {
		owners = append(owners, named(s.OwnerID)...)
	}
	for _, s := range after {
		owners = append(owners, named(s.owner(c))...)
	}
	slices.Sort(owners)
	owners = slices.Compact(owners)
	return owners, lockCustomers(tx, owners)
}

func named(ids ...*string) []string {
	var list []string
	for _, id := range ids {
		if id != nil {
			list = append(list, *id)
		}
	}
	return list
}

// lockCustomers makes the rows that are not there and locks all, each in one order.
// ids are sorted.
func lockCustomers(tx *gorm.DB, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	rows := make([]Customer, len(ids))
	for i, id := range ids {
		rows[i].ID = id
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error; err != nil {
		return err
	}
	return tx.Clauses(forUpdate).Where("id IN ?", ids).Order("id").Find(&[]Customer{}).Error
}

// keepOwned writes whose the customer and their subscriptions are, and the
// subscriptions where they differ from before, with an entry for each that has
// another status or owner. changed says whether one does in anything.
func (c *StripeCustomer) keepOwned(tx *gorm.DB, before, after []Subscription, by Cause) (changed bool, err error) {
	c.OwnerID = c.owner()
	var entries []change
	for i := range after {
		s := &after[i]
		s.OwnerID = s.owner(c)
		entries = append(entries, s.changes(before)...)
	}
	if changed, err = replace(tx, after); err != nil || len(entries) == 0 {
		return changed, err
	}
	return changed, audit(tx, by, entries...)
}

// lose notes that Stripe has deleted the customer. Whoever was known there by their
// name is known by none until the next checkout makes another. The row says so for
// good: Stripe gives no name twice. Rows of customers are locked.
func (c *StripeCustomer) lose(tx *gorm.DB, by Cause) error {
	if c.DeletedAt == nil {
		now := time.Now()
		c.DeletedAt = &now
	}
	var mapped []Customer
	if err := tx.Where("stripe_customer_id = ?", c.ID).Find(&mapped).Error; err != nil {
		return err
	}
	for _, m := range mapped {
		m.StripeCustomerID, m.StripeSynced = nil, false
		if err := m.save(tx); err != nil {
			return err
		}
		err := audit(tx, by, change{action: "customer_gone_at_stripe", subject: "customer", subjectID: m.ID, before: c.ID})
		if err != nil {
			return err
		}
	}
	return nil
}

// depart is what a look that found the customer deleted comes to, for when Stripe has
// told of it by an event and the look found nothing: that word is final.
func (c *StripeCustomer) depart(tx *gorm.DB, by Cause) error {
	if c.DeletedAt != nil {
		return nil
	}
	gone := BillingFacts{Customer: StripeCustomerFacts{ID: c.ID, Gone: true}}
	owners, changed, err := c.become(tx, gone, 0, by)
	if err == nil && changed {
		err = grantSoon(tx, owners)
	}
	if err != nil {
		return err
	}
	return c.save(tx)
}

// LoseStripeCustomer notes that Stripe has no such customer, as an answer to another
// question said. What became of the subscriptions is the next look's to find out,
// which customer.deleted brings.
func (db *DB) LoseStripeCustomer(ctx context.Context, stripeCustomerID string) error {
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		c, err := knowStripeCustomer(tx, stripeCustomerID)
		if err != nil {
			return err
		}
		if _, err := c.lockOwners(tx, nil, nil); err != nil {
			return err
		}
		if err := c.lose(tx, Cause{Actor: "stripe"}); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		return fmt.Errorf("lose %s: %w", stripeCustomerID, err)
	}
	return nil
}

// gone is Stripe's customer of ours that was met last among those that are gone
// there, "" when none is.
func gone(tx *gorm.DB, customerID string) (string, error) {
	var ids []string
	err := tx.Model(&StripeCustomer{}).Where("customer_id = ? AND deleted_at IS NOT NULL", customerID).
		Order("created_at DESC, id DESC").Limit(1).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}
