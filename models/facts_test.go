package models_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"twigz/models"
)

func TestWordsOfStripeThatNobodyKnowsLoseNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []models.RefundStatus{
		models.RefundPending, models.RefundRequiresAction, models.RefundSucceeded, models.RefundFailed, models.RefundCanceled,
	} {
		assert.Equal(t, s, models.StripeRefundStatus(string(s)))
	}
	for _, word := range []string{"", "odd", "Succeeded", "requested", "refused"} {
		assert.Equal(t, models.RefundPending, models.StripeRefundStatus(word), "no second refund is made for %q", word)
	}
	for _, s := range []models.DisputeStatus{
		models.InquiryNeedsResponse, models.InquiryUnderReview, models.InquiryClosed,
		models.DisputeNeedsResponse, models.DisputeUnderReview, models.DisputeWon, models.DisputeLost,
	} {
		assert.Equal(t, s, models.StripeDisputeStatus(string(s)))
	}
	for _, word := range []string{"", "odd", "Won", "prevented", "charge_refunded"} {
		assert.True(t, models.StripeDisputeStatus(word).Open(), "the order stays held while a dispute is %q", word)
	}
}
