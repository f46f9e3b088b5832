package chaos

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"time"
)

const (
	// calm is for how long nothing may have changed until the world is taken to be at rest: longer than what is held back on
	// its way, and than most pauses between attempts.
	calm = 5 * time.Second
	// still is for how long nothing may move while something is still to be done: longer than any pause between attempts once
	// everything is up and Stripe has no faults.
	still = 6 * time.Minute
	// often is the pause between two looks at the world.
	often = 2 * time.Second
	// tell is how often it is said what is waited for.
	tell = 15 * time.Second
)

// settle waits until nothing moves any more, and returns the picture of that. Nothing is resent, and nobody is helped.
func (r *rig) settle(ctx context.Context, plan []*sale) (world, error) {
	var last world
	changed, quiet, said := time.Now(), time.Now(), time.Time{} // since when nothing has changed, and nothing is under way
	for {
		now, err := r.look(ctx, plan)
		why := now.busy()
		if err != nil {
			why = err.Error()
		} else if !same(now, last) {
			last, changed = now, time.Now()
		}
		if why != "" {
			quiet = time.Now()
		}
		switch {
		case min(time.Since(quiet), time.Since(changed)) >= calm:
			return now, nil
		case time.Since(changed) >= still:
			return world{}, fmt.Errorf("nothing has moved for %s: %s", still, why)
		case why != "" && time.Since(said) > tell:
			r.say("waiting: %s", why)
			said = time.Now()
		}
		if !pause(ctx, often) {
			return world{}, fmt.Errorf("%w: %s", context.Cause(ctx), cmp.Or(why, "it only just came to rest"))
		}
	}
}

// same tells whether two pictures show the same. The pages in which workflows are listed have no order to rely on, and those
// that wait do not change without a row changing.
func same(a, b world) bool {
	return reflect.DeepEqual(a.tables, b.tables) && reflect.DeepEqual(a.stripe, b.stripe) && len(a.mails) == len(b.mails)
}
