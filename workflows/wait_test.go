package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestWaitForAPerson(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeFulfillOrder, waitStories())
}

// reminds scripts that support is told n times.
func reminds(s *stage, n int) {
	for range n {
		s.answer("Remind", done{})
		s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
	}
}

// What a workflow does while it waits.
var (
	reminded     = []string{"local activity Remind", "activity SendNotifications"}
	foundBlocked = []string{"local activity CreateOrder", "version support-actions", "set BlockedReason"}
	toldBlocked  = seq(foundBlocked, reminded, "timer 24h0m0s")
	unblocked    = []string{
		"local activity CreateOrder", "unset BlockedReason", "local activity ClearCart", "activity SendNotifications",
	}
)

// seq is one list made of lists and single words.
func seq(parts ...any) []string {
	var all []string
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			all = append(all, part)
		case []string:
			all = append(all, part...)
		}
	}
	return all
}

func waitStories() []story {
	closed, empty := blocked(models.BlockedStoreClosed), blocked(models.BlockedEmptyCart)
	return []story{
		{
			name:  "support is told at once, and what a person asks for is done and audited",
			file:  "wait_retried",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, created)
				reminds(s, 1)
				s.answer("Act", models.ActionResult{})
				finishes(s)
				s.retryAfter(time.Hour)
			},
			did:  seq(toldBlocked, "local activity Act", unblocked),
			want: orderMade,
		},
		{
			name:  "support is reminded every day, and the payment is looked at again",
			file:  "wait_reminded_daily",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, closed, closed, created)
				reminds(s, 3)
				s.answer("Act", models.ActionResult{})
				finishes(s)
				s.retryAfter(50 * time.Hour)
			},
			did: seq(
				toldBlocked,
				reminded, "local activity CreateOrder", "timer 24h0m0s",
				reminded, "local activity CreateOrder", "timer 24h0m0s",
				"local activity Act", unblocked,
			),
			want: orderMade,
		},
		{
			name:  "what has become possible meanwhile is done without being asked for",
			file:  "wait_mended_by_itself",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, created)
				reminds(s, 2)
				finishes(s)
			},
			did:  seq(toldBlocked, reminded, unblocked),
			want: orderMade,
		},
		{
			name:  "another reason is told at once, too",
			file:  "wait_for_two_reasons",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, empty, created)
				reminds(s, 2)
				s.answer("Act", models.ActionResult{}, models.ActionResult{})
				finishes(s)
				s.retryAfter(time.Hour)
				s.retryAfter(2 * time.Hour)
			},
			did: seq(
				toldBlocked, "local activity Act",
				"local activity CreateOrder", "set BlockedReason", reminded, "timer 24h0m0s",
				"local activity Act", unblocked,
			),
			want: orderMade,
		},
		{
			name:  "a sibling's wake-up is no person's request",
			file:  "wait_woken",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, existing)
				reminds(s, 1)
				s.askAfter(time.Hour, models.ActRetry, wakeUp)
			},
			did:  seq(toldBlocked, "local activity CreateOrder", "unset BlockedReason"),
			want: orderExists,
		},
		{
			name:  "a payment that has become another workflow's to wait for is let go",
			file:  "wait_handed_over",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, but(closed, func(f *models.Fulfillment) { f.OwnerID = "case-pay_1" }))
				reminds(s, 1)
				s.askAfter(time.Hour, models.ActRetry, wakeUp)
			},
			did:  seq(toldBlocked, "local activity CreateOrder", "unset BlockedReason"),
			want: workflows.Result{Outcome: models.PaymentBlocked, PaymentID: "pay_1", AskedOf: "case-pay_1"},
		},
		{
			name:  "a person who is at it already need not be told",
			file:  "wait_asked_before",
			event: paid(),
			script: func(s *stage) {
				s.OnActivity("CreateOrder", mock.Anything, mock.Anything).Return(closed, nil).After(time.Second).Once()
				s.answer("Act", models.ActionResult{})
				s.answer("CreateOrder", created)
				finishes(s)
				s.retryAfter(0)
			},
			did:  seq(foundBlocked, "local activity Act", unblocked),
			want: orderMade,
		},
		{
			name:  "a mail server that does not answer keeps nobody from being heard",
			file:  "wait_mails_stuck",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, created)
				s.answer("Remind", done{})
				s.answer("SendNotifications", errPassing, errPassing, errPassing)
				s.answer("Act", models.ActionResult{})
				s.answer("ClearCart", done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 3})
				s.retryAfter(6 * time.Second) // between two attempts
			},
			did:  seq(foundBlocked, reminded, "local activity Act", unblocked),
			want: orderMade,
		},
		{
			name:  "a reminder that the database refuses is no reason not to wait",
			file:  "wait_reminder_refused",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, created)
				s.answer("Remind", errPermanent)
				s.answer("Act", models.ActionResult{})
				finishes(s)
				s.retryAfter(time.Hour)
			},
			did:  seq(foundBlocked, "local activity Remind", "timer 24h0m0s", "local activity Act", unblocked),
			want: orderMade,
		},
		{
			name:  "reminders that no mail server takes go out with the next day's",
			file:  "wait_mails_refused",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", closed, created)
				s.answer("Remind", done{}, done{})
				s.answer("SendNotifications", errPermanent, activities.NotifyResult{Sent: 2})
				finishes(s)
			},
			did:  seq(toldBlocked, reminded, unblocked),
			want: orderMade,
		},
		{
			name:  "a refund that was wanted is made while a person is waited for",
			file:  "wait_refund_due",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(closed, func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue} }), created)
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
				reminds(s, 1)
				s.answer("Act", models.ActionResult{})
				finishes(s)
				s.retryAfter(time.Hour)
			},
			did: seq(
				foundBlocked, "activity MakeRefund", "local activity SettleRefund", reminded, "timer 24h0m0s",
				"local activity Act", unblocked,
			),
			want: orderMade,
		},
		{
			name:  "what comes as the workflow is about to end is attended to before it does",
			file:  "asked_at_the_end",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				s.answer("ClearCart", done{})
				s.OnActivity("SendNotifications", mock.Anything, mock.Anything).
					Return(activities.NotifyResult{Sent: 2}, nil).After(time.Second).Once()
				s.answer("Act", models.ActionResult{})
				s.answer("CreateOrder", existing)
				s.askAfter(time.Millisecond, models.ActHold, mended)
			},
			did: seq(
				"local activity CreateOrder", "local activity ClearCart", "activity SendNotifications",
				"version support-actions", "local activity Act", "local activity CreateOrder",
			),
			want: orderExists,
		},
		{
			name:  "a wake-up that comes as the workflow is about to end has nothing to wake",
			file:  "woken_at_the_end",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				s.answer("ClearCart", done{})
				s.OnActivity("SendNotifications", mock.Anything, mock.Anything).
					Return(activities.NotifyResult{Sent: 2}, nil).After(time.Second).Once()
				s.askAfter(time.Millisecond, models.ActRetry, wakeUp)
			},
			did:  seq("local activity CreateOrder", "local activity ClearCart", "activity SendNotifications"),
			want: orderMade,
		},
		{
			name:  "an order whose payment a review rejected meanwhile is refunded",
			file:  "created_with_refund",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(existing, func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue} }))
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{Due: models.Due{Notify: true}})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
				s.answer("CreateOrder", existing)
			},
			did: seq(
				"local activity CreateOrder", "activity MakeRefund", "local activity SettleRefund", "activity SendNotifications",
				"local activity CreateOrder",
			),
			want: orderExists,
		},
	}
}

// A refund that Stripe refuses blocks the payment, and then somebody has to be
// the one who waits.
func TestARefundThatIsRefusedIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	due := func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue} }
	s.answer("CreateOrder", but(existing, due), blocked("compensation_failed"), existing)
	s.answer("MakeRefund", refundNot)
	s.answer("SettleRefund", models.Standing{})
	s.answer("ViewRefunds", activities.RefundsView{})
	reminds(s, 1)
	s.after(time.Hour, func() { assert.Equal(t, "compensation_failed", s.state().BlockedReason) })
	s.askAfter(2*time.Hour, models.ActRetry, wakeUp)
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.NoError(t, err)
}

func TestWaitingIsSeen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	closed := blocked(models.BlockedStoreClosed)
	s.answer("CreateOrder", closed, closed, existing)
	reminds(s, 1)
	s.answer("Act", models.ActionResult{Refusal: "nothing is left to refund"}, models.ActionResult{})
	waiting := workflows.State{
		Step: "Create the order", WaitingFor: "a person", BlockedReason: "store_closed", Detail: "in words", PaymentID: "pay_1",
	}
	s.after(time.Hour, func() { assert.Equal(t, waiting, s.state()) })
	s.askAfter(2*time.Hour, models.ActRefund, mended)
	s.after(3*time.Hour, func() {
		waiting.Answer = "refund was refused: nothing is left to refund"
		assert.Equal(t, waiting, s.state())
	})
	s.retryAfter(4 * time.Hour)
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.NoError(t, err)
	assert.Equal(t, "retry was done", s.state().Answer)
}
