package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// TypeSubscriptionChanged is the type of a message about what a customer's
// subscriptions grant.
const TypeSubscriptionChanged = "subscription.changed"

// MessageStatus is where a message to another service is.
type MessageStatus string

// The statuses. All but the first are final.
const (
	MessagePending   MessageStatus = "pending"
	MessageDelivered MessageStatus = "delivered"
	MessageRefused   MessageStatus = "refused"  // the endpoint does not want it, and never will
	MessageRecorded  MessageStatus = "recorded" // no endpoint was configured when it was due
)

// messageRow is an OutgoingMessage, and what became of it.
type messageRow struct {
	ID          string
	CustomerID  string
	Type        string
	Body        string
	Status      MessageStatus
	Answer      string     // what the endpoint said last, in a few words
	CreatedAt   time.Time  `gorm:"->"`
	DeliveredAt *time.Time // nil: it was not
}

func (messageRow) TableName() string { return "outgoing_messages" }

// subscriptionChanged is the body of a message, in the form that Standard Webhooks
// recommends: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type subscriptionChanged struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it was reckoned
	Data      struct {
		CustomerID string `json:"customerId"`
		Sequence   int64  `json:"sequence"` // messages may overtake each other: the highest is true
		SubscriptionState
	} `json:"data"`
}

// announce writes the message that tells what is granted now, and has the workflow
// started that delivers it. With announce nil nobody is to be told.
func (g Grant) announce(tx *gorm.DB, state SubscriptionState, at time.Time, announce *Announce) error {
	if announce == nil {
		return nil
	}
	content := subscriptionChanged{Type: TypeSubscriptionChanged, Timestamp: *utc(&at)}
	content.Data.CustomerID, content.Data.Sequence, content.Data.SubscriptionState = g.CustomerID, g.Sequence, state
	body, err := jsonText(content)
	if err != nil {
		return err
	}
	m := messageRow{ID: newID("msg"), CustomerID: g.CustomerID, Type: content.Type, Body: body, Status: MessagePending}
	if err := tx.Create(&m).Error; err != nil {
		return err
	}
	input, err := json.Marshal(map[string]string{"messageId": m.ID, "customerId": m.CustomerID})
	if err != nil {
		return err
	}
	_, err = keepStart(tx, PendingStart{WorkflowID: announce.WorkflowID(m.ID), WorkflowType: announce.WorkflowType, Input: input})
	return err
}

// Message is a message to another service. Its error is NotFound for an unknown one.
func (db *DB) Message(ctx context.Context, id string) (OutgoingMessage, error) {
	var m messageRow
	if err := db.gorm.WithContext(ctx).Take(&m, "id = ?", id).Error; err != nil {
		return OutgoingMessage{}, fmt.Errorf("message %s: %w", id, orNotFound(err, "Message"))
	}
	return OutgoingMessage{ID: m.ID, Type: m.Type, Body: m.Body, Status: m.Status}, nil
}

// SettleMessage writes down what became of a message, and what the endpoint said.
// One that is settled stays as it is.
func (db *DB) SettleMessage(ctx context.Context, id string, status MessageStatus, answer string) error {
	settled := map[string]any{"status": status, "answer": Clean(answer, maxText)}
	if status == MessageDelivered {
		settled["delivered_at"] = time.Now()
	}
	err := db.gorm.WithContext(ctx).Model(&messageRow{}).
		Where("id = ? AND status = ?", id, MessagePending).Updates(settled).Error
	if err != nil {
		return fmt.Errorf("settle message %s: %w", id, err)
	}
	return nil
}
