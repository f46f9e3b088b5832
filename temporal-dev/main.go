// Command temporal-dev stands in for the outside world on a developer's machine: a real Temporal server with its Web UI,
// without Docker and without a download beyond Go modules.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"twigz/temporal-dev/bench"
	"twigz/temporal-dev/chaos"
	"twigz/temporal-dev/stack"
	"twigz/temporal-dev/temporalserver"
)

const usage = "usage: temporal-dev server start-dev [flags] | dev | smoke | bench [flags] | chaos [flags]"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a graceful stop. Giving the signals back right away lets a second one end the process.
	context.AfterFunc(ctx, stop)

	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "temporal-dev:", err)
		os.Exit(1)
	}
}

// run does what args[0] names, until it is done or ctx is.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "server":
		return temporalserver.Main(ctx, args, stdout, stderr)
	case "dev", "smoke":
		return stack.Main(ctx, args, getenv, stdout, stderr)
	case "bench":
		return bench.Main(ctx, args, getenv, stdout, stderr)
	case "chaos":
		return chaos.Main(ctx, args, stdout, stderr)
	default:
		return fmt.Errorf("unknown command %q; %s", args[0], usage)
	}
}
