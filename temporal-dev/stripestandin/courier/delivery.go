package courier

import (
	"time"

	"twigz/temporal-dev/stripestandin/faults"
)

// State is how a delivery stands.
type State string

// Waiting and Sending deliveries are under way; the others have ended.
const (
	Waiting State = "waiting"  // until Next
	Sending State = "sending"  // out, or due and behind others in its endpoint's lane
	Dropped State = "dropped"  // by a fault
	GivenUp State = "given_up" // never answered 2xx for as long as it was tried, or the courier was closed
	Gone    State = "gone"     // the endpoint, or the event, is no more
)

// Delivery is one delivery of an event to an endpoint as it stands, to be shown. A duplicate and a resend are deliveries of their
// own.
type Delivery struct {
	ID         int         `json:"id"`      // counts from 1
	EventID    string      `json:"eventId"` // empty when the payload has none
	EventType  string      `json:"eventType"`
	EndpointID string      `json:"endpointId"`
	State      State       `json:"state"`
	Attempts   int         `json:"attempts"`       // made so far
	Next       time.Time   `json:"next,omitzero"`  // zero unless it waits
	Fault      faults.Kind `json:"fault,omitzero"` // empty: none befell it
}

// letter is an event on its way to an endpoint, however many deliveries that takes.
type letter struct{ eventID, endpointID string }

// delivery is a letter under way. What changes is guarded by the courier's mutex.
type delivery struct {
	letter
	id        int
	eventType string
	raw       []byte // nil: the event's payload, asked for each time
	fault     faults.Kind
	overtakes *delivery // held back until this one has gone out; nil: nobody waits for it

	attempts int
	started  time.Time     // the last attempt
	began    time.Time     // the first attempt
	wait     time.Duration // before the next attempt, jitter apart
	timer    *time.Timer   // of the last wait
	next     time.Time     // zero: it does not wait
}

func (d *delivery) show() Delivery {
	s := Delivery{
		ID: d.id, EventID: d.eventID, EventType: d.eventType, EndpointID: d.endpointID,
		State: Sending, Attempts: d.attempts, Next: d.next, Fault: d.fault,
	}
	if !d.next.IsZero() {
		s.State = Waiting
	}
	return s
}

// stop ends the wait. It tells whether there was one.
func (d *delivery) stop() bool { return d.timer != nil && d.timer.Stop() }

// start puts a delivery under way and lets then say how it begins.
func (c *Courier) start(d *delivery, then func(*delivery)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.enter(d)
	then(d)
}

func (c *Courier) enter(d *delivery) {
	c.asked++
	d.id, d.wait = c.asked, c.config.RetryFirst
	if len(c.underWay) == 0 {
		c.idle = make(chan struct{})
	}
	c.underWay[d] = struct{}{}
}

// hold lets the delivery depart after a while.
func (c *Courier) hold(d *delivery, wait time.Duration) {
	d.next = time.Now().Add(wait)
	d.timer = time.AfterFunc(wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.depart(d)
	})
}

// hasten lets the delivery depart now, if it waits.
func (c *Courier) hasten(d *delivery) bool {
	if !d.stop() {
		return false
	}
	c.depart(d)
	return true
}

// arrive tells of a letter's first arrival. It does so before the attempt is on record, so that whoever sees the attempt finds
// everything else up to date as well.
func (c *Courier) arrive(d *delivery) {
	if d.raw == nil && c.arrivesFirst(d.letter) {
		c.config.Delivered(d.eventID, d.endpointID)
	}
}

func (c *Courier) arrivesFirst(l letter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isDelivered(l) {
		return false
	}
	c.delivered[l] = struct{}{}
	return true
}

func (c *Courier) isDelivered(l letter) bool {
	_, is := c.delivered[l]
	return is
}

// settle puts an attempt on record and decides what becomes of the delivery.
func (c *Courier) settle(d *delivery, a Attempt, made bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made {
		c.record(d, a)
	}
	c.release(d)
	switch {
	case !made:
		c.end(d, Gone)
	case a.Delivered():
		c.end(d, "")
	case time.Since(d.began)+d.wait > c.config.RetryFor:
		c.end(d, GivenUp)
	case !c.closed: // else Close ends it
		c.hold(d, c.spread(d.wait))
		d.wait = min(2*d.wait, c.config.RetryMost)
	}
}

func (c *Courier) record(d *delivery, a Attempt) {
	d.attempts++
	c.made++
	a.ID = c.made
	c.attempts.add(a)
}

// spread moves a wait by a fifth either way, so that what failed together is not tried together for ever.
func (c *Courier) spread(wait time.Duration) time.Duration {
	return time.Duration(float64(wait) * (0.8 + 0.4*c.jitter.Float64()))
}

// end takes a delivery off. An empty state is the good end, of which nothing but its attempts is kept.
func (c *Courier) end(d *delivery, s State) {
	delete(c.underWay, d)
	if s != "" {
		d.next = time.Time{}
		shown := d.show()
		shown.State = s
		c.ended.add(shown)
	}
	if len(c.underWay) == 0 {
		close(c.idle)
	}
}
