package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"twigz/internal/settings"
	"twigz/internal/temporalclient"
	"twigz/models"
	"twigz/workflows"
)

// emptyShape has the steps of FulfillOrder and nothing in them: two local activities and a regular one, with the options
// that those have. compareHistories holds the two together.
func emptyShape(ctx workflow.Context, e models.Event) (workflows.Result, error) {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 2 * time.Second, ScheduleToCloseTimeout: 3 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumAttempts: 2},
		Summary:     "Do nothing",
	})
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: 40 * time.Second, ScheduleToCloseTimeout: 72 * time.Hour,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Minute},
		Summary:     "Do nothing",
	})
	for range 2 {
		if err := workflow.ExecuteLocalActivity(local, nothing, e).Get(ctx, nil); err != nil {
			return workflows.Result{}, err
		}
	}
	if err := workflow.ExecuteActivity(regular, nothing, e).Get(ctx, nil); err != nil {
		return workflows.Result{}, err
	}
	return workflows.Result{Outcome: models.OrderCreated}, nil
}

func nothing(context.Context, models.Event) error { return nil }

// workEmpty is the program that runs emptyShape, under the name of the workflow that it is compared with, as cmd/worker
// runs that one.
func workEmpty(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	r := settings.From(getenv)
	config := temporalclient.ReadConfig(r, getenv)
	if err := r.Err(); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stdout, nil))
	c, err := config.New(log)
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, config.TaskQueue, temporalclient.WorkerOptions())
	w.RegisterWorkflowWithOptions(emptyShape, workflow.RegisterOptions{Name: workflows.TypeFulfillOrder})
	w.RegisterActivity(nothing)
	log.InfoContext(ctx, "working", "task_queue", config.TaskQueue)
	stop := make(chan any)
	context.AfterFunc(ctx, func() { close(stop) })
	return w.Run(stop)
}

// compareHistories returns what an order leaves in Temporal, after it has held it against what the empty shape leaves: the
// same events, and for the regular activity the same options. A comparison of workflows that differ would say nothing.
func compareHistories(ctx context.Context, c client.Client) (histories, error) {
	order, err := closed(ctx, c, newShop)
	if err != nil {
		return histories{}, err
	}
	empty, err := closed(ctx, c, emptyQueue)
	if err != nil {
		return histories{}, err
	}
	orderEvents, err := history(ctx, c, order.GetExecution().GetWorkflowId())
	if err != nil {
		return histories{}, err
	}
	emptyEvents, err := history(ctx, c, empty.GetExecution().GetWorkflowId())
	if err != nil {
		return histories{}, err
	}
	return histories{Events: order.GetHistoryLength(), Bytes: order.GetHistorySizeBytes()}, sameShape(orderEvents, emptyEvents)
}

// closed finds a workflow of a task queue that has ended.
func closed(ctx context.Context, c client.Client, taskQueue string) (*workflowpb.WorkflowExecutionInfo, error) {
	list, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1, Query: fmt.Sprintf("TaskQueue = %q AND ExecutionStatus = 'Completed'", taskQueue),
	})
	if err != nil {
		return nil, fmt.Errorf("list workflows of %s: %w", taskQueue, err)
	}
	if len(list.GetExecutions()) == 0 {
		return nil, fmt.Errorf("no workflow of %s has ended", taskQueue)
	}
	return list.GetExecutions()[0], nil
}

func sameShape(order, empty []*historypb.HistoryEvent) error {
	if len(order) != len(empty) {
		return fmt.Errorf("the empty shape has %d events of history, an order has %d", len(empty), len(order))
	}
	for i := range order {
		if order[i].EventType != empty[i].EventType {
			return fmt.Errorf("event %d of the empty shape is %s, an order's is %s", i+1, empty[i].EventType, order[i].EventType)
		}
		if !proto.Equal(options(order[i]), options(empty[i])) {
			return errors.New("the empty shape's regular activity has other options than an order's")
		}
	}
	return nil
}

// options is what an activity was scheduled with, without what it does and to what.
func options(e *historypb.HistoryEvent) *historypb.ActivityTaskScheduledEventAttributes {
	a := e.GetActivityTaskScheduledEventAttributes()
	if a == nil {
		return nil
	}
	a = proto.CloneOf(a)
	a.ActivityId, a.ActivityType, a.TaskQueue, a.Input, a.WorkflowTaskCompletedEventId = "", nil, nil, nil, 0
	return a
}

func history(ctx context.Context, c client.Client, workflowID string) ([]*historypb.HistoryEvent, error) {
	var events []*historypb.HistoryEvent
	pages := c.GetWorkflowHistory(ctx, workflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for pages.HasNext() {
		event, err := pages.Next()
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", workflowID, err)
		}
		events = append(events, event)
	}
	return events, nil
}
