package courier_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
)

func TestADeadEndpointHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld()
	alive := mustReceive(t, w, shop, nil)
	dead := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-dead }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(dead) })
	w.put("we_silent", courier.Endpoint{URL: silent.URL, Secrets: []string{secret}})
	w.put("we_refusing", courier.Endpoint{URL: "http://127.0.0.1:1/nobody", Secrets: []string{secret}})
	c := mustStart(t, w.config())
	for i := range 100 {
		id := fmt.Sprint("evt_", i)
		c.Deliver(id, paid, "we_silent")
		c.Deliver(id, paid, "we_refusing")
		c.Deliver(id, paid, shop)
	}
	require.Eventually(t, func() bool { return len(alive.all()) == 100 }, 5*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return len(c.Undelivered()) == 200 }, 5*time.Second, time.Millisecond)
	i := slices.IndexFunc(c.Attempts(), func(a courier.Attempt) bool { return a.EndpointID == "we_refusing" })
	require.Contains(t, c.Attempts()[i].Error, "refused")
	require.Zero(t, c.Attempts()[i].Status)
}

func TestAtMost32AttemptsAreUnderWayAtOneEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var underWay atomic.Int64
	answer := make(chan struct{})
	mustReceive(t, w, shop, func(int) int {
		underWay.Add(1)
		<-answer
		return http.StatusOK
	})
	c := mustStart(t, w.config())
	for i := range 200 {
		c.Deliver(fmt.Sprint("evt_", i), paid, shop)
	}
	require.Eventually(t, func() bool { return underWay.Load() == 32 }, 5*time.Second, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	require.EqualValues(t, 32, underWay.Load())
	close(answer)
	mustBeIdle(t, c)
	require.EqualValues(t, 200, underWay.Load())
}

func TestDeliveriesStartInTheOrderInWhichTheyWereAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config())
	for i := range 300 {
		c.Deliver(fmt.Sprintf("evt_%03d", i), paid, shop)
	}
	mustBeIdle(t, c)
	started := c.Attempts()
	slices.SortFunc(started, func(a, b courier.Attempt) int { return a.At.Compare(b.At) })
	require.Len(t, started, 300)
	require.True(t, slices.IsSortedFunc(started, func(a, b courier.Attempt) int { return cmp.Compare(a.EventID, b.EventID) }))
}

func TestTenThousandEventsArrive(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, func(n int) int {
		if n%10 == 0 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	c := mustStart(t, w.config(faults.Rule{Fault: faults.Duplicate, Rate: 0.1}, faults.Rule{Fault: faults.Reorder, Rate: 0.1}))
	for i := range 10_000 {
		c.Deliver(fmt.Sprint("evt_", i), paid, shop)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.Idle(ctx))
	require.Len(t, w.told(), 10_000)
	require.Empty(t, c.Undelivered())
	require.Len(t, c.Attempts(), len(hook.all()))
}
