package workflows_test

import (
	"testing"
	"time"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestTrackReview(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeTrackReview, reviewStories())
}

func reviewed(facts models.ReviewFacts) models.Event {
	facts.ID = "prv_1"
	e := models.Event{ID: "evt_review", Type: "review.opened", Created: 1_700_000_000, ChargeID: "ch_1", Review: &facts}
	if !facts.Open {
		e.Type = "review.closed"
	}
	return e
}

func reviewStories() []story {
	const underReview = models.Outcome("recorded")
	opened := reviewed(models.ReviewFacts{Open: true, OpenedReason: "rule"})
	view := func(closed string) activities.ReviewView {
		return activities.ReviewView{
			Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1",
			Review: models.ReviewFacts{ID: "prv_1", Open: closed == "", OpenedReason: "rule", ClosedReason: closed},
		}
	}
	refundsView := activities.RefundsView{Found: true, Refunds: []models.RefundFacts{refundFacts}}
	looked := []string{"activity ViewReview", "local activity RecordReview"}
	rejected := []string{"activity ViewReview", "activity ViewRefunds", "local activity RecordRefunds", "local activity RecordReview"}
	handled := workflows.Result{Outcome: underReview, PaymentID: "pay_1", OrderID: orderID}
	return []story{
		{
			name:  "an open review is recorded",
			file:  "review_opened",
			event: opened,
			script: func(s *stage) {
				s.answer("ViewReview", view(""))
				s.answer("RecordReview", stands(underReview))
			},
			did: seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "one that was approved meanwhile is recorded as that",
			file:  "review_approved",
			event: opened,
			script: func(s *stage) {
				s.answer("ViewReview", view("approved"))
				s.answer("RecordReview", stands(underReview))
			},
			did: seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "one that Stripe does not know is recorded as the event tells it",
			file:  "review_unknown",
			event: reviewed(models.ReviewFacts{OpenedReason: "manual", ClosedReason: "approved"}),
			script: func(s *stage) {
				s.answer("ViewReview", activities.ReviewView{})
				s.answer("RecordReview", stands(underReview))
			},
			did: seq(looked, "set OrderID"), want: handled,
		},
		{
			name:  "a rejected one is refunded, unless Stripe has done so",
			file:  "review_rejected",
			event: reviewed(models.ReviewFacts{OpenedReason: "rule", ClosedReason: "refunded_as_fraud"}),
			script: func(s *stage) {
				s.answer("ViewReview", view("refunded_as_fraud"))
				s.answer("ViewRefunds", refundsView)
				s.answer("RecordRefunds", stands(models.PaymentRefunded))
				s.answer("RecordReview", stands(models.PaymentRefunded, func(s *models.Standing) {
					s.Due.Refunds, s.Due.Notify = []models.RefundDue{refundDue}, true
				}))
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
				s.answer("Look", stands(models.PaymentRefunded))
			},
			did: seq(
				rejected, "set OrderID", "activity MakeRefund", "local activity SettleRefund", "activity SendNotifications",
				"local activity Look",
			),
			want: workflows.Result{Outcome: models.PaymentRefunded, PaymentID: "pay_1", OrderID: orderID},
		},
		{
			name:  "a rejected one of which Stripe knows no refunds is recorded all the same",
			file:  "review_rejected_unknown",
			event: reviewed(models.ReviewFacts{OpenedReason: "rule", ClosedReason: "disputed"}),
			script: func(s *stage) {
				s.answer("ViewReview", view("disputed"))
				s.answerAlways("ViewRefunds", errStripe)
				s.answer("RecordReview", stands(underReview))
			},
			did: seq("activity ViewReview", "activity ViewRefunds", "local activity RecordReview", "set OrderID"), want: handled,
		},
		{
			name:  "a refund of it that fails waits for a person",
			file:  "review_blocked",
			event: reviewed(models.ReviewFacts{OpenedReason: "rule", ClosedReason: "refunded"}),
			script: func(s *stage) {
				s.answerAlways("ViewReview", errStripe)
				s.answer("ViewRefunds", refundsView)
				s.answer("RecordRefunds", stands(models.PaymentRefunded))
				s.answer("RecordReview", stands(models.PaymentBlocked, needs(compensationFailed, "evt_review")))
				reminds(s, 1)
				s.answer("Act", models.ActionResult{})
				s.answer("Look", stands(models.PaymentRefunded))
				s.retryAfter(time.Hour)
			},
			did: seq(
				rejected, "version support-actions", "set BlockedReason", reminded, "timer 24h0m0s",
				"local activity Act", "local activity Look", "unset BlockedReason", "set OrderID",
			),
			want: workflows.Result{Outcome: models.PaymentRefunded, PaymentID: "pay_1", OrderID: orderID},
		},
	}
}
