package process

import (
	"context"
	"os"
	"time"
)

// look is how often the parent is looked at: often enough for a person who waits for the end.
const look = 200 * time.Millisecond

// WithMake returns a context that ends when make, the parent process, is gone or (on Linux) was interrupted.
//
// GNU make passes SIGTERM on to its recipe, but not SIGINT: there it counts on the terminal having sent it to the whole
// group. A SIGINT to make alone, as from a script, leaves it waiting for a recipe that was told nothing. What can be
// seen from here is that make's handler, on its first line, puts the default action back: SIGINT is no longer caught.
func WithMake(ctx context.Context, parent int) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	caught := catchesInterrupt(parent)
	go func() {
		defer cancel()
		for os.Getppid() == parent && (!caught || catchesInterrupt(parent)) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(look):
			}
		}
	}()
	return ctx, cancel
}
