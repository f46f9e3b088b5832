package workflows_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

// stage is the world of one workflow in a test: Temporal with a clock that
// skips waiting, activities that answer as the test scripted, and a record of
// what the workflow asked for. An activity that has no answer left fails the
// test, and so does an answer that nobody asked for.
type stage struct {
	*testsuite.TestWorkflowEnvironment
	t     *testing.T
	asked []request
	known map[string]bool // versions that were asked for
}

// request is one thing that a workflow asked of Temporal.
type request struct {
	Do      string            `json:"do"`
	Name    string            `json:"name"`
	Input   any               `json:"input"`
	options map[string]string // of an activity
}

func (r request) String() string { return r.Do + " " + r.Name }

func newStage(t *testing.T) *stage {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s := &stage{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, known: map[string]bool{}}
	s.SetStartWorkflowOptions(client.StartWorkflowOptions{TaskQueue: workflows.TaskQueue})
	s.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&recorder{stage: s}}})
	s.RegisterActivity(&activities.Activities{})
	s.RegisterActivity(&activities.Stripe{})
	s.RegisterActivity(&activities.Reconciler{})
	s.RegisterActivity(&activities.Billing{})
	s.RegisterActivity(&activities.Messenger{})
	for name, function := range workflows.Types() {
		s.RegisterWorkflowWithOptions(function, workflow.RegisterOptions{Name: name})
	}
	return s
}

// play runs the workflow of an event as the API starts it. The test must have
// scripted how it gets to an end.
func (s *stage) play(workflowType string, e models.Event) (workflows.Result, error) {
	s.t.Helper()
	return s.start(e.ID, workflowType, workflows.StartAttributes(workflowType, e), e)
}

// start runs a workflow of any input.
func (s *stage) start(id, workflowType string, attributes temporal.SearchAttributes, input any) (workflows.Result, error) {
	s.t.Helper()
	s.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: "fulfillment"})
	require.NoError(s.t, s.SetTypedSearchAttributesOnStart(attributes))
	s.ExecuteWorkflow(workflowType, input)
	require.True(s.t, s.IsWorkflowCompleted(), "the workflow is still open")
	s.AssertExpectations(s.t)
	if err := s.GetWorkflowError(); err != nil {
		return workflows.Result{}, err
	}
	var result workflows.Result
	require.NoError(s.t, s.GetWorkflowResult(&result))
	return result, nil
}

// done is the answer of an activity that returns nothing.
type done struct{}

// answer scripts what successive attempts of an activity come to: a result, an
// error, or done.
func (s *stage) answer(activity string, results ...any) {
	for _, result := range results {
		call := s.OnActivity(activity, mock.Anything, mock.Anything)
		switch result := result.(type) {
		case done:
			call.Return(nil)
		case error:
			call.Return(failure(activity, result)...)
		default:
			call.Return(result, nil)
		}
		call.Once()
	}
}

// answerAlways scripts what every attempt of an activity comes to. The test
// suite makes ten where the retry policy sets no limit.
func (s *stage) answerAlways(activity string, err error) {
	s.OnActivity(activity, mock.Anything, mock.Anything).Return(failure(activity, err)...)
}

// failure is what an activity returns beside an error: the zero value of its
// result, if it has one.
func failure(activity string, err error) []any {
	for _, set := range []any{&activities.Activities{}, &activities.Stripe{}, &activities.Billing{}, &activities.Messenger{}} {
		method, ok := reflect.TypeOf(set).MethodByName(activity)
		if ok && method.Type.NumOut() == 2 {
			return []any{reflect.Zero(method.Type.Out(0)).Interface(), err}
		}
	}
	return []any{err}
}

// after does something when the workflow has been running for a while.
func (s *stage) after(d time.Duration, do func()) { s.RegisterDelayedCallback(do, d) }

// retryAfter lets a person send "retry".
func (s *stage) retryAfter(d time.Duration) { s.askAfter(d, models.ActRetry, mended) }

// askAfter lets a person, or a program, send a signal.
func (s *stage) askAfter(d time.Duration, kind models.ActionKind, input any) {
	s.after(d, func() { s.SignalWorkflow(string(kind), input) })
}

var (
	mended = workflows.Request{Actor: "ada", Reason: "mended"}
	wakeUp = workflows.Request{Actor: "twigz", Reason: "settled by evt_sibling"}
)

// older makes the workflow one that began before there were requests and
// reminders.
func (s *stage) older() {
	s.OnGetVersion("support-actions", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
}

func (s *stage) state() workflows.State {
	s.t.Helper()
	answer, err := s.QueryWorkflow(workflows.QueryState)
	require.NoError(s.t, err)
	var state workflows.State
	require.NoError(s.t, answer.Get(&state))
	return state
}

// did is what the workflow asked for, in words.
func (s *stage) did() []string {
	words := make([]string, len(s.asked))
	for i, r := range s.asked {
		words[i] = r.String()
	}
	return words
}

// Errors as the activities return them.
var (
	errPassing   = temporal.NewApplicationError("connection refused", "Passing")
	errPermanent = temporal.NewNonRetryableApplicationError("postgres: SQLSTATE 23514 order_total_adds_up", "Permanent", nil)
)

// recorder writes down what passes between a workflow and Temporal.
type recorder struct {
	interceptor.WorkerInterceptorBase
	stage *stage
}

func (r *recorder) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, r.stage}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	stage *stage
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.stage})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	stage *stage
}

func (o *outbound) note(do, name string, input any, options map[string]string) {
	o.stage.asked = append(o.stage.asked, request{do, name, input, options})
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, activity string, args ...any) workflow.Future {
	var input any // nil: it takes none
	if len(args) > 0 {
		input = args[0]
	}
	o.note("activity", activity, input, spell(workflow.GetActivityOptions(ctx)))
	return o.Next.ExecuteActivity(ctx, activity, args...)
}

func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, activity string, args ...any) workflow.Future {
	o.note("local activity", activity, args[0], spell(workflow.GetLocalActivityOptions(ctx)))
	return o.Next.ExecuteLocalActivity(ctx, activity, args...)
}

func (o *outbound) SignalExternalWorkflow(ctx workflow.Context, id, runID, signal string, arg any) workflow.Future {
	o.note("signal", strings.TrimSpace(id+" "+runID)+" "+signal, arg, nil)
	return o.Next.SignalExternalWorkflow(ctx, id, runID, signal, arg)
}

// GetVersion is noted where a workflow first parts from older ones.
func (o *outbound) GetVersion(ctx workflow.Context, changeID string, oldest, newest workflow.Version) workflow.Version {
	version := o.Next.GetVersion(ctx, changeID, oldest, newest)
	if version != workflow.DefaultVersion && !o.stage.known[changeID] {
		o.stage.known[changeID] = true
		o.note("version", changeID, version, nil)
	}
	return version
}

func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	if options.Summary != "Sleep" { // the pause before a local activity's second attempt
		o.note("timer", d.String(), options.Summary, nil)
	}
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	// What is unset can only be seen from what was there before.
	for _, key := range []temporal.SearchAttributeKeyKeyword{workflows.AttrOrderID, workflows.AttrBlockedReason, workflows.AttrCustomerID} {
		const before = "before"
		after := temporal.NewSearchAttributes(append([]temporal.SearchAttributeUpdate{key.ValueSet(before)}, updates...)...)
		value, ok := after.GetKeyword(key)
		switch {
		case !ok:
			o.note("unset", key.GetName(), nil, nil)
		case value != before:
			o.note("set", key.GetName(), value, nil)
		}
	}
	return o.Next.UpsertTypedSearchAttributes(ctx, updates...)
}

// spell writes out every option that is set, so that one added later shows too.
//
//workflowcheck:ignore // reflection; only tests look
func spell(options any) map[string]string {
	said := map[string]string{}
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if v.IsZero() || !v.CanInterface() {
			return
		}
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				walk(prefix+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		}
		said[prefix[1:]] = fmt.Sprint(v.Interface())
	}
	walk("", reflect.ValueOf(options))
	return said
}

// story is one path through a workflow.
type story struct {
	name   string // a sentence
	file   string // of its golden inputs
	event  models.Event
	start  any // the input of a workflow that no event starts, nil for all others
	script func(*stage)
	did    []string
	want   workflows.Result
}

// tell plays stories of one workflow type, and compares what it did and came to
// with what was to be, and the inputs with the golden ones.
func tell(t *testing.T, workflowType string, stories []story) {
	t.Helper()
	for _, told := range stories {
		t.Run(told.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			got, err := told.play(s, workflowType)
			require.NoError(t, err)
			require.Equal(t, told.did, s.did())
			require.Equal(t, told.want, got)
			golden(t, told.file, s.asked)
		})
	}
}

func (told story) play(s *stage, workflowType string) (workflows.Result, error) {
	told.script(s)
	switch input := told.start.(type) {
	case workflows.SupportInput:
		return s.start(workflows.SupportWorkflowID(input.RequestID), workflowType, attributes, input)
	case workflows.CaseInput:
		return s.start(workflows.CaseWorkflowID(input.PaymentID), workflowType, attributes, input)
	case workflows.CheckoutInput:
		return s.start(workflows.CheckoutWorkflowID(input.PaymentID), workflowType, attributes, input)
	case workflows.CustomerInput:
		return s.start(workflows.CustomerWorkflowID(input.CustomerID), workflowType, temporal.SearchAttributes{}, input)
	case workflows.ResyncInput:
		return s.start(workflows.SupportWorkflowID(input.RequestID), workflowType, ofCustomer, input)
	case workflows.PageInput:
		return s.start(workflows.PageWorkflowID(input.CustomerID, "tab-1"), workflowType, ofCustomer, input)
	case workflows.DeliverInput:
		return s.start(workflows.DeliveryWorkflowID(input.MessageID), workflowType, ofCustomer, input)
	default:
		return s.play(workflowType, told.event)
	}
}

var (
	attributes = workflows.SupportAttributes("pi_1", "auth0|7", "bakery")
	ofCustomer = workflows.SupportAttributes("", "auth0|7", "")
)

// every story of every workflow type.
func every() map[string][]story {
	return map[string][]story{
		workflows.TypeFulfillOrder:         slices.Concat(fulfillStories(), waitStories(), compensateStories()),
		workflows.TypeRecordPaymentFailure: failureStories(),
		workflows.TypeCancelPayment:        cancelStories(),
		workflows.TypeRecordPayment:        processingStories(),
		workflows.TypeRecordRefund:         refundStories(),
		workflows.TypeTrackDispute:         disputeStories(),
		workflows.TypeTrackReview:          reviewStories(),
		workflows.TypeSupportAction:        supportStories(),
		workflows.TypeOpenCase:             caseStories(),
		workflows.TypeCheckout:             checkoutStories(),
		workflows.TypeSyncCustomer:         customerStories(),
		workflows.TypeSyncSubscription:     syncStories(),
		workflows.TypeResync:               resyncStories(),
		workflows.TypeOpenPage:             pageStories(),
		workflows.TypeDeliverWebhook:       deliveryStories(),
	}
}

// paid is a succeeded payment intent as another client's checkout makes it.
func paid() models.Event {
	return models.Event{
		ID: "evt_paid", Type: "payment_intent.succeeded", Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: "pi_1", ChargeID: "ch_1", Amount: new(int64(1599)), AmountReceived: new(int64(1599)), Currency: "usd",
		Metadata: models.Metadata{
			models.KeyCustomerID: "auth0|7", models.KeyStoreID: "bakery", models.KeyDeliveryType: "pickup",
		},
	}
}

// orderID is the ID of the order that paid makes.
var orderID = models.OrderID("pi_1", "")

// without drops what the event says of the payment.
func without(e models.Event) models.Event {
	e.Metadata = nil
	return e
}
