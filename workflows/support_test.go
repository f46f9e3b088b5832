package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestSupportAction(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeSupportAction, supportStories())
}

func TestOpenCase(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeOpenCase, caseStories())
}

func TestIDsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "support-req_1", workflows.SupportWorkflowID("req_1"))
	assert.Equal(t, "case-pay_1", workflows.CaseWorkflowID("pay_1"))
}

func supportStories() []story {
	in := workflows.SupportInput{PaymentID: "pay_1", RequestID: "req_1"}
	handled := workflows.Result{Outcome: models.PaymentRefunded, PaymentID: "pay_1", OrderID: orderID}
	return []story{
		{
			name:  "a request that leaves nothing to be done ends at once",
			file:  "support_nothing_due",
			start: in,
			script: func(s *stage) {
				s.answer("FindDue", models.Due{PaymentID: "pay_1"})
				s.answer("Look", stands(models.PaymentRefunded))
			},
			did: seq("local activity FindDue", "local activity Look", "set OrderID"), want: handled,
		},
		{
			name:  "all that a request leaves to be done is done",
			file:  "support_all_due",
			start: in,
			script: func(s *stage) {
				s.answer("FindDue", models.Due{
					PaymentID: "pay_1", OrderID: orderID, ClearCart: true, Notify: true, NoEmail: true, ChargeID: "ch_1",
					Refunds: []models.RefundDue{refundDue}, WakeID: "evt_paid",
				})
				s.OnSignalExternalWorkflow(mock.Anything, "evt_paid", "", workflows.SignalRetry, mock.Anything).Return(nil).Once()
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
				s.answer("FindBillingEmail", activities.BillingEmail{})
				finishes(s)
				s.answer("Look", stands(models.PaymentRefunded))
			},
			did: seq(
				"local activity FindDue", "signal evt_paid retry", "local activity ClearCart",
				"activity MakeRefund", "local activity SettleRefund", "activity FindBillingEmail", "activity SendNotifications",
				"local activity Look", "set OrderID",
			),
			want: handled,
		},
		{
			name:  "an order that a request made possible is finished",
			file:  "support_order_made",
			start: in,
			script: func(s *stage) {
				s.answer("FindDue", models.Due{PaymentID: "pay_1"})
				s.answer("Look", stands(models.OrderCreated, func(s *models.Standing) { s.Due.ClearCart, s.Due.Notify = true, true }))
				finishes(s)
			},
			did: seq(
				"local activity FindDue", "local activity Look", "set OrderID", "local activity ClearCart", "activity SendNotifications",
			),
			want: orderMade,
		},
		{
			name:  "a payment that nobody else waits about is waited for here",
			file:  "support_blocked",
			start: in,
			script: func(s *stage) {
				s.answer("FindDue", models.Due{PaymentID: "pay_1"})
				s.answer("Look", stands(models.PaymentBlocked, needs(compensationFailed, "support-req_1")))
				reminds(s, 2)
				s.answer("Look", stands(models.PaymentRefunded))
			},
			did: seq(
				"local activity FindDue", "local activity Look", "version support-actions", "set BlockedReason",
				reminded, "timer 24h0m0s", reminded, "local activity Look", "unset BlockedReason", "set OrderID",
			),
			want: handled,
		},
		{
			name:  "what comes as the workflow is about to end is attended to",
			file:  "support_asked_at_the_end",
			start: in,
			script: func(s *stage) {
				s.OnActivity("FindDue", mock.Anything, mock.Anything).Return(models.Due{PaymentID: "pay_1"}, nil).After(time.Second).Once()
				s.answer("Look", stands(models.PaymentRefunded), stands(models.PaymentRefunded))
				s.answer("Act", models.ActionResult{})
				s.askAfter(0, models.ActNote, mended)
			},
			did: seq(
				"local activity FindDue", "local activity Look", "set OrderID", "version support-actions",
				"local activity Act", "local activity Look",
			),
			want: handled,
		},
	}
}

func caseStories() []story {
	in := workflows.CaseInput{PaymentID: "pay_1"}
	return []story{
		{
			name:  "a dispute whose watcher is gone is watched until the bank has decided",
			file:  "case_dispute",
			start: workflows.CaseInput{PaymentID: "pay_1"},
			script: func(s *stage) {
				s.answer("Look", stands(models.PaymentRecorded, func(s *models.Standing) { s.Unwatched = "du_1" }))
				view := activities.DisputeView{Found: true, PaymentIntentID: "pi_1", Dispute: models.DisputeFacts{ID: "du_1", Status: models.DisputeNeedsResponse}}
				s.answer("ViewDispute", view, view)
				s.answer("RecordDispute", disputeIn("case-pay_1", 0), decided())
				s.after(time.Hour, func() {
					s.SignalWorkflow(workflows.SignalRetry, workflows.Request{Actor: "twigz", Reason: "settled by evt_closed"})
				})
			},
			did: seq(
				"local activity Look", "activity ViewDispute", "local activity RecordDispute", "set OrderID", "timer 168h0m0s",
				"activity ViewDispute", "local activity RecordDispute",
			),
			want: workflows.Result{Outcome: models.PaymentRecorded, PaymentID: "pay_1", OrderID: orderID},
		},
		{
			name:  "a payment that has its order by now is no case",
			file:  "case_no_more",
			start: in,
			script: func(s *stage) {
				s.answer("Look", stands(models.OrderExists))
			},
			did:  seq("local activity Look", "set OrderID"),
			want: orderExists,
		},
		{
			name:  "a payment with nothing to show for its money waits for a person",
			file:  "case_blocked",
			start: in,
			script: func(s *stage) {
				s.answer("Look", models.Standing{
					Outcome: models.PaymentBlocked, PaymentID: "pay_1", Due: models.Due{PaymentID: "pay_1"},
					BlockedReason: models.BlockedMetadata, BlockedDetail: "in words", OwnerID: "case-pay_1",
				})
				reminds(s, 1)
				s.answer("Act", models.ActionResult{})
				s.answer("Look", stands(models.OrderCreated, func(s *models.Standing) { s.Due.ClearCart, s.Due.Notify = true, true }))
				finishes(s)
				s.askAfter(time.Hour, models.ActFix, workflows.Request{
					Actor: "ada", Reason: "asked the customer", RequestID: "req_2", Metadata: models.Metadata{models.KeyStoreID: "bakery"},
				})
			},
			did: seq(
				"local activity Look", "version support-actions", "set BlockedReason", reminded, "timer 24h0m0s",
				"local activity Act", "local activity Look", "unset BlockedReason", "set OrderID",
				"local activity ClearCart", "activity SendNotifications",
			),
			want: orderMade,
		},
	}
}
