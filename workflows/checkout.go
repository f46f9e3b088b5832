package workflows

import (
	"time"

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
	if err := c.offer(ctx, aboutPrepare); err != nil {
		return Result{}, err
	}
	return c.run(ctx)
}

// checkout is a desk without a payment of its own: until Stripe tells of one, there
// is none that requests could be about.
type checkout struct {
	desk
	answers[models.Prepared]
	in CheckoutInput
}

func (c *checkout) run(ctx workflow.Context) (Result, error) {
	purchase, err := onRows[models.Purchase](ctx, &c.desk, "Find what is bought", rowsAndMails.PurchaseOf, c.payment())
	if err == nil {
		err = c.prepare(ctx, purchase)
	}
	if err == nil && c.made {
		err = c.awaitCustomer(ctx, purchase)
	}
	return c.end(ctx, err)
}

func (c *checkout) payment() activities.PaymentInput {
	return activities.PaymentInput{PaymentID: c.in.PaymentID}
}

// prepare makes the purchase payable at Stripe and lets whoever waits know.
func (c *checkout) prepare(ctx workflow.Context, purchase models.Purchase) error {
	until := time.Unix(purchase.ExpiresAt, 0)
	prepared, err := forCustomer(ctx, &c.desk, c.in.CustomerID, until, func(stripeCustomerID, lost string) (models.Prepared, error) {
		purchase.StripeCustomerID = stripeCustomerID
		return c.make(ctx, purchase, lost, until)
	})
	if outcome := unmade(err, CheckoutRefused, CheckoutExpired); outcome != "" {
		workflow.GetLogger(ctx).Warn("the checkout cannot be paid", "payment_id", c.in.PaymentID, "error", err)
		c.refuse(outcome)
		return nil
	}
	if err == nil {
		_, err = onRows[any](ctx, &c.desk, "Keep what Stripe made", rowsAndMails.KeepPrepared, prepared)
	}
	if err == nil {
		c.give(CheckoutPrepared, prepared)
	}
	return err
}

// make has Stripe make what the purchase is paid by. lost is the customer for whom
// it could not, because Stripe no longer has them; "": nobody was lost.
func (c *checkout) make(ctx workflow.Context, purchase models.Purchase, lost string, until time.Time) (models.Prepared, error) {
	var activity any = stripeCalls.CreatePaymentIntent
	if purchase.Way == models.BySession {
		activity = stripeCalls.CreateSession
	}
	return atStripe[models.Prepared](ctx, &c.desk, "Prepare the payment at Stripe", activity, until, func(n int) any {
		return activities.CheckoutCall{Purchase: purchase, IdempotencyKey: numbered("checkout:"+purchase.PaymentID, lost, n)}
	})
}

// awaitCustomer is for the customer, who has until the purchase expires.
func (c *checkout) awaitCustomer(ctx workflow.Context, purchase models.Purchase) error {
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
	return Result{Outcome: c.outcome, PaymentID: c.in.PaymentID}, c.finish(ctx)
}
