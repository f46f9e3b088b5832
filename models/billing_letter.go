package models

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// settled are the statuses of an invoice of which nothing is to be paid any more.
var settled = []string{"paid", "void", "uncollectible"}

// writeBillingLetters gathers what mails about subscriptions are made of.
func writeBillingLetters(tx *gorm.DB, claimed []Notification) ([]Letter, error) {
	letters := make([]Letter, len(claimed))
	for i, n := range claimed {
		var c StripeCustomer
		if err := tx.Take(&c, "id = ?", value(n.StripeCustomerID)).Error; err != nil {
			return nil, err
		}
		about, err := readBilled(tx, &c, n.subscription(), n.invoice())
		if err == nil {
			letters[i], err = about.letter(tx, n)
		}
		if err != nil {
			return nil, err
		}
	}
	return letters, nil
}

// subscription is what the notification's occasion says of it; "" when that is an
// invoice.
func (n Notification) subscription() string {
	id, _, found := strings.Cut(n.Occasion, ":")
	if !found {
		return ""
	}
	return id
}

// invoice is the invoice that the notification is about; "" when it is about none.
func (n Notification) invoice() string {
	if n.Kind == TellUpcoming || n.Kind == TellTrialEnding {
		return ""
	}
	return n.Occasion
}

// letter is one notification, by what is kept now: it may be sent long after it was
// due.
func (b billed) letter(tx *gorm.DB, n Notification) (Letter, error) {
	l := Letter{Notification: n}
	var err error
	if l.Address, err = customerAddress(tx, value(b.owner()), value(b.customer.Email)); err != nil {
		return l, err
	}
	if b.invoice.ID != "" {
		l.Billing.Invoice = b.invoice.facts()
	}
	if b.subscription.ID != "" {
		l.Billing.Subscription = b.subscription.facts()
	}
	if n.Kind == TellUpcoming {
		if err := json.Unmarshal([]byte(n.Detail), &l.Billing.Upcoming); err != nil {
			return l, err
		}
	}
	l.Billing.Over = b.over(n, l.Billing.Upcoming)
	return l, nil
}

// over says whether what the notification tells has come to pass, or to nothing.
func (b billed) over(n Notification, u UpcomingFacts) bool {
	switch n.Kind {
	case TellInvoiceFailed, TellInvoiceAction:
		return slices.Contains(settled, b.invoice.Status)
	case TellUpcoming:
		return b.subscription.ID != "" && b.subscription.reached(u)
	case TellTrialEnding:
		return !b.subscription.trialUntil(n.Occasion)
	default:
		return false
	}
}

// reached says whether the period has begun that a charge was announced for, or will
// not begin.
func (s *Subscription) reached(u UpcomingFacts) bool {
	if slices.Contains(ended, s.Status) {
		return true
	}
	begins := u.begins()
	if begins == nil {
		return false
	}
	notAfter := func(t *time.Time) bool { return t != nil && !t.After(*begins) }
	begun := s.CurrentPeriodStart != nil && !s.CurrentPeriodStart.Before(*begins)
	return begun || notAfter(s.CancelAt) || s.CancelAtPeriodEnd && notAfter(s.CurrentPeriodEnd)
}

// draftTime is for how long Stripe leaves an invoice a draft before it collects it,
// and some minutes.
const draftTime = 2 * time.Hour

// begins is when the period begins that the charge is for; nil: not told. Lines may
// be for what was used in the period before: then it is when the charge is made.
func (u UpcomingFacts) begins() *time.Time {
	from := u.PeriodStart
	if from == 0 || u.At > from+int64(draftTime/time.Second) {
		from = u.At
	}
	if from == 0 {
		return nil
	}
	at := time.Unix(from, 0)
	return &at
}

// trialUntil says whether the subscription is in the trial whose end the occasion names.
func (s *Subscription) trialUntil(occasion string) bool {
	return s.Status == "trialing" && s.TrialEnd != nil && occasionOf(s.ID, s.TrialEnd.Unix()) == occasion
}

// facts are the invoice as a mail shows it.
func (i Invoice) facts() InvoiceFacts {
	return InvoiceFacts{
		ID: i.ID, SubscriptionID: i.SubscriptionID, Number: i.Number, Status: i.Status, BillingReason: i.BillingReason,
		Currency: i.Currency, Subtotal: i.Subtotal, Tax: i.Tax, Total: i.Total,
		AmountDue: i.AmountDue, AmountPaid: i.AmountPaid, AmountRemaining: i.AmountRemaining,
		AttemptCount: i.AttemptCount, NextAttemptAt: utc(i.NextAttemptAt), PeriodStart: utc(i.PeriodStart), PeriodEnd: utc(i.PeriodEnd),
		Lines: i.Lines, MoreLines: i.MoreLines, HostedURL: i.HostedURL, PDFURL: i.PDFURL,
		PaymentIntentID: value(i.PaymentIntentID), FailureMessage: i.FailureMessage,
		FinalizedAt: utc(i.FinalizedAt), PaidAt: utc(i.PaidAt), MadeAt: i.MadeAt.UTC(),
	}
}

// facts are the subscription as a mail shows it.
func (s Subscription) facts() SubscriptionFacts {
	return SubscriptionFacts{
		ID: s.ID, CustomerID: s.Told, Status: s.Status, Currency: s.Currency, Items: s.Items,
		PeriodStart: utc(s.CurrentPeriodStart), PeriodEnd: utc(s.CurrentPeriodEnd),
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, CancelAt: utc(s.CancelAt), CanceledAt: utc(s.CanceledAt), EndedAt: utc(s.EndedAt),
		TrialStart: utc(s.TrialStart), TrialEnd: utc(s.TrialEnd),
		PauseBehavior: s.PauseBehavior, PauseResumesAt: utc(s.PauseResumesAt), PendingUntil: utc(s.PendingUntil),
		LatestInvoiceID: s.LatestInvoiceID, Card: s.Card, Livemode: s.Livemode, StartedAt: s.StartedAt.UTC(),
	}
}
