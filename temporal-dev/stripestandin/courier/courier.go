// Package courier delivers events as Stripe does: signed anew at each attempt, again and again until the answer is 2xx, and
// with whatever goes wrong on the way.
//
//	Deliver ─▶ fault? ─┬─ none, bad signature ─────────▶ ┌─ lane of the endpoint ─┐
//	                   ├─ duplicate: the copy behind ──▶ │ first in, first out,   │ ─▶ POST ─┬─ 2xx ──▶ delivered
//	                   ├─ delay, reorder ──▶ (waits) ──▶ │ 32 attempts at once    │          │
//	                   └─ drop ──▶ dropped               └────────────────────────┘          └─ else ─▶ (waits), or given up
//	                                                                ▲                                        │
//	                                                                └────────────────────────────────────────┘
//
// What waits is a timer, not a goroutine; what is due stands in its endpoint's lane, in order. Each lane has its own
// attempts, so an endpoint that is dead holds up no other. Deliveries to one endpoint start in the order in which they were
// asked for, but travel side by side and may overtake each other, as Stripe's do.
//
// Which fault befalls a delivery is settled when it is asked for, and at most one does, so that the same plan and the same
// order of deliveries give the same faults however long each takes.
//
// A resend is a delivery of its own: Stripe goes on trying by itself, too, whatever became of a resend.
//
// The payload and the endpoint are asked for before every attempt, never kept: what is resent after a month is shaped for the
// endpoint as it is then.
package courier

import (
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"twigz/temporal-dev/stripestandin/faults"
)

const (
	// connections is how many attempts at one endpoint are under way at once: a receiver that was down is not met by
	// everything it missed.
	connections = 32
	// heldMost is for how long an event waits to be overtaken, where the rule does not say.
	heldMost = 2 * time.Second
	// attemptsKept and endedKept are how much is remembered, so that a stand-in may run for weeks.
	attemptsKept = 20_000
	endedKept    = 20_000
)

// Endpoint is a webhook endpoint as it is now.
type Endpoint struct {
	URL string
	// Secrets are all that sign now: two while one takes over from the other. None: the signature header has only a time.
	Secrets []string
	// APIVersion is handed to Payload.
	APIVersion string
}

// Config says what is delivered and how. Its functions are called without a lock held, and from several goroutines at once.
type Config struct {
	// Endpoint is asked before every attempt. False ends the delivery: the endpoint was deleted or disabled. Needed.
	Endpoint func(id string) (Endpoint, bool)
	// Payload is the event's bytes as that API version shapes them, asked for before every attempt. False ends the delivery.
	// Nil: there are no events, only what is given to Send.
	Payload func(eventID, apiVersion string) ([]byte, bool)
	// Delivered is called once for an event and an endpoint, at the first answer that is 2xx. Nil: nobody wants to know.
	Delivered func(eventID, endpointID string)
	// Faults says what goes wrong. Nil: nothing.
	Faults *faults.Plan
	// RetryFirst is the wait before the second attempt; it doubles from there. Zero: half a second.
	RetryFirst time.Duration
	// RetryMost is the longest wait between attempts. Zero: 30 seconds.
	RetryMost time.Duration
	// RetryFor is for how long after its first attempt a delivery is tried. Zero: an hour. (Stripe: three days.)
	RetryFor time.Duration
	// AnswerWithin is for how long an attempt waits for its answer. Zero: 20 seconds.
	AnswerWithin time.Duration
}

func (c Config) withDefaults() Config {
	if c.Payload == nil {
		c.Payload = func(string, string) ([]byte, bool) { return nil, false }
	}
	if c.Delivered == nil {
		c.Delivered = func(string, string) {}
	}
	c.RetryFirst = cmp.Or(c.RetryFirst, 500*time.Millisecond)
	c.RetryMost = cmp.Or(c.RetryMost, 30*time.Second)
	c.RetryFor = cmp.Or(c.RetryFor, time.Hour)
	c.AnswerWithin = cmp.Or(c.AnswerWithin, 20*time.Second)
	return c
}

// Courier delivers events until it is closed. It is safe for concurrent use.
type Courier struct {
	config Config
	client *http.Client
	ctx    context.Context // ends all attempts; they outlive whatever call asked for them
	stop   context.CancelFunc
	wg     sync.WaitGroup // the goroutines that make attempts

	mu        sync.Mutex
	closed    bool
	asked     int // how many deliveries were asked for
	made      int // how many attempts were made
	lanes     map[string]*lane
	underWay  map[*delivery]struct{}
	idle      chan struct{} // closed when the last delivery under way ends
	delivered map[letter]struct{}
	ended     recent[Delivery] // the dropped, the given up and the gone
	attempts  recent[Attempt]
	jitter    *rand.Rand
}

// New makes a courier.
func New(c Config) *Courier {
	ctx, stop := context.WithCancel(context.Background())
	c = c.withDefaults()
	return &Courier{
		config: c, client: newClient(c.AnswerWithin), ctx: ctx, stop: stop,
		lanes: map[string]*lane{}, underWay: map[*delivery]struct{}{}, delivered: map[letter]struct{}{},
		attempts: recent[Attempt]{most: attemptsKept}, ended: recent[Delivery]{most: endedKept},
		jitter: rand.New(rand.NewPCG(1, 1)), // the same waits in every run, as far as the clock allows
	}
}

// Deliver starts to deliver an event to an endpoint, and returns at once.
func (c *Courier) Deliver(eventID, eventType, endpointID string) {
	c.start(&delivery{letter: letter{eventID, endpointID}, eventType: eventType}, c.befall)
}

// Resend delivers an event by hand: without faults, at once, and whether it was delivered before or not.
func (c *Courier) Resend(eventID, eventType, endpointID string) {
	c.start(&delivery{letter: letter{eventID, endpointID}, eventType: eventType}, c.depart)
}

// Send signs and delivers a payload exactly as given, without faults, so that tests can send what Stripe never would. Delivered
// is not called for it.
func (c *Courier) Send(endpointID string, payload []byte) {
	var event struct{ ID, Type string }
	_ = json.Unmarshal(payload, &event) // for the record: what cannot be read is sent all the same
	raw := append([]byte{}, payload...) // not nil, however short
	c.start(&delivery{letter: letter{event.ID, endpointID}, eventType: event.Type, raw: raw}, c.depart)
}

// RetryNow makes what waits for an event and an endpoint go out at once: for its next attempt, or held back by a fault. It
// tells whether anything did.
func (c *Courier) RetryNow(eventID, endpointID string) (hastened bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for d := range c.underWay {
		if d.letter == (letter{eventID, endpointID}) && c.hasten(d) {
			hastened = true
		}
	}
	return hastened
}

// Attempts lists the attempts at delivering the events named, of all where none is named, in the order in which they ended. The
// last 20 000 are remembered.
func (c *Courier) Attempts(eventIDs ...string) []Attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.attempts.all())
	if len(eventIDs) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(a Attempt) bool { return !slices.Contains(eventIDs, a.EventID) })
}

// Undelivered lists the deliveries under way, and those that ended (the last 20 000) without any delivery of their event having
// reached the endpoint, in the order in which they were asked for.
func (c *Courier) Undelivered() []Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.ended.all())
	all = slices.DeleteFunc(all, func(d Delivery) bool { return c.isDelivered(letter{d.EventID, d.EndpointID}) })
	for d := range c.underWay {
		all = append(all, d.show())
	}
	slices.SortFunc(all, func(a, b Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Idle returns when nothing is under way, or with the context's error. What was dropped or given up is not under way.
func (c *Courier) Idle(ctx context.Context) error {
	c.mu.Lock()
	idle, busy := c.idle, len(c.underWay) > 0
	c.mu.Unlock()
	if !busy {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close gives up what is undelivered, and returns when no attempt is under way. What is delivered afterwards is ignored.
func (c *Courier) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.wg.Wait()
	c.client.CloseIdleConnections()

	c.mu.Lock()
	defer c.mu.Unlock()
	for d := range c.underWay {
		d.stop()
		c.end(d, GivenUp)
	}
}
