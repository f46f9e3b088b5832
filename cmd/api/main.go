// Command api translates requests: Stripe's webhooks into workflows, customers'
// and support's calls into rows.
//
// The way of a webhook is verify, decode, start. No database and no Stripe call
// comes before the answer, and no 2xx before Temporal has the event. While
// Temporal is away it is kept in Postgres instead, and started from there by the
// dispatcher (internal/ingest) that runs beside the listeners. Every other call is
// one method of package models; a handler is the few lines that name it. What needs
// Stripe as well, a checkout and a customer, is in the rows first and then waits a
// while for the workflow that asks Stripe. One adapter (adapter.go) decodes, maps
// errors and encodes for all. Only the events of a payment (payments.go) and of a
// customer's subscriptions (subscription.go) are an answer that goes on: they wait
// for word from internal/paymentfeed, and end when the program is told to stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"twigz/internal/temporalclient"
	"twigz/models"
	"twigz/workflows"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// drainTime bounds how long requests in flight may take to finish when the
// program is told to stop.
const drainTime = 20 * time.Second

// run serves until ctx ends, then lets requests in flight finish.
func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	config, err := readConfig(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: config.logLevel}))
	config.warn(log)

	db, err := models.Open(config.databaseURL, config.databasePool)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is left to lose
	temporal, err := config.temporal.New(log)
	if err != nil {
		return err
	}
	defer temporal.Close()

	s := newServer(config, log, db, temporal)
	if err := s.checkNamespace(ctx); err != nil {
		return err
	}
	return s.serve(ctx)
}

// checkNamespace refuses to start beside a Temporal that would refuse every
// workflow. One that cannot be reached yet is no fault: /ready tells.
func (s *server) checkNamespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := temporalclient.CheckAttributes(ctx, s.temporal, s.config.temporal.Options.Namespace, workflows.SearchAttributes())
	if missing, ok := errors.AsType[*temporalclient.MissingAttributesError](err); ok {
		return missing
	}
	if err != nil {
		s.log.WarnContext(ctx, "temporal cannot be reached yet", "error", err)
	}
	return nil
}

// door is one address that people come in by.
type door struct {
	setting  string // that names the address
	server   *http.Server
	listener net.Listener // nil until it is opened
}

// serve serves the API and, if they are wanted, the metrics, and starts what is
// in the inbox.
func (s *server) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	doors := []door{{setting: "API_ADDR", server: s.newHTTPServer(s.config.addr, s.routes())}} //nolint:contextcheck // requests bring their own
	if s.config.metricsAddr != "" {
		doors = append(doors, door{setting: "METRICS_ADDR", server: s.newHTTPServer(s.config.metricsAddr, s.metrics.routes())})
	}
	if err := open(ctx, doors); err != nil {
		return err
	}
	var background sync.WaitGroup
	defer background.Wait()
	background.Go(func() { s.inbox.Run(ctx) })
	background.Go(func() { s.payments.Run(ctx) })
	if s.tokens.Keys != nil {
		background.Go(func() { s.tokens.Keys.Run(ctx) })
	}
	failed := make(chan error, len(doors))
	for _, d := range doors {
		s.log.InfoContext(ctx, "listening", "setting", d.setting, "addr", d.listener.Addr().String())
		go func() { failed <- d.server.Serve(d.listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.draining.Store(true)
	cancel() // what runs in the background, streams too: Shutdown waits for those
	s.log.Info("stopping, requests in flight are finished first")
	drain, drained := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer drained()
	for _, d := range doors {
		err = errors.Join(err, d.server.Shutdown(drain))
	}
	return err
}

// open listens at every door, or at none: nobody is let in by one while another
// turns out to be taken.
func open(ctx context.Context, doors []door) error {
	for i, d := range doors {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.server.Addr)
		if err != nil {
			for _, opened := range doors[:i] {
				err = errors.Join(err, opened.listener.Close())
			}
			return fmt.Errorf("%s: %w", d.setting, err)
		}
		doors[i].listener = listener
	}
	return nil
}

// newHTTPServer bounds how long a client may take: nobody holds a connection by
// sending a byte a minute.
func (s *server) newHTTPServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
	}
}
