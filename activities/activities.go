// Package activities touches the world, once for each call: Twigz's tables, the
// mail server, Stripe.
//
// Five sets of activities live here, each a struct of what it needs, registered
// by cmd/worker:
//
//	Activities  rows and mails                 task queue "fulfillment"
//	Messenger   words to another service       task queue "fulfillment"
//	Stripe      calls to Stripe                task queue "stripe", rate-limited there
//	Reconciler  Stripe, rows, workflows        task queue "stripe"
//	Billing     looks at Stripe's customers    task queue "stripe-sync", rate-limited there
//
// (workflows.StripeQueue and SyncQueue say what they are called beside another first.)
//
// The methods on rows (all of Activities but SendNotifications) are one short
// idempotent transaction each, so a workflow runs them as local activities first
// and as regular ones when that fails. Everything that leaves the database is a regular activity: local ones run
// again together when a worker dies and are not rate-limited.
//
// Money is given back by one activity, MakeRefund, once for each row of ours, by
// looking before it asks. What it cannot know it does not guess: a refusal is an
// answer, Stripe's own fault is a KeptFailure, everything else passes.
//
// Errors are converted at this edge: edge marks what no retry can mend as
// non-retryable and lets no data into the text, because failures are kept in
// Temporal's histories and in logs.
package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"twigz/internal/mail"
	"twigz/models"
)

// Mailer puts notifications into words and sends them.
type Mailer interface {
	Compose(models.Letter) (mail.Message, error)
	Send(context.Context, mail.Message) error
}

// Activities are the activities on rows and mails.
type Activities struct {
	DB           *models.DB
	Mailer       Mailer // nil: no mail server, notifications are recorded and logged
	SupportEmail string // where support reads mail; "": nowhere, see support
	Log          *slog.Logger
}

// RecordInput is a payment's state as an event, or Stripe itself, tells it.
type RecordInput struct {
	Event models.Event        `json:"event"`
	State models.PaymentState `json:"state"` // "": note the event, change nothing
}

// OrderInput names an order.
type OrderInput struct {
	OrderID string `json:"orderId"`
}

// NotifyInput names a payment whose notifications are due, and the workflow
// that sends them.
type NotifyInput struct {
	PaymentID  string `json:"paymentId"`
	WorkflowID string `json:"workflowId"`
}

// NotifyResult counts what became of the notifications of one call.
type NotifyResult struct {
	Sent     int `json:"sent"`
	Failed   int `json:"failed"`
	Recorded int `json:"recorded"`
}

// CreateOrder makes the order of a collected payment, once, or says why there
// is none; see models.DB.CreateOrder.
func (a *Activities) CreateOrder(ctx context.Context, e models.Event) (models.Fulfillment, error) {
	f, err := a.DB.CreateOrder(ctx, e)
	return f, edge(err)
}

// ClearCart removes from the cart what the order bought.
func (a *Activities) ClearCart(ctx context.Context, in OrderInput) error {
	return edge(a.DB.ClearCart(ctx, in.OrderID))
}

// RecordPaymentState notes that a payment is processing, failed or canceled.
func (a *Activities) RecordPaymentState(ctx context.Context, in RecordInput) (models.Recording, error) {
	r, err := a.DB.RecordPaymentState(ctx, in.Event, in.State)
	return r, edge(err)
}

// quiet is how long SendNotifications may be without a heartbeat before it begins
// a mail, which takes at most thirty seconds: both together are less than the
// heartbeat's timeout of forty. For a mail server that answers at once there is no
// heartbeat at all: each is a call that Temporal has to write down.
const quiet = 5 * time.Second

// SendNotifications sends what is pending for the payment. It returns an error
// when a later attempt may do better for at least one recipient; the others
// have been settled by then and are not tried again.
func (a *Activities) SendNotifications(ctx context.Context, in NotifyInput) (NotifyResult, error) {
	var result NotifyResult
	letters, err := a.DB.ClaimNotifications(ctx, in.PaymentID, in.WorkflowID)
	if err != nil {
		return result, edge(err)
	}
	var later []error
	beaten := time.Now() // Temporal counts from the attempt's start
	for _, letter := range letters {
		if time.Since(beaten) > quiet {
			activity.RecordHeartbeat(ctx)
			beaten = time.Now()
		}
		if letter.Recipient == models.ToSupport {
			letter.Address = a.support(letter)
		}
		status, why, err := a.deliver(ctx, letter)
		if err != nil {
			later = append(later, fmt.Errorf("notify %s: %w", letter.Recipient, err))
			continue
		}
		if err := a.DB.SettleNotification(ctx, letter.Notification, status, why); err != nil {
			return result, edge(err)
		}
		result.count(status)
	}
	return result, edge(errors.Join(later...))
}

func (r *NotifyResult) count(status models.NotificationStatus) {
	switch status {
	case models.NotificationSent:
		r.Sent++
	case models.NotificationFailed:
		r.Failed++
	case models.NotificationRecorded:
		r.Recorded++
	case models.NotificationPending: // never settled as pending
	}
}

// FailNotifications gives up on what could not be sent for days.
func (a *Activities) FailNotifications(ctx context.Context, in NotifyInput) error {
	return edge(a.DB.FailNotifications(ctx, in.WorkflowID, "given up: no attempt succeeded in three days"))
}

// KeepEmailInput is an address found for a payment that came without one.
type KeepEmailInput struct {
	PaymentID string `json:"paymentId"`
	Email     string `json:"email"`
}

// KeepReceiptEmail notes an address that Stripe knew.
func (a *Activities) KeepReceiptEmail(ctx context.Context, in KeepEmailInput) error {
	return edge(a.DB.KeepReceiptEmail(ctx, in.PaymentID, in.Email))
}

// edge makes an error fit for Temporal: no data in its text, and
// non-retryable when the database refused the data itself, or there is nothing of
// that name.
func edge(err error) error {
	if err == nil {
		return nil
	}
	if _, callers := errors.AsType[*models.Error](err); callers || models.Permanent(err) {
		return temporal.NewNonRetryableApplicationError(models.Describe(err), "Permanent", nil)
	}
	return temporal.NewApplicationError(models.Describe(err), "Passing")
}
