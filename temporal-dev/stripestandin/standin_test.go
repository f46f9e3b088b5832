package stripestandin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"
	"github.com/stripe/stripe-go/v79/webhook"

	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const (
	secret   = "whsec_test"
	key      = "sk_test_standin1234"
	patience = 10 * time.Second
)

// mustStart runs a stand-in that posts to hook ("" for nobody) until the test ends.
func mustStart(t *testing.T, hook string, change ...func(*stripestandin.Config)) *stripestandin.Server {
	t.Helper()
	c := stripestandin.Config{
		WebhookURL: hook, WebhookSecrets: []string{secret}, SecretKey: key, RetryFirst: 5 * time.Millisecond, RetryMost: 20 * time.Millisecond,
	}
	for _, change := range change {
		change(&c)
	}
	s, err := stripestandin.New(c)
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// mustClient is stripe-go as it ships, pointed at the stand-in and without retries of its own.
func mustClient(t *testing.T, s *stripestandin.Server) *client.API {
	t.Helper()
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: new(s.URL()), MaxNetworkRetries: new(int64(0)), LeveledLogger: &stripe.LeveledLogger{},
	})
	return client.New(key, &stripe.Backends{API: backend})
}

// receiver is a webhook endpoint that verifies as the project does.
type receiver struct {
	*httptest.Server
	events  chan stripe.Event
	headers chan string
	refuse  atomic.Int32 // how many more attempts are answered 503
}

func mustReceive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{events: make(chan stripe.Event, 100), headers: make(chan string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		header := req.Header.Get("Stripe-Signature")
		event, err := webhook.ConstructEventWithOptions(body, header, secret, webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.headers <- header
		if r.refuse.Add(-1) >= 0 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		r.events <- event
	}))
	t.Cleanup(r.Close)
	return r
}

// next are the types of the next n events, in any order: they travel side by side.
func (r *receiver) next(t *testing.T, n int) (types []string) {
	t.Helper()
	for range n {
		select {
		case event := <-r.events:
			types = append(types, string(event.Type))
		case <-time.After(patience):
			t.Fatalf("only %v came", types)
		}
	}
	return types
}

func bread() stripestandin.PaymentParams {
	return stripestandin.PaymentParams{
		Amount: 2349, Currency: "usd", ReceiptEmail: "customer@example.com", Metadata: map[string]string{"storeId": "store_1"},
		BillingDetails: stripestandin.BillingDetails{Email: "billing@example.com", PostalCode: "10115"},
	}
}

func TestAPaidPayment(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	eventID, intentID, err := s.Pay(bread())
	require.NoError(t, err)
	api := mustClient(t, s)

	t.Run("sends its siblings", func(t *testing.T) {
		assert.ElementsMatch(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}, hook.next(t, 3))
		event, err := api.Events.Get(eventID, nil)
		require.NoError(t, err)
		assert.Equal(t, stripe.EventTypePaymentIntentSucceeded, event.Type)
	})
	t.Run("is read back by stripe-go", func(t *testing.T) {
		got, err := api.PaymentIntents.Get(intentID, nil)
		require.NoError(t, err)
		require.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
		require.EqualValues(t, 2349, got.AmountReceived)
		require.Equal(t, "store_1", got.Metadata["storeId"])
		require.Empty(t, got.LatestCharge.Status, "not expanded")
	})
	t.Run("has its charge where it is asked for", func(t *testing.T) {
		params := &stripe.PaymentIntentParams{}
		params.AddExpand("latest_charge")
		got, err := api.PaymentIntents.Get(intentID, params)
		require.NoError(t, err)
		require.Equal(t, "billing@example.com", got.LatestCharge.BillingDetails.Email)
		require.True(t, got.LatestCharge.Paid)
	})
	t.Run("can be neither paid, failed nor canceled again", func(t *testing.T) {
		p := stripestandin.PaymentParams{PaymentIntentID: intentID}
		for _, act := range []func(stripestandin.PaymentParams) (string, string, error){s.Pay, s.Fail, s.Cancel} {
			_, _, err = act(p)
			require.ErrorContains(t, err, "succeeded")
		}
	})
}

func TestAPaymentOfWhichOnlyAPartIsCollected(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "")
	p := bread()
	p.AmountReceived = 2000
	_, id, err := s.Pay(p)
	require.NoError(t, err)
	got, err := mustClient(t, s).PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 2349, got.Amount)
	assert.EqualValues(t, 2000, got.AmountReceived)
	assert.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
}

func TestAFailedPaymentSaysWhyAndCanStillBePaid(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	p := bread()
	p.Method = "pm_card_visa_chargeDeclinedInsufficientFunds"
	_, id, err := s.Fail(p)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}, hook.next(t, 3))

	api := mustClient(t, s)
	got, err := api.PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, got.Status)
	require.Equal(t, stripe.DeclineCodeInsufficientFunds, got.LastPaymentError.DeclineCode)

	_, same, err := s.Pay(stripestandin.PaymentParams{PaymentIntentID: id})
	require.NoError(t, err)
	require.Equal(t, id, same)
	got, err = api.PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
	require.Nil(t, got.LastPaymentError)
}

func TestACanceledPaymentSaysWhy(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "")
	p := bread()
	p.Reason = "abandoned"
	_, id, err := s.Cancel(p)
	require.NoError(t, err)
	got, err := mustClient(t, s).PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentCancellationReasonAbandoned, got.CancellationReason)
}

func TestWhatStripeWouldRefuseIsRefused(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "")
	for says, p := range map[string]stripestandin.PaymentParams{
		"amount":         {Amount: 0, Currency: "usd"},
		"currency":       {Amount: 100, Currency: "zzz"},
		"greater than":   {Amount: 2349, AmountReceived: 2400, Currency: "usd"},
		"pi_unknown":     {PaymentIntentID: "pi_unknown"},
		"pm_card_ghost":  {Amount: 100, Currency: "usd", Method: "pm_card_ghost"},
		"was declined":   {Amount: 100, Currency: "usd", Method: "pm_card_visa_chargeDeclined"},
		"cus_of_nowhere": {Amount: 100, Currency: "usd", Customer: "cus_of_nowhere"},
	} {
		_, _, err := s.Pay(p)
		require.ErrorContains(t, err, says)
	}
	_, _, err := s.Fail(stripestandin.PaymentParams{Amount: 100, Currency: "usd", Method: "pm_card_visa"})
	require.ErrorContains(t, err, "not declined")
}

func TestAnObjectOfAnyShapeCanBePutAndRead(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "")
	require.Error(t, s.Put(map[string]any{"id": "cs_1"}))
	require.NoError(t, s.Put(map[string]any{"id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid"}))
	got, err := mustClient(t, s).CheckoutSessions.Get("cs_1", nil)
	require.NoError(t, err)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusPaid, got.PaymentStatus)
}

func TestAnEventIsSentUntilItIsTakenWithANewSignatureEachTime(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	hook.refuse.Store(1)
	s := mustStart(t, hook.URL, func(c *stripestandin.Config) { c.RetryFirst = 1300 * time.Millisecond }) // t counts whole seconds, and jitter takes some
	s.Send([]byte(`{"id":"evt_1","object":"event","type":"customer.created","data":{"object":{}}}`))
	assert.Equal(t, []string{"customer.created"}, hook.next(t, 1))
	first, second := <-hook.headers, <-hook.headers
	require.NotEqual(t, first, second)
	require.Eventually(t, func() bool { return len(s.Deliveries()) == 2 }, patience, time.Millisecond)
	assert.Equal(t, "busy\n", s.Deliveries()[0].Answer)
}

func TestAnythingAtAllCanBeSent(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	t.Cleanup(hook.Close)
	mustStart(t, hook.URL).Send([]byte("not JSON \x00"))
	require.Equal(t, "not JSON \x00", <-got)
}

func TestEventsAreListedByWhetherTheyWereDelivered(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL, func(c *stripestandin.Config) {
		c.Faults = []faults.Rule{{Fault: faults.Drop, Match: "charge.*"}}
	})
	_, _, err := s.Pay(bread())
	require.NoError(t, err)
	hook.next(t, 2)
	list := func(delivered bool) (types []string) {
		all := mustClient(t, s).Events.List(&stripe.EventListParams{DeliverySuccess: &delivered})
		for all.Next() {
			types = append(types, string(all.Event().Type))
		}
		require.NoError(t, all.Err())
		return types
	}
	require.Eventually(t, func() bool { return len(list(true)) == 2 }, patience, time.Millisecond)
	assert.Equal(t, []string{"charge.succeeded"}, list(false))
}

func TestATwinTellsOfTheSameChangeUnderAnotherID(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	require.NoError(t, s.SetFaults(1, faults.Rule{Fault: faults.Twin, Match: "payment_intent.succeeded"}))
	_, _, err := s.Pay(bread())
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "payment_intent.succeeded"}, hook.next(t, 4))
	require.Error(t, s.SetFaults(1, faults.Rule{Fault: "gremlins"}))
	_, err = stripestandin.New(stripestandin.Config{Faults: []faults.Rule{{Fault: "gremlins"}}})
	require.ErrorContains(t, err, "gremlins")
}

func TestAnEndpointOfALaterVersionGetsLaterShapes(t *testing.T) {
	t.Parallel()
	hook, later := mustReceive(t), mustReceive(t)
	s := mustStart(t, hook.URL)
	made, err := mustClient(t, s).WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: &later.URL, EnabledEvents: []*string{new("payment_intent.succeeded")}, APIVersion: new("2025-06-30.basil"),
	})
	require.NoError(t, err)
	require.NoError(t, s.Act(func(t *ledger.Tx) *wire.Error { return t.RollSecret(made.ID, secret, time.Hour) }))
	_, _, err = s.Pay(bread())
	require.NoError(t, err)
	event := <-later.events
	assert.Equal(t, "2025-06-30.basil", event.APIVersion)
	assert.NotContains(t, event.Data.Object, "invoice", "it has moved")
	assert.Contains(t, <-later.headers, ",v1=", "two secrets sign")
	for range 3 {
		event := <-hook.events
		assert.Equal(t, "2024-06-20", event.APIVersion)
		if event.Type == "payment_intent.succeeded" {
			assert.Contains(t, event.Data.Object, "invoice")
		}
	}
}

func TestWhatWasNotDeliveredIsDeliveredInTheNextRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "stripe.jsonl")
	keep := func(c *stripestandin.Config) { c.File = file }
	first := mustStart(t, "http://127.0.0.1:1/nobody", keep)
	_, id, err := first.Pay(bread())
	require.NoError(t, err)
	require.NoError(t, first.Close())

	hook := mustReceive(t)
	s := mustStart(t, hook.URL, keep)
	assert.ElementsMatch(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}, hook.next(t, 3))
	got, err := mustClient(t, s).PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	assert.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
}

func TestNobodyIsToldOfTheStock(t *testing.T) {
	t.Parallel()
	var told atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) }))
	t.Cleanup(hook.Close)
	s, err := stripestandin.New(stripestandin.Config{
		WebhookURL: hook.URL, WebhookSecrets: []string{"whsec_a"},
		Stock: func(tx *ledger.Tx) *wire.Error {
			_, refusal := ledger.Calls()["POST /v1/products"](tx, ledger.Input{Params: wire.Object{"name": "Bread"}})
			return refusal
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	s.View(func(tx *ledger.Tx) { require.NotNil(t, tx.First("product", "name", "Bread")) })
	require.Empty(t, s.Undelivered(), "nothing is on its way")
	require.Zero(t, told.Load())
}
