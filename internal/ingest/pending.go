package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

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
func StartPending(ctx context.Context, c client.Client, taskQueue string, p models.PendingStart) error {
	if read, ok := ours[p.WorkflowType]; ok {
		return startOurs(ctx, c, taskQueue, p, read)
	}
	var e models.Event
	if err := json.Unmarshal(p.Input, &e); err != nil {
		return fmt.Errorf("read event %s: %w", p.WorkflowID, err)
	}
	_, err := Start(ctx, c, taskQueue, p.WorkflowType, e)
	return err
}

// start is what a workflow that no event starts begins with.
type start struct {
	input      any
	attributes temporal.SearchAttributes
	summary    string
}

// ours are the workflows that are written into the inbox with what they are to
// carry out, by type.
var ours = map[string]func(json.RawMessage) (start, error){
	workflows.TypeSupportAction: reads(func(in workflows.SupportInput) start {
		return start{in, workflows.SupportAttributes(in.PaymentIntentID, in.CustomerID, in.StoreID), "Request of support about payment " + in.PaymentID}
	}),
	workflows.TypeResync: reads(func(in workflows.ResyncInput) start {
		return start{in, workflows.SupportAttributes("", in.CustomerID, ""), "Request of support to look at " + about(in)}
	}),
	workflows.TypeDeliverWebhook: reads(func(in workflows.DeliverInput) start {
		return start{in, workflows.SupportAttributes("", in.CustomerID, ""), "Message " + in.MessageID + " to another service"}
	}),
}

// about names whom a request is about: any number of customers, while a summary has
// room for some.
func about(in workflows.ResyncInput) string {
	if len(in.StripeCustomerIDs) > 3 {
		return fmt.Sprintf("%d customers at Stripe", len(in.StripeCustomerIDs))
	}
	return strings.Join(in.StripeCustomerIDs, ", ")
}

// reads makes a start of the input that a type of workflow takes.
func reads[In any](begin func(In) start) func(json.RawMessage) (start, error) {
	return func(kept json.RawMessage) (start, error) {
		var in In
		err := json.Unmarshal(kept, &in)
		return begin(in), err
	}
}

// startOurs starts such a workflow once. Unlike an event it is never sent again, so
// a second start of a run that failed could only be a start whose row outlived it.
func startOurs(ctx context.Context, c client.Client, taskQueue string, p models.PendingStart, read func(json.RawMessage) (start, error)) error {
	begin, err := read(p.Input)
	if err != nil {
		return fmt.Errorf("read input of %s: %w", p.WorkflowID, err)
	}
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       p.WorkflowID,
		TaskQueue:                                taskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    begin.attributes,
		StaticSummary:                            begin.summary,
	}, p.WorkflowType, begin.input)
	if _, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); ok {
		return nil
	}
	return err
}
