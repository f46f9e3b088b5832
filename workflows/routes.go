package workflows

import "twigz/models"

// TaskQueue is where workflows and the activities on rows and mails run, unless
// TEMPORAL_TASK_QUEUE says otherwise.
const TaskQueue = "fulfillment"

// StripeQueue is where the activities that call Stripe run, rate-limited, beside
// the workflows of a task queue. Two installations that share a namespace differ
// by their task queues, and neither may ask the other's Stripe account.
func StripeQueue(taskQueue string) string {
	if taskQueue == TaskQueue {
		return "stripe"
	}
	return taskQueue + "-stripe"
}

// Names of the workflow types, as the Web UI shows them.
const (
	TypeFulfillOrder         = "FulfillOrder"
	TypeRecordPayment        = "RecordPayment"
	TypeRecordPaymentFailure = "RecordPaymentFailure"
	TypeCancelPayment        = "CancelPayment"
	TypeRecordRefund         = "RecordRefund"
	TypeTrackDispute         = "TrackDispute"
	TypeTrackReview          = "TrackReview"
	TypeSupportAction        = "SupportAction"
	TypeOpenCase             = "OpenCase"
	TypeReconcile            = "Reconcile"
	TypeCheckout             = "Checkout"
	TypeSyncCustomer         = "SyncCustomer"
	TypeSyncSubscription     = "SyncSubscription"
	TypeResync               = "Resync"
	TypeOpenPage             = "OpenPage"
	TypeDeliverWebhook       = "DeliverWebhook"
)

// Types maps the name of every workflow type to its function.
func Types() map[string]any {
	return map[string]any{
		TypeFulfillOrder:         FulfillOrder,
		TypeRecordPayment:        RecordPayment,
		TypeRecordPaymentFailure: RecordPaymentFailure,
		TypeCancelPayment:        CancelPayment,
		TypeRecordRefund:         RecordRefund,
		TypeTrackDispute:         TrackDispute,
		TypeTrackReview:          TrackReview,
		TypeSupportAction:        SupportAction,
		TypeOpenCase:             OpenCase,
		TypeReconcile:            Reconcile,
		TypeCheckout:             Checkout,
		TypeSyncCustomer:         SyncCustomer,
	}
}

// ForEvent names the workflow type that handles an event; ok is false when none
// does. Sessions that set up a subscription or a payment method are no payments.
func ForEvent(e models.Event) (name string, ok bool) {
	switch e.Type {
	case "payment_intent.succeeded", "checkout.session.async_payment_succeeded":
		return TypeFulfillOrder, true
	case "payment_intent.processing":
		return TypeRecordPayment, true
	case "payment_intent.payment_failed", "checkout.session.async_payment_failed":
		return TypeRecordPaymentFailure, true
	case "payment_intent.canceled", "checkout.session.expired":
		return TypeCancelPayment, true
	case "charge.refunded", "refund.created", "refund.updated", "refund.failed", "charge.refund.updated":
		return TypeRecordRefund, true
	case "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
		"charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated":
		return TypeTrackDispute, true
	case "review.opened", "review.closed":
		return TypeTrackReview, true
	case "checkout.session.completed":
		if e.Mode != "payment" {
			return "", false
		}
		if e.PaymentStatus == "unpaid" {
			return TypeRecordPayment, true
		}
		return TypeFulfillOrder, true
	default:
		return "", false
	}
}
