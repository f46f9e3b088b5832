// Package ingest starts the workflow of a Stripe event, one for each event however
// often it comes.
//
// The workflow's ID is the event's. An event whose run failed or was terminated
// starts anew, so that a resend repairs it; any other run, open or closed, makes
// the delivery a duplicate. Everything that people find a workflow by is set here,
// at the start, where it costs nothing measurable.
//
// While Temporal is away an event is a row of Postgres's inbox instead, and so is
// the workflow of an action of support or of a message to another service, always:
// it is written with the action or the message. A Dispatcher in every process of the API starts what is there, oldest first. Rows
// are started at least once, and the workflow's ID makes that once.
package ingest

import (
	"context"
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"twigz/models"
	"twigz/workflows"
)

// Run is the run that answers for an event.
type Run struct {
	ID        string
	Duplicate bool // it was there before
}

// Start starts the workflow of a type for an event. Its errors are Temporal's,
// as they came: a caller tells by them whether to try again.
func Start(ctx context.Context, temporal client.Client, taskQueue, workflowType string, e models.Event) (Run, error) {
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       e.ID,
		TaskQueue:                taskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		// Without this a duplicate would look like a new start.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    workflows.StartAttributes(workflowType, e),
		Memo:                                     map[string]any{"apiVersion": e.APIVersion, "created": e.Created},
		StaticSummary:                            workflows.Summary(e),
	}, workflowType, e)
	if already, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		return Run{ID: already.RunId, Duplicate: true}, nil
	}
	if err != nil {
		return Run{}, err
	}
	return Run{ID: run.GetRunID()}, nil
}
