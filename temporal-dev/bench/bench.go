// Package bench measures Twigz on one machine, against what could be had there at best: `make bench`.
//
//	(a) webhooks acknowledged   POST /stripe/webhook ─▶ API ─▶ Temporal     against   StartWorkflow ─▶ Temporal
//	(b) orders fulfilled        the same ─▶ worker ─▶ Postgres, mail        against   a workflow of the same shape,
//	                                                                                 whose steps do nothing
//	(c), (d)                    events and bytes of history, CPU seconds an order
//	(e)                         (a) and (b) by a second API and worker, on tables with a million old orders
//	(f) payments searched       support's search in those tables            against   the same in tables with a twentieth
//
// API and worker are the programs as they ship. Postgres waits for the disk. Temporal keeps its data in memory: where the
// server costs least, ours shows most. The mail server takes mails over SMTP and counts them. All of it shares the machine
// with the clients, so what one part uses the others lack.
//
// # What makes it a fair comparison
//
// Machines are shared, and slow down and speed up; so does a server that fills. So everything that is compared runs in one
// go and takes turns: a round is two blocks of calls of each, there and back, and a ratio is the median of the rounds' own
// ratios, each of blocks that are seconds apart. That is also why there are two shops from the start, one with a past.
//
// A bare start is the very function by which the API starts workflows (ingest.Start), through a client made in the same way,
// with the event that the API would read from the webhook. The empty shape has the same start, worker options and activity
// options; before anything is measured its history is held against an order's, event by event.
//
// What is fast and wrong does not count: after each block the tables are asked for every order, mail and cart, and any
// answer that is not what it should be ends the run. What a call needs (carts, events, signatures, connections) is made
// before the clock runs.
//
// # What is left behind
//
// Nothing: all state is in one directory, which goes at the end. Webhooks of (a) start workflows on task queues that nobody
// polls, on Temporal servers of their own, with which they go as well.
package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"twigz/temporal-dev/process"
	"twigz/temporal-dev/programs"
)

// many is how many clients there are where they come at once.
const many = 32

// The parts of a run.
const (
	partAcknowledge = "acknowledge"
	partFulfill     = "fulfill"
	partSearch      = "search"
)

var parts = []string{partAcknowledge, partFulfill, partSearch}

// emptyWorker is the argument that makes this program the worker whose steps do nothing.
const emptyWorker = "empty-worker"

// Options says what to measure and how much of it.
type Options struct {
	API, Worker string // the programs' files
	Self        string // this program's file, which is the Temporal server and the empty worker too
	Rounds      int    // at least 3 for a result worth keeping
	Starts      int    // webhooks, and starts, in a block of many clients; a third of it one at a time
	Orders      int    // orders in a block of many clients; half of it one at a time
	Searches    int    // searches of a kind in each round
	Old         int    // old orders in the tables of the second shop
	Plans       bool   // print Postgres's plan of each kind of search
	Only        string // the one part to measure: acknowledge, fulfill or search; "" all
}

// Main runs the bench, or with emptyWorker as its argument the worker that it compares with. It ends early when told to:
// by ctx, by a signal, or by the end of the make that ran it.
func Main(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if len(args) == 2 && args[1] == emptyWorker {
		return workEmpty(ctx, getenv, stdout)
	}
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
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.API, "api", "bin/api", "the API's program")
	flags.StringVar(&o.Worker, "worker", "bin/worker", "the worker's program")
	flags.IntVar(&o.Rounds, "rounds", 5, "rounds, of whose figures the medians are told")
	flags.IntVar(&o.Starts, "starts", 1200, "webhooks in a block")
	flags.IntVar(&o.Orders, "orders", 480, "orders in a block")
	flags.IntVar(&o.Searches, "searches", 200, "searches of a kind in a round")
	flags.BoolVar(&o.Plans, "plans", false, "print Postgres's plan of each kind of search")
	flags.StringVar(&o.Only, "only", "", "measure one part alone: "+strings.Join(parts, ", "))
	flags.IntVar(&o.Old, "old", 1_000_000, "old orders in the tables of the second shop")
	flags.IntVar(&parent, "make", 0, "process ID of the make to end with")
	err = flags.Parse(args[1:])
	if err == nil && min(o.Rounds, o.Starts/6, o.Orders/4, o.Searches/2, o.Old) < 1 {
		err = errors.New("rounds and old must be at least 1, starts 6, orders 4 and searches 2")
	}
	if err == nil && o.Only != "" && !slices.Contains(parts, o.Only) {
		err = fmt.Errorf("there is no part %q", o.Only)
	}
	return o, parent, err
}

// Run measures everything and prints it; the last line is one JSON object. Nothing of what it started or wrote stays.
func Run(ctx context.Context, o Options, stdout io.Writer) (err error) {
	began := time.Now()
	dir, err := programs.MakeDir(".bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left would be in a directory that says what it is
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r := &rig{options: o, dir: dir, stdout: stdout, fail: fail}
	result, err := r.run(running)
	switch {
	case ctx.Err() != nil:
		err = errStopped
	case err != nil && context.Cause(running) != nil:
		err = context.Cause(running) // a part has ended: whatever failed after it is no news
	}
	if err = errors.Join(err, r.stop()); err != nil {
		return err
	}
	result.Seconds = time.Since(began).Round(time.Second).Seconds()
	return result.print(stdout)
}

func (r *rig) run(ctx context.Context) (report, error) {
	if err := r.startData(ctx); err != nil {
		return report{}, err
	}
	v, err := r.findVersions(ctx)
	if err != nil {
		return report{}, err
	}
	result := report{
		Only: r.options.Only, Versions: v, Rounds: r.options.Rounds, OldOrders: r.options.Old, Cores: runtime.NumCPU(),
		Calls: map[string]int{partAcknowledge: r.options.Starts, partFulfill: r.options.Orders, partSearch: r.options.Searches},
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *report) error
	}{{partAcknowledge, r.reportAcknowledge}, {partFulfill, r.reportFulfill}, {partSearch, r.reportSearch}} {
		if r.options.Only != "" && r.options.Only != part.name {
			continue
		}
		if err := part.measure(ctx, &result); err != nil {
			return result, err
		}
	}
	result.Met = !slices.ContainsFunc(result.Goals, func(g goal) bool { return !g.Met })
	return result, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
