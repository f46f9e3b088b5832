package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"

	"twigz/internal/ingest"
	"twigz/models"
	"twigz/workflows"
)

// The subjects of (b), as the result names them.
const (
	emptySteps = "emptySteps"
	orderNew   = "order"
	orderOld   = "orderOldOrders"
)

// emptyQueue is the task queue of the empty shape; a shop's is its name.
const emptyQueue = "empty"

// fulfill measures how fast events become orders, against a workflow of the same shape whose steps do nothing. version is
// the Temporal server's.
func (r *rig) fulfill(ctx context.Context) (found measurements, left histories, version string, err error) {
	r.say("\norders fulfilled")
	t, err := r.startTemporal(ctx, "temporal-fulfill")
	if err != nil {
		return nil, left, "", err
	}
	defer t.client.Close()
	subjects, err := r.fulfillers(ctx, t)
	if err != nil {
		return nil, left, "", err
	}
	// Connections are opened, statements prepared, caches filled.
	if _, err := r.measureAll(ctx, subjects, size{many, r.options.Orders / 2}); err != nil {
		return nil, left, "", err
	}
	for _, s := range r.shops { // as the tables of a shop that has begun to sell soon are
		if _, err := s.db.SQL().ExecContext(ctx, "ANALYZE"); err != nil {
			return nil, left, "", err
		}
	}
	if left, err = compareHistories(ctx, t.client); err != nil {
		return nil, left, "", err
	}
	if version, err = findTemporalVersion(ctx, t); err != nil {
		return nil, left, "", err
	}
	found = measurements{}
	for round := range r.options.Rounds {
		if err := r.compare(ctx, round, subjects, []size{{1, r.options.Orders / 2}, {many, r.options.Orders}}, found); err != nil {
			return nil, left, "", err
		}
	}
	return found, left, version, nil
}

func (r *rig) fulfillers(ctx context.Context, t *cluster) ([]subject, error) {
	worker, err := r.startEmptyWorker(ctx, t, emptyQueue)
	if err != nil {
		return nil, err
	}
	subjects := []subject{r.emptySteps(t, worker)}
	for i, name := range []string{orderNew, orderOld} {
		s := r.shops[i]
		if worker, err = r.startWorker(ctx, s, t, s.name); err != nil {
			return nil, err
		}
		api, err := r.startAPI(ctx, s, t, s.name)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, r.order(name, s, t, api, worker))
	}
	return subjects, nil
}

func (r *rig) emptySteps(t *cluster, worker program) subject {
	return subject{emptySteps, func(_ context.Context, _, n int) (block, error) {
		purchases, err := newPurchases("", n)
		return block{
			call: func(ctx context.Context, _, i int) error {
				event := purchases[i].event
				event.ID = emptyID(event.ID)
				if _, err := ingest.Start(ctx, t.client, emptyQueue, workflows.TypeFulfillOrder, event); err != nil {
					return err
				}
				return fulfilled(ctx, t, event.ID)
			},
			cpu: func() map[string]float64 {
				return map[string]float64{
					"worker": cpuSeconds(worker.PID(), false), "temporal": cpuSeconds(t.process.PID(), false),
					"bench": cpuSeconds(os.Getpid(), false),
				}
			},
		}, err
	}}
}

func (r *rig) order(name string, s *shop, t *cluster, api, worker program) subject {
	return subject{name, func(ctx context.Context, clients, n int) (block, error) {
		purchases, err := newPurchases(api.address, n)
		if err != nil {
			return block{}, err
		}
		if err := fillCarts(ctx, s.db.SQL(), purchases); err != nil {
			return block{}, err
		}
		callers, err := dialAll(ctx, api.address, clients)
		if err != nil {
			return block{}, err
		}
		mails := r.mails.Count()
		return block{
			call: func(ctx context.Context, client, i int) error {
				if err := callers[client].post(ctx, purchases[i].request); err != nil {
					return err
				}
				return fulfilled(ctx, t, purchases[i].event.ID)
			},
			done: func(ctx context.Context) error {
				if err := hangUp(callers); err != nil {
					return err
				}
				if came := r.mails.Count() - mails; came != int64(2*n) {
					return fmt.Errorf("%d mails came for %d orders", came, n)
				}
				return allFulfilled(ctx, s, purchases)
			},
			cpu: func() map[string]float64 {
				return map[string]float64{
					"api": cpuSeconds(api.PID(), false), "worker": cpuSeconds(worker.PID(), false),
					"postgres": cpuSeconds(r.postgres.PID(), true), "temporal": cpuSeconds(t.process.PID(), false),
					"bench": cpuSeconds(os.Getpid(), false), // the clients, and the mail server
				}
			},
		}, nil
	}}
}

// patience is how long one question for a workflow's end waits. About once in three thousand times the server forgets to
// answer one that waits, and its client would hear of an order only when the question ends, by itself after twenty seconds.
// The server gives up a second before its client would, so with a second or less it would be asked without a pause.
const patience = 3 * time.Second

// fulfilled waits for the end of an event's workflow: the order made, the cart cleared, both mails taken.
func fulfilled(ctx context.Context, t *cluster, eventID string) error {
	var result workflows.Result
	err := askForEnd(ctx, t, eventID, &result)
	for expired(err) && ctx.Err() == nil {
		err = askForEnd(ctx, t, eventID, &result)
	}
	if err != nil {
		return fmt.Errorf("wait for the end of %s: %w", eventID, err)
	}
	if result.Outcome != models.OrderCreated {
		return fmt.Errorf("the outcome of %s is %s", eventID, result.Outcome)
	}
	return nil
}

func askForEnd(ctx context.Context, t *cluster, eventID string, result *workflows.Result) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return t.client.GetWorkflow(ctx, eventID, "").Get(ctx, result)
}

// expired says whether a question has waited for as long as it was meant to.
func expired(err error) bool {
	var atServer *serviceerror.DeadlineExceeded
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &atServer)
}

// allFulfilled looks into the tables: what is fast and wrong is no result.
func allFulfilled(ctx context.Context, s *shop, purchases []purchase) error {
	customers := make([]string, len(purchases))
	for i, p := range purchases {
		customers[i] = p.customer
	}
	var orders, sent, left int
	err := s.db.SQL().QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM orders WHERE customer_id = ANY ($1) AND status = 'confirmed' AND total = $2),
		(SELECT count(*) FROM orders o JOIN notifications n ON n.order_id = o.id WHERE o.customer_id = ANY ($1) AND n.status = 'sent'),
		(SELECT count(*) FROM cart_items WHERE customer_id = ANY ($1))`, customers, cartTotal).Scan(&orders, &sent, &left)
	if err != nil {
		return fmt.Errorf("count orders: %w", err)
	}
	if orders != len(purchases) || sent != 2*len(purchases) || left != 0 {
		return fmt.Errorf("%d payments came to %d orders, %d mails sent and %d lines left in carts", len(purchases), orders, sent, left)
	}
	return nil
}

// emptyID is what a workflow of the empty shape is called.
func emptyID(eventID string) string { return "empty_" + strings.TrimPrefix(eventID, "evt_") }
