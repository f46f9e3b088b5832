package courier_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
)

func TestADuplicateIsDeliveredOnceMoreThoughTheFirstWasTaken(t *testing.T) {
	t.Parallel()
	for _, delay := range []int{0, 50} {
		t.Run(fmt.Sprint("after ms ", delay), func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			hook := mustReceive(t, w, shop, nil)
			c := mustStart(t, w.config(faults.Rule{Fault: faults.Duplicate, DelayMS: delay}))
			c.Deliver("evt_1", paid, shop)
			mustBeIdle(t, c)
			require.Equal(t, []string{"evt_1", "evt_1"}, hook.ids())
			require.Equal(t, []string{"evt_1 we_shop"}, w.told())

			first, second := byDelivery(c)[1], byDelivery(c)[2]
			require.Empty(t, first.Fault)
			require.Equal(t, faults.Duplicate, second.Fault)
			require.GreaterOrEqual(t, second.At.Sub(first.At), time.Duration(delay)*time.Millisecond)
		})
	}
}

// byDelivery finds the last attempt of each delivery.
func byDelivery(c *courier.Courier) map[int]courier.Attempt {
	of := map[int]courier.Attempt{}
	for _, a := range c.Attempts() {
		of[a.Delivery] = a
	}
	return of
}

func TestAReorderedEventComesAfterTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config(faults.Rule{Fault: faults.Reorder, DelayMS: 60_000}))
	c.Deliver("evt_1", paid, shop)
	c.Deliver("evt_2", paid, shop)
	mustBeIdle(t, c)
	require.Equal(t, []string{"evt_2", "evt_1"}, hook.ids())

	t.Run("and so do others after it, two by two", func(t *testing.T) {
		c.Deliver("evt_3", paid, shop)
		c.Deliver("evt_4", paid, shop)
		mustBeIdle(t, c)
		require.Equal(t, []string{"evt_2", "evt_1", "evt_4", "evt_3"}, hook.ids())
	})
	for _, a := range c.Attempts() {
		held := a.EventID == "evt_1" || a.EventID == "evt_3"
		require.Equal(t, held, a.Fault == faults.Reorder, a.EventID)
	}
}

func TestAReorderedEventIsNotHeldForEver(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	mustReceive(t, w, "we_other", nil)
	c := mustStart(t, w.config(faults.Rule{Fault: faults.Reorder, DelayMS: 300, Times: 1}))
	c.Deliver("evt_1", paid, shop)
	c.Deliver("evt_2", paid, "we_other")
	require.Equal(t, courier.Waiting, c.Undelivered()[0].State)
	require.Equal(t, faults.Reorder, c.Undelivered()[0].Fault)
	mustBeIdle(t, c)
	require.Equal(t, []string{"evt_1"}, hook.ids())
	require.Equal(t, "evt_1", c.Attempts()[1].EventID, "what goes elsewhere does not overtake it")
}

func TestWhatOvertookLetsGoOnlyWhatIsStillHeld(t *testing.T) {
	t.Parallel()
	w := newWorld()
	mustReceive(t, w, shop, always(http.StatusInternalServerError))
	config := w.config(faults.Rule{Fault: faults.Reorder, DelayMS: 1, Times: 1})
	config.RetryFirst = time.Minute
	c := mustStart(t, config)
	c.Deliver("evt_1", paid, shop)
	require.Eventually(t, func() bool { return len(c.Attempts()) == 1 }, 5*time.Second, time.Millisecond)
	c.Deliver("evt_2", paid, shop)
	require.Eventually(t, func() bool { return len(c.Attempts()) == 2 }, 5*time.Second, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	require.Len(t, c.Attempts(), 2, "the first waits for its second attempt, which nobody overtakes")
}

func TestADelayedEventComesLater(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config(faults.Rule{Fault: faults.Delay, DelayMS: 300, Times: 1}))
	began := time.Now()
	c.Deliver("evt_1", paid, shop)
	c.Deliver("evt_2", paid, shop)
	mustBeIdle(t, c)
	require.Equal(t, []string{"evt_2", "evt_1"}, hook.ids())
	require.GreaterOrEqual(t, c.Attempts()[1].At.Sub(began), 300*time.Millisecond)
	require.Equal(t, faults.Delay, c.Attempts()[1].Fault)
}

func TestADroppedEventComesOnlyWhenItIsResent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config(faults.Rule{Fault: faults.Drop, Match: "payment_intent.*"}))
	c.Deliver("evt_1", paid, shop)
	c.Deliver("evt_2", "charge.succeeded", shop)
	mustBeIdle(t, c)
	require.Equal(t, []string{"evt_2"}, hook.ids())
	require.Equal(t, []courier.Delivery{{
		ID: 1, EventID: "evt_1", EventType: paid, EndpointID: shop, State: courier.Dropped, Fault: faults.Drop,
	}}, c.Undelivered())

	c.Resend("evt_1", paid, shop)
	mustBeIdle(t, c)
	require.Equal(t, []string{"evt_2", "evt_1"}, hook.ids())
	require.Empty(t, c.Undelivered())
}

func TestABadSignatureIsFollowedByAGoodOne(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config(faults.Rule{Fault: faults.BadSignature}))
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)
	require.Len(t, hook.all(), 2)
	require.True(t, hook.all()[0].forged)
	require.Equal(t, hook.all()[0].payload, hook.all()[1].payload)
	require.False(t, hook.all()[1].forged)

	a := c.Attempts()
	require.Equal(t, http.StatusBadRequest, a[0].Status)
	require.Equal(t, faults.BadSignature, a[0].Fault)
	require.Empty(t, a[1].Fault, "its retry is the answer's doing")
}

func TestWhoIsStruckDependsOnTheOrderOfDeliveriesOnly(t *testing.T) {
	t.Parallel()
	first, second := chaos(t, 1, busyUntil(1)), chaos(t, 1, busyUntil(40))
	require.Equal(t, first, second, "the receivers are not equally quick")
	require.NotEqual(t, first, chaos(t, 2, nil))
	for _, kind := range []faults.Kind{faults.Duplicate, faults.Reorder, faults.Delay, faults.Drop, faults.BadSignature} {
		require.Contains(t, first, kind)
	}
}

// chaos delivers a hundred events with every fault, and tells what befell them in the order of their deliveries.
func chaos(t *testing.T, seed uint64, answer func(int) int) []faults.Kind {
	t.Helper()
	w := newWorld()
	mustReceive(t, w, shop, answer)
	config := w.config()
	var rules []faults.Rule
	for _, kind := range []faults.Kind{faults.Duplicate, faults.Reorder, faults.Drop, faults.BadSignature} {
		rules = append(rules, faults.Rule{Fault: kind, Rate: 0.15})
	}
	require.NoError(t, config.Faults.Set(seed, append(rules, faults.Rule{Fault: faults.Delay, Rate: 0.15, DelayMS: 3})))
	c := mustStart(t, config)
	for i := range 100 {
		c.Deliver(fmt.Sprint("evt_", i), paid, shop)
	}
	mustBeIdle(t, c)

	befell := make([]faults.Kind, 200) // more than a hundred, for duplicates are deliveries too
	for _, a := range c.Attempts() {
		if a.Number == 1 {
			befell[a.Delivery] = a.Fault
		}
	}
	for _, d := range c.Undelivered() {
		befell[d.ID] = d.Fault
	}
	return befell
}
