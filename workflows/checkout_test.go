package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestCheckout(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeCheckout, checkoutStories())
}

func TestSyncCustomer(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeSyncCustomer, customerStories())
}

func TestIDsBeforeThePayment(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "checkout-pay_1", workflows.CheckoutWorkflowID("pay_1"))
	id := workflows.CustomerWorkflowID("eve@example.com")
	assert.Regexp(t, "^customer-[0-9a-f]{24}$", id, "an address is in no workflow's ID")
	assert.Equal(t, id, workflows.CustomerWorkflowID("eve@example.com"))
	assert.NotEqual(t, id, workflows.CustomerWorkflowID("adam@example.com"))
}

// Errors as Stripe's activities return them.
var (
	errRefused = temporal.NewNonRetryableApplicationError("Stripe answered 400 amount_too_small", activities.Refused, nil)
)

// frozen is when a checkout begins, half an hour and five minutes before it expires.
var frozen = time.Unix(1_700_000_000, 0)

// bought is a checkout of two loaves, as the rows have it.
func bought(way models.CheckoutWay) models.Purchase {
	p := models.Purchase{
		PaymentID: "pay_1", Way: way, Currency: "usd", Items: []models.Line{{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450}},
		DeliveryFee: 399, Total: 1299, ExpiresAt: frozen.Add(35 * time.Minute).Unix(),
	}
	if way == models.BySession {
		p.SuccessURL, p.CancelURL = "https://shop.example/shop/success?paymentId=pay_1", "https://shop.example/shop"
	}
	return p
}

var (
	eve        = models.CustomerProfile{CustomerID: "auth0|7", Email: "eve@example.com", Name: "Eve"}
	eveKnown   = models.CustomerProfile{CustomerID: "auth0|7", Email: "eve@example.com", Name: "Eve", StripeCustomerID: "cus_1", Synced: true}
	eveMarried = models.CustomerProfile{CustomerID: "auth0|7", Email: "eve@example.com", Name: "Eve Adams", StripeCustomerID: "cus_1"}
	byIntent   = models.Prepared{PaymentID: "pay_1", PaymentIntentID: "pi_1", ClientSecret: "pi_1_secret_1"}
	onPage     = models.Prepared{PaymentID: "pay_1", CheckoutSessionID: "cs_1", URL: "https://checkout.stripe.com/c/pay/cs_1"}
	atCustomer = activities.StripeCustomer{ID: "cus_1"}
)

// prepares scripts a customer's call that waits for the checkout, and what it is
// answered.
func prepares(s *stage, after time.Duration, want any) {
	answered := false
	s.after(after, func() {
		s.UpdateWorkflow(workflows.UpdatePrepare, workflows.UpdatePrepare, &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { s.t.Errorf("refused: %v", err) },
			OnComplete: func(got any, err error) {
				answered = true
				var failure *temporal.ApplicationError
				switch want := want.(type) {
				case models.Outcome:
					require.ErrorAs(s.t, err, &failure)
					assert.True(s.t, failure.NonRetryable())
					assert.Equal(s.t, string(want), failure.Type())
				default:
					require.NoError(s.t, err)
					assert.Equal(s.t, want, got)
				}
			},
		})
	})
	s.t.Cleanup(func() { assert.True(s.t, answered, "the customer's call was answered") })
}

// Pieces of a checkout.
var (
	knownCustomer = []string{"local activity PurchaseOf", "local activity Profile"}
	newCustomer   = seq(knownCustomer, "activity PutStripeCustomer", "local activity KeepStripeCustomer")
	paidOrNot     = seq("local activity KeepPrepared", "timer 36m0s", "local activity ExpireCheckout")
)

func checkoutStories() []story {
	in := workflows.CheckoutInput{PaymentID: "pay_1", CustomerID: "auth0|7"}
	prepared := workflows.Result{Outcome: workflows.CheckoutPrepared, PaymentID: "pay_1"}
	refused := workflows.Result{Outcome: workflows.CheckoutRefused, PaymentID: "pay_1"}
	expired := workflows.Result{Outcome: workflows.CheckoutExpired, PaymentID: "pay_1"}
	begins := func(s *stage, way models.CheckoutWay, profile models.CustomerProfile) {
		s.SetStartTime(frozen)
		s.answer("PurchaseOf", bought(way))
		s.answer("Profile", profile)
	}
	makes := func(s *stage) {
		s.answer("PutStripeCustomer", atCustomer)
		s.answer("KeepStripeCustomer", eveKnown)
	}
	ends := func(s *stage) {
		s.answer("KeepPrepared", done{})
		s.answer("ExpireCheckout", done{})
	}
	return []story{
		{
			name: "a first checkout makes the customer, then the payment intent, and its stock is released in the end", file: "checkout_intent", start: in,
			script: func(s *stage) {
				begins(s, models.ByPaymentIntent, eve)
				makes(s)
				s.answer("CreatePaymentIntent", byIntent)
				ends(s)
				prepares(s, 0, byIntent)
				prepares(s, 20*time.Minute, byIntent)
			},
			did: seq(newCustomer, "activity CreatePaymentIntent", paidOrNot), want: prepared,
		},
		{
			name: "one on Stripe's page makes a session of what was frozen", file: "checkout_session", start: in,
			script: func(s *stage) {
				begins(s, models.BySession, eveKnown)
				s.answer("CreateSession", onPage)
				ends(s)
				prepares(s, 0, onPage)
			},
			did: seq(knownCustomer, "activity CreateSession", paidOrNot), want: prepared,
		},
		{
			name: "what Stripe refuses is answered so, and its stock is free at once", file: "checkout_refused", start: in,
			script: func(s *stage) {
				begins(s, models.ByPaymentIntent, eveKnown)
				s.answer("CreatePaymentIntent", errRefused)
				s.answer("ExpireCheckout", done{})
				prepares(s, 0, workflows.CheckoutRefused)
			},
			did: seq(knownCustomer, "activity CreatePaymentIntent", "local activity ExpireCheckout"), want: refused,
		},
		{
			name: "a customer whom Stripe refuses cannot pay either", file: "checkout_customer_refused", start: in,
			script: func(s *stage) {
				begins(s, models.ByPaymentIntent, eve)
				s.answer("PutStripeCustomer", errRefused)
				s.answer("ExpireCheckout", done{})
			},
			did: seq(knownCustomer, "activity PutStripeCustomer", "local activity ExpireCheckout"), want: refused,
		},
		{
			name: "a customer whom Stripe has lost is made anew, and what they pay by has another key", file: "checkout_customer_gone", start: in,
			script: func(s *stage) {
				begins(s, models.BySession, eveKnown)
				s.answer("CreateSession", errGone, onPage)
				s.answer("LoseStripeCustomer", done{})
				s.answer("Profile", eveAnew)
				s.answer("PutStripeCustomer", errKept, atCustomer2)
				s.answer("KeepStripeCustomer", eveAnewKnown)
				ends(s)
				prepares(s, 0, onPage)
			},
			did: seq(
				knownCustomer, "activity CreateSession", toLose, toKnow, "activity PutStripeCustomer", "timer 1s", toMake, "activity CreateSession",
				"local activity KeepPrepared", "timer 35m59s", "local activity ExpireCheckout",
			),
			want: prepared,
		},
		{
			name: "an address that Stripe does not take keeps nobody from buying", file: "checkout_address_refused", start: in,
			script: func(s *stage) {
				begins(s, models.ByPaymentIntent, eve)
				s.answer("PutStripeCustomer", activities.StripeCustomer{ID: "cus_1", Refused: "email_invalid"})
				unsynced := eveKnown
				unsynced.Synced = false
				s.answer("KeepStripeCustomer", unsynced)
				s.answer("CreatePaymentIntent", byIntent)
				ends(s)
			},
			did: seq(newCustomer, "activity CreatePaymentIntent", paidOrNot), want: prepared,
		},
		{
			name: "while Stripe is away it is asked again with the same key, and a failure that it keeps is followed by the next", file: "checkout_stripe_away", start: in,
			script: func(s *stage) {
				begins(s, models.ByPaymentIntent, eveKnown)
				s.answer("CreatePaymentIntent", errPassing, errKept, byIntent)
				ends(s)
				prepares(s, 0, byIntent)
				s.after(700*time.Millisecond, func() { assert.Equal(s.t, "Stripe", s.state().WaitingFor) })
				s.after(time.Minute, func() { assert.Contains(s.t, s.state().WaitingFor, "the customer") })
			},
			did: seq(
				knownCustomer, "activity CreatePaymentIntent", "timer 1s", "activity CreatePaymentIntent",
				"local activity KeepPrepared", "timer 35m58.5s", "local activity ExpireCheckout",
			),
			want: prepared,
		},
		{
			name: "one whose time is over is not made any more", file: "checkout_expired", start: in,
			script: func(s *stage) {
				s.SetStartTime(frozen.Add(time.Hour))
				s.answer("PurchaseOf", bought(models.BySession))
				s.answer("Profile", eveKnown)
				s.answer("ExpireCheckout", done{})
				prepares(s, 0, workflows.CheckoutExpired)
			},
			did: seq(knownCustomer, "local activity ExpireCheckout"), want: expired,
		},
		{
			name: "a step that no retry mends waits for a person, who can ask for nothing but to go on", file: "checkout_broken", start: in,
			script: func(s *stage) {
				begins(s, models.ByPaymentIntent, eveKnown)
				s.answer("CreatePaymentIntent", byIntent)
				s.answer("KeepPrepared", errPermanent)
				ends(s)
				prepares(s, 0, byIntent)
				s.askAfter(time.Minute, models.ActCancel, mended)
				s.retryAfter(2 * time.Minute)
			},
			did: seq(
				knownCustomer, "activity CreatePaymentIntent", "local activity KeepPrepared", "set BlockedReason",
				"local activity KeepPrepared", "unset BlockedReason", "timer 34m0s", "local activity ExpireCheckout",
			),
			want: prepared,
		},
	}
}

func customerStories() []story {
	in := workflows.CustomerInput{CustomerID: "auth0|7"}
	synced, refused := workflows.Result{Outcome: workflows.CustomerSynced}, workflows.Result{Outcome: workflows.CustomerRefused}
	told := []string{"activity PutStripeCustomer", "local activity KeepStripeCustomer"}
	return []story{
		{
			name: "somebody whom Stripe knows is left alone", file: "customer_known", start: in,
			script: func(s *stage) { s.answer("Profile", eveKnown) },
			did:    seq("local activity Profile"), want: synced,
		},
		{
			name: "somebody new is made", file: "customer_made", start: in,
			script: func(s *stage) {
				s.answer("Profile", eve)
				s.answer("PutStripeCustomer", atCustomer)
				s.answer("KeepStripeCustomer", eveKnown)
			},
			did: seq("local activity Profile", told), want: synced,
		},
		{
			name: "a change meanwhile is told as well, even if another workflow has told it", file: "customer_changed", start: in,
			script: func(s *stage) {
				s.answer("Profile", eve)
				s.answer("PutStripeCustomer", atCustomer, atCustomer)
				changed := eveMarried
				changed.Synced = true // before this workflow told Stripe of what was before
				s.answer("KeepStripeCustomer", changed, changed)
			},
			did: seq("local activity Profile", told, told), want: synced,
		},
		{
			name: "of two made at once the first counts, and is told", file: "customer_made_twice", start: in,
			script: func(s *stage) {
				s.answer("Profile", eve)
				s.answer("PutStripeCustomer", errKept, activities.StripeCustomer{ID: "cus_2"}, atCustomer)
				unsynced := eveKnown
				unsynced.Synced = false
				s.answer("KeepStripeCustomer", unsynced, eveKnown)
			},
			did: seq("local activity Profile", "activity PutStripeCustomer", "timer 1s", told, told), want: synced,
		},
		{
			name: "what Stripe does not take is said, and not tried again", file: "customer_address_refused", start: in,
			script: func(s *stage) {
				s.answer("Profile", eveMarried)
				s.answer("PutStripeCustomer", activities.StripeCustomer{ID: "cus_1", Refused: "email_invalid"})
				s.answer("KeepStripeCustomer", eveMarried)
			},
			did: seq("local activity Profile", told), want: refused,
		},
		{
			name: "somebody whom Stripe refuses altogether is no failure", file: "customer_refused", start: in,
			script: func(s *stage) {
				s.answer("Profile", eve)
				s.answer("PutStripeCustomer", errRefused)
			},
			did: seq("local activity Profile", "activity PutStripeCustomer"), want: refused,
		},
	}
}

func TestAStripeThatStaysAwayIsAskedUntilTheCheckoutsTimeIsOver(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.SetStartTime(frozen)
	s.answer("PurchaseOf", bought(models.ByPaymentIntent))
	s.answer("Profile", eveKnown)
	s.answerAlways("CreatePaymentIntent", errPassing)
	s.answer("ExpireCheckout", done{})
	prepares(s, 0, workflows.CheckoutExpired)
	got, err := s.start("checkout-pay_1", workflows.TypeCheckout, attributes, workflows.CheckoutInput{PaymentID: "pay_1", CustomerID: "auth0|7"})
	require.NoError(t, err)
	assert.Equal(t, workflows.CheckoutExpired, got.Outcome)
	for _, r := range s.asked {
		if call, ok := r.Input.(activities.CheckoutCall); ok {
			assert.Equal(t, "checkout:pay_1:1", call.IdempotencyKey, "its fate is unknown")
		}
	}
}

func TestACanceledCheckoutKeepsNoStock(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.SetStartTime(frozen)
	s.answer("PurchaseOf", bought(models.ByPaymentIntent))
	s.answer("Profile", eveKnown)
	s.answer("CreatePaymentIntent", byIntent)
	s.answer("KeepPrepared", done{})
	s.answer("ExpireCheckout", done{})
	s.after(time.Minute, s.CancelWorkflow)
	_, err := s.start("checkout-pay_1", workflows.TypeCheckout, attributes, workflows.CheckoutInput{PaymentID: "pay_1", CustomerID: "auth0|7"})
	assert.True(t, temporal.IsCanceledError(err))
}

func TestTheCheckoutsDialogsExplainThemselves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	script := checkoutStories()[1]
	_, err := script.play(s, workflows.TypeCheckout)
	require.NoError(t, err)
	answer, err := s.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, answer.Get(&metadata))
	definition := metadata.GetDefinition()
	require.Len(t, definition.GetSignalDefinitions(), 1)
	assert.Equal(t, "retry", definition.GetSignalDefinitions()[0].Name)
	require.Len(t, definition.GetUpdateDefinitions(), 1)
	assert.Equal(t, "prepare", definition.GetUpdateDefinitions()[0].Name)
	assert.Contains(t, definition.GetUpdateDefinitions()[0].Description, "customer's browser")
}
