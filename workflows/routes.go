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

// SyncQueue is where customers of Stripe's are looked at, beside the queue of the
// other calls to Stripe: a look is several calls, so fewer are begun a second.
func SyncQueue(taskQueue string) string { return StripeQueue(taskQueue) + "-sync" }

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
		TypeSyncSubscription:     SyncSubscription,
		TypeResync:               Resync,
		TypeOpenPage:             OpenPage,
		TypeDeliverWebhook:       DeliverWebhook,
	}
}

// ForEvent names the workflow type that handles an event; ok is false when none
// does. Sessions that set up a payment method are no payments, and those that begin
// a subscription make no order: which of them are paid, Stripe's invoices say.
func ForEvent(e models.Event) (name string, ok bool) {
	switch e.Type {
	case "payment_intent.succeeded":
		return TypeFulfillOrder, true
	case "payment_intent.processing":
		return TypeRecordPayment, true
	case "payment_intent.payment_failed":
		return TypeRecordPaymentFailure, true
	case "payment_intent.canceled", "checkout.session.expired":
		return TypeCancelPayment, true
	case "checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed":
		return forSession(e)
	case "charge.refunded", "refund.created", "refund.updated", "refund.failed", "charge.refund.updated":
		return TypeRecordRefund, true
	case "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
		"charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated":
		return TypeTrackDispute, true
	case "review.opened", "review.closed":
		return TypeTrackReview, true
	case "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
		"customer.subscription.paused", "customer.subscription.resumed",
		"customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
		"customer.subscription.trial_will_end",
		"invoice.paid", "invoice.payment_succeeded", "invoice.payment_failed", "invoice.payment_action_required",
		"invoice.upcoming", "invoice.marked_uncollectible", "invoice.finalized",
		"customer.deleted":
		return TypeSyncSubscription, true
	default:
		return "", false
	}
}

// forSession is ForEvent for sessions that are over.
func forSession(e models.Event) (name string, ok bool) {
	switch {
	case e.Mode == "subscription":
		return TypeSyncSubscription, true
	case e.Type == "checkout.session.async_payment_succeeded":
		return TypeFulfillOrder, true
	case e.Type == "checkout.session.async_payment_failed":
		return TypeRecordPaymentFailure, true
	case e.Mode != "payment":
		return "", false
	case e.PaymentStatus == "unpaid":
		return TypeRecordPayment, true
	default:
		return TypeFulfillOrder, true
	}
}
