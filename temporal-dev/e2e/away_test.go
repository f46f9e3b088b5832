package e2e_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Events that come while Temporal is away are kept in Postgres, and make their
// orders when it is back, as if nothing had been.
func TestEventsWhileTemporalIsAwayMakeTheirOrdersLater(t *testing.T) {
	t.Parallel()
	way := newBridge(t, built.temporal.FrontendHostPort())
	w, id := newWorld(t, func(w *world) { w.temporal = way.addr }), ids(t)
	way.cut()
	began := time.Now()
	answer := w.accept(id("evt_i"), "payment_intent.succeeded", intent(id("pi"), nil))
	assert.Less(t, time.Since(began), 9*time.Second, "Stripe Checkout waits ten seconds")
	assert.Equal(t, map[string]any{
		"received": true, "eventId": id("evt_i"), "workflowId": id("evt_i"), "queued": true, "duplicate": false,
	}, answer)
	assert.Equal(t, true, w.accept(id("evt_i"), "payment_intent.succeeded", intent(id("pi"), nil))["duplicate"])
	w.accept(id("evt_s"), "checkout.session.completed", session(id("cs"), id("pi"), nil))
	status, ready := w.call(http.MethodGet, "/ready", "", nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "degraded", ready["status"])
	assert.Empty(t, w.orders())

	way.mend()
	w.closed(id("evt_i"))
	w.closed(id("evt_s"))
	w.fulfilledOnce(id("pi"))
	w.until("webhooks go straight to Temporal again", func() bool {
		return w.accept(id("evt_i"), "payment_intent.succeeded", intent(id("pi"), nil))["runId"] != nil
	})
}

// bridge is a TCP connection's way to a server that a test may cut and mend.
type bridge struct {
	t        *testing.T
	addr, to string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newBridge(t *testing.T, to string) *bridge {
	t.Helper()
	b := &bridge{t: t, addr: "127.0.0.1:0", to: to}
	b.mend()
	t.Cleanup(b.cut)
	return b
}

// mend takes connections, at the same address every time.
func (b *bridge) mend() {
	b.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.t.Context(), "tcp", b.addr)
	require.NoError(b.t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listener, b.addr = listener, listener.Addr().String()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go b.carry(in)
		}
	}()
}

func (b *bridge) carry(in net.Conn) {
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", b.to)
	if err != nil {
		_ = in.Close()
		return
	}
	b.mu.Lock()
	b.open = append(b.open, in, out)
	b.mu.Unlock()
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
	_ = in.Close()
}

// cut ends every connection and takes no new ones.
func (b *bridge) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.listener.Close()
	for _, conn := range b.open {
		_ = conn.Close()
	}
	b.open = nil
}
