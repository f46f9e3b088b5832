package models

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Subscription is what a customer's subscriptions come to now; of anybody who has
// none, and of anybody unknown, its status is StatusNone.
func (db *DB) Subscription(ctx context.Context, customerID string) (SubscriptionState, error) {
	if !ValidID(customerID) {
		return SubscriptionState{Status: StatusNone}, nil
	}
	state, err := subscriptionState(db.gorm.WithContext(ctx), customerID, time.Now())
	if err != nil {
		return SubscriptionState{}, fmt.Errorf("subscription of %s: %w", customerID, err)
	}
	return state, nil
}

// HasSubscription says whether a customer has a subscription that goes on of a
// product of Stripe's.
func (db *DB) HasSubscription(ctx context.Context, customerID, productID string) (bool, error) {
	if !ValidID(customerID) {
		return false, nil
	}
	owned, err := ownedBy(db.gorm.WithContext(ctx), customerID)
	if err != nil {
		return false, fmt.Errorf("subscriptions of %s: %w", customerID, err)
	}
	return slices.ContainsFunc(owned, func(s Subscription) bool { return Live(s.Status) && s.has(productID) }), nil
}

func (s *Subscription) has(productID string) bool {
	return slices.ContainsFunc(s.Items, func(i SubscriptionItem) bool { return i.ProductID == productID })
}

func ownedBy(tx *gorm.DB, customerID string) ([]Subscription, error) {
	var owned []Subscription
	err := tx.Where("owner_id = ?", customerID).Find(&owned).Error
	return owned, err
}

// subscriptionState reckons what a customer's subscriptions come to at a time.
func subscriptionState(tx *gorm.DB, customerID string, at time.Time) (SubscriptionState, error) {
	owned, err := ownedBy(tx, customerID)
	if err != nil || len(owned) == 0 {
		return SubscriptionState{Status: StatusNone}, err
	}
	latest, err := latestInvoices(tx, owned)
	if err != nil {
		return SubscriptionState{}, err
	}
	slices.SortFunc(owned, func(a, b Subscription) int { return a.moreTelling(b, at) })
	first := owned[0].state(latest, at)
	for _, s := range owned {
		if !slices.Contains(ended, s.Status) {
			first.Subscriptions = append(first.Subscriptions, s.state(latest, at))
		}
		if s.access(at) {
			first.Tiers = append(first.Tiers, s.tiers()...)
		}
	}
	slices.Sort(first.Tiers)
	first.Tiers = slices.Compact(first.Tiers)
	return first, nil
}

// latestInvoices are the latest invoices of subscriptions, by their ID.
func latestInvoices(tx *gorm.DB, of []Subscription) (map[string]*InvoiceState, error) {
	var names []string
	for _, s := range of {
		if s.LatestInvoiceID != "" {
			names = append(names, s.LatestInvoiceID)
		}
	}
	var rows []Invoice
	if err := tx.Where("id IN ?", names).Find(&rows).Error; err != nil {
		return nil, err
	}
	by := map[string]*InvoiceState{}
	for _, i := range rows {
		state := i.state()
		by[i.ID] = &state
	}
	return by, nil
}

// telling are the statuses from the one that says most about a customer to the one
// that says least.
var telling = []string{"active", "trialing", "past_due", "unpaid", "paused", "incomplete", "canceled", "incomplete_expired"}

// rank is a status's place among telling; one that we do not know comes last.
func rank(status string) int {
	if i := slices.Index(telling, status); i >= 0 {
		return i
	}
	return len(telling)
}

// moreTelling sorts subscriptions: those that give access first, then by status,
// then the newest.
func (s *Subscription) moreTelling(than Subscription, at time.Time) int {
	byAccess := 0
	if s.access(at) != than.access(at) {
		byAccess = 1
		if s.access(at) {
			byAccess = -1
		}
	}
	return cmp.Or(byAccess, cmp.Compare(rank(s.Status), rank(than.Status)),
		than.StartedAt.Compare(s.StartedAt), cmp.Compare(than.ID, s.ID))
}

// access says whether what was bought is to be given at a time.
func (s *Subscription) access(at time.Time) bool {
	switch {
	case s.Status == "active", s.Status == "trialing":
		return true
	case s.GraceUntil != nil:
		return at.Before(*s.GraceUntil)
	default:
		return false
	}
}

// tiers are what the subscription grants while it gives access.
func (s *Subscription) tiers() []string {
	var list []string
	for _, item := range s.Items {
		if item.Tier != "" {
			list = append(list, item.Tier)
		}
	}
	return list
}

// state is the subscription as its customer sees it.
func (s *Subscription) state(latest map[string]*InvoiceState, at time.Time) SubscriptionState {
	access, atPeriodEnd, card := s.access(at), s.CancelAtPeriodEnd, s.Card
	state := SubscriptionState{
		Status: s.Status, SubscriptionID: s.ID, Access: &access, AccessUntil: utc(s.GraceUntil),
		PeriodStart: utc(s.CurrentPeriodStart), PeriodEnd: utc(s.CurrentPeriodEnd),
		CancelAtPeriodEnd: &atPeriodEnd, CancelAt: utc(s.CancelAt), CanceledAt: utc(s.CanceledAt), EndedAt: utc(s.EndedAt),
		TrialEnd: utc(s.TrialEnd), PendingUntil: utc(s.PendingUntil), PaymentMethod: card.orNil(),
		Items: s.Items, LatestInvoice: latest[s.LatestInvoiceID],
	}
	if s.PauseBehavior != "" {
		state.PauseCollection = &PauseCollection{Behavior: s.PauseBehavior, ResumesAt: utc(s.PauseResumesAt)}
	}
	if len(s.Items) > 0 { // the first is what was chosen, as a rule; the others are added to it
		item := s.Items[0]
		state.PriceID, state.ProductID, state.ProductName, state.Quantity = item.PriceID, item.ProductID, item.ProductName, item.Quantity
	}
	if tiers := s.tiers(); len(tiers) > 0 {
		state.Tier = &tiers[0]
	}
	return state
}
