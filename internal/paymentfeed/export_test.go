package paymentfeed

import "time"

// Limits of a process, and of one customer.
const (
	MaxStreams    = maxStreams
	MaxOfCustomer = maxOfCustomer
)

// PingEvery makes the feed look more often whether its connection is alive.
func (f *Feed) PingEvery(pause time.Duration) { f.ping = pause }
