package ledger

import (
	"container/heap"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

// agenda says, for the kinds that time does something to, what it does when the time in an object's _due has come. It must
// set another _due or take it away.
var agenda = map[string]func(t *Tx, o wire.Object){
	"event":                  forget,
	Answer:                   forget,
	"billing_portal.session": forget,
	"charge":                 chargeDue,
	"checkout.session":       sessionDue,
	"dispute":                disputeDue,
	"invoice":                invoiceDue,
	"payment_intent":         intentDue,
	"refund":                 refundDue,
	"subscription":           subscriptionDue,
	"webhook_endpoint":       endpointDue,
}

func forget(t *Tx, o wire.Object) { t.remove(o.ID()) }

// Advance sets the clock ahead and does, in the order of their times, all the things that were to happen meanwhile. Zero
// does what has become due by itself.
func (l *Ledger) Advance(by time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	target := l.now().Add(by)
	for {
		id, at := l.next()
		if id == "" || at > target.Unix() {
			break
		}
		if moment := time.Unix(at, 0); moment.After(l.now()) {
			l.offset += moment.Sub(l.now())
		}
		l.happen(id, at)
	}
	if by == 0 {
		return
	}
	if ahead := target.Sub(l.now()); ahead > 0 {
		l.offset += ahead
	}
	l.journal.write(l.offset, nil, nil)
}

// appointment is that something is to happen to an object; calendar is all of them, as a heap.
type (
	appointment struct {
		at int64
		id string
	}
	calendar []appointment
)

// The methods of heap.Interface. What is due first comes first, of several at one time that with the smallest ID, so that a
// run can be repeated.
func (c calendar) Len() int { return len(c) }

func (c calendar) Less(i, j int) bool {
	return c[i].at < c[j].at || c[i].at == c[j].at && c[i].id < c[j].id
}
func (c calendar) Swap(i, j int) { c[i], c[j] = c[j], c[i] }

// Push is of heap.Interface.
func (c *calendar) Push(a any) { *c = append(*c, a.(appointment)) }

// Pop is of heap.Interface.
func (c *calendar) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// next is what is due first; "" if nothing is. Appointments that were changed or called off are still in the calendar.
func (l *Ledger) next() (id string, at int64) {
	for len(l.calendar) > 0 {
		first := l.calendar[0]
		if o := l.objects[first.id]; o.Has("_due") && o.Int("_due") == first.at {
			return first.id, first.at
		}
		heap.Pop(&l.calendar)
	}
	return "", 0
}

func (l *Ledger) happen(id string, at int64) {
	_ = l.do(Cause{}, func(t *Tx) *wire.Error {
		o := t.edit(id)
		agenda[o.Kind()](t, o)
		if o := t.changed[id]; o != nil && o.Has("_due") && o.Int("_due") <= at {
			panic("ledger: " + id + " stays due") // the clock would stand still for ever
		}
		return nil
	})
}
