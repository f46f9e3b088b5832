package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// figures are what one block of calls came to, or the means or medians of several blocks.
type figures struct {
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50Ms"` // milliseconds
	P99       float64 `json:"p99Ms"` // milliseconds
}

// load makes n calls, with as many clients, each of which makes its next call when its last one has been answered. call
// is told which client it is and which of the n it makes. The first error ends the block.
func load(ctx context.Context, clients, n int, call func(ctx context.Context, client, i int) error) (figures, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	took := make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for client := range clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				start := time.Now()
				if err := call(ctx, client, i); err != nil {
					fail(fmt.Errorf("call %d of %d: %w", i+1, n, err))
				}
				took[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	elapsed := time.Since(began)
	if err := context.Cause(ctx); err != nil {
		return figures{}, err
	}
	return summarize(took, elapsed), nil
}

func summarize(took []time.Duration, elapsed time.Duration) figures {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1)+0.5)].Microseconds()) / 1000
	}
	return figures{PerSecond: float64(len(took)) / elapsed.Seconds(), P50: at(0.5), P99: at(0.99)}
}

// median is the middle one of what is read from each; between the two in the middle where their number is even.
func median[T any](all []T, read func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = read(v)
	}
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}

// errStopped is what a bench that was told to stop ends with: half of one is no result.
var errStopped = errors.New("stopped before the end: no result")
