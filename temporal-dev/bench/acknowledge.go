package bench

import (
	"context"
	"errors"

	"twigz/internal/ingest"
	"twigz/workflows"
)

// The subjects of (a), as the result names them.
const (
	bareStart  = "start"
	webhookNew = "webhook"
	webhookOld = "webhookOldOrders"
)

// unserved is a task queue that nobody polls, so that only the acknowledgement is measured.
const unserved = "unserved"

// acknowledge measures how fast webhooks are answered, against bare starts of the same workflow with the same input. Each
// round has a Temporal server of its own, with which the workflows that it leaves open go: ten thousand of them halve what a
// server can start in a second.
func (r *rig) acknowledge(ctx context.Context) (measurements, error) {
	r.say("\nwebhooks acknowledged")
	found := measurements{}
	for round := range r.options.Rounds {
		err := r.acknowledgeOnce(ctx, round, found)
		if err := errors.Join(err, r.stopChildren()); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (r *rig) acknowledgeOnce(ctx context.Context, round int, found measurements) error {
	t, err := r.startTemporal(ctx, "temporal-acknowledge")
	if err != nil {
		return err
	}
	defer t.client.Close()
	subjects := []subject{r.bareStart(t)}
	for i, name := range []string{webhookNew, webhookOld} {
		api, err := r.startAPI(ctx, r.shops[i], t, unserved+"-"+r.shops[i].name)
		if err != nil {
			return err
		}
		subjects = append(subjects, r.webhook(name, api.address))
	}
	// Connections are opened, caches filled.
	if _, err := r.measureAll(ctx, subjects, size{many, r.options.Starts / 4}); err != nil {
		return err
	}
	return r.compare(ctx, round, subjects, []size{{1, r.options.Starts / 3}, {many, r.options.Starts}}, found)
}

func (r *rig) bareStart(t *cluster) subject {
	return subject{bareStart, func(_ context.Context, _, n int) (block, error) {
		purchases, err := newPurchases("", n)
		return block{call: func(ctx context.Context, _, i int) error {
			_, err := ingest.Start(ctx, t.client, unserved+"-start", workflows.TypeFulfillOrder, purchases[i].event)
			return err
		}}, err
	}}
}

func (r *rig) webhook(name, address string) subject {
	return subject{name, func(ctx context.Context, clients, n int) (block, error) {
		purchases, err := newPurchases(address, n)
		if err != nil {
			return block{}, err
		}
		callers, err := dialAll(ctx, address, clients)
		if err != nil {
			return block{}, err
		}
		return block{
			call: func(ctx context.Context, client, i int) error { return callers[client].post(ctx, purchases[i].request) },
			done: func(context.Context) error { return hangUp(callers) },
		}, nil
	}}
}
