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

func TestTrackDispute(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeTrackDispute, disputeStories())
}

// began is when the workflows of these stories begin.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func disputed() models.Event {
	return models.Event{
		ID: "evt_dispute", Type: "charge.dispute.created", Created: began.Unix(), ChargeID: "ch_1",
		Dispute: &models.DisputeFacts{ID: "du_1", Status: models.DisputeNeedsResponse, Reason: "fraudulent", Amount: 1599, Currency: "usd"},
	}
}

// disputeIn is where the dispute stands that a workflow looks after.
func disputeIn(watcher string, dueIn time.Duration) models.DisputeStanding {
	d := models.DisputeStanding{Standing: stands(models.PaymentRecorded), Open: true, Watcher: watcher, Changed: true}
	if dueIn != 0 {
		d.DueBy = began.Add(dueIn).Unix()
	}
	return d
}

func decided() models.DisputeStanding {
	return models.DisputeStanding{Standing: stands(models.PaymentRecorded), Changed: true}
}

func disputeStories() []story {
	const day = 24 * time.Hour
	view := activities.DisputeView{
		Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1",
		Dispute: models.DisputeFacts{ID: "du_1", Status: models.DisputeUnderReview, Reason: "fraudulent", Amount: 1599, Currency: "usd"},
	}
	looked := []string{"activity ViewDispute", "local activity RecordDispute"}
	handled := workflows.Result{Outcome: models.PaymentRecorded, PaymentID: "pay_1", OrderID: orderID}
	// looks scripts how the dispute stands at each look.
	looks := func(s *stage, standings ...any) {
		s.SetStartTime(began)
		for range standings {
			s.answer("ViewDispute", view)
		}
		s.answer("RecordDispute", standings...)
	}
	return []story{
		{
			name:   "a dispute that the bank has decided is recorded",
			file:   "dispute_decided",
			event:  disputed(),
			script: func(s *stage) { looks(s, decided()) },
			did:    seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "a dispute that Stripe does not know is recorded as the event tells it",
			file:  "dispute_unknown",
			event: disputed(),
			script: func(s *stage) {
				s.answer("ViewDispute", activities.DisputeView{})
				s.answer("RecordDispute", decided())
			},
			did: seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "a Stripe that does not answer leaves the event's own word",
			file:  "dispute_unreachable",
			event: disputed(),
			script: func(s *stage) {
				s.answerAlways("ViewDispute", errStripe)
				s.answer("RecordDispute", decided())
			},
			did: seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "the workflow that looks after an open dispute is woken by the events that follow",
			file:  "dispute_wakes_watcher",
			event: disputed(),
			script: func(s *stage) {
				looks(s, disputeIn("evt_first", 10*day))
				s.OnSignalExternalWorkflow(mock.Anything, "evt_first", "", workflows.SignalRetry, mock.Anything).Return(nil).Once()
			},
			did: seq(looked, "signal evt_first retry", "set OrderID"), want: handled,
		},
		{
			name:  "an event that tells nothing new wakes nobody",
			file:  "dispute_nothing_new",
			event: disputed(),
			script: func(s *stage) {
				same := disputeIn("evt_first", 10*day)
				same.Changed = false
				looks(s, same)
			},
			did: seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "an open dispute is looked after until the bank decides, and support reminded two days before the deadline",
			file:  "dispute_watched",
			event: disputed(),
			script: func(s *stage) {
				open := disputeIn("evt_dispute", 6*day)
				looks(s, open, open, decided())
				reminds(s, 1)
				s.askAfter(5*day, models.ActRetry, wakeUp)
			},
			did: seq(
				looked, "set OrderID", "timer 96h0m0s", looked, reminded, "timer 168h0m0s", looked,
			),
			want: handled,
		},
		{
			name:  "a deadline that is closer than two days is told of at once",
			file:  "dispute_deadline_close",
			event: disputed(),
			script: func(s *stage) {
				looks(s, disputeIn("evt_dispute", day), decided())
				reminds(s, 1)
				s.askAfter(time.Hour, models.ActRetry, wakeUp)
			},
			did: seq(looked, "set OrderID", reminded, "timer 168h0m0s", looked), want: handled,
		},
		{
			name:  "a deadline that is over is not told of",
			file:  "dispute_deadline_over",
			event: disputed(),
			script: func(s *stage) {
				looks(s, disputeIn("evt_dispute", -time.Second), decided())
			},
			did: seq(looked, "set OrderID", "timer 168h0m0s", looked), want: handled,
		},
		{
			name:  "without a deadline it is looked at again every week",
			file:  "dispute_weekly",
			event: disputed(),
			script: func(s *stage) {
				looks(s, disputeIn("evt_dispute", 0), disputeIn("evt_dispute", 0), decided())
			},
			did: seq(looked, "set OrderID", "timer 168h0m0s", looked, "timer 168h0m0s", looked), want: handled,
		},
		{
			name:  "what is due is done, and requests are attended to",
			file:  "dispute_requests",
			event: disputed(),
			script: func(s *stage) {
				open := disputeIn("evt_dispute", 0)
				open.Due.Notify = true
				looks(s, open, decided())
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
				s.answer("Act", models.ActionResult{})
				s.askAfter(time.Hour, models.ActNote, mended)
			},
			did: seq(
				looked, "set OrderID", "activity SendNotifications", "timer 168h0m0s",
				"version support-actions", "local activity Act", looked,
			),
			want: handled,
		},
		{
			name:  "what came of a refund is looked at before the bank is waited for",
			file:  "dispute_refund_due",
			event: disputed(),
			script: func(s *stage) {
				open := disputeIn("evt_dispute", 0)
				open.Due.Refunds = []models.RefundDue{refundDue}
				looks(s, open, disputeIn("evt_dispute", 0), decided())
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
			},
			did: seq(
				looked, "set OrderID", "activity MakeRefund", "local activity SettleRefund", looked, "timer 168h0m0s", looked,
			),
			want: handled,
		},
		{
			name:  "a payment that is blocked besides is waited for like any other",
			file:  "dispute_blocked",
			event: disputed(),
			script: func(s *stage) {
				open := disputeIn("evt_dispute", 0)
				needs("refund_failed", "evt_dispute")(&open.Standing)
				looks(s, open, open, disputeIn("evt_dispute", 0), decided())
				reminds(s, 2)
				s.answer("Act", models.ActionResult{})
				s.askAfter(30*time.Hour, models.ActNote, mended)
				s.askAfter(50*time.Hour, models.ActRetry, wakeUp)
			},
			did: seq(
				looked, "version support-actions", "set BlockedReason", reminded, "timer 24h0m0s", reminded,
				looked, "timer 24h0m0s", "local activity Act",
				looked, "unset BlockedReason", "set OrderID", "timer 168h0m0s", looked,
			),
			want: handled,
		},
	}
}

func TestADisputeSaysWhomItWaitsFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		dueIn time.Duration
		want  string
	}{
		{"with the deadline that Stripe tells", 30 * 24 * time.Hour, "the bank, evidence counts until 2026-03-31 12:00 UTC"},
		{"without one when Stripe tells none", 0, "the bank"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.SetStartTime(began)
			s.answer("ViewDispute", activities.DisputeView{}, activities.DisputeView{})
			s.answer("RecordDispute", disputeIn("evt_dispute", c.dueIn), decided())
			s.after(time.Hour, func() {
				assert.Equal(t, workflows.State{
					Step: "Record the dispute", WaitingFor: c.want, PaymentID: "pay_1", OrderID: orderID,
				}, s.state())
			})
			s.askAfter(2*time.Hour, models.ActRetry, wakeUp)
			_, err := s.play(workflows.TypeTrackDispute, disputed())
			require.NoError(t, err)
			assert.Empty(t, s.state().WaitingFor)
		})
	}
}
