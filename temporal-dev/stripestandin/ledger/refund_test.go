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

// refunded are what a charge says of its refunds: how much, and whether that is all.
func refunded(charge wire.Object) []any {
	return []any{charge.Int("amount_refunded"), charge.Bool("refunded")}
}

func TestAChargeIsRefundedInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.paid("pm_card_visa")
	first := w.call(newRefund, "", "payment_intent", intent.ID(), "amount", "400", "reason", "duplicate", "metadata[a]", "b")
	assert.Equal(t, "succeeded", first.Text("status"))
	assert.Equal(t, intent.Text("latest_charge"), first.Text("charge"))
	assert.Equal(t, intent.ID(), first.Text("payment_intent"))
	assert.Equal(t, int64(-400), w.see(first.Text("balance_transaction")).Int("amount"))
	events := w.events()
	require.Len(t, events, 2)
	assert.Equal(t, "refund.created", events[0].Text("type"))
	assert.Equal(t, "charge.refunded", events[1].Text("type"))
	assert.Equal(t, []any{int64(400), false}, refunded(events[1].Sub("data").Sub("object")))

	w.call(newRefund, "", "charge", intent.Text("latest_charge"))
	assert.Equal(t, []any{int64(1000), true}, refunded(w.chargeOf(intent)))
	assert.Equal(t, "succeeded", w.see(intent.ID()).Text("status"), "the intent stays as it is")
	for _, list := range []wire.Object{
		w.call("GET /v1/refunds", "", "payment_intent", intent.ID()),
		w.call("GET /v1/charges/{charge}/refunds", intent.Text("latest_charge")),
		w.call("GET /v1/charges/{charge}", intent.Text("latest_charge"), "expand[]", "refunds").Sub("refunds"),
	} {
		require.Len(t, list.List("data"), 2)
		assert.Equal(t, int64(600), list.List("data")[0].Int("amount"), "the newest first")
	}
	assert.Equal(t, "c", w.call("POST /v1/refunds/{refund}", first.ID(), "metadata[a]", "c").Sub("metadata").Text("a"))

	t.Run("and no more than there was", func(t *testing.T) {
		t.Parallel()
		refusal := w.refused(newRefund, "", "payment_intent", intent.ID())
		assert.Equal(t, "charge_already_refunded", refusal.Code)
		assert.Equal(t, "Charge "+intent.Text("latest_charge")+" has already been refunded.", refusal.Message)
	})
}

func TestTheNetworkGivesARefundItsReferenceSoonAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.call(newRefund, "", "payment_intent", w.paid("pm_card_visa").ID())
	w.wait(0)
	w.news()
	w.wait(2 * time.Second)
	var told []wire.Object
	for _, event := range w.events() {
		if event.Text("type") != "charge.updated" {
			told = append(told, event)
		}
	}
	require.Len(t, told, 2)
	assert.Equal(t, "refund.updated", told[0].Text("type"))
	assert.Equal(t, "charge.refund.updated", told[1].Text("type"))
	assert.Equal(t, []string{"destination_details"}, told[0].Sub("data").Sub("previous_attributes").Keys())
	card := w.see(r.ID()).Sub("destination_details").Sub("card")
	assert.Equal(t, "available", card.Text("reference_status"))
	assert.Regexp(t, `^\w{16}$`, card.Text("reference"))
}

func TestARefundThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	paid, unpaid := w.paid("pm_card_visa"), w.intent()
	declined := w.intent()
	require.Equal(t, "card_declined", w.cannot(pay(declined, "pm_card_visa_chargeDeclined")).Code)
	disputed := w.paid("pm_card_createDispute")
	w.call(newRefund, "", "payment_intent", paid.ID(), "amount", "300")
	for name, c := range map[string]struct {
		form           []string
		status         int
		code, param    string
		messageHasThis string
	}{
		"more than is left":             {[]string{"payment_intent", paid.ID(), "amount", "701"}, http.StatusBadRequest, "", "amount", "Refund amount ($7.01) is greater than unrefunded amount on charge ($7.00)"},
		"nothing":                       {[]string{"payment_intent", paid.ID(), "amount", "0"}, http.StatusBadRequest, "parameter_invalid_integer", "amount", "greater than or equal to 1"},
		"less than nothing":             {[]string{"payment_intent", paid.ID(), "amount", "-5"}, http.StatusBadRequest, "parameter_invalid_integer", "amount", "greater than or equal to 1"},
		"of nothing in particular":      {[]string{"amount", "5"}, http.StatusBadRequest, "", "", "payment_intent or charge"},
		"of two things":                 {[]string{"payment_intent", paid.ID(), "charge", paid.Text("latest_charge")}, http.StatusBadRequest, "parameters_exclusive", "", "only specify one"},
		"of a charge that there is not": {[]string{"charge", "ch_none"}, http.StatusNotFound, "resource_missing", "id", "No such charge: 'ch_none'"},
		"of an intent that is not":      {[]string{"payment_intent", "pi_none"}, http.StatusNotFound, "resource_missing", "intent", "No such payment_intent: 'pi_none'"},
		"of what was never paid":        {[]string{"payment_intent", unpaid.ID()}, http.StatusBadRequest, "", "", "does not have a successful charge to refund"},
		"of what was declined":          {[]string{"payment_intent", declined.ID()}, http.StatusBadRequest, "", "", "does not have a successful charge to refund"},
		"of what is charged back":       {[]string{"payment_intent", disputed.ID()}, http.StatusBadRequest, "charge_disputed", "", "has been charged back; cannot issue a refund."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal := w.refused(newRefund, "", c.form...)
			assert.Equal(t, c.status, refusal.Status)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, c.param, refusal.Param)
			assert.Contains(t, refusal.Message, c.messageHasThis)
		})
	}
}

func TestARefundIsPendingFirst(t *testing.T) {
	t.Parallel()
	settle := func(r wire.Object, status string) func(*ledger.Tx) *wire.Error {
		return func(x *ledger.Tx) *wire.Error { return x.SettleRefund(r.ID(), status, "") }
	}
	begin := func(t *testing.T) (*world, wire.Object, wire.Object) {
		t.Helper()
		w := newWorld(t)
		intent := w.paid("pm_card_pendingRefund")
		w.wait(3 * time.Second)
		w.news()
		r := w.call(newRefund, "", "payment_intent", intent.ID(), "amount", "600")
		assert.Equal(t, "pending", r.Text("status"))
		assert.Equal(t, []string{"refund.created"}, w.news())
		assert.Equal(t, []any{int64(0), false}, refunded(w.chargeOf(intent)), "it does not count yet")
		assert.Contains(t, w.refused(newRefund, "", "payment_intent", intent.ID(), "amount", "401").Message, "($4.00)", "but is spoken for")
		return w, intent, r
	}
	t.Run("and then succeeds", func(t *testing.T) {
		t.Parallel()
		w, intent, r := begin(t)
		w.happens(settle(r, "succeeded"))
		assert.Equal(t, []string{"charge.refunded", "refund.updated", "charge.refund.updated"}, w.news())
		assert.Equal(t, []any{int64(600), false}, refunded(w.chargeOf(intent)))
		assert.Contains(t, w.cannot(settle(r, "succeeded")).Message, "cannot become succeeded")
	})
	t.Run("or fails", func(t *testing.T) {
		t.Parallel()
		w, intent, r := begin(t)
		w.happens(settle(r, "failed"))
		assert.Equal(t, []string{"refund.updated", "charge.refund.updated", "refund.failed"}, w.news())
		assert.Equal(t, []any{int64(0), false}, refunded(w.chargeOf(intent)))
		w.call(newRefund, "", "payment_intent", intent.ID())
	})
	t.Run("or is called off", func(t *testing.T) {
		t.Parallel()
		w, _, r := begin(t)
		assert.Equal(t, "canceled", w.call("POST /v1/refunds/{refund}/cancel", r.ID()).Text("status"))
		assert.Equal(t, []string{"refund.updated", "charge.refund.updated"}, w.news())
		assert.Equal(t, "Canceling this refund is unsupported.", w.refused("POST /v1/refunds/{refund}/cancel", r.ID()).Message)
	})
	t.Run("and succeeds by itself in some days", func(t *testing.T) {
		t.Parallel()
		w, intent, r := begin(t)
		w.wait(5 * 24 * time.Hour)
		assert.Equal(t, "succeeded", w.see(r.ID()).Text("status"))
		assert.Equal(t, []any{int64(600), false}, refunded(w.chargeOf(intent)))
		assert.Equal(t, []string{"charge.refunded", "refund.updated", "charge.refund.updated", "refund.updated", "charge.refund.updated"}, w.news(), "with its reference in the end")
	})
}

func TestARefundFailsAfterItSucceeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.paid("pm_card_refundFail")
	r := w.call(newRefund, "", "payment_intent", intent.ID())
	assert.Equal(t, "succeeded", r.Text("status"))
	assert.Equal(t, []any{int64(1000), true}, refunded(w.chargeOf(intent)))
	w.wait(time.Minute)
	w.news()
	w.wait(5 * 24 * time.Hour)
	events := w.events()
	require.Len(t, events, 3)
	assert.Equal(t, []string{"refund.updated", "charge.refund.updated", "refund.failed"}, []string{events[0].Text("type"), events[1].Text("type"), events[2].Text("type")})
	assert.Equal(t, "succeeded", events[0].Sub("data").Sub("previous_attributes").Text("status"))
	failed := w.see(r.ID())
	assert.Equal(t, "failed", failed.Text("status"))
	assert.Equal(t, "expired_or_canceled_card", failed.Text("failure_reason"))
	assert.Equal(t, int64(1000), w.see(failed.Text("failure_balance_transaction")).Int("amount"))
	assert.Equal(t, []any{int64(0), false}, refunded(w.chargeOf(intent)), "the money is back")

	t.Run("and is tried again another way", func(t *testing.T) {
		t.Parallel()
		w.happens(func(x *ledger.Tx) *wire.Error { return x.SetRefundOutcome(intent.ID(), "succeeded") })
		again := w.call(newRefund, "", "payment_intent", intent.ID())
		w.wait(30 * 24 * time.Hour)
		assert.Equal(t, "succeeded", w.see(again.ID()).Text("status"))
	})
}

func TestWhatRefundsWillDoCanBeSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	say := func(id, outcome string) func(*ledger.Tx) *wire.Error {
		return func(x *ledger.Tx) *wire.Error { return x.SetRefundOutcome(id, outcome) }
	}
	intent := w.intent()
	w.happens(say(intent.ID(), "pending")) // before there is a charge
	w.happens(pay(intent, "pm_card_visa"))
	assert.Equal(t, "pending", w.call(newRefund, "", "payment_intent", intent.ID(), "amount", "100").Text("status"))
	w.happens(say(w.chargeOf(intent).ID(), "failed"))
	soon := w.call(newRefund, "", "payment_intent", intent.ID(), "amount", "100")
	assert.Equal(t, "succeeded", soon.Text("status"))
	w.happens(func(x *ledger.Tx) *wire.Error { return x.SettleRefund(soon.ID(), "failed", "lost_or_stolen_card") })
	assert.Equal(t, "lost_or_stolen_card", w.see(soon.ID()).Text("failure_reason"))
	assert.Equal(t, "outcome", w.cannot(say(intent.ID(), "lost")).Param)
	assert.Equal(t, http.StatusNotFound, w.cannot(say("ch_none", "failed")).Status)
	w.events()
}

func TestABankAccountIsRefundedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.paid("pm_usBankAccount_success")
	assert.Contains(t, w.refused(newRefund, "", "payment_intent", intent.ID()).Message, "does not have a successful charge to refund")
	w.happens(func(x *ledger.Tx) *wire.Error { return x.SettleIntent(intent.ID(), true) })
	r := w.call(newRefund, "", "payment_intent", intent.ID())
	assert.Equal(t, "us_bank_transfer", r.Sub("destination_details").Text("type"))
	w.wait(30 * 24 * time.Hour)
	assert.Equal(t, "succeeded", w.see(r.ID()).Text("status"))
}

func TestMoneyIsSpokenOfInItsCurrency(t *testing.T) {
	t.Parallel()
	for currency, says := range map[string]string{"eur": "Refund amount (€50.01)", "jpy": "Refund amount (¥5001)", "bgn": "Refund amount (50.01 BGN)"} {
		w := newWorld(t)
		intent := w.call(newIntent, "", "amount", "5000", "currency", currency)
		w.happens(pay(intent, "pm_card_visa"))
		assert.Contains(t, w.refused(newRefund, "", "payment_intent", intent.ID(), "amount", "5001").Message, says)
	}
}

func TestStaffRefundInTheDashboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	intent := w.paid("pm_card_visa")
	w.happens(func(x *ledger.Tx) *wire.Error {
		r, refusal := x.Refund(intent.ID(), 0, "fraudulent")
		assert.Equal(t, int64(1000), r.Int("amount"))
		return refusal
	})
	assert.Nil(t, w.events()[0].Sub("request")["id"], "no request of ours")
	assert.Equal(t, "fraudulent", w.chargeOf(intent).Sub("fraud_details").Text("user_report"))
	unpaid := w.intent()
	assert.Contains(t, w.cannot(func(x *ledger.Tx) *wire.Error {
		_, refusal := x.Refund(unpaid.ID(), 0, "")
		return refusal
	}).Message, "does not have a successful charge")
}
