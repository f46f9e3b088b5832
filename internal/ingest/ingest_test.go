package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"twigz/internal/ingest"
	"twigz/internal/pgtest"
	"twigz/models"
	"twigz/workflows"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// temporal remembers what was started, by workflow ID.
type temporal struct {
	client.Client
	client.WorkflowRun

	mu      sync.Mutex
	refusal func(id string) error // nil: every start is let through
	order   []string
	options map[string]client.StartWorkflowOptions
	types   map[string]any
	inputs  map[string]any
}

func newTemporal() *temporal {
	return &temporal{options: map[string]client.StartWorkflowOptions{}, types: map[string]any{}, inputs: map[string]any{}}
}

func (f *temporal) GetRunID() string { return "run" }

func (f *temporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, workflowType any, input ...any) (client.WorkflowRun, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refusal != nil {
		if err := f.refusal(o.ID); err != nil {
			return nil, err
		}
	}
	if _, ok := f.options[o.ID]; ok {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "another", "run")
	}
	f.order = append(f.order, o.ID)
	f.options[o.ID], f.types[o.ID], f.inputs[o.ID] = o, workflowType, input[0]
	return f, nil
}

func (f *temporal) refuse(with func(id string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = with
}

func (f *temporal) started() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.order...)
}

func openDB(t *testing.T) *models.DB {
	t.Helper()
	db, err := models.Open(pgtest.NewURL(t), 6)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func paid(id string) models.Event {
	return models.Event{
		ID: id, Type: "payment_intent.succeeded", Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: "pi_1", AmountReceived: new(int64(9_007_199_254_740_993)), Currency: "usd", Email: "eve@example.com",
		Metadata: models.Metadata{models.KeyCustomerID: "auth0|7", models.KeyStoreID: "山", models.KeyDeliveryFee: "3.99"},
	}
}

func keep(t *testing.T, db *models.DB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		pending, err := ingest.Pending("FulfillOrder", paid(id))
		require.NoError(t, err)
		_, err = db.KeepStart(t.Context(), pending)
		require.NoError(t, err)
	}
}

func waiting(t *testing.T, db *models.DB) int64 {
	t.Helper()
	count, _, err := db.InboxState(t.Context())
	require.NoError(t, err)
	return count
}

func TestStartPending(t *testing.T) {
	t.Parallel()

	t.Run("an event that was kept starts as one that was not", func(t *testing.T) {
		t.Parallel()
		db, direct, later := openDB(t), newTemporal(), newTemporal()
		_, err := ingest.Start(t.Context(), direct, "queue", "FulfillOrder", paid("evt_1"))
		require.NoError(t, err)
		keep(t, db, "evt_1")
		_, err = db.DispatchStarts(t.Context(), 1, func(ctx context.Context, p models.PendingStart) error {
			return ingest.StartPending(ctx, later, "queue", p)
		}, ingest.Unreachable)
		require.NoError(t, err)
		assert.Equal(t, direct.options, later.options)
		assert.Equal(t, direct.types, later.types)
		assert.Equal(t, direct.inputs, later.inputs)
	})

	for _, c := range []struct {
		name, id, workflowType, input string
		want                          any
		found                         map[string]any // search attributes
		summary                       string
	}{
		{
			"an action's", "support-r1", workflows.TypeSupportAction, `{"paymentId":"pay_1","requestId":"r1","paymentIntentId":"pi_1","customerId":"auth0|7","storeId":"bakery"}`,
			workflows.SupportInput{PaymentID: "pay_1", RequestID: "r1", PaymentIntentID: "pi_1", CustomerID: "auth0|7", StoreID: "bakery"},
			map[string]any{"PaymentIntentID": "pi_1", "CustomerID": "auth0|7", "StoreID": "bakery"},
			"Request of support about payment pay_1",
		},
		{
			"that of a look that support asks for", "support-r2", workflows.TypeResync, `{"requestId":"r2","customerId":"auth0|7","stripeCustomerIds":["cus_1","cus_2"]}`,
			workflows.ResyncInput{RequestID: "r2", CustomerID: "auth0|7", StripeCustomerIDs: []string{"cus_1", "cus_2"}},
			map[string]any{"CustomerID": "auth0|7"},
			"Request of support to look at cus_1, cus_2",
		},
		{
			"that of a look at many", "support-r3", workflows.TypeResync, `{"requestId":"r3","stripeCustomerIds":["cus_1","cus_2","cus_3","cus_4"]}`,
			workflows.ResyncInput{RequestID: "r3", StripeCustomerIDs: []string{"cus_1", "cus_2", "cus_3", "cus_4"}},
			map[string]any{},
			"Request of support to look at 4 customers at Stripe",
		},
		{
			"a message's", "webhook-msg_1", workflows.TypeDeliverWebhook, `{"messageId":"msg_1","customerId":"auth0|7"}`,
			workflows.DeliverInput{MessageID: "msg_1", CustomerID: "auth0|7"},
			map[string]any{"CustomerID": "auth0|7"},
			"Message msg_1 to another service",
		},
	} {
		t.Run(c.name+" starts once for ever", func(t *testing.T) {
			t.Parallel()
			f := newTemporal()
			p := models.PendingStart{WorkflowID: c.id, WorkflowType: c.workflowType, Input: json.RawMessage(c.input)}
			require.NoError(t, ingest.StartPending(t.Context(), f, "queue", p))
			require.NoError(t, ingest.StartPending(t.Context(), f, "queue", p), "a second one is as good as the first")
			o := f.options[c.id]
			assert.Equal(t, "queue", o.TaskQueue)
			assert.Equal(t, enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, o.WorkflowIDReusePolicy)
			assert.True(t, o.WorkflowExecutionErrorWhenAlreadyStarted)
			assert.Zero(t, o.WorkflowExecutionTimeout, "a timeout would skip what is due")
			assert.Equal(t, c.workflowType, f.types[c.id])
			assert.Equal(t, c.want, f.inputs[c.id])
			assert.Equal(t, c.summary, o.StaticSummary)
			found := map[string]any{}
			for key, value := range o.TypedSearchAttributes.GetUntypedValues() {
				found[key.GetName()] = value
			}
			assert.Equal(t, c.found, found)
		})
	}

	t.Run("what is no input of ours is refused", func(t *testing.T) {
		t.Parallel()
		f := newTemporal()
		err := ingest.StartPending(t.Context(), f, "queue", models.PendingStart{WorkflowID: "webhook-msg_1", WorkflowType: workflows.TypeDeliverWebhook, Input: json.RawMessage(`[]`)})
		require.ErrorContains(t, err, "webhook-msg_1")
		assert.Empty(t, f.started())
	})

	t.Run("an event there already is as good as started", func(t *testing.T) {
		t.Parallel()
		f := newTemporal()
		pending, err := ingest.Pending("FulfillOrder", paid("evt_1"))
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, ingest.StartPending(t.Context(), f, "queue", pending))
		}
		assert.Equal(t, []string{"evt_1"}, f.started())
	})

	t.Run("what is no event is refused, and is not taken for a Temporal that is away", func(t *testing.T) {
		t.Parallel()
		err := ingest.StartPending(t.Context(), newTemporal(), "queue", models.PendingStart{WorkflowID: "evt_1", WorkflowType: "FulfillOrder", Input: json.RawMessage(`[]`)})
		require.ErrorContains(t, err, "evt_1")
		assert.False(t, ingest.Unreachable(err))
	})
}

func TestOutage(t *testing.T) {
	t.Parallel()
	var o ingest.Outage
	now := time.Unix(1_750_000_000, 0)
	assert.True(t, o.MayAsk(now), "nothing is known against it")
	assert.True(t, o.MayAsk(now), "everybody may ask")

	o.Away(now)
	assert.False(t, o.MayAsk(now))
	assert.False(t, o.MayAsk(now.Add(2*time.Second)))
	later := now.Add(4 * time.Second)
	assert.True(t, o.MayAsk(later), "one finds out")
	assert.False(t, o.MayAsk(later), "and only one")
	assert.True(t, o.MayAsk(later.Add(11*time.Second)), "unless that one never came back")

	o.Away(later)
	assert.False(t, o.MayAsk(later.Add(time.Second)), "it is still away")
	o.Back()
	assert.True(t, o.MayAsk(later))
	assert.True(t, o.MayAsk(later))
}

// running is a dispatcher that runs until the test ends, or stop is called.
type running struct {
	*ingest.Dispatcher
	outage ingest.Outage
	logs   logs
	stop   func()
}

func run(t *testing.T, db *models.DB, f client.Client) *running {
	t.Helper()
	r := &running{}
	r.Dispatcher = ingest.NewDispatcher(db, f, "queue", slog.New(slog.NewJSONHandler(&r.logs, nil)), &r.outage)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	r.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(r.stop)
	return r
}

// logs collects what is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), `"msg":"`+message+`"`)
}

const (
	lagBegins = "inbox cannot be dispatched, workflows in it wait"
	lagEnds   = "inbox is dispatched again"
	refused   = "workflow in the inbox is refused"
)

func TestDispatcher(t *testing.T) {
	t.Parallel()
	const soon, often = 10 * time.Second, 10 * time.Millisecond

	t.Run("two at once start each once", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		var ids []string
		for i := range 250 { // more than two rounds
			ids = append(ids, fmt.Sprintf("evt_%d", i))
		}
		keep(t, db, ids...)
		run(t, db, f)
		run(t, db, f)
		require.Eventually(t, func() bool { return waiting(t, db) == 0 }, soon, often)
		assert.ElementsMatch(t, ids, f.started())
	})

	t.Run("one starts them in their order, without a pause between full rounds", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		var ids []string
		for i := range 201 {
			ids = append(ids, fmt.Sprintf("evt_%d", i))
		}
		keep(t, db, ids...)
		run(t, db, f)
		require.Eventually(t, func() bool { return waiting(t, db) == 0 }, soon, often)
		assert.Equal(t, ids, f.started())
	})

	t.Run("waits for a Temporal that is away, and tells so twice in all", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		f.refuse(func(string) error { return serviceerror.NewUnavailable("down") })
		keep(t, db, "evt_1", "evt_2")
		d := run(t, db, f)
		d.outage.Away(time.Now())
		require.Eventually(t, func() bool { return d.logs.count(lagBegins) == 1 }, soon, often)
		time.Sleep(1500 * time.Millisecond) // a round or two more
		assert.EqualValues(t, 2, waiting(t, db))
		assert.False(t, d.outage.MayAsk(time.Now()))
		f.refuse(nil)
		require.Eventually(t, func() bool { return waiting(t, db) == 0 && d.logs.count(lagEnds) == 1 }, soon, often)
		assert.Equal(t, 1, d.logs.count(lagBegins))
		assert.Equal(t, []string{"evt_1", "evt_2"}, f.started())
		assert.True(t, d.outage.MayAsk(time.Now()), "webhooks go straight to it again")
	})

	t.Run("lets a poisoned one not stop the others, and tells of it", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		f.refuse(func(id string) error {
			if id == "evt_bad" {
				return serviceerror.NewInvalidArgument("never")
			}
			return nil
		})
		keep(t, db, "evt_bad", "evt_1", "evt_2")
		d := run(t, db, f)
		require.Eventually(t, func() bool { return waiting(t, db) == 1 }, soon, often)
		assert.Equal(t, []string{"evt_1", "evt_2"}, f.started())
		assert.Positive(t, d.logs.count(refused))
		assert.Zero(t, d.logs.count(lagBegins))
		f.refuse(nil)
		require.Eventually(t, func() bool { return waiting(t, db) == 0 }, soon, often)
	})

	t.Run("looks at once when it is kicked, however often", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		d := run(t, db, f)
		began := time.Now()
		for i := range 10 { // ten seconds without the kicks
			keep(t, db, fmt.Sprintf("evt_%d", i))
			for range 5 {
				d.Kick()
			}
			require.Eventually(t, func() bool { return waiting(t, db) == 0 }, soon, often)
		}
		assert.Less(t, time.Since(began), 5*time.Second)
	})

	t.Run("says nothing of a database that is not migrated yet, and works when it is", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		_, err := db.SQL().ExecContext(t.Context(), "ALTER TABLE inbox RENAME TO later")
		require.NoError(t, err)
		d := run(t, db, f)
		time.Sleep(1500 * time.Millisecond) // a round or two
		_, err = db.SQL().ExecContext(t.Context(), "ALTER TABLE later RENAME TO inbox")
		require.NoError(t, err)
		keep(t, db, "evt_1")
		require.Eventually(t, func() bool { return waiting(t, db) == 0 }, soon, often)
		assert.Zero(t, d.logs.count(lagBegins))
	})

	t.Run("stops when it is told to, without a word", func(t *testing.T) {
		t.Parallel()
		db, f := openDB(t), newTemporal()
		keep(t, db, "evt_1")
		reached := make(chan struct{})
		var once sync.Once
		hanging := hangs{temporal: f, reached: func() { once.Do(func() { close(reached) }) }}
		d := run(t, db, hanging)
		<-reached
		began := time.Now()
		d.stop()
		assert.Less(t, time.Since(began), 2*time.Second)
		assert.EqualValues(t, 1, waiting(t, db), "what was cut off is there for the next one")
		assert.Zero(t, d.logs.count(lagBegins))
	})

	t.Run("lives through a database that is not there", func(t *testing.T) {
		t.Parallel()
		db, err := models.Open("postgres://nobody:hunter2@127.0.0.1:1/none?sslmode=disable", 1)
		require.NoError(t, err)
		defer db.Close() //nolint:errcheck // it was never open
		d := run(t, db, newTemporal())
		require.Eventually(t, func() bool { return d.logs.count(lagBegins) == 1 }, soon, often)
		assert.NotContains(t, d.logs.text.String(), "hunter2")
	})
}

// hangs is a Temporal that answers no start.
type hangs struct {
	*temporal
	reached func()
}

func (h hangs) ExecuteWorkflow(ctx context.Context, _ client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	h.reached()
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, passing := range []error{
		serviceerror.NewUnavailable(""), serviceerror.NewDeadlineExceeded(""), serviceerror.NewCanceled(""),
		serviceerror.NewResourceExhausted(enums.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, ""), context.DeadlineExceeded, fmt.Errorf("start: %w", context.Canceled),
	} {
		assert.True(t, ingest.Unreachable(passing), "%T", passing)
	}
	for _, lasting := range []error{
		nil, errors.New("x"), serviceerror.NewInvalidArgument(""), serviceerror.NewPermissionDenied("", ""), serviceerror.NewNotFound(""), serviceerror.NewInternal(""),
	} {
		assert.False(t, ingest.Unreachable(lasting), "%T", lasting)
	}
}
