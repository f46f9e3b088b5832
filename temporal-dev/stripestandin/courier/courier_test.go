package courier_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
)

func TestAnEventIsDeliveredAsStripeDoes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)

	require.Len(t, hook.all(), 1)
	got := hook.all()[0]
	require.False(t, got.forged)
	require.Equal(t, "evt_1", got.event.ID)
	require.Equal(t, "application/json; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, "Stripe/1.0 (+https://stripe.com/docs/webhooks)", got.header.Get("User-Agent"))
	require.Equal(t, []string{"evt_1 we_shop"}, w.told())
	require.Empty(t, c.Undelivered())

	require.Len(t, c.Attempts(), 1)
	a := c.Attempts()[0]
	require.WithinDuration(t, time.Now(), a.At, 10*time.Second)
	require.Positive(t, a.DurationMS)
	a.At, a.DurationMS = time.Time{}, 0
	require.Equal(t, courier.Attempt{
		ID: 1, Delivery: 1, EventID: "evt_1", EventType: paid, EndpointID: shop, Number: 1, Signature: got.signature, Status: http.StatusOK,
	}, a)
}

func TestAnEventIsTriedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, busyUntil(3))
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)

	require.Len(t, hook.all(), 3)
	for i, a := range c.Attempts() {
		require.Equal(t, i+1, a.Number)
		require.Equal(t, i == 2, a.Delivered())
		require.Equal(t, fmt.Sprint("answer ", i+1), a.Answer)
	}
	require.Equal(t, []string{"evt_1 we_shop"}, w.told())
}

func TestEachAttemptIsSignedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, busyUntil(2))
	config := w.config()
	config.RetryFirst = 1300 * time.Millisecond // t counts whole seconds, and jitter takes a fifth
	c := mustStart(t, config)
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)

	first, second := hook.all()[0], hook.all()[1]
	require.Equal(t, first.payload, second.payload)
	t1, v1, _ := strings.Cut(first.signature, ",")
	t2, v2, _ := strings.Cut(second.signature, ",")
	require.NotEqual(t, t1, t2)
	require.NotEqual(t, v1, v2)
}

func TestWhileASecretIsRolledBothSign(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	both := courier.Endpoint{URL: hook.URL, Secrets: []string{"whsec_new", secret}}
	w.put(shop, both)
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)
	hook.secret = "whsec_new"
	c.Deliver("evt_2", paid, shop)
	mustBeIdle(t, c)

	require.Equal(t, []string{"evt_1", "evt_2"}, hook.ids())
	for _, a := range hook.all() {
		require.False(t, a.forged)
		require.Equal(t, 2, strings.Count(a.signature, ",v1="))
	}
}

func TestTheEndpointIsAskedForBeforeEveryAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld()
	old := mustReceive(t, w, shop, always(http.StatusBadGateway))
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	require.Eventually(t, func() bool { return len(c.Attempts()) > 1 }, 5*time.Second, time.Millisecond)

	moved := mustReceive(t, w, shop, nil)
	moved.secret = "whsec_moved"
	w.put(shop, courier.Endpoint{URL: moved.URL, Secrets: []string{"whsec_moved"}, APIVersion: "2025-03-31.basil"})
	mustBeIdle(t, c)
	require.NotEmpty(t, old.all())
	require.Equal(t, []string{"evt_1"}, moved.ids())
	require.Equal(t, "2025-03-31.basil", moved.all()[0].event.APIVersion)
}

func TestARedirectIsAnAnswerAndNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	elsewhere := mustReceive(t, w, "we_elsewhere", nil)
	hook := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(hook.Close)
	w.put(shop, courier.Endpoint{URL: hook.URL, Secrets: []string{secret}})
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	require.Eventually(t, func() bool { return len(c.Attempts()) > 1 }, 5*time.Second, time.Millisecond)
	require.Equal(t, http.StatusTemporaryRedirect, c.Attempts()[0].Status)
	require.False(t, c.Attempts()[0].Delivered())
	require.Empty(t, elsewhere.all())
}

func TestAnAnswerThatDoesNotComeInTimeIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, func(n int) int {
		if n == 1 {
			time.Sleep(time.Second)
		}
		return http.StatusOK
	})
	config := w.config()
	config.AnswerWithin = 500 * time.Millisecond
	c := mustStart(t, config)
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)
	require.Zero(t, c.Attempts()[0].Status)
	require.Contains(t, c.Attempts()[0].Error, "Timeout")
	require.Equal(t, []string{"evt_1", "evt_1"}, hook.ids(), "the receiver has done the work twice")
}

func TestOnlyTheBeginningOfAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("x", 10_000)))
	}))
	t.Cleanup(hook.Close)
	w.put(shop, courier.Endpoint{URL: hook.URL})
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)
	require.Equal(t, strings.Repeat("x", 2048), c.Attempts()[0].Answer)
	require.True(t, c.Attempts()[0].Delivered())
}

func TestAnEventCanBeResentHoweverOften(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, nil)
	c := mustStart(t, w.config())
	c.Deliver("evt_1", paid, shop)
	mustBeIdle(t, c)
	c.Resend("evt_1", paid, shop)
	c.Resend("evt_1", paid, shop)
	mustBeIdle(t, c)
	require.Equal(t, []string{"evt_1", "evt_1", "evt_1"}, hook.ids())
	require.Equal(t, []string{"evt_1 we_shop"}, w.told(), "it is told once")
	c.Deliver("evt_2", paid, shop)
	mustBeIdle(t, c)
	require.Len(t, c.Attempts("evt_1"), 3)
	require.Len(t, c.Attempts("evt_1", "evt_2"), 4)
	require.Empty(t, c.Attempts("evt_3"))
}

func TestAnythingAtAllCanBeSent(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "not JSON \x00", `{"id":"evt_1","type":"a.b"}`} {
		t.Run(payload, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			hook := mustReceive(t, w, shop, nil)
			c := mustStart(t, w.config(faults.Rule{Fault: faults.Drop}))
			c.Send(shop, []byte(payload))
			require.Eventually(t, func() bool { return len(c.Attempts()) > 0 }, 5*time.Second, time.Millisecond)
			require.Equal(t, payload, hook.all()[0].payload)
			require.Equal(t, payload != "" && payload[0] == '{', c.Attempts()[0].EventID == "evt_1")
			require.Empty(t, w.told())
		})
	}
}

func TestAWaitCanBeCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld()
	hook := mustReceive(t, w, shop, busyUntil(2))
	config := w.config()
	config.RetryFirst = time.Hour
	config.RetryFor = 2 * time.Hour
	c := mustStart(t, config)
	c.Deliver("evt_1", paid, shop)
	require.Eventually(t, func() bool { return len(c.Attempts()) == 1 }, 5*time.Second, time.Millisecond)

	waiting := c.Undelivered()
	require.Len(t, waiting, 1)
	require.Equal(t, courier.Waiting, waiting[0].State)
	require.Equal(t, 1, waiting[0].Attempts)
	require.WithinDuration(t, time.Now().Add(time.Hour), waiting[0].Next, 13*time.Minute, "a fifth of jitter")

	require.False(t, c.RetryNow("evt_2", shop))
	require.False(t, c.RetryNow("evt_1", "we_other"))
	require.True(t, c.RetryNow("evt_1", shop))
	mustBeIdle(t, c)
	require.Len(t, hook.all(), 2)
	require.False(t, c.RetryNow("evt_1", shop))
}
