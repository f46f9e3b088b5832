package models

import (
	"time"

	"gorm.io/gorm"
)

// AuditEntry is one line of who changed what, when and why.
type AuditEntry struct {
	ID        int64     `gorm:"primaryKey" json:"-"`
	At        time.Time `gorm:"default:now()" json:"at"`
	Actor     string    `json:"actor"`  // stripe, or the name of a support token
	Action    string    `json:"action"` // such as payment_paid
	Subject   string    `json:"subject"`
	SubjectID string    `json:"subjectId"`
	PaymentID *string   `json:"-"` // whose story it belongs to; nil: no payment's
	Before    string    `json:"before,omitempty"`
	After     string    `json:"after,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// Cause is who makes a change, and why.
type Cause struct {
	Actor  string // stripe, or the name of a support token
	Reason string // for stripe: the event's ID
}

func (e Event) cause() Cause { return Cause{Actor: "stripe", Reason: e.ID} }

// change is one changed value of one subject.
type change struct {
	action    string
	subject   string
	subjectID string
	paymentID string // "" when it is no payment's story
	before    string
	after     string
}

func audit(tx *gorm.DB, by Cause, changes ...change) error {
	entries := make([]AuditEntry, len(changes))
	for i, c := range changes {
		entries[i] = AuditEntry{
			Actor: by.Actor, Reason: by.Reason, Action: c.action,
			Subject: c.subject, SubjectID: c.subjectID, Before: c.before, After: c.after,
		}
		if c.paymentID != "" {
			entries[i].PaymentID = &c.paymentID
		}
	}
	return tx.Create(&entries).Error
}
