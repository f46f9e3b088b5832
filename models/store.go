package models

import (
	"context"
	"encoding/json"
	"net/mail"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// WhenUnfulfillable is what a store wants when a paid order cannot be made.
type WhenUnfulfillable string

// What a store may want.
const (
	RefundWhenUnfulfillable WhenUnfulfillable = "refund"
	HoldWhenUnfulfillable   WhenUnfulfillable = "hold"
)

// Store sells products in one currency.
type Store struct {
	ID              string            `json:"id"`
	Name            string            `json:"name"`
	Email           string            `json:"email"` // where its orders are announced
	Currency        Currency          `json:"currency"`
	DeliveryFee     int64             `json:"deliveryFee"`     // minor units, for one delivery; pickup is free
	Active          bool              `json:"active"`          // false: closed
	AutomaticTax    bool              `json:"automaticTax"`    // Stripe Tax at checkout
	OnUnfulfillable WhenUnfulfillable `json:"onUnfulfillable"` // refund unless the store says otherwise
	CreatedAt       time.Time         `gorm:"->" json:"-"`     // set by Postgres
	UpdatedAt       time.Time         `json:"-"`
}

// fee is what the store takes for a way of delivery, minor units.
func (s Store) fee(d Delivery) int64 {
	if d == Pickup {
		return 0
	}
	return s.DeliveryFee
}

func (s Store) check() error {
	switch {
	case !ValidID(s.ID):
		return invalid("storeId", "Must be 1 to 64 characters without control characters")
	case !validName(s.Name):
		return invalid("name", "Must be 1 to 200 characters")
	case !ValidEmail(s.Email):
		return invalid("email", "Must be a mail address")
	case !s.Currency.Valid():
		return invalid("currency", "Must be a three-letter lower-case currency code")
	case s.DeliveryFee < 0 || s.DeliveryFee > MaxAmount:
		return invalid("deliveryFee", "Must be between 0 and 999999999999")
	case s.OnUnfulfillable != RefundWhenUnfulfillable && s.OnUnfulfillable != HoldWhenUnfulfillable:
		return invalid("onUnfulfillable", "Must be refund or hold")
	}
	return nil
}

// validName is text for people: one line, not blank, at most 200 characters.
func validName(s string) bool {
	return strings.TrimSpace(s) != "" && s == Clean(s, 200) && !damaged(s) && !strings.ContainsFunc(s, control)
}

// ValidEmail says whether s is one bare mail address that could be written to.
func ValidEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s && len(s) <= 320 && !damaged(s)
}

// PutStore makes the store or changes it, with an audit entry. The currency of
// a store that has products cannot change: their prices would change meaning.
func (db *DB) PutStore(ctx context.Context, s Store, by Cause) (Store, error) {
	if err := s.check(); err != nil {
		return s, err
	}
	s.UpdatedAt = time.Now()
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		// A store that does not exist yet has no row to lock.
		if err := lockNames(tx, "store "+s.ID); err != nil {
			return err
		}
		var old []Store
		if err := tx.Clauses(forUpdate).Where("id = ?", s.ID).Limit(1).Find(&old).Error; err != nil {
			return err
		}
		if len(old) == 1 && old[0].Currency != s.Currency {
			var priced int64
			if err := tx.Model(&Product{}).Where("store_id = ?", s.ID).Limit(1).Count(&priced).Error; err != nil {
				return err
			}
			if priced > 0 {
				return conflict("The currency of a store that has products cannot change")
			}
		}
		if err := tx.Clauses(clause.OnConflict{Columns: columns("id"), UpdateAll: true}).Create(&s).Error; err != nil {
			return err
		}
		return audit(tx, by, put("store", s.ID, old, s))
	})
	return s, err
}

// Store finds a store.
func (db *DB) Store(ctx context.Context, id string) (Store, error) {
	var s Store
	err := db.gorm.WithContext(ctx).Take(&s, "id = ?", id).Error
	return s, orNotFound(err, "Store")
}

// Product is something a store sells, priced in the store's currency.
type Product struct {
	StoreID    string    `gorm:"primaryKey" json:"-"`
	ID         string    `gorm:"primaryKey" json:"id"`
	Name       string    `json:"name"`
	UnitAmount int64     `json:"unitAmount"` // minor units
	Stock      *int64    `json:"stock"`      // nil: not counted
	Active     bool      `json:"active"`     // false: not for sale
	CreatedAt  time.Time `gorm:"->" json:"-"`
	UpdatedAt  time.Time `json:"-"`
}

func (p Product) check() error {
	switch {
	case !ValidID(p.ID):
		return invalid("productId", "Must be 1 to 64 characters without control characters")
	case !validName(p.Name):
		return invalid("name", "Must be 1 to 200 characters")
	case p.UnitAmount < 0 || p.UnitAmount > MaxAmount:
		return invalid("unitAmount", "Must be between 0 and 999999999999")
	case p.Stock != nil && *p.Stock < 0:
		return invalid("stock", "Must not be negative")
	}
	return nil
}

// PutProduct makes the product or changes it, with an audit entry.
func (db *DB) PutProduct(ctx context.Context, p Product, by Cause) (Product, error) {
	if err := p.check(); err != nil {
		return p, err
	}
	p.UpdatedAt = time.Now()
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		// The store is locked as PutStore locks it, so that its currency stays put.
		var store Store
		if err := tx.Clauses(forShare).Take(&store, "id = ?", p.StoreID).Error; err != nil {
			return orNotFound(err, "Store")
		}
		if err := lockNames(tx, "product "+p.StoreID+" "+p.ID); err != nil {
			return err
		}
		var old []Product
		key := Product{StoreID: p.StoreID, ID: p.ID}
		if err := tx.Clauses(forUpdate).Where(&key).Limit(1).Find(&old).Error; err != nil {
			return err
		}
		upsert := clause.OnConflict{Columns: columns("store_id", "id"), UpdateAll: true}
		if err := tx.Clauses(upsert).Create(&p).Error; err != nil {
			return err
		}
		return audit(tx, by, put("product", p.StoreID+"/"+p.ID, old, p))
	})
	return p, err
}

// Products lists what a store has, by name.
func (db *DB) Products(ctx context.Context, storeID string) (Store, []Product, error) {
	store, err := db.Store(ctx, storeID)
	if err != nil {
		return store, nil, err
	}
	products := []Product{}
	err = db.gorm.WithContext(ctx).Where("store_id = ?", storeID).Order("name, id").Find(&products).Error
	return store, products, err
}

// put is the audit entry for a thing that was made or replaced whole.
func put[T any](subject, id string, old []T, now T) change {
	c := change{action: subject + "_made", subject: subject, subjectID: id, after: asText(now)}
	if len(old) == 1 {
		c.action, c.before = subject+"_changed", asText(old[0])
	}
	return c
}

func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

var (
	forUpdate = clause.Locking{Strength: "UPDATE"}
	forShare  = clause.Locking{Strength: "SHARE"}
)

func columns(names ...string) []clause.Column {
	list := make([]clause.Column, len(names))
	for i, name := range names {
		list[i] = clause.Column{Name: name}
	}
	return list
}
