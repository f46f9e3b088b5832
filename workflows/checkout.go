package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twigz/activities"
	"twigz/models"
)

// CheckoutInput names a checkout that is in the rows, and whose it is.
type CheckoutInput struct {
	PaymentID  string `json:"paymentId"`
	CustomerID string `json:"customerId"`
}

// CheckoutWorkflowID is the ID of the workflow that a checkout is.
func CheckoutWorkflowID(paymentID string) string { return "checkout-" + paymentID }

// UpdatePrepare is the update that answers with models.Prepared as soon as Stripe
// has the payment, or fails with a type that is one of CheckoutRefused and
// CheckoutExpired. Sent under its own name as the ID, it is one update however
// often it is asked for.
const UpdatePrepare = "prepare"

const aboutPrepare = "Wait until Stripe has the payment, and get what the customer's browser needs to pay it. No input."

// What a checkout comes to.
const (
	CheckoutPrepared models.Outcome = "checkout_prepared" // it could be paid for as long as its stock was kept
	CheckoutRefused  models.Outcome = "checkout_refused"  // Stripe does not take such a payment
	CheckoutExpired  models.Outcome = "checkout_expired"  // its time was over before Stripe could be reached
)

// afterExpiry is how long after its end a checkout's stock is released: a payment
// of the last second has told of itself by then.
const afterExpiry = time.Minute

// Checkout has Stripe make a frozen checkout payable, once, and releases what of
// the stock it kept if it has not been paid when its time is over.
func Checkout(ctx workflow.Context, in CheckoutInput) (Result, error) {
	c := checkout{in: in}
	if err := c.openTo(ctx, signalsToMaker()); err != nil {
		return Result{}, err
	}
	options := workflow.UpdateHandlerOptions{Description: aboutPrepare}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, UpdatePrepare, c.answer, options); err != nil {
		return Result{}, err
	}
	return c.run(ctx)
}

// checkout is a desk without a payment of its own: until Stripe tells of one, there
// is none that requests could be about.
type checkout struct {
	desk
	in       CheckoutInput
	outcome  models.Outcome // "" until it is known
	prepared models.Prepared
}

// answer is the handler of UpdatePrepare.
func (c *checkout) answer(ctx workflow.Context) (models.Prepared, error) {
	if err := workflow.Await(ctx, func() bool { return c.outcome != "" }); err != nil {
		return models.Prepared{}, err
	}
	if c.outcome != CheckoutPrepared {
		return models.Prepared{}, temporal.NewNonRetryableApplicationError("the checkout cannot be paid", string(c.outcome), nil)
	}
	return c.prepared, nil
}

func (c *checkout) run(ctx workflow.Context) (Result, error) {
	purchase, err := onRows[models.Purchase](ctx, &c.desk, "Find what is bought", rowsAndMails.PurchaseOf, c.payment())
	if err == nil {
		err = c.prepare(ctx, purchase)
	}
	if err == nil && c.outcome == CheckoutPrepared {
		err = c.wait(ctx, purchase)
	}
	return c.end(ctx, err)
}

func (c *checkout) payment() activities.PaymentInput {
	return activities.PaymentInput{PaymentID: c.in.PaymentID}
}

// prepare makes the purchase payable at Stripe and lets whoever waits know.
func (c *checkout) prepare(ctx workflow.Context, purchase models.Purchase) error {
	until := time.Unix(purchase.ExpiresAt, 0)
	known, err := c.know(ctx, c.in.CustomerID, until)
	if err == nil {
		purchase.StripeCustomerID = known.StripeCustomerID
		c.prepared, err = c.make(ctx, purchase, until)
	}
	switch {
	case asErrorOf(err, activities.Refused):
		workflow.GetLogger(ctx).Warn("stripe does not take the payment", "payment_id", c.in.PaymentID, "error", err)
		c.outcome = CheckoutRefused
		return nil
	case errors.Is(err, errTooLate):
		c.outcome = CheckoutExpired
		return nil
	case err != nil:
		return err
	}
	if _, err := onRows[any](ctx, &c.desk, "Keep what Stripe made", rowsAndMails.KeepPrepared, c.prepared); err != nil {
		return err
	}
	c.outcome = CheckoutPrepared
	return nil
}

// make has Stripe make what the purchase is paid by.
func (c *checkout) make(ctx workflow.Context, purchase models.Purchase, until time.Time) (models.Prepared, error) {
	var activity any = stripeCalls.CreatePaymentIntent
	if purchase.Way == models.BySession {
		activity = stripeCalls.CreateSession
	}
	return atStripe[models.Prepared](ctx, &c.desk, "Prepare the payment at Stripe", activity, until, func(n int) any {
		return activities.CheckoutCall{Purchase: purchase, IdempotencyKey: fmt.Sprintf("checkout:%s:%d", purchase.PaymentID, n)}
	})
}

// wait is for the customer, who has until the purchase expires.
func (c *checkout) wait(ctx workflow.Context, purchase models.Purchase) error {
	c.waitFor(ctx, "the customer, who may pay until the stock is released")
	defer func() { c.WaitingFor = "" }()
	left := time.Unix(purchase.ExpiresAt, 0).Add(afterExpiry).Sub(workflow.Now(ctx))
	if left <= 0 {
		return nil
	}
	return sleep(ctx, left, "Then release the stock of what is not paid")
}

// end releases the stock of what is not paid, even when the workflow was canceled
// meanwhile: nobody else would. Whoever still asks is answered first.
func (c *checkout) end(ctx workflow.Context, because error) (Result, error) {
	release, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if _, err := onRows[any](release, &c.desk, "Release the stock of what is not paid", rowsAndMails.ExpireCheckout, c.payment()); err != nil {
		return Result{}, err
	}
	if because != nil {
		return Result{}, because
	}
	workflow.GetLogger(ctx).Info("checkout ended", "payment_id", c.in.PaymentID, "outcome", c.outcome)
	return Result{Outcome: c.outcome, PaymentID: c.in.PaymentID}, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
