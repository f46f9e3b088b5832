package activities

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"
	"go.temporal.io/sdk/temporal"

	"twigz/models"
)

// stripeTimeout bounds one call. Stripe answers reads well within a second.
const stripeTimeout = 8 * time.Second

// Limits of the texts that are kept, in characters: those of models.Event.
const (
	maxID       = 255
	maxCurrency = 32
	maxWord     = 100
)

// Stripe are the activities that ask Stripe. stripe-go pins API version
// 2024-06-20, so what they return does not depend on an event's version.
type Stripe struct {
	api *client.API
}

// NewStripe makes a client for a secret key. base is another address than
// Stripe's own to send requests to, "" for Stripe's.
func NewStripe(secretKey, base string) *Stripe {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: stripeTimeout},
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // its errors quote objects, personal data and all
		MaxNetworkRetries: new(int64(0)),                                  // Temporal retries, visibly and durably
		EnableTelemetry:   new(false),
	}
	if base != "" {
		config.URL = new(base)
	}
	api := stripe.GetBackendWithConfig(stripe.APIBackend, config)
	return &Stripe{api: client.New(secretKey, &stripe.Backends{API: api, Connect: api, Uploads: api})}
}

// PaymentView is a payment intent as Stripe has it now.
type PaymentView struct {
	Found              bool   `json:"found"`            // false: Stripe knows no such payment intent
	Status             string `json:"status,omitempty"` // Stripe's word, for example requires_payment_method
	ChargeID           string `json:"chargeId,omitempty"`
	FailureCode        string `json:"failureCode,omitempty"`
	FailureMessage     string `json:"failureMessage,omitempty"` // meant for the customer
	CancellationReason string `json:"cancellationReason,omitempty"`
}

// PaymentIntentInput names a payment intent.
type PaymentIntentInput struct {
	PaymentIntentID string `json:"paymentIntentId"`
}

// ViewPaymentIntent asks Stripe how a payment intent is now: an event tells how
// it was, and may be days old.
func (s *Stripe) ViewPaymentIntent(ctx context.Context, in PaymentIntentInput) (PaymentView, error) {
	intent, err := s.api.PaymentIntents.Get(in.PaymentIntentID, &stripe.PaymentIntentParams{Params: stripe.Params{Context: ctx}})
	if isMissing(err) {
		return PaymentView{}, nil
	}
	if err != nil {
		return PaymentView{}, stripeEdge("view payment intent", err)
	}
	if intent.ID != in.PaymentIntentID {
		return PaymentView{}, errOddAnswer("view payment intent")
	}
	view := PaymentView{
		Found:              true,
		Status:             string(intent.Status),
		CancellationReason: string(intent.CancellationReason),
	}
	if intent.LatestCharge != nil {
		view.ChargeID = intent.LatestCharge.ID
	}
	if failure := intent.LastPaymentError; failure != nil {
		view.FailureCode, view.FailureMessage = string(failure.DeclineCode), models.Clean(failure.Msg, 500)
		if view.FailureCode == "" {
			view.FailureCode = string(failure.Code)
		}
	}
	return view, nil
}

// ChargeInput names a charge.
type ChargeInput struct {
	ChargeID string `json:"chargeId"`
}

// BillingEmail is the mail address in a charge's billing details.
type BillingEmail struct {
	Email string `json:"email,omitempty"` // "" when there is none; a personal datum
}

// FindBillingEmail asks Stripe for the address the customer paid with.
func (s *Stripe) FindBillingEmail(ctx context.Context, in ChargeInput) (BillingEmail, error) {
	charge, err := s.api.Charges.Get(in.ChargeID, &stripe.ChargeParams{Params: stripe.Params{Context: ctx}})
	if isMissing(err) {
		return BillingEmail{}, nil
	}
	if err != nil {
		return BillingEmail{}, stripeEdge("view charge", err)
	}
	if charge.ID != in.ChargeID {
		return BillingEmail{}, errOddAnswer("view charge")
	}
	if charge.BillingDetails == nil {
		return BillingEmail{}, nil
	}
	return BillingEmail{Email: models.Clean(charge.BillingDetails.Email, 320)}, nil
}

func isMissing(err error) bool {
	var answer *stripe.Error
	return errors.As(err, &answer) && answer.HTTPStatusCode == http.StatusNotFound
}

// stripeEdge makes a Stripe error fit for Temporal. Its own text would quote
// whole objects. 401 and 403 are the operator's to mend and other 4xx ours:
// asking again at once cannot help. 409, 429 and 5xx pass, 429 after as long as
// Stripe says.
func stripeEdge(what string, err error) error {
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return failure // fit already
	}
	var answer *stripe.Error
	if !errors.As(err, &answer) {
		return temporal.NewApplicationError(what+": Stripe cannot be reached", "StripeUnreachable")
	}
	passing := answer.HTTPStatusCode == http.StatusConflict || answer.HTTPStatusCode == http.StatusTooManyRequests ||
		answer.HTTPStatusCode >= http.StatusInternalServerError
	return temporal.NewApplicationErrorWithOptions(answered(what, answer), "StripeAnswered", temporal.ApplicationErrorOptions{
		NonRetryable:   !passing,
		NextRetryDelay: retryAfter(answer),
	})
}

// answered says what Stripe answered, without the objects that it quotes.
func answered(what string, answer *stripe.Error) string {
	return fmt.Sprintf("%s: Stripe answered %d %s (request %s)", what, answer.HTTPStatusCode, answer.Code, answer.RequestID)
}

// errOddAnswer is about an answer that is JSON, but not what was asked for: {} for
// example, from whatever stands between Stripe and us. A later one may be better.
func errOddAnswer(what string) error {
	return temporal.NewApplicationError(what+": the answer is not Stripe's", "StripeAnswered")
}

// maxRetryAfter bounds what anyone may make us wait.
const maxRetryAfter = 3600 // seconds

func retryAfter(answer *stripe.Error) time.Duration {
	if answer.LastResponse == nil {
		return 0
	}
	seconds, err := strconv.Atoi(answer.LastResponse.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, maxRetryAfter)) * time.Second
}

// intentOf is a payment intent's ID, "" where none is named.
func intentOf(intent *stripe.PaymentIntent) string {
	if intent == nil {
		return ""
	}
	return models.Clean(intent.ID, maxID)
}

// chargeOf is a charge's ID, "" where none is named.
func chargeOf(charge *stripe.Charge) string {
	if charge == nil {
		return ""
	}
	return models.Clean(charge.ID, maxID)
}
