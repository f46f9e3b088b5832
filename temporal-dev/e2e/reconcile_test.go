package e2e_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"twigz/activities"
	"twigz/temporal-dev/stripestandin"
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
	w.until("the worker has made the schedule", func() bool { return schedule.Trigger(ctx, client.ScheduleTriggerOptions{}) == nil })
	var id string
	w.until("the schedule has run", func() bool {
		described, err := schedule.Describe(ctx)
		if err == nil && len(described.Info.RecentActions) > 0 {
			id = described.Info.RecentActions[0].StartWorkflowResult.WorkflowID
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
	texts := map[string]string{}
	for key, value := range metadata() {
		texts[key] = value.(string)
	}
	eventID, intentID, err := w.stripe.Pay(stripestandin.PaymentParams{
		Amount: 1599, Currency: "usd", ReceiptEmail: customerEmail, Metadata: texts,
	})
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
