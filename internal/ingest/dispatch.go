package ingest

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"

	"twigz/models"
)

const (
	// interval is between two looks into an inbox that is empty, or that waits for
	// Temporal.
	interval = time.Second
	// batch is how many workflows one round starts.
	batch = 100
)

// Dispatcher starts what is in the inbox. Every process of the API runs one.
type Dispatcher struct {
	db        *models.DB
	temporal  client.Client
	taskQueue string
	log       *slog.Logger
	outage    *Outage
	kicked    chan struct{}
	lagging   bool // the last round failed; touched by Run alone
}

// NewDispatcher makes a dispatcher that starts workflows on a task queue. It
// tells outage when Temporal is back.
func NewDispatcher(db *models.DB, temporal client.Client, taskQueue string, log *slog.Logger, outage *Outage) *Dispatcher {
	return &Dispatcher{
		db: db, temporal: temporal, taskQueue: taskQueue, log: log, outage: outage,
		kicked: make(chan struct{}, 1),
	}
}

// Kick makes the dispatcher look into the inbox at once. It never waits.
func (d *Dispatcher) Kick() {
	select {
	case d.kicked <- struct{}{}:
	default: // it is about to look
	}
}

// Run dispatches until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if d.round(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-d.kicked:
		}
	}
}

// round starts what it can and says whether more is left to start at once.
func (d *Dispatcher) round(ctx context.Context) (more bool) {
	started, err := d.db.DispatchStarts(ctx, batch, d.start, Unreachable)
	switch {
	case ctx.Err() != nil: // told to stop: nothing is wrong
	case models.NotMigrated(err): // an inbox that is not there yet holds nothing; /ready tells
	case err != nil && !d.lagging:
		d.lagging = true
		d.log.WarnContext(ctx, "inbox cannot be dispatched, workflows in it wait", "error", models.Describe(err))
	case err == nil && d.lagging:
		d.lagging = false
		d.log.InfoContext(ctx, "inbox is dispatched again", "started", started)
	}
	return err == nil && started == batch
}

func (d *Dispatcher) start(ctx context.Context, p models.PendingStart) error {
	err := StartPending(ctx, d.temporal, d.taskQueue, p)
	switch {
	case err == nil:
		d.outage.Back()
	case !Unreachable(err):
		d.log.ErrorContext(ctx, "workflow in the inbox is refused", "workflow_id", p.WorkflowID, "error", err)
	}
	return err
}
