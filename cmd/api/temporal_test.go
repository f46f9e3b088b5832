package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"twigz/workflows"
)

// frontend is as much of a Temporal server as the API talks to, at the other
// end of a real connection: workflows are remembered and never run.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	t    testing.TB
	addr string

	mu         sync.Mutex
	server     *grpc.Server // nil while it is down
	attributes map[string]string
	starts     startRequests
	runs       map[string]string               // by workflow ID
	refusal    func(ctx context.Context) error // of a start; nil: it is let through
	work       func(ctx context.Context, workflowID string) (any, error)
}

type (
	startRequests = []*workflowservice.StartWorkflowExecutionRequest
	payloads      = map[string]*commonpb.Payload
)

func newFrontend(t testing.TB) *frontend {
	t.Helper()
	f := &frontend{t: t, addr: "127.0.0.1:0", attributes: workflows.SearchAttributes(), runs: map[string]string{}}
	f.up()
	t.Cleanup(f.down)
	return f
}

// up listens, at the same address every time.
func (f *frontend) up() {
	f.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(f.t.Context(), "tcp", f.addr)
	require.NoError(f.t, err)
	server, healthy := grpc.NewServer(), health.NewServer()
	healthy.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, healthy)
	workflowservice.RegisterWorkflowServiceServer(server, f)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addr, f.server = listener.Addr().String(), server
	go func() { _ = server.Serve(listener) }()
}

// down cuts every connection and takes no new ones.
func (f *frontend) down() {
	f.mu.Lock()
	server := f.server
	f.server = nil
	f.mu.Unlock()
	if server != nil {
		server.Stop()
	}
}

// lack forgets search attributes.
func (f *frontend) lack(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attributes = workflows.SearchAttributes()
	for _, name := range names {
		delete(f.attributes, name)
	}
}

// refuse makes every start end so from now on; nil lets them through again.
func (f *frontend) refuse(with func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = with
}

// refuseWith makes every start end in a gRPC status.
func (f *frontend) refuseWith(code codes.Code) {
	f.refuse(func(context.Context) error { return status.Error(code, "internal text") })
}

// started is every workflow that was started.
func (f *frontend) started() startRequests {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.starts)
}

func (f *frontend) run(workflowID string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.runs[workflowID]
}

func (f *frontend) StartWorkflowExecution(ctx context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	f.mu.Lock()
	refusal := f.refusal
	f.mu.Unlock()
	if refusal != nil {
		if err := refusal(ctx); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if run, ok := f.runs[r.GetWorkflowId()]; ok {
		already := serviceerror.NewWorkflowExecutionAlreadyStarted("Workflow execution is already running.", "another", run)
		return nil, serviceerror.ToStatus(already).Err()
	}
	run := fmt.Sprintf("run-%d", len(f.starts)+1)
	f.starts, f.runs[r.GetWorkflowId()] = append(f.starts, r), run
	return &workflowservice.StartWorkflowExecutionResponse{RunId: run, Started: true}, nil
}

// works makes every workflow whose end is waited for come to what do answers, at
// the time it is asked. An error is the workflow's own.
func (f *frontend) works(do func(ctx context.Context, workflowID string) (any, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work = do
}

func (f *frontend) worked(ctx context.Context, workflowID string) (any, error) {
	f.mu.Lock()
	work := f.work
	f.mu.Unlock()
	return work(ctx, workflowID)
}

// ExecuteMultiOperation is an update with start: the workflow is started unless it
// is there, and the update answered.
func (f *frontend) ExecuteMultiOperation(ctx context.Context, r *workflowservice.ExecuteMultiOperationRequest) (*workflowservice.ExecuteMultiOperationResponse, error) {
	start, update := r.GetOperations()[0].GetStartWorkflow(), r.GetOperations()[1].GetUpdateWorkflow()
	started := &workflowservice.StartWorkflowExecutionResponse{RunId: f.run(start.GetWorkflowId()), Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING}
	if started.RunId == "" {
		var err error
		if started, err = f.StartWorkflowExecution(ctx, start); err != nil {
			return nil, err
		}
	}
	got, err := f.worked(ctx, start.GetWorkflowId())
	if err := context.Cause(ctx); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	outcome := &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: temporal.GetDefaultFailureConverter().ErrorToFailure(err)}}
	if err == nil {
		outcome.Value = &updatepb.Outcome_Success{Success: payload(f.t, got)}
	}
	answered := &workflowservice.UpdateWorkflowExecutionResponse{
		UpdateRef: &updatepb.UpdateRef{WorkflowExecution: update.GetWorkflowExecution(), UpdateId: update.GetRequest().GetMeta().GetUpdateId()},
		Outcome:   outcome, Stage: enums.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
	}
	return &workflowservice.ExecuteMultiOperationResponse{Responses: []*workflowservice.ExecuteMultiOperationResponse_Response{
		{Response: &workflowservice.ExecuteMultiOperationResponse_Response_StartWorkflow{StartWorkflow: started}},
		{Response: &workflowservice.ExecuteMultiOperationResponse_Response_UpdateWorkflow{UpdateWorkflow: answered}},
	}}, nil
}

// GetWorkflowExecutionHistory is a wait for a workflow's end.
func (f *frontend) GetWorkflowExecutionHistory(ctx context.Context, r *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	got, err := f.worked(ctx, r.GetExecution().GetWorkflowId())
	if err := context.Cause(ctx); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	require.NoError(f.t, err)
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{{
		EventType: enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: payload(f.t, got)},
		},
	}}}}, nil
}

func payload(t testing.TB, value any) *commonpb.Payloads {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(value)
	require.NoError(t, err)
	return payloads
}

func (f *frontend) CountWorkflowExecutions(_ context.Context, r *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, _, _ := strings.Cut(r.GetQuery(), " ")
	if _, ok := f.attributes[name]; !ok {
		refused := serviceerror.NewInvalidArgument("invalid query: column name '" + name + "' is not defined")
		return nil, serviceerror.ToStatus(refused).Err()
	}
	return &workflowservice.CountWorkflowExecutionsResponse{}, nil
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{
		InternalErrorDifferentiation: true,
	}}, nil
}

// decoded is payloads as JSON values, by name.
func decoded(t testing.TB, from payloads) map[string]any {
	t.Helper()
	values := map[string]any{}
	for name, payload := range from {
		var value any
		require.NoError(t, json.Unmarshal(payload.GetData(), &value), name)
		values[name] = value
	}
	return values
}
