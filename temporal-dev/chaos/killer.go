package chaos

import (
	"context"
	"sync"
	"time"
)

// killAround kills parts and starts them again, until ctx ends. It returns when all are up again, whatever ended it: there is
// something to look at in either case. A part that cannot be started ends the run.
func (r *rig) killAround(ctx context.Context) {
	var restarts sync.WaitGroup
	defer restarts.Wait()
	for k := range kills(r.options.Seed) {
		if !pause(ctx, k.after) {
			return
		}
		p := r.parts[k.part]
		if !p.kill() {
			continue // it is down already
		}
		restarts.Go(func() {
			time.Sleep(k.down)
			if err := p.start(context.WithoutCancel(ctx)); err != nil {
				r.fail(err)
			}
		})
	}
}

// killed is how often each part was.
func (r *rig) killed() map[string]int {
	all := map[string]int{}
	for _, name := range partNames {
		all[name] = 0
		if p := r.parts[name]; p != nil {
			all[name] = p.killed()
		}
	}
	return all
}
