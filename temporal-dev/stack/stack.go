// Package stack runs everything that turns a payment into an order on one machine, on loopback addresses, and pays a demo
// order to show that it does.
//
//	ports ─▶ Temporal, Postgres, mail inbox, Stripe stand-in ─▶ worker, API ─▶ /ready ─▶ seed, cart, pay ─▶ order
//	                                                                                         │
//	                      until a signal, or until a part dies ◀── dev stays up ◀────────────┤
//	                                                               smoke checks and ends ◀───┘
//
// Temporal, worker and API are child processes, Postgres is one of pgserver's, the inbox and the stand-in run in this
// process. Each part but worker and API can be left to the caller, by setting the variable that names it: DATABASE_URL,
// TEMPORAL_ADDRESS, STRIPE_SECRET_KEY, SMTP_URL. Parts stop in the order that loses nothing: who asks before who answers.
package stack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"twigz/temporal-dev/process"
)

// programs are the files that the stack runs.
type programs struct {
	self   string // this very program, which is the Temporal server too
	api    string
	worker string
}

// Main runs args[0], which is dev or smoke, until it is done or told to stop: by ctx, by a signal, or by the end of the
// make that ran it. Being told to stop is no error.
func Main(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("say dev or smoke")
	}
	// Signals stay ours until the end. They come twice when make's whole group gets a SIGTERM, because make passes it on.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	api := flags.String("api", "bin/api", "the API's program")
	worker := flags.String("worker", "bin/worker", "the worker's program")
	parent := flags.Int("make", 0, "process ID of the make to end with")
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *parent != 0 {
		ctx, stop = process.WithMake(ctx, *parent)
		defer stop()
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	files := programs{self: self, api: *api, worker: *worker}
	switch args[0] {
	case "dev":
		return dev(ctx, files, getenv, stdout)
	case "smoke":
		return smoke(ctx, files, stdout, stderr)
	}
	return fmt.Errorf("%q is neither dev nor smoke", args[0])
}

// dev brings everything up, pays the demo order, and stays.
func dev(ctx context.Context, files programs, getenv func(string) string, stdout io.Writer) error {
	p, err := newPlan(ctx, getenv)
	if err != nil {
		return err
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	s := newStack(p, files, stdout)
	return s.during(ctx, func(ctx context.Context) error {
		if err := s.up(ctx); err != nil {
			return err
		}
		s.say("ready: %s", p.apiURL())
		s.showDemo(ctx)
		<-ctx.Done()
		return nil
	})
}

// showDemo pays the demo order and prints what came of it. Should it not go through, everything stays up all the same: that
// is when one wants to look.
func (s *stack) showDemo(ctx context.Context) {
	sale, err := s.sell(ctx)
	if ctx.Err() != nil {
		return
	}
	s.say("")
	if err != nil {
		s.say("The demo order did not go through: %v", err)
	} else {
		s.printOrder(sale)
	}
	s.say("")
	s.printPlaces(sale)
	s.say("\nCtrl-C stops everything.")
}

// during calls do, and stops every part when it returns. The death of a part ends the context that do is given, and is
// what during returns then; a stop that was asked for is no error.
func (s *stack) during(ctx context.Context, do func(context.Context) error) error {
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.fail = fail
	err := do(running)
	if errors.Is(context.Cause(running), errPartEnded) {
		err = s.ended()
	} else if ctx.Err() != nil {
		err = nil
	}
	s.say("stopping")
	return errors.Join(err, s.stop())
}

// say prints one line for the person at the terminal.
func (s *stack) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.stdout, format+"\n", args...) // nobody is left to tell
}

// short is a path as a person would type it.
func short(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return path
}
