package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models/migrations"
)

// ready checks what /ready says.
func (p *program) ready(status int, word, temporal, postgres string) {
	p.t.Helper()
	p.call(http.MethodGet, "/ready", "").is(status,
		fields{"status": word, "checks": fields{"temporal": temporal, "postgres": postgres}}.text())
}

// becomesReady waits until /ready says so: connections take a moment to mend.
func (p *program) becomesReady() {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		a := p.call(http.MethodGet, "/ready", "")
		return a.status == http.StatusOK && a.object()["status"] == "ok"
	}, 20*time.Second, 50*time.Millisecond)
}

func TestHealthSaysThatTheProcessIsUp(t *testing.T) {
	t.Parallel()
	a := start(t, nil).call(http.MethodGet, "/health", "")
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, "Twigz Backend is healthy!", a.body)
	assert.Equal(t, "text/plain; charset=utf-8", a.header.Get("Content-Type"))
}

func TestStripeConfigTellsThePublishableKeyAlone(t *testing.T) {
	t.Parallel()
	start(t, nil).call(http.MethodGet, "/stripe/config", "").is(http.StatusOK, `{"publishableKey":"pk_test_key"}`)
}

func TestReady(t *testing.T) {
	t.Parallel()

	t.Run("it is with both", func(t *testing.T) {
		t.Parallel()
		startWhole(t, nil).ready(http.StatusOK, "ok", "ok", "ok")
	})

	t.Run("it is down with neither", func(t *testing.T) {
		t.Parallel()
		start(t, nil).ready(http.StatusServiceUnavailable, "down", "down", "down")
	})

	t.Run("it is down with Temporal alone, if there never was a database", func(t *testing.T) {
		t.Parallel()
		startIngest(t, nil).ready(http.StatusServiceUnavailable, "down", "ok", "down")
	})

	t.Run("it is down with a database alone, if there never was a Temporal, until there is", func(t *testing.T) {
		t.Parallel()
		temporal := newFrontend(t)
		temporal.down()
		p := start(t, map[string]string{"DATABASE_URL": pgtest.NewURL(t), "TEMPORAL_ADDRESS": temporal.addr})
		p.ready(http.StatusServiceUnavailable, "down", "down", "ok")
		temporal.up()
		p.becomesReady()
	})

	t.Run("it is degraded without Temporal once both were up, and down without both", func(t *testing.T) {
		t.Parallel()
		temporal, at := newFrontend(t), parsed(t, pgtest.NewURL(t))
		way := newPassage(t, at.Host)
		at.Host = way.addr
		p := start(t, map[string]string{"DATABASE_URL": at.String(), "TEMPORAL_ADDRESS": temporal.addr})
		p.ready(http.StatusOK, "ok", "ok", "ok")
		temporal.down()
		p.ready(http.StatusOK, "degraded", "down", "ok")
		way.down()
		p.ready(http.StatusServiceUnavailable, "down", "down", "down")
		temporal.up()
		require.Eventually(t, func() bool {
			return p.call(http.MethodGet, "/ready", "").object()["status"] == "degraded"
		}, 20*time.Second, 50*time.Millisecond)
		p.ready(http.StatusOK, "degraded", "ok", "down")
		way.up()
		p.becomesReady()
	})

	t.Run("it is down while the database has no tables, and notices when it has", func(t *testing.T) {
		t.Parallel()
		at := pgtest.NewURL(t)
		db := openDB(t, at)
		_, err := db.SQL().ExecContext(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
		require.NoError(t, err)
		p := start(t, map[string]string{"DATABASE_URL": at, "TEMPORAL_ADDRESS": newFrontend(t).addr})
		p.ready(http.StatusServiceUnavailable, "down", "ok", "not migrated")
		require.NoError(t, migrations.Up(t.Context(), db.SQL()))
		p.ready(http.StatusOK, "ok", "ok", "ok")
	})

	t.Run("it is down while search attributes are missing, and notices when they are there", func(t *testing.T) {
		t.Parallel()
		temporal := newFrontend(t)
		temporal.down() // or it would not start
		p := start(t, map[string]string{"DATABASE_URL": pgtest.NewURL(t), "TEMPORAL_ADDRESS": temporal.addr})
		temporal.lack("StoreID")
		temporal.up()
		require.Eventually(t, func() bool {
			checks, _ := p.call(http.MethodGet, "/ready", "").object()["checks"].(map[string]any)
			return checks["temporal"] != "down"
		}, 20*time.Second, 50*time.Millisecond)
		p.ready(http.StatusServiceUnavailable, "down", "search attributes missing", "ok")
		temporal.lack()
		p.ready(http.StatusOK, "ok", "ok", "ok")
	})
}

func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	refusal := func(t *testing.T, changes map[string]string) (string, *logs) {
		t.Helper()
		env, out := settingsOf(changes), &logs{}
		err := run(t.Context(), func(name string) string { return env[name] }, out)
		require.Error(t, err)
		for _, line := range out.lines(t) {
			assert.NotEqual(t, "listening", line["msg"])
		}
		return err.Error(), out
	}

	t.Run("beside a namespace that lacks search attributes, with what to run", func(t *testing.T) {
		t.Parallel()
		temporal := newFrontend(t)
		temporal.lack("Livemode", "CustomerID")
		said, _ := refusal(t, map[string]string{"TEMPORAL_ADDRESS": temporal.addr, "TEMPORAL_NAMESPACE": "shop"})
		assert.Equal(t, `Temporal's namespace lacks search attributes, make them with:
  temporal operator search-attribute create --namespace shop --name CustomerID --type Keyword
  temporal operator search-attribute create --namespace shop --name Livemode --type Bool`, said)
	})

	t.Run("at a port that is taken, with the setting to change", func(t *testing.T) {
		t.Parallel()
		taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close() //nolint:errcheck // it served its purpose
		for _, setting := range []string{"API_ADDR", "METRICS_ADDR"} {
			said, _ := refusal(t, map[string]string{setting: taken.Addr().String()})
			assert.Contains(t, said, setting+": listen tcp "+taken.Addr().String())
			assert.Contains(t, said, "in use")
		}
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	reached, goOn := make(chan struct{}), make(chan struct{})
	p.temporal.refuse(func(context.Context) error { close(reached); <-goOn; return nil })
	slow := succeeded()
	answered := make(chan answer, 1)
	go func() { answered <- p.deliver(slow.text()) }()
	<-reached

	// A connection that is open and idle, and one that is half way through a request.
	addr := strings.TrimPrefix(p.url, "http://")
	late, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	defer late.Close() //nolint:errcheck // read to its end
	_, err = io.WriteString(late, "GET /ready HTTP/1.1\r\nHost: x\r\n")
	require.NoError(t, err)
	time.Sleep(50 * time.Millisecond) // until the server has taken it up

	p.cancel()
	require.Eventually(t, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, 10*time.Millisecond, "new connections are refused")

	_, err = io.WriteString(late, "\r\n")
	require.NoError(t, err)
	if response, err := http.ReadResponse(bufio.NewReader(late), nil); err == nil { // else it was closed, which is as good
		a := read(t, response)
		assert.Equal(t, http.StatusServiceUnavailable, a.status, "a balancer that asks is told to go elsewhere")
	}

	select {
	case err := <-p.ended:
		t.Fatalf("it ended before the request in flight did: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	close(goOn)
	(<-answered).is(http.StatusOK, received(slow.id(), "run-1", false))
	p.held = true
	require.NoError(t, <-p.ended)
	assert.Contains(t, p.logs.String(), "stopping")
}

func TestMetrics(t *testing.T) {
	t.Parallel()

	t.Run("count webhooks by type and outcome", func(t *testing.T) {
		t.Parallel()
		p := startIngest(t, nil)
		e := succeeded()
		p.deliver(e.text())
		p.deliver(e.text())
		p.deliver(succeeded().with(fields{"livemode": true}).text())
		p.deliver(succeeded().with(fields{"account": "acct_1"}).text())
		p.deliver(event("customer.created", fields{}).text())
		for i := range 20 {
			p.deliver(event(fmt.Sprintf("made.up.%d", i), fields{}).text())
		}
		p.deliver("{}")
		p.post(succeeded().text(), "t=1,v1=00")
		p.deliver(strings.Repeat("x", 600<<10))
		p.temporal.refuseWith(7)
		failed := succeeded()
		p.deliver(failed.text())

		var counted []string
		text := scrape(t, p.program)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "twigz_webhook_requests_total{") {
				counted = append(counted, strings.TrimSpace(strings.TrimPrefix(line, "twigz_webhook_requests_total")))
			}
		}
		assert.ElementsMatch(t, []string{
			`{event_type="payment_intent.succeeded",outcome="started"} 1`,
			`{event_type="payment_intent.succeeded",outcome="duplicate"} 1`,
			`{event_type="payment_intent.succeeded",outcome="ignored_livemode"} 1`,
			`{event_type="payment_intent.succeeded",outcome="ignored_account"} 1`,
			`{event_type="payment_intent.succeeded",outcome="failed"} 1`,
			`{event_type="other",outcome="unsupported"} 21`,
			`{event_type="unknown",outcome="invalid_payload"} 1`,
			`{event_type="unknown",outcome="invalid_signature"} 1`,
			`{event_type="unknown",outcome="too_large"} 1`,
		}, counted)
		assert.Contains(t, text, `twigz_webhook_duration_seconds_count{event_type="payment_intent.succeeded",outcome="started"} 1`)
		assert.Contains(t, text, "go_goroutines")
		assert.NotContains(t, text, "evt_")
		assert.NotContains(t, text, "pi_1")
	})

	t.Run("are off without an address", func(t *testing.T) {
		t.Parallel()
		p := start(t, map[string]string{"METRICS_ADDR": ""})
		assert.Equal(t, http.StatusNotFound, p.call(http.MethodGet, "/metrics", "").status)
		assert.NotContains(t, p.logs.String(), "METRICS_ADDR")
	})
}

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}
