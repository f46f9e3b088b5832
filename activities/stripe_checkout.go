package activities

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v79"
	"go.temporal.io/sdk/temporal"

	"twigz/models"
)

// Refused is the type of the error of what Stripe will not make, whoever asks
// again: an amount below its least, a currency that the account cannot charge in.
const Refused = "StripeRefused"

// CustomerGone is the type of the error of what Stripe will not make because it has
// no such customer any more: somebody deleted them there.
const CustomerGone = "StripeCustomerGone"

// shortestSession is the least that Stripe lets a session be open, thirty minutes,
// and one for the way there.
const shortestSession = 31 * time.Minute

// maxName is how much of a product's name Stripe's page shows, in characters.
const maxName = 250

// maxLineItems is how many lines a session may have in mode payment.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-line_items
const maxLineItems = 100

// deliveryName is the delivery fee on Stripe's page.
const deliveryName = "Delivery"

// CheckoutCall is a purchase that Stripe is to make payable.
type CheckoutCall struct {
	Purchase       models.Purchase `json:"purchase"`
	IdempotencyKey string          `json:"idempotencyKey"`
}

// CreatePaymentIntent makes the payment intent that the shop's own page pays a
// purchase by. It carries our payment ID and nothing else of ours.
//
// What Stripe refuses is an error of type Refused, or CustomerGone. Its own fault is a KeptFailure,
// as it is for MakeRefund, and goes on with another key: what the first may have
// made nobody is ever shown. Everything else passes.
func (s *Stripe) CreatePaymentIntent(ctx context.Context, in CheckoutCall) (models.Prepared, error) {
	what := "create payment intent of " + in.Purchase.PaymentID
	intent, err := s.api.PaymentIntents.New(in.paymentIntent(ctx))
	for in.lessens(err) {
		intent, err = s.api.PaymentIntents.New(in.paymentIntent(ctx))
	}
	if err != nil {
		return models.Prepared{}, makingEdge(what, err)
	}
	if intent.ID == "" || intent.ClientSecret == "" || intent.Metadata[models.KeyPaymentID] != in.Purchase.PaymentID {
		return models.Prepared{}, errOddAnswer(what)
	}
	return models.Prepared{PaymentID: in.Purchase.PaymentID, PaymentIntentID: intent.ID, ClientSecret: intent.ClientSecret}, nil
}

// CreateSession makes Stripe's hosted page for a purchase. A purchase of nothing
// is one that costs nothing there: its session completes without a payment intent.
// Errors are as those of CreatePaymentIntent.
func (s *Stripe) CreateSession(ctx context.Context, in CheckoutCall) (models.Prepared, error) {
	what := "create session of " + in.Purchase.PaymentID
	session, err := s.api.CheckoutSessions.New(in.session(ctx))
	for in.lessens(err) {
		session, err = s.api.CheckoutSessions.New(in.session(ctx))
	}
	if err != nil {
		return models.Prepared{}, makingEdge(what, err)
	}
	if session.ID == "" || session.URL == "" || session.Metadata[models.KeyPaymentID] != in.Purchase.PaymentID {
		return models.Prepared{}, errOddAnswer(what)
	}
	return models.Prepared{
		PaymentID: in.Purchase.PaymentID, CheckoutSessionID: session.ID, PaymentIntentID: intentOf(session.PaymentIntent), URL: session.URL,
	}, nil
}

// lessens takes out of the call what a purchase can do without and Stripe refused
// it for, and says whether there was such: an end that is none by Stripe's clock.
// What is left is another request, and has another key.
func (in *CheckoutCall) lessens(err error) bool {
	var answer *stripe.Error
	if !errors.As(err, &answer) || answer.HTTPStatusCode != http.StatusBadRequest || answer.Param != "expires_at" || in.Purchase.ExpiresAt == 0 {
		return false
	}
	in.Purchase.ExpiresAt = 0
	in.IdempotencyKey += ":a_day"
	return true
}

func (in *CheckoutCall) metadata() map[string]string {
	return map[string]string{models.KeyPaymentID: in.Purchase.PaymentID}
}

func (in *CheckoutCall) customer() *string {
	if in.Purchase.StripeCustomerID == "" {
		return nil
	}
	return &in.Purchase.StripeCustomerID
}

func (in *CheckoutCall) paymentIntent(ctx context.Context) *stripe.PaymentIntentParams {
	return &stripe.PaymentIntentParams{
		Params:                  stripe.Params{Context: ctx, IdempotencyKey: &in.IdempotencyKey},
		Amount:                  &in.Purchase.Total,
		Currency:                new(string(in.Purchase.Currency)),
		Customer:                in.customer(),
		AutomaticPaymentMethods: &stripe.PaymentIntentAutomaticPaymentMethodsParams{Enabled: new(true)},
		Metadata:                in.metadata(),
	}
}

// session asks for Stripe's page. The fee is a way of shipping, which the page
// shows below the subtotal and adds to the total.
func (in *CheckoutCall) session(ctx context.Context) *stripe.CheckoutSessionParams {
	p := in.Purchase
	params := &stripe.CheckoutSessionParams{
		Params:            stripe.Params{Context: ctx, IdempotencyKey: &in.IdempotencyKey},
		Mode:              new(string(stripe.CheckoutSessionModePayment)),
		Customer:          in.customer(),
		SuccessURL:        &p.SuccessURL,
		Metadata:          in.metadata(),
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: in.metadata()},
	}
	if p.ExpiresAt != 0 { // else Stripe's own, a day
		params.ExpiresAt = new(max(p.ExpiresAt, time.Now().Add(shortestSession).Unix()))
	}
	if p.CancelURL != "" {
		params.CancelURL = &p.CancelURL
	}
	if p.AutomaticTax {
		params.AutomaticTax = &stripe.CheckoutSessionAutomaticTaxParams{Enabled: new(true)}
		if params.Customer != nil { // whose address Stripe does not know: the page asks, and it is kept with them
			params.CustomerUpdate = &stripe.CheckoutSessionCustomerUpdateParams{Address: new("auto")}
		}
	}
	for _, line := range foldLines(p.Items) {
		params.LineItems = append(params.LineItems, in.line(line))
	}
	if p.DeliveryFee > 0 {
		params.ShippingOptions = []*stripe.CheckoutSessionShippingOptionParams{in.delivery()}
	}
	return params
}

// foldLines are at most as many lines as Stripe takes: what is more is one of them,
// with the sum of all that it stands for. The order has every line all the same.
func foldLines(lines []models.Line) []models.Line {
	if len(lines) <= maxLineItems {
		return lines
	}
	shown, rest := lines[:maxLineItems-1], lines[maxLineItems-1:]
	folded := models.Line{Name: fmt.Sprintf("%d more products", len(rest)), Quantity: 1}
	for _, line := range rest {
		folded.UnitAmount += line.Quantity * line.UnitAmount
	}
	return append(slices.Clone(shown), folded)
}

func (in *CheckoutCall) line(line models.Line) *stripe.CheckoutSessionLineItemParams {
	return &stripe.CheckoutSessionLineItemParams{
		Quantity: &line.Quantity,
		PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency:    new(string(in.Purchase.Currency)),
			UnitAmount:  &line.UnitAmount,
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: new(models.Clean(line.Name, maxName))},
			TaxBehavior: in.taxBehavior(),
		},
	}
}

func (in *CheckoutCall) delivery() *stripe.CheckoutSessionShippingOptionParams {
	return &stripe.CheckoutSessionShippingOptionParams{ShippingRateData: &stripe.CheckoutSessionShippingOptionShippingRateDataParams{
		DisplayName: new(deliveryName),
		Type:        new("fixed_amount"),
		FixedAmount: &stripe.CheckoutSessionShippingOptionShippingRateDataFixedAmountParams{
			Amount: &in.Purchase.DeliveryFee, Currency: new(string(in.Purchase.Currency)),
		},
		TaxBehavior: in.taxBehavior(),
	}}
}

// taxBehavior says that tax comes on top of our prices. Stripe wants it said where
// it computes the tax, unless the account has a default, which might be another.
func (in *CheckoutCall) taxBehavior() *string {
	if !in.Purchase.AutomaticTax {
		return nil
	}
	return new("exclusive")
}

// makingEdge is an error of making something at Stripe, fit for Temporal: Refused,
// CustomerGone, KeptFailure, or one that passes, as that of a key to the API does which an
// operator has to mend.
func makingEdge(what string, err error) error {
	var answer *stripe.Error
	if !errors.As(err, &answer) {
		return stripeEdge(what, err)
	}
	switch status := answer.HTTPStatusCode; {
	case isKept(answer):
		return keptFailure(what, answer)
	case lacksCustomer(err):
		return temporal.NewNonRetryableApplicationError(answered(what, answer), CustomerGone, nil)
	case status == http.StatusBadRequest || status == http.StatusPaymentRequired || status == http.StatusNotFound:
		return temporal.NewNonRetryableApplicationError(answered(what, answer), Refused, nil)
	default:
		return owedEdge(what, err)
	}
}
