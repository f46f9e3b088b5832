// Package ledger is what Stripe knows: customers, payments, subscriptions, and the rules by which they change.
//
//	a call of the API ─┐                        ┌─▶ objects ──▶ journal (a file)
//	an act of the world ├──▶ Do(func(*Tx)) ──commit─┤
//	the clock ─────────┘     (all or nothing)   └─▶ events ──▶ Deliver, one for each endpoint that wants it
//
// A change sees a consistent state and leaves all of what it did or none of it; one runs at a time. What the API can do is
// in Calls. What customers, banks and time do to a payment is in the exported methods of Tx: pay a session, open a dispute.
//
// Objects have the shape of API version 2024-06-20. Fields whose name begins with an underscore are the ledger's own and
// never leave it. _due, in seconds since 1970, is when the clock has something to do with an object (see agenda).
package ledger

import (
	"cmp"
	"container/heap"
	"strings"
	"sync"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

// Config says what the ledger is of.
type Config struct {
	// APIVersion is the account's own: what events are listed in, and what endpoints without one get. Empty: wire.APIVersion.
	APIVersion string
	// Livemode is what objects and events say of themselves. False: test mode.
	Livemode bool
	// Deliver is told of each event and endpoint that it is to be sent to, in the order of the events. It must return at
	// once and must not call the ledger. Nil: nobody is told.
	Deliver func(eventID, eventType, endpointID string)
	// Twin tells whether a second event of another ID is to tell of the same change. Nil: never.
	Twin func(eventType string) bool
	// File is where all is kept between runs. Empty: it is forgotten.
	File string
}

// Answer is the kind of the objects in which the API keeps its answers to requests with idempotency keys.
const Answer = "_answer"

// stripesPages is where Stripe has its hosted pages: a session's, an invoice's, the customer portal.
var stripesPages = map[string]string{
	"pay": "https://checkout.stripe.com/c/pay/", "invoice": "https://invoice.stripe.com/i/acct_standin/test_", "portal": "https://billing.stripe.com/p/session/",
}

// Ledger holds every object.
type Ledger struct {
	config  Config
	mu      sync.Mutex
	objects map[string]wire.Object // never changed once they are here, only replaced
	order   map[string][]string    // IDs by kind, oldest first
	offset  time.Duration          // how far the clock is ahead of this machine's
	journal *journal               // nil: nothing is kept
	pages   string                 // below which the hosted pages are; "": where Stripe has them

	calendar calendar // what the agenda waits for
}

// Open makes a ledger, with all that its file holds.
func Open(c Config) (*Ledger, error) {
	c.APIVersion = cmp.Or(c.APIVersion, wire.APIVersion)
	l := &Ledger{config: c, objects: map[string]wire.Object{}, order: map[string][]string{}}
	if c.File == "" {
		return l, nil
	}
	if err := l.restore(c.File); err != nil {
		return nil, err
	}
	return l, nil
}

// SetBaseURL says where the hosted pages are: below it, at /pay/, /invoice/ and /portal/ and an ID. Until it is said, they are
// where Stripe's are. It may be known only once something listens, and holds for what is made from then on.
func (l *Ledger) SetBaseURL(base string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages = strings.TrimSuffix(base, "/")
}

// page is the address of the hosted page of a session or an invoice.
func (l *Ledger) page(room, id string) string {
	if l.pages == "" {
		return stripesPages[room] + id
	}
	return l.pages + "/" + room + "/" + id
}

// Close closes the file.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.journal == nil {
		return nil
	}
	err := l.journal.close()
	l.journal = nil
	return err
}

// Cause is the request that a change comes from. Zero: no request, the change came by itself.
type Cause struct{ RequestID, IdempotencyKey string }

// Do runs a change. Where it returns an error that does not say Keeps, nothing has changed.
func (l *Ledger) Do(cause Cause, change func(*Tx) *wire.Error) *wire.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.do(cause, change)
}

func (l *Ledger) do(cause Cause, change func(*Tx) *wire.Error) *wire.Error {
	t := &Tx{ledger: l, cause: cause, now: l.now(), changed: map[string]wire.Object{}, shown: map[string]wire.Object{}}
	refusal := change(t)
	if refusal != nil && !refusal.Keeps {
		return refusal
	}
	t.commit()
	return refusal
}

// View runs a function that only reads.
func (l *Ledger) View(read func(*Tx)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	read(&Tx{ledger: l, now: l.now(), changed: map[string]wire.Object{}})
}

// Now is the ledger's time, which Advance sets ahead of this machine's.
func (l *Ledger) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now()
}

func (l *Ledger) now() time.Time { return time.Now().Add(l.offset).UTC() }

// replace puts an object in the place of what had its ID. Nil takes it away.
func (l *Ledger) replace(id string, o wire.Object) {
	old := l.objects[id]
	if o == nil {
		delete(l.objects, id) // its ID stays in order, and is skipped there
		return
	}
	if old == nil {
		l.order[o.Kind()] = append(l.order[o.Kind()], id)
	}
	l.objects[id] = o
	if due := o.Int("_due"); o.Has("_due") && (!old.Has("_due") || old.Int("_due") != due) {
		heap.Push(&l.calendar, appointment{due, id})
	}
}
