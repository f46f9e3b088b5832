package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"twigz/internal/pgtest"
	"twigz/models"
)

// queued is the answer to an event that Postgres keeps until Temporal is back.
func queued(eventID string, duplicate bool) string {
	return fields{"received": true, "eventId": eventID, "workflowId": eventID, "queued": true, "duplicate": duplicate}.text()
}

// waiting is how many workflows are in the inbox.
func (w whole) waiting() int64 {
	w.t.Helper()
	count, _, err := w.db.InboxState(w.t.Context())
	require.NoError(w.t, err)
	return count
}

// drained waits until nothing is in the inbox any more.
func (w whole) drained() {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.waiting() == 0 }, 30*time.Second, 20*time.Millisecond)
}

// hang makes Temporal take starts and answer none.
func (f *frontend) hang() {
	f.refuse(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
}

func TestWebhookWhileTemporalIsAway(t *testing.T) {
	t.Parallel()

	t.Run("is kept in Postgres, and starts once Temporal is back", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, nil)
		before, during := succeeded(), event("checkout.session.completed", session)
		p.deliver(before.text()).is(http.StatusOK, received(before.id(), "run-1", false))
		p.temporal.down()
		began := time.Now()
		p.deliver(during.text()).is(http.StatusOK, queued(during.id(), false))
		assert.Less(t, time.Since(began), 9*time.Second)
		for range 3 {
			p.deliver(during.text()).is(http.StatusOK, queued(during.id(), true))
		}
		assert.EqualValues(t, 1, p.waiting())
		p.ready(http.StatusServiceUnavailable, "down", "down", "ok") // nobody had asked before

		p.temporal.up()
		p.drained()
		require.Len(t, p.temporal.started(), 2)
		r := p.temporal.started()[1]
		assert.Equal(t, during.id(), r.GetWorkflowId())
		assert.Equal(t, "FulfillOrder", r.GetWorkflowType().GetName())
		assert.Equal(t, models.OrderID("pi_1", "cs_1"), decoded(t, r.GetSearchAttributes().GetIndexedFields())["OrderID"])
		p.deliver(during.text()).is(http.StatusOK, received(during.id(), "run-2", true))
	})

	t.Run("one that Temporal had all the same is a duplicate there", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, nil)
		e := succeeded()
		p.deliver(e.text()).is(http.StatusOK, received(e.id(), "run-1", false))
		p.temporal.refuseWith(codes.Unavailable)
		p.deliver(e.text()).is(http.StatusOK, queued(e.id(), false))
		p.temporal.refuse(nil)
		p.drained()
		assert.Len(t, p.temporal.started(), 1)
	})

	for code, passing := range map[codes.Code]bool{
		codes.Unavailable: true, codes.ResourceExhausted: true, codes.DeadlineExceeded: true, codes.Canceled: true,
		codes.PermissionDenied: false, codes.InvalidArgument: false, codes.Internal: false,
	} {
		t.Run("when it says "+code.String(), func(t *testing.T) {
			t.Parallel()
			p := startWhole(t, nil)
			p.temporal.refuseWith(code)
			e := succeeded()
			a := p.deliver(e.text())
			if !passing {
				a.is(http.StatusInternalServerError, fields{"error": "Webhook processing failed", "eventId": e.id()}.text())
				assert.Zero(t, p.waiting())
				return
			}
			a.is(http.StatusOK, queued(e.id(), false))
			assert.EqualValues(t, 1, p.waiting())
			lines := p.logs.about(t, e.id())
			require.Len(t, lines, 1, "one log line names the event")
			assert.Equal(t, "WARN", lines[0]["level"])
			assert.Equal(t, "queued", lines[0]["outcome"])
			assert.NotEmpty(t, lines[0]["error"])
			assert.Contains(t, scrape(t, p.program), `twigz_webhook_requests_total{event_type="payment_intent.succeeded",outcome="queued"} 1`)
		})
	}

	t.Run("many that come after the first do not wait for it each", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, nil)
		p.temporal.hang()
		p.deliver(succeeded().text())
		began := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				e := succeeded()
				p.deliver(e.text()).is(http.StatusOK, queued(e.id(), false))
			})
		}
		wg.Wait()
		assert.Less(t, time.Since(began), 2*time.Second)
		p.temporal.refuse(nil)
		p.drained()
		assert.Len(t, p.temporal.started(), 21)
	})

	t.Run("a sender who hangs up does not make Temporal look away", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, nil)
		reached := make(chan struct{})
		p.temporal.refuse(func(ctx context.Context) error { close(reached); <-ctx.Done(); return ctx.Err() })
		e := succeeded()
		impatient, hangUp := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(impatient, http.MethodPost, p.url+"/stripe/webhook", strings.NewReader(e.text()))
		require.NoError(t, err)
		request.Header.Set("Stripe-Signature", signature(e.text(), webhookSecret, time.Now()))
		go func() { <-reached; hangUp() }()
		_, err = p.client.Do(request) //nolint:bodyclose // nothing came
		require.ErrorIs(t, err, context.Canceled)
		require.Eventually(t, func() bool { return len(p.logs.about(t, e.id())) == 1 }, 10*time.Second, 5*time.Millisecond)
		p.temporal.refuse(nil)
		p.deliver(e.text()).is(http.StatusOK, received(e.id(), "run-1", false))
	})
}

func TestWebhookWhileTemporalAndPostgresAreAway(t *testing.T) {
	t.Parallel()

	t.Run("is Stripe's to send again, and nothing is kept", func(t *testing.T) {
		t.Parallel()
		temporal, at := newFrontend(t), parsed(t, pgtest.NewURL(t))
		w := whole{temporal: temporal, db: openDB(t, at.String())}
		way := newPassage(t, at.Host)
		at.Host = way.addr
		w.program = start(t, map[string]string{"DATABASE_URL": at.String(), "TEMPORAL_ADDRESS": temporal.addr})
		w.ready(http.StatusOK, "ok", "ok", "ok")
		temporal.down()
		way.down()
		e := succeeded()
		a := w.deliver(e.text())
		a.is(http.StatusServiceUnavailable, unavailable)
		assert.Equal(t, "30", a.header.Get("Retry-After"))
		assert.Zero(t, w.waiting())
		assert.Contains(t, scrape(t, w.program), `outcome="unavailable"} 1`)

		way.up()
		require.Eventually(t, func() bool { return w.deliver(e.text()).status == http.StatusOK }, 20*time.Second, 100*time.Millisecond)
		assert.EqualValues(t, 1, w.waiting())
		temporal.up()
		w.drained()
		assert.Len(t, temporal.started(), 1)
	})

	t.Run("is answered in time when both hang", func(t *testing.T) {
		t.Parallel()
		temporal := newFrontend(t)
		temporal.hang()
		silent := newSilence(t)
		p := start(t, map[string]string{
			"TEMPORAL_ADDRESS": temporal.addr, "DATABASE_URL": "postgres://nobody:hunter2@" + silent + "/none?sslmode=disable",
		})
		for range 2 {
			began := time.Now()
			p.deliver(succeeded().text()).is(http.StatusServiceUnavailable, unavailable)
			assert.Less(t, time.Since(began), 9*time.Second)
		}
	})
}

// newSilence is the address of a server that takes connections and says nothing.
func newSilence(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return listener.Addr().String()
}
