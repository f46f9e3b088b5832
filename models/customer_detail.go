package models

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// CustomerDetail is everything that support staff may want to know of a customer.
// Lists that grow for ever hold the newest detailLimit.
type CustomerDetail struct {
	Customer        *CustomerSummary      `json:"customer"` // null: one of Stripe's that is nobody's yet
	StripeCustomers []StripeCustomerState `json:"stripeCustomers"`
	Subscription    SubscriptionState     `json:"subscription"` // as the customer is shown it
	Subscriptions   []SubscriptionSummary `json:"subscriptions"`
	Invoices        []InvoiceState        `json:"invoices"` // newest first
	Payments        []PaymentSummary      `json:"payments"` // newest first
	Notifications   []BillingNotification `json:"notifications"`
	Events          []BillingEvent        `json:"events"`
	Messages        []MessageState        `json:"messages"`
	Audit           []AuditEntry          `json:"audit"`
}

// detailLimit is how many rows of one kind a customer's detail shows.
const detailLimit = 100

// CustomerSummary is one of our customers.
type CustomerSummary struct {
	CustomerID       string    `json:"customerId"`
	Email            *string   `json:"email"`
	Name             *string   `json:"name"`
	StripeCustomerID *string   `json:"stripeCustomerId"` // that their checkouts pay by
	CreatedAt        time.Time `json:"createdAt"`
}

// StripeCustomerState is a customer of Stripe's, and whose it is.
type StripeCustomerState struct {
	StripeCustomerID string     `json:"stripeCustomerId"`
	CustomerID       *string    `json:"customerId"` // null: nobody's yet
	Email            *string    `json:"email"`
	DeletedAt        *time.Time `json:"deletedAt,omitempty"`
	SyncedAt         *time.Time `json:"syncedAt"` // null: never looked at
}

// SubscriptionSummary is a subscription in a list.
type SubscriptionSummary struct {
	SubscriptionID    string             `json:"subscriptionId"`
	StripeCustomerID  string             `json:"stripeCustomerId"`
	CustomerID        *string            `json:"customerId"` // null: nobody's yet
	Status            string             `json:"status"`
	Items             []SubscriptionItem `json:"items"`
	CurrentPeriodEnd  *time.Time         `json:"currentPeriodEnd"`
	CancelAtPeriodEnd bool               `json:"cancelAtPeriodEnd"`
	StartedAt         time.Time          `json:"startedAt"`
}

// BillingNotification is what became of a mail about a subscription.
type BillingNotification struct {
	NotificationState
	Occasion string `json:"occasion"` // the invoice, or the subscription and the time
}

// BillingEvent is a Stripe event about a subscription and what came of it.
type BillingEvent struct {
	EventOutcome
	ObjectID string `json:"objectId"` // the invoice or subscription
}

// MessageState is what became of a message to another service.
type MessageState struct {
	MessageID   string        `json:"messageId"`
	Type        string        `json:"type"`
	Status      MessageStatus `json:"status"`
	Answer      string        `json:"answer"` // what the endpoint said last
	CreatedAt   time.Time     `json:"createdAt"`
	DeliveredAt *time.Time    `json:"deliveredAt"`
}

// CustomerDetail finds a customer by our ID or by Stripe's: that of one who is
// somebody's shows them whole. workflowURL gives the address of a workflow in
// Temporal's Web UI.
func (db *DB) CustomerDetail(ctx context.Context, id string, workflowURL func(workflowID string) string) (CustomerDetail, error) {
	d := CustomerDetail{
		StripeCustomers: []StripeCustomerState{}, Subscription: SubscriptionState{Status: StatusNone},
		Subscriptions: []SubscriptionSummary{}, Invoices: []InvoiceState{}, Payments: []PaymentSummary{},
		Notifications: []BillingNotification{}, Events: []BillingEvent{}, Messages: []MessageState{}, Audit: []AuditEntry{},
	}
	// One snapshot, or an invoice could show without the event that brought it.
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").Error; err != nil {
			return err
		}
		who, err := findPerson(tx, id)
		if err != nil {
			return err
		}
		return d.read(tx, who, workflowURL)
	})
	return d, err
}

// person is a customer by all their names.
type person struct {
	customer *Customer // nil: nobody's yet
	atStripe []StripeCustomer
}

// findPerson finds whom an ID names, ours or Stripe's. Its error is NotFound for
// one that names nobody.
func findPerson(tx *gorm.DB, id string) (person, error) {
	var who person
	if err := tx.Where("id = ?", id).Find(&who.atStripe).Error; err != nil {
		return who, orNotFound(err, "Customer")
	}
	ours := id
	if len(who.atStripe) == 1 {
		owner, err := who.atStripe[0].anyOwner(tx)
		if err != nil || owner == "" {
			return who, err
		}
		ours = owner
	}
	var known []Customer
	if err := tx.Where("id = ?", ours).Limit(1).Find(&known).Error; err != nil {
		return who, err
	}
	if len(known) == 0 {
		return who, notFound("Customer")
	}
	who.customer = &known[0]
	err := tx.Where(atStripe, map[string]any{"id": ours}).Order("created_at, id").Find(&who.atStripe).Error
	return who, err
}

// anyOwner is whose the customer is, or one of their subscriptions; "": nobody's yet.
func (c *StripeCustomer) anyOwner(tx *gorm.DB) (string, error) {
	if c.OwnerID != nil {
		return *c.OwnerID, nil
	}
	var owners []string
	err := tx.Model(&Subscription{}).Where("stripe_customer_id = ? AND owner_id IS NOT NULL", c.ID).
		Order("id").Limit(1).Pluck("owner_id", &owners).Error
	if err != nil || len(owners) == 0 {
		return "", err
	}
	return owners[0], nil
}

// id is our ID of them; "" when they are nobody's.
func (p person) id() string {
	if p.customer == nil {
		return ""
	}
	return p.customer.ID
}

// stripeIDs are Stripe's names for them.
func (p person) stripeIDs() []string {
	list := make([]string, len(p.atStripe))
	for i, c := range p.atStripe {
		list[i] = c.ID
	}
	return list
}

func (d *CustomerDetail) read(tx *gorm.DB, who person, workflowURL func(string) string) error {
	if c := who.customer; c != nil {
		d.Customer = &CustomerSummary{
			CustomerID: c.ID, Email: c.Email, Name: c.Name, StripeCustomerID: c.StripeCustomerID, CreatedAt: c.CreatedAt.UTC(),
		}
	}
	for _, c := range who.atStripe {
		d.StripeCustomers = append(d.StripeCustomers, StripeCustomerState{
			StripeCustomerID: c.ID, CustomerID: c.OwnerID, Email: c.Email, DeletedAt: c.DeletedAt, SyncedAt: c.SyncedAt,
		})
	}
	for _, part := range []func(*gorm.DB, person) error{
		d.readSubscriptions, d.readInvoices, d.readPayments, d.readNotifications, d.readMessages, d.readAudit,
	} {
		if err := part(tx, who); err != nil {
			return err
		}
	}
	return d.readEvents(tx, who, workflowURL)
}

func (d *CustomerDetail) readSubscriptions(tx *gorm.DB, who person) error {
	var rows []Subscription
	err := tx.Where("owner_id = ? OR stripe_customer_id IN ?", who.id(), who.stripeIDs()).
		Order("started_at DESC, id DESC").Limit(detailLimit).Find(&rows).Error
	if err != nil {
		return err
	}
	d.Subscriptions = summaries(rows)
	if who.customer != nil {
		d.Subscription, err = subscriptionState(tx, who.customer.ID, time.Now())
	}
	return err
}

func summaries(rows []Subscription) []SubscriptionSummary {
	list := make([]SubscriptionSummary, len(rows))
	for i, s := range rows {
		list[i] = SubscriptionSummary{
			SubscriptionID: s.ID, StripeCustomerID: s.StripeCustomerID, CustomerID: s.OwnerID, Status: s.Status,
			Items: append([]SubscriptionItem{}, s.Items...), CurrentPeriodEnd: utc(s.CurrentPeriodEnd),
			CancelAtPeriodEnd: s.CancelAtPeriodEnd, StartedAt: s.StartedAt.UTC(),
		}
	}
	return list
}

func (d *CustomerDetail) readInvoices(tx *gorm.DB, who person) error {
	var rows []Invoice
	err := tx.Where("stripe_customer_id IN ?", who.stripeIDs()).
		Order("made_at DESC, id DESC").Limit(detailLimit).Find(&rows).Error
	for _, i := range rows {
		d.Invoices = append(d.Invoices, i.state())
	}
	return err
}

// theirPayments are what a customer paid: what says that it is theirs, and what pays
// their invoices.
const theirPayments = `id IN (
	(SELECT id FROM payments WHERE customer_id = @id AND customer_id <> '' ORDER BY created_at DESC, id DESC LIMIT @limit)
	UNION SELECT payments.id FROM invoices JOIN payments ON payments.payment_intent_id = invoices.payment_intent_id
		WHERE invoices.stripe_customer_id IN @atStripe)`

func (d *CustomerDetail) readPayments(tx *gorm.DB, who person) error {
	var rows []Payment
	err := tx.Where(theirPayments, map[string]any{"id": who.id(), "limit": detailLimit, "atStripe": who.stripeIDs()}).
		Order("created_at DESC, id DESC").Limit(detailLimit).Find(&rows).Error
	for _, p := range rows {
		d.Payments = append(d.Payments, p.summary())
	}
	return err
}

func (d *CustomerDetail) readNotifications(tx *gorm.DB, who person) error {
	var rows []Notification
	err := tx.Where("stripe_customer_id IN ?", who.stripeIDs()).Order("created_at DESC, id DESC").Limit(detailLimit).Find(&rows).Error
	for _, n := range slices.Backward(rows) {
		d.Notifications = append(d.Notifications, BillingNotification{
			NotificationState: NotificationState{Recipient: n.Recipient, Kind: n.Kind, Status: n.Status, SentAt: n.SentAt, Error: n.Error},
			Occasion:          n.Occasion,
		})
	}
	return err
}

func (d *CustomerDetail) readEvents(tx *gorm.DB, who person, workflowURL func(string) string) error {
	var rows []StripeEvent
	err := tx.Where("stripe_customer_id IN ?", who.stripeIDs()).Order("recorded_at DESC, id DESC").Limit(detailLimit).Find(&rows).Error
	for _, e := range slices.Backward(rows) {
		d.Events = append(d.Events, BillingEvent{
			EventOutcome: EventOutcome{EventID: e.ID, Type: e.Type, WorkflowID: e.ID, Outcome: e.Outcome, WorkflowURL: workflowURL(e.ID)},
			ObjectID:     e.ObjectID,
		})
	}
	return err
}

func (d *CustomerDetail) readMessages(tx *gorm.DB, who person) error {
	var rows []messageRow
	err := tx.Where("customer_id = ?", who.id()).Order("created_at DESC, id DESC").Limit(detailLimit).Find(&rows).Error
	for _, m := range slices.Backward(rows) {
		d.Messages = append(d.Messages, MessageState{
			MessageID: m.ID, Type: m.Type, Status: m.Status, Answer: m.Answer, CreatedAt: m.CreatedAt, DeliveredAt: m.DeliveredAt,
		})
	}
	return err
}

// readAudit reads what was changed about the customer and their subscriptions. What
// is a payment's story is told there.
func (d *CustomerDetail) readAudit(tx *gorm.DB, who person) error {
	subjects := who.stripeIDs()
	if who.customer != nil {
		subjects = append(subjects, who.customer.ID)
	}
	for _, s := range d.Subscriptions {
		subjects = append(subjects, s.SubscriptionID)
	}
	err := tx.Where("payment_id IS NULL AND subject_id IN ? AND subject IN ('customer', 'subscription')", subjects).
		Order("id DESC").Limit(detailLimit).Find(&d.Audit).Error
	slices.Reverse(d.Audit)
	return err
}
