package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

const noPayment = `{"error":"Payment not found"}`

// process makes a payment of one loaf that Stripe is still at, as a worker
// would, and returns its ID.
func (w whole) process(customerID, intentID string) string {
	w.t.Helper()
	due := int64(600 + 399)
	_, err := w.db.RecordPaymentState(w.t.Context(), models.Event{
		ID: "evt_processing_" + intentID, Type: "payment_intent.processing", Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: intentID, Amount: &due, Currency: "usd",
		Metadata: models.Metadata{"customerId": customerID, "storeId": "bakery", "deliveryType": "pickup"},
	}, models.PaymentProcessing)
	require.NoError(w.t, err)
	return w.paymentID(intentID)
}

// paymentID is our name for a payment intent.
func (w whole) paymentID(intentID string) string {
	w.t.Helper()
	detail, err := w.db.PaymentDetail(w.t.Context(), intentID, func(string) string { return "" })
	require.NoError(w.t, err)
	return detail.Payment.PaymentID
}

// events is an open stream, as a client reads it.
type events struct {
	t        *testing.T
	kind     string // the events' name
	response *http.Response
	lines    *bufio.Scanner
	leave    context.CancelFunc
}

// listen opens a stream of a payment's events.
func (p *program) listen(paymentID string, headers ...string) *events {
	p.t.Helper()
	return p.listenTo("payment", "/payments/"+paymentID+"/events", headers...)
}

// listenTo opens a stream and expects it to be one.
func (p *program) listenTo(kind, path string, headers ...string) *events {
	p.t.Helper()
	ctx, leave := context.WithTimeout(p.t.Context(), time.Minute)
	p.t.Cleanup(leave)
	response, err := p.client.Do(p.request(ctx, path, headers...))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(p.t, http.StatusOK, response.StatusCode)
	return &events{t: p.t, kind: kind, response: response, lines: bufio.NewScanner(response.Body), leave: leave}
}

func (p *program) eventsRequest(ctx context.Context, paymentID string, headers ...string) *http.Request {
	p.t.Helper()
	return p.request(ctx, "/payments/"+paymentID+"/events", headers...)
}

func (p *program) request(ctx context.Context, path string, headers ...string) *http.Request {
	p.t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, http.NoBody)
	require.NoError(p.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request
}

// next is the next event, comments left out; ok is false at the stream's end.
func (e *events) next() (found map[string]string, ok bool) {
	found = map[string]string{}
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ":")
		switch {
		case e.lines.Text() == "" && len(found) > 0:
			return found, true
		case name != "":
			found[name] = strings.TrimPrefix(value, " ")
		}
	}
	return nil, false
}

// is expects the next event to tell of this status, and returns its ID.
func (e *events) is(status string) string {
	e.t.Helper()
	event, ok := e.next()
	require.True(e.t, ok, "the stream has ended: %v", e.lines.Err())
	assert.Equal(e.t, e.kind, event["event"])
	assert.Equal(e.t, status, answer{t: e.t, body: event["data"]}.object()["status"])
	assert.NotEmpty(e.t, event["id"])
	return event["id"]
}

// ends expects the stream's end, whole and without an event before it.
func (e *events) ends() {
	e.t.Helper()
	event, ok := e.next()
	assert.False(e.t, ok, event)
	assert.NoError(e.t, e.lines.Err(), "it ends as an answer should")
}

func TestPayment(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	me := as(t, eve)
	id := p.process(eve, "pi_1")

	t.Run("is shown to its customer", func(t *testing.T) {
		p.call(http.MethodGet, "/payments/"+id, "", me...).is(http.StatusOK, fields{
			"paymentId": id, "status": "processing", "amount": 999, "currency": "usd",
		}.text())
	})
	t.Run("is shown with its order, once there is one", func(t *testing.T) {
		f := p.buy(eve, "pi_1", 1)
		order := p.call(http.MethodGet, "/orders/"+f.OrderID, "", me...).object()
		p.call(http.MethodGet, "/payments/"+id, "", me...).is(http.StatusOK, fields{
			"paymentId": id, "status": "paid", "amount": 999, "currency": "usd", "orderId": f.OrderID, "order": order,
		}.text())
	})
	t.Run("is not there for anybody else, nor by another name, nor as a stream", func(t *testing.T) {
		for _, path := range []string{"", "/events"} {
			p.call(http.MethodGet, "/payments/"+id+path, "", as(t, "mallory")...).is(http.StatusNotFound, noPayment)
			for _, name := range []string{"pay_none", "pi_1", "%00", "%FF", "a%2Fb", strings.Repeat("a", 3000)} {
				p.call(http.MethodGet, "/payments/"+name+path, "", me...).is(http.StatusNotFound, noPayment)
			}
			p.call(http.MethodGet, "/payments/"+id+path, "").is(http.StatusUnauthorized, unauthorizedBody)
			p.call(http.MethodGet, "/payments/"+id+path, "", bearerOf(supportToken)...).is(http.StatusUnauthorized, unauthorizedBody)
		}
	})
}

func TestPaymentEvents(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	me := as(t, eve)

	t.Run("come at once and at each change, until nothing more is expected", func(t *testing.T) {
		id := p.process(eve, "pi_live")
		stream := p.listen(id, me...)
		assert.Equal(t, "text/event-stream", stream.response.Header.Get("Content-Type"))
		assert.Equal(t, "no-store", stream.response.Header.Get("Cache-Control"))
		assert.Equal(t, "no", stream.response.Header.Get("X-Accel-Buffering"))
		assert.Equal(t, "*", stream.response.Header.Get("Access-Control-Allow-Origin"))
		assert.NotEmpty(t, stream.response.Header.Get("X-Request-Id"))
		stream.is("processing")
		p.buy(eve, "pi_live", 1)
		stream.is("paid")
		stream.ends()
	})
	t.Run("say what the plain call says", func(t *testing.T) {
		p.buy(eve, "pi_same", 2)
		id := p.paymentID("pi_same")
		event, ok := p.listen(id, me...).next()
		require.True(t, ok)
		p.call(http.MethodGet, "/payments/"+id, "", me...).is(http.StatusOK, event["data"])
	})
	t.Run("end at once where nothing more is expected", func(t *testing.T) {
		p.buy(eve, "pi_over", 1)
		id := p.paymentID("pi_over")
		stream := p.listen(id, me...)
		last := stream.is("paid")
		stream.ends()
		for query, headers := range map[string][]string{"": append([]string{"Last-Event-ID", last}, me...), "?after=" + last: me} {
			a := p.call(http.MethodGet, "/payments/"+id+"/events"+query, "", headers...)
			assert.Equal(t, http.StatusNoContent, a.status, "who has the last one need not ask again")
			assert.Empty(t, a.body)
		}
	})
	t.Run("are not repeated to who was cut off, but for what they missed", func(t *testing.T) {
		id := p.process(eve, "pi_cut")
		first := p.listen(id, me...)
		has := first.is("processing")
		first.leave()
		again := p.listen(id, append([]string{"Last-Event-ID", has}, me...)...)
		p.buy(eve, "pi_cut", 1)
		again.is("paid")
		again.ends()
		missed := p.listen(id, append([]string{"Last-Event-ID", has}, me...)...)
		missed.is("paid")
		missed.ends()
	})
	t.Run("come from a refused attempt, too, and it may still be paid", func(t *testing.T) {
		id := p.process(eve, "pi_refused")
		stream := p.listen(id, me...)
		stream.is("processing")
		due := int64(999)
		_, err := p.db.RecordPaymentState(t.Context(), models.Event{
			ID: "evt_refused", Type: "payment_intent.payment_failed", Created: 1_700_000_000, PaymentIntentID: "pi_refused", Amount: &due, Currency: "usd",
		}, models.PaymentFailed)
		require.NoError(t, err)
		stream.is("failed")
		p.buy(eve, "pi_refused", 1)
		stream.is("paid")
		stream.ends()
	})
	t.Run("of a payment that changes while the first is written are not lost", func(t *testing.T) {
		for i := range 20 {
			intent := fmt.Sprint("pi_race_", i)
			id := p.process("racer", intent)
			request := p.eventsRequest(t.Context(), id, as(t, "racer")...)
			var text []byte
			var reading sync.WaitGroup
			reading.Go(func() {
				response, err := p.client.Do(request)
				if assert.NoError(t, err) {
					text, err = io.ReadAll(response.Body) // it ends by itself
					assert.NoError(t, err)
					assert.NoError(t, response.Body.Close())
				}
			})
			p.buy("racer", intent, 1)
			reading.Wait()
			events := strings.Split(strings.TrimSpace(string(text)), "\n\n")
			assert.Contains(t, events[len(events)-1], `"status":"paid"`)
		}
	})
	t.Run("are for so many streams of a customer, and a place is free again when one goes", func(t *testing.T) {
		id := p.process("busy", "pi_busy")
		busy := as(t, "busy")
		streams := make([]*events, 20)
		for i := range streams {
			streams[i] = p.listen(id, busy...)
			streams[i].is("processing")
		}
		full := p.call(http.MethodGet, "/payments/"+id+"/events", "", busy...)
		full.is(http.StatusTooManyRequests, `{"error":"Too many open streams","retryAfter":5}`)
		assert.Equal(t, "5", full.header.Get("Retry-After"))
		other := p.process("calm", "pi_calm")
		p.listen(other, as(t, "calm")...).is("processing")

		streams[0].leave()
		require.Eventually(t, func() bool {
			response, err := p.client.Do(p.eventsRequest(t.Context(), id, busy...))
			require.NoError(t, err)
			defer response.Body.Close() //nolint:errcheck // only its status is wanted
			return response.StatusCode == http.StatusOK
		}, 10*time.Second, 20*time.Millisecond)
	})
}

func TestStreamsAreCounted(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	counted := func() string {
		for line := range strings.Lines(scrape(t, p.program)) {
			if value, ok := strings.CutPrefix(line, "twigz_payment_streams "); ok {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	require.Equal(t, "0", counted())
	stream := p.listen(p.process(eve, "pi_1"), as(t, eve)...)
	stream.is("processing")
	assert.Equal(t, "1", counted())
	stream.leave()
	assert.Eventually(t, func() bool { return counted() == "0" }, 10*time.Second, 10*time.Millisecond, "one whose client has gone is closed")
}

func TestStreamsOfAProgramThatIsStopped(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	streams := make([]*events, 5)
	id := p.process(eve, "pi_1")
	for i := range streams {
		streams[i] = p.listen(id, as(t, eve)...)
		streams[i].is("processing")
	}
	began := time.Now()
	require.NoError(t, p.stop())
	assert.Less(t, time.Since(began), 3*time.Second, "nobody waits for a stream")
	for _, stream := range streams {
		stream.ends()
	}
}

func TestStreamsWhosePostgresConnectionIsKilled(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	id := p.process(eve, "pi_1")
	stream := p.listen(id, as(t, eve)...)
	stream.is("processing")
	const all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	_, err := p.db.SQL().ExecContext(t.Context(), all)
	require.NoError(t, err)
	p.buy(eve, "pi_1", 1) // at once, so that nobody may be listening
	stream.is("paid")
	stream.ends()
}

// streaming is the API's routes behind a listener, with a feed, a database and
// nothing else, and times as the test wants them.
func streaming(t *testing.T, change func(*server, *http.Server)) (whole, *server) {
	t.Helper()
	database := pgtest.NewURL(t)
	env := settingsOf(map[string]string{"DATABASE_URL": database})
	config, err := readConfig(func(name string) string { return env[name] })
	require.NoError(t, err)
	s := newServer(config, slog.New(slog.DiscardHandler), openDB(t, database), nil)
	site := s.newHTTPServer("127.0.0.1:0", s.routes())
	change(s, site)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", site.Addr)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { s.payments.Run(ctx) })
	running.Go(func() { assert.ErrorIs(t, site.Serve(listener), http.ErrServerClosed) })
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		stop()
		client.CloseIdleConnections()
		assert.NoError(t, site.Shutdown(context.WithoutCancel(t.Context())))
		running.Wait()
	})
	w := whole{program: &program{t: t, url: "http://" + listener.Addr().String(), client: client}, db: openDB(t, database)}
	w.putStore("bakery")
	w.putProduct("bakery", "loaf", 600, nil)
	return w, s
}

func TestStreamsOutliveTheLimitsOfOtherCalls(t *testing.T) {
	t.Parallel()
	p, _ := streaming(t, func(s *server, site *http.Server) {
		site.ReadTimeout, site.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
		s.streams.heartbeat = 50 * time.Millisecond
	})
	stream := p.listen(p.process(eve, "pi_1"), as(t, eve)...)
	stream.is("processing")
	began, beats := time.Now(), 0
	for time.Since(began) < time.Second && stream.lines.Scan() {
		if stream.lines.Text() == ":" {
			beats++
		}
	}
	assert.Greater(t, beats, 10, "signs of life")
	p.buy(eve, "pi_1", 1)
	stream.is("paid")
	stream.ends()
}

func TestStreamIsToBeOpenedAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	p, s := streaming(t, func(s *server, _ *http.Server) { s.streams.longest = 200 * time.Millisecond })
	stream := p.listen(p.process(eve, "pi_1"), as(t, eve)...)
	stream.is("processing")
	stream.ends()
	assert.Zero(t, s.payments.Streams())
}

func TestNoRoomForAStream(t *testing.T) {
	t.Parallel()
	p, s := streaming(t, func(*server, *http.Server) {})
	id := p.process(eve, "pi_1")
	for i := range 1000 {
		_, err := s.payments.Open(fmt.Sprint(i), "pay_x")
		require.NoError(t, err)
	}
	a := p.call(http.MethodGet, "/payments/"+id+"/events", "", as(t, eve)...)
	a.is(http.StatusServiceUnavailable, `{"error":"Service temporarily unavailable","retryAfter":5}`)
	assert.Equal(t, "5", a.header.Get("Retry-After"))
	assert.Equal(t, http.StatusOK, p.call(http.MethodGet, "/payments/"+id, "", as(t, eve)...).status, "the plain call is answered")
}

// TestFiveHundredIdleStreamsAskNothing also prints what they take.
func TestFiveHundredIdleStreamsAskNothing(t *testing.T) {
	t.Parallel()
	p, s := streaming(t, func(*server, *http.Server) {})
	const streams, ofOne = 500, 20
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	followed := p.process(eve, "pi_followed")
	var open []*events
	for i := range streams / ofOne {
		customer := fmt.Sprint("customer ", i)
		id := p.process(customer, fmt.Sprint("pi_", i))
		for range ofOne {
			stream := p.listen(id, as(t, customer)...)
			stream.is("processing")
			open = append(open, stream)
		}
	}
	one := p.listen(followed, as(t, eve)...)
	one.is("processing")
	runtime.GC()
	runtime.ReadMemStats(&after)

	// A pool that keeps no connection opens and closes one for every query.
	pool := s.db.SQL()
	pool.SetMaxIdleConns(0)
	queries := func() int64 { return pool.Stats().MaxIdleClosed }
	require.Eventually(t, func() bool { return pool.Stats().InUse == 0 }, 10*time.Second, 10*time.Millisecond)
	beforeIdle := queries()
	time.Sleep(2 * time.Second)
	idle := queries() - beforeIdle
	assert.Zero(t, idle, "queries while nothing happens")

	var others atomic.Int64
	for _, stream := range open {
		go func() {
			if _, ok := stream.next(); ok {
				others.Add(1)
			}
		}()
	}
	began := time.Now()
	p.buy(eve, "pi_followed", 1)
	bought := time.Since(began)
	one.is("paid")
	seen := time.Since(began)
	one.ends()
	changed := queries() - beforeIdle - idle
	assert.LessOrEqual(t, changed, int64(20), "only the one that changed is looked at")
	assert.Zero(t, others.Load())
	assert.Equal(t, streams, s.payments.Streams())
	t.Logf("%d idle streams: %d queries in 2 s, %d KB a stream, client's side included; order made in %v, its event read %v after that, by %d queries",
		streams, idle, (after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/streams/1024,
		bought.Round(time.Millisecond), (seen - bought).Round(100*time.Microsecond), changed)
}
