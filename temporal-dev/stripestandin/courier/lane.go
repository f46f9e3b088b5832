package courier

import "time"

// lane is what is to be sent to one endpoint.
type lane struct {
	due  []*delivery
	busy int       // how many goroutines make attempts
	held *delivery // waits to be overtaken by the next to go out; nil: none
}

func (c *Courier) lane(endpointID string) *lane {
	l := c.lanes[endpointID]
	if l == nil {
		l = &lane{}
		c.lanes[endpointID] = l
	}
	return l
}

// depart puts the delivery into its lane, last.
func (c *Courier) depart(d *delivery) {
	d.next = time.Time{}
	if c.closed {
		return
	}
	l := c.lane(d.endpointID)
	l.due = append(l.due, d)
	if l.busy < connections {
		l.busy++
		c.wg.Go(func() { c.work(l) })
	}
}

// work makes attempts for as long as any are due in the lane.
func (c *Courier) work(l *lane) {
	for d := c.take(l); d != nil; d = c.take(l) {
		a, made := c.attempt(d)
		if made && a.Delivered() {
			c.arrive(d)
		}
		c.settle(d, a, made)
	}
}

// take is the delivery that is due longest; nil when none is, and then the goroutine that asks is to end.
func (c *Courier) take(l *lane) *delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(l.due) == 0 {
		l.busy--
		return nil
	}
	d := l.due[0]
	l.due[0], l.due = nil, l.due[1:]
	d.started = time.Now()
	if d.attempts == 0 {
		d.began = d.started
	}
	return d
}
