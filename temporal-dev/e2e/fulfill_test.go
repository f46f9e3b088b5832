package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnePaymentBecomesOneOrder(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	answer := w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
	assert.Equal(t, false, answer["duplicate"])
	assert.NotEmpty(t, answer["runId"])
	events := w.closed(id("evt"))
	assert.LessOrEqual(t, len(events), 13, "history events of a fulfilled order")
	w.record(id("evt"), "FulfillOrder.created")

	orders := w.orders()
	require.Len(t, orders, 1)
	order := orders[0].(map[string]any)
	assert.Equal(t, "confirmed", order["status"])
	assert.EqualValues(t, 1599, order["total"])
	assert.Empty(t, w.cart())
	w.mailed(map[string]string{customerEmail: "order", storeEmail: "order"})

	d := w.detail(id("pi"))
	assert.Equal(t, "paid", w.status(id("pi")))
	for _, n := range d["notifications"].([]any) {
		assert.Equal(t, "sent", n.(map[string]any)["status"])
	}
}

func TestTheSameEventTenTimesAtOnce(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	var started, duplicates int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			status, answer := w.send(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, http.StatusOK, status, answer)
			if answer["duplicate"] == true {
				duplicates++
			} else {
				started++
			}
		})
	}
	wg.Wait()
	assert.Equal(t, []int{1, 9}, []int{started, duplicates})
	w.closed(id("evt"))
	w.fulfilledOnce(id("pi"))
}

// Stripe sends one event for the payment intent and one for its session, often
// in the same second, in any order, and a client may have put its metadata on
// one of the two only.
func TestSiblingEventsMakeOneOrder(t *testing.T) {
	t.Parallel()
	for name, metadataOn := range map[string]struct{ intent, session func(map[string]any) }{
		"metadata on both":        {nil, nil},
		"metadata on the intent":  {nil, withoutMetadata},
		"metadata on the session": {withoutMetadata, nil},
	} {
		for _, order := range []string{"intent first", "session first", "at once"} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				w, id := newWorld(t), ids(t)
				first := func() {
					w.accept(id("evt_i"), "payment_intent.succeeded", intent(id("pi"), metadataOn.intent))
				}
				second := func() {
					w.accept(id("evt_s"), "checkout.session.completed", session(id("cs"), id("pi"), metadataOn.session))
				}
				switch order {
				case "session first":
					first, second = second, first
					fallthrough
				case "intent first":
					first()
					second()
				default:
					var wg sync.WaitGroup
					wg.Go(first)
					wg.Go(second)
					wg.Wait()
				}
				w.closed(id("evt_i"))
				w.closed(id("evt_s"))
				w.fulfilledOnce(id("pi"))
				assert.Equal(t, w.detail(id("pi"))["payment"], w.detail(id("cs"))["payment"])
				if order == "intent first" && metadataOn.intent == nil {
					w.record(id("evt_s"), "FulfillOrder.existing")
				}
				if order == "intent first" && metadataOn.intent != nil {
					w.record(id("evt_i"), "FulfillOrder.unmatched")
				}
			})
		}
	}
}

func TestTheWorkerIsKilledBetweenSteps(t *testing.T) {
	t.Parallel()
	t.Run("after the order is created, before the cart is cleared", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		release := w.holdClearCart()
		w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
		w.until("the order exists", func() bool { return len(w.orders()) == 1 })
		w.killWorker()
		release()
		w.startWorker()
		w.closed(id("evt"))
		w.fulfilledOnce(id("pi"))
	})
	t.Run("while the mail server hesitates", func(t *testing.T) {
		t.Parallel()
		stall := newStall()
		w, id := newWorld(t, func(w *world) { w.reject = stall.reject }), ids(t)
		w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
		stall.wait(t)
		w.killWorker()
		stall.release()
		w.startWorker()
		w.closed(id("evt"))
		w.fulfilledOnce(id("pi"))
	})
}

func TestATerminatedRunIsRepairedByAResend(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	release := w.holdClearCart()
	w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
	w.until("the order exists", func() bool { return len(w.orders()) == 1 })
	require.NoError(t, built.temporal.Client().TerminateWorkflow(t.Context(), id("evt"), "", "by mistake"))
	release()
	answer := w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
	assert.Equal(t, false, answer["duplicate"])
	w.closed(id("evt"))
	w.fulfilledOnce(id("pi"))
}

func TestTheDatabaseGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	restore := w.cutDatabase()
	w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
	w.until("the step is tried durably", func() bool { return w.pendingActivity(id("evt")) == "CreateOrder" })
	restore()
	w.closed(id("evt"))
	w.fulfilledOnce(id("pi"))
	w.record(id("evt"), "FulfillOrder.durable_when_local_failed")
}

func TestABadAddressFailsItsNotificationOnly(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t, func(w *world) { w.reject = rejecting(customerEmail) }), ids(t)
	w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
	w.closed(id("evt"))
	require.Len(t, w.orders(), 1)
	w.mailed(map[string]string{storeEmail: "order"})
	statuses := map[string]string{}
	for _, n := range w.detail(id("pi"))["notifications"].([]any) {
		row := n.(map[string]any)
		statuses[row["recipient"].(string)] = row["status"].(string)
	}
	assert.Equal(t, map[string]string{"customer": "failed", "store": "sent"}, statuses)
}

func TestAnAddressOnlyStripeKnows(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	require.NoError(t, w.stripe.Put(map[string]any{
		"id": "ch_" + id("pi"), "object": "charge", "billing_details": map[string]any{"email": customerEmail},
	}))
	w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), func(o map[string]any) { delete(o, "receipt_email") }))
	w.closed(id("evt"))
	w.mailed(map[string]string{customerEmail: "order", storeEmail: "order"})
	w.record(id("evt"), "FulfillOrder.email_from_stripe")
}

func TestABlockedPaymentWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	w.putStore(map[string]any{"onUnfulfillable": "hold"})
	w.putProduct("loaf", 450, 1)
	w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), nil))
	w.until("support sees it", func() bool { return w.status(id("pi")) == "needs_attention" })
	assert.Empty(t, w.orders())
	assert.Len(t, w.cart(), 2, "the cart is untouched")
	w.until("it can be found by its reason", func() bool {
		return w.found(fmt.Sprintf("BlockedReason = 'out_of_stock' AND PaymentIntentID = '%s'", id("pi")))
	})
	w.until("support has been told, and it waits", func() bool { return w.state(id("evt")).WaitingFor == "a person" })
	assert.Equal(t, "out_of_stock", w.state(id("evt")).BlockedReason)

	w.retry(id("evt")) // too early: nothing was mended
	w.until("it was looked at again", func() bool { return w.state(id("evt")).WaitingFor == "a person" })
	w.putProduct("loaf", 450, 5)
	w.retry(id("evt"))
	w.closed(id("evt"))
	w.fulfilledOnce(id("pi"))
	w.until("its reason is gone", func() bool {
		return !w.found(fmt.Sprintf("BlockedReason = 'out_of_stock' AND PaymentIntentID = '%s'", id("pi")))
	})
	w.record(id("evt"), "FulfillOrder.blocked_then_retried")
}

// The intent's metadata is cut off, the session's is whole: the session's event
// fulfills the payment, and the intent's, which waits for a person, looks again
// and ends.
func TestASiblingFulfillsWhatAnotherWaitsFor(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	w.accept(id("evt_i"), "payment_intent.succeeded", intent(id("pi"), func(o map[string]any) {
		o["metadata"].(map[string]any)["deliveryAddress"] = `{"line1":"17 Hid`
	}))
	w.until("it is blocked", func() bool { return w.status(id("pi")) == "needs_attention" })
	w.accept(id("evt_t"), "payment_intent.succeeded", intent(id("pi"), withoutMetadata)) // a twin: leaves it to the first
	w.closed(id("evt_t"))
	w.accept(id("evt_s"), "checkout.session.completed", session(id("cs"), id("pi"), nil))
	w.closed(id("evt_s"))
	w.closed(id("evt_i"))
	w.fulfilledOnce(id("pi"))
	w.record(id("evt_i"), "FulfillOrder.woken_by_sibling")
	w.record(id("evt_t"), "FulfillOrder.asked_of_sibling")
}

func TestWhatIsNoSuccess(t *testing.T) {
	t.Parallel()
	failed := func(id string) map[string]any {
		return intent(id, func(o map[string]any) {
			o["status"], o["amount_received"] = "requires_payment_method", 0
			o["last_payment_error"] = map[string]any{"code": "card_declined", "decline_code": "insufficient_funds", "message": "Your card has insufficient funds."}
		})
	}
	t.Run("a failure is kept with its reason, the customer told, the cart kept", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		w.accept(id("evt"), "payment_intent.payment_failed", failed(id("pi")))
		w.closed(id("evt"))
		assert.Equal(t, "failed", w.status(id("pi")))
		assert.Len(t, w.cart(), 2)
		w.mailed(map[string]string{customerEmail: "did not go through"})
		assert.Contains(t, w.logs(), "insufficient_funds")
		w.record(id("evt"), "RecordPaymentFailure.told")
	})
	t.Run("a failure that comes after the success changes nothing", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		w.accept(id("evt_1"), "payment_intent.succeeded", intent(id("pi"), nil))
		w.closed(id("evt_1"))
		w.accept(id("evt_2"), "payment_intent.payment_failed", failed(id("pi")))
		w.closed(id("evt_2"))
		w.fulfilledOnce(id("pi"))
		w.record(id("evt_2"), "RecordPaymentFailure.too_late")
	})
	t.Run("a cancellation keeps the cart", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		w.accept(id("evt"), "payment_intent.canceled", intent(id("pi"), func(o map[string]any) {
			o["status"], o["amount_received"], o["cancellation_reason"] = "canceled", 0, "abandoned"
		}))
		w.closed(id("evt"))
		assert.Equal(t, "canceled", w.status(id("pi")))
		assert.Len(t, w.cart(), 2)
		w.record(id("evt"), "CancelPayment.canceled")
	})
	t.Run("a payment under way is shown so", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		w.accept(id("evt"), "payment_intent.processing", intent(id("pi"), func(o map[string]any) { o["status"], o["amount_received"] = "processing", 0 }))
		w.closed(id("evt"))
		assert.Equal(t, "processing", w.status(id("pi")))
		w.record(id("evt"), "RecordPayment.processing")
	})
	t.Run("a late event that says what a collected payment was for makes its order", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		w.accept(id("evt_1"), "payment_intent.succeeded", intent(id("pi"), withoutMetadata))
		w.closed(id("evt_1"))
		assert.Equal(t, "unmatched", w.status(id("pi")))
		w.accept(id("evt_2"), "checkout.session.completed", session(id("cs"), id("pi"), func(o map[string]any) { o["payment_status"] = "unpaid" }))
		w.closed(id("evt_2"))
		w.fulfilledOnce(id("pi"))
		w.record(id("evt_2"), "RecordPayment.placed_late")
	})
	t.Run("a payment that is not ours is listed as unmatched", func(t *testing.T) {
		t.Parallel()
		w, id := newWorld(t), ids(t)
		w.accept(id("evt"), "payment_intent.succeeded", intent(id("pi"), withoutMetadata))
		w.closed(id("evt"))
		assert.Equal(t, "unmatched", w.status(id("pi")))
	})
}

// Whatever a signed event holds, no workflow fails and nothing is lost.
func TestBadInputWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	in := func(key string, value any) func(map[string]any) {
		return func(o map[string]any) { o["metadata"].(map[string]any)[key] = value }
	}
	cases := map[string]struct {
		change func(map[string]any)
		reason string
	}{
		"no address":       {in("deliveryAddress", nil), "metadata_invalid"},
		"cut address":      {in("deliveryAddress", `{"line1":"1`), "metadata_invalid"},
		"nul in address":   {in("deliveryAddress", "{\"line1\":\"1\x00\"}"), "metadata_invalid"},
		"number for text":  {in("customerId", 7), "metadata_invalid"},
		"metadata a list":  {func(o map[string]any) { o["metadata"] = []string{"x"} }, "metadata_invalid"},
		"long customer":    {in("customerId", string(make([]byte, 80))), "metadata_invalid"},
		"unknown store":    {in("storeId", "nowhere"), "unknown_store"},
		"unknown customer": {in("customerId", "nobody"), "empty_cart"},
		"negative fee":     {in("deliveryFee", "-3.99"), "fee_mismatch"},
		"over-precise fee": {in("deliveryFee", "3.990"), "fee_mismatch"},
		"another fee":      {in("deliveryFee", "4.99"), "fee_mismatch"},
		"too little":       {func(o map[string]any) { o["amount_received"] = 1598 }, "amount_mismatch"},
		"negative amount":  {func(o map[string]any) { o["amount_received"] = -1599 }, "amount_mismatch"},
		"no amount":        {func(o map[string]any) { delete(o, "amount_received") }, "amount_mismatch"},
		"other currency":   {func(o map[string]any) { o["currency"] = "eur" }, "currency_mismatch"},
		"no currency":      {func(o map[string]any) { o["currency"] = "doubloons" }, "currency_mismatch"},
		"unknown checkout": {in("paymentId", "pay_nothing"), "unknown_checkout"},
	}
	serial := map[string]int{}
	for name, c := range cases {
		serial[name] = len(serial)
		pi := fmt.Sprintf("%s_%d", id("pi"), serial[name])
		w.accept(fmt.Sprintf("%s_%d", id("evt"), serial[name]), "payment_intent.succeeded", intent(pi, c.change))
	}
	for name, c := range cases {
		pi := fmt.Sprintf("%s_%d", id("pi"), serial[name])
		w.until(name+" needs attention", func() bool { return w.status(pi) == "needs_attention" })
		assert.Equal(t, c.reason, w.detail(pi)["payment"].(map[string]any)["blockedReason"], name)
		w.until(name+" waits", func() bool { return w.state(fmt.Sprintf("%s_%d", id("evt"), serial[name])).WaitingFor == "a person" })
		assert.Contains(t, w.logs(), fmt.Sprintf("%s_%d", id("evt"), serial[name]), name)
	}
	assert.Empty(t, w.orders())
	assert.Len(t, w.cart(), 2)
	time.Sleep(100 * time.Millisecond)
	assert.NotContains(t, w.logs(), "panic")
}
