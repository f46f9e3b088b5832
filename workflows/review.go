package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// reviewApproved is the only closing reason after which an order goes on.
const reviewApproved = "approved"

// TrackReview keeps what a Radar review comes to: the order is held while it is
// open, goes on when it is approved, and is canceled and refunded otherwise.
func TrackReview(ctx workflow.Context, e models.Event) (Result, error) {
	var d desk
	if err := d.open(ctx); err != nil {
		return Result{}, err
	}
	if err := d.viewReview(ctx, &e); err != nil {
		return Result{}, err
	}
	if e.Review != nil && !e.Review.Open && e.Review.ClosedReason != reviewApproved {
		if err := d.learnRefunds(ctx, &e); err != nil {
			return Result{}, err
		}
	}
	s, err := onRows[models.Standing](ctx, &d, "Record the review", rowsAndMails.RecordReview, e)
	if err != nil {
		return Result{}, err
	}
	return d.end(ctx, s, eventFields(e))
}

// learnRefunds writes down what was refunded already: whoever closed a review at
// Stripe may have done it there, and then nothing is left to refund.
func (d *desk) learnRefunds(ctx workflow.Context, e *models.Event) error {
	view, err := d.viewRefundsOf(ctx, e)
	if err != nil || !view.Found {
		return err
	}
	s, err := d.recordRefunds(ctx, *e, view)
	d.PaymentID = s.PaymentID
	d.wake(ctx, s.Due.WakeID) // all else that is due, the review's own step finds too
	return err
}

// viewReview corrects what an event told of a review by how it is now.
func (d *desk) viewReview(ctx workflow.Context, e *models.Event) error {
	if e.Review == nil {
		return nil
	}
	in := activities.ReviewInput{ReviewID: e.Review.ID}
	view, err := ask[activities.ReviewView](ctx, d, "Ask Stripe how the review is now", stripeCalls.ViewReview, in)
	if err != nil || !view.Found {
		return err
	}
	e.Review = &view.Review
	identify(e, view.PaymentIntentID, view.ChargeID)
	return nil
}
