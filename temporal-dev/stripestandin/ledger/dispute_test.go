package ledger_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// disputed has the bank dispute what was paid.
func (w *world) disputed(intent wire.Object, amount int64, inquiry bool) wire.Object {
	w.t.Helper()
	return w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) {
		return x.OpenDispute(intent.ID(), amount, "fraudulent", inquiry)
	})
}

func closing(d wire.Object, status string) func(*ledger.Tx) *wire.Error {
	return func(x *ledger.Tx) *wire.Error { return x.CloseDispute(d.ID(), status) }
}

func TestAPaymentIsDisputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.paid("pm_card_visa")
	d := w.see(w.disputed(intent, 0, false).ID())
	assert.Equal(t, []string{"charge.dispute.created", "charge.dispute.funds_withdrawn"}, w.news())
	assert.Equal(t, "needs_response", d.Text("status"))
	assert.Equal(t, int64(1000), d.Int("amount"))
	assert.False(t, d.Bool("is_charge_refundable"))
	assert.Equal(t, intent.ID(), d.Text("payment_intent"))
	assert.Equal(t, "10.4", d.Sub("payment_method_details").Sub("card").Text("network_reason_code"))
	due := time.Unix(d.Sub("evidence_details").Int("due_by"), 0).UTC()
	assert.Equal(t, "23:59:59", due.Format(time.TimeOnly))
	assert.WithinRange(t, due, w.Now().Add(7*24*time.Hour), w.Now().Add(9*24*time.Hour))
	withdrawn := d.List("balance_transactions")
	require.Len(t, withdrawn, 1)
	assert.Equal(t, []int64{-1000, 1500, -2500}, []int64{withdrawn[0].Int("amount"), withdrawn[0].Int("fee"), withdrawn[0].Int("net")})
	charge := w.chargeOf(intent)
	assert.True(t, charge.Bool("disputed"))
	assert.Len(t, w.call("GET /v1/disputes", "", "payment_intent", intent.ID()).List("data"), 1)
	assert.Equal(t, "dispute", w.refused("GET /v1/disputes/{dispute}", "du_none").Param)

	t.Run("and won: the money comes back, the fee does not", func(t *testing.T) {
		w.happens(closing(d, "won"))
		assert.Equal(t, []string{"charge.dispute.funds_reinstated", "charge.dispute.closed", "charge.updated"}, w.news())
		won := w.call("GET /v1/disputes/{dispute}", d.ID())
		require.Len(t, won.List("balance_transactions"), 2)
		assert.Equal(t, int64(1000), won.List("balance_transactions")[1].Int("net"))
		assert.True(t, w.chargeOf(intent).Bool("disputed"), "it was")
		w.call(newRefund, "", "payment_intent", intent.ID())
	})
	t.Run("and then it is over", func(t *testing.T) {
		for _, refusal := range []*wire.Error{
			w.refused(changeDispute, d.ID(), "evidence[uncategorized_text]", "late"),
			w.refused("POST /v1/disputes/{dispute}/close", d.ID()),
			w.cannot(closing(d, "lost")),
		} {
			assert.Equal(t, http.StatusBadRequest, refusal.Status)
			assert.Equal(t, "This dispute is already closed", refusal.Message)
		}
	})
}

func TestADisputeIsLost(t *testing.T) {
	t.Parallel()
	for how, lose := range map[string]func(*world, wire.Object){
		"as the bank decides": func(w *world, d wire.Object) { w.happens(closing(d, "lost")) },
		"as it is given up":   func(w *world, d wire.Object) { w.call("POST /v1/disputes/{dispute}/close", d.ID()) },
		"as nobody responds":  func(w *world, _ wire.Object) { w.wait(10 * 24 * time.Hour) },
		"as the evidence says": func(w *world, d wire.Object) {
			w.call(changeDispute, d.ID(), "evidence[uncategorized_text]", "losing_evidence")
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			intent := w.paid("pm_card_visa")
			d := w.disputed(intent, 600, false)
			lose(w, d)
			assert.Equal(t, "lost", w.see(d.ID()).Text("status"))
			assert.Contains(t, w.news(), "charge.dispute.closed")
			assert.Equal(t, "charge_disputed", w.refused(newRefund, "", "payment_intent", intent.ID()).Code)
			again := w.cannot(func(x *ledger.Tx) *wire.Error {
				_, refusal := x.OpenDispute(intent.ID(), 0, "", false)
				return refusal
			})
			assert.Contains(t, again.Message, "disputed already")
		})
	}
}

func TestEvidenceIsHandedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.disputed(w.paid("pm_card_visa"), 0, false)
	w.news()
	kept := w.call(changeDispute, d.ID(), "evidence[customer_name]", "Ada", "submit", "false")
	assert.Equal(t, "needs_response", kept.Text("status"), "only kept for now")
	assert.True(t, kept.Sub("evidence_details").Bool("has_evidence"))
	handed := w.call(changeDispute, d.ID(), "evidence[uncategorized_text]", "They wrote to thank us.")
	assert.Equal(t, "under_review", handed.Text("status"))
	assert.Equal(t, "Ada", handed.Sub("evidence").Text("customer_name"))
	assert.Equal(t, int64(1), handed.Sub("evidence_details").Int("submission_count"))
	assert.Equal(t, []string{"charge.dispute.updated", "charge.updated", "charge.dispute.updated", "charge.updated"}, w.news())
	assert.Equal(t, "evidence", w.refused(changeDispute, d.ID(), "evidence[uncategorized_text]", "And again.").Param, "once is all there is")
	assert.Equal(t, "x", w.call(changeDispute, d.ID(), "metadata[case]", "x").Sub("metadata").Text("case"))
	w.wait(20 * 24 * time.Hour)
	assert.Equal(t, "under_review", w.see(d.ID()).Text("status"), "the bank takes its time")

	t.Run("and decides by itself where the words say how", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		d := w.disputed(w.paid("pm_card_visa"), 0, false)
		w.happens(func(x *ledger.Tx) *wire.Error { return x.UpdateDispute(d.ID(), "winning_evidence", true) })
		assert.Equal(t, "won", w.see(d.ID()).Text("status"))
	})
}

func TestABankInquires(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (*world, wire.Object, wire.Object) {
		t.Helper()
		w := newWorld(t)
		intent := w.paid("pm_card_visa")
		d := w.see(w.disputed(intent, 0, true).ID())
		assert.Equal(t, []string{"charge.dispute.created"}, w.news())
		assert.Equal(t, "warning_needs_response", d.Text("status"))
		assert.True(t, d.Bool("is_charge_refundable"))
		assert.Empty(t, d.List("balance_transactions"), "no money moves")
		return w, intent, d
	}
	t.Run("and lets it go", func(t *testing.T) {
		t.Parallel()
		w, _, d := begin(t)
		assert.Equal(t, "status", w.cannot(closing(d, "won")).Param)
		w.happens(closing(d, "warning_closed"))
		assert.Equal(t, []string{"charge.dispute.closed", "charge.updated"}, w.news())
	})
	t.Run("and is satisfied by a refund", func(t *testing.T) {
		t.Parallel()
		w, intent, d := begin(t)
		w.call(newRefund, "", "payment_intent", intent.ID())
		assert.Equal(t, []string{"refund.created", "charge.refunded", "charge.dispute.closed", "charge.updated"}, w.news())
		assert.Equal(t, "warning_closed", w.see(d.ID()).Text("status"))
	})
	t.Run("and goes on to a dispute", func(t *testing.T) {
		t.Parallel()
		w, intent, d := begin(t)
		w.happens(func(x *ledger.Tx) *wire.Error { return x.EscalateDispute(d.ID()) })
		assert.Equal(t, []string{"charge.dispute.updated", "charge.updated", "charge.dispute.funds_withdrawn"}, w.news())
		assert.Equal(t, "needs_response", w.see(d.ID()).Text("status"))
		assert.Equal(t, "charge_disputed", w.refused(newRefund, "", "payment_intent", intent.ID()).Code)
		assert.Contains(t, w.cannot(func(x *ledger.Tx) *wire.Error { return x.EscalateDispute(d.ID()) }).Message, "no inquiry")
		assert.Equal(t, "status", w.cannot(closing(d, "warning_closed")).Param)
	})
	t.Run("whatever it is told", func(t *testing.T) {
		t.Parallel()
		for words, status := range map[string]string{
			"We are sure.": "warning_under_review", "winning_evidence": "warning_closed", "escalate_inquiry_evidence": "needs_response",
		} {
			w, _, d := begin(t)
			w.call(changeDispute, d.ID(), "evidence[uncategorized_text]", words)
			assert.Equal(t, status, w.see(d.ID()).Text("status"))
			w.events()
		}
	})
}

func TestACardIsDisputedAsSoonAsItHasPaid(t *testing.T) {
	t.Parallel()
	for method, c := range map[string]struct{ reason, status string }{
		"pm_card_createDispute":                   {"fraudulent", "needs_response"},
		"pm_card_createDisputeProductNotReceived": {"product_not_received", "needs_response"},
		"pm_card_createDisputeInquiry":            {"fraudulent", "warning_needs_response"},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.intent("payment_method", method, "confirm", "true", "return_url", "https://shop.example/back")
			events := w.events()
			assert.Equal(t, "charge.succeeded", events[1].Text("type"))
			assert.Equal(t, "charge.dispute.created", events[2].Text("type"))
			assert.Equal(t, "payment_intent.succeeded", events[len(events)-1].Text("type"), "after the dispute")
			assert.Equal(t, "req_1", events[1].Sub("request").Text("id"))
			assert.Nil(t, events[2].Sub("request")["id"], "no request asked for a dispute")
			d := events[2].Sub("data").Sub("object")
			assert.Equal(t, c.reason, d.Text("reason"))
			assert.Equal(t, c.status, d.Text("status"))
		})
	}
	t.Run("but not before it is captured", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		intent := w.paid("pm_card_createDispute", "capture_method", "manual")
		w.call(captureIntent, intent.ID())
		assert.Equal(t, []string{"charge.captured", "charge.dispute.created", "charge.dispute.funds_withdrawn", "payment_intent.succeeded"}, w.news())
	})
}

func TestWhatCannotBeDisputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	paid, held, unpaid := w.paid("pm_card_visa"), w.paid("pm_card_visa", "capture_method", "manual"), w.intent()
	open := func(id string, amount int64) func(*ledger.Tx) *wire.Error {
		return func(x *ledger.Tx) *wire.Error {
			_, refusal := x.OpenDispute(id, amount, "", false)
			return refusal
		}
	}
	assert.Equal(t, "amount", w.cannot(open(paid.ID(), 1001)).Param)
	assert.Contains(t, w.cannot(open(held.ID(), 0)).Message, "was not collected")
	assert.Contains(t, w.cannot(open(unpaid.ID(), 0)).Message, "does not have a successful charge")
	assert.Equal(t, http.StatusNotFound, w.cannot(open("ch_none", 0)).Status)
	w.happens(open(paid.ID(), 500))
	assert.Contains(t, w.cannot(open(paid.ID(), 500)).Message, "disputed already")
}
