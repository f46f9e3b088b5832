package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/workflows"
)

var (
	found   = activities.ReconcileResult{Seen: 9, Missing: 2, Started: 1}
	watched = activities.WatchResult{Without: 1, Opened: 2}
)

func TestReconcile(t *testing.T) {
	t.Parallel()
	refused := temporal.NewNonRetryableApplicationError("list events: Stripe answered 401", "StripeAnswered", nil)
	for _, c := range []struct {
		name   string
		script func(*stage)
		want   workflows.Reconciliation
	}{
		{
			"tells what it found",
			func(s *stage) {
				s.OnActivity("ReconcileEvents", mock.Anything).Return(found, nil).Once()
				s.OnActivity("Watch", mock.Anything).Return(watched, nil).Once()
			},
			workflows.Reconciliation{Events: found, Watch: watched},
		},
		{
			"tries three times, and watches what is here although Stripe does not answer",
			func(s *stage) {
				s.OnActivity("ReconcileEvents", mock.Anything).Return(activities.ReconcileResult{}, errPassing).Times(3)
				s.OnActivity("Watch", mock.Anything).Return(watched, nil).Once()
			},
			workflows.Reconciliation{EventsError: "connection refused", Watch: watched},
		},
		{
			"does not ask Stripe again with a key that is none",
			func(s *stage) {
				s.OnActivity("ReconcileEvents", mock.Anything).Return(activities.ReconcileResult{}, refused).Once()
				s.OnActivity("Watch", mock.Anything).Return(watched, nil).Once()
			},
			workflows.Reconciliation{EventsError: "list events: Stripe answered 401", Watch: watched},
		},
		{
			"does not fail when nothing answers",
			func(s *stage) {
				s.OnActivity("ReconcileEvents", mock.Anything).Return(activities.ReconcileResult{}, errPassing).Times(3)
				s.OnActivity("Watch", mock.Anything).Return(activities.WatchResult{}, errPassing).Times(3)
			},
			workflows.Reconciliation{EventsError: "connection refused", WatchError: "connection refused"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.script(s)
			s.ExecuteWorkflow(workflows.TypeReconcile)
			s.AssertExpectations(t)
			require.NoError(t, s.GetWorkflowError())
			var got workflows.Reconciliation
			require.NoError(t, s.GetWorkflowResult(&got))
			assert.Equal(t, c.want, got)
			assert.Equal(t, []string{"activity ReconcileEvents", "activity Watch"}, s.did())
		})
	}

	t.Run("ends when it is told to", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.OnActivity("ReconcileEvents", mock.Anything).Return(found, nil).Maybe()
		s.OnActivity("Watch", mock.Anything).Return(watched, nil).Maybe()
		s.after(0, s.CancelWorkflow)
		s.ExecuteWorkflow(workflows.TypeReconcile)
		assert.True(t, temporal.IsCanceledError(s.GetWorkflowError()))
	})
}

func TestReconcileIsPatientWithAMonthAndNotWithADeadWorker(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.OnActivity("ReconcileEvents", mock.Anything).Return(found, nil)
	s.OnActivity("Watch", mock.Anything).Return(watched, nil)
	s.ExecuteWorkflow(workflows.TypeReconcile)
	require.NoError(t, s.GetWorkflowError())
	options := func(timeout, summary string) map[string]string {
		return map[string]string{
			"TaskQueue": "stripe", "StartToCloseTimeout": timeout, "HeartbeatTimeout": "1m0s", "Summary": summary,
			"RetryPolicy.InitialInterval": "5s", "RetryPolicy.MaximumInterval": "1m0s", "RetryPolicy.MaximumAttempts": "3",
		}
	}
	require.Len(t, s.asked, 2)
	for i, want := range []map[string]string{
		options("2h0m0s", "Start the workflows of events that Stripe has and we do not"),
		options("30m0s", "Open a case for each payment that nothing came of"),
	} {
		for option, value := range want {
			assert.Equal(t, value, s.asked[i].options[option], option)
		}
	}
}
