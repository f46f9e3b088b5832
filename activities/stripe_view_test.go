package activities_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/models"
)

func viewDispute(t *testing.T, s *activities.Stripe) (activities.DisputeView, error) {
	t.Helper()
	return run[activities.DisputeView](t, s, s.ViewDispute, activities.DisputeInput{DisputeID: "du_1"})
}

func viewReview(t *testing.T, s *activities.Stripe) (activities.ReviewView, error) {
	t.Helper()
	return run[activities.ReviewView](t, s, s.ViewReview, activities.ReviewInput{ReviewID: "prv_1"})
}

func TestViewDispute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		code int
		body string
		want activities.DisputeView
	}{
		{
			"one that waits for evidence", 200,
			`{"id":"du_1","object":"dispute","amount":2000,"currency":"usd","charge":"ch_1","payment_intent":"pi_1","reason":"fraudulent","status":"needs_response",
			  "evidence":{"customer_email_address":"eve@example.com"},"evidence_details":{"due_by":1718900000},"metadata":{"a":"b"}}`,
			activities.DisputeView{Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1", Dispute: models.DisputeFacts{
				ID: "du_1", Status: models.DisputeNeedsResponse, Reason: "fraudulent", Amount: 2000, Currency: "usd", DueBy: 1718900000,
			}},
		},
		{
			"one without payment intent or date", 200,
			`{"id":"du_1","object":"dispute","amount":-5,"charge":"ch_1","payment_intent":null,"status":"won","evidence_details":{"due_by":null}}`,
			activities.DisputeView{Found: true, ChargeID: "ch_1", Dispute: models.DisputeFacts{ID: "du_1", Status: models.DisputeWon}},
		},
		{
			"one with a status that nobody knows", 200,
			`{"id":"du_1","object":"dispute","amount":5,"status":"prevented","reason":"` + strings.Repeat("é", 200) + `"}`,
			activities.DisputeView{Found: true, Dispute: models.DisputeFacts{
				ID: "du_1", Status: models.DisputeUnderReview, Amount: 5, Reason: strings.Repeat("é", 100),
			}},
		},
		{"one that Stripe does not know", 404, missing, activities.DisputeView{}},
	} {
		t.Run("tells of "+c.name, func(t *testing.T) {
			t.Parallel()
			got, err := viewDispute(t, answering(t, c.code, nil, c.body))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestViewReview(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		code int
		body string
		want activities.ReviewView
	}{
		{
			"one that is open", 200,
			`{"id":"prv_1","object":"review","charge":"ch_1","payment_intent":"pi_1","open":true,"opened_reason":"rule","closed_reason":null,"reason":"rule","ip_address":"192.0.2.1"}`,
			activities.ReviewView{Found: true, PaymentIntentID: "pi_1", ChargeID: "ch_1", Review: models.ReviewFacts{ID: "prv_1", Open: true, OpenedReason: "rule"}},
		},
		{
			"one that was approved", 200,
			`{"id":"prv_1","object":"review","charge":null,"payment_intent":{"id":"pi_1"},"open":false,"opened_reason":"manual","closed_reason":"approved","reason":"approved"}`,
			activities.ReviewView{Found: true, PaymentIntentID: "pi_1", Review: models.ReviewFacts{ID: "prv_1", OpenedReason: "manual", ClosedReason: "approved"}},
		},
		{
			"one that says only why it is as it is", 200,
			`{"id":"prv_1","object":"review","open":false,"reason":"refunded"}`,
			activities.ReviewView{Found: true, Review: models.ReviewFacts{ID: "prv_1", ClosedReason: "refunded"}},
		},
		{"one that Stripe does not know", 404, missing, activities.ReviewView{}},
	} {
		t.Run("tells of "+c.name, func(t *testing.T) {
			t.Parallel()
			got, err := viewReview(t, answering(t, c.code, nil, c.body))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestDisputesAndReviewsThatCannotBeViewed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		passes bool
	}{
		{"a key that is none is not asked with again", 401, said("invalid_request_error", "api_key_expired"), false},
		{"Stripe's own fault passes", 500, said("api_error", ""), true},
		{"an empty object passes", 200, "{}", true},
		{"another object passes", 200, `{"id":"pi_1","object":"payment_intent"}`, true},
		{"a page passes", 502, "<html>eve@example.com</html>", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := answering(t, c.status, nil, c.body)
			_, dispute := viewDispute(t, s)
			_, review := viewReview(t, s)
			for what, err := range map[string]error{"view dispute: ": dispute, "view review: ": review} {
				failure := application(t, err)
				assert.Equal(t, c.passes, !failure.NonRetryable())
				assert.Contains(t, failure.Message(), what)
				assert.NotContains(t, err.Error(), customerEmail)
			}
		})
	}

	t.Run("a review that does not say what it is passes: it would count as closed", func(t *testing.T) {
		t.Parallel()
		_, err := viewReview(t, answering(t, 200, nil, `{"id":"prv_1"}`))
		assert.False(t, application(t, err).NonRetryable())
	})
}
