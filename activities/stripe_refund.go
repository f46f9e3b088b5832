package activities

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/stripe/stripe-go/v79"
	"go.temporal.io/sdk/temporal"

	"twigz/models"
)

// KeptFailure is the type of the error of what Stripe could not make and will not
// make under this key: it keeps its answer, a 500 too, for a day and repeats it. Whoever gets it goes on with another key; MakeRefund looks first
// whether the refund was made in spite of the answer.
// https://docs.stripe.com/api/idempotent_requests
const KeptFailure = "StripeKeptFailure"

// pageSize is as many objects as Stripe lists at once.
const pageSize = 100

// RefundsInput names a payment in one of three ways. The first that is set is
// asked by.
type RefundsInput struct {
	PaymentIntentID string `json:"paymentIntentId,omitempty"`
	ChargeID        string `json:"chargeId,omitempty"`
	RefundID        string `json:"refundId,omitempty"` // one of its refunds, at Stripe
}

// RefundsView is every refund of a payment as Stripe has it now.
type RefundsView struct {
	Found           bool                 `json:"found"` // false: Stripe knows no such payment or refund
	PaymentIntentID string               `json:"paymentIntentId,omitempty"`
	ChargeID        string               `json:"chargeId,omitempty"`
	Refunds         []models.RefundFacts `json:"refunds,omitempty"` // newest first
}

// ViewRefunds asks Stripe for all refunds of a payment: their events come in any
// order, and each tells of one.
func (s *Stripe) ViewRefunds(ctx context.Context, in RefundsInput) (RefundsView, error) {
	view, err := s.viewRefunds(ctx, in)
	if isMissing(err) {
		return RefundsView{}, nil
	}
	if err != nil {
		return RefundsView{}, stripeEdge("view refunds", err)
	}
	return view, nil
}

// viewRefunds is ViewRefunds with stripe-go's errors.
func (s *Stripe) viewRefunds(ctx context.Context, in RefundsInput) (RefundsView, error) {
	if in.PaymentIntentID == "" && in.ChargeID == "" {
		return s.viewSiblings(ctx, in.RefundID)
	}
	refunds, err := s.listRefunds(ctx, in.PaymentIntentID, in.ChargeID)
	if err != nil {
		return RefundsView{}, err
	}
	view := RefundsView{Found: true, PaymentIntentID: in.PaymentIntentID, ChargeID: in.ChargeID}
	for _, refund := range refunds {
		intentID, chargeID := payment(refund)
		view.PaymentIntentID = cmp.Or(view.PaymentIntentID, intentID)
		view.ChargeID = cmp.Or(view.ChargeID, chargeID)
		view.Refunds = append(view.Refunds, refundFacts(refund))
	}
	return view, nil
}

// viewSiblings finds the refunds of the payment that a refund is of.
func (s *Stripe) viewSiblings(ctx context.Context, refundID string) (RefundsView, error) {
	if refundID == "" {
		return RefundsView{}, nil // nothing to ask by
	}
	refund, err := s.api.Refunds.Get(refundID, &stripe.RefundParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return RefundsView{}, err
	}
	if refund.ID != refundID {
		return RefundsView{}, errOddAnswer("view refund")
	}
	intentID, chargeID := payment(refund)
	if intentID == "" && chargeID == "" {
		return RefundsView{Found: true, Refunds: []models.RefundFacts{refundFacts(refund)}}, nil
	}
	return s.viewRefunds(ctx, RefundsInput{PaymentIntentID: intentID, ChargeID: chargeID})
}

// listRefunds lists all refunds of a payment intent or else of a charge, page by
// page. It returns all of them or an error: a list that lacks one would have it
// made a second time.
func (s *Stripe) listRefunds(ctx context.Context, paymentIntentID, chargeID string) ([]*stripe.Refund, error) {
	params := &stripe.RefundListParams{ListParams: stripe.ListParams{Context: ctx, Limit: new(int64(pageSize)), Single: true}}
	if paymentIntentID != "" {
		params.PaymentIntent = &paymentIntentID
	} else {
		params.Charge = &chargeID
	}
	var all []*stripe.Refund
	for {
		pages := s.api.Refunds.List(params)
		if err := pages.Err(); err != nil {
			return nil, err
		}
		page := pages.RefundList()
		for _, refund := range page.Data {
			if !isOf(refund, paymentIntentID, chargeID) {
				return nil, errOddAnswer("list refunds")
			}
		}
		if page.Data == nil || page.HasMore && len(page.Data) == 0 { // {} is no empty list
			return nil, errOddAnswer("list refunds")
		}
		all = append(all, page.Data...)
		if !page.HasMore {
			return all, nil
		}
		params.StartingAfter = &page.Data[len(page.Data)-1].ID
	}
}

// isOf says whether a refund is one of a payment intent, or else of a charge.
func isOf(refund *stripe.Refund, paymentIntentID, chargeID string) bool {
	if refund == nil || refund.ID == "" {
		return false
	}
	intent, charge := payment(refund)
	if paymentIntentID != "" {
		return intent == paymentIntentID
	}
	return charge == chargeID
}

// payment is what a refund is of, each "" where it is not told.
func payment(refund *stripe.Refund) (paymentIntentID, chargeID string) {
	return intentOf(refund.PaymentIntent), chargeOf(refund.Charge)
}

func refundFacts(refund *stripe.Refund) models.RefundFacts {
	return models.RefundFacts{
		ID:            models.Clean(refund.ID, maxID),
		Ours:          models.Clean(refund.Metadata[models.KeyRefundID], maxID),
		Status:        models.StripeRefundStatus(string(refund.Status)),
		Amount:        max(0, refund.Amount),
		Currency:      models.Clean(string(refund.Currency), maxCurrency),
		Reason:        models.Clean(string(refund.Reason), maxWord),
		FailureReason: models.Clean(string(refund.FailureReason), maxWord),
	}
}

// RefundInput is a refund that Stripe is to make.
type RefundInput struct {
	RefundID        string `json:"refundId"`                  // our row, written before anybody is asked
	PaymentIntentID string `json:"paymentIntentId,omitempty"` // "": by ChargeID
	ChargeID        string `json:"chargeId,omitempty"`
	Amount          int64  `json:"amount"` // minor units
	IdempotencyKey  string `json:"idempotencyKey"`
}

// MakeRefund has Stripe make a refund, once for each row of ours. Stripe forgets
// keys after a day and repeats a 500 until then, so the key alone does not keep a
// retry from paying twice or for ever from paying at all: it looks first whether
// the refund is there, by the row's ID in its metadata, however it ended.
//
// Stripe's refusal is an answer. Its own fault (5xx) is a KeptFailure, and so is
// its word that the key was used for something else. Everything else passes and
// is to be tried again with the same key; a key to the API that is none or may
// not (401, 403) too, because money is owed and an operator can mend it.
func (s *Stripe) MakeRefund(ctx context.Context, in RefundInput) (models.RefundAnswer, error) {
	answer := models.RefundAnswer{RefundID: in.RefundID}
	before, err := s.viewRefunds(ctx, RefundsInput{PaymentIntentID: in.PaymentIntentID, ChargeID: in.ChargeID})
	if err != nil && !isMissing(err) {
		return answer, owedEdge("look for refund "+in.RefundID, err)
	}
	for _, facts := range before.Refunds {
		if facts.Ours == in.RefundID {
			answer.Facts = &facts
			return answer, nil
		}
	}
	refund, err := s.api.Refunds.New(in.params(ctx))
	if err != nil {
		answer.Refused, err = refusal("make refund "+in.RefundID, err)
		return answer, err
	}
	if refund.ID == "" || refund.Metadata[models.KeyRefundID] != in.RefundID {
		return answer, errOddAnswer("make refund " + in.RefundID)
	}
	answer.Facts = new(refundFacts(refund))
	return answer, nil
}

// params always names an amount: without one, Stripe gives back all that is left.
func (in RefundInput) params(ctx context.Context) *stripe.RefundParams {
	params := &stripe.RefundParams{
		Params:   stripe.Params{Context: ctx, IdempotencyKey: &in.IdempotencyKey},
		Amount:   &in.Amount,
		Metadata: map[string]string{models.KeyRefundID: in.RefundID},
	}
	if in.PaymentIntentID != "" {
		params.PaymentIntent = &in.PaymentIntentID
	} else {
		params.Charge = &in.ChargeID
	}
	return params
}

// refusal is why Stripe will not make a refund, in its own word, or the error of
// not knowing.
func refusal(what string, err error) (string, error) {
	var answer *stripe.Error
	if !errors.As(err, &answer) {
		return "", stripeEdge(what, err)
	}
	switch status := answer.HTTPStatusCode; {
	case isKept(answer):
		return "", keptFailure(what, answer)
	case status == http.StatusBadRequest || status == http.StatusPaymentRequired || status == http.StatusNotFound:
		word := models.Clean(cmp.Or(string(answer.Code), string(answer.Type)), maxWord)
		if word == "" {
			return "", errOddAnswer(what)
		}
		return word, nil
	default:
		return "", owedEdge(what, err)
	}
}

// isKept says whether Stripe would answer the same under this key for a day.
func isKept(answer *stripe.Error) bool {
	return answer.HTTPStatusCode >= http.StatusInternalServerError ||
		answer.Type == stripe.ErrorTypeIdempotency && answer.HTTPStatusCode == http.StatusBadRequest
}

func keptFailure(what string, answer *stripe.Error) error {
	return temporal.NewNonRetryableApplicationError(answered(what, answer)+", which it keeps under this key", KeptFailure, nil)
}

// owedEdge is stripeEdge for what somebody waits for, money that is owed above
// all: a key to the API that is none or may not is mended by an operator, and
// then it is waited for still.
func owedEdge(what string, err error) error {
	var answer *stripe.Error
	if errors.As(err, &answer) && (answer.HTTPStatusCode == http.StatusUnauthorized || answer.HTTPStatusCode == http.StatusForbidden) {
		text := answered(what, answer) + ": STRIPE_SECRET_KEY has to be mended, until then this is tried again"
		return temporal.NewApplicationErrorWithOptions(text, "StripeAnswered", temporal.ApplicationErrorOptions{NextRetryDelay: retryAfter(answer)})
	}
	return stripeEdge(what, err)
}
