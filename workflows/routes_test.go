package workflows_test

import (
	"cmp"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"twigz/models"
	"twigz/workflows"
)

func TestForEvent(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, c := range []struct {
		eventType, mode, paymentStatus string
		want                           string
	}{
		{"payment_intent.succeeded", "", "", workflows.TypeFulfillOrder},
		{"checkout.session.completed", "payment", "paid", workflows.TypeFulfillOrder},
		{"checkout.session.completed", "payment", "no_payment_required", workflows.TypeFulfillOrder},
		{"checkout.session.completed", "payment", "", workflows.TypeFulfillOrder},
		{"checkout.session.async_payment_succeeded", "payment", "paid", workflows.TypeFulfillOrder},

		{"payment_intent.processing", "", "", workflows.TypeRecordPayment},
		{"checkout.session.completed", "payment", "unpaid", workflows.TypeRecordPayment},

		{"payment_intent.payment_failed", "", "", workflows.TypeRecordPaymentFailure},
		{"checkout.session.async_payment_failed", "payment", "unpaid", workflows.TypeRecordPaymentFailure},

		{"payment_intent.canceled", "", "", workflows.TypeCancelPayment},
		{"checkout.session.expired", "payment", "unpaid", workflows.TypeCancelPayment},

		{"checkout.session.completed", "subscription", "paid", workflows.TypeSyncSubscription},
		{"checkout.session.completed", "subscription", "unpaid", workflows.TypeSyncSubscription},
		{"checkout.session.async_payment_succeeded", "subscription", "paid", workflows.TypeSyncSubscription},
		{"checkout.session.async_payment_failed", "subscription", "unpaid", workflows.TypeSyncSubscription},
		{"checkout.session.expired", "subscription", "unpaid", workflows.TypeCancelPayment},

		{"checkout.session.completed", "setup", "no_payment_required", none},
		{"checkout.session.completed", "", "paid", none},
		{"checkout.session.completed", "Payment", "paid", none},

		{"payment_intent.created", "", "", none},
		{"payment_intent.requires_action", "", "", none},
		{"payment_intent.partially_funded", "", "", none},
		{"payment_intent.amount_capturable_updated", "", "", none},
		{"Payment_Intent.Succeeded", "", "", none},
		{"payment_intent.succeeded ", "", "", none},
		{"customer.created", "", "", none},
		{"", "", "", none},

		{"charge.refunded", "", "", workflows.TypeRecordRefund},
		{"refund.created", "", "", workflows.TypeRecordRefund},
		{"refund.updated", "", "", workflows.TypeRecordRefund},
		{"refund.failed", "", "", workflows.TypeRecordRefund},
		{"charge.refund.updated", "", "", workflows.TypeRecordRefund},
		{"charge.dispute.created", "", "", workflows.TypeTrackDispute},
		{"charge.dispute.updated", "", "", workflows.TypeTrackDispute},
		{"charge.dispute.closed", "", "", workflows.TypeTrackDispute},
		{"charge.dispute.funds_withdrawn", "", "", workflows.TypeTrackDispute},
		{"charge.dispute.funds_reinstated", "", "", workflows.TypeTrackDispute},
		{"review.opened", "", "", workflows.TypeTrackReview},
		{"review.closed", "", "", workflows.TypeTrackReview},

		{"charge.succeeded", "", "", none},
		{"charge.updated", "", "", none},

		{"customer.subscription.created", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.updated", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.deleted", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.paused", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.resumed", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.pending_update_applied", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.pending_update_expired", "", "", workflows.TypeSyncSubscription},
		{"customer.subscription.trial_will_end", "", "", workflows.TypeSyncSubscription},
		{"invoice.paid", "", "", workflows.TypeSyncSubscription},
		{"invoice.payment_succeeded", "", "", workflows.TypeSyncSubscription},
		{"invoice.payment_failed", "", "", workflows.TypeSyncSubscription},
		{"invoice.payment_action_required", "", "", workflows.TypeSyncSubscription},
		{"invoice.upcoming", "", "", workflows.TypeSyncSubscription},
		{"invoice.marked_uncollectible", "", "", workflows.TypeSyncSubscription},
		{"invoice.finalized", "", "", workflows.TypeSyncSubscription},
		{"customer.deleted", "", "", workflows.TypeSyncSubscription},

		{"customer.updated", "", "", none},
		{"customer.subscription.deferred", "", "", none},
		{"invoice.created", "", "", none},
		{"invoice.voided", "", "", none},
	} {
		name := strings.Join([]string{c.eventType, c.mode, c.paymentStatus}, " ")
		t.Run(name+" goes to "+cmp.Or(c.want, "nobody"), func(t *testing.T) {
			t.Parallel()
			got, ok := workflows.ForEvent(models.Event{Type: c.eventType, Mode: c.mode, PaymentStatus: c.paymentStatus})
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want != none, ok)
			if ok {
				assert.Contains(t, workflows.Types(), got)
			}
		})
	}
}

func TestTypesAreNamedForTheirFunctions(t *testing.T) {
	t.Parallel()
	for name, function := range workflows.Types() {
		full := runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name()
		assert.Equal(t, name, full[strings.LastIndex(full, ".")+1:])
	}
}

func TestStripeQueue(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "stripe", workflows.StripeQueue("fulfillment"))
	assert.Equal(t, "shop-2-stripe", workflows.StripeQueue("shop-2"), "another installation asks its own Stripe account")
}

func TestSyncQueue(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "stripe-sync", workflows.SyncQueue("fulfillment"))
	assert.Equal(t, "shop-2-stripe-sync", workflows.SyncQueue("shop-2"))
}
