package activities

import (
	"context"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// DisputeInput names a dispute.
type DisputeInput struct {
	DisputeID string `json:"disputeId"`
}

// DisputeView is a dispute as Stripe has it now.
type DisputeView struct {
	Found           bool                `json:"found"` // false: Stripe knows no such dispute
	PaymentIntentID string              `json:"paymentIntentId,omitempty"`
	ChargeID        string              `json:"chargeId,omitempty"`
	Dispute         models.DisputeFacts `json:"dispute"`
}

// ViewDispute asks Stripe how a dispute is now.
func (s *Stripe) ViewDispute(ctx context.Context, in DisputeInput) (DisputeView, error) {
	dispute, err := s.api.Disputes.Get(in.DisputeID, &stripe.DisputeParams{Params: stripe.Params{Context: ctx}})
	if isMissing(err) {
		return DisputeView{}, nil
	}
	if err != nil {
		return DisputeView{}, stripeEdge("view dispute", err)
	}
	if dispute.ID != in.DisputeID {
		return DisputeView{}, errOddAnswer("view dispute")
	}
	view := DisputeView{
		Found:           true,
		PaymentIntentID: intentOf(dispute.PaymentIntent),
		ChargeID:        chargeOf(dispute.Charge),
		Dispute: models.DisputeFacts{
			ID:       in.DisputeID,
			Status:   models.StripeDisputeStatus(string(dispute.Status)),
			Reason:   models.Clean(string(dispute.Reason), maxWord),
			Amount:   max(0, dispute.Amount),
			Currency: models.Clean(string(dispute.Currency), maxCurrency),
		},
	}
	if dispute.EvidenceDetails != nil {
		view.Dispute.DueBy = max(0, dispute.EvidenceDetails.DueBy)
	}
	return view, nil
}
