package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twigz/internal/ingest"
	"twigz/models"
	"twigz/workflows"
)

const (
	// stripePatience is how long a customer's call waits until Stripe has done what
	// its workflow goes on to try. With what comes before, it stays below callTimeout.
	stripePatience = 8 * time.Second
	// soon is when a customer may ask again, in seconds.
	soon = 5
	// maxURL is in characters. Stripe takes no longer ones.
	maxURL = 2000
	// maxKey is in characters, as it is at Stripe.
	maxKey = 255
	// paymentIDHere is where a URL is to have our payment ID: there is none before
	// the checkout is frozen.
	paymentIDHere = "{paymentId}"
)

var (
	errSoon           = &httpError{status: http.StatusServiceUnavailable, message: "Service temporarily unavailable", retryAfter: soon}
	errPaymentRefused = &models.Error{Kind: models.Conflict, Message: "Stripe does not take this payment"}
	errPageRefused    = &models.Error{Kind: models.Conflict, Message: "Stripe does not open such a page"}
	errExpired        = &models.Error{Kind: models.Conflict, Message: "This checkout has expired"}
)

// checkoutBody is what a customer wants to pay for: what is in their cart in a
// store, and where it goes; or, by session only, a subscription.
type checkoutBody struct {
	Mode            string          `json:"mode"` // payment or subscription; "": payment
	StoreID         string          `json:"storeId"`
	DeliveryType    models.Delivery `json:"deliveryType"`
	DeliveryAddress json.RawMessage `json:"deliveryAddress"` // an object; absent or null: none
	SuccessURL      string          `json:"successUrl"`      // by session only; "": ours
	CancelURL       string          `json:"cancelUrl"`       // by session only; "": ours
	PriceID         string          `json:"priceId"`         // Stripe's, of a subscription
	Quantity        *int64          `json:"quantity"`        // of it; absent or null: 1
}

// checkOutByIntent prepares a payment that the shop's own page collects with
// Stripe Elements.
func (s *server) checkOutByIntent(c *gin.Context) (any, error) {
	var body checkoutBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	purchase, prepared, err := s.checkOut(c, models.ByPaymentIntent, body)
	if err != nil {
		return nil, err
	}
	return gin.H{
		"paymentId": purchase.PaymentID, "clientSecret": prepared.ClientSecret, "publishableKey": s.config.publishableKey,
		"amount": purchase.Total, "currency": purchase.Currency,
	}, nil
}

// checkOutBySession prepares a payment, or a subscription, on Stripe's hosted page.
func (s *server) checkOutBySession(c *gin.Context) (any, error) {
	var body checkoutBody
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	switch body.Mode {
	case "subscription":
		return s.subscribe(c, body)
	case "", "payment":
	default:
		return nil, &models.Error{Kind: models.Invalid, Field: "mode", Message: "Must be payment or subscription"}
	}
	purchase, prepared, err := s.checkOut(c, models.BySession, body)
	if err != nil {
		return nil, err
	}
	return gin.H{"paymentId": purchase.PaymentID, "url": prepared.URL}, nil
}

// checkOut freezes what is in the cart and has Stripe make it payable. The frozen
// copy comes first: whatever happens then, the same Idempotency-Key finds it.
func (s *server) checkOut(c *gin.Context, way models.CheckoutWay, body checkoutBody) (models.Purchase, models.Prepared, error) {
	request, err := s.checkoutRequest(c, way, body)
	if err != nil {
		return models.Purchase{}, models.Prepared{}, err
	}
	ctx := c.Request.Context()
	purchase, err := s.db.Freeze(ctx, request)
	if err != nil {
		return purchase, models.Prepared{}, err
	}
	prepared, ready, err := s.db.PreparedOf(ctx, request.CustomerID, purchase.PaymentID)
	if err == nil && !ready {
		prepared, err = s.prepare(ctx, request, purchase)
	}
	return purchase, prepared, err
}

// prepare has the checkout's workflow do it, and waits for it a while.
func (s *server) prepare(ctx context.Context, request models.CheckoutRequest, purchase models.Purchase) (models.Prepared, error) {
	var prepared models.Prepared
	err := s.await(ctx, client.StartWorkflowOptions{
		ID:                    workflows.CheckoutWorkflowID(purchase.PaymentID),
		TypedSearchAttributes: workflows.SupportAttributes("", request.CustomerID, request.StoreID),
		StaticSummary:         "Checkout " + purchase.PaymentID,
	}, workflows.TypeCheckout, workflows.CheckoutInput{PaymentID: purchase.PaymentID, CustomerID: request.CustomerID}, &prepared)
	return prepared, err
}

// await has a workflow do something at Stripe, one that is open under the ID or a
// new one, and waits a while for the answer to its update "prepare".
func (s *server) await(ctx context.Context, options client.StartWorkflowOptions, workflowType string, in, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, stripePatience)
	defer cancel()
	options.TaskQueue = s.config.temporal.TaskQueue
	options.WorkflowIDConflictPolicy = enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	update, err := s.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.temporal.NewWithStartWorkflowOperation(options, workflowType, in),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: workflows.UpdatePrepare, UpdateName: workflows.UpdatePrepare, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = update.Get(ctx, answer)
	}
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok && unmade[failure.Type()] != nil {
		return unmade[failure.Type()]
	}
	return s.notYet(ctx, err)
}

// unmade is why something was not made at Stripe, for its customer, by the type of
// the update's failure.
var unmade = map[string]error{
	string(workflows.CheckoutRefused): errPaymentRefused,
	string(workflows.CheckoutExpired): errExpired,
	string(workflows.PageRefused):     errPageRefused,
	string(workflows.PageExpired):     errPageOver,
	string(workflows.PageNoPrice):     &models.Error{Kind: models.Invalid, Field: "priceId", Message: "Is no price to subscribe to"},
	string(workflows.PageSubscribed):  &models.Error{Kind: models.Conflict, Message: "You have this subscription already"},
}

// notYet is an error of waiting for a workflow. That it takes longer, or that
// Temporal is away, is nothing to be mended here: nothing is lost, and the same
// call will find it.
func (s *server) notYet(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ingest.Unreachable(err) || ctx.Err() != nil || temporal.IsCanceledError(err) { // the last by somebody at the Web UI
		s.log.WarnContext(ctx, "not done at stripe in time", "error", err)
		return errSoon
	}
	return err
}

func (s *server) checkoutRequest(c *gin.Context, way models.CheckoutWay, body checkoutBody) (models.CheckoutRequest, error) {
	key, err := idempotencyKey(c)
	if err != nil {
		return models.CheckoutRequest{}, err
	}
	if _, err := storeIDOf(body.StoreID); err != nil {
		return models.CheckoutRequest{}, err
	}
	if body.DeliveryType != models.Deliver && body.DeliveryType != models.Pickup {
		return models.CheckoutRequest{}, &models.Error{Kind: models.Invalid, Field: "deliveryType", Message: "Must be delivery or pickup"}
	}
	address, err := models.ParseAddress(string(body.DeliveryAddress))
	if err != nil {
		return models.CheckoutRequest{}, &models.Error{Kind: models.Invalid, Field: "deliveryAddress", Message: "Must be an object whose known keys are text"}
	}
	request := models.CheckoutRequest{
		CustomerID: c.GetString(customerKey), Key: key, Way: way, Livemode: s.config.livemode,
		StoreID: body.StoreID, Delivery: body.DeliveryType, Address: address,
	}
	if way == models.BySession {
		success := s.config.publicURL + "/shop/success?paymentId=" + paymentIDHere
		request.SuccessURL, request.CancelURL, err = s.returnURLs(body.SuccessURL, body.CancelURL, success, withPaymentID)
	}
	return request, err
}

// idempotencyKey reads the header of that name; "" when there is none.
func idempotencyKey(c *gin.Context) (string, error) {
	given, ok := c.Request.Header["Idempotency-Key"]
	if !ok {
		return "", nil
	}
	key := strings.TrimSpace(given[0])
	if len(given) > 1 || !isPrintable(key, maxKey) {
		return "", &models.Error{Kind: models.Invalid, Field: "Idempotency-Key", Message: "Must be 1 to 255 printable ASCII characters"}
	}
	return key, nil
}

// isPrintable says whether text is 1 to limit printable ASCII characters.
func isPrintable(text string, limit int) bool {
	return text != "" && len(text) <= limit && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// returnURLs are where Stripe's page leads back to: to our own shop page, unless
// the caller names others. spell is how one of theirs is told to Stripe.
func (s *server) returnURLs(theirSuccess, theirCancel, ourSuccess string, spell func(*url.URL) string) (success, cancel string, err error) {
	if success, err = s.returnURL("successUrl", theirSuccess, ourSuccess, spell); err != nil {
		return "", "", err
	}
	cancel, err = s.returnURL("cancelUrl", theirCancel, s.config.publicURL+"/shop", (*url.URL).String)
	return success, cancel, err
}

// returnURL is the caller's, where they name one, else ours.
func (s *server) returnURL(field, theirs, ours string, spell func(*url.URL) string) (string, error) {
	if theirs == "" {
		return ours, nil
	}
	return s.ownURL(field, theirs, spell)
}

// ownURL lets through what leads to a page of the shop's: Stripe's page must not
// send customers wherever a caller likes.
func (s *server) ownURL(field, text string, spell func(*url.URL) string) (string, error) {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || len(text) > maxURL || parsed.Host == "" || parsed.User != nil || parsed.Scheme != "http" && parsed.Scheme != "https":
		return "", &models.Error{Kind: models.Invalid, Field: field, Message: "Must be an absolute http or https URL of at most 2000 characters"}
	case !s.isOwnOrigin(originOf(parsed)):
		return "", &models.Error{Kind: models.Invalid, Field: field, Message: "Must be of the origin of PUBLIC_URL or one of CORS_ORIGINS"}
	}
	return spell(parsed), nil
}

func (s *server) isOwnOrigin(origin string) bool {
	if public, err := url.Parse(s.config.publicURL); err == nil && origin == originOf(public) {
		return true
	}
	return slices.Contains(s.config.corsOrigins, origin) // "*" is nobody's origin
}

// originOf is a URL's origin as browsers send it.
func originOf(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// withPaymentID adds our payment ID to the query, in the place of one that is
// there. The others stay as they were written: some are templates of Stripe's.
func withPaymentID(u *url.URL) string {
	parameters := slices.DeleteFunc(strings.Split(u.RawQuery, "&"), func(parameter string) bool {
		name, _, _ := strings.Cut(parameter, "=")
		return name == "" || name == "paymentId"
	})
	u.RawQuery = strings.Join(append(parameters, "paymentId="+paymentIDHere), "&")
	return u.String()
}
