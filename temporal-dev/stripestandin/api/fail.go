package api

import (
	"cmp"
	"io"
	"net/http"
	"time"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/wire"
)

// hang is how long a request that is never answered is held, unless its sender gives up first or the rule says otherwise.
const hang = 2 * time.Minute

// fail does what is to go wrong before a call begins.
func (a *api) fail(q *request) *wire.Error {
	if rule, struck := a.Faults.Strike(faults.Timeout, q.subject); struck {
		_, _ = io.Copy(io.Discard, q.Body) // or nobody would notice that the sender has gone
		select {
		case <-q.Context().Done():
		case <-time.After(cmp.Or(rule.Wait(), hang)):
		}
		panic(http.ErrAbortHandler) // no answer at all
	}
	if rule, struck := a.Faults.Strike(faults.RateLimit, q.subject); struck {
		return wire.RateLimited(time.Duration(cmp.Or(rule.RetryAfter, 1)) * time.Second)
	}
	if _, struck := a.Faults.Strike(faults.Conflict, q.subject); struck {
		return wire.LockTimeout()
	}
	return nil
}
