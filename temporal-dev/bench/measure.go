package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// subject is one of several that are compared.
type subject struct {
	name string
	// prepare makes everything that n calls by so many clients need and that is not to be measured.
	prepare func(ctx context.Context, clients, n int) (block, error)
}

// block is so many calls of one subject, ready to be made.
type block struct {
	call func(ctx context.Context, client, i int) error
	// done looks whether all came of the calls that should have, and lets go of what prepare made. Nil: nothing to do.
	done func(ctx context.Context) error
	// cpu is the CPU seconds that each part has used so far, by its name. Nil: it is not asked.
	cpu func() map[string]float64
}

// size is how many calls a block has, and by how many clients.
type size struct{ clients, calls int }

// sample is what one block came to, or the mean of two.
type sample struct {
	figures
	cpu map[string]float64 // CPU seconds a call, by the part's name
}

// measurements are samples by subject and number of clients, one a round.
type measurements map[string]map[int][]sample

func (m measurements) add(subject string, clients int, s sample) {
	if m[subject] == nil {
		m[subject] = map[int][]sample{}
	}
	m[subject][clients] = append(m[subject][clients], s)
}

// settle is the pause between blocks, in which the servers finish what was left to the background.
const settle = 250 * time.Millisecond

// compare measures each subject once with each size, and adds that to what was found in earlier rounds. Half of the calls
// are made on the way there and half on the way back (A B C C B A), so that a server or a machine that slows down meanwhile
// tells against none of the subjects; and each round begins with another one.
func (r *rig) compare(ctx context.Context, round int, subjects []subject, sizes []size, found measurements) error {
	r.say("round %d of %d", round+1, r.options.Rounds)
	from := round % len(subjects)
	subjects = slices.Concat(subjects[from:], subjects[:from])
	for _, z := range sizes {
		half := size{z.clients, z.calls / 2}
		there, err := r.measureAll(ctx, subjects, half)
		if err != nil {
			return err
		}
		slices.Reverse(subjects)
		back, err := r.measureAll(ctx, subjects, half)
		if err != nil {
			return err
		}
		for name := range there {
			found.add(name, z.clients, mean(there[name], back[name]))
		}
	}
	return nil
}

// measureAll makes one block of calls of each subject, in their order.
func (r *rig) measureAll(ctx context.Context, subjects []subject, z size) (map[string]sample, error) {
	all := map[string]sample{}
	for _, s := range subjects {
		found, err := r.measure(ctx, s, z)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", s.name, atOnce(z.clients), err)
		}
		r.say("  %-24s %-14s %7.1f/s   p50 %7.2f ms   p99 %7.2f ms", s.name, atOnce(z.clients), found.PerSecond, found.P50, found.P99)
		all[s.name] = found
	}
	return all, nil
}

func (r *rig) measure(ctx context.Context, s subject, z size) (sample, error) {
	b, err := s.prepare(ctx, z.clients, z.calls)
	if err != nil {
		return sample{}, err
	}
	time.Sleep(settle)
	before := b.usage()
	f, err := load(ctx, z.clients, z.calls, b.call)
	if err != nil {
		return sample{}, err
	}
	time.Sleep(settle / 5) // what a program does right after it has answered is a part of what the call costs
	found := sample{f, map[string]float64{}}
	for part, used := range b.usage() {
		found.cpu[part] = (used - before[part]) / float64(z.calls)
	}
	if b.done == nil {
		return found, nil
	}
	return found, b.done(ctx)
}

func mean(a, b sample) sample {
	m := sample{figures{(a.PerSecond + b.PerSecond) / 2, (a.P50 + b.P50) / 2, (a.P99 + b.P99) / 2}, map[string]float64{}}
	for part := range a.cpu {
		m.cpu[part] = (a.cpu[part] + b.cpu[part]) / 2
	}
	return m
}

func (b block) usage() map[string]float64 {
	if b.cpu == nil {
		return nil
	}
	return b.cpu()
}

func atOnce(clients int) string {
	if clients == 1 {
		return "one at a time"
	}
	return fmt.Sprintf("%d at once", clients)
}
