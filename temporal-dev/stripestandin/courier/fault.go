package courier

import (
	"cmp"
	"time"

	"twigz/temporal-dev/stripestandin/faults"
)

// befall lets a fault befall the delivery, or lets it go.
func (c *Courier) befall(d *delivery) {
	l := c.lane(d.endpointID)
	rule := c.strike(d, l)
	d.fault = rule.Fault
	switch rule.Fault {
	case faults.Drop:
		c.end(d, Dropped)
	case faults.Delay:
		c.hold(d, rule.Wait())
	case faults.Reorder:
		l.held = d
		c.hold(d, cmp.Or(rule.Wait(), heldMost))
	case faults.Duplicate:
		c.overtake(d, l)
		c.duplicate(d, rule.Wait())
	default: // a bad signature is the attempt's business
		c.overtake(d, l)
	}
}

// strike finds the fault that befalls a delivery; none is the zero rule.
func (c *Courier) strike(d *delivery, l *lane) faults.Rule {
	for _, kind := range []faults.Kind{faults.Drop, faults.BadSignature, faults.Delay, faults.Reorder, faults.Duplicate} {
		if kind == faults.Reorder && l.held != nil {
			continue // this one is to overtake; were it held as well, a rule that always reorders would keep the order
		}
		if rule, struck := c.config.Faults.Strike(kind, d.eventType); struck {
			return rule
		}
	}
	return faults.Rule{}
}

// overtake lets the delivery go, and after it the one that was held back.
func (c *Courier) overtake(d *delivery, l *lane) {
	d.overtakes, l.held = l.held, nil
	c.depart(d)
}

// duplicate lets the same event go again, later by wait.
func (c *Courier) duplicate(d *delivery, wait time.Duration) {
	again := &delivery{letter: d.letter, eventType: d.eventType, fault: faults.Duplicate}
	d.fault = ""
	c.enter(again)
	if wait == 0 {
		c.depart(again) // not by a timer, which would let others in between
		return
	}
	c.hold(again, wait)
}

// release lets the delivery go that this one was to overtake, unless it went by itself, having waited long enough.
func (c *Courier) release(d *delivery) {
	if held := d.overtakes; held != nil && held.attempts == 0 {
		c.hasten(held)
	}
	d.overtakes = nil
}
