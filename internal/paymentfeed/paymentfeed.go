// Package paymentfeed tells whoever follows a payment, or a customer's
// subscriptions, that there is a change.
//
// Postgres tells of every change on the channel "payments" by a key alone: a
// payment's ID (migration 3), or "subscription:" and the ID of the customer whose
// subscriptions have changed (migration 4). One connection of each process listens,
// apart from the pool, and a Feed passes the word on to the streams that follow the
// key. A stream costs a map entry and a channel: no connection, and no query while
// nothing happens.
//
// What was missed while that connection was away is not known, so each time it
// listens again every stream is woken. A wake is not a fact but a reason to look:
// several become one when the reader is slow, and one too many does no harm. Who
// opens a stream first and reads what it follows afterwards misses nothing.
package paymentfeed

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxStreams is how many streams a process keeps open. Each holds a client's
	// connection and a goroutine, about 40 KB.
	maxStreams = 1000
	// maxOfCustomer is how many of them one customer may have: tabs and devices, and
	// not the whole room.
	maxOfCustomer = 20
)

// The reasons for which a stream is not opened.
var (
	ErrFull    = errors.New("as many streams are open as there may be")
	ErrTooMany = errors.New("as many streams of one customer are open as there may be")
	ErrEnded   = errors.New("no stream is opened any more")
)

// Feed knows who follows what. It is safe for concurrent use.
type Feed struct {
	url  string
	log  *slog.Logger
	ping time.Duration // between two looks whether a silent connection is alive; each may take as long again

	mu       sync.Mutex
	streams  map[string]map[*Stream]bool // by key; no empty ones
	open     int
	ofOne    map[string]int // open streams by customer ID; no zeros
	over     bool           // Run has ended: nobody would be told
	ended    chan struct{}  // closed then
	awaySaid bool           // the log has been told that the connection is away; touched by Run alone
}

// New makes a feed that will listen at the Postgres at url, once it runs.
func New(url string, log *slog.Logger) *Feed {
	return &Feed{
		url: url, log: log, ping: 7 * time.Second,
		streams: map[string]map[*Stream]bool{}, ofOne: map[string]int{}, ended: make(chan struct{}),
	}
}

// Stream is one follower of one key.
type Stream struct {
	feed            *Feed
	customerID, key string
	changed         chan struct{}
}

// PaymentKey is the key under which a payment's changes are told.
func PaymentKey(paymentID string) string { return paymentID }

// SubscriptionKey is the key under which changes of a customer's subscriptions are
// told.
func SubscriptionKey(customerID string) string { return "subscription:" + customerID }

// Open starts to follow a key on a customer's behalf, whether what it names is there
// or not. It fails with ErrTooMany, ErrFull or ErrEnded.
func (f *Feed) Open(customerID, key string) (*Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.over:
		return nil, ErrEnded
	case f.ofOne[customerID] >= maxOfCustomer:
		return nil, ErrTooMany
	case f.open >= maxStreams:
		return nil, ErrFull
	}
	s := &Stream{feed: f, customerID: customerID, key: key, changed: make(chan struct{}, 1)}
	if f.streams[key] == nil {
		f.streams[key] = map[*Stream]bool{}
	}
	f.streams[key][s] = true
	f.open++
	f.ofOne[customerID]++
	return s, nil
}

// Changed tells that what is followed may have changed since it was last received
// from, however often.
func (s *Stream) Changed() <-chan struct{} { return s.changed }

// Ended is closed when the feed has ended and nothing will be told any more.
func (s *Stream) Ended() <-chan struct{} { return s.feed.ended }

// Close stops following. It may be called once.
func (s *Stream) Close() {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.streams[s.key], s)
	if len(f.streams[s.key]) == 0 {
		delete(f.streams, s.key)
	}
	f.open--
	if f.ofOne[s.customerID]--; f.ofOne[s.customerID] == 0 {
		delete(f.ofOne, s.customerID)
	}
}

// Streams is how many are open.
func (f *Feed) Streams() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

// tell wakes those who follow a key.
func (f *Feed) tell(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams[key] {
		s.wake()
	}
}

// tellAll wakes everybody.
func (f *Feed) tellAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, following := range f.streams {
		for s := range following {
			s.wake()
		}
	}
}

func (s *Stream) wake() {
	select {
	case s.changed <- struct{}{}:
	default: // it is about to look anyway
	}
}

// end lets every stream go, and opens no more.
func (f *Feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	close(f.ended)
}
