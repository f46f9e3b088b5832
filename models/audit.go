package models

import (
	"time"

	"gorm.io/gorm"
)

// AuditEntry is one line of who changed what, when and why.
type AuditEntry struct {
	ID        int64     `gorm:"primaryKey" json:"-"`
	At        time.Time `gorm:"default:now()" json:"at"`
	Actor     string    `json:"actor"`             // stripe, or the name of a support token
	Claimed   bool      `json:"claimed,omitempty"` // the actor said so, in a signal: nobody has checked
	Action    string    `json:"action"`            // such as payment_paid
	Subject   string    `json:"subject"`
	SubjectID string    `json:"subjectId"`
	PaymentID *string   `json:"-"` // whose story it belongs to; nil: no payment's
	Before    string    `json:"before,omitempty"`
	After     string    `json:"after,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// Cause is who makes a change, and why.
type Cause struct {
	Actor   string // stripe, or the name of a support token
	Claimed bool   // the actor said so, in a signal: nobody has checked
	Reason  string // for stripe: the event's ID
}

func (e Event) cause() Cause { return Cause{Actor: "stripe", Reason: e.ID} }

// turn is whose turn it is to act on a payment: the workflow that is to wait
// should a person be needed ("" when there is none), and the cause that the
// audit trail names.
type turn struct {
	workflow string
	by       Cause
}

func (e Event) turn() turn { return turn{workflow: e.ID, by: e.cause()} }

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
			Actor: by.Actor, Claimed: by.Claimed, Reason: by.Reason, Action: c.action,
			Subject: c.subject, SubjectID: c.subjectID, Before: c.before, After: c.after,
		}
		if c.paymentID != "" {
			entries[i].PaymentID = &c.paymentID
		}
	}
	return tx.Create(&entries).Error
}
