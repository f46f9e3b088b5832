package models

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Recipient is who is told.
type Recipient string

// The recipients.
const (
	ToCustomer Recipient = "customer"
	ToStore    Recipient = "store"
	ToSupport  Recipient = "support" // SUPPORT_EMAIL; without one the store, for what cannot wait
)

// NotificationKind is what they are told.
type NotificationKind string

// The kinds of notification.
const (
	TellConfirmed NotificationKind = "order_confirmed" // the customer's receipt
	TellReceived  NotificationKind = "order_received"  // what the store has to prepare
	TellFailed    NotificationKind = "payment_failed"  // why the customer's payment failed

	TellUnfulfillable NotificationKind = "order_unfulfillable" // customer and store: paid, cannot be made, refunded
	TellCanceled      NotificationKind = "order_canceled"      // customer and store: there was an order, it is canceled and refunded
	TellBlocked       NotificationKind = "payment_blocked"     // support: a payment waits for a person, told at once and daily
	TellDeadline      NotificationKind = "dispute_deadline"    // support: evidence counts for two days more

	TellInvoicePaid   NotificationKind = "invoice_paid"            // customer: the invoice itself
	TellInvoiceFailed NotificationKind = "invoice_payment_failed"  // customer: why, and when Stripe tries again
	TellInvoiceAction NotificationKind = "invoice_action_required" // customer: where they confirm the payment
	TellUpcoming      NotificationKind = "invoice_upcoming"        // customer: what will be charged, and when
	TellTrialEnding   NotificationKind = "trial_ending"            // customer: when it ends, and what follows
)

// NotificationStatus is where a notification is.
type NotificationStatus string

// The statuses of a notification. All but pending are final.
const (
	NotificationPending  NotificationStatus = "pending"
	NotificationSent     NotificationStatus = "sent"     // the mail server took it
	NotificationFailed   NotificationStatus = "failed"   // no mail server will ever take it
	NotificationRecorded NotificationStatus = "recorded" // no mail server is configured
)

// Notification is one mail to one recipient about one occasion.
type Notification struct {
	ID        string
	PaymentID string  `gorm:"default:null"` // "" when it is about no payment
	OrderID   *string // nil for payment_failed
	// StripeCustomerID is whose subscription it is about; nil when it is about a payment.
	StripeCustomerID *string
	Recipient        Recipient
	Kind             NotificationKind
	Occasion         string // the order, the failed charge or the invoice; of a subscription its ID, a colon and a time
	Detail           string // Stripe's reason, for payment_failed; of invoice_upcoming UpcomingFacts as JSON
	Status           NotificationStatus
	Address          string // where it went, or was to go; a personal datum
	Attempts         int
	Error            string // why it failed; may quote the mail server
	ClaimedBy        *string
	ClaimedAt        *time.Time
	SentAt           *time.Time
	CreatedAt        time.Time `gorm:"->"`
}

// claimFor is how long a workflow that died may keep a notification from
// another one. Longer than any attempt to send takes and than the longest pause
// between two.
const claimFor = 20 * time.Minute

// Letter is everything that a notification's text is made of.
type Letter struct {
	Notification
	Order   Order // zero for payment_failed
	Store   Store // zero when the payment names no store that exists
	Payment Payment
	Dispute DisputeFacts // zero unless the notification is a dispute_deadline
	OnHold  bool         // the order must not be handed over yet
	Billing BillingLetter
}

// announce writes the notifications that a new order is due.
func announce(tx *gorm.DB, o Order) error {
	due := func(to Recipient, kind NotificationKind) Notification {
		return Notification{
			ID: newID("ntf"), PaymentID: o.PaymentID, OrderID: &o.ID, Occasion: o.ID,
			Recipient: to, Kind: kind, Status: NotificationPending,
		}
	}
	return tx.Create(&[]Notification{due(ToCustomer, TellConfirmed), due(ToStore, TellReceived)}).Error
}

// announceEnd writes the notifications of a payment that will not be an order, or
// not any longer, once for each occasion.
func (p *Payment) announceEnd(tx *gorm.DB, kind NotificationKind, occasion string, orderID *string, why string) error {
	due := func(to Recipient) Notification {
		return Notification{
			ID: newID("ntf"), PaymentID: p.ID, OrderID: orderID, Occasion: occasion, Detail: why,
			Recipient: to, Kind: kind, Status: NotificationPending,
		}
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Notification{due(ToCustomer), due(ToStore)}).Error
}

// Remind writes a mail to support that is due, once for each occasion. It is the
// workflow's that sends it.
func (db *DB) Remind(ctx context.Context, r Reminder) error {
	now := time.Now()
	row := Notification{
		ID: newID("ntf"), PaymentID: r.PaymentID, Occasion: r.Occasion, Detail: r.Detail,
		Recipient: ToSupport, Kind: r.Kind, Status: NotificationPending,
	}
	if r.Workflow != "" {
		row.ClaimedBy, row.ClaimedAt = &r.Workflow, &now
	}
	err := db.gorm.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("remind of %s: %w", r.PaymentID, err)
	}
	return nil
}

// announceFailure writes the notification that a failed attempt is due, once
// for the charge however many events tell of it. It is the event's workflow's
// from the start: should the payment be merged into another row before it is
// sent, that workflow still finds it.
func announceFailure(tx *gorm.DB, p Payment, e Event) error {
	now := time.Now()
	row := Notification{
		ID: newID("ntf"), PaymentID: p.ID, Occasion: firstText(e.ChargeID, e.ID),
		Recipient: ToCustomer, Kind: TellFailed, Detail: e.FailureMessage, Status: NotificationPending,
		ClaimedBy: &e.ID, ClaimedAt: &now,
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
}

// customerAddress is where the customer reads mail: their own row's address,
// else the one the payment came with; "" when nobody knows.
func customerAddress(tx *gorm.DB, customerID, receiptEmail string) (string, error) {
	var known []string
	err := tx.Model(&Customer{}).Where("id = ? AND email IS NOT NULL", customerID).Pluck("email", &known).Error
	if len(known) == 1 {
		return known[0], err
	}
	return receiptEmail, err
}

// ClaimNotifications hands pending notifications to workflow by, with their
// addresses: those that are its own already, even if their payment turned out
// to be part of another one meanwhile, and those of the payment that no other
// workflow is sending. Where by is an event about subscriptions, for which paymentID
// is "", it gets those of the same customer of Stripe's whose workflow has died.
func (db *DB) ClaimNotifications(ctx context.Context, paymentID, by string) ([]Letter, error) {
	// No transaction: should the reading fail, the claim is the workflow's own
	// already, and it reads again.
	tx := db.gorm.WithContext(ctx)
	var claimed []Notification
	free := `status = 'pending' AND (claimed_by = @by
		OR payment_id = @payment AND (claimed_by IS NULL OR claimed_at < @died)
		OR stripe_customer_id = (SELECT stripe_customer_id FROM stripe_events WHERE id = @by) AND claimed_at < @died)`
	err := tx.Model(&claimed).Clauses(clause.Returning{}).
		Where(free, sql.Named("by", by), sql.Named("payment", paymentID), sql.Named("died", time.Now().Add(-claimFor))).
		Updates(map[string]any{"claimed_by": by, "claimed_at": time.Now(), "attempts": gorm.Expr("attempts + 1")}).Error
	var letters []Letter
	if err == nil && len(claimed) > 0 {
		letters, err = writeLetters(tx, claimed)
	}
	if err != nil {
		return nil, fmt.Errorf("claim notifications of %s: %w", paymentID, err)
	}
	return letters, nil
}

// writeLetters gathers what the notifications of one payment are made of, or those
// about the subscriptions of one customer of Stripe's.
func writeLetters(tx *gorm.DB, claimed []Notification) ([]Letter, error) {
	if claimed[0].StripeCustomerID != nil {
		return writeBillingLetters(tx, claimed)
	}
	var p Payment
	paymentID := claimed[0].PaymentID
	if err := tx.Take(&p, "id = ?", paymentID).Error; err != nil {
		return nil, err
	}
	orders, err := shownOrders(tx.Session(&gorm.Session{}).Where("payment_id = ?", paymentID))
	if err != nil {
		return nil, err
	}
	about := Letter{Payment: p}
	customerID, storeID := p.CustomerID, p.StoreID
	if len(orders) == 1 {
		about.Order, about.OnHold = orders[0], orders[0].Status == OrderOnHold
		customerID, storeID = orders[0].CustomerID, orders[0].StoreID
	}
	if err := tx.Where("id = ?", storeID).Limit(1).Find(&about.Store).Error; err != nil {
		return nil, err
	}
	customer, err := customerAddress(tx, customerID, p.ReceiptEmail)
	if err != nil {
		return nil, err
	}
	letters := make([]Letter, len(claimed))
	for i, n := range claimed {
		if letters[i], err = about.of(tx, n, customer); err != nil {
			return nil, err
		}
	}
	return letters, nil
}

// of is the letter of one notification, by what is known of its payment.
func (l Letter) of(tx *gorm.DB, n Notification, customer string) (Letter, error) {
	l.Notification = n
	l.Address = customer
	if n.Recipient != ToCustomer {
		l.Address = l.Store.Email
	}
	var err error
	switch n.Kind {
	case TellFailed:
		l.Order = Order{} // it failed first, and succeeded since
	case TellDeadline:
		l.Dispute, err = disputeFacts(tx, n.Detail)
	default:
	}
	return l, err
}

// disputeFacts are the facts of a dispute that is known; zero of any other.
func disputeFacts(tx *gorm.DB, id string) (DisputeFacts, error) {
	var known []Dispute
	if err := tx.Where("id = ?", id).Limit(1).Find(&known).Error; err != nil || len(known) == 0 {
		return DisputeFacts{}, err
	}
	d := known[0]
	f := DisputeFacts{ID: d.ID, Status: d.Status, Reason: d.Reason, Amount: d.Amount, Currency: string(d.Currency)}
	if d.DueBy != nil {
		f.DueBy = d.DueBy.Unix()
	}
	return f, nil
}

// SettleNotification writes down what became of a claimed notification. One
// already settled stays as it is.
func (db *DB) SettleNotification(ctx context.Context, n Notification, status NotificationStatus, why string) error {
	change := map[string]any{"status": status, "address": n.Address, "error": Clean(why, 500)}
	if status == NotificationSent {
		change["sent_at"] = time.Now()
	}
	err := db.gorm.WithContext(ctx).Model(&Notification{}).
		Where("id = ? AND status = 'pending'", n.ID).Updates(change).Error
	if err != nil {
		return fmt.Errorf("settle notification %s: %w", n.ID, err)
	}
	return nil
}

// FailNotifications gives up what workflow by has claimed and could not send.
func (db *DB) FailNotifications(ctx context.Context, by, why string) error {
	err := db.gorm.WithContext(ctx).Model(&Notification{}).Where("claimed_by = ? AND status = 'pending'", by).
		Updates(map[string]any{"status": NotificationFailed, "error": Clean(why, 500)}).Error
	if err != nil {
		return fmt.Errorf("fail notifications of %s: %w", by, err)
	}
	return nil
}

// KeepReceiptEmail notes an address for a payment that came without one, unless
// its customer has been forgotten since.
func (db *DB) KeepReceiptEmail(ctx context.Context, paymentID, email string) error {
	if !ValidEmail(email) {
		return nil // nothing to write to; the notification will say so
	}
	err := db.gorm.WithContext(ctx).Model(&Payment{}).Where("id = ? AND receipt_email = ''", paymentID).
		Where("NOT EXISTS (SELECT FROM customers AS c WHERE c.id = payments.customer_id AND c.forgotten_at > payments.created_at)").
		Update("receipt_email", email).Error
	if err != nil {
		return fmt.Errorf("keep receipt address of %s: %w", paymentID, err)
	}
	return nil
}
