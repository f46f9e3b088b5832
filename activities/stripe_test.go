package activities_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
)

const secretKey = "sk_test_hunter2"

// answering is a Stripe that answers every request in one way.
func answering(t *testing.T, status int, header http.Header, body string) *activities.Stripe {
	t.Helper()
	return served(t, func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.Header().Set("Request-Id", "req_1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func served(t *testing.T, serve http.HandlerFunc) *activities.Stripe {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return activities.NewStripe(secretKey, server.URL)
}

func view(t *testing.T, s *activities.Stripe) (activities.PaymentView, error) {
	t.Helper()
	return run[activities.PaymentView](t, s, s.ViewPaymentIntent, activities.PaymentIntentInput{PaymentIntentID: "pi_1"})
}

func findEmail(t *testing.T, s *activities.Stripe) (activities.BillingEmail, error) {
	t.Helper()
	return run[activities.BillingEmail](t, s, s.FindBillingEmail, activities.ChargeInput{ChargeID: "ch_1"})
}

// missing is how Stripe says that there is no such object.
const missing = `{"error":{"code":"resource_missing","message":"No such payment_intent: 'pi_1'","param":"intent","type":"invalid_request_error"}}`

func TestViewPaymentIntent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   activities.PaymentView
	}{
		{
			"one that succeeded", 200,
			`{"id":"pi_1","object":"payment_intent","status":"succeeded","latest_charge":"ch_1","amount":450,"metadata":{"a":"b"}}`,
			activities.PaymentView{Found: true, Status: "succeeded", ChargeID: "ch_1"},
		},
		{
			"one that was declined, by the bank's word rather than Stripe's", 200,
			`{"id":"pi_1","object":"payment_intent","status":"requires_payment_method","latest_charge":"ch_2",
			  "last_payment_error":{"code":"card_declined","decline_code":"insufficient_funds","message":"Not enough.","type":"card_error"}}`,
			activities.PaymentView{
				Found: true, Status: "requires_payment_method", ChargeID: "ch_2",
				FailureCode: "insufficient_funds", FailureMessage: "Not enough.",
			},
		},
		{
			"one that failed before any bank was asked", 200,
			`{"id":"pi_1","object":"payment_intent","status":"requires_payment_method","latest_charge":null,
			  "last_payment_error":{"code":"payment_intent_authentication_failure","message":"Bad\u0000 \ud800luck.","type":"invalid_request_error"}}`,
			activities.PaymentView{
				Found: true, Status: "requires_payment_method",
				FailureCode: "payment_intent_authentication_failure", FailureMessage: "Bad\uFFFD \uFFFDluck.",
			},
		},
		{
			"one that failed with a long story", 200,
			`{"id":"pi_1","object":"payment_intent","status":"requires_payment_method","last_payment_error":{"message":"` + strings.Repeat("é", 900) + `"}}`,
			activities.PaymentView{Found: true, Status: "requires_payment_method", FailureMessage: strings.Repeat("é", 500)},
		},
		{
			"one that was canceled", 200,
			`{"id":"pi_1","object":"payment_intent","status":"canceled","cancellation_reason":"abandoned","latest_charge":{"id":"ch_1","object":"charge"}}`,
			activities.PaymentView{Found: true, Status: "canceled", ChargeID: "ch_1", CancellationReason: "abandoned"},
		},
		{"one that Stripe does not know", 404, missing, activities.PaymentView{}},
	} {
		t.Run("tells of "+c.name, func(t *testing.T) {
			t.Parallel()
			got, err := view(t, answering(t, c.status, nil, c.body))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}

	t.Run("asks once, with our key, in the one API version", func(t *testing.T) {
		t.Parallel()
		var asked []string
		s := served(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.EscapedPath(), r.Header.Get("Authorization"), r.Header.Get("Stripe-Version"))
			w.WriteHeader(http.StatusInternalServerError)
		})
		_, err := run[any](t, s, s.ViewPaymentIntent, activities.PaymentIntentInput{PaymentIntentID: "pi_1/../x?y"})
		require.Error(t, err)
		assert.Equal(t, []string{"GET /v1/payment_intents/pi_1%2F..%2Fx%3Fy", "Bearer " + secretKey, "2024-06-20"}, asked)
	})
}

func TestFindBillingEmail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"the address", 200, `{"id":"ch_1","object":"charge","billing_details":{"email":"eve@example.com","name":"Eve"}}`, customerEmail},
		{"nothing where there is none", 200, `{"id":"ch_1","object":"charge","billing_details":{"email":null}}`, ""},
		{"nothing where there are no details", 200, `{"id":"ch_1","object":"charge"}`, ""},
		{"nothing where there is no charge", 404, missing, ""},
	} {
		t.Run("finds "+c.name, func(t *testing.T) {
			t.Parallel()
			got, err := findEmail(t, answering(t, c.status, nil, c.body))
			require.NoError(t, err)
			assert.Equal(t, c.want, got.Email)
		})
	}
}

func TestStripeErrors(t *testing.T) {
	t.Parallel()
	// What Stripe says of an error quotes the object it is about.
	said := func(code string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":"eve@example.com of 1 Mill Lane","param":"auth0|7","type":"api_error",
			"payment_intent":{"id":"pi_1","receipt_email":"eve@example.com"}}}`, code)
	}
	wait := func(text string) http.Header { return http.Header{"Retry-After": {text}} }
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		passes bool
		after  time.Duration
		text   string
	}{
		{"a key that is none is not asked with again", 401, nil, said("api_key_expired"), false, 0, "Stripe answered 401 api_key_expired (request req_1)"},
		{"a key that may not is not asked with again", 403, nil, said(""), false, 0, "Stripe answered 403  (request req_1)"},
		{"a bad question is not asked again", 400, nil, said("parameter_unknown"), false, 0, "Stripe answered 400 parameter_unknown (request req_1)"},
		{"a locked object passes", 409, nil, said("lock_timeout"), true, 0, "Stripe answered 409 lock_timeout (request req_1)"},
		{"too many questions pass when Stripe says", 429, wait("7"), said("rate_limit"), true, 7 * time.Second, "Stripe answered 429 rate_limit (request req_1)"},
		{"too many questions pass some time", 429, nil, said("rate_limit"), true, 0, "Stripe answered 429 rate_limit"},
		{"a date is no number of seconds", 429, wait("Wed, 21 Oct 2026 07:28:00 GMT"), said(""), true, 0, "Stripe answered 429"},
		{"nobody travels back in time", 429, wait("-5"), said(""), true, 0, "Stripe answered 429"},
		{"nobody waits for ever", 429, wait("999999999999"), said(""), true, time.Hour, "Stripe answered 429"},
		{"Stripe's own fault passes", 500, nil, said(""), true, 0, "Stripe answered 500"},
		{"a Stripe that is down passes when it says", 503, wait("30"), said(""), true, 30 * time.Second, "Stripe answered 503"},

		{"an error page passes", 502, nil, "<html>eve@example.com</html>", true, 0, "Stripe cannot be reached"},
		{"a page that says not found is not Stripe's word for it", 404, nil, "<html>eve@example.com</html>", true, 0, "Stripe cannot be reached"},
		{"JSON that says not found is not Stripe's word for it", 404, nil, `{"message":"eve@example.com"}`, true, 0, "Stripe cannot be reached"},
		{"an error without a body passes", 500, nil, "", true, 0, "Stripe cannot be reached"},
		{"an error in a shape of its own passes", 500, nil, `{"error":"eve@example.com"}`, true, 0, "Stripe cannot be reached"},
		{"a page instead of an object passes", 200, nil, "<html>eve@example.com</html>", true, 0, "Stripe cannot be reached"},
		{"nothing instead of an object passes", 200, nil, "", true, 0, "Stripe cannot be reached"},
		{"half an object passes", 200, nil, `{"id":"pi_1","receipt_email":"eve@example.com`, true, 0, "Stripe cannot be reached"},
		{"no object passes", 200, nil, "null", true, 0, "the answer is not Stripe's"},
		{"an empty object passes", 200, nil, "{}", true, 0, "the answer is not Stripe's"},
		{"another object passes", 200, nil, `{"id":"pi_2","status":"succeeded","receipt_email":"eve@example.com"}`, true, 0, "the answer is not Stripe's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := answering(t, c.status, c.header, c.body)
			_, viewing := view(t, s)
			_, finding := findEmail(t, s)
			for what, err := range map[string]error{"view payment intent: ": viewing, "view charge: ": finding} {
				failure := application(t, err)
				assert.Equal(t, c.passes, !failure.NonRetryable())
				assert.Equal(t, c.after, failure.NextRetryDelay())
				assert.Contains(t, failure.Message(), what+c.text)
				require.NoError(t, failure.Unwrap(), "the cause would be written down beside it, data and all")
				for _, secret := range []string{customerEmail, street, "auth0|7", secretKey, "<html>"} {
					assert.NotContains(t, err.Error(), secret)
				}
			}
		})
	}

	t.Run("a Stripe that nobody finds passes", func(t *testing.T) {
		t.Parallel()
		_, err := view(t, activities.NewStripe(secretKey, "http://127.0.0.1:1"))
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Equal(t, "view payment intent: Stripe cannot be reached", failure.Message())
	})

	t.Run("a Stripe that hangs up passes", func(t *testing.T) {
		t.Parallel()
		_, err := view(t, served(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		assert.False(t, application(t, err).NonRetryable())
	})

	t.Run("a Stripe that never answers passes when the time is over", func(t *testing.T) {
		t.Parallel()
		over := make(chan struct{})
		s := served(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-over:
			case <-r.Context().Done():
			}
		})
		t.Cleanup(func() { close(over) }) // runs before the server waits for its handlers
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.ViewPaymentIntent(ctx, activities.PaymentIntentInput{PaymentIntentID: "pi_1"})
		assert.False(t, application(t, err).NonRetryable())
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded, "it waited as long as it was allowed to")
	})
}
