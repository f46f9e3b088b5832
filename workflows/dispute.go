package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

const (
	// deadlineNotice is how long before evidence no longer counts support is told.
	deadlineNotice = 48 * time.Hour
	// lookInterval is how often Stripe is asked about an open dispute although no
	// event came: one may have been lost.
	lookInterval = 7 * 24 * time.Hour
)

// TrackDispute keeps what a dispute comes to. One workflow stays open for it
// until the bank has decided; the workflows of its later events wake that one.
func TrackDispute(ctx workflow.Context, e models.Event) (Result, error) {
	w := watch{event: e}
	if err := w.open(ctx); err != nil {
		return Result{}, err
	}
	s, err := w.untilDecided(ctx)
	if err != nil {
		return Result{}, err
	}
	return w.end(ctx, s, eventFields(w.event))
}

// watch is a dispute that is looked after.
type watch struct {
	desk
	event    models.Event
	reminded bool // of the deadline
}

// untilDecided looks at the dispute until it is closed, or another workflow's to
// look after.
func (w *watch) untilDecided(ctx workflow.Context) (models.Standing, error) {
	me := workflow.GetInfo(ctx).WorkflowExecution.ID
	for {
		s, err := w.look(ctx)
		if err != nil {
			return s.Standing, err
		}
		if s.Watcher != me && s.Changed {
			w.wake(ctx, s.Watcher)
		}
		if s.Watcher != me || !s.Open {
			return s.Standing, nil
		}
		waits, err := w.stand(ctx, s.Standing)
		if err != nil {
			return s.Standing, err
		}
		if !waits && len(s.Due.Refunds) > 0 {
			continue // what came of them may need a person
		}
		if err := w.awaitBank(ctx, s, waits); err != nil {
			return s.Standing, err
		}
	}
}

// look writes down how the dispute is now. Where Stripe cannot be asked, what is
// known of it stays.
func (w *watch) look(ctx workflow.Context) (models.DisputeStanding, error) {
	if w.event.Dispute != nil {
		in := activities.DisputeInput{DisputeID: w.event.Dispute.ID}
		view, err := ask[activities.DisputeView](ctx, &w.desk, "Ask Stripe how the dispute is now", stripeCalls.ViewDispute, in)
		if err != nil {
			return models.DisputeStanding{}, err
		}
		if view.Found {
			w.event.Dispute = &view.Dispute
			identify(&w.event, view.PaymentIntentID, view.ChargeID)
		}
	}
	return onRows[models.DisputeStanding](ctx, &w.desk, "Record the dispute", rowsAndMails.RecordDispute, w.event)
}

// awaitBank waits until there is a reason to look again: a request, the time to
// remind of the deadline, or that it has been long. waits says that the payment
// is blocked besides.
func (w *watch) awaitBank(ctx workflow.Context, s models.DisputeStanding, waits bool) error {
	left, due := w.untilNotice(ctx, s.DueBy)
	if due && left <= 0 {
		w.reminded, due = true, false
		deadline := models.Reminder{
			Kind: models.TellDeadline, Occasion: w.event.Dispute.ID + ":deadline", Detail: w.event.Dispute.ID,
		}
		if err := w.remind(ctx, deadline); err != nil {
			return err
		}
	}
	most, why, whom := lookInterval, "Look at the dispute again", bank(s.DueBy)
	if due && left < most {
		most, why = left, "Remind support of the deadline"
	}
	if waits && aDay < most {
		most, why = aDay, remindTomorrow
	}
	if waits {
		whom = "a person"
	}
	w.waitFor(ctx, whom)
	asked, err := w.pause(ctx, most, why)
	if err != nil {
		return err
	}
	if !asked && waits && most == aDay {
		return w.remindDaily(ctx)
	}
	_, err = w.attend(ctx)
	return err
}

// untilNotice is how long it is until support has to be told of the deadline; due
// is false when it does not have to be: there is none, it is over, or it was.
func (w *watch) untilNotice(ctx workflow.Context, dueBy int64) (left time.Duration, due bool) {
	deadline, now := time.Unix(dueBy, 0), workflow.Now(ctx)
	if dueBy == 0 || w.reminded || !now.Before(deadline) || w.event.Dispute == nil {
		return 0, false
	}
	return deadline.Add(-deadlineNotice).Sub(now), true
}

// bank is whom an open dispute waits for.
func bank(dueBy int64) string {
	if dueBy == 0 {
		return "the bank"
	}
	return "the bank, evidence counts until " + time.Unix(dueBy, 0).UTC().Format("2006-01-02 15:04 UTC")
}
