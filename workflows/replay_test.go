package workflows_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twigz/workflows"
)

// Histories are recorded once from a real server, as <workflow type>.<path>.json,
// and stay as they are: each stands for workflows that are open somewhere, and
// today's code must be able to go on with them. A change that cannot replay one
// needs workflow.GetVersion, and its new path a history beside the old.
const (
	historyDir  = "testdata/histories"
	historySums = historyDir + "/SHA256SUMS"
)

var addHistories = flag.Bool("add-histories", false, "list histories that are new in "+historySums+"; never changes a listed one")

// recordedPaths are the paths that must have been recorded.
var recordedPaths = map[string][]string{
	workflows.TypeFulfillOrder: {
		"created", "existing", "unmatched", "blocked_then_retried", "woken_by_sibling", "asked_of_sibling",
		"durable_when_local_failed", "email_from_stripe",
		"blocked_told_then_retried", "told_then_woken", "accepted_by_signal", "accepted_by_support", "refunded_by_support",
		"compensated", "compensation_failed",
	},
	workflows.TypeRecordPaymentFailure: {"told", "too_late"},
	workflows.TypeCancelPayment:        {"canceled"},
	workflows.TypeRecordPayment:        {"processing", "placed_late"},
	workflows.TypeRecordRefund:         {"partial", "failed_then_retried"},
	workflows.TypeTrackDispute:         {"watched_until_won", "watched_until_lost", "asked_while_open", "closed_won", "closed_lost"},
	workflows.TypeTrackReview:          {"opened", "approved", "refunded_as_fraud"},
	workflows.TypeSupportAction:        {"accepted", "refunded", "canceled", "resent"},
	workflows.TypeOpenCase:             {"taken_over", "dispute_watched"},
	workflows.TypeReconcile:            {"found"},
	workflows.TypeCheckout:             {"intent_open", "session_open", "refused", "stripe_away", "unpaid"},
	workflows.TypeSyncCustomer:         {"made", "changed"},
	workflows.TypeSyncSubscription:     {"mine", "covered_by_another", "mailed", "unowned"},
	workflows.TypeResync:               {"asked"},
	workflows.TypeOpenPage:             {"subscribe", "portal", "customer_gone"},
	workflows.TypeDeliverWebhook:       {"delivered"},
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, path := range histories(t) {
		t.Run(filepath.Base(path)+" can be gone on with", func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replay(read(t, path)))
		})
	}
}

// replay goes through a history with the workflows of today.
func replay(history *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	for name, function := range workflows.Types() {
		replayer.RegisterWorkflowWithOptions(function, workflow.RegisterOptions{Name: name})
	}
	// Without it the workflow would be called ReplayId, and wait for nobody:
	// whether a blocked payment is its own to wait for, it knows by its ID.
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{
		ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId(),
	}}
	logger := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	return replayer.ReplayWorkflowHistoryWithOptions(logger, history, options)
}

// TestRehearsalOfAVersionChange replays a history of a blocked payment that was
// recorded before workflows took requests (changeSupportActions). It has no
// version marker, so the workflow of today must go the way it went then: no mail
// to support, no timer, and "retry" only looks again. Every prefix of it is a
// workflow that was open when today's program was put in place.
func TestRehearsalOfAVersionChange(t *testing.T) {
	t.Parallel()
	const old = historyDir + "/FulfillOrder.blocked_then_retried.json"
	history := read(t, old)
	for _, event := range history.Events {
		assert.NotEqual(t, "Version", event.GetMarkerRecordedEventAttributes().GetMarkerName(), "event %d", event.EventId)
		assert.NotContains(t, event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields(),
			"TemporalChangeVersion", "event %d", event.EventId)
	}
	require.NoError(t, replay(history))

	opened := 0
	for n, event := range history.Events {
		if event.EventType != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
			continue
		}
		opened++
		until := &historypb.History{Events: history.Events[:n]} // still waiting for this signal
		require.NoError(t, replay(until), "as it was before event %d", event.EventId)
	}
	assert.Equal(t, 2, opened, "it waited for two signals")
}

func TestEveryPathHasAHistory(t *testing.T) {
	t.Parallel()
	recorded := map[string][]string{}
	for _, path := range histories(t) {
		workflowType, path, ok := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".json"), ".")
		assert.True(t, ok, "%s is not named <workflow type>.<path>.json", path)
		assert.Contains(t, workflows.Types(), workflowType, "a history of a workflow that nobody registers")
		recorded[workflowType] = append(recorded[workflowType], path)
	}
	for _, name := range slices.Sorted(maps.Keys(workflows.Types())) {
		assert.NotEmpty(t, recordedPaths[name], "no path of %s is listed here", name)
		for _, path := range recordedPaths[name] {
			assert.Contains(t, recorded[name], path, "%s.%s.json has not been recorded", name, path)
		}
	}
}

// TestHistoriesAreAppended holds every history to the hash it was added with:
// one that was recorded again would hide that the old one no longer replays.
func TestHistoriesAreAppended(t *testing.T) {
	t.Parallel()
	listed := sums(t)
	for _, path := range histories(t) {
		name := filepath.Base(path)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		sum := sha256.Sum256(data)
		got := hex.EncodeToString(sum[:])
		want, ok := listed[name]
		delete(listed, name)
		if !ok && *addHistories {
			list(t, got, name)
			continue
		}
		if assert.True(t, ok, "%s is not listed in %s: run the tests with -add-histories", name, historySums) {
			assert.Equal(t, want, got, "%s is not as it was recorded", name)
		}
	}
	assert.Empty(t, slices.Sorted(maps.Keys(listed)), "histories are gone")
}

func histories(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(historyDir + "/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths, "no history has been recorded yet")
	return paths
}

func read(t *testing.T, path string) *historypb.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close() //nolint:errcheck // only read
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, history.Events)
	return history
}

// sums reads SHA256SUMS: a line for each file, hash and name, as sha256sum
// writes and checks them.
func sums(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(historySums)
	if os.IsNotExist(err) {
		return map[string]string{}
	}
	require.NoError(t, err)
	listed := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		require.True(t, ok, "%s: %q", historySums, line)
		require.NotContains(t, listed, name, "listed twice")
		listed[name] = sum
	}
	return listed
}

func list(t *testing.T, sum, name string) {
	t.Helper()
	file, err := os.OpenFile(historySums, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = file.WriteString(sum + "  " + name + "\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
