package chaos

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// The parts that are killed.
const (
	api      = "api"
	worker   = "worker"
	temporal = "temporal"
	postgres = "postgres"
)

var partNames = []string{api, worker, temporal, postgres}

// targets are the parts as often as they are drawn: what ships dies more often than what it stands on.
var targets = []string{api, api, api, worker, worker, worker, temporal, temporal, postgres, postgres}

// kill is one end of a part that it did not see coming.
type kill struct {
	after time.Duration // the kill before
	part  string
	down  time.Duration // until it is started again
}

// kills are drawn without end. Every part comes once before chance has its way.
func kills(seed uint64) iter.Seq[kill] {
	return func(yield func(kill) bool) {
		draw := rand.New(rand.NewPCG(seed, 1<<32))
		first := slices.Clone(partNames)
		draw.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
		for n := 0; ; n++ {
			k := kill{after: between(draw, 3*time.Second, 8*time.Second), down: between(draw, 100*time.Millisecond, 3*time.Second)}
			k.part = targets[draw.IntN(len(targets))]
			if n < len(first) {
				k.part = first[n]
			}
			if !yield(k) {
				return
			}
		}
	}
}

func between(draw *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(draw.Int64N(int64(most-least)))
}
