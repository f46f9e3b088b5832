package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"twigz/models"
	"twigz/workflows"
)

// Pending is the start of an event's workflow as it is kept while Temporal is
// away.
func Pending(workflowType string, e models.Event) (models.PendingStart, error) {
	input, err := json.Marshal(e)
	if err != nil {
		return models.PendingStart{}, fmt.Errorf("keep event %s: %w", e.ID, err)
	}
	return models.PendingStart{WorkflowID: e.ID, WorkflowType: workflowType, Input: input}, nil
}

// StartPending starts a workflow that was kept. One that is there already is as
// good as started.
func StartPending(ctx context.Context, temporal client.Client, taskQueue string, p models.PendingStart) error {
	if p.WorkflowType == workflows.TypeSupportAction {
		return startAction(ctx, temporal, taskQueue, p)
	}
	var e models.Event
	if err := json.Unmarshal(p.Input, &e); err != nil {
		return fmt.Errorf("read event %s: %w", p.WorkflowID, err)
	}
	_, err := Start(ctx, temporal, taskQueue, p.WorkflowType, e)
	return err
}

// startAction starts the workflow of an action once. Unlike an event it is never
// sent again, so a second start of a run that failed could only be a start whose
// row outlived it.
func startAction(ctx context.Context, temporal client.Client, taskQueue string, p models.PendingStart) error {
	var in workflows.SupportInput
	if err := json.Unmarshal(p.Input, &in); err != nil {
		return fmt.Errorf("read input of %s: %w", p.WorkflowID, err)
	}
	_, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       p.WorkflowID,
		TaskQueue:                                taskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    workflows.SupportAttributes(in.PaymentIntentID, in.CustomerID, in.StoreID),
		StaticSummary:                            "Request of support about payment " + in.PaymentID,
	}, p.WorkflowType, in)
	if _, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		return nil
	}
	return err
}
