package models

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// billingMails are the mails that events about subscriptions are due, by their
// type. Stripe tells of a paid invoice twice, by two types: it is one mail.
var billingMails = map[string]NotificationKind{
	"invoice.paid":                         TellInvoicePaid,
	"invoice.payment_succeeded":            TellInvoicePaid,
	"invoice.payment_failed":               TellInvoiceFailed,
	"invoice.payment_action_required":      TellInvoiceAction,
	"invoice.upcoming":                     TellUpcoming,
	"customer.subscription.trial_will_end": TellTrialEnding,
}

// FinishSync notes what became of an event about subscriptions, after its customer
// was looked at for it: whose it is, and whether they are to be told by mail. Each
// mail is written once, whichever event it comes with and however often, and is the
// workflow's of the event that came first.
func (db *DB) FinishSync(ctx context.Context, e Event) (Billed, error) {
	b := Billed{Outcome: SubscriptionUnknown}
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		want := SyncWant{StripeCustomerID: e.StripeCustomerID, SubscriptionID: e.SubscriptionID, InvoiceID: e.InvoiceID}
		id, err := want.customer(tx)
		if err == nil && id != "" {
			b, err = finish(tx, id, e)
		}
		if err != nil {
			return err
		}
		return recordBilled(tx, e, b)
	})
	if err != nil {
		return Billed{}, fmt.Errorf("finish sync for %s: %w", e.ID, err)
	}
	return b, nil
}

// finish is FinishSync for an event about a customer of Stripe's.
func finish(tx *gorm.DB, stripeCustomerID string, e Event) (Billed, error) {
	c, err := knowStripeCustomer(tx, stripeCustomerID)
	if err != nil {
		return Billed{}, err
	}
	if err := c.hear(tx, e); err != nil {
		return Billed{}, err
	}
	if e.Type == "customer.deleted" {
		if err := c.depart(tx, e.cause()); err != nil {
			return Billed{}, err
		}
	}
	about, err := billedFor(tx, c, e)
	if err != nil {
		return Billed{}, err
	}
	if err := about.announce(tx, e); err != nil {
		return Billed{}, err
	}
	b := Billed{Outcome: SubscriptionSynced, StripeCustomerID: c.ID, CustomerID: value(about.owner())}
	if b.CustomerID == "" {
		b.Outcome = SubscriptionUnowned
	}
	b.Tell, err = about.mailDue(tx, e)
	return b, err
}

// hear takes over whose the subscription is by the event's own metadata, where the
// subscription itself does not say: a checkout session's may, which nobody asks
// Stripe for later.
func (c *StripeCustomer) hear(tx *gorm.DB, e Event) error {
	told := e.Metadata[KeyCustomerID]
	if e.SubscriptionID == "" || !ValidID(told) {
		return nil
	}
	heard := tx.Model(&Subscription{}).Where("id = ? AND stripe_customer_id = ? AND told = ''", e.SubscriptionID, c.ID).
		UpdateColumn("told", told)
	if heard.Error != nil || heard.RowsAffected == 0 {
		return heard.Error
	}
	return c.resolve(tx, e.cause())
}

// billed is what an event or a mail is about, as it is kept now.
type billed struct {
	customer     *StripeCustomer
	subscription Subscription // zero: none, or not known
	invoice      Invoice      // zero: none, or not known
}

// billedFor finds what the event is about among what is kept of the customer.
func billedFor(tx *gorm.DB, c *StripeCustomer, e Event) (billed, error) {
	return readBilled(tx, c, e.SubscriptionID, e.InvoiceID)
}

// readBilled reads a subscription and an invoice of the customer; the subscription
// is the invoice's, where it has one.
func readBilled(tx *gorm.DB, c *StripeCustomer, subscriptionID, invoiceID string) (billed, error) {
	b := billed{customer: c}
	if invoiceID != "" {
		err := tx.Where("id = ? AND stripe_customer_id = ?", invoiceID, c.ID).Limit(1).Find(&b.invoice).Error
		if err != nil {
			return b, err
		}
		subscriptionID = firstText(b.invoice.SubscriptionID, subscriptionID)
	}
	if subscriptionID == "" {
		return b, nil
	}
	err := tx.Where("id = ? AND stripe_customer_id = ?", subscriptionID, c.ID).Limit(1).Find(&b.subscription).Error
	return b, err
}

// owner is whose it is; nil: nobody's yet.
func (b billed) owner() *string {
	if b.subscription.ID != "" {
		return b.subscription.OwnerID
	}
	return b.customer.OwnerID
}

// announce writes the mail that the event is due, if it is due one.
func (b billed) announce(tx *gorm.DB, e Event) error {
	kind, due := billingMails[e.Type]
	if !due {
		return nil
	}
	occasion, detail, err := b.occasion(kind, e)
	if err != nil || occasion == "" {
		return err
	}
	now := time.Now()
	row := Notification{
		ID: newID("ntf"), StripeCustomerID: &b.customer.ID, Recipient: ToCustomer, Kind: kind, Occasion: occasion, Detail: detail,
		Status: NotificationPending, ClaimedBy: &e.ID, ClaimedAt: &now,
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
}

// occasion is what there is a mail of, once, and what has to be kept of the event for
// it. It is "" when there is nothing to tell: of what nobody knows, and of what costs
// nothing, such as the invoice that a trial begins with. An invoice that is said to be
// paid and is not was refunded or voided since, or the event does not tell the truth.
func (b billed) occasion(kind NotificationKind, e Event) (occasion, detail string, err error) {
	switch {
	case kind == TellUpcoming:
		u := e.Upcoming
		if u == nil || u.Amount == 0 || e.SubscriptionID != "" && b.subscription.ID == "" {
			return "", "", nil
		}
		detail, err = jsonText(u)
		return occasionOf(e.SubscriptionID, cmp.Or(u.At, u.PeriodEnd)), detail, err
	case kind == TellTrialEnding:
		if b.subscription.ID == "" || e.TrialEnd == 0 {
			return "", "", nil
		}
		return occasionOf(b.subscription.ID, e.TrialEnd), strconv.FormatInt(e.TrialEnd, 10), nil
	case b.invoice.ID == "", b.invoice.Total == 0, kind == TellInvoicePaid && b.invoice.Status != "paid":
		return "", "", nil
	default:
		return b.invoice.ID, "", nil
	}
}

// occasionOf is what a subscription comes to at one time, Unix seconds.
func occasionOf(subscriptionID string, at int64) string {
	return subscriptionID + ":" + strconv.FormatInt(at, 10)
}

// mailDue says whether a mail is the event's workflow's to send: its own, or one of
// the same customer whose workflow has died.
func (b billed) mailDue(tx *gorm.DB, e Event) (bool, error) {
	var due int64
	err := tx.Model(&Notification{}).
		Where("status = 'pending' AND (claimed_by = ? OR stripe_customer_id = ? AND claimed_at < ?)", e.ID, b.customer.ID, time.Now().Add(-claimFor)).
		Count(&due).Error
	return due > 0, err
}

// recordBilled notes what came of an event about subscriptions. One that is delivered
// again keeps what it said, unless nobody knew then what it was about.
func recordBilled(tx *gorm.DB, e Event, b Billed) error {
	row := StripeEvent{
		ID: e.ID, Type: e.Type, APIVersion: e.APIVersion, Livemode: e.Livemode, Created: e.createdTime(),
		StripeCustomerID: nonEmpty(b.StripeCustomerID), ObjectID: firstText(e.InvoiceID, e.SubscriptionID), Outcome: string(b.Outcome),
	}
	return tx.Clauses(clause.OnConflict{
		Columns:   columns("id"),
		DoUpdates: clause.AssignmentColumns([]string{"stripe_customer_id", "outcome"}),
		Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("stripe_events.outcome = ?", string(SubscriptionUnknown))}},
	}).Create(&row).Error
}

// claimPayments makes payments subscriptions' that were unmatched until an invoice
// named them: from 2025-03-31.basil on they do not say themselves that they pay one.
// The names are locked as observe does, so that neither can miss the other: whoever
// comes second sees what the first has written. It comes before customers are locked.
func claimPayments(tx *gorm.DB, by Cause, paymentIntents ...string) error {
	if len(paymentIntents) == 0 {
		return nil
	}
	if err := lockNames(tx, paymentIntents...); err != nil {
		return err
	}
	var claimed []Payment
	err := tx.Model(&claimed).Clauses(clause.Returning{Columns: columns("id")}).
		Where("payment_intent_id IN ? AND kind = ?", paymentIntents, UnmatchedPayment).
		Update("kind", SubscriptionPayment).Error
	if err != nil || len(claimed) == 0 {
		return err
	}
	entries := make([]change, len(claimed))
	for i, p := range claimed {
		entries[i] = p.change("payment_of_subscription", string(UnmatchedPayment), string(SubscriptionPayment))
	}
	return audit(tx, by, entries...)
}

// paysInvoice says whether a payment intent pays an invoice that is known.
func paysInvoice(tx *gorm.DB, paymentIntent string) (bool, error) {
	if paymentIntent == "" {
		return false, nil
	}
	var known int64
	err := tx.Model(&Invoice{}).Where("payment_intent_id = ?", paymentIntent).Limit(1).Count(&known).Error
	return known > 0, err
}
