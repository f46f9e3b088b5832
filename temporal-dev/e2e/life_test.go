package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func refundsAtStripe(w *world, intent string) (sum int64, count int) {
	w.stripe.View(func(t *ledger.Tx) {
		for r := range t.Every("refund") {
			if r.Text("payment_intent") == intent {
				sum, count = sum+r.Int("amount"), count+1
			}
		}
	})
	return sum, count
}

func TestWhatCannotBeFulfilledIsRefunded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  []faults.Rule
		record string
	}{
		{"at once", nil, "FulfillOrder.compensated"},
		{"once, when Stripe's answer is lost", []faults.Rule{{Fault: faults.LostAnswer, Match: "POST /v1/refunds", Times: 1}}, ""},
		{"once, when Stripe answers 500 after the work", []faults.Rule{{Fault: faults.ServerError, Match: "POST /v1/refunds", Times: 1, AfterWork: true}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.putProduct("loaf", 450, 1)
			require.NoError(t, w.stripe.SetFaults(1, c.fault...))
			intent, events := w.pays(purchase(customerID))
			paid := of("payment_intent.succeeded", events)
			w.deliver(paid)
			w.until("it is refunded", func() bool { return w.status(intent) == "refunded" })
			w.closed(paid.id)
			sum, count := refundsAtStripe(w, intent)
			assert.EqualValues(t, 1599, sum)
			assert.Equal(t, 1, count)
			assert.Len(t, w.cart(), 2, "the cart is as it was")
			assert.Empty(t, w.orders())
			w.mailed(map[string]string{customerEmail: "", storeEmail: ""})
			if c.record != "" {
				w.record(paid.id, c.record)
			}
		})
	}
}

func TestACompensationThatFailsWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putStore(map[string]any{"active": false})
	intent, events := w.pays(purchase(customerID))
	w.happen(func(t *ledger.Tx) *wire.Error { // a disputed charge cannot be refunded
		_, refusal := t.OpenDispute(intent, 0, "fraudulent", false)
		return refusal
	})
	paid := of("payment_intent.succeeded", events)
	w.deliver(paid)
	w.until("it waits for a person", func() bool { return w.state(paid.id).WaitingFor == "a person" })
	assert.Equal(t, "needs_attention", w.status(intent))
	assert.Equal(t, "compensation_failed", w.detail(intent)["payment"].(map[string]any)["blockedReason"])

	w.happen(func(t *ledger.Tx) *wire.Error {
		for d := range t.Every("dispute") {
			return t.CloseDispute(d.ID(), "won")
		}
		return nil
	})
	w.retry(paid.id)
	w.until("it is refunded", func() bool { return w.status(intent) == "refunded" })
	w.closed(paid.id)
	w.record(paid.id, "FulfillOrder.compensation_failed")
	_, count := refundsAtStripe(w, intent)
	assert.Equal(t, 1, count)
}

func TestStaffDecideAboutABlockedPayment(t *testing.T) {
	t.Parallel()
	short := func(w *world) (string, told) {
		p := purchase(customerID)
		p.Amount = 1500
		intent, events := w.pays(p)
		paid := of("payment_intent.succeeded", events)
		w.deliver(paid)
		w.until("it waits for a person", func() bool { return w.state(paid.id).WaitingFor == "a person" })
		return intent, paid
	}
	t.Run("accept makes the order, worth what was collected", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		intent, paid := short(w)
		status, detail := w.act(intent, id("req"), "accept", nil)
		require.Equal(t, http.StatusOK, status, detail)
		assert.Equal(t, "paid", detail["payment"].(map[string]any)["status"])
		w.closed(paid.id)
		w.closed("support-" + id("req"))
		w.record("support-"+id("req"), "SupportAction.accepted")
		w.record(paid.id, "FulfillOrder.accepted_by_support")
		require.Len(t, w.orders(), 1)
		assert.EqualValues(t, 1500, w.orders()[0].(map[string]any)["total"])
		w.until("the cart is cleared", func() bool { return len(w.cart()) == 0 })
		status, again := w.act(intent, id("req"), "accept", nil)
		assert.Equal(t, http.StatusOK, status, "the same request is answered the same")
		assert.Equal(t, "paid", again["payment"].(map[string]any)["status"])
		status, _ = w.act(intent, id("req_2"), "accept", nil)
		assert.Equal(t, http.StatusConflict, status)
	})
	t.Run("refund gives it back and leaves the cart", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		intent, paid := short(w)
		for range 3 {
			status, detail := w.act(intent, id("req"), "refund", nil)
			require.Equal(t, http.StatusOK, status, detail)
		}
		w.until("it is refunded", func() bool { return w.status(intent) == "refunded" })
		w.closed(paid.id)
		w.record("support-"+id("req"), "SupportAction.refunded")
		w.record(paid.id, "FulfillOrder.refunded_by_support")
		_, count := refundsAtStripe(w, intent)
		assert.Equal(t, 1, count)
		assert.Len(t, w.cart(), 2)
	})
	t.Run("signals do the same, and are audited as claimed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		intent, paid := short(w)
		signal := func(name string) {
			require.NoError(t, built.temporal.Client().SignalWorkflow(t.Context(), paid.id, "", name,
				map[string]any{"actor": "bob", "reason": "from the Web UI", "requestId": paid.id + name}))
		}
		signal("note")
		signal("hold")
		w.until("it is held", func() bool { return len(w.detail(intent)["holds"].([]any)) == 1 })
		signal("accept")
		w.closed(paid.id)
		w.record(paid.id, "FulfillOrder.accepted_by_signal")
		assert.Equal(t, "on_hold", w.orderStatus(intent), "the hold outlives the block")
		claimed := 0
		for _, entry := range w.detail(intent)["audit"].([]any) {
			if row := entry.(map[string]any); row["actor"] == "bob" && row["claimed"] == true {
				claimed++
			}
		}
		assert.GreaterOrEqual(t, claimed, 3)
	})
	t.Run("resend sends the latest mail once more", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		intent, events := w.pays(purchase(customerID))
		paid := of("payment_intent.succeeded", events)
		w.deliver(paid)
		w.closed(paid.id)
		status, detail := w.act(intent, id("req"), "resend", map[string]any{"recipient": "customer"})
		require.Equal(t, http.StatusOK, status, detail)
		w.closed("support-" + id("req"))
		w.record("support-"+id("req"), "SupportAction.resent")
		byID := map[string]bool{}
		for _, m := range w.mails.Messages() {
			byID[m.MessageID] = true
		}
		assert.Len(t, byID, 3, "another mail, not the same one twice")
	})
	t.Run("cancel takes back an order whose workflow closed long ago", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		intent, events := w.pays(purchase(customerID))
		paid := of("payment_intent.succeeded", events)
		w.deliver(paid)
		w.closed(paid.id)
		status, detail := w.act(intent, id("req"), "cancel", nil)
		require.Equal(t, http.StatusOK, status, detail)
		w.until("it is refunded", func() bool { return w.status(intent) == "refunded" && w.orderStatus(intent) == "refunded" })
		w.closed("support-" + id("req"))
		w.record("support-"+id("req"), "SupportAction.canceled")
		status, _ = w.act(intent, id("req_2"), "cancel", nil)
		assert.Equal(t, http.StatusConflict, status)
	})
}

func TestDisputesHoldAndReleaseTheOrder(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{"won", "lost"} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			intent := w.ordered(customerID)
			dispute, opened := w.disputes(intent)
			assert.Equal(t, "disputed on_hold", w.status(intent)+" "+w.orderStatus(intent))
			if outcome == "lost" {
				require.NoError(t, built.temporal.Client().SignalWorkflow(t.Context(), opened.id, "", "note",
					map[string]any{"actor": "bob", "reason": "no evidence"}))
				w.until("the note is taken", func() bool { return w.state(opened.id).Answer != "" })
				w.until("it waits on", func() bool { return w.state(opened.id).WaitingFor != "" })
			}
			closed := w.decides(dispute, outcome)
			w.closed(opened.id)
			want := map[string]string{"won": "paid confirmed", "lost": "charged_back charged_back"}[outcome]
			assert.Equal(t, want, w.status(intent)+" "+w.orderStatus(intent))
			w.record(opened.id, map[string]string{"won": "TrackDispute.watched_until_won", "lost": "TrackDispute.asked_while_open"}[outcome])
			w.record(closed.id, "TrackDispute.closed_"+outcome)
		})
	}
}

func TestRefundsAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.ordered(customerID)
	var refund string
	part := w.happen(func(t *ledger.Tx) *wire.Error {
		r, refusal := t.Refund(intent, 500, "")
		refund = r.ID()
		return refusal
	})
	for _, e := range part {
		if w.deliver(e) {
			w.closed(e.id)
			w.record(e.id, "RecordRefund.partial")
		}
	}
	assert.Equal(t, "partially_refunded confirmed", w.status(intent)+" "+w.orderStatus(intent))
	failed := of("refund.failed", w.happen(func(t *ledger.Tx) *wire.Error { return t.SettleRefund(refund, "failed", "") }))
	w.deliver(failed)
	w.until("it is flagged", func() bool { return w.status(intent) == "needs_attention" })
	assert.EqualValues(t, 0, w.detail(intent)["payment"].(map[string]any)["amountRefunded"])
	w.until("it waits for a person", func() bool { return w.state(failed.id).WaitingFor == "a person" })
	status, detail := w.act(intent, ids(t)("req"), "retry", nil)
	require.Equal(t, http.StatusOK, status, detail)
	w.closed(failed.id)
	w.record(failed.id, "RecordRefund.failed_then_retried")
	assert.Equal(t, "partially_refunded", w.status(intent))
}

func TestReviewsHoldReleaseOrCancel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, want string }{
		{"approved", "paid confirmed"}, {"refunded_as_fraud", "refunded refunded"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			intent, events := w.pays(purchase(customerID))
			var review string
			opened := of("review.opened", w.happen(func(t *ledger.Tx) *wire.Error {
				r, refusal := t.OpenReview(intent, "rule")
				review = r.ID()
				return refusal
			}))
			w.deliver(opened)
			w.closed(opened.id)
			w.record(opened.id, "TrackReview.opened")
			w.deliver(of("payment_intent.succeeded", events))
			w.until("it is held", func() bool { return w.orderStatus(intent) == "on_hold" })
			closed := of("review.closed", w.happen(func(t *ledger.Tx) *wire.Error { return t.CloseReview(review, c.reason) }))
			w.deliver(closed)
			w.closed(closed.id)
			assert.Equal(t, c.want, w.status(intent)+" "+w.orderStatus(intent))
			w.record(closed.id, "TrackReview."+c.reason)
		})
	}
}

// TestAnyOrderOfEventsThroughRealWorkflows tells one life, a failed attempt, the
// success, a refund and a dispute that is won, in seeded orders with duplicates and
// twins, and comes to the same each time.
func TestAnyOrderOfEventsThroughRealWorkflows(t *testing.T) {
	t.Parallel()
	w, seed := newWorld(t), rand.New(rand.NewPCG(4, 2026))
	w.putProduct("loaf", 450, 1000)
	const lives = 12
	for n := range lives {
		customer := fmt.Sprintf("customer %d", n)
		w.fillFor(customer, "loaf", 2)
		w.fillFor(customer, "jam", 1)
		var intent string
		var life []told
		also := func(do func(*ledger.Tx) *wire.Error) { life = append(life, w.happen(do)...) }
		also(func(t *ledger.Tx) *wire.Error {
			made, refusal := t.Fail(purchase(customer))
			intent = made.ID()
			return refusal
		})
		also(func(t *ledger.Tx) *wire.Error { return t.PayIntent(intent, "pm_card_visa", nil) })
		also(func(t *ledger.Tx) *wire.Error { _, refusal := t.Refund(intent, 500, ""); return refusal })
		also(func(t *ledger.Tx) *wire.Error {
			d, refusal := t.OpenDispute(intent, 0, "general", false)
			if refusal != nil {
				return refusal
			}
			return t.CloseDispute(d.ID(), "won")
		})
		for _, e := range life {
			switch seed.IntN(4) {
			case 0:
				life = append(life, e) // a duplicate
			case 1:
				life = append(life, e.twin())
			}
		}
		seed.Shuffle(len(life), func(i, j int) { life[i], life[j] = life[j], life[i] })
		for _, e := range life {
			if w.deliver(e) && seed.IntN(2) == 0 {
				w.closed(e.id) // half of them come one after the other, half at once
			}
		}
		for _, e := range life {
			if w.deliver(e) {
				w.closed(e.id)
			}
		}
		d := w.detail(intent)
		assert.Equal(t, "partially_refunded confirmed", w.status(intent)+" "+w.orderStatus(intent))
		assert.EqualValues(t, 500, d["payment"].(map[string]any)["amountRefunded"])
		assert.Len(t, d["refunds"], 1)
		assert.Len(t, d["disputes"], 1)
		assert.Empty(t, d["holds"])
		sent := map[string]int{}
		for _, row := range d["notifications"].([]any) {
			n := row.(map[string]any)
			sent[fmt.Sprint(n["recipient"], " ", n["kind"], " ", n["status"])]++
		}
		assert.Equal(t, 1, sent["customer order_confirmed sent"], sent)
		assert.Equal(t, 1, sent["store order_received sent"], sent)
	}
	assert.EqualValues(t, 1000-2*lives, w.stock("loaf"))
}
