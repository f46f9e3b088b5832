package paymentfeed_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/paymentfeed"
	"twigz/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// patience is how long a test waits for what happens at once.
const patience = 20 * time.Second

// world is a feed that listens, and a way to the same database.
type world struct {
	*paymentfeed.Feed
	t    *testing.T
	db   *sql.DB
	logs *logs
	stop func() // ends the feed, and waits until it has ended
}

// listening is a feed that listens at the database behind url, by way of the
// address via ("" directly).
func listening(t *testing.T, database, via string) *world {
	t.Helper()
	w := &world{t: t, logs: &logs{}}
	var err error
	w.db, err = sql.Open("pgx", database)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.db.Close()) })
	if via != "" {
		parsed, err := url.Parse(database)
		require.NoError(t, err)
		parsed.Host = via
		database = parsed.String()
	}
	w.Feed = paymentfeed.New(database, slog.New(slog.NewJSONHandler(w.logs, nil)))
	w.PingEvery(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	w.stop = func() { cancel(); running.Wait() }
	t.Cleanup(w.stop)
	return w
}

// settled is a stream that has been woken by the listening's beginning, so that
// what it is told from now on is news.
func (w *world) settled(customerID, paymentID string) *paymentfeed.Stream {
	w.t.Helper()
	s, err := w.Open(customerID, paymentID)
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool {
		w.change(paymentID)
		return told(s, 50*time.Millisecond)
	}, patience, time.Millisecond)
	for told(s, 100*time.Millisecond) {
	}
	return s
}

// change tells of a payment as migration 3 does.
func (w *world) change(paymentID string) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), "SELECT pg_notify('payments', $1)", paymentID)
	require.NoError(w.t, err)
}

// kill ends the connection that listens, and says how many there were.
func (w *world) kill() (killed int) {
	w.t.Helper()
	const kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	require.NoError(w.t, w.db.QueryRowContext(w.t.Context(), kill).Scan(&killed))
	return killed
}

func told(s *paymentfeed.Stream, within time.Duration) bool {
	select {
	case <-s.Changed():
		return true
	case <-time.After(within):
		return false
	}
}

func TestWhoFollowsAPaymentIsToldThatItChanged(t *testing.T) {
	t.Parallel()
	w := listening(t, pgtest.NewURL(t), "")
	one, same, other := w.settled("eve", "pay_1"), w.settled("eve", "pay_1"), w.settled("eve", "pay_2")
	for told(one, 100*time.Millisecond) {
	}

	t.Run("and nobody else is", func(t *testing.T) {
		w.change("pay_1")
		assert.True(t, told(one, patience))
		assert.True(t, told(same, patience))
		assert.False(t, told(other, 100*time.Millisecond))
	})
	t.Run("once, however often it changed while nobody looked", func(t *testing.T) {
		for range 100 {
			w.change("pay_2")
		}
		w.change("pay_1")
		require.True(t, told(one, patience))
		require.True(t, told(other, patience))
		assert.False(t, told(other, 100*time.Millisecond))
	})
	t.Run("until it is closed", func(t *testing.T) {
		require.True(t, told(same, patience), "of what came before")
		same.Close()
		assert.Equal(t, 2, w.Streams())
		w.change("pay_1")
		assert.True(t, told(one, patience))
		assert.False(t, told(same, 100*time.Millisecond))
	})
	t.Run("and a payment that nobody follows disturbs nobody", func(t *testing.T) {
		for _, id := range []string{"pay_none", "", strings.Repeat("x", 7000)} {
			w.change(id)
		}
		assert.False(t, told(one, 100*time.Millisecond))
	})
}

func TestConnectionThatWasKilled(t *testing.T) {
	t.Parallel()
	w := listening(t, pgtest.NewURL(t), "")
	one, other := w.settled("eve", "pay_1"), w.settled("eve", "pay_2")
	require.Equal(t, 1, w.kill(), "one connection listens, however many follow")
	assert.True(t, told(one, patience), "something may have been missed")
	assert.True(t, told(other, patience))
	w.change("pay_1")
	assert.True(t, told(one, patience))
	assert.False(t, told(other, 100*time.Millisecond))
	assert.Equal(t, 1, strings.Count(w.logs.String(), "are not told to streams"))
	assert.Equal(t, 1, strings.Count(w.logs.String(), "told to streams again"))
}

func TestPostgresThatComesLater(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	parsed, err := url.Parse(database)
	require.NoError(t, err)
	way := newWay(t, parsed.Host)
	way.shut(true)
	w := listening(t, database, way.addr)
	s, err := w.Open("eve", "pay_1")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(w.logs.String(), "are not told to streams") }, patience, 10*time.Millisecond)
	way.shut(false)
	assert.True(t, told(s, patience))
	assert.NotContains(t, w.logs.String(), "password")
	w.change("pay_1")
	assert.True(t, told(s, patience))
}

func TestConnectionThatFellSilentIsNoticed(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	parsed, err := url.Parse(database)
	require.NoError(t, err)
	way := newWay(t, parsed.Host)
	w := listening(t, database, way.addr)
	s := w.settled("eve", "pay_1")
	way.swallow() // what is on its way, and all that follows on the old connection
	w.change("pay_1")
	assert.True(t, told(s, patience), "by a new connection")
	w.change("pay_1")
	assert.True(t, told(s, patience))
}

func TestThereIsRoomForSoMany(t *testing.T) {
	t.Parallel()
	feed := paymentfeed.New("", slog.New(slog.DiscardHandler))
	open := func(customerID string) (*paymentfeed.Stream, error) { return feed.Open(customerID, "pay_1") }
	var first *paymentfeed.Stream
	for i := range paymentfeed.MaxStreams {
		s, err := open(fmt.Sprint("customer ", i/paymentfeed.MaxOfCustomer))
		require.NoError(t, err)
		if first == nil {
			first = s
		}
	}
	_, err := open("customer 1")
	require.ErrorIs(t, err, paymentfeed.ErrTooMany, "a customer has so many")
	_, err = open("another")
	require.ErrorIs(t, err, paymentfeed.ErrFull, "a process has so many")
	first.Close()
	_, err = open("customer 1")
	require.ErrorIs(t, err, paymentfeed.ErrTooMany, "another's going makes no room for them")
	_, err = open("customer 0")
	require.NoError(t, err)
	assert.Equal(t, paymentfeed.MaxStreams, feed.Streams())
}

func TestFeedThatEndsLetsEverybodyGo(t *testing.T) {
	t.Parallel()
	w := listening(t, pgtest.NewURL(t), "")
	s := w.settled("eve", "pay_1")
	w.stop()
	<-s.Ended()
	s.Close()
	assert.Zero(t, w.Streams())
	_, err := w.Open("eve", "pay_1")
	require.ErrorIs(t, err, paymentfeed.ErrEnded)
	assert.Eventually(t, func() bool { return w.kill() == 0 }, patience, 10*time.Millisecond, "the connection is given back")
	assert.Empty(t, w.logs.String(), "an end is no fault")
}

// logs collects what the feed writes.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// way is a TCP connection's way to a server, which a test may shut, or let
// swallow what it carries without a word.
type way struct {
	t        *testing.T
	addr, to string

	mu     sync.Mutex
	closed bool
	silent []*bool // of each connection: it swallows
}

func newWay(t *testing.T, to string) *way {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	w := &way{t: t, addr: listener.Addr().String(), to: to}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(in)
		}
	}()
	return w
}

func (w *way) carry(in net.Conn) {
	defer in.Close() //nolint:errcheck // it goes either way
	w.mu.Lock()
	closed, silent := w.closed, new(bool)
	w.silent = append(w.silent, silent)
	w.mu.Unlock()
	if closed {
		return
	}
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.to)
	if err != nil {
		return
	}
	defer out.Close() //nolint:errcheck // it goes either way
	go w.pass(out, in, silent)
	w.pass(in, out, silent)
}

func (w *way) pass(to, from net.Conn, silent *bool) {
	part := make([]byte, 4096)
	for {
		n, err := from.Read(part)
		if err != nil {
			_ = to.Close()
			return
		}
		w.mu.Lock()
		swallowed := *silent
		w.mu.Unlock()
		if !swallowed {
			_, _ = to.Write(part[:n])
		}
	}
}

func (w *way) shut(closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = closed
}

func (w *way) swallow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, silent := range w.silent {
		*silent = true
	}
}
