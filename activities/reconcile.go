package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v79"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"twigz/internal/webhook"
	"twigz/models"
)

// Reconciler compares what we know with what Stripe knows, and what we took with
// what came of it. It runs on the task queue of the calls to Stripe.
type Reconciler struct {
	Stripe   *Stripe
	DB       *models.DB
	Livemode bool // of the events that are ours
	Log      *slog.Logger
	Grace    time.Duration    // for how long access is kept after a payment failed; 0: not at all
	Announce *models.Announce // nil: other services are not told of what ends

	// Start starts the workflow of an event: handled is whether any workflow type
	// is for it, started whether no run was there before.
	Start func(ctx context.Context, e models.Event) (handled, started bool, err error)
	// OpenCase sees to it that a workflow looks after a payment. That one does
	// already is no error.
	OpenCase func(ctx context.Context, paymentID string) error
	// Running says whether a workflow is open.
	Running func(ctx context.Context, workflowID string) (bool, error)
}

const (
	// eventOverlap is how far before its cursor a listing begins: Stripe may list
	// an event later than it happened, and clocks differ.
	eventOverlap = time.Hour
	// eventsKept is how long Stripe lists an event.
	// https://docs.stripe.com/api/events
	eventsKept = 30 * 24 * time.Hour
	// watchPatience is how long a payment may be without an outcome: its workflows
	// need a second, or the time that a restart takes.
	watchPatience = 5 * time.Minute
	// watchMost is how many payments a look at them takes up; the next one goes on.
	watchMost = 1000
	// watchPage is how many blocked payments or disputes are read at once.
	watchPage = 500
	// failuresMost is how many things may go wrong before the rest is left for
	// later: one that always does must not keep the others from being looked at,
	// and a Temporal that is away need not be asked for each.
	failuresMost = 10
)

// ReconcileResult counts what a listing of Stripe's events came to.
type ReconcileResult struct {
	Seen       int `json:"seen"`                 // listed
	Missing    int `json:"missing"`              // of a type that is handled, and not recorded here
	Started    int `json:"started"`              // of those, that had no workflow: Stripe never delivered them, or we lost them
	Unreadable int `json:"unreadable,omitempty"` // logged, and given up
}

// ReconcileEvents starts the workflows of the events that never came: Stripe
// gives up on a delivery after three days, and an endpoint may be disabled, or
// its secret wrong, for longer. It lists Stripe's events since the last time, and
// only when every one of them has been looked at and what was missing has a
// workflow, the next listing begins later. The first one begins an hour back: a
// new installation does not replay a shop's past.
func (r *Reconciler) ReconcileEvents(ctx context.Context) (ReconcileResult, error) {
	var result ReconcileResult
	began := time.Now()
	from, err := r.from(ctx, began)
	if err != nil {
		return result, edge(err)
	}
	missing, err := r.missing(ctx, from, &result)
	if err != nil {
		return result, err
	}
	var failed failures
	for _, e := range slices.Backward(missing) { // they are listed newest first
		activity.RecordHeartbeat(ctx)
		if err := r.start(ctx, e, &result); failed.add(err) || ctx.Err() != nil {
			break
		}
	}
	if err := cmp.Or(ctx.Err(), failed.err()); err != nil {
		return result, err
	}
	return result, edge(r.DB.MoveCursor(ctx, models.CursorEvents, began))
}

// from is when a listing that begins now has to begin.
func (r *Reconciler) from(ctx context.Context, now time.Time) (time.Time, error) {
	reached, err := r.DB.Cursor(ctx, models.CursorEvents)
	oldest := now.Add(-eventsKept)
	switch {
	case err != nil:
		return time.Time{}, err
	case reached.IsZero():
		return now.Add(-eventOverlap), nil
	case reached.Before(oldest):
		r.Log.ErrorContext(ctx, "stripe no longer lists the events between", "from", reached, "to", oldest)
		return oldest, nil
	}
	from := reached.Add(-eventOverlap)
	if from.Before(oldest) {
		from = oldest
	}
	return from, nil
}

// missing are the events since a time that might have a workflow and are known
// here neither as recorded nor as waiting, the newest first.
func (r *Reconciler) missing(ctx context.Context, from time.Time, result *ReconcileResult) ([]models.Event, error) {
	var missing []models.Event
	for page, err := range r.Stripe.eventsSince(ctx, from) {
		if err != nil {
			return nil, stripeEdge("list events", err)
		}
		activity.RecordHeartbeat(ctx)
		ours := r.ours(ctx, page, result)
		ids := make([]string, len(ours))
		for i, e := range ours {
			ids[i] = e.ID
		}
		unseen, err := r.DB.Unseen(ctx, ids)
		if err != nil {
			return nil, edge(err)
		}
		for _, e := range ours {
			if slices.Contains(unseen, e.ID) {
				missing = append(missing, e)
			}
		}
	}
	return missing, nil
}

// ours reads the events of a page, and keeps those that the API would have acted on.
func (r *Reconciler) ours(ctx context.Context, page []*stripe.Event, result *ReconcileResult) []models.Event {
	var ours []models.Event
	for _, listed := range page {
		result.Seen++
		if !webhook.Handled(string(listed.Type)) {
			continue
		}
		delivery, err := readEvent(listed)
		switch {
		case err != nil:
			result.Unreadable++
			r.Log.ErrorContext(ctx, "listed event cannot be read", "event_id", models.Clean(listed.ID, maxID), "event_type", string(listed.Type), "error", err)
		case delivery.Account == "" && delivery.Event.Livemode == r.Livemode:
			ours = append(ours, delivery.Event)
		}
	}
	return ours
}

func (r *Reconciler) start(ctx context.Context, e models.Event, result *ReconcileResult) error {
	handled, started, err := r.Start(ctx, e)
	if err != nil {
		return fmt.Errorf("start %s: %w", e.ID, err)
	}
	if handled {
		result.Missing++
	}
	if started {
		result.Started++
		r.Log.WarnContext(ctx, "event was never delivered, its workflow is started now", "event_id", e.ID, "event_type", e.Type, "payment_intent_id", e.PaymentIntentID)
	}
	return nil
}

// WatchResult counts what a look at all payments came to.
type WatchResult struct {
	Without int `json:"without"` // succeeded payments that nothing had come of for five minutes
	Opened  int `json:"opened"`  // payments that somebody was asked to look after: those, and what nobody waited with any more

	Released int `json:"released,omitempty"` // checkouts whose stock nobody had released although their time was over
	Ended    int `json:"ended,omitempty"`    // customers whose access was kept after a payment failed, and is over
}

// Watch demands of every succeeded payment an order, its money back, or an open
// case. It opens a case for each that has none, and for each blocked payment and
// each dispute whose workflow ended without having dealt with it, because somebody
// terminated it for example. For the same reason it releases the stock of checkouts
// that nobody else releases any more. And since no event tells of it, it ends the
// access of those who have not paid for as long as they had.
func (r *Reconciler) Watch(ctx context.Context) (WatchResult, error) {
	began := time.Now()
	without, err := r.DB.PaymentsWithoutOutcome(ctx, watchPatience, watchMost)
	if err != nil {
		return WatchResult{}, edge(err)
	}
	w := watch{r: r, asked: map[string]bool{}, result: WatchResult{Without: len(without)}}
	for _, paymentID := range without {
		w.openCase(ctx, paymentID, "succeeded payment has no outcome")
	}
	w.findOrphans(ctx, r.DB.BlockedPayments, "blocked payment has nobody who waits with it")
	w.findOrphans(ctx, r.DB.WatchedDisputes, "dispute has nobody who watches it")
	w.releaseOverdue(ctx)
	w.endGrace(ctx)
	if err := cmp.Or(ctx.Err(), w.failed.err()); err != nil {
		return w.result, err
	}
	if len(without) == 0 {
		err = r.DB.MoveCursor(ctx, models.CursorWatched, began.Add(-watchPatience))
	}
	return w.result, edge(err)
}

// watch is one look at all payments.
type watch struct {
	r      *Reconciler
	asked  map[string]bool // payments that a case was opened for
	failed failures
	result WatchResult
}

func (w *watch) openCase(ctx context.Context, paymentID, why string) {
	if w.asked[paymentID] || w.over(ctx) {
		return
	}
	activity.RecordHeartbeat(ctx)
	if err := w.r.OpenCase(ctx, paymentID); err != nil {
		w.failed.add(fmt.Errorf("open case of %s: %w", paymentID, err))
		return
	}
	w.r.Log.WarnContext(ctx, "case opened", "payment_id", paymentID, "why", why)
	w.asked[paymentID] = true
	w.result.Opened++
}

// findOrphans opens a case for everything on a list whose workflow is no longer open.
func (w *watch) findOrphans(ctx context.Context, list func(ctx context.Context, after string, limit int) ([]models.Owned, error), why string) {
	for after, more := "", true; more && !w.over(ctx); {
		page, err := list(ctx, after, watchPage)
		if err != nil {
			w.failed.add(errors.New(models.Describe(err)))
			return
		}
		for _, owned := range page {
			w.check(ctx, owned, why)
			after = owned.ID
		}
		more = len(page) == watchPage
	}
}

func (w *watch) check(ctx context.Context, owned models.Owned, why string) {
	if w.asked[owned.PaymentID] || w.over(ctx) {
		return
	}
	activity.RecordHeartbeat(ctx)
	running, err := w.r.Running(ctx, owned.OwnerID)
	if err != nil {
		w.failed.add(fmt.Errorf("look for %s: %w", owned.OwnerID, err))
		return
	}
	if !running {
		w.openCase(ctx, owned.PaymentID, why)
	}
}

// releaseOverdue releases what checkouts keep although their time is over. What is
// left after a page, or went wrong, is the next look's.
func (w *watch) releaseOverdue(ctx context.Context) {
	overdue, err := w.r.DB.OverdueCheckouts(ctx, watchPatience, watchPage)
	if err != nil {
		w.failed.add(errors.New(models.Describe(err)))
	}
	for _, paymentID := range overdue {
		if w.over(ctx) {
			return
		}
		activity.RecordHeartbeat(ctx)
		if err := w.r.DB.ExpireCheckout(ctx, paymentID); err != nil {
			w.failed.add(fmt.Errorf("release the stock of %s: %s", paymentID, models.Describe(err)))
			continue
		}
		w.r.Log.WarnContext(ctx, "overdue checkout released", "payment_id", paymentID)
		w.result.Released++
	}
}

// endGrace reckons anew what customers may have whose time to pay is over.
func (w *watch) endGrace(ctx context.Context) {
	if w.over(ctx) {
		return
	}
	activity.RecordHeartbeat(ctx)
	ended, err := w.r.DB.EndGrace(ctx, w.r.Grace, w.r.Announce)
	if err != nil {
		w.failed.add(fmt.Errorf("end grace: %s", models.Describe(err)))
	}
	w.result.Ended = ended
}

// over says whether the rest is to be left for later.
func (w *watch) over(ctx context.Context) bool { return w.failed.enough() || ctx.Err() != nil }

// failures are what went wrong with some of many.
type failures []error

// add keeps an error, if it is one, and says whether there are enough of them.
func (f *failures) add(err error) bool {
	if err != nil {
		*f = append(*f, err)
	}
	return f.enough()
}

func (f *failures) enough() bool { return len(*f) >= failuresMost }

// err is all of them as one that passes, for Temporal; nil when there are none.
func (f *failures) err() error {
	if len(*f) == 0 {
		return nil
	}
	return temporal.NewApplicationError(errors.Join(*f...).Error(), "Passing")
}
