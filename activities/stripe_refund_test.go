package activities_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/models"
)

// till is a Stripe with a list of refunds that it answers in pages of two,
// and one answer to everything that is asked of it by POST.
type till struct {
	refunds []string // JSON, newest first
	status  int      // of the answer to a POST; 0: 200
	header  http.Header
	answer  string
	asked   []string // method, path and query or form, and key
}

// refund is one of payment intent pi_1, as Stripe shows it.
func refund(id, ours string) string {
	return fmt.Sprintf(`{"id":%q,"object":"refund","amount":500,"currency":"usd","charge":"ch_1","payment_intent":"pi_1","status":"succeeded","reason":null,"metadata":{"twigzRefundId":%q}}`, id, ours)
}

func facts(id, ours string) models.RefundFacts {
	return models.RefundFacts{ID: id, Ours: ours, Status: models.RefundSucceeded, Amount: 500, Currency: "usd"}
}

func (l *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	l.asked = append(l.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Form.Encode()+" "+r.Header.Get("Idempotency-Key")))
	w.Header().Set("Request-Id", "req_1")
	switch {
	case r.Method == http.MethodPost:
		maps.Copy(w.Header(), l.header)
		if l.status != 0 {
			w.WriteHeader(l.status)
		}
		_, _ = w.Write([]byte(l.answer))
	case r.URL.Path != "/v1/refunds":
		_, _ = w.Write([]byte(l.refunds[0]))
	default:
		page, more := l.page(r.Form.Get("starting_after"))
		_, _ = fmt.Fprintf(w, `{"object":"list","url":"/v1/refunds","has_more":%t,"data":[%s]}`, more, strings.Join(page, ","))
	}
}

func (l *till) page(after string) (page []string, more bool) {
	rest := l.refunds
	for i, r := range l.refunds {
		if after != "" && strings.Contains(r, `"id":"`+after+`"`) {
			rest = l.refunds[i+1:]
		}
	}
	return rest[:min(2, len(rest))], len(rest) > 2
}

func (l *till) stripe(t *testing.T) *activities.Stripe {
	t.Helper()
	return served(t, l.ServeHTTP)
}

func viewRefunds(t *testing.T, s *activities.Stripe, in activities.RefundsInput) (activities.RefundsView, error) {
	t.Helper()
	return run[activities.RefundsView](t, s, s.ViewRefunds, in)
}

func TestViewRefunds(t *testing.T) {
	t.Parallel()
	byIntent := activities.RefundsInput{PaymentIntentID: "pi_1"}

	t.Run("lists all of them, however many pages they are on", func(t *testing.T) {
		t.Parallel()
		l := &till{refunds: []string{refund("re_5", ""), refund("re_4", "rfd_1"), refund("re_3", ""), refund("re_2", ""), refund("re_1", "")}}
		got, err := viewRefunds(t, l.stripe(t), byIntent)
		require.NoError(t, err)
		assert.Equal(t, activities.RefundsView{Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1", Refunds: []models.RefundFacts{
			facts("re_5", ""), facts("re_4", "rfd_1"), facts("re_3", ""), facts("re_2", ""), facts("re_1", ""),
		}}, got)
		assert.Equal(t, []string{
			"GET /v1/refunds limit=100&payment_intent=pi_1",
			"GET /v1/refunds limit=100&payment_intent=pi_1&starting_after=re_4",
			"GET /v1/refunds limit=100&payment_intent=pi_1&starting_after=re_2",
		}, l.asked)
	})

	t.Run("finds none where none were made", func(t *testing.T) {
		t.Parallel()
		got, err := viewRefunds(t, (&till{}).stripe(t), byIntent)
		require.NoError(t, err)
		assert.Equal(t, activities.RefundsView{Found: true, PaymentIntentID: "pi_1"}, got)
	})

	t.Run("asks by the charge where no payment intent is known", func(t *testing.T) {
		t.Parallel()
		l := &till{refunds: []string{refund("re_1", "")}}
		got, err := viewRefunds(t, l.stripe(t), activities.RefundsInput{ChargeID: "ch_1", RefundID: "re_1"})
		require.NoError(t, err)
		assert.Equal(t, activities.RefundsView{Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1", Refunds: []models.RefundFacts{facts("re_1", "")}}, got)
		assert.Equal(t, []string{"GET /v1/refunds charge=ch_1&limit=100"}, l.asked)
	})

	t.Run("finds the payment of a refund of which only the ID is known", func(t *testing.T) {
		t.Parallel()
		l := &till{refunds: []string{refund("re_2", ""), refund("re_1", "")}}
		got, err := viewRefunds(t, l.stripe(t), activities.RefundsInput{RefundID: "re_2"})
		require.NoError(t, err)
		assert.Equal(t, "pi_1", got.PaymentIntentID)
		assert.Len(t, got.Refunds, 2)
		assert.Equal(t, []string{"GET /v1/refunds/re_2", "GET /v1/refunds limit=100&payment_intent=pi_1"}, l.asked)
	})

	t.Run("never lists every payment's, which are what a question by nothing lists", func(t *testing.T) {
		t.Parallel()
		l := &till{refunds: []string{`{"id":"re_1","object":"refund","amount":-5,"charge":null,"payment_intent":null,"status":"odd"}`}}
		got, err := viewRefunds(t, l.stripe(t), activities.RefundsInput{RefundID: "re_1"})
		require.NoError(t, err)
		assert.Equal(t, activities.RefundsView{Found: true, Refunds: []models.RefundFacts{{ID: "re_1", Status: models.RefundPending}}}, got)
		got, err = viewRefunds(t, l.stripe(t), activities.RefundsInput{})
		require.NoError(t, err)
		assert.Equal(t, activities.RefundsView{}, got)
		assert.Equal(t, []string{"GET /v1/refunds/re_1"}, l.asked)
	})

	t.Run("finds nothing where Stripe knows no such payment or refund", func(t *testing.T) {
		t.Parallel()
		for _, in := range []activities.RefundsInput{byIntent, {ChargeID: "ch_1"}, {RefundID: "re_1"}} {
			got, err := viewRefunds(t, answering(t, 404, nil, missing), in)
			require.NoError(t, err)
			assert.Equal(t, activities.RefundsView{}, got)
		}
	})

	t.Run("does not take for a list what is none", func(t *testing.T) {
		t.Parallel()
		list := func(more bool, data string) string {
			return fmt.Sprintf(`{"object":"list","url":"/v1/refunds","has_more":%t,"data":[%s]}`, more, data)
		}
		for _, answer := range []string{
			"{}", "null", list(true, ""), list(false, "null"), list(false, `{"object":"refund"}`),
			list(false, strings.ReplaceAll(refund("re_1", ""), "pi_1", "pi_2")),
		} {
			_, err := viewRefunds(t, answering(t, 200, nil, answer), byIntent)
			failure := application(t, err)
			assert.False(t, failure.NonRetryable(), answer)
			assert.Equal(t, "list refunds: the answer is not Stripe's", failure.Message(), answer)
		}
	})

	t.Run("does not ask again with a key that is none, and says nothing of what it saw", func(t *testing.T) {
		t.Parallel()
		failing := answering(t, 401, nil, `{"error":{"code":"api_key_expired","message":"eve@example.com","type":"invalid_request_error"}}`)
		_, err := viewRefunds(t, failing, byIntent)
		assert.True(t, application(t, err).NonRetryable())
		assert.Equal(t, "view refunds: Stripe answered 401 api_key_expired (request req_1)", application(t, err).Message())
	})
}

func owed() activities.RefundInput {
	return activities.RefundInput{RefundID: "rfd_1", PaymentIntentID: "pi_1", Amount: 500, IdempotencyKey: "evt_1:compensation:1"}
}

func makeRefund(t *testing.T, s *activities.Stripe, in activities.RefundInput) (models.RefundAnswer, error) {
	t.Helper()
	return run[models.RefundAnswer](t, s, s.MakeRefund, in)
}

func TestMakeRefund(t *testing.T) {
	t.Parallel()

	t.Run("looks first, then asks with the row's ID and its key", func(t *testing.T) {
		t.Parallel()
		l := &till{refunds: []string{refund("re_1", ""), refund("re_2", "rfd_2")}, answer: refund("re_3", "rfd_1")}
		got, err := makeRefund(t, l.stripe(t), owed())
		require.NoError(t, err)
		assert.Equal(t, models.RefundAnswer{RefundID: "rfd_1", Facts: new(facts("re_3", "rfd_1"))}, got)
		assert.Equal(t, []string{
			"GET /v1/refunds limit=100&payment_intent=pi_1",
			"POST /v1/refunds amount=500&metadata%5BtwigzRefundId%5D=rfd_1&payment_intent=pi_1 evt_1:compensation:1",
		}, l.asked)
	})

	t.Run("asks by the charge where there is no payment intent", func(t *testing.T) {
		t.Parallel()
		l := &till{answer: refund("re_3", "rfd_1")}
		in := owed()
		in.PaymentIntentID, in.ChargeID = "", "ch_1"
		_, err := makeRefund(t, l.stripe(t), in)
		require.NoError(t, err)
		assert.Equal(t, "POST /v1/refunds amount=500&charge=ch_1&metadata%5BtwigzRefundId%5D=rfd_1 evt_1:compensation:1", l.asked[1])
	})

	t.Run("asks for nothing when the refund is there, on whichever page and however it ended", func(t *testing.T) {
		t.Parallel()
		there := strings.Replace(refund("re_1", "rfd_1"), "succeeded", "failed", 1)
		l := &till{refunds: []string{refund("re_4", ""), refund("re_3", ""), refund("re_2", "rfd_2"), there}}
		got, err := makeRefund(t, l.stripe(t), owed())
		require.NoError(t, err)
		want := facts("re_1", "rfd_1")
		want.Status = models.RefundFailed
		assert.Equal(t, models.RefundAnswer{RefundID: "rfd_1", Facts: &want}, got)
		assert.Len(t, l.asked, 2, "both pages, and no POST")
	})

	t.Run("asks for nothing when it could not look", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{"{}", `{"error":{"type":"api_error"}}`, "<html>"} {
			var posts int
			s := served(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					posts++
				}
				if body != "{}" {
					w.WriteHeader(http.StatusInternalServerError)
				}
				_, _ = w.Write([]byte(body))
			})
			_, err := makeRefund(t, s, owed())
			assert.False(t, application(t, err).NonRetryable(), body)
			assert.NotEqual(t, activities.KeptFailure, application(t, err).Type(), "a question is kept under no key")
			assert.Zero(t, posts, body)
		}
	})

	t.Run("does not take for a refund what is none", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []string{"{}", "null", refund("re_3", ""), refund("re_3", "rfd_2")} {
			_, err := makeRefund(t, (&till{answer: answer}).stripe(t), owed())
			failure := application(t, err)
			assert.False(t, failure.NonRetryable())
			assert.Equal(t, "make refund rfd_1: the answer is not Stripe's", failure.Message())
		}
	})
}

// said is an error as Stripe says it: it quotes the object that it is about.
func said(kind, code string) string {
	return fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"eve@example.com of 1 Mill Lane","payment_intent":{"id":"pi_1","receipt_email":"eve@example.com"}}}`, kind, code)
}

func TestRefusalsAreAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		answer string
		want   string
	}{
		{"one that was made already", 400, said("invalid_request_error", "charge_already_refunded"), "charge_already_refunded"},
		{"one without a code, by its type", 400, said("invalid_request_error", ""), "invalid_request_error"},
		{"one for which the balance is too low", 402, said("card_error", "balance_insufficient"), "balance_insufficient"},
		{"one of a payment that Stripe does not know", 404, missing, "resource_missing"},
		{"one with a word that is too long", 400, said("invalid_request_error", strings.Repeat("é", 200)), strings.Repeat("é", 100)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := makeRefund(t, (&till{status: c.status, answer: c.answer}).stripe(t), owed())
			require.NoError(t, err)
			assert.Equal(t, models.RefundAnswer{RefundID: "rfd_1", Refused: c.want}, got)
		})
	}

	t.Run("one of a payment whose refunds cannot be listed either", func(t *testing.T) {
		t.Parallel()
		got, err := makeRefund(t, answering(t, 404, nil, missing), owed())
		require.NoError(t, err)
		assert.Equal(t, models.RefundAnswer{RefundID: "rfd_1", Refused: "resource_missing"}, got)
	})
}

func TestRefundsThatAreNotKnownToBeMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		answer string
		kind   string // of the error
		passes bool   // to be tried again with the same key
		after  time.Duration
		text   string
	}{
		{"Stripe's own fault is kept under the key", 500, nil, said("api_error", ""), activities.KeptFailure, false, 0, "make refund rfd_1: Stripe answered 500  (request req_1), which it keeps under this key"},
		{"a Stripe that is down may have kept that", 503, nil, said("api_error", ""), activities.KeptFailure, false, 0, "503"},
		{"a key that was used for something else is of no more use", 400, nil, said("idempotency_error", ""), activities.KeptFailure, false, 0, "400"},
		{"a key under which the refund is being made passes", 409, nil, said("idempotency_error", "idempotency_key_in_use"), "StripeAnswered", true, 0, "409 idempotency_key_in_use"},
		{"a locked charge passes", 409, nil, said("invalid_request_error", "lock_timeout"), "StripeAnswered", true, 0, "409 lock_timeout"},
		{"too many questions pass when Stripe says", 429, http.Header{"Retry-After": {"7"}}, said("invalid_request_error", "rate_limit"), "StripeAnswered", true, 7 * time.Second, "429 rate_limit"},
		{"a key that is none is mended, and the money is owed still", 401, nil, said("invalid_request_error", "api_key_expired"), "StripeAnswered", true, 0, "401 api_key_expired (request req_1): STRIPE_SECRET_KEY has to be mended, until then this is tried again"},
		{"a key that may not is mended too", 403, nil, said("invalid_request_error", ""), "StripeAnswered", true, 0, "STRIPE_SECRET_KEY has to be mended"},
		{"an error without any word is not Stripe's", 400, nil, `{"error":{}}`, "StripeAnswered", true, 0, "the answer is not Stripe's"},
		{"a page of whatever stands in between passes", 502, nil, "<html>eve@example.com</html>", "StripeUnreachable", true, 0, "Stripe cannot be reached"},
		{"another answer of Stripe's is nobody's to mend by asking again", 405, nil, said("invalid_request_error", ""), "StripeAnswered", false, 0, "405"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := &till{status: c.status, header: c.header, answer: c.answer}
			_, err := makeRefund(t, l.stripe(t), owed())
			failure := application(t, err)
			assert.Equal(t, c.kind, failure.Type())
			assert.Equal(t, c.passes, !failure.NonRetryable())
			assert.Equal(t, c.after, failure.NextRetryDelay())
			assert.Contains(t, failure.Message(), c.text)
			require.NoError(t, failure.Unwrap(), "the cause would be written down beside it, data and all")
			for _, secret := range []string{customerEmail, street, secretKey, "<html>"} {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}

	t.Run("a key that is none is mended when it shows while looking, too", func(t *testing.T) {
		t.Parallel()
		_, err := makeRefund(t, answering(t, 401, nil, said("invalid_request_error", "api_key_expired")), owed())
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Contains(t, failure.Message(), "look for refund rfd_1: Stripe answered 401")
	})

	t.Run("one whose answer never comes passes", func(t *testing.T) {
		t.Parallel()
		l := &till{}
		s := served(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				panic(http.ErrAbortHandler)
			}
			l.ServeHTTP(w, r)
		})
		_, err := makeRefund(t, s, owed())
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Equal(t, "make refund rfd_1: Stripe cannot be reached", failure.Message())
	})
}
