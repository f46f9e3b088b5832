package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

// Workflows that began before there were requests know "retry" alone.
func TestRetryOfOlderWorkflows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		input any
	}{
		{"a request", workflows.Request{Actor: "ada", Reason: "opened the store", RequestID: "req_1"}},
		{"nothing", nil},
		{"an empty object", struct{}{}},
		{"keys that mean nothing", map[string]any{"please": true}},
		{"values of the wrong type", map[string]any{"actor": "ada", "reason": 7}},
		{"a sentence", "please look again"},
		{"a list", []int{1, 2}},
		{"bytes", []byte{0xff, 0x00}},
		{"broken JSON", raw("json/plain", `{"actor":`)},
		{"an encoding that nobody knows", raw("text/poem", `again`)},
		{"no encoding", converter.NewRawValue(&commonpb.Payload{Data: []byte("again")})},
	} {
		t.Run("looks again whatever the signal carries: "+c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.older()
			s.answer("CreateOrder", blocked(models.BlockedStoreClosed), existing)
			s.after(time.Hour, func() { s.SignalWorkflow(workflows.SignalRetry, c.input) })
			got, err := s.play(workflows.TypeFulfillOrder, paid())
			require.NoError(t, err)
			assert.Equal(t, orderExists, got)
		})
	}

	t.Run("looks again when the signal came before the wait", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.older()
		s.OnActivity("CreateOrder", mock.Anything, mock.Anything).Return(blocked(models.BlockedStoreClosed), nil).After(time.Minute).Once()
		s.answer("CreateOrder", existing)
		s.retryAfter(0)
		got, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
		assert.Equal(t, orderExists, got)
	})

	t.Run("looks once for several signals that came while nobody looked", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.older()
		s.answer("CreateOrder", blocked(models.BlockedStoreClosed), blocked(models.BlockedStoreClosed), existing)
		s.after(time.Hour, func() {
			s.SignalWorkflowSkippingWorkflowTask(workflows.SignalRetry, nil)
			s.SignalWorkflow(workflows.SignalRetry, nil)
		})
		s.after(2*time.Hour, func() {
			assert.Equal(t, "a person", s.state().WaitingFor, "the second signal was used up as well")
			s.SignalWorkflow(workflows.SignalRetry, nil)
		})
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
		s.AssertActivityNumberOfCalls(t, "CreateOrder", 3)
	})

	t.Run("is of no matter where nobody waits", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.older()
		says(inProgress, recorded)(s)
		s.retryAfter(0)
		got, err := s.play(workflows.TypeRecordPayment, about("payment_intent.processing"))
		require.NoError(t, err)
		assert.Equal(t, noted, got)
	})

	t.Run("every other signal is heard and changes nothing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.older()
		s.answer("CreateOrder", blocked(models.BlockedStoreClosed), existing)
		s.askAfter(time.Hour, models.ActRefund, mended)
		s.after(2*time.Hour, func() { assert.Equal(t, "a person", s.state().WaitingFor) })
		s.retryAfter(3 * time.Hour)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
	})
}

// raw is a payload as it is on the wire.
func raw(encoding, data string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: []byte(data),
	})
}

func TestState(t *testing.T) {
	t.Parallel()

	t.Run("says at each stage what is done and whom the workflow waits for", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		var seen []workflows.State
		look := func() { seen = append(seen, s.state()) }
		s.older() // wait_test.go has what is newer
		s.answer("CreateOrder", errPassing, errPassing)
		s.OnActivity("CreateOrder", mock.Anything, mock.Anything).
			Return(blocked(models.BlockedStoreClosed), nil).After(time.Minute).Once()
		s.after(30*time.Second, look)
		s.after(time.Hour, look)
		s.retryAfter(2 * time.Hour)
		s.answer("CreateOrder", errPermanent)
		s.after(3*time.Hour, look)
		s.retryAfter(4 * time.Hour)
		s.answer("CreateOrder", created)
		s.answer("ClearCart", done{})
		s.OnActivity("SendNotifications", mock.Anything, mock.Anything).
			Return(activities.NotifyResult{}, nil).After(time.Minute).Once()
		s.after(4*time.Hour+30*time.Second, look)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
		look()

		finishing := workflows.State{Step: "Notify customer and store", PaymentID: "pay_1", OrderID: orderID}
		assert.Equal(t, []workflows.State{
			{Step: "Create the order"},
			{
				Step: "Create the order", WaitingFor: "a person",
				BlockedReason: "store_closed", Detail: "in words", PaymentID: "pay_1",
			},
			{
				Step: "Create the order", WaitingFor: "a person", BlockedReason: "internal_error",
				Detail:    "The step “Create the order” failed: postgres: SQLSTATE 23514 order_total_adds_up",
				PaymentID: "pay_1",
			},
			finishing, finishing,
		}, seen)
	})

	t.Run("keeps a reason of any length within what Temporal takes", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		long := make([]rune, 30_000)
		for i := range long {
			long[i] = '本'
		}
		s.answer("CreateOrder", temporal.NewNonRetryableApplicationError(string(long), "Permanent", nil), existing)
		s.after(time.Hour, func() { assert.Less(t, len(s.state().Detail), 20_000) })
		s.retryAfter(2 * time.Hour)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		script func(*stage)
	}{
		{"while it waits for a person", func(s *stage) {
			s.answer("CreateOrder", blocked(models.BlockedStoreClosed))
			reminds(s, 1)
		}},
		{"while support cannot be told", func(s *stage) {
			s.answer("CreateOrder", blocked(models.BlockedStoreClosed))
			s.answer("Remind", done{})
			s.answerAlways("SendNotifications", errPassing)
		}},
		{"while it waits for Stripe to refund", func(s *stage) {
			s.answer("CreateOrder", but(created, func(f *models.Fulfillment) { f.Refunds = []models.RefundDue{refundDue} }))
			s.answer("ClearCart", done{})
			s.answerAlways("MakeRefund", errStripe)
		}},
		{"while it waits for the database", func(s *stage) {
			s.answerAlways("CreateOrder", errPassing)
		}},
		{"while it waits for Stripe", func(s *stage) {
			s.answer("CreateOrder", but(created, func(f *models.Fulfillment) { f.NoEmail = true }))
			s.answer("ClearCart", done{})
			s.OnActivity("FindBillingEmail", mock.Anything, mock.Anything).
				Return(activities.BillingEmail{}, nil).After(14 * time.Second).Maybe()
		}},
		{"while it waits for a mail server", func(s *stage) {
			s.answer("CreateOrder", created)
			s.answer("ClearCart", done{})
			s.answerAlways("SendNotifications", errPassing)
		}},
		{"while a step has broken down", func(s *stage) {
			s.answer("CreateOrder", created)
			s.answer("ClearCart", errPermanent)
		}},
	} {
		t.Run("ends the workflow canceled, not failed, "+c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.script(s)
			s.after(5*time.Second, s.CancelWorkflow)
			_, err := s.play(workflows.TypeFulfillOrder, paid())
			require.Error(t, err)
			assert.True(t, temporal.IsCanceledError(err), err)
			var failure *temporal.ApplicationError
			assert.NotErrorAs(t, err, &failure)
		})
	}

	t.Run("while Stripe is asked how a payment is, nothing is recorded", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.answerAlways("ViewPaymentIntent", errStripe)
		s.after(5*time.Second, s.CancelWorkflow)
		_, err := s.play(workflows.TypeCancelPayment, canceled())
		require.Error(t, err)
		assert.True(t, temporal.IsCanceledError(err), err)
		s.AssertActivityNotCalled(t, "RecordPaymentState", mock.Anything, mock.Anything)
	})
}

// How patient the other steps are is in their options only: the test suite
// makes no activity wait for more than ten attempts.
func TestPatience(t *testing.T) {
	t.Parallel()

	t.Run("Stripe is asked for fifteen seconds", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.answerAlways("ViewPaymentIntent", errStripe)
		s.answer("RecordPaymentState", recorded)
		begin := s.Now()
		_, err := s.play(workflows.TypeCancelPayment, canceled())
		require.NoError(t, err)
		assert.LessOrEqual(t, s.Now().Sub(begin), 15*time.Second)
	})

	t.Run("Stripe's refusal is an answer", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.answer("ViewPaymentIntent", temporal.NewNonRetryableApplicationError("Stripe answered 401", "StripeAnswered", nil))
		s.answer("RecordPaymentState", recorded)
		_, err := s.play(workflows.TypeCancelPayment, canceled())
		require.NoError(t, err)
	})
}
