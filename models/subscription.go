package models

import (
	"database/sql/driver"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Subscription is a subscription as Stripe has it, and whose it is.
type Subscription struct {
	ID                 string
	StripeCustomerID   string
	Told               string  // whose it is by its own metadata, or its session's; "": they do not say
	OwnerID            *string // nil: nobody's yet
	Status             string  // Stripe's word
	Currency           string
	Items              jsonList[SubscriptionItem]
	CurrentPeriodStart *time.Time
	CurrentPeriodEnd   *time.Time
	CancelAtPeriodEnd  bool
	CancelAt           *time.Time
	CanceledAt         *time.Time
	EndedAt            *time.Time
	TrialStart         *time.Time
	TrialEnd           *time.Time
	PauseBehavior      string     // "": its collection is not paused
	PauseResumesAt     *time.Time // nil: until somebody says so
	PendingUntil       *time.Time // an update waits to be paid until then; nil: none does
	LatestInvoiceID    string
	Card               Card       `gorm:"embedded;embeddedPrefix:card_"` // of what it is paid by, else its customer's default
	GraceUntil         *time.Time // access is kept until then although a payment failed; nil: none failed
	Livemode           bool
	StartedAt          time.Time
	UpdatedAt          time.Time
}

// jsonList is a list in a jsonb column; nil is an empty one.
type jsonList[T any] []T

// Value stores the list.
func (l jsonList[T]) Value() (driver.Value, error) {
	if l == nil {
		return "[]", nil
	}
	return jsonText([]T(l))
}

// Scan reads what Value stored.
func (l *jsonList[T]) Scan(src any) error { return scanJSON(src, (*[]T)(l)) }

// GormDataType tells gorm what it cannot see from a nil value.
func (jsonList[T]) GormDataType() string { return "jsonb" }

// The most that is kept of Stripe's texts, in characters.
const (
	maxName = 255 // IDs and names of things
	maxText = 500
	maxURL  = 2000
)

// utc is a time as it is kept and shown: by the second as Stripe's are, in one zone.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	same := t.UTC().Truncate(time.Second)
	return &same
}

func (c Card) clean() Card {
	return Card{Brand: Clean(c.Brand, maxName), Last4: Clean(c.Last4, maxName)}
}

func (c *Card) orNil() *Card {
	if *c == (Card{}) {
		return nil
	}
	return c
}

func (i SubscriptionItem) clean() SubscriptionItem {
	for _, text := range []*string{&i.ID, &i.PriceID, &i.ProductID, &i.ProductName, &i.Tier, &i.Currency, &i.Interval} {
		*text = Clean(*text, maxText)
	}
	return i
}

// subscription is the row of a subscription by Stripe's word. known is the row
// before, zero when there was none: what its session said of its owner is told once,
// by an event, and stays where the subscription itself says nothing.
func (c *StripeCustomer) subscription(f SubscriptionFacts, known Subscription) Subscription {
	s := Subscription{
		ID: f.ID, StripeCustomerID: c.ID, Told: firstText(Clean(f.CustomerID, MaxMetadataValue), known.Told),
		Status: Clean(f.Status, maxName), Currency: Clean(f.Currency, 32),
		CurrentPeriodStart: utc(f.PeriodStart), CurrentPeriodEnd: utc(f.PeriodEnd),
		CancelAtPeriodEnd: f.CancelAtPeriodEnd, CancelAt: utc(f.CancelAt), CanceledAt: utc(f.CanceledAt), EndedAt: utc(f.EndedAt),
		TrialStart: utc(f.TrialStart), TrialEnd: utc(f.TrialEnd),
		PauseBehavior: Clean(f.PauseBehavior, maxName), PauseResumesAt: utc(f.PauseResumesAt), PendingUntil: utc(f.PendingUntil),
		LatestInvoiceID: Clean(f.LatestInvoiceID, maxName), Card: f.Card.clean(), Livemode: f.Livemode, StartedAt: *utc(&f.StartedAt),
	}
	for _, item := range f.Items {
		s.Items = append(s.Items, item.clean())
	}
	if s.Card == (Card{}) {
		s.Card = c.Card
	}
	return s
}

// replaced are the customer's rows as they are to be by Stripe's word, by ID. One
// that it does not tell of stays as it is; but with its customer gone it has ended.
func (c *StripeCustomer) replaced(before []Subscription, f BillingFacts) []Subscription {
	by := map[string]Subscription{}
	for _, s := range before {
		if f.Customer.Gone {
			s.end()
		}
		by[s.ID] = s
	}
	for _, fact := range f.Subscriptions {
		by[fact.ID] = c.subscription(fact, by[fact.ID])
	}
	return sortedRows(by)
}

// end is what becomes of a subscription whose customer is deleted.
func (s *Subscription) end() {
	if slices.Contains(ended, s.Status) {
		return
	}
	now := time.Now()
	s.Status, s.EndedAt, s.CanceledAt = "canceled", utc(&now), firstOf(s.CanceledAt, utc(&now))
}

// changes are the entries of the audit that the subscription is due: it has
// another status or owner than before.
func (s *Subscription) changes(before []Subscription) []change {
	var was Subscription
	if i := slices.IndexFunc(before, func(b Subscription) bool { return b.ID == s.ID }); i >= 0 {
		was = before[i]
	}
	var list []change
	if s.Status != was.Status {
		list = append(list, change{action: "subscription_" + s.Status, subject: "subscription", subjectID: s.ID, before: was.Status, after: s.Status})
	}
	if owner := value(s.OwnerID); owner != value(was.OwnerID) {
		list = append(list, change{action: "subscription_owned", subject: "subscription", subjectID: s.ID, before: value(was.OwnerID), after: owner})
	}
	return list
}

// lapsing are the statuses in which a payment has failed and access is kept for a
// while.
var lapsing = []string{"past_due", "unpaid"}

// grace reckons until when access is kept of subscriptions of which a payment
// failed: counted from when the oldest invoice that was tried and is open still was
// finalized, which no further attempt puts off; else from the period that is not
// paid.
func (c *StripeCustomer) grace(tx *gorm.DB, list []Subscription, grace time.Duration) error {
	var owed []struct {
		SubscriptionID string
		Since          *time.Time
	}
	err := tx.Model(&Invoice{}).Select("subscription_id, min(finalized_at) AS since").
		Where("stripe_customer_id = ? AND subscription_id <> '' AND status = 'open' AND attempt_count > 0", c.ID).
		Group("subscription_id").Scan(&owed).Error
	if err != nil {
		return err
	}
	since := map[string]*time.Time{}
	for _, o := range owed {
		since[o.SubscriptionID] = o.Since
	}
	for i := range list {
		s := &list[i]
		s.GraceUntil = nil
		if slices.Contains(lapsing, s.Status) {
			from := firstOf(firstOf(since[s.ID], s.CurrentPeriodStart), &s.StartedAt)
			until := from.Add(grace)
			s.GraceUntil = utc(&until)
		}
	}
	return nil
}

// row is a row that replace writes.
type row interface{ Subscription | Invoice }

// replace writes rows in the place of those of the same ID, and says whether one is
// another than it was: those that are not are left alone, with the time of their
// last change, and nobody is told of them.
func replace[T row](tx *gorm.DB, rows []T) (changed bool, err error) {
	if len(rows) == 0 {
		return false, nil
	}
	parsed := gorm.Statement{DB: tx}
	if err := parsed.Parse(new(T)); err != nil {
		return false, err
	}
	facts := slices.DeleteFunc(slices.Clone(parsed.Schema.DBNames), func(name string) bool { return name == "id" || name == "updated_at" })
	table := parsed.Schema.Table
	differs := "(" + table + "." + strings.Join(facts, ", "+table+".") + ") IS DISTINCT FROM (excluded." + strings.Join(facts, ", excluded.") + ")"
	written := tx.Clauses(clause.OnConflict{
		Columns:   columns("id"),
		DoUpdates: append(clause.AssignmentColumns(facts), clause.Assignments(map[string]any{"updated_at": gorm.Expr("now()")})...),
		Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr(differs)}},
	}).CreateInBatches(rows, 100)
	return written.RowsAffected > 0, written.Error
}
