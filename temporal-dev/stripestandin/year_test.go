package stripestandin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"

	"twigz/temporal-dev/stripestandin"
)

const aDay = 24 * time.Hour

// year is a subscription's life, driven by JSON from outside and read back through the API.
type year struct {
	*testing.T
	stripestandin.Remote
	api *client.API
}

func mustBegin(t *testing.T) *year {
	t.Helper()
	s := mustStart(t, "")
	return &year{t, stripestandin.Remote{URL: s.URL()}, mustClient(t, s)}
}

func (y *year) act(name, id string, said map[string]any) stripestandin.Outcome {
	y.Helper()
	out, err := y.Act(y.Context(), name, id, said)
	require.NoError(y, err)
	return out
}

func (y *year) wait(days int) {
	y.Helper()
	_, err := y.Forward(y.Context(), time.Duration(days)*aDay)
	require.NoError(y, err)
}

func (y *year) subscription(id string) *stripe.Subscription {
	y.Helper()
	s, err := y.api.Subscriptions.Get(id, nil)
	require.NoError(y, err)
	return s
}

// invoices are a customer's, the newest first, as the project lists them.
func (y *year) invoices(customer string) (all []*stripe.Invoice) {
	y.Helper()
	params := &stripe.InvoiceListParams{Customer: &customer}
	params.Limit = new(int64(100))
	params.AddExpand("data.payment_intent")
	list := y.api.Invoices.List(params)
	for list.Next() {
		all = append(all, list.Invoice())
	}
	require.NoError(y, list.Err())
	return all
}

// told counts the events of a type.
func (y *year) told(eventType string) (n int) {
	y.Helper()
	params := &stripe.EventListParams{Type: &eventType}
	list := y.api.Events.List(params)
	for list.Next() {
		n++
	}
	require.NoError(y, list.Err())
	return n
}

func TestAYearOfASubscriptionIsDrivenFromOutside(t *testing.T) {
	t.Parallel()
	y := mustBegin(t)
	silver := y.act("new_price", "", map[string]any{"name": "Silver club", "amount": 1200, "tier": "silver"}).Made
	gold := y.act("new_price", "", map[string]any{"name": "Gold club", "amount": 2400, "tier": "gold"}).Made
	customer := y.act("new_customer", "", map[string]any{"email": "grace@example.com", "customerId": "user_1"}).Made
	id := y.act("subscribe", customer, map[string]any{"price": silver, "trialDays": 14}).Made
	s := y.subscription(id)
	assert.Equal(t, stripe.SubscriptionStatusTrialing, s.Status)
	assert.Zero(t, y.invoices(customer)[0].Total)

	y.wait(12)
	assert.Equal(t, 1, y.told("customer.subscription.trial_will_end"))
	y.wait(3) // the trial has ended, and the first month was paid
	assert.Equal(t, stripe.SubscriptionStatusActive, y.subscription(id).Status)
	assert.Equal(t, stripe.InvoiceStatusPaid, y.invoices(customer)[0].Status)

	y.act("set_default_method", id, map[string]any{"method": "pm_card_chargeCustomerFail"})
	y.wait(31)
	assert.Positive(t, y.told("invoice.upcoming"))
	failed := y.invoices(customer)[0]
	assert.Equal(t, stripe.SubscriptionStatusPastDue, y.subscription(id).Status)
	assert.Equal(t, stripe.InvoiceStatusOpen, failed.Status)
	assert.Equal(t, "Your card was declined.", failed.PaymentIntent.LastPaymentError.Msg)
	assert.NotZero(t, failed.NextPaymentAttempt)
	declined := y.act("pay_invoice", failed.ID, map[string]any{"method": "pm_card_visa_chargeDeclined"})
	assert.Equal(t, "Your card was declined.", declined.Declined)
	y.act("set_default_method", customer, map[string]any{"method": "pm_card_mastercard"})
	y.act("pay_invoice", failed.ID, map[string]any{"method": "pm_card_mastercard"})
	assert.Equal(t, stripe.SubscriptionStatusActive, y.subscription(id).Status)

	y.wait(5)
	y.act("change_subscription", id, map[string]any{"price": gold, "proration_behavior": "always_invoice"})
	s = y.subscription(id)
	assert.Equal(t, gold, s.Items.Data[0].Price.ID)
	update := y.invoices(customer)[0]
	assert.Equal(t, stripe.InvoiceBillingReasonSubscriptionUpdate, update.BillingReason)
	assert.Len(t, update.Lines.Data, 2)
	assert.Positive(t, update.Total)
	assert.Less(t, update.Total, int64(1200))

	y.act("pause_subscription", id, map[string]any{"behavior": "void"})
	y.wait(31)
	assert.Equal(t, stripe.InvoiceStatusVoid, y.invoices(customer)[0].Status)
	assert.Equal(t, stripe.SubscriptionStatusActive, y.subscription(id).Status)
	y.act("unpause_subscription", id, nil)
	y.wait(31)
	assert.Equal(t, stripe.InvoiceStatusPaid, y.invoices(customer)[0].Status)
	assert.EqualValues(t, 2400, y.invoices(customer)[0].AmountPaid)

	y.wait(180)
	y.act("cancel_subscription", id, map[string]any{"when": "period_end"})
	assert.True(t, y.subscription(id).CancelAtPeriodEnd)
	y.wait(32)
	s = y.subscription(id)
	assert.Equal(t, stripe.SubscriptionStatusCanceled, s.Status)
	assert.NotZero(t, s.EndedAt)
	paid := len(y.invoices(customer))
	y.wait(60)
	assert.Len(t, y.invoices(customer), paid, "what has ended costs nothing")
}

func TestAnActThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	y := mustBegin(t)
	_, err := y.Act(t.Context(), "cancel_subscription", "sub_none", nil)
	require.ErrorContains(t, err, "No such subscription: 'sub_none'")
	_, err = y.Act(t.Context(), "no_such_act", "", nil)
	require.ErrorContains(t, err, "no such act")
	_, err = y.Forward(t.Context(), 0)
	require.ErrorContains(t, err, "forward only")
}

func TestACustomersPagesAreReadAsTheProjectReadsThem(t *testing.T) {
	t.Parallel()
	y := mustBegin(t)
	price := y.act("new_price", "", map[string]any{"name": "Silver club", "amount": 1200, "tier": "silver"}).Made
	customer := y.act("new_customer", "", map[string]any{"email": "grace@example.com"}).Made
	for range 3 {
		y.act("subscribe", customer, map[string]any{"price": price})
	}

	get := &stripe.CustomerParams{}
	get.AddExpand("invoice_settings.default_payment_method")
	c, err := y.api.Customers.Get(customer, get)
	require.NoError(t, err)
	assert.Equal(t, "4242", c.InvoiceSettings.DefaultPaymentMethod.Card.Last4)

	ids := map[string]bool{}
	list := &stripe.SubscriptionListParams{Customer: &customer, Status: new("all")}
	list.Limit = new(int64(2)) // so that there are two pages
	list.AddExpand("data.default_payment_method")
	found := y.api.Subscriptions.List(list)
	for found.Next() {
		ids[found.Subscription().ID] = true
	}
	require.NoError(t, found.Err())
	assert.Len(t, ids, 3)

	invoice := y.invoices(customer)[0]
	one := &stripe.InvoiceParams{}
	one.AddExpand("payment_intent")
	read, err := y.api.Invoices.Get(invoice.ID, one)
	require.NoError(t, err)
	assert.Equal(t, stripe.PaymentIntentStatusSucceeded, read.PaymentIntent.Status)
	assert.Equal(t, y.URL+"/invoice/"+invoice.ID, read.HostedInvoiceURL)
	lines := y.api.Invoices.ListLines(&stripe.InvoiceListLinesParams{Invoice: &invoice.ID})
	require.True(t, lines.Next())
	assert.Equal(t, price, lines.InvoiceLineItem().Price.ID)

	product, err := y.api.Products.Get(lines.InvoiceLineItem().Price.Product.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, "silver", product.Metadata["tier"])
	p, err := y.api.Prices.Get(price, nil)
	require.NoError(t, err)
	assert.Equal(t, stripe.PriceRecurringIntervalMonth, p.Recurring.Interval)
	_, err = y.api.Prices.Get("price_none", nil)
	var refusal *stripe.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, 404, refusal.HTTPStatusCode)

	portal, err := y.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &customer, ReturnURL: new("https://shop.example/account")})
	require.NoError(t, err)
	assert.Equal(t, y.URL+"/portal/"+portal.ID, portal.URL)

	y.act("delete_customer", customer, nil)
	gone, err := y.api.Customers.Get(customer, get)
	require.NoError(t, err)
	assert.True(t, gone.Deleted)
	_, err = y.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &customer})
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, 400, refusal.HTTPStatusCode)
	assert.Equal(t, stripe.ErrorCodeResourceMissing, refusal.Code)
	assert.Equal(t, "customer", refusal.Param)
}

func TestASubscriptionIsBegunOnASessionOnceAKey(t *testing.T) {
	t.Parallel()
	y := mustBegin(t)
	price := y.act("new_price", "", map[string]any{"name": "Silver club", "amount": 1200}).Made
	customer := y.act("new_customer", "", map[string]any{"email": "grace@example.com", "method": "none"}).Made
	begin := func() *stripe.CheckoutSession {
		params := &stripe.CheckoutSessionParams{
			Mode: new("subscription"), Customer: &customer, SuccessURL: new("https://shop.example/thanks"), CancelURL: new("https://shop.example/"),
			LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: &price, Quantity: new(int64(2))}},
			SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"customerId": "user_1"}},
			Metadata:         map[string]string{"customerId": "user_1"},
		}
		params.SetIdempotencyKey("subscribe-1")
		session, err := y.api.CheckoutSessions.New(params)
		require.NoError(t, err)
		return session
	}
	session := begin()
	assert.Equal(t, session.ID, begin().ID)
	y.act("complete_session", session.ID, map[string]any{"name": "Grace"})
	done, err := y.api.CheckoutSessions.Get(session.ID, nil)
	require.NoError(t, err)
	s := y.subscription(done.Subscription.ID)
	assert.Equal(t, stripe.SubscriptionStatusActive, s.Status)
	assert.Equal(t, "user_1", s.Metadata["customerId"])
	assert.Equal(t, customer, s.Customer.ID)
	assert.EqualValues(t, 2, s.Items.Data[0].Quantity)
}
