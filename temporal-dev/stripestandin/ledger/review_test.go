package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

func TestRadarPutsAPaymentIntoReview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.intent()
	w.happens(pay(intent, "pm_card_riskLevelElevated"))
	events := w.events()
	require.Len(t, events, 4)
	assert.Equal(t, "payment_intent.succeeded", events[2].Text("type"))
	assert.Equal(t, "review.opened", events[3].Text("type"))
	review := events[3].Sub("data").Sub("object")
	assert.Equal(t, "rule", review.Text("reason"))
	assert.Equal(t, intent.ID(), review.Text("payment_intent"))
	assert.Equal(t, review.ID(), events[1].Sub("data").Sub("object").Text("review"), "the charge's own event knows")
	assert.Equal(t, review.ID(), events[2].Sub("data").Sub("object").Text("review"), "and the intent's")
	assert.Equal(t, "manual_review", w.chargeOf(intent).Sub("outcome").Text("type"))
	assert.Len(t, w.call("GET /v1/reviews", "").List("data"), 1)

	approved := w.call("POST /v1/reviews/{review}/approve", review.ID())
	assert.Equal(t, []string{"review.closed"}, w.news())
	assert.Equal(t, "approved", approved.Text("closed_reason"))
	assert.False(t, approved.Bool("open"))
	assert.Empty(t, w.call("GET /v1/reviews", "").List("data"), "only what is open is listed")
	assert.Equal(t, "approved", w.call("GET /v1/reviews/{review}", review.ID()).Text("reason"))
	assert.Contains(t, w.refused("POST /v1/reviews/{review}/approve", review.ID()).Message, "already closed")
}

// A review ends in each of these ways, with these events.
func TestAReviewIsClosed(t *testing.T) {
	t.Parallel()
	refund := []string{"refund.created", "charge.refunded", "review.closed"}
	for reason, c := range map[string]struct {
		close  func(*world, wire.Object, wire.Object)
		events []string
	}{
		"approved":          {byStaff("approved"), []string{"review.closed"}},
		"redacted":          {byStaff("redacted"), []string{"review.closed"}},
		"refunded":          {byStaff("refunded"), refund},
		"refunded_as_fraud": {byStaff("refunded_as_fraud"), refund},
		"disputed":          {byStaff("disputed"), []string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "review.closed"}},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			intent := w.paid("pm_card_visa")
			r := w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.OpenReview(intent.ID(), "") })
			assert.Equal(t, []string{"review.opened"}, w.news())
			assert.Equal(t, "manual", w.see(r.ID()).Text("opened_reason"))
			assert.Equal(t, r.ID(), w.see(intent.ID()).Text("review"))
			c.close(w, intent, r)
			assert.Equal(t, c.events, w.news())
			assert.Equal(t, reason, w.see(r.ID()).Text("closed_reason"))
		})
	}
	t.Run("by a refund of all of it, from anywhere", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		intent := w.paid("pm_card_riskLevelElevated")
		w.call(newRefund, "", "payment_intent", intent.ID(), "amount", "400")
		assert.True(t, w.see(intent.Text("review")).Bool("open"), "a part is not enough")
		w.call(newRefund, "", "payment_intent", intent.ID(), "reason", "fraudulent")
		assert.Equal(t, "refunded_as_fraud", w.see(intent.Text("review")).Text("closed_reason"))
	})
	t.Run("by not capturing it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		intent := w.paid("pm_card_riskLevelElevated", "capture_method", "manual")
		w.happens(func(x *ledger.Tx) *wire.Error { return x.CloseReview(intent.Text("review"), "refunded") })
		assert.Equal(t, []string{"review.closed", "charge.refunded", "payment_intent.canceled"}, w.news())
	})
}

func byStaff(reason string) func(*world, wire.Object, wire.Object) {
	return func(w *world, _, review wire.Object) {
		w.t.Helper()
		w.happens(func(x *ledger.Tx) *wire.Error { return x.CloseReview(review.ID(), reason) })
	}
}

func TestWhatCannotBeReviewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := func(intent wire.Object, reason string) func(*ledger.Tx) *wire.Error {
		return func(x *ledger.Tx) *wire.Error {
			_, refusal := x.OpenReview(intent.ID(), reason)
			return refusal
		}
	}
	paid := w.paid("pm_card_visa")
	assert.Equal(t, "reason", w.cannot(open(paid, "hunch")).Param)
	assert.Contains(t, w.cannot(open(w.intent(), "")).Message, "does not have a successful charge")
	w.happens(open(paid, "rule"))
	assert.Contains(t, w.cannot(open(paid, "rule")).Message, "in review already")
	review := w.see(paid.ID()).Text("review")
	assert.Equal(t, "reason", w.cannot(func(x *ledger.Tx) *wire.Error { return x.CloseReview(review, "bored") }).Param)
	assert.Equal(t, "review", w.see(review).Kind())
}
