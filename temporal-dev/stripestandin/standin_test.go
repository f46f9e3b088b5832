package stripestandin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"
	"github.com/stripe/stripe-go/v79/webhook"

	"twigz/temporal-dev/stripestandin"
)

const (
	secret = "whsec_test"
	key    = "sk_test_standin"
)

// mustStart runs a stand-in that posts to hook ("" for nobody) until the test ends.
func mustStart(t *testing.T, hook string) *stripestandin.Server {
	t.Helper()
	s := stripestandin.New(stripestandin.Config{
		WebhookURL: hook, WebhookSecret: secret, SecretKey: key, RetryFirst: 5 * time.Millisecond, RetryMost: 20 * time.Millisecond,
	})
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// mustClient is stripe-go as it ships, pointed at the stand-in and without retries of its own.
func mustClient(t *testing.T, s *stripestandin.Server, key string) *client.API {
	t.Helper()
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: new(s.URL()), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
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
	r := &receiver{events: make(chan stripe.Event, 10), headers: make(chan string, 10)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		header := req.Header.Get("Stripe-Signature")
		event, err := webhook.ConstructEventWithOptions(body, header, secret, webhook.ConstructEventOptions{})
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

	t.Run("sends a signed payment_intent.succeeded that stripe-go accepts", func(t *testing.T) {
		event := <-hook.events
		require.Equal(t, eventID, event.ID)
		require.Equal(t, stripe.EventTypePaymentIntentSucceeded, event.Type)
		require.Equal(t, stripe.APIVersion, event.APIVersion)
		require.Equal(t, intentID, event.Data.Object["id"])
		require.Contains(t, event.Data.Object, "invoice")
		require.Contains(t, event.Data.Object, "last_payment_error")
	})
	t.Run("is read back by stripe-go", func(t *testing.T) {
		got, err := mustClient(t, s, key).PaymentIntents.Get(intentID, nil)
		require.NoError(t, err)
		require.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
		require.EqualValues(t, 2349, got.AmountReceived)
		require.Equal(t, "store_1", got.Metadata["storeId"])
		require.NotEmpty(t, got.LastResponse.RequestID)
		require.Empty(t, got.LatestCharge.Status, "not expanded")
	})
	t.Run("has its charge where it is asked for", func(t *testing.T) {
		api := mustClient(t, s, key)
		params := &stripe.PaymentIntentParams{}
		params.AddExpand("latest_charge")
		got, err := api.PaymentIntents.Get(intentID, params)
		require.NoError(t, err)
		require.Equal(t, "billing@example.com", got.LatestCharge.BillingDetails.Email)

		charge, err := api.Charges.Get(got.LatestCharge.ID, nil)
		require.NoError(t, err)
		require.True(t, charge.Paid)
		require.Equal(t, intentID, charge.PaymentIntent.ID)
		require.Equal(t, "10115", charge.BillingDetails.Address.PostalCode)
	})
	t.Run("can be neither paid, failed nor canceled again", func(t *testing.T) {
		p := stripestandin.PaymentParams{PaymentIntentID: intentID}
		_, _, err := s.Pay(p)
		require.ErrorContains(t, err, "already succeeded")
		_, _, err = s.Fail(p, stripestandin.Decline{})
		require.ErrorContains(t, err, "already succeeded")
		_, _, err = s.Cancel(p, "")
		require.ErrorContains(t, err, "already succeeded")
	})
}

func TestAFailedPaymentSaysWhyAndCanStillBePaid(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	_, id, err := s.Fail(bread(), stripestandin.Decline{DeclineCode: "insufficient_funds"})
	require.NoError(t, err)
	require.Equal(t, stripe.EventTypePaymentIntentPaymentFailed, (<-hook.events).Type)

	api := mustClient(t, s, key)
	got, err := api.PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, got.Status)
	require.Equal(t, stripe.DeclineCodeInsufficientFunds, got.LastPaymentError.DeclineCode)
	require.Zero(t, got.AmountReceived)

	_, same, err := s.Pay(stripestandin.PaymentParams{PaymentIntentID: id})
	require.NoError(t, err)
	require.Equal(t, id, same)
	got, err = api.PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusSucceeded, got.Status)
	require.Nil(t, got.LastPaymentError)
	require.EqualValues(t, 2349, got.AmountReceived)
}

func TestACanceledPaymentSaysWhy(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	_, id, err := s.Cancel(bread(), "abandoned")
	require.NoError(t, err)
	require.Equal(t, stripe.EventTypePaymentIntentCanceled, (<-hook.events).Type)
	got, err := mustClient(t, s, key).PaymentIntents.Get(id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusCanceled, got.Status)
	require.Equal(t, stripe.PaymentIntentCancellationReasonAbandoned, got.CancellationReason)
}

func TestWhatStripeWouldRefuseIsRefused(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "")
	_, _, err := s.Pay(stripestandin.PaymentParams{Amount: 0, Currency: "usd"})
	require.ErrorContains(t, err, "amount")
	_, _, err = s.Pay(stripestandin.PaymentParams{Amount: 1, Currency: "USD"})
	require.ErrorContains(t, err, "currency")
	_, _, err = s.Pay(stripestandin.PaymentParams{Amount: 1, AmountReceived: 2, Currency: "usd"})
	require.ErrorContains(t, err, "amount received")
	_, _, err = s.Pay(stripestandin.PaymentParams{PaymentIntentID: "pi_unknown"})
	require.ErrorContains(t, err, "no such payment intent")

	api := mustClient(t, s, key)
	_, err = api.PaymentIntents.Get("pi_unknown", nil)
	requireStripeError(t, err, http.StatusNotFound, "resource_missing", "No such payment_intent: 'pi_unknown'")
	_, err = api.Charges.Get("ch_unknown", nil)
	requireStripeError(t, err, http.StatusNotFound, "resource_missing", "No such charge: 'ch_unknown'")
	_, err = api.CheckoutSessions.Get("cs_unknown", nil)
	requireStripeError(t, err, http.StatusNotFound, "resource_missing", "No such checkout.session: 'cs_unknown'")
	_, err = api.Balance.Get(nil)
	requireStripeError(t, err, http.StatusNotFound, "", "Unrecognized request URL")
	_, err = mustClient(t, s, "sk_test_other").PaymentIntents.Get("pi_unknown", nil)
	requireStripeError(t, err, http.StatusUnauthorized, "", "Invalid API Key provided: sk_test_****")

	_, id, err := s.Pay(bread())
	require.NoError(t, err)
	params := &stripe.PaymentIntentParams{}
	params.AddExpand("customer")
	_, err = api.PaymentIntents.Get(id, params)
	requireStripeError(t, err, http.StatusBadRequest, "", "cannot be expanded (customer)")
}

func requireStripeError(t *testing.T, err error, status int, code stripe.ErrorCode, message string) {
	t.Helper()
	var fault *stripe.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, status, fault.HTTPStatusCode)
	require.Equal(t, code, fault.Code)
	require.Contains(t, fault.Msg, message)
	require.Equal(t, stripe.ErrorTypeInvalidRequest, fault.Type)
	require.NotEmpty(t, fault.RequestID)
}

func TestAnObjectOfAnotherKindCanBePutAndRead(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "")
	require.Error(t, s.Put(map[string]any{"id": "cs_1"}))
	require.NoError(t, s.Put(map[string]any{"id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid"}))
	got, err := mustClient(t, s, key).CheckoutSessions.Get("cs_1", nil)
	require.NoError(t, err)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusPaid, got.PaymentStatus)
}

func TestAnEventIsSentUntilItIsTakenWithANewSignatureEachTime(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	hook.refuse.Store(1)
	s := stripestandin.New(stripestandin.Config{
		WebhookURL: hook.URL, WebhookSecret: secret, RetryFirst: 1300 * time.Millisecond, // t counts whole seconds, and jitter takes a fifth
	})
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	id, _, err := s.Pay(bread())
	require.NoError(t, err)

	require.Equal(t, id, (<-hook.events).ID)
	first, second := <-hook.headers, <-hook.headers
	require.NotEqual(t, first, second)

	require.Eventually(t, func() bool { return len(s.Deliveries()) == 2 }, time.Second, time.Millisecond)
	for i, a := range s.Deliveries() {
		require.Equal(t, id, a.EventID)
		require.Equal(t, i+1, a.Number)
		require.Equal(t, i == 1, a.Delivered())
	}
	require.Equal(t, "busy\n", s.Deliveries()[0].Answer)
}

func TestAReceiverThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "http://127.0.0.1:1/nobody")
	s.Send([]byte(`{"id":"evt_1","type":"customer.created"}`))
	require.Eventually(t, func() bool { return len(s.Deliveries()) >= 3 }, 5*time.Second, time.Millisecond)
	require.Zero(t, s.Deliveries()[0].Status)
	require.Contains(t, s.Deliveries()[0].Error, "refused")
}

func TestAnythingAtAllCanBeSent(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	t.Cleanup(hook.Close)
	s := mustStart(t, hook.URL)
	s.Send([]byte("not JSON \x00"))
	require.Equal(t, "not JSON \x00", <-got)
}

func TestTheControlAPI(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	post := func(path, body string) (int, string) {
		res, err := http.Post(s.URL()+path, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer res.Body.Close() //nolint:errcheck // only read
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(answer)
	}
	for _, call := range []string{"pay", "fail", "cancel"} {
		status, answer := post("/_control/"+call, `{"amount":100,"currency":"usd"}`)
		require.Equal(t, http.StatusOK, status, answer)
		require.Contains(t, answer, (<-hook.events).ID)
	}
	status, answer := post("/_control/pay", `{"amount":100,"currency":"usd","amonut":1}`)
	require.Equal(t, http.StatusBadRequest, status, answer)
	status, answer = post("/_control/pay", `{"amount":-1,"currency":"usd"}`)
	require.Equal(t, http.StatusUnprocessableEntity, status, answer)

	require.Eventually(t, func() bool { return len(s.Deliveries()) == 3 }, time.Second, time.Millisecond)
	require.Contains(t, mustGet(t, s.URL()+"/_control/deliveries"), `"status":200`)
	require.Contains(t, mustGet(t, s.URL()+"/_control/events/"+s.Deliveries()[0].EventID), `"type": "payment_intent.succeeded"`)
}

func TestThePageListsEventsAndObjects(t *testing.T) {
	t.Parallel()
	hook := mustReceive(t)
	s := mustStart(t, hook.URL)
	p := bread()
	p.ReceiptEmail = "<script>@example.com"
	event, intent, err := s.Pay(p)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(s.Deliveries()) == 1 }, time.Second, time.Millisecond)
	page := mustGet(t, s.URL()+"/")
	require.Contains(t, page, event)
	require.Contains(t, page, intent)
	require.Contains(t, page, "23.49 USD")
	require.Contains(t, page, "delivered")
	require.NotContains(t, page, "<script>")
}

func mustGet(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // only read
	require.Equal(t, http.StatusOK, res.StatusCode)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}
