package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"

	"twigz/internal/ingest"
	"twigz/internal/webhook"
	"twigz/models"
	"twigz/workflows"
)

// startTimeout bounds the wait for Temporal, and keepTimeout the one for Postgres
// after it. Stripe Checkout holds the customer back for up to ten seconds while it
// waits for our answer, so together they stay well below that.
const (
	startTimeout = 5 * time.Second
	keepTimeout  = 3 * time.Second
)

// retryAfter is when Stripe may try again, in seconds.
const retryAfter = 30

// verdict is what became of one webhook request.
type verdict struct {
	outcome string // for metrics and the log, one of a fixed few words
	status  int
	body    gin.H
	err     error // for the log alone
}

// handleWebhook takes an event from Stripe.
func (s *server) handleWebhook(c *gin.Context) {
	start := time.Now()
	delivery, v := s.readDelivery(c)
	if v == nil {
		answer := s.receive(c.Request.Context(), delivery)
		v = &answer
	}
	if v.status == http.StatusServiceUnavailable {
		c.Header("Retry-After", "30")
	}
	c.JSON(v.status, v.body)
	s.metrics.webhook(delivery.Event.Type, v.outcome, time.Since(start))
	s.logVerdict(c, delivery.Event, *v)
}

func (s *server) logVerdict(c *gin.Context, e models.Event, v verdict) {
	fields := []any{
		"outcome", v.outcome, "event_id", e.ID, "event_type", e.Type,
		"payment_intent_id", e.PaymentIntentID, "request_id", c.GetString(requestIDKey),
	}
	switch {
	case v.status >= http.StatusInternalServerError:
		s.log.ErrorContext(c, "webhook failed", append(fields, "error", v.err)...)
	case v.status == http.StatusOK && v.err != nil:
		s.log.WarnContext(c, "webhook queued", append(fields, "error", v.err)...)
	case v.err != nil:
		s.log.WarnContext(c, "webhook refused", append(fields, "error", v.err)...)
	default:
		s.log.InfoContext(c, "webhook received", fields...)
	}
}

// readDelivery verifies and decodes the request, or says how to refuse it. The
// signature is over the bytes as sent, so nothing is unpacked or parsed before.
func (s *server) readDelivery(c *gin.Context) (webhook.Delivery, *verdict) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, webhook.MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return webhook.Delivery{}, &verdict{"too_large", http.StatusRequestEntityTooLarge, gin.H{"error": "Payload too large"}, err}
	}
	if err != nil {
		return webhook.Delivery{}, &verdict{"invalid_payload", http.StatusBadRequest, gin.H{"error": "Invalid webhook payload"}, err}
	}
	if err := s.verifier.Verify(body, c.GetHeader("Stripe-Signature")); err != nil {
		return webhook.Delivery{}, &verdict{"invalid_signature", http.StatusBadRequest, gin.H{"error": "Invalid webhook signature"}, err}
	}
	delivery, err := webhook.Decode(body)
	if err != nil {
		return webhook.Delivery{}, &verdict{"invalid_payload", http.StatusBadRequest, gin.H{"error": "Invalid webhook payload"}, err}
	}
	return delivery, nil
}

// receive starts the workflow of a verified event, if it is ours to handle.
func (s *server) receive(ctx context.Context, d webhook.Delivery) verdict {
	workflowType, ok := workflows.ForEvent(d.Event)
	switch {
	case !ok:
		body := gin.H{"message": "Event type not supported", "eventType": d.Event.Type}
		return verdict{"unsupported", http.StatusOK, body, nil}
	case d.Account != "":
		return verdict{"ignored_account", http.StatusOK, gin.H{"received": true, "ignored": "account"}, nil}
	case d.Event.Livemode != s.config.livemode:
		return verdict{"ignored_livemode", http.StatusOK, gin.H{"received": true, "ignored": "livemode"}, nil}
	}
	run, err := s.start(ctx, workflowType, d.Event)
	switch {
	case ingest.Unreachable(err):
		return s.keep(ctx, workflowType, d.Event, err)
	case err != nil:
		body := gin.H{"error": "Webhook processing failed", "eventId": d.Event.ID}
		return verdict{"failed", http.StatusInternalServerError, body, err}
	}
	outcome := "started"
	if run.Duplicate {
		outcome = "duplicate"
	}
	return verdict{outcome, http.StatusOK, gin.H{
		"received": true, "eventId": d.Event.ID, "workflowId": d.Event.ID, "runId": run.ID, "duplicate": run.Duplicate,
	}, nil}
}

// start starts the event's workflow, unless Temporal was away a moment ago: the
// error is then as if it had been asked in vain.
func (s *server) start(ctx context.Context, workflowType string, e models.Event) (ingest.Run, error) {
	if !s.outage.MayAsk(time.Now()) {
		return ingest.Run{}, serviceerror.NewUnavailable("temporal was away a moment ago")
	}
	asking, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	run, err := ingest.Start(asking, s.temporal, s.config.temporal.TaskQueue, workflowType, e)
	switch {
	case !ingest.Unreachable(err):
		s.outage.Back()
	case ctx.Err() == nil: // else it is the sender who went away
		s.outage.Away(time.Now())
	}
	return run, err
}

// keep keeps the event in Postgres until Temporal, which could not be asked
// because of away, is back. Without either it is Stripe's to send again.
func (s *server) keep(ctx context.Context, workflowType string, e models.Event, away error) verdict {
	ctx, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	pending, err := ingest.Pending(workflowType, e)
	fresh := false
	if err == nil {
		fresh, err = s.db.KeepStart(ctx, pending)
	}
	if err != nil {
		body := gin.H{"error": "Service temporarily unavailable", "retryAfter": retryAfter}
		return verdict{"unavailable", http.StatusServiceUnavailable, body, fmt.Errorf("%w; %s", away, models.Describe(err))}
	}
	return verdict{"queued", http.StatusOK, gin.H{
		"received": true, "eventId": e.ID, "workflowId": e.ID, "queued": true, "duplicate": !fresh,
	}, away}
}
