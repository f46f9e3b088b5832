// Package chaos kills everything while payments are made, and then looks whether anything is wrong: `make chaos`.
//
//	plan (seed) ──▶ sales ──▶ customers, banks, staff ──▶ Stripe stand-in ──events──▶ API ─▶ Temporal ─▶ worker ─▶ Postgres
//	     │                                                   │ with its faults on      ▲        ▲          ▲          ▲
//	     └────────▶ kills ─────────────────────────────────────── SIGKILL, restart ────┴────────┴──────────┴──────────┘
//
//	at rest ──▶ a picture of the tables, of Stripe, of the inbox and of Temporal ──▶ check ──▶ counts
//
// API and worker are the programs as they ship, Temporal is a real server on a file, Postgres waits for the disk. They come
// back on the same addresses, as they do behind a service name. The stand-in and the mail inbox are the outside world: they
// live in this process, are never killed, and remember everything that was ever asked of them.
//
// # What is decided beforehand
//
// Who buys what, when, what becomes of it (a scenario), which part dies when and for how long, and which calls and deliveries
// go wrong: all of it is drawn from one seed. How far each program has come when it dies is not, so a failure that depends on
// that may need the same seed several times.
//
// # What the checker is
//
// A function of the picture (check). Each scenario says what has to have come of it in the end (want); the checker compares,
// and counts. It trusts no program's word for what another one did: money is Stripe's to tell, mails are the inbox's, orders
// and carts are the tables'. Nothing is resent and nobody is helped before it looks; what is not done by itself is stuck.
//
// A mail may come twice when the worker dies between the mail server's answer and the commit. Its Message-ID is the same both
// times, so that mail programs show one: such doubles are counted (mailsDoubledRaw) and allowed. All else has to be 0.
package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"twigz/temporal-dev/apiclient"
	"twigz/temporal-dev/process"
	"twigz/temporal-dev/programs"
)

// Options says how much chaos there is to be.
type Options struct {
	API, Worker string // the programs' files
	Self        string // this program's file, which is the Temporal server too
	Payments    int
	Seed        uint64
	Rate        float64       // payments that begin in a second
	AtOnce      int           // payments that are under way at the same time, at most
	Limit       time.Duration // of the whole run; 0: by the number of payments
	Only        []string      // names of scenarios; none: all
	Calm        bool          // nothing is killed
	Keep        bool          // the directory stays
}

// limit is how long the run may take.
func (o Options) limit() time.Duration {
	return cmp.Or(o.Limit, 10*time.Minute+time.Duration(3*float64(o.Payments)/o.Rate*float64(time.Second)))
}

// Main runs chaos as the arguments say. It ends early when told to: by ctx, by a signal, or by the end of the make that ran it.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	o, parent, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if parent != 0 {
		ctx, stop = process.WithMake(ctx, parent)
		defer stop()
	}
	if o.Self, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	return Run(ctx, o, stdout)
}

func parseFlags(args []string, stderr io.Writer) (o Options, parent int, err error) {
	var only string
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.API, "api", "bin/api", "the API's program")
	flags.StringVar(&o.Worker, "worker", "bin/worker", "the worker's program")
	flags.IntVar(&o.Payments, "payments", 2000, "payments")
	flags.Uint64Var(&o.Seed, "seed", 1, "what all that is left to chance is drawn from")
	flags.Float64Var(&o.Rate, "rate", 4, "payments that begin in a second")
	flags.IntVar(&o.AtOnce, "at-once", 64, "payments under way at the same time, at most")
	flags.DurationVar(&o.Limit, "limit", 0, "how long it may take (default: by the number of payments)")
	flags.StringVar(&only, "only", "", "scenarios to play, between commas (default: all)")
	flags.BoolVar(&o.Calm, "calm", false, "kill nothing")
	flags.BoolVar(&o.Keep, "keep", false, "keep the directory with the logs")
	flags.IntVar(&parent, "make", 0, "process ID of the make to end with")
	err = flags.Parse(args[1:])
	if only != "" {
		o.Only = strings.Split(only, ",")
	}
	if err == nil && (o.Payments < 1 || o.AtOnce < 1 || o.Rate <= 0 || o.Limit < 0) {
		err = errors.New("payments and at-once must be at least 1, rate above 0")
	}
	return o, parent, err
}

// result is the last line.
type result struct {
	Payments int            `json:"payments"`
	Seed     uint64         `json:"seed"`
	Seconds  float64        `json:"seconds"`
	Kills    map[string]int `json:"kills"`
	Counts   map[count]int  `json:"counts"` // null: there was nothing to check
	OK       bool           `json:"ok"`
}

// errStopped is what a run that was told to stop ends with: nothing was found out.
var errStopped = errors.New("stopped before the end")

// Run makes chaos and tells what came of it; the last line is one JSON object. The error says that something is wrong.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	plan, err := newPlan(o.Seed, o.Payments, o.Rate, o.Only)
	if err != nil {
		return err
	}
	began := time.Now()
	dir, err := programs.MakeDir(".chaos-")
	if err != nil {
		return err
	}
	if o.Keep {
		_, _ = fmt.Fprintln(stdout, "state and logs are in", dir)
	} else {
		defer os.RemoveAll(dir) //nolint:errcheck // what is left would be in a directory that says what it is
	}
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r := &rig{options: o, dir: dir, stdout: stdout, fail: fail, parts: map[string]*part{}}
	found, err := r.run(running, plan)
	switch {
	case ctx.Err() != nil:
		return errors.Join(errStopped, r.stop())
	case context.Cause(running) != nil:
		err = context.Cause(running) // a part has ended: whatever failed after it is no news
	}
	err = errors.Join(err, r.stop())
	return errors.Join(err, r.conclude(found, time.Since(began), err == nil))
}

// run plays the plan and returns what the checker says of the end. The verdict is empty where there is no picture of that.
func (r *rig) run(ctx context.Context, plan []*sale) (verdict, error) {
	limit := r.options.limit()
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the run has taken more than %s", limit))
	defer cancel()
	if err := r.start(limited, plan); err != nil {
		return verdict{}, err
	}
	r.say("%d payments, seed %d, at most %s", len(plan), r.options.Seed, limit)
	r.play(limited, plan)
	r.say("all payments are made; killed: %s", told(r.killed()))
	// A refund that Stripe could not make is asked for again after a minute, then two, then three: from now on it can.
	if err := r.stripe.SetFaults(r.options.Seed); err != nil {
		return verdict{}, err
	}
	w, err := r.settle(limited, plan)
	if err == nil {
		return check(w), nil
	}
	// What is still not done when time is up is what one wants to know.
	w, lookErr := r.look(ctx, plan)
	if lookErr != nil {
		return verdict{}, errors.Join(err, lookErr)
	}
	return check(w), err
}

// play plays all sales, each at its time, and kills meanwhile. It returns when nothing is killed any more and all parts are up.
func (r *rig) play(ctx context.Context, plan []*sale) {
	killing, enough := context.WithCancel(ctx)
	var killer, sales sync.WaitGroup
	if !r.options.Calm {
		killer.Go(func() { r.killAround(killing) })
	}
	var done atomic.Int64
	began, said, slots := time.Now(), time.Now(), make(chan struct{}, r.options.AtOnce)
	for _, s := range plan {
		if !pause(ctx, time.Until(began.Add(s.At))) {
			break
		}
		slots <- struct{}{}
		sales.Go(func() {
			defer func() { <-slots }()
			r.playOne(ctx, s)
			done.Add(1)
		})
		if time.Since(said) > tell {
			r.say("%d of %d payments; killed: %s", done.Load(), len(plan), told(r.killed()))
			said = time.Now()
		}
	}
	sales.Wait()
	enough()
	killer.Wait()
}

func (r *rig) playOne(ctx context.Context, s *sale) {
	on := &stage{stripe: r.stripe, rows: r.rows, api: apiclient.Client(r.apiURL), sale: s}
	if err := s.Scenario.play(on, ctx); err != nil {
		s.setTrouble(err)
	}
}

// findingsTold is how many findings are printed: more would say nothing new.
const findingsTold = 20

// conclude prints the findings and the last line.
func (r *rig) conclude(found verdict, took time.Duration, whole bool) error {
	for _, f := range found.Findings[:min(len(found.Findings), findingsTold)] {
		r.say("%s", f)
	}
	last := result{
		Payments: r.options.Payments, Seed: r.options.Seed, Seconds: took.Round(time.Second).Seconds(),
		Kills: r.killed(), Counts: found.Counts, OK: whole && found.ok(),
	}
	line, err := json.Marshal(last)
	if err != nil {
		return err
	}
	r.say("%s", line)
	if n := len(found.Findings); n > 0 {
		return fmt.Errorf("%d things are wrong; run it again with -seed %d -payments %d", n, r.options.Seed, r.options.Payments)
	}
	return nil
}

// told lists counts for people, in the parts' order.
func told(counts map[string]int) string {
	var all []string
	for _, name := range partNames {
		all = append(all, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(all, ", ")
}
