package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// poll calls try until it succeeds. An error of try is a reason to try again; the last one is in the error that is returned
// when time is up.
func poll(ctx context.Context, every, most time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not within %s", most))
	defer cancel()
	for {
		err := try(ctx)
		var final *finalError
		if err == nil || errors.As(err, &final) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(every):
		}
	}
}

// finalError is one that trying again would not mend.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// awaitTemporal returns when our own server has its namespace. Others' servers are left to API and worker, which know how to
// connect to them.
func (s *stack) awaitTemporal(ctx context.Context) error {
	if !s.plan.ours.temporal {
		return nil
	}
	err := poll(ctx, 50*time.Millisecond, readyTime, func(ctx context.Context) error {
		c, err := s.dialTemporal(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{
			Namespace: s.plan.env["TEMPORAL_NAMESPACE"],
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for Temporal (its log is %s): %w", short(s.plan.log("temporal")), err)
	}
	return nil
}

func (s *stack) dialTemporal(ctx context.Context) (client.Client, error) {
	return client.DialContext(ctx, client.Options{
		HostPort:  s.plan.env["TEMPORAL_ADDRESS"],
		Namespace: s.plan.env["TEMPORAL_NAMESPACE"],
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
}

// patience is how long a person waits before they want to know what for.
const patience = 5 * time.Second

// awaitAPI returns when /ready answers 200 with status ok, which it does when Temporal and Postgres answer and the tables are
// there. It says once what it waits for.
func (s *stack) awaitAPI(ctx context.Context) error {
	restless := time.Now().Add(patience)
	err := poll(ctx, 50*time.Millisecond, readyTime, func(ctx context.Context) error {
		err := s.ready(ctx)
		if err != nil && !restless.IsZero() && time.Now().After(restless) {
			s.say("still waiting: %v", err)
			restless = time.Time{}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for the API (its log is %s, the worker's %s): %w",
			short(s.plan.log("api")), short(s.plan.log("worker")), err)
	}
	return nil
}

func (s *stack) ready(ctx context.Context) error {
	var answer struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}
	if err := s.call(ctx, http.MethodGet, "/ready", "", nil, &answer); err != nil {
		return err
	}
	if answer.Status != "ok" {
		return fmt.Errorf("/ready says %s: %v", answer.Status, answer.Checks)
	}
	return nil
}
