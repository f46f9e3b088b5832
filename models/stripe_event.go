package models

import "time"

// StripeEvent is an event that a workflow acted on. The workflow's ID is the
// event's.
type StripeEvent struct {
	ID         string
	Type       string
	APIVersion string
	Livemode   bool
	Created    time.Time // by Stripe's clock
	PaymentID  string    `gorm:"default:null"` // "" when it is about no payment
	// StripeCustomerID is whose subscription it is about; nil when it is about a
	// payment, or does not say.
	StripeCustomerID *string
	ObjectID         string    // the subscription or invoice that it is about; "" when it is about a payment
	Outcome          string    // one word: what came of it
	RecordedAt       time.Time `gorm:"->"`
}

// createdTime is the event's time where Postgres can hold it. An absurd one is
// the epoch: it is shown, never computed with.
func (e Event) createdTime() time.Time {
	const year9999 = 253_402_300_799
	if e.Created < 0 || e.Created > year9999 {
		return time.Unix(0, 0).UTC()
	}
	return time.Unix(e.Created, 0).UTC()
}
