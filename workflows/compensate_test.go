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

func TestCompensation(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeFulfillOrder, compensateStories())
}

const compensationFailed = models.BlockedReason("compensation_failed")

// What CreateOrder comes to where there can be no order.
var (
	unfulfillable = models.Fulfillment{
		Outcome: models.PaymentBlocked, PaymentID: "pay_1", ChargeID: "ch_1", OwnerID: "evt_paid",
		Compensate: true, Refunds: []models.RefundDue{refundDue}, Unfinished: true,
	}
	givenBack   = models.Fulfillment{Outcome: models.PaymentRefunded, PaymentID: "pay_1", ChargeID: "ch_1"}
	stillOwed   = blocked(compensationFailed)
	wasRefunded = workflows.Result{Outcome: models.PaymentRefunded, PaymentID: "pay_1"}
)

var undid = []string{"local activity GiveBack", "activity MakeRefund", "local activity SettleRefund", "activity SendNotifications"}

// undoes scripts that the undo steps succeed.
func undoes(s *stage) {
	s.answer("GiveBack", done{})
	s.answer("MakeRefund", refundMade)
	s.answer("SettleRefund", models.Standing{})
	s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
}

func compensateStories() []story {
	const look = "local activity CreateOrder"
	blockedThen := seq("version support-actions", "set BlockedReason", reminded, "timer 24h0m0s")
	return []story{
		{
			name:  "an order that cannot be made is taken back: stock and cart, money, word to both",
			file:  "compensated",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable, givenBack)
				undoes(s)
			},
			did: seq(look, undid, look), want: wasRefunded,
		},
		{
			name:  "one for which nothing was collected is only told of",
			file:  "compensated_unpaid",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(unfulfillable, func(f *models.Fulfillment) { f.Refunds = nil }),
					models.Fulfillment{Outcome: models.PaymentUnfulfilled, PaymentID: "pay_1"})
				s.answer("GiveBack", done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
			},
			did:  seq(look, "local activity GiveBack", "activity SendNotifications", look),
			want: workflows.Result{Outcome: models.PaymentUnfulfilled, PaymentID: "pay_1"},
		},
		{
			name:  "a customer whose address nobody knows is asked for at Stripe before they are told",
			file:  "compensated_email_from_stripe",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(unfulfillable, func(f *models.Fulfillment) { f.NoEmail = true }), givenBack)
				s.answer("FindBillingEmail", activities.BillingEmail{Email: "eve@example.com"})
				s.answer("KeepReceiptEmail", errPermanent)
				s.answer("GiveBack", done{})
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
			},
			did: seq(
				look, undid[:3], "activity FindBillingEmail", "local activity KeepReceiptEmail", look,
			),
			want: wasRefunded,
		},
		{
			name:  "a stock that cannot be given back keeps nobody's money",
			file:  "compensation_give_back_fails",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable, stillOwed, givenBack)
				s.answer("GiveBack", errPermanent)
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
				reminds(s, 1)
				s.answer("Act", models.ActionResult{})
				s.retryAfter(time.Hour)
			},
			did:  seq(look, undid, look, blockedThen, "local activity Act", look, "unset BlockedReason"),
			want: wasRefunded,
		},
		{
			name:  "a refund that Stripe does not make is told of, and left to a person",
			file:  "compensation_refund_fails",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable,
					but(stillOwed, func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue} }), givenBack)
				s.answer("GiveBack", done{})
				s.answer("MakeRefund", errKey)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
				reminds(s, 1)
				s.answer("Act", models.ActionResult{Standing: models.Standing{Due: models.Due{Refunds: []models.RefundDue{refundDue}}}})
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
				s.retryAfter(time.Hour)
			},
			did: seq(
				look, "local activity GiveBack", "activity MakeRefund", "activity SendNotifications", look, blockedThen,
				"local activity Act", "activity MakeRefund", "local activity SettleRefund", look, "unset BlockedReason",
			),
			want: wasRefunded,
		},
		{
			name:  "a refund whose answer cannot be written down is found at Stripe by the next look",
			file:  "compensation_settle_fails",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable, stillOwed, unfulfillable, givenBack)
				s.answer("GiveBack", done{})
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", errPermanent)
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
				reminds(s, 2)
				undoes(s)
			},
			did:  seq(look, undid, look, blockedThen, reminded, look, undid, look, "unset BlockedReason"),
			want: wasRefunded,
		},
		{
			name:  "mails that cannot be sent are the last to fail",
			file:  "compensation_mails_fail",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable, givenBack)
				s.answer("GiveBack", done{})
				s.answer("MakeRefund", refundMade)
				s.answer("SettleRefund", models.Standing{})
				s.answer("SendNotifications", errPermanent)
			},
			did: seq(look, undid, look), want: wasRefunded,
		},
		{
			name:  "everything may fail, and everything is tried",
			file:  "compensation_fails",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable, stillOwed, unfulfillable, givenBack)
				s.answer("GiveBack", errPermanent)
				s.answer("MakeRefund", errKey)
				s.answer("SendNotifications", errPermanent)
				reminds(s, 2)
				undoes(s)
			},
			did: seq(
				look, "local activity GiveBack", "activity MakeRefund", "activity SendNotifications", look, blockedThen,
				reminded, look, undid, look, "unset BlockedReason",
			),
			want: wasRefunded,
		},
		{
			name:  "rows that ask for the same again at once are left to a person",
			file:  "compensation_asked_for_again",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", unfulfillable, unfulfillable, givenBack)
				undoes(s)
				undoes(s)
				s.retryAfter(time.Hour)
			},
			did:  seq(look, undid, look, "set BlockedReason", "version support-actions", "timer 24h0m0s", undid, look, "unset BlockedReason"),
			want: wasRefunded,
		},
	}
}

// TestUndoOrder has each undo step fail in turn, and two of two refunds.
func TestUndoOrder(t *testing.T) {
	t.Parallel()
	second := models.RefundDue{RefundID: "rfd_2", Key: "evt_paid:rest", PaymentIntentID: "pi_1", Amount: 1}
	all := []string{
		"local activity GiveBack", "activity MakeRefund", "local activity SettleRefund",
		"activity MakeRefund", "local activity SettleRefund", "activity SendNotifications",
	}
	for _, c := range []struct {
		name    string
		fails   map[string]error
		did     []string
		problem string
	}{
		{"all steps succeed", nil, all, ""},
		{
			"stock and cart are not given back",
			map[string]error{"GiveBack": errPermanent},
			all, "Give back stock and cart: postgres: SQLSTATE 23514 order_total_adds_up",
		},
		{
			"neither refund is made",
			map[string]error{"MakeRefund": errKey},
			slices.Concat(all[:2], all[3:4], all[5:]), "Refund the payment: Stripe answered 401; Stripe answered 401",
		},
		{
			"neither refund is settled",
			map[string]error{"SettleRefund": errPermanent},
			all, "Refund the payment: postgres: SQLSTATE 23514 order_total_adds_up; postgres: SQLSTATE 23514 order_total_adds_up",
		},
		{
			"nobody is told",
			map[string]error{"SendNotifications": errPermanent},
			all, "Tell customer and store: postgres: SQLSTATE 23514 order_total_adds_up",
		},
		{
			"every step fails",
			map[string]error{"GiveBack": errPermanent, "MakeRefund": errKey, "SendNotifications": errPermanent},
			slices.Concat(all[:2], all[3:4], all[5:]),
			"Give back stock and cart: postgres: SQLSTATE 23514 order_total_adds_up\n" +
				"Refund the payment: Stripe answered 401; Stripe answered 401\n" +
				"Tell customer and store: postgres: SQLSTATE 23514 order_total_adds_up",
		},
	} {
		t.Run(c.name+", and the others run in their order", func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.answer("CreateOrder", but(unfulfillable, func(f *models.Fulfillment) {
				f.Refunds = []models.RefundDue{refundDue, second}
			}), givenBack)
			for activity, answer := range map[string]any{
				"GiveBack": nil, "MakeRefund": refundMade, "SettleRefund": models.Standing{}, "SendNotifications": activities.NotifyResult{},
			} {
				call := s.OnActivity(activity, mock.Anything, mock.Anything).Maybe()
				switch err := c.fails[activity]; {
				case err != nil:
					call.Return(failure(activity, err)...)
				case answer == nil:
					call.Return(nil)
				default:
					call.Return(answer, nil)
				}
			}
			got, err := s.play(workflows.TypeFulfillOrder, paid())
			require.NoError(t, err)
			assert.Equal(t, wasRefunded, got)
			assert.Equal(t, seq("local activity CreateOrder", c.did, "local activity CreateOrder"), s.did())
			assert.Equal(t, c.problem, s.state().Detail)
		})
	}
}

func TestFailedCompensationSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer("CreateOrder", unfulfillable, stillOwed)
	s.answer("GiveBack", done{})
	s.answer("MakeRefund", errKey)
	s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
	reminds(s, 1)
	s.after(time.Hour, func() {
		state := s.state()
		assert.Equal(t, "a person", state.WaitingFor)
		assert.Equal(t, "compensation_failed", state.BlockedReason)
		assert.Equal(t, "in words\n\nRefund the payment: Stripe answered 401", state.Detail)
	})
	s.answer("Act", models.ActionResult{})
	s.answer("CreateOrder", givenBack)
	s.retryAfter(2 * time.Hour)
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.NoError(t, err)
}

// TestCancelDuringCompensation: whoever cancels the workflow ends the waiting,
// and not the giving back.
func TestCancelDuringCompensation(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer("CreateOrder", unfulfillable)
	s.answer("GiveBack", done{})
	s.OnActivity("MakeRefund", mock.Anything, mock.Anything).Return(refundMade, nil).After(10 * time.Second).Once()
	s.answer("SettleRefund", models.Standing{})
	s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
	s.after(5*time.Second, s.CancelWorkflow)
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.Error(t, err)
	assert.True(t, temporal.IsCanceledError(err), err)
	assert.Equal(t, seq("local activity CreateOrder", undid), s.did())
}
