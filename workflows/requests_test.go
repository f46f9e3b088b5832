package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

// acts are the actions that a workflow asked the rows for.
func (s *stage) acts() []models.Action {
	var acts []models.Action
	for _, r := range s.asked {
		if action, ok := r.Input.(models.Action); ok {
			acts = append(acts, action)
		}
	}
	return acts
}

// acting is the actions that a blocked payment's workflow takes signals for. The
// first wait is over with the last of them.
func acting(t *testing.T, send func(*stage)) []models.Action {
	t.Helper()
	s := newStage(t)
	s.answer("CreateOrder", blocked(models.BlockedStoreClosed))
	reminds(s, 1)
	s.OnActivity("Act", mock.Anything, mock.Anything).Return(models.ActionResult{}, nil)
	s.OnActivity("CreateOrder", mock.Anything, mock.Anything).Return(existing, nil)
	s.after(time.Hour, func() { send(s) })
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.NoError(t, err)
	return s.acts()
}

func TestSignals(t *testing.T) {
	t.Parallel()
	asks := func(change func(*workflows.Request)) workflows.Request {
		r := workflows.Request{Actor: "ada", Reason: "asked by phone", RequestID: "req_1"}
		change(&r)
		return r
	}
	metadata := models.Metadata{models.KeyCustomerID: "auth0|7", models.KeyStoreID: "bakery"}
	for _, c := range []struct {
		kind    models.ActionKind
		request workflows.Request
		want    models.Action
	}{
		{models.ActRetry, asks(func(*workflows.Request) {}), models.Action{}},
		{models.ActFix, asks(func(r *workflows.Request) { r.Metadata = metadata }), models.Action{Metadata: metadata}},
		{models.ActAccept, asks(func(*workflows.Request) {}), models.Action{}},
		{models.ActRefund, asks(func(*workflows.Request) {}), models.Action{}},
		{models.ActRefund, asks(func(r *workflows.Request) { r.Amount = new(int64(500)) }), models.Action{Amount: new(int64(500))}},
		{models.ActCancel, asks(func(*workflows.Request) {}), models.Action{}},
		{models.ActHold, asks(func(*workflows.Request) {}), models.Action{}},
		{models.ActRelease, asks(func(r *workflows.Request) { r.HoldID = "hold_1" }), models.Action{HoldID: "hold_1"}},
		{models.ActResend, asks(func(r *workflows.Request) { r.Recipient = models.ToStore }), models.Action{Recipient: models.ToStore}},
		{models.ActNote, asks(func(*workflows.Request) {}), models.Action{}},
	} {
		t.Run(string(c.kind)+" is the action of its name, of an actor who is claimed", func(t *testing.T) {
			t.Parallel()
			c.want.PaymentID, c.want.Kind, c.want.Claimed = "pay_1", c.kind, true
			c.want.Actor, c.want.Reason, c.want.RequestID = "ada", "asked by phone", "req_1"
			got := acting(t, func(s *stage) { s.SignalWorkflow(string(c.kind), c.request) })
			c.want.Workflow = "evt_paid"
			assert.Equal(t, []models.Action{c.want}, got)
		})
	}

	t.Run("several at once are done one after the other, each once", func(t *testing.T) {
		t.Parallel()
		got := acting(t, func(s *stage) {
			s.SignalWorkflowSkippingWorkflowTask("note", workflows.Request{Actor: "ada"})
			s.SignalWorkflowSkippingWorkflowTask("note", workflows.Request{Actor: "bob"})
			s.SignalWorkflow("note", workflows.Request{Actor: "eve"})
		})
		require.Len(t, got, 3)
		assert.Equal(t, []string{"ada", "bob", "eve"}, []string{got[0].Actor, got[1].Actor, got[2].Actor})
		assert.Equal(t, []string{"evt_paid#1", "evt_paid#2", "evt_paid#3"},
			[]string{got[0].RequestID, got[1].RequestID, got[2].RequestID})
	})
}

func TestRequestsThatAreOdd(t *testing.T) {
	t.Parallel()
	const nth = "evt_paid#1" // the first signal's own ID
	for _, c := range []struct {
		name  string
		kind  models.ActionKind
		input any
		want  models.Action
	}{
		{"nothing is a request of nobody", models.ActRetry, nil, models.Action{Actor: "unnamed"}},
		{"an empty object is a request of nobody", models.ActCancel, struct{}{}, models.Action{Actor: "unnamed"}},
		{"a sentence is a request of nobody", models.ActHold, "please wait", models.Action{Actor: "unnamed"}},
		{"bytes are a request of nobody", models.ActHold, []byte{0xff}, models.Action{Actor: "unnamed"}},
		{
			"an encoding that nobody knows is a request of nobody", models.ActHold, raw("text/poem", "wait"),
			models.Action{Actor: "unnamed"},
		},
		{
			"no encoding is a request of nobody", models.ActHold,
			converter.NewRawValue(&commonpb.Payload{Data: []byte("wait")}),
			models.Action{Actor: "unnamed"},
		},
		{
			"a reason of the wrong type leaves the actor", models.ActRetry,
			map[string]any{"actor": "ada", "reason": 7},
			models.Action{Actor: "ada"},
		},
		{
			"an amount that cannot be read refunds nothing, not everything", models.ActRefund,
			map[string]any{"actor": "ada", "amount": "5.00"},
			models.Action{Actor: "ada", Amount: new(int64(0))},
		},
		{
			"an amount with a fraction refunds nothing, not everything", models.ActRefund,
			raw("json/plain", `{"actor":"ada","amount":5.5}`),
			models.Action{Actor: "ada", Amount: new(int64(0))},
		},
		{
			"a refund that is broken JSON refunds nothing, not everything", models.ActRefund,
			raw("json/plain", `{"actor":"ada","amount":500`),
			models.Action{Actor: "unnamed", Amount: new(int64(0))},
		},
		{
			"a hold that cannot be read releases none, not all", models.ActRelease,
			map[string]any{"actor": "ada", "holdId": 7},
			models.Action{Actor: "ada", HoldID: "unreadable"},
		},
		{
			"a NUL does not reach the database", models.ActNote,
			map[string]any{"actor": "a\x00da", "reason": "\x00", "requestId": "r\x00"},
			models.Action{Actor: "a\uFFFDda", Reason: "\uFFFD"},
		},
		{
			"an ID that is too long is none", models.ActNote,
			map[string]any{"actor": "ada", "requestId": strings.Repeat("x", 201)},
			models.Action{Actor: "ada"},
		},
		{
			"an ID as long as can be is one", models.ActNote,
			map[string]any{"actor": "ada", "requestId": strings.Repeat("x", 200)},
			models.Action{Actor: "ada", RequestID: strings.Repeat("x", 200)},
		},
		{
			"only the signal retry of twigz is a wake-up", models.ActHold,
			map[string]any{"actor": "twigz"},
			models.Action{Actor: "twigz"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := acting(t, func(s *stage) { s.SignalWorkflow(string(c.kind), c.input) })
			c.want.PaymentID, c.want.Kind, c.want.Claimed = "pay_1", c.kind, true
			if c.want.RequestID == "" {
				c.want.RequestID = nth
			}
			c.want.Workflow = "evt_paid"
			assert.Equal(t, []models.Action{c.want}, got)
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer any
		want   string
	}{
		{"done", models.ActionResult{}, "note was done"},
		{"refused, and why", models.ActionResult{Refusal: "no such payment"}, "note was refused: no such payment"},
		{"done before", models.ActionResult{Duplicate: true}, "note had been done before"},
		{"refused before, and why", models.ActionResult{Duplicate: true, Refusal: "no"}, "note was refused: no"},
		{"impossible for the database", errPermanent, "note was not done: postgres: SQLSTATE 23514 order_total_adds_up"},
	} {
		t.Run("what a request came to is seen: "+c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.answer("CreateOrder", blocked(models.BlockedStoreClosed), existing)
			reminds(s, 1)
			s.answer("Act", c.answer)
			s.askAfter(time.Hour, models.ActNote, mended)
			got, err := s.play(workflows.TypeFulfillOrder, paid())
			require.NoError(t, err)
			assert.Equal(t, orderExists, got, "and the workflow goes on")
			assert.Equal(t, c.want, s.state().Answer)
		})
	}
}

func TestRequestsThatComeEarlyOrLate(t *testing.T) {
	t.Parallel()

	t.Run("before a payment's failure is recorded, they wait until it is", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		says(inProgress, recorded)(s)
		s.answer("Act", models.ActionResult{})
		s.answer("Look", models.Standing{Outcome: models.PaymentRecorded, PaymentID: "pay_1"})
		s.askAfter(0, models.ActNote, mended)
		got, err := s.play(workflows.TypeRecordPayment, about("payment_intent.processing"))
		require.NoError(t, err)
		assert.Equal(t, noted, got)
		assert.Equal(t, seq(viewedAndRecorded, "version support-actions", "local activity Act", "local activity Look"), s.did())
	})

	t.Run("what they leave to be done is done before the workflow ends", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		says(inProgress, recorded)(s)
		s.answer("Act", models.ActionResult{Standing: models.Standing{Due: models.Due{
			PaymentID: "pay_1", Notify: true, Refunds: []models.RefundDue{refundDue},
		}}})
		s.answer("MakeRefund", refundMade)
		s.answer("SettleRefund", models.Standing{})
		s.answer("SendNotifications", activities.NotifyResult{Sent: 1})
		s.answer("Look", models.Standing{Outcome: models.PaymentRecorded, PaymentID: "pay_1"})
		s.askAfter(0, models.ActRefund, mended)
		_, err := s.play(workflows.TypeRecordPayment, about("payment_intent.processing"))
		require.NoError(t, err)
		assert.Equal(t, seq(
			viewedAndRecorded, "version support-actions", "local activity Act", "activity MakeRefund", "local activity SettleRefund",
			"activity SendNotifications", "local activity Look",
		), s.did())
	})

	t.Run("what they block is waited for by the workflow that they came to", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		says(inProgress, recorded)(s)
		s.answer("Act", models.ActionResult{})
		s.answer("Look", stands(models.PaymentBlocked, needs(compensationFailed, "evt_told")), stands(models.PaymentRefunded))
		reminds(s, 1)
		s.askAfter(0, models.ActRefund, mended)
		s.askAfter(time.Hour, models.ActRetry, wakeUp)
		_, err := s.play(workflows.TypeRecordPayment, about("payment_intent.processing"))
		require.NoError(t, err)
	})

	t.Run("while a step of a payment that is known has broken down, they are attended to", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.answer("CreateOrder", created)
		s.answer("ClearCart", errPermanent, done{})
		s.answer("Act", models.ActionResult{Standing: models.Standing{Due: models.Due{Notify: true}}})
		s.answer("SendNotifications", activities.NotifyResult{}, activities.NotifyResult{Sent: 2})
		s.askAfter(time.Hour, models.ActHold, mended)
		s.after(2*time.Hour, func() {
			assert.Equal(t, workflows.State{
				Step: "Clear the cart", WaitingFor: "a person", BlockedReason: "internal_error",
				Detail: "The step “Clear the cart” failed: postgres: SQLSTATE 23514 order_total_adds_up", Answer: "hold was done",
				PaymentID: "pay_1", OrderID: orderID,
			}, s.state(), "which mends nothing by itself")
		})
		s.retryAfter(3 * time.Hour)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
		assert.Len(t, s.acts(), 1, "the retry was for the step")
	})

	t.Run("while the payment is not known, only retry is heard", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.answer("CreateOrder", errPermanent, existing, existing)
		s.askAfter(time.Hour, models.ActHold, mended)
		s.after(90*time.Minute, func() { assert.Empty(t, s.acts()) })
		s.answer("Act", models.ActionResult{})
		s.retryAfter(2 * time.Hour)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
		assert.Len(t, s.acts(), 1)
	})

	t.Run("what they leave undone is told, and looked at again", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		closed := blocked(models.BlockedStoreClosed)
		s.answer("CreateOrder", closed, closed, existing)
		reminds(s, 1)
		s.answer("Act", models.ActionResult{Standing: models.Standing{Due: models.Due{
			PaymentID: "pay_1", OrderID: orderID, ClearCart: true, Notify: true, Refunds: []models.RefundDue{refundDue},
		}}})
		s.answer("ClearCart", errPermanent)
		s.answer("MakeRefund", errKey)
		s.answer("SendNotifications", activities.NotifyResult{})
		s.askAfter(time.Hour, models.ActRefund, mended)
		s.askAfter(2*time.Hour, models.ActRetry, wakeUp)
		_, err := s.play(workflows.TypeFulfillOrder, paid())
		require.NoError(t, err)
	})
}

// TestDialogs holds what the Web UI's dialogs say, which it asks the workflow
// for.
func TestDialogs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer("CreateOrder", existing)
	_, err := s.play(workflows.TypeFulfillOrder, paid())
	require.NoError(t, err)
	answer, err := s.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, answer.Get(&metadata))
	var names []string
	for _, signal := range metadata.GetDefinition().GetSignalDefinitions() {
		names = append(names, signal.Name)
		_, input, ok := strings.Cut(signal.Description, "Input: ")
		require.True(t, ok, signal.Description)
		var request workflows.Request
		require.NoError(t, json.NewDecoder(strings.NewReader(input)).Decode(&request), "%s can be copied: %s", signal.Name, input)
		assert.NotEmpty(t, request.Actor)
		assert.NotEmpty(t, request.Reason)
		assert.Empty(t, request.RequestID, "whoever copies it would send the same request twice")
	}
	assert.ElementsMatch(t, []string{
		"retry", "fix", "accept", "refund", "cancel", "hold", "release", "resend", "note",
	}, names)
	golden(t, "dialogs", metadata.GetDefinition().GetSignalDefinitions())
}
