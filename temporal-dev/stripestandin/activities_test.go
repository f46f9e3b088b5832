package stripestandin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// owing is a paid payment of which a part is owed back, and what asks for it.
func owing(t *testing.T, rules ...faults.Rule) (*stripestandin.Server, *activities.Stripe, activities.RefundInput) {
	t.Helper()
	s := mustStart(t, "")
	_, id, err := s.Pay(bread())
	require.NoError(t, err)
	require.NoError(t, s.SetFaults(1, rules...))
	return s, activities.NewStripe(key, s.URL()), activities.RefundInput{
		RefundID: "rfd_1", PaymentIntentID: id, Amount: 500, IdempotencyKey: "evt_1:compensation:1",
	}
}

// isOnlyRefund asserts that Stripe has the refund once, and nothing else back.
func isOnlyRefund(t *testing.T, s *stripestandin.Server, in activities.RefundInput, got models.RefundAnswer) {
	t.Helper()
	require.NotNil(t, got.Facts, "refused: %s", got.Refused)
	assert.Equal(t, models.RefundFacts{ID: got.Facts.ID, Ours: "rfd_1", Status: models.RefundSucceeded, Amount: 500, Currency: "usd"}, *got.Facts)
	list := mustClient(t, s).Refunds.List(&stripe.RefundListParams{PaymentIntent: &in.PaymentIntentID})
	var ids []string
	for list.Next() {
		ids = append(ids, list.Refund().ID)
	}
	require.NoError(t, list.Err())
	assert.Equal(t, []string{got.Facts.ID}, ids)
}

// isKept asserts that Stripe's own fault is kept under the key.
func isKept(t *testing.T, err error) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, activities.KeptFailure, failure.Type(), err)
	require.True(t, failure.NonRetryable())
}

func TestARefundIsMadeOnce(t *testing.T) {
	t.Parallel()
	const twoDays = 48 * time.Hour // Stripe has forgotten every key

	t.Run("when it is asked for twice", func(t *testing.T) {
		t.Parallel()
		s, calls, in := owing(t)
		first, err := calls.MakeRefund(t.Context(), in)
		require.NoError(t, err)
		again, err := calls.MakeRefund(t.Context(), in)
		require.NoError(t, err)
		assert.Equal(t, first, again)
		isOnlyRefund(t, s, in, again)
	})

	t.Run("when it is asked for again after keys are forgotten", func(t *testing.T) {
		t.Parallel()
		s, calls, in := owing(t)
		_, err := calls.MakeRefund(t.Context(), in)
		require.NoError(t, err)
		s.Advance(twoDays)
		got, err := calls.MakeRefund(t.Context(), in)
		require.NoError(t, err)
		isOnlyRefund(t, s, in, got)
	})

	for name, later := range map[string]time.Duration{"at once": 0, "two days later": twoDays} {
		t.Run("when the answer was lost, asked again "+name, func(t *testing.T) {
			t.Parallel()
			// Twice, because Go's HTTP client itself repeats a request with a key once when a used connection is cut.
			s, calls, in := owing(t, faults.Rule{Fault: faults.LostAnswer, Match: "POST /v1/refunds", Times: 2})
			_, err := calls.MakeRefund(t.Context(), in)
			require.ErrorContains(t, err, "cannot be reached")
			s.Advance(later)
			got, err := calls.MakeRefund(t.Context(), in)
			require.NoError(t, err)
			isOnlyRefund(t, s, in, got)
		})

		t.Run("when Stripe made it and answered 500, asked again "+name, func(t *testing.T) {
			t.Parallel()
			s, calls, in := owing(t, faults.Rule{Fault: faults.ServerError, Match: "POST /v1/refunds", AfterWork: true, Times: 1})
			_, err := calls.MakeRefund(t.Context(), in)
			isKept(t, err)
			s.Advance(later)
			in.IdempotencyKey = "evt_1:compensation:2"
			got, err := calls.MakeRefund(t.Context(), in)
			require.NoError(t, err)
			isOnlyRefund(t, s, in, got)
		})
	}

	t.Run("when Stripe did not make it and repeats its 500 until another key is tried", func(t *testing.T) {
		t.Parallel()
		s, calls, in := owing(t, faults.Rule{Fault: faults.ServerError, Match: "POST /v1/refunds", Times: 1})
		for range 3 {
			_, err := calls.MakeRefund(t.Context(), in)
			isKept(t, err)
		}
		in.IdempotencyKey = "evt_1:compensation:2"
		got, err := calls.MakeRefund(t.Context(), in)
		require.NoError(t, err)
		isOnlyRefund(t, s, in, got)
	})

	t.Run("when everything else went wrong before", func(t *testing.T) {
		t.Parallel()
		s, calls, in := owing(t,
			faults.Rule{Fault: faults.Conflict, Match: "POST /v1/refunds", Times: 1},
			faults.Rule{Fault: faults.RateLimit, Match: "POST /v1/refunds", Times: 1, RetryAfter: 7},
			faults.Rule{Fault: faults.ServerError, Match: "GET /v1/refunds", Times: 1},
		)
		var delays []time.Duration
		for range 3 {
			_, err := calls.MakeRefund(t.Context(), in)
			var failure *temporal.ApplicationError
			require.ErrorAs(t, err, &failure)
			require.False(t, failure.NonRetryable(), err)
			delays = append(delays, failure.NextRetryDelay())
		}
		assert.ElementsMatch(t, []time.Duration{0, 0, 7 * time.Second}, delays)
		got, err := calls.MakeRefund(t.Context(), in)
		require.NoError(t, err)
		isOnlyRefund(t, s, in, got)
	})
}

func TestARefundThatStripeWillNotMakeIsRefused(t *testing.T) {
	t.Parallel()
	_, calls, in := owing(t)
	in.Amount = 5000
	got, err := calls.MakeRefund(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, models.RefundAnswer{RefundID: "rfd_1", Refused: "invalid_request_error"}, got)
	in.Amount, in.RefundID, in.IdempotencyKey = 2349, "rfd_2", "evt_1:compensation:2"
	_, err = calls.MakeRefund(t.Context(), in)
	require.NoError(t, err)
	in.RefundID, in.IdempotencyKey = "rfd_3", "evt_1:compensation:3"
	got, err = calls.MakeRefund(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, models.RefundAnswer{RefundID: "rfd_3", Refused: "charge_already_refunded"}, got)
}

func TestRefundsDisputesAndReviewsAreViewedAsTheyAreNow(t *testing.T) {
	t.Parallel()
	s, calls, in := owing(t)
	var dispute, review wire.Object
	require.NoError(t, s.Act(func(t *ledger.Tx) (refusal *wire.Error) {
		review, refusal = t.OpenReview(in.PaymentIntentID, "rule")
		return refusal
	}))
	opened, err := calls.ViewReview(t.Context(), activities.ReviewInput{ReviewID: review.ID()})
	require.NoError(t, err)
	assert.Equal(t, in.PaymentIntentID, opened.PaymentIntentID)
	assert.Equal(t, models.ReviewFacts{ID: review.ID(), Open: true, OpenedReason: "rule"}, opened.Review)

	require.NoError(t, s.Act(func(t *ledger.Tx) (refusal *wire.Error) {
		dispute, refusal = t.OpenDispute(in.PaymentIntentID, 0, "fraudulent", false)
		return refusal
	}))
	disputed, err := calls.ViewDispute(t.Context(), activities.DisputeInput{DisputeID: dispute.ID()})
	require.NoError(t, err)
	assert.Equal(t, in.PaymentIntentID, disputed.PaymentIntentID)
	assert.Equal(t, opened.ChargeID, disputed.ChargeID)
	assert.Positive(t, disputed.Dispute.DueBy)
	disputed.Dispute.DueBy = 0
	assert.Equal(t, models.DisputeFacts{ID: dispute.ID(), Status: models.DisputeNeedsResponse, Reason: "fraudulent", Amount: 2349, Currency: "usd"}, disputed.Dispute)
	closed, err := calls.ViewReview(t.Context(), activities.ReviewInput{ReviewID: review.ID()})
	require.NoError(t, err)
	assert.Equal(t, models.ReviewFacts{ID: review.ID(), OpenedReason: "rule", ClosedReason: "disputed"}, closed.Review)

	require.NoError(t, s.Act(func(t *ledger.Tx) *wire.Error { return t.CloseDispute(dispute.ID(), "won") }))
	disputed, err = calls.ViewDispute(t.Context(), activities.DisputeInput{DisputeID: dispute.ID()})
	require.NoError(t, err)
	assert.Equal(t, models.DisputeWon, disputed.Dispute.Status)

	made, err := calls.MakeRefund(t.Context(), in)
	require.NoError(t, err)
	refunds, err := calls.ViewRefunds(t.Context(), activities.RefundsInput{RefundID: made.Facts.ID})
	require.NoError(t, err)
	assert.Equal(t, activities.RefundsView{
		Found: true, PaymentIntentID: in.PaymentIntentID, ChargeID: opened.ChargeID, Refunds: []models.RefundFacts{*made.Facts},
	}, refunds)
	missing, err := calls.ViewRefunds(t.Context(), activities.RefundsInput{RefundID: "re_nobody"})
	require.NoError(t, err)
	assert.False(t, missing.Found)
}
