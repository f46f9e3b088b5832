package activities

import (
	"context"
	"errors"
	"strings"

	"twigz/models"
)

// The activities on rows for what comes after the money: refunds, disputes,
// reviews, and what people ask for. Each is one short idempotent transaction of
// models, which says what it guarantees.

// RecordRefundsInput is an event about refunds, and all refunds of its payment
// as Stripe lists them.
type RecordRefundsInput struct {
	Event   models.Event         `json:"event"`
	Refunds []models.RefundFacts `json:"refunds,omitempty"` // nil: Stripe was not asked, the event's word has to do
}

// PaymentInput names a payment.
type PaymentInput struct {
	PaymentID string `json:"paymentId"`
}

// LookInput names a payment, and the workflow that is to wait for a person about
// it should it be blocked.
type LookInput struct {
	PaymentID  string `json:"paymentId"`
	WorkflowID string `json:"workflowId"`
	TakeOver   bool   `json:"takeOver,omitempty"` // whoever waits for a person about it is known to be gone
}

// RecordRefunds keeps what was refunded of a payment.
func (a *Activities) RecordRefunds(ctx context.Context, in RecordRefundsInput) (models.Standing, error) {
	s, err := a.DB.RecordRefunds(ctx, in.Event, in.Refunds)
	return s, edge(err)
}

// SettleRefund keeps what Stripe said to a refund that we asked for.
func (a *Activities) SettleRefund(ctx context.Context, answer models.RefundAnswer) (models.Standing, error) {
	s, err := a.DB.SettleRefund(ctx, answer)
	return s, edge(err)
}

// RecordDispute keeps how a dispute is, and holds or releases its order.
func (a *Activities) RecordDispute(ctx context.Context, e models.Event) (models.DisputeStanding, error) {
	s, err := a.DB.RecordDispute(ctx, e)
	return s, edge(err)
}

// RecordReview keeps how a review is, and holds, releases or cancels its order.
func (a *Activities) RecordReview(ctx context.Context, e models.Event) (models.Standing, error) {
	s, err := a.DB.RecordReview(ctx, e)
	return s, edge(err)
}

// Act does what a person asked for, once, or says why not. A request that cannot
// be is refused like one that may not be: there is nobody to correct it but the
// person who reads the answer.
func (a *Activities) Act(ctx context.Context, action models.Action) (models.ActionResult, error) {
	r, err := a.DB.Act(ctx, action)
	if wrong, ok := errors.AsType[*models.Error](err); ok {
		return models.ActionResult{Refusal: strings.TrimSpace(wrong.Field + " " + wrong.Message)}, nil
	}
	return r, edge(err)
}

// FindDue finds what is still to be done in the world about a payment.
func (a *Activities) FindDue(ctx context.Context, in PaymentInput) (models.Due, error) {
	due, err := a.DB.FindDue(ctx, in.PaymentID)
	return due, edge(err)
}

// Look finds where a payment stands, and makes its order if that can be now.
func (a *Activities) Look(ctx context.Context, in LookInput) (models.Standing, error) {
	s, err := a.DB.Look(ctx, in.PaymentID, in.WorkflowID, in.TakeOver)
	return s, edge(err)
}

// GiveBack leaves stock and cart as they were before the payment.
func (a *Activities) GiveBack(ctx context.Context, in PaymentInput) error {
	return edge(a.DB.GiveBack(ctx, in.PaymentID))
}

// Remind writes down that support is to be told, once for an occasion.
func (a *Activities) Remind(ctx context.Context, r models.Reminder) error {
	return edge(a.DB.Remind(ctx, r))
}
