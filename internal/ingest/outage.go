package ingest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"
)

// Unreachable says whether Temporal could not be asked, or is too busy, so that
// the same start may succeed later.
func Unreachable(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	var canceled *serviceerror.Canceled
	var exhausted *serviceerror.ResourceExhausted
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.As(err, &canceled) ||
		errors.As(err, &exhausted) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

const (
	// awayFor is how long Temporal is not asked after it could not be reached.
	awayFor = 3 * time.Second
	// askTime is how long the one that asks then may take before another does.
	askTime = 10 * time.Second
)

// Outage remembers for a moment that Temporal could not be reached, so that of
// many events that come meanwhile only one at a time waits to find out whether
// it is back. Its zero value is a Temporal that is there.
type Outage struct{ until atomic.Int64 } // when to ask again, Unix nanoseconds; 0: it is there

// MayAsk says whether to ask Temporal now.
func (o *Outage) MayAsk(now time.Time) bool {
	until := o.until.Load()
	if until == 0 {
		return true
	}
	return now.UnixNano() >= until && o.until.CompareAndSwap(until, now.Add(askTime).UnixNano())
}

// Away notes that Temporal could not be reached.
func (o *Outage) Away(now time.Time) { o.until.Store(now.Add(awayFor).UnixNano()) }

// Back notes that Temporal answered.
func (o *Outage) Back() { o.until.Store(0) }
