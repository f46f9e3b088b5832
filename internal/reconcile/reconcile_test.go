package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twigz/internal/reconcile"
	"twigz/models"
	"twigz/workflows"
)

// fake is a Temporal that answers everything with err, or as status says, and
// keeps what it was asked.
type fake struct {
	client.Client
	err      error
	status   enums.WorkflowExecutionStatus
	schedule client.ScheduleOptions
	start    client.StartWorkflowOptions
	name     any
	input    any
}

func (f *fake) ScheduleClient() client.ScheduleClient { return schedules{fake: f} }

type schedules struct {
	client.ScheduleClient
	fake *fake
}

func (s schedules) Create(_ context.Context, o client.ScheduleOptions) (client.ScheduleHandle, error) {
	s.fake.schedule = o
	return nil, s.fake.err
}

func (f *fake) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, name any, inputs ...any) (client.WorkflowRun, error) {
	f.start, f.name, f.input = o, name, inputs[0]
	return run{}, f.err
}

type run struct{ client.WorkflowRun }

func (run) GetRunID() string { return "run_1" }

func (f *fake) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflow.WorkflowExecutionInfo{Status: f.status}}, f.err
}

var errAway = serviceerror.NewUnavailable("temporal is away")

func TestSchedule(t *testing.T) {
	t.Parallel()

	t.Run("is made for this installation, and never runs twice at once", func(t *testing.T) {
		t.Parallel()
		f := &fake{}
		require.NoError(t, reconcile.Schedule(t.Context(), f, "shop-2"))
		assert.Equal(t, "reconcile-shop-2", f.schedule.ID)
		assert.Equal(t, []client.ScheduleIntervalSpec{{Every: 5 * time.Minute}}, f.schedule.Spec.Intervals)
		assert.Equal(t, enums.SCHEDULE_OVERLAP_POLICY_SKIP, f.schedule.Overlap)
		assert.Equal(t, 24*time.Hour, f.schedule.CatchupWindow)
		action, ok := f.schedule.Action.(*client.ScheduleWorkflowAction)
		require.True(t, ok)
		assert.Equal(t, "reconcile-shop-2", action.ID)
		assert.Equal(t, workflows.TypeReconcile, action.Workflow)
		assert.Equal(t, "shop-2", action.TaskQueue)
		assert.NotEmpty(t, action.StaticSummary)
		assert.Zero(t, action.WorkflowRunTimeout, "a timeout would end it as failed")
	})

	t.Run("is left alone when it is there", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, reconcile.Schedule(t.Context(), &fake{err: temporal.ErrScheduleAlreadyRunning}, "q"))
	})

	t.Run("is not there when Temporal does not say so", func(t *testing.T) {
		t.Parallel()
		require.ErrorIs(t, reconcile.Schedule(t.Context(), &fake{err: errAway}, "q"), errAway)
	})
}

func TestStart(t *testing.T) {
	t.Parallel()
	succeeded := models.Event{ID: "evt_1", Type: "payment_intent.succeeded", PaymentIntentID: "pi_1"}
	for _, c := range []struct {
		name             string
		event            models.Event
		err              error
		handled, started bool
	}{
		{"an event that never came is started", succeeded, nil, true, true},
		{"one that came has its workflow", succeeded, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", "run_0"), true, false},
		{"one that nobody handles is nobody's", models.Event{ID: "evt_1", Type: "customer.created"}, nil, false, false},
		{"one of a session that sets something up is nobody's", models.Event{ID: "evt_1", Type: "checkout.session.completed", Mode: "setup"}, nil, false, false},
		{"Temporal's error is not a start", succeeded, errAway, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{err: c.err}
			handled, started, err := reconcile.Start(f, "shop-2")(t.Context(), c.event)
			assert.Equal(t, errors.Is(c.err, errAway), err != nil)
			assert.Equal(t, [2]bool{c.handled, c.started}, [2]bool{handled, started})
			if started {
				assert.Equal(t, "evt_1", f.start.ID)
				assert.Equal(t, "shop-2", f.start.TaskQueue)
				assert.Equal(t, workflows.TypeFulfillOrder, f.name)
				assert.Equal(t, c.event, f.input)
			}
		})
	}
}

func TestOpenCase(t *testing.T) {
	t.Parallel()
	f := &fake{}
	require.NoError(t, reconcile.OpenCase(f, "shop-2")(t.Context(), "pay_1"))
	assert.Equal(t, "case-pay_1", f.start.ID)
	assert.Equal(t, "shop-2", f.start.TaskQueue)
	assert.Equal(t, "OpenCase", f.name)
	input, err := json.Marshal(f.input)
	require.NoError(t, err)
	assert.JSONEq(t, `{"paymentId":"pay_1"}`, string(input))
	assert.Equal(t, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, f.start.WorkflowIDConflictPolicy, "an open case is enough")
	assert.Equal(t, enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, f.start.WorkflowIDReusePolicy, "a closed one is not")

	f.err = errAway
	require.ErrorIs(t, reconcile.OpenCase(f, "shop-2")(t.Context(), "pay_1"), errAway)
}

func TestRunning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status enums.WorkflowExecutionStatus
		err    error
		want   bool
	}{
		{"one that is open is", enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil, true},
		{"one that somebody paused is", enums.WORKFLOW_EXECUTION_STATUS_PAUSED, nil, true},
		{"one that ended is not", enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, nil, false},
		{"one that somebody terminated is not", enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, nil, false},
		{"one that nobody knows is not", 0, serviceerror.NewNotFound("no such workflow"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := reconcile.Running(&fake{status: c.status, err: c.err})(t.Context(), "evt_1")
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}

	t.Run("one that Temporal cannot be asked about is not known to have ended", func(t *testing.T) {
		t.Parallel()
		_, err := reconcile.Running(&fake{err: errAway})(t.Context(), "evt_1")
		require.ErrorIs(t, err, errAway)
	})
}
