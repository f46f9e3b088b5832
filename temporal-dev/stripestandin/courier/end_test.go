package courier_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/courier"
)

func TestADeliveryEndsWithItsEndpointOrEvent(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*world){
		"the endpoint is deleted": func(w *world) { w.remove(shop) },
		"the event is forgotten": func(w *world) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.forgotten["evt_1"] = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			mustReceive(t, w, shop, always(http.StatusInternalServerError))
			c := mustStart(t, w.config())
			c.Deliver("evt_1", paid, shop)
			require.Eventually(t, func() bool { return len(c.Attempts()) > 1 }, 5*time.Second, time.Millisecond)
			remove(w)
			mustBeIdle(t, c)
			require.Len(t, c.Undelivered(), 1)
			require.Equal(t, courier.Gone, c.Undelivered()[0].State)
			require.Equal(t, len(c.Attempts()), c.Undelivered()[0].Attempts)
		})
	}
}

func TestADeliveryIsGivenUpAfterAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, always(http.StatusInternalServerError))
	config := w.config()
	config.RetryFor = 300 * time.Millisecond
	c := mustStart(t, config)
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)
	require.Empty(t, w.told())
	require.Len(t, c.Undelivered(), 1)
	given := c.Undelivered()[0]
	require.Equal(t, courier.GivenUp, given.State)
	require.Equal(t, len(hook.all()), given.Attempts)
	require.GreaterOrEqual(t, given.Attempts, 2)
	require.Zero(t, given.Next)

	t.Run("and is no longer undelivered once it was resent", func(t *testing.T) {
		hook.answer = nil
		c.Resend("evt_1", paid, shop)
		mustBeIdle(t, c)
		require.Empty(t, c.Undelivered())
		require.Equal(t, []string{"evt_1 we_shop"}, w.told())
	})
}

func TestIdleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld()
	mustReceive(t, w, shop, always(http.StatusInternalServerError))
	c := mustStart(t, w.config())
	require.NoError(t, c.Idle(t.Context()), "nothing was ever under way")
	c.Deliver("evt_1", paid, shop)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Idle(ctx), context.DeadlineExceeded)
}

func TestClosingGivesUp(t *testing.T) {
	t.Parallel()
	t.Run("what waits for its next attempt", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		mustReceive(t, w, shop, always(http.StatusInternalServerError))
		config := w.config()
		config.RetryFirst = time.Minute
		c := courier.New(config)
		c.Deliver("evt_1", paid, shop)
		require.Eventually(t, func() bool { return len(c.Attempts()) == 1 }, 5*time.Second, time.Millisecond)
		mustClose(t, c)
	})
	t.Run("what is on its way, and what stands behind it", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		var arrived atomic.Int64
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // only then does the server notice that the client went away
			arrived.Add(1)
			<-r.Context().Done()
		}))
		t.Cleanup(hook.Close)
		w.put(shop, courier.Endpoint{URL: hook.URL})
		c := courier.New(w.config())
		for range 100 {
			c.Deliver("evt_1", paid, shop)
		}
		require.Eventually(t, func() bool { return arrived.Load() == 32 }, 5*time.Second, time.Millisecond)
		mustClose(t, c)
		require.Len(t, c.Undelivered(), 100)
		require.Contains(t, c.Attempts()[0].Error, "canceled")
	})
	t.Run("once and for all", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		hook := mustReceive(t, w, shop, nil)
		c := courier.New(w.config())
		mustClose(t, c)
		mustClose(t, c)
		c.Deliver("evt_1", paid, shop)
		c.Send(shop, []byte("x"))
		mustBeIdle(t, c)
		require.Empty(t, hook.all())
	})
}

// mustClose closes a courier, and finds it idle with nothing but what was given up.
func mustClose(t *testing.T, c *courier.Courier) {
	t.Helper()
	began := time.Now()
	c.Close()
	require.Less(t, time.Since(began), 5*time.Second)
	mustBeIdle(t, c)
	for _, d := range c.Undelivered() {
		require.Equal(t, courier.GivenUp, d.State)
	}
}
