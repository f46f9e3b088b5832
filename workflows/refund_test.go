package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestRecordRefund(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeRecordRefund, refundStories())
}

// A refund that is due, and what Stripe says to it.
var (
	refundDue   = models.RefundDue{RefundID: "rfd_1", Key: "evt_paid:compensation", PaymentIntentID: "pi_1", ChargeID: "ch_1", Amount: 1599}
	refundFacts = models.RefundFacts{ID: "re_1", Ours: "rfd_1", Status: models.RefundSucceeded, Amount: 1599, Currency: "usd"}
	refundMade  = models.RefundAnswer{RefundID: "rfd_1", Facts: &refundFacts}
	refundNot   = models.RefundAnswer{RefundID: "rfd_1", Refused: "charge_already_refunded"}

	errKept = temporal.NewNonRetryableApplicationError("Stripe answered 500", activities.KeptFailure, nil)
	errKey  = temporal.NewNonRetryableApplicationError("Stripe answered 401", "StripeAnswered", nil)
)

// refunded makes an event about one refund.
func refunded(change ...func(*models.Event)) models.Event {
	e := models.Event{
		ID: "evt_refund", Type: "refund.created", Created: 1_700_000_000, ChargeID: "ch_1",
		Refund: &models.RefundFacts{ID: "re_1", Status: models.RefundPending, Amount: 1599, Currency: "usd"},
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

// stands is where the order's payment stands.
func stands(outcome models.Outcome, change ...func(*models.Standing)) models.Standing {
	s := models.Standing{Outcome: outcome, PaymentID: "pay_1", OrderID: orderID, Due: models.Due{PaymentID: "pay_1", OrderID: orderID}}
	for _, c := range change {
		c(&s)
	}
	return s
}

// needs makes a standing one that waits for a person in a workflow.
func needs(reason models.BlockedReason, owner string) func(*models.Standing) {
	return func(s *models.Standing) { s.BlockedReason, s.BlockedDetail, s.OwnerID = reason, "in words", owner }
}

func refundStories() []story {
	const failedRefund = models.BlockedReason("refund_failed")
	view := activities.RefundsView{Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1", Refunds: []models.RefundFacts{refundFacts}}
	recordedRefund := workflows.Result{Outcome: models.PaymentRefunded, PaymentID: "pay_1", OrderID: orderID}
	viewed := []string{"activity ViewRefunds", "local activity RecordRefunds"}
	return []story{
		{
			name:  "what was refunded is recorded as Stripe has it now, under the payment intent that Stripe names",
			file:  "refund_recorded",
			event: refunded(),
			script: func(s *stage) {
				s.answer("ViewRefunds", view)
				s.answer("RecordRefunds", stands(models.PaymentRefunded))
			},
			did: seq(viewed, "set OrderID"), want: recordedRefund,
		},
		{
			name: "a charge's event asks by what it names, and keeps it",
			file: "refund_of_charge",
			event: refunded(func(e *models.Event) {
				e.Type, e.PaymentIntentID, e.Refund, e.AmountRefunded = "charge.refunded", "pi_0", nil, new(int64(1599))
			}),
			script: func(s *stage) {
				s.answer("ViewRefunds", view)
				s.answer("RecordRefunds", stands(models.PaymentRefunded))
			},
			did: seq(viewed, "set OrderID"), want: recordedRefund,
		},
		{
			name:  "a refund that Stripe does not know is recorded as the event tells it",
			file:  "refund_unknown",
			event: refunded(),
			script: func(s *stage) {
				s.answer("ViewRefunds", activities.RefundsView{})
				s.answer("RecordRefunds", stands(models.PaymentRefunded))
			},
			did: seq(viewed, "set OrderID"), want: recordedRefund,
		},
		{
			name:  "a Stripe that does not answer leaves the event's own word",
			file:  "refund_unreachable",
			event: refunded(),
			script: func(s *stage) {
				s.answerAlways("ViewRefunds", errStripe)
				s.answer("RecordRefunds", stands(models.PaymentRefunded))
			},
			did: seq(viewed, "set OrderID"), want: recordedRefund,
		},
		{
			name:  "what is due then is done, and who waited about the payment is woken",
			file:  "refund_with_due",
			event: refunded(),
			script: func(s *stage) {
				s.answer("ViewRefunds", view)
				s.answer("RecordRefunds", stands(models.PaymentRefunded, func(s *models.Standing) {
					s.Due.ClearCart, s.Due.Notify, s.Due.NoEmail, s.Due.ChargeID, s.Due.WakeID = true, true, true, "ch_1", "evt_paid"
				}))
				s.OnSignalExternalWorkflow(mock.Anything, "evt_paid", "", workflows.SignalRetry, mock.Anything).Return(nil).Once()
				s.answer("FindBillingEmail", activities.BillingEmail{Email: "eve@example.com"})
				s.answer("KeepReceiptEmail", done{})
				finishes(s)
			},
			did: seq(
				viewed, "set OrderID", "signal evt_paid retry", "local activity ClearCart",
				"activity FindBillingEmail", "local activity KeepReceiptEmail", "activity SendNotifications",
			),
			want: recordedRefund,
		},
		{
			name:  "a refund that failed waits for a person, who has it made again",
			file:  "refund_failed",
			event: refunded(func(e *models.Event) { e.Type = "refund.failed" }),
			script: func(s *stage) {
				s.answer("ViewRefunds", view)
				s.answer("RecordRefunds", stands(models.PaymentBlocked, needs(failedRefund, "evt_refund")))
				reminds(s, 1)
				s.answer("Act", models.ActionResult{Standing: stands(models.PaymentBlocked, func(s *models.Standing) {
					s.Due.Refunds = []models.RefundDue{refundDue}
				})})
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", stands(models.PaymentRefunded, func(s *models.Standing) { s.Due.WakeID = "evt_refund" }))
				s.answer("Look", stands(models.PaymentRefunded))
				s.retryAfter(time.Hour)
			},
			did: seq(
				viewed, "version support-actions", "set BlockedReason", reminded, "timer 24h0m0s",
				"local activity Act", "activity MakeRefund", "local activity SettleRefund",
				"local activity Look", "unset BlockedReason", "set OrderID",
			),
			want: recordedRefund,
		},
		{
			name:  "one that another workflow waits about is not waited for twice",
			file:  "refund_asked_of_another",
			event: refunded(),
			script: func(s *stage) {
				s.answer("ViewRefunds", view)
				s.answer("RecordRefunds", stands(models.PaymentBlocked, needs(failedRefund, "evt_paid")))
			},
			did:  seq(viewed, "set OrderID"),
			want: workflows.Result{Outcome: models.PaymentBlocked, PaymentID: "pay_1", OrderID: orderID, AskedOf: "evt_paid"},
		},
	}
}

// refunding is what a workflow does that has one refund to make and comes to an
// order that is there already.
func refunding(t *testing.T, script func(*stage)) *stage {
	t.Helper()
	s := newStage(t)
	s.answer("CreateOrder", but(existing, func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue} }))
	script(s)
	s.answer("CreateOrder", existing) // refunds are followed by another look
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.NoError(t, err)
	return s
}

// keys are the idempotency keys that refunds were asked for under.
func (s *stage) keys() []string {
	var keys []string
	for _, r := range s.asked {
		if in, ok := r.Input.(activities.RefundInput); ok {
			keys = append(keys, in.IdempotencyKey)
		}
	}
	return keys
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	const stem = "evt_paid:compensation:"

	t.Run("a refund that is not answered is asked for again under its key", func(t *testing.T) {
		t.Parallel()
		s := refunding(t, func(s *stage) {
			s.answer("MakeRefund", errStripe, errStripe, errStripe, refundMade)
			s.answer("SettleRefund", models.Standing{})
		})
		assert.Equal(t, []string{stem + "1"}, s.keys())
		s.AssertActivityNumberOfCalls(t, "MakeRefund", 4)
	})

	t.Run("a failure that Stripe keeps under a key takes the next key, after a while", func(t *testing.T) {
		t.Parallel()
		s := refunding(t, func(s *stage) {
			s.answer("MakeRefund", errKept, errKept, refundMade)
			s.answer("SettleRefund", models.Standing{})
		})
		assert.Equal(t, []string{stem + "1", stem + "2", stem + "3"}, s.keys())
		assert.Equal(t, seq(
			"local activity CreateOrder", "activity MakeRefund", "timer 1m0s", "activity MakeRefund", "timer 2m0s",
			"activity MakeRefund", "local activity SettleRefund", "local activity CreateOrder",
		), s.did())
	})

	t.Run("ten kept failures are left to a person, and then it goes on with the eleventh key", func(t *testing.T) {
		t.Parallel()
		s := refunding(t, func(s *stage) {
			s.answer("MakeRefund", slices.Repeat([]any{errKept}, 10)...)
			s.after(2*time.Hour, func() {
				assert.Equal(t, "internal_error", s.state().BlockedReason)
				assert.Equal(t, "The step “Refund the payment” failed: Stripe answered 500", s.state().Detail)
			})
			s.retryAfter(3 * time.Hour)
			s.answer("MakeRefund", refundMade)
			s.answer("SettleRefund", models.Standing{})
		})
		assert.Len(t, s.keys(), 11)
		assert.Equal(t, stem+"11", s.keys()[10])
	})

	t.Run("what Stripe will never answer is left to a person, and asked again under the same key", func(t *testing.T) {
		t.Parallel()
		s := refunding(t, func(s *stage) {
			s.answer("MakeRefund", errKey, refundMade)
			s.answer("SettleRefund", models.Standing{})
			s.retryAfter(time.Hour)
		})
		assert.Equal(t, []string{stem + "1", stem + "1"}, s.keys())
	})

	t.Run("every refund has keys of its own", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		second := models.RefundDue{RefundID: "rfd_2", Key: "req_9", PaymentIntentID: "pi_1", Amount: 100}
		s.answer("CreateOrder", but(existing, func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue, second} }))
		s.answer("MakeRefund", errKept, refundMade, models.RefundAnswer{RefundID: "rfd_2", Facts: &refundFacts})
		s.answer("SettleRefund", models.Standing{}, models.Standing{})
		s.answer("CreateOrder", existing)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
		assert.Equal(t, []string{stem + "1", stem + "2", "req_9:1"}, s.keys())
	})
}

func TestRefusedRefund(t *testing.T) {
	t.Parallel()

	t.Run("what others refunded is recorded", func(t *testing.T) {
		t.Parallel()
		s := refunding(t, func(s *stage) {
			s.answer("MakeRefund", refundNot)
			s.answer("SettleRefund", models.Standing{Due: models.Due{WakeID: "evt_sibling"}})
			s.OnSignalExternalWorkflow(mock.Anything, "evt_sibling", "", workflows.SignalRetry, mock.Anything).Return(nil).Once()
			s.answer("ViewRefunds", activities.RefundsView{Found: true, Refunds: []models.RefundFacts{refundFacts}})
			s.answer("RecordRefunds", models.Standing{Due: models.Due{Notify: true}})
			s.answer("SendNotifications", activities.NotifyResult{})
		})
		assert.Equal(t, []string{
			"local activity CreateOrder", "activity MakeRefund", "local activity SettleRefund", "signal evt_sibling retry",
			"activity ViewRefunds", "local activity RecordRefunds", "activity SendNotifications",
			"local activity CreateOrder",
		}, s.did())
		seen := s.asked[5].Input
		assert.Equal(t, activities.RecordRefundsInput{
			Event:   models.Event{ID: "evt_paid", PaymentIntentID: "pi_1", ChargeID: "ch_1"},
			Refunds: []models.RefundFacts{refundFacts},
		}, seen, "an event without type: nobody was told")
	})

	t.Run("a Stripe that does not say what others refunded leaves the refusal", func(t *testing.T) {
		t.Parallel()
		s := refunding(t, func(s *stage) {
			s.answer("MakeRefund", refundNot)
			s.answer("SettleRefund", models.Standing{})
			s.answerAlways("ViewRefunds", errStripe)
		})
		assert.Equal(t, []string{
			"local activity CreateOrder", "activity MakeRefund", "local activity SettleRefund", "activity ViewRefunds",
			"local activity CreateOrder",
		}, s.did())
	})
}
