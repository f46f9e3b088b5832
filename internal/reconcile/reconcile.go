// Package reconcile keeps reconciliation going: the schedule that starts it, and
// what its activities ask of Temporal.
//
//	schedule reconcile-<task queue> ──every five minutes──▶ workflow Reconcile
//	    ├─▶ activity ReconcileEvents ──Start──▶ the workflows of events that never came
//	    └─▶ activity Watch ──Running, OpenCase──▶ a case for each payment that nothing came of
//
// The activities live in package activities, which does not know workflows; the
// worker gives them these functions.
package reconcile

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twigz/internal/ingest"
	"twigz/models"
	"twigz/workflows"
)

const (
	// every is how often: a payment whose event was lost waits at most so long
	// once Stripe lists the event, and a case that nobody deals with, too.
	every = 5 * time.Minute
	// catchUp is how late a run may begin after Temporal was away. One is enough
	// to catch up with everything, and those that are missed are skipped while it
	// runs.
	catchUp = 24 * time.Hour
)

// ScheduleID is the schedule's ID, with which its workflows' IDs begin. Two
// installations that share a namespace differ by their task queues.
func ScheduleID(taskQueue string) string { return "reconcile-" + taskQueue }

// Schedule makes the schedule unless there is one. One that is there stays as it
// is: an operator may have paused it or changed how often it runs.
func Schedule(ctx context.Context, c client.Client, taskQueue string) error {
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:            ScheduleID(taskQueue),
		Spec:          client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}},
		Overlap:       enums.SCHEDULE_OVERLAP_POLICY_SKIP, // what the next one would find, the running one does
		CatchupWindow: catchUp,
		Action: &client.ScheduleWorkflowAction{
			ID:            ScheduleID(taskQueue),
			Workflow:      workflows.TypeReconcile,
			TaskQueue:     taskQueue,
			StaticSummary: "Start what Stripe has and we do not; open a case for each payment that nothing came of",
		},
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return err
}

// Start starts the workflow of an event that was listed, exactly as the API
// starts one that is delivered.
func Start(c client.Client, taskQueue string) func(context.Context, models.Event) (handled, started bool, err error) {
	return func(ctx context.Context, e models.Event) (handled, started bool, err error) {
		workflowType, ok := workflows.ForEvent(e)
		if !ok {
			return false, false, nil
		}
		run, err := ingest.Start(ctx, c, taskQueue, workflowType, e)
		return true, err == nil && !run.Duplicate, err
	}
}

// OpenCase starts the workflow that looks after a payment, unless it is open
// already. A payment whose case was closed and that needs somebody again gets a
// new run of it.
func OpenCase(c client.Client, taskQueue string) func(ctx context.Context, paymentID string) error {
	return func(ctx context.Context, paymentID string) error {
		_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID:                       workflows.CaseWorkflowID(paymentID),
			TaskQueue:                taskQueue,
			WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            "Case of payment " + paymentID,
		}, workflows.TypeOpenCase, workflows.CaseInput{PaymentID: paymentID})
		return err
	}
}

// Running says whether a workflow is open. One that Temporal does not know, any
// more or at all, is not.
func Running(c client.Client) func(ctx context.Context, workflowID string) (bool, error) {
	return func(ctx context.Context, workflowID string) (bool, error) {
		described, err := c.DescribeWorkflowExecution(ctx, workflowID, "")
		if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		status := described.GetWorkflowExecutionInfo().GetStatus()
		return status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enums.WORKFLOW_EXECUTION_STATUS_PAUSED, nil
	}
}
