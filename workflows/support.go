package workflows

import (
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// SupportInput names a payment that staff have decided about, and their request.
type SupportInput = models.FollowUp

// CaseInput names a payment that has nothing to show for its money.
type CaseInput struct {
	PaymentID string `json:"paymentId"`
}

// SupportWorkflowID is the ID of the workflow that carries out a request of
// staff.
func SupportWorkflowID(requestID string) string { return "support-" + requestID }

// CaseWorkflowID is the ID of the workflow that a payment's case is.
func CaseWorkflowID(paymentID string) string { return "case-" + paymentID }

// SupportAction carries out what an action of staff, which is in the rows
// already, leaves to be done in the world.
func SupportAction(ctx workflow.Context, in SupportInput) (Result, error) {
	d := desk{State: State{PaymentID: in.PaymentID}}
	if err := d.open(ctx); err != nil {
		return Result{}, err
	}
	due, err := onRows[models.Due](ctx, &d, "Find what is due", rowsAndMails.FindDue, activities.PaymentInput{PaymentID: in.PaymentID})
	if err != nil {
		return Result{}, err
	}
	if err := d.carryOut(ctx, due); err != nil {
		return Result{}, err
	}
	return d.lookAfter(ctx, in.PaymentID)
}

// OpenCase looks after a payment that was collected and has neither order nor
// refund, or whose workflow that waited about it, or about a dispute of it, is
// gone.
func OpenCase(ctx workflow.Context, in CaseInput) (Result, error) {
	w := watch{desk: desk{State: State{PaymentID: in.PaymentID}}}
	if err := w.open(ctx); err != nil {
		return Result{}, err
	}
	s, err := w.takeOver(ctx, in.PaymentID)
	for err == nil && s.Unwatched != "" {
		w.event = models.Event{ID: CaseWorkflowID(in.PaymentID), Dispute: &models.DisputeFacts{ID: s.Unwatched}}
		w.reminded = false
		s, err = w.untilDecided(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	return w.end(ctx, s, []any{"payment_id", s.PaymentID})
}

// takeOver looks where a payment stands in the place of whoever waited about it.
func (d *desk) takeOver(ctx workflow.Context, paymentID string) (models.Standing, error) {
	in := activities.LookInput{PaymentID: paymentID, WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, TakeOver: true}
	return onRows[models.Standing](ctx, d, "Look where the payment stands", rowsAndMails.Look, in)
}

func (d *desk) lookAfter(ctx workflow.Context, paymentID string) (Result, error) {
	s, err := d.look(ctx, paymentID)
	if err != nil {
		return Result{}, err
	}
	return d.end(ctx, s, []any{"payment_id", s.PaymentID})
}
