package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"twigz/internal/pgserver"
	"twigz/temporal-dev/process"
	"twigz/temporal-dev/programs"
)

// running is one life of a part.
type running interface {
	Kill()
	Done() <-chan struct{}
	Stop(grace time.Duration) error
}

// database is a Postgres as a part.
type database struct{ *pgserver.Server }

// Stop stops it in its own time.
func (d database) Stop(time.Duration) error { return d.Server.Stop() }

// part is something that is killed and started again.
type part struct {
	name  string
	begin func(context.Context) (running, error)
	fail  context.CancelCauseFunc // the run is over when the part ends by itself

	mu    sync.Mutex
	life  running // nil while it is down
	kills int
}

// startPart starts a part for the first time.
func (r *rig) startPart(ctx context.Context, name string, begin func(context.Context) (running, error)) error {
	p := &part{name: name, begin: begin, fail: r.fail}
	r.parts[name] = p
	r.order = append(r.order, p)
	return p.start(ctx)
}

// start begins a life, and watches over it.
func (p *part) start(ctx context.Context) error {
	life, err := p.begin(ctx)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.mu.Lock()
	p.life = life
	p.mu.Unlock()
	go func() {
		<-life.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.life == life {
			p.fail(fmt.Errorf("%s ended by itself%s", p.name, lastWords(life)))
		}
	}()
	return nil
}

// lastWords are how a program ended, and the end of its log; "" for Postgres.
func lastWords(life running) string {
	program, ok := life.(*process.Process)
	if !ok {
		return ""
	}
	return ", " + program.Ended() + ":\n  " + strings.Join(program.Tail(10), "\n  ")
}

// take ends the watch over the present life and returns it; nil when the part is down.
func (p *part) take() running {
	p.mu.Lock()
	defer p.mu.Unlock()
	life := p.life
	p.life = nil
	return life
}

// kill ends the part, and tells whether it was up.
func (p *part) kill() bool {
	life := p.take()
	if life == nil {
		return false
	}
	life.Kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kills++
	return true
}

// stop stops the part for good.
func (p *part) stop() error {
	if life := p.take(); life != nil {
		return life.Stop(programs.Grace)
	}
	return nil
}

// killed is how often it was.
func (p *part) killed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kills
}

// process is the part's present life as a program; nil for Postgres.
func (p *part) process() *process.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	program, _ := p.life.(*process.Process)
	return program
}
