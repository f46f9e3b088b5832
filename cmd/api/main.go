// Command api translates requests: Stripe's webhooks into workflows, customers'
// and support's calls into rows.
//
// The way of a webhook is verify, decode, start. No database and no Stripe call
// comes before the answer, and no 2xx before Temporal has the event. Every
// other call is one method of package models; a handler is the few lines that
// name it. One adapter (adapter.go) decodes, maps errors and encodes for all.
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
	var missing *temporalclient.MissingAttributesError
	if errors.As(err, &missing) {
		return missing
	}
	if err != nil {
		s.log.WarnContext(ctx, "temporal cannot be reached yet", "error", err)
	}
	return nil
}

// serve listens on the API's and the metrics' addresses.
func (s *server) serve(ctx context.Context) error {
	servers := []*http.Server{newHTTPServer(s.config.addr, s.routes())}
	if s.config.metricsAddr != "" {
		servers = append(servers, newHTTPServer(s.config.metricsAddr, s.metrics.routes()))
	}
	failed := make(chan error, len(servers))
	for _, server := range servers {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", server.Addr)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", server.Addr, err)
		}
		s.log.InfoContext(ctx, "listening", "addr", listener.Addr().String())
		go func() { failed <- server.Serve(listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.log.Info("stopping, requests in flight are finished first")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(drain))
	}
	return err
}

// newHTTPServer bounds how long a client may take: nobody holds a connection by
// sending a byte a minute.
func newHTTPServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
	}
}
