package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestDeliverWebhook(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeDeliverWebhook, deliveryStories())
}

func deliveryStories() []story {
	in := workflows.DeliverInput{MessageID: "msg_1", CustomerID: "auth0|7"}
	attempt := []string{"activity DeliverMessage"}
	settled := func(status models.MessageStatus) activities.MessageResult {
		return activities.MessageResult{Status: status}
	}
	delivered := workflows.Result{Outcome: workflows.DeliveryDone}
	return []story{
		{
			name: "a message is delivered", file: "delivered", start: in,
			script: func(s *stage) { s.answer("DeliverMessage", settled(models.MessageDelivered)) },
			did:    attempt, want: delivered,
		},
		{
			name: "one that the service does not want is no failure", file: "delivery_refused", start: in,
			script: func(s *stage) { s.answer("DeliverMessage", settled(models.MessageRefused)) },
			did:    attempt, want: workflows.Result{Outcome: workflows.DeliveryRefused},
		},
		{
			name: "one for nobody is kept", file: "delivery_recorded", start: in,
			script: func(s *stage) { s.answer("DeliverMessage", settled(models.MessageRecorded)) },
			did:    attempt, want: workflows.Result{Outcome: workflows.DeliveryRecorded},
		},
		{
			name: "a service that is away is waited for", file: "delivery_late", start: in,
			script: func(s *stage) {
				s.answer("DeliverMessage", errPassing, errPassing, errPassing, settled(models.MessageDelivered))
				s.after(10*time.Second, func() { assert.Equal(s.t, "the service that is told", s.state().WaitingFor) })
			},
			did: attempt, want: delivered,
		},
		{
			name: "and told at once when somebody says that it is back", file: "delivery_at_once", start: in,
			script: func(s *stage) {
				s.answer("DeliverMessage", errPassing, errPassing, settled(models.MessageDelivered))
				s.retryAfter(6 * time.Second)
			},
			did: seq(attempt, attempt), want: delivered,
		},
		{
			name: "a message that cannot be read waits for a person", file: "delivery_broken", start: in,
			script: func(s *stage) {
				s.answer("DeliverMessage", errPermanent, settled(models.MessageDelivered))
				s.retryAfter(time.Hour)
			},
			did: seq(attempt, "set BlockedReason", attempt, "unset BlockedReason"), want: delivered,
		},
	}
}

func TestACanceledDeliveryEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer("DeliverMessage", errPassing)
	s.after(time.Second, s.CancelWorkflow)
	_, err := s.start("webhook-msg_1", workflows.TypeDeliverWebhook, ofCustomer, workflows.DeliverInput{MessageID: "msg_1"})
	require.Error(t, err)
	assert.True(t, temporal.IsCanceledError(err))
}
