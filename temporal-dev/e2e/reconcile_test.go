package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"twigz/activities"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
	"twigz/workflows"
)

// connectStripe has the stand-in deliver to the API, as Stripe does.
func (w *world) connectStripe(rules ...faults.Rule) {
	w.Helper()
	require.NoError(w, w.stripe.SetFaults(1, rules...))
	require.NoError(w, w.stripe.Act(func(t *ledger.Tx) *wire.Error {
		t.SetConfiguredEndpoint(w.api+"/stripe/webhook", []string{webhookSecret})
		return nil
	}))
}

// reconcileNow has the schedule run at once, and returns the ID and the result of
// the workflow that it started.
func (w *world) reconcileNow() (string, workflows.Reconciliation) {
	w.Helper()
	ctx := context.Background()
	schedule := built.temporal.Client().ScheduleClient().GetHandle(ctx, "reconcile-"+w.taskQueue)
	before := 0
	w.until("the worker has made the schedule", func() bool {
		described, err := schedule.Describe(ctx)
		if err != nil {
			return false
		}
		before = described.Info.NumActions
		return schedule.Trigger(ctx, client.ScheduleTriggerOptions{}) == nil
	})
	var id string
	w.until("the schedule has run", func() bool {
		described, err := schedule.Describe(ctx)
		if err == nil && described.Info.NumActions > before {
			id = described.Info.RecentActions[len(described.Info.RecentActions)-1].StartWorkflowResult.WorkflowID
		}
		return id != ""
	})
	w.closed(id)
	var result workflows.Reconciliation
	require.NoError(w, built.temporal.Client().GetWorkflow(ctx, id, "").Get(ctx, &result))
	return id, result
}

// Stripe gives up on a delivery after three days. Whatever the reason, the money
// was taken, and the order is due.
func TestAnEventThatNeverCameIsFoundByReconciliation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectStripe(faults.Rule{Fault: faults.Drop, Match: "payment_intent.succeeded"})
	eventID, intentID, err := w.stripe.Pay(purchase(customerID))
	require.NoError(t, err)
	w.until("Stripe has delivered what it did not lose", func() bool { return len(w.stripe.Deliveries()) == 2 })
	require.Empty(t, w.status(intentID), "nobody has heard of the payment")

	id, got := w.reconcileNow()
	w.record(id, "Reconcile.found")
	assert.Equal(t, workflows.Reconciliation{Events: activities.ReconcileResult{Seen: 3, Missing: 1, Started: 1}}, got)
	w.closed(eventID)
	w.fulfilledOnce(intentID)
	assert.Contains(t, w.logs(), "event was never delivered")
	assert.NotContains(t, w.logs(), street)
}

// A workflow that waited for a person was terminated by mistake. The payment still
// needs somebody, so a case is opened, and staff decide there.
func TestACaseTakesOverFromAWorkflowThatIsGone(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	short := purchase(customerID)
	short.Amount = 1500
	intent, events := w.pays(short)
	paid := of("payment_intent.succeeded", events)
	w.deliver(paid)
	w.until("it waits for a person", func() bool { return w.state(paid.id).WaitingFor == "a person" })
	require.NoError(t, built.temporal.Client().TerminateWorkflow(t.Context(), paid.id, "", "by mistake"))

	_, got := w.reconcileNow()
	assert.Equal(t, 1, got.Watch.Opened)
	payment := w.detail(intent)["payment"].(map[string]any)
	caseID := workflows.CaseWorkflowID(payment["paymentId"].(string))
	w.until("the case waits for a person", func() bool { return w.state(caseID).WaitingFor == "a person" })
	status, detail := w.act(intent, id("req"), "accept", nil)
	require.Equal(t, http.StatusOK, status, detail)
	w.closed(caseID)
	w.record(caseID, "OpenCase.taken_over")
	assert.Equal(t, "paid confirmed", w.status(intent)+" "+w.orderStatus(intent))
}

// The workflow that watched a dispute is gone. The case watches on, and hears of
// the bank's decision.
func TestACaseWatchesADisputeThatNobodyWatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.ordered(customerID)
	dispute, opened := w.disputes(intent)
	w.reconcileNow() // the dispute has sent another event, whose workflow is not to become the watcher
	w.until("the other event is recorded", func() bool {
		return len(w.rows("SELECT id FROM stripe_events WHERE type = 'charge.dispute.funds_withdrawn'")) == 1
	})
	require.NoError(t, built.temporal.Client().TerminateWorkflow(t.Context(), opened.id, "", "by mistake"))
	w.reconcileNow()
	payment := w.detail(intent)["payment"].(map[string]any)
	caseID := workflows.CaseWorkflowID(payment["paymentId"].(string))
	w.until("the case waits for the bank", func() bool { return strings.Contains(w.state(caseID).WaitingFor, "the bank") })
	w.decides(dispute, "won")
	w.closed(caseID)
	w.record(caseID, "OpenCase.dispute_watched")
	assert.Equal(t, "paid confirmed", w.status(intent)+" "+w.orderStatus(intent))
}
