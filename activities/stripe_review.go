package activities

import (
	"cmp"
	"context"

	"github.com/stripe/stripe-go/v79"

	"twigz/models"
)

// ReviewInput names a review.
type ReviewInput struct {
	ReviewID string `json:"reviewId"`
}

// ReviewView is a review as Stripe has it now.
type ReviewView struct {
	Found           bool               `json:"found"` // false: Stripe knows no such review
	PaymentIntentID string             `json:"paymentIntentId,omitempty"`
	ChargeID        string             `json:"chargeId,omitempty"`
	Review          models.ReviewFacts `json:"review"`
}

// ViewReview asks Stripe how a Radar review is now.
func (s *Stripe) ViewReview(ctx context.Context, in ReviewInput) (ReviewView, error) {
	review, err := s.api.Reviews.Get(in.ReviewID, &stripe.ReviewParams{Params: stripe.Params{Context: ctx}})
	if isMissing(err) {
		return ReviewView{}, nil
	}
	if err != nil {
		return ReviewView{}, stripeEdge("view review", err)
	}
	if review.ID != in.ReviewID || review.Object != "review" {
		return ReviewView{}, errOddAnswer("view review")
	}
	view := ReviewView{
		Found:           true,
		PaymentIntentID: intentOf(review.PaymentIntent),
		ChargeID:        chargeOf(review.Charge),
		Review: models.ReviewFacts{
			ID:           in.ReviewID,
			Open:         review.Open,
			OpenedReason: models.Clean(string(review.OpenedReason), maxWord),
		},
	}
	if !review.Open {
		view.Review.ClosedReason = models.Clean(cmp.Or(string(review.ClosedReason), string(review.Reason)), maxWord)
	}
	return view, nil
}
