package models

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Customer buys. A row appears on first use; who they are is the identity
// provider's to know.
type Customer struct {
	ID               string
	Email            *string // nil: not told; then a payment's own address serves
	Name             *string
	StripeCustomerID *string    // nil: not made yet
	StripeSynced     bool       // Stripe's customer has this email and name
	ForgottenAt      *time.Time // nil: remembered
	CreatedAt        time.Time  `gorm:"->"`
}

func (c Customer) profile() CustomerProfile {
	return CustomerProfile{
		CustomerID: c.ID, StripeCustomerID: value(c.StripeCustomerID),
		Email: value(c.Email), Name: value(c.Name), Synced: c.StripeSynced,
	}
}

// profileNow is the profile with Stripe's customer before, where one is to be made
// anew: Stripe would answer a request that it knows with the one that is gone.
func (c Customer) profileNow(tx *gorm.DB) (CustomerProfile, error) {
	p := c.profile()
	if p.StripeCustomerID != "" {
		return p, nil
	}
	var err error
	p.After, err = gone(tx, c.ID)
	return p, err
}

// Profile is a customer as Stripe is to know them.
func (db *DB) Profile(ctx context.Context, customerID string) (CustomerProfile, error) {
	return db.changeCustomer(ctx, customerID, func(*gorm.DB, *Customer) error { return nil })
}

// PutCustomer keeps a customer's mail address and name, which Stripe's customer
// is to have as well from now on. One who was forgotten is remembered again.
func (db *DB) PutCustomer(ctx context.Context, customerID, email, name string) (CustomerProfile, error) {
	switch {
	case !ValidEmail(email):
		return CustomerProfile{}, invalid("email", "Must be a mail address")
	case !validName(name):
		return CustomerProfile{}, invalid("name", "Must be 1 to 200 characters")
	}
	return db.changeCustomer(ctx, customerID, func(tx *gorm.DB, c *Customer) error {
		var changed []string // the names of what changed: what it was and is now is nobody's business
		if value(c.Email) != email {
			changed = append(changed, "email")
		}
		if value(c.Name) != name {
			changed = append(changed, "name")
		}
		if len(changed) == 0 {
			return nil
		}
		c.Email, c.Name, c.StripeSynced, c.ForgottenAt = &email, &name, false, nil
		if err := c.save(tx); err != nil {
			return err
		}
		return audit(tx, byCustomer, change{
			action: "customer_changed", subject: "customer", subjectID: c.ID, after: strings.Join(changed, ", "),
		})
	})
}

// KeepStripeCustomer notes that Stripe has a customer with the ID, the email and
// the name of asOf, and returns what is true now. The first ID that is kept stays,
// for as long as Stripe has it: one that is gone there is not kept, and the caller
// makes another. Stripe is up to date only if nothing was changed since asOf was
// read.
func (db *DB) KeepStripeCustomer(ctx context.Context, asOf CustomerProfile) (CustomerProfile, error) {
	if asOf.StripeCustomerID == "" || !ValidID(asOf.CustomerID) {
		return db.Profile(ctx, asOf.CustomerID)
	}
	var p CustomerProfile
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		atStripe, err := knowStripeCustomer(tx, asOf.StripeCustomerID)
		if err != nil {
			return err
		}
		subscriptions, err := atStripe.subscriptions(tx)
		if err != nil {
			return err
		}
		if _, err := atStripe.lockOwners(tx, subscriptions, subscriptions, asOf.CustomerID); err != nil {
			return err
		}
		var c Customer
		if err := tx.Take(&c, "id = ?", asOf.CustomerID).Error; err != nil {
			return err
		}
		if err := c.keepAtStripe(tx, atStripe, asOf); err != nil {
			return err
		}
		p, err = c.profileNow(tx)
		return err
	})
	if err != nil {
		return CustomerProfile{}, fmt.Errorf("customer %s: %w", asOf.CustomerID, err)
	}
	return p, nil
}

// keepAtStripe maps Stripe's customer to c, unless it is gone, and notes what Stripe
// has of c.
func (c *Customer) keepAtStripe(tx *gorm.DB, atStripe *StripeCustomer, asOf CustomerProfile) error {
	if atStripe.DeletedAt != nil {
		return nil
	}
	by := Cause{Actor: "twigz"}
	if atStripe.CustomerID == nil {
		atStripe.CustomerID = &c.ID
		if err := atStripe.resolve(tx, by); err != nil {
			return err
		}
	}
	before := c.profile()
	if c.StripeCustomerID == nil {
		c.StripeCustomerID = &asOf.StripeCustomerID
	}
	now := c.profile()
	if now.StripeCustomerID == asOf.StripeCustomerID && now.Email == asOf.Email && now.Name == asOf.Name {
		c.StripeSynced = true
	}
	if c.profile() == before {
		return nil
	}
	if err := c.save(tx); err != nil || before.StripeCustomerID == now.StripeCustomerID {
		return err
	}
	return audit(tx, by, change{
		action: "customer_at_stripe", subject: "customer", subjectID: c.ID, after: now.StripeCustomerID,
	})
}

func (c *Customer) save(tx *gorm.DB) error {
	return tx.Model(c).Select("email", "name", "stripe_customer_id", "stripe_synced", "forgotten_at").Updates(c).Error
}

// changeCustomer makes the customer's row if need be, and runs one change with it
// locked.
func (db *DB) changeCustomer(ctx context.Context, id string, do func(tx *gorm.DB, c *Customer) error) (CustomerProfile, error) {
	if !ValidID(id) {
		return CustomerProfile{}, notFound("Customer")
	}
	var p CustomerProfile
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Customer{ID: id}).Error; err != nil {
			return err
		}
		var c Customer
		if err := tx.Clauses(forUpdate).Take(&c, "id = ?", id).Error; err != nil {
			return err
		}
		if err := do(tx, &c); err != nil {
			return err
		}
		var err error
		p, err = c.profileNow(tx)
		return err
	})
	if err != nil {
		return CustomerProfile{}, fmt.Errorf("customer %s: %w", id, err)
	}
	return p, nil
}
