package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"twigz/temporal-dev/process"
)

// smoke runs the stack on free ports in a directory of its own, whatever the environment says, pays one order, checks all
// that came of it and says so in one line. Nothing of it stays.
func smoke(ctx context.Context, files programs, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "twigz-smoke-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // in the directory for temporary files: it goes sooner or later
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // root runs Postgres as another user, who has to pass
		return fmt.Errorf("open %s: %w", dir, err)
	}
	p, err := newPlan(ctx, smokeEnv(dir))
	if err != nil {
		return err
	}
	s := newStack(p, files, io.Discard)
	var line string
	err = s.during(ctx, func(ctx context.Context) error {
		if err := s.up(ctx); err != nil {
			return err
		}
		sold, err := s.sell(ctx)
		if err != nil {
			return err
		}
		line, err = s.check(ctx, sold)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return errors.Join(errors.New("smoke: interrupted"), err)
	case err != nil:
		s.printTails(stderr)
		return fmt.Errorf("smoke: %w", err)
	}
	_, _ = fmt.Fprintln(stdout, line)
	return nil
}

// smokeEnv is an environment in which every port is free and every part is ours.
func smokeEnv(dir string) func(string) string {
	return func(name string) string {
		switch {
		case name == "DEV_DIR":
			return dir
		case name == "API_ADDR", name == "METRICS_ADDR":
			return "127.0.0.1:0"
		case strings.HasSuffix(name, "_PORT"):
			return "0"
		}
		return ""
	}
}

// check compares everything that a fulfilled order leaves behind with what it should be.
func (s *stack) check(ctx context.Context, sold sale) (line string, err error) {
	o := sold.detail.Order
	if o.Status != "confirmed" {
		return "", fmt.Errorf("order %s is %s, not confirmed", o.ID, o.Status)
	}
	if o.Total != sold.amount || o.Subtotal+o.DeliveryFee != o.Total {
		return "", fmt.Errorf("order %s: subtotal %d and fee %d make %d, paid were %d", o.ID, o.Subtotal, o.DeliveryFee, o.Total, sold.amount)
	}
	if err := s.checkMails(ctx); err != nil {
		return "", err
	}
	events, err := s.checkWorkflow(ctx, sold.eventID)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("smoke: order %s confirmed, total %s %s, 2 mails, %d history events, %d ms from payment to fulfilled",
		o.ID, major(o.Total), strings.ToUpper(o.Currency), events, sold.took.Milliseconds()), nil
}

// checkMails wants one mail for the customer and one for the store.
func (s *stack) checkMails(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	mails, err := s.inbox.WaitFor(ctx, 2)
	if err != nil {
		return err
	}
	count := map[string]int{}
	for _, m := range mails {
		count[strings.Join(m.To, ",")]++
	}
	if len(mails) != 2 || count[demoMail] != 1 || count[demoStore.Email] != 1 {
		return fmt.Errorf("mails went out to %v, not one each to %s and %s", count, demoMail, demoStore.Email)
	}
	return nil
}

// checkWorkflow wants the event's workflow completed, and returns how many history events it took.
func (s *stack) checkWorkflow(ctx context.Context, eventID string) (events int64, err error) {
	c, err := s.dialTemporal(ctx)
	if err != nil {
		return 0, fmt.Errorf("connect to Temporal: %w", err)
	}
	defer c.Close()
	err = poll(ctx, 10*time.Millisecond, 10*time.Second, func(ctx context.Context) error {
		d, err := c.DescribeWorkflowExecution(ctx, eventID, "")
		if err != nil {
			return err
		}
		info := d.GetWorkflowExecutionInfo()
		events = info.GetHistoryLength()
		if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			return fmt.Errorf("workflow %s is %s", eventID, info.GetStatus())
		}
		return nil
	})
	return events, err
}

// printTails shows the ends of the logs: the directory they are in will be gone.
func (s *stack) printTails(stderr io.Writer) {
	for _, name := range []string{"api", "worker", "temporal", "postgres"} {
		lines := process.Tail(s.plan.log(name), 10)
		if len(lines) > 0 {
			_, _ = fmt.Fprintf(stderr, "%s:\n  %s\n", filepath.Base(s.plan.log(name)), strings.Join(lines, "\n  "))
		}
	}
}
