package activities

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/sdk/temporal"

	"twigz/internal/outgoing"
	"twigz/models"
)

// Messenger are the activities that tell other services.
type Messenger struct {
	DB       *models.DB
	Endpoint *outgoing.Endpoint // nil: nobody is told, messages are recorded
	Log      *slog.Logger
}

// MessageInput names a message to another service.
type MessageInput struct {
	MessageID string `json:"messageId"`
}

// MessageResult is what became of it.
type MessageResult struct {
	Status models.MessageStatus `json:"status"`
}

// DeliverMessage makes one attempt to deliver a message. It is delivered once the
// endpoint says so with any 2xx, and given up only when the endpoint says that it is
// gone for good, 410: whatever else it answers may be an outage, or somebody's slip
// that is mended tomorrow, and is an error that passes.
//
// A worker that dies after the endpoint has answered sends it once more: receivers
// tell by webhook-id.
func (m *Messenger) DeliverMessage(ctx context.Context, in MessageInput) (MessageResult, error) {
	message, err := m.DB.Message(ctx, in.MessageID)
	switch {
	case err != nil:
		return MessageResult{}, edge(err)
	case message.Status != models.MessagePending:
		return MessageResult{Status: message.Status}, nil
	case m.Endpoint == nil:
		return m.settle(ctx, message, models.MessageRecorded, "no endpoint is configured")
	}
	answer, err := m.Endpoint.Send(ctx, message.ID, time.Now(), []byte(message.Body))
	if err != nil {
		return MessageResult{}, m.later(ctx, message, "the endpoint cannot be reached: "+err.Error(), 0)
	}
	said := fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status))
	switch {
	case answer.Status/100 == 2:
		return m.settle(ctx, message, models.MessageDelivered, said)
	case answer.Status == http.StatusGone:
		return m.settle(ctx, message, models.MessageRefused, said)
	default:
		return MessageResult{}, m.later(ctx, message, "the endpoint answered "+said, answer.RetryAfter)
	}
}

func (m *Messenger) settle(ctx context.Context, message models.OutgoingMessage, status models.MessageStatus, said string) (MessageResult, error) {
	if err := m.DB.SettleMessage(ctx, message.ID, status, said); err != nil {
		return MessageResult{}, edge(err)
	}
	log := m.Log.InfoContext
	if status == models.MessageRefused {
		log = m.Log.WarnContext
	}
	log(ctx, "message settled", "message_id", message.ID, "event_type", message.Type, "status", string(status))
	return MessageResult{Status: status}, nil
}

// later is the error of an attempt that a later one may do better than, after as
// long as the endpoint says, an hour at most. Support is shown it meanwhile; that
// it could not be written down is no reason to forget why.
func (m *Messenger) later(ctx context.Context, message models.OutgoingMessage, why string, wait time.Duration) error {
	if err := m.DB.SettleMessage(ctx, message.ID, models.MessagePending, why); err != nil {
		m.Log.WarnContext(ctx, "answer to a message cannot be kept", "message_id", message.ID, "error", models.Describe(err))
	}
	return temporal.NewApplicationErrorWithOptions(why, "Undelivered", temporal.ApplicationErrorOptions{
		NextRetryDelay: min(wait, maxRetryAfter*time.Second),
	})
}
