package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// PaymentDetail is everything that support staff may want to know of a payment.
type PaymentDetail struct {
	Payment       PaymentSummary      `json:"payment"`
	Order         *Order              `json:"order"`             // null when there is none
	Invoice       *InvoiceState       `json:"invoice,omitempty"` // that it pays; nil: none that is known
	Holds         []Hold              `json:"holds"`             // those that are open; the audit trail has the others
	Refunds       []Refund            `json:"refunds"`
	Disputes      []Dispute           `json:"disputes"`
	Reviews       []Review            `json:"reviews"`
	Notifications []NotificationState `json:"notifications"`
	Events        []EventOutcome      `json:"events"`
	Audit         []AuditEntry        `json:"audit"`
}

// PaymentSummary is a payment as support sees it. Amounts are minor units, null
// until Stripe says.
type PaymentSummary struct {
	PaymentID         string         `json:"paymentId"`
	PaymentIntentID   *string        `json:"paymentIntentId"`
	CheckoutSessionID *string        `json:"checkoutSessionId"`
	Status            string         `json:"status"`
	Amount            *int64         `json:"amount"`
	AmountReceived    *int64         `json:"amountReceived"`
	AmountRefunded    int64          `json:"amountRefunded"`
	Currency          Currency       `json:"currency"`
	CustomerID        string         `json:"customerId"`
	StoreID           string         `json:"storeId"`
	BlockedReason     *BlockedReason `json:"blockedReason"`
	BlockedDetail     string         `json:"blockedDetail,omitempty"`
	FailureCode       string         `json:"failureCode,omitempty"`
	FailureMessage    string         `json:"failureMessage,omitempty"`
	NoOrderReason     *string        `json:"noOrderReason,omitempty"` // why there will be no order
	CreatedAt         time.Time      `json:"createdAt"`
}

// NotificationState is what became of one notification.
type NotificationState struct {
	Recipient Recipient          `json:"recipient"`
	Kind      NotificationKind   `json:"kind"`
	Status    NotificationStatus `json:"status"`
	SentAt    *time.Time         `json:"sentAt"`
	Error     string             `json:"error,omitempty"`
}

// EventOutcome is one Stripe event and what came of it.
type EventOutcome struct {
	EventID     string `json:"eventId"`
	Type        string `json:"type"`
	WorkflowID  string `json:"workflowId"`
	Outcome     string `json:"outcome"`
	WorkflowURL string `json:"workflowUrl"` // in Temporal's Web UI
}

// PaymentDetail finds a payment by our ID, its payment intent or its session.
// workflowURL gives the address of a workflow in Temporal's Web UI.
func (db *DB) PaymentDetail(ctx context.Context, id string, workflowURL func(workflowID string) string) (PaymentDetail, error) {
	d := PaymentDetail{
		Holds: []Hold{}, Refunds: []Refund{}, Disputes: []Dispute{}, Reviews: []Review{},
		Notifications: []NotificationState{}, Events: []EventOutcome{}, Audit: []AuditEntry{},
	}
	// One snapshot, or an order could show without the events that made it.
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").Error; err != nil {
			return err
		}
		var p Payment
		err := tx.Take(&p, "id = ? OR payment_intent_id = ? OR checkout_session_id = ?", id, id, id).Error
		if err != nil {
			return orNotFound(err, "Payment")
		}
		d.Payment = p.summary()
		if d.Invoice, err = invoicePaidBy(tx, value(p.PaymentIntentID)); err != nil {
			return err
		}
		return d.read(tx, p.ID, workflowURL)
	})
	return d, err
}

// invoicePaidBy is the invoice that names a payment intent; nil when none does.
func invoicePaidBy(tx *gorm.DB, paymentIntent string) (*InvoiceState, error) {
	var found []Invoice
	err := tx.Where("payment_intent_id = ?", paymentIntent).Order("made_at DESC, id DESC").Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	state := found[0].state()
	return &state, nil
}

func (d *PaymentDetail) read(tx *gorm.DB, paymentID string, workflowURL func(string) string) error {
	orders, err := shownOrders(tx.Session(&gorm.Session{}).Where("payment_id = ?", paymentID))
	if err != nil {
		return err
	}
	if len(orders) == 1 {
		d.Order = &orders[0]
	}
	if err := d.readMoney(tx, paymentID); err != nil {
		return err
	}
	of := tx.Session(&gorm.Session{}).Where("payment_id = ?", paymentID).Session(&gorm.Session{})
	if err := of.Model(&Notification{}).Order("created_at, recipient").Find(&d.Notifications).Error; err != nil {
		return err
	}
	if err := of.Order("id").Find(&d.Audit).Error; err != nil {
		return err
	}
	var events []StripeEvent
	if err := of.Order("recorded_at, id").Find(&events).Error; err != nil {
		return err
	}
	for _, e := range events {
		d.Events = append(d.Events, EventOutcome{
			EventID: e.ID, Type: e.Type, WorkflowID: e.ID, Outcome: e.Outcome, WorkflowURL: workflowURL(e.ID),
		})
	}
	return nil
}

// readMoney reads what happened to the money, and what holds the order.
func (d *PaymentDetail) readMoney(tx *gorm.DB, paymentID string) error {
	of := tx.Session(&gorm.Session{}).Where("payment_id = ?", paymentID).Session(&gorm.Session{})
	return errors.Join(
		of.Where("released_at IS NULL").Order("opened_at, id").Find(&d.Holds).Error,
		of.Order("created_at, id").Find(&d.Refunds).Error,
		of.Order("created_at, id").Find(&d.Disputes).Error,
		of.Order("created_at, id").Find(&d.Reviews).Error,
	)
}

func (p Payment) summary() PaymentSummary {
	return PaymentSummary{
		PaymentID: p.ID, PaymentIntentID: p.PaymentIntentID, CheckoutSessionID: p.CheckoutSessionID,
		Status: p.Status, Amount: p.Amount, AmountReceived: p.AmountReceived, AmountRefunded: p.AmountRefunded,
		Currency: p.Currency, CustomerID: p.CustomerID, StoreID: p.StoreID,
		BlockedReason: p.BlockedReason, BlockedDetail: p.BlockedDetail,
		FailureCode: p.FailureCode, FailureMessage: p.FailureMessage, NoOrderReason: p.NoOrderReason,
		CreatedAt: p.CreatedAt,
	}
}
