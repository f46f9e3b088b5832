package stripestandin_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// desk is a stand-in, and the activities that call it.
func desk(t *testing.T, rules ...faults.Rule) (*stripestandin.Server, *activities.Stripe) {
	t.Helper()
	s := mustStart(t, "")
	require.NoError(t, s.SetFaults(1, rules...))
	return s, activities.NewStripe(key, s.URL())
}

// purchase is a checkout of two loaves at 4.50 and a jam at 3.00, delivered for 3.99.
func purchase(change func(*models.Purchase)) activities.CheckoutCall {
	p := models.Purchase{
		PaymentID: "pay_1", Currency: "usd", DeliveryFee: 399, Total: 1599,
		Items: []models.Line{
			{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
			{ProductID: "jam", Name: "Jam", Quantity: 1, UnitAmount: 300},
		},
		SuccessURL: "https://shop.example/ok?paymentId=pay_1", CancelURL: "https://shop.example/shop",
		ExpiresAt: time.Now().Add(35 * time.Minute).Unix(),
	}
	if change != nil {
		change(&p)
	}
	return activities.CheckoutCall{Purchase: p, IdempotencyKey: "checkout:pay_1:1"}
}

// known is a customer whom the stand-in knows.
func known(t *testing.T, calls *activities.Stripe) string {
	t.Helper()
	made, err := calls.PutStripeCustomer(t.Context(), activities.CustomerCall{
		Profile: models.CustomerProfile{CustomerID: "auth0|7", Email: "eve@mail.example", Name: "Eve"}, IdempotencyKey: "customer:1f:1",
	})
	require.NoError(t, err)
	require.Empty(t, made.Refused)
	return made.ID
}

func object(s *stripestandin.Server, id string) (o wire.Object) {
	s.View(func(t *ledger.Tx) { o = t.Read(id) })
	return o
}

// count is how many objects of a kind there are.
func count(s *stripestandin.Server, kind string) (n int) {
	s.View(func(t *ledger.Tx) {
		for range t.Every(kind) {
			n++
		}
	})
	return n
}

// complete has the customer pay on the page of a session.
func complete(t *testing.T, s *stripestandin.Server, id string, p ledger.SessionPayment) {
	t.Helper()
	require.NoError(t, s.Act(func(t *ledger.Tx) *wire.Error {
		_, refusal := t.CompleteSession(id, p)
		return refusal
	}))
}

func TestAPurchaseIsPaidByItsPaymentIntent(t *testing.T) {
	t.Parallel()
	s, calls := desk(t)
	customer := known(t, calls)
	in := purchase(func(p *models.Purchase) { p.StripeCustomerID = customer })
	made, err := calls.CreatePaymentIntent(t.Context(), in)
	require.NoError(t, err)
	again, err := calls.CreatePaymentIntent(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, made, again)
	assert.Equal(t, 1, count(s, "payment_intent"))
	intent := object(s, made.PaymentIntentID)
	assert.EqualValues(t, 1599, intent.Int("amount"))
	assert.Equal(t, customer, intent.Text("customer"))
	assert.Equal(t, wire.Object{"paymentId": "pay_1"}, intent.Sub("metadata"))
	require.NoError(t, s.Act(func(t *ledger.Tx) *wire.Error { return t.PayIntent(made.PaymentIntentID, "pm_card_visa", nil) }))
	assert.EqualValues(t, 1599, object(s, made.PaymentIntentID).Int("amount_received"))
}

func TestAPurchaseIsPaidOnItsPage(t *testing.T) {
	t.Parallel()
	address := ledger.SessionPayment{BillingDetails: ledger.BillingDetails{Country: "GB", PostalCode: "BA1 1AA"}}
	for _, c := range []struct {
		name   string
		change func(*models.Purchase)
		entry  ledger.SessionPayment
		total  int64
		intent bool
	}{
		{"with the fee below the lines", func(*models.Purchase) {}, ledger.SessionPayment{}, 1599, true},
		{"without a fee", func(p *models.Purchase) { p.DeliveryFee, p.Total = 0, 1200 }, ledger.SessionPayment{}, 1200, true},
		{"with the tax on top", func(p *models.Purchase) { p.AutomaticTax = true }, address, 1599 + 90 + 30 + 40, true},
		{"in yen", func(p *models.Purchase) { p.Currency = "jpy" }, ledger.SessionPayment{}, 1599, true},
		{"in dinars, which have three decimals", func(p *models.Purchase) { p.Currency, p.DeliveryFee = "kwd", 400 }, ledger.SessionPayment{}, 1600, true},
		{"for nothing", func(p *models.Purchase) {
			p.DeliveryFee, p.Items = 0, []models.Line{{ProductID: "taste", Name: "A taste", Quantity: 1}}
		}, ledger.SessionPayment{}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, calls := desk(t)
			customer := known(t, calls)
			in := purchase(func(p *models.Purchase) { p.StripeCustomerID = customer; c.change(p) })
			made, err := calls.CreateSession(t.Context(), in)
			require.NoError(t, err)
			assert.Contains(t, made.URL, made.CheckoutSessionID)
			again, err := calls.CreateSession(t.Context(), in)
			require.NoError(t, err)
			assert.Equal(t, made, again)
			complete(t, s, made.CheckoutSessionID, c.entry)
			session := object(s, made.CheckoutSessionID)
			assert.Equal(t, c.total, session.Int("amount_total"))
			assert.Equal(t, wire.Object{"paymentId": "pay_1"}, session.Sub("metadata"))
			intent := object(s, session.Text("payment_intent"))
			assert.Equal(t, c.intent, intent != nil, "there is a payment intent")
			if c.intent {
				assert.Equal(t, wire.Object{"paymentId": "pay_1"}, intent.Sub("metadata"))
				assert.Equal(t, c.total, intent.Int("amount_received"))
			}
		})
	}
}

func TestAPurchaseIsMadeAlsoWhenStripesClockIsAhead(t *testing.T) {
	t.Parallel()
	s, calls := desk(t)
	s.Advance(2 * time.Hour)
	made, err := calls.CreateSession(t.Context(), purchase(nil))
	require.NoError(t, err)
	complete(t, s, made.CheckoutSessionID, ledger.SessionPayment{BillingDetails: ledger.BillingDetails{Email: "eve@mail.example"}})
	assert.Equal(t, "paid", object(s, made.CheckoutSessionID).Text("payment_status"))
}

func TestWhatStripeDoesNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	_, calls := desk(t)
	in := purchase(func(p *models.Purchase) {
		p.Total, p.DeliveryFee, p.Items = 20, 0, []models.Line{{ProductID: "crumb", Name: "A crumb", Quantity: 1, UnitAmount: 20}}
	})
	_, byIntent := calls.CreatePaymentIntent(t.Context(), in)
	in.IdempotencyKey = "checkout:pay_2:1"
	_, bySession := calls.CreateSession(t.Context(), in)
	for _, err := range []error{byIntent, bySession} {
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, activities.Refused, failure.Type(), err)
	}
}

func TestAPurchaseOfSomebodyWhoWasDeletedIsNotMade(t *testing.T) {
	t.Parallel()
	s, calls := desk(t)
	in := purchase(func(p *models.Purchase) { p.StripeCustomerID = known(t, calls) })
	_, err := mustClient(t, s).Customers.Del(in.Purchase.StripeCustomerID, nil)
	require.NoError(t, err)
	_, byIntent := calls.CreatePaymentIntent(t.Context(), in)
	in.IdempotencyKey = "checkout:pay_2:1"
	_, bySession := calls.CreateSession(t.Context(), in)
	for _, err := range []error{byIntent, bySession} {
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, activities.CustomerGone, failure.Type(), "another one has to be made")
	}
	still, err := calls.PutStripeCustomer(t.Context(), activities.CustomerCall{Profile: models.CustomerProfile{CustomerID: "auth0|7", StripeCustomerID: in.Purchase.StripeCustomerID, Name: "Eve"}})
	require.NoError(t, err)
	assert.Equal(t, in.Purchase.StripeCustomerID, still.ID)
}

func TestACustomerIsMadeOnceAndKeptInStep(t *testing.T) {
	t.Parallel()
	put := func(t *testing.T, calls *activities.Stripe, profile models.CustomerProfile) (activities.StripeCustomer, error) {
		t.Helper()
		profile.CustomerID = "auth0|7"
		return calls.PutStripeCustomer(t.Context(), activities.CustomerCall{Profile: profile, IdempotencyKey: "customer:1f:1"})
	}

	t.Run("by two at once, whatever each knows of them", func(t *testing.T) {
		t.Parallel()
		s, calls := desk(t)
		ids := make([]string, 2)
		var both sync.WaitGroup
		for i, name := range []string{"Eve", "Eve Adams"} {
			both.Go(func() {
				for ids[i] == "" { // one that finds the key in use comes again, as Temporal has it
					made, _ := put(t, calls, models.CustomerProfile{Name: name})
					ids[i] = made.ID
				}
			})
		}
		both.Wait()
		assert.Equal(t, ids[0], ids[1])
		assert.Equal(t, 1, count(s, "customer"))
		assert.Equal(t, wire.Object{"customerId": "auth0|7"}, object(s, ids[0]).Sub("metadata"))
	})

	t.Run("when the answer was lost", func(t *testing.T) {
		t.Parallel()
		s, calls := desk(t, faults.Rule{Fault: faults.LostAnswer, Match: "POST /v1/customers", Times: 1})
		_, err := put(t, calls, models.CustomerProfile{Name: "Eve"})
		require.Error(t, err)
		_, err = put(t, calls, models.CustomerProfile{Name: "Eve Adams"})
		require.NoError(t, err)
		assert.Equal(t, 1, count(s, "customer"))
	})

	t.Run("with what is known now", func(t *testing.T) {
		t.Parallel()
		s, calls := desk(t)
		made, err := put(t, calls, models.CustomerProfile{Email: "eve@mail.example", Name: "Eve"})
		require.NoError(t, err)
		assert.Equal(t, "eve@mail.example", object(s, made.ID).Text("email"))
		_, err = put(t, calls, models.CustomerProfile{StripeCustomerID: made.ID, Email: "adams@mail.example", Name: "Eve Adams"})
		require.NoError(t, err)
		assert.Equal(t, "adams@mail.example", object(s, made.ID).Text("email"))
		assert.Equal(t, "Eve Adams", object(s, made.ID).Text("name"))
	})

	t.Run("also when its address is none to Stripe", func(t *testing.T) {
		t.Parallel()
		_, calls := desk(t)
		made, err := put(t, calls, models.CustomerProfile{Email: "eve at home"})
		require.NoError(t, err)
		assert.NotEmpty(t, made.ID)
		assert.Equal(t, "email_invalid", made.Refused)
	})
}
