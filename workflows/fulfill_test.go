package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/temporal"

	"twigz/activities"
	"twigz/models"
	"twigz/workflows"
)

func TestFulfillOrder(t *testing.T) {
	t.Parallel()
	tell(t, workflows.TypeFulfillOrder, fulfillStories())
}

// What CreateOrder comes to.
var (
	created  = models.Fulfillment{Outcome: models.OrderCreated, PaymentID: "pay_1", OrderID: orderID, Unfinished: true, ChargeID: "ch_1"}
	existing = models.Fulfillment{Outcome: models.OrderExists, PaymentID: "pay_1", OrderID: orderID, ChargeID: "ch_1"}
)

// blocked waits for a person, in the workflow of the event that paid makes.
func blocked(reason models.BlockedReason) models.Fulfillment {
	return models.Fulfillment{
		Outcome: models.PaymentBlocked, PaymentID: "pay_1", ChargeID: "ch_1", OwnerID: "evt_paid",
		BlockedReason: reason, BlockedDetail: "in words",
	}
}

func but(f models.Fulfillment, change func(*models.Fulfillment)) models.Fulfillment {
	change(&f)
	return f
}

// finishes scripts the steps that follow when an order was made.
func finishes(s *stage) {
	s.answer("ClearCart", done{})
	s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
}

var (
	orderMade   = workflows.Result{Outcome: models.OrderCreated, PaymentID: "pay_1", OrderID: orderID}
	orderExists = workflows.Result{Outcome: models.OrderExists, PaymentID: "pay_1", OrderID: orderID}
)

func fulfillStories() []story {
	noEmail := but(created, func(f *models.Fulfillment) { f.NoEmail = true })
	wakes := but(created, func(f *models.Fulfillment) { f.WakeID = "evt_sibling" })
	return []story{
		{
			name:  "a payment becomes an order in three steps",
			file:  "created",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				finishes(s)
			},
			did:  []string{"local activity CreateOrder", "local activity ClearCart", "activity SendNotifications"},
			want: orderMade,
		},
		{
			name:   "an order that a sibling finished is left alone",
			file:   "existing",
			event:  paid(),
			script: func(s *stage) { s.answer("CreateOrder", existing) },
			did:    []string{"local activity CreateOrder"},
			want:   orderExists,
		},
		{
			name:  "an order that was left half done is finished",
			file:  "existing_unfinished",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(existing, func(f *models.Fulfillment) { f.Unfinished = true }))
				finishes(s)
			},
			did:  []string{"local activity CreateOrder", "local activity ClearCart", "activity SendNotifications"},
			want: orderExists,
		},
		{
			name:  "a payment with none of our metadata is only recorded",
			file:  "unmatched",
			event: without(paid()),
			script: func(s *stage) {
				s.answer("CreateOrder", models.Fulfillment{Outcome: models.PaymentUnmatched, PaymentID: "pay_1", ChargeID: "ch_1"})
			},
			did:  []string{"local activity CreateOrder"},
			want: workflows.Result{Outcome: models.PaymentUnmatched, PaymentID: "pay_1"},
		},
		{
			name:  "a subscription's payment is only recorded",
			file:  "subscription",
			event: without(paid()),
			script: func(s *stage) {
				s.answer("CreateOrder", models.Fulfillment{Outcome: models.PaymentSubscription, PaymentID: "pay_1"})
			},
			did:  []string{"local activity CreateOrder"},
			want: workflows.Result{Outcome: models.PaymentSubscription, PaymentID: "pay_1"},
		},
		{
			name:  "an order whose metadata only a sibling carried can be found by its ID",
			file:  "order_named_late",
			event: without(paid()),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				finishes(s)
			},
			did: []string{
				"local activity CreateOrder", "set OrderID", "local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "older workflow: a blocked payment waits for a person, then becomes an order",
			file:  "blocked_then_retried",
			event: paid(),
			script: func(s *stage) {
				s.older()
				s.answer("CreateOrder", blocked(models.BlockedStoreClosed), created)
				finishes(s)
				s.retryAfter(100 * time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "unset BlockedReason",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "older workflow: while the reason stays the same it is said once",
			file:  "blocked_still_blocked",
			event: paid(),
			script: func(s *stage) {
				s.older()
				s.answer("CreateOrder", blocked(models.BlockedStoreClosed), blocked(models.BlockedStoreClosed), created)
				finishes(s)
				s.retryAfter(time.Hour)
				s.retryAfter(2 * time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder",
				"local activity CreateOrder", "unset BlockedReason",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "older workflow: another reason replaces the first",
			file:  "blocked_for_two_reasons",
			event: paid(),
			script: func(s *stage) {
				s.older()
				s.answer("CreateOrder", blocked(models.BlockedStoreClosed), blocked(models.BlockedOutOfStock), created)
				finishes(s)
				s.retryAfter(time.Hour)
				s.retryAfter(2 * time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "unset BlockedReason",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "a payment that a sibling waits about is the sibling's to wait for",
			file:  "asked_of_sibling",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(blocked(models.BlockedStoreClosed), func(f *models.Fulfillment) { f.OwnerID = "evt_sibling" }))
			},
			did:  []string{"local activity CreateOrder"},
			want: workflows.Result{Outcome: models.PaymentBlocked, PaymentID: "pay_1", AskedOf: "evt_sibling"},
		},
		{
			name:  "older workflow: a waiting payment that a sibling fulfilled finds the order and ends",
			file:  "woken_by_sibling",
			event: paid(),
			script: func(s *stage) {
				s.older()
				s.answer("CreateOrder", blocked(models.BlockedMetadata), existing)
				s.askAfter(time.Hour, models.ActRetry, wakeUp)
			},
			did: []string{
				"local activity CreateOrder", "set BlockedReason", "local activity CreateOrder", "unset BlockedReason",
			},
			want: orderExists,
		},
		{
			name:  "the sibling that waited is woken",
			file:  "wakes_sibling",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", wakes)
				s.OnSignalExternalWorkflow(mock.Anything, "evt_sibling", "", workflows.SignalRetry, mock.Anything).Return(nil).Once()
				finishes(s)
			},
			did: []string{
				"local activity CreateOrder", "signal evt_sibling retry",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "a sibling that ended meanwhile need not be woken",
			file:  "wakes_nobody",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", wakes)
				s.OnSignalExternalWorkflow(mock.Anything, "evt_sibling", "", workflows.SignalRetry, mock.Anything).
					Return(&temporal.UnknownExternalWorkflowExecutionError{}).Once()
				finishes(s)
			},
			did: []string{
				"local activity CreateOrder", "signal evt_sibling retry",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "a customer whose address nobody knows is asked for at Stripe",
			file:  "email_from_stripe",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", noEmail)
				s.answer("FindBillingEmail", activities.BillingEmail{Email: "eve@example.com"})
				s.answer("KeepReceiptEmail", done{})
				finishes(s)
			},
			did: []string{
				"local activity CreateOrder", "local activity ClearCart",
				"activity FindBillingEmail", "local activity KeepReceiptEmail", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "an address that Stripe does not know either keeps nobody else from being told",
			file:  "email_not_found",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", noEmail)
				s.answer("FindBillingEmail", activities.BillingEmail{})
				finishes(s)
			},
			did: []string{
				"local activity CreateOrder", "local activity ClearCart", "activity FindBillingEmail", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "a Stripe that does not answer keeps nobody else from being told",
			file:  "email_stripe_unreachable",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", noEmail)
				s.answerAlways("FindBillingEmail", temporal.NewApplicationError("view charge: Stripe cannot be reached", "StripeUnreachable"))
				finishes(s)
			},
			did: []string{
				"local activity CreateOrder", "local activity ClearCart", "activity FindBillingEmail", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "without a charge there is nothing to ask Stripe for",
			file:  "email_no_charge",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", but(noEmail, func(f *models.Fulfillment) { f.ChargeID = "" }))
				finishes(s)
			},
			did:  []string{"local activity CreateOrder", "local activity ClearCart", "activity SendNotifications"},
			want: orderMade,
		},
		{
			name:  "rows that cannot be reached at once are tried as long as it takes",
			file:  "durable_when_local_failed",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", errPassing, errPassing) // both local attempts
				s.answer("CreateOrder", errPassing, errPassing, errPassing, errPassing, errPassing, created)
				s.answer("ClearCart", errPassing, errPassing, errPassing, done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
			},
			did: []string{
				"local activity CreateOrder", "activity CreateOrder",
				"local activity ClearCart", "activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "a local step that is slow once is done by the second attempt",
			file:  "local_second_attempt",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", errPassing, created)
				finishes(s)
			},
			did:  []string{"local activity CreateOrder", "local activity ClearCart", "activity SendNotifications"},
			want: orderMade,
		},
		{
			name:  "an order that the database refuses waits for a person",
			file:  "internal_error",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", errPermanent, created)
				finishes(s)
				s.retryAfter(time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "unset BlockedReason",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "refused by the database at last, it waits for a person too",
			file:  "internal_error_durable",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", errPassing, errPassing, errPassing, errPermanent, created)
				finishes(s)
				s.retryAfter(time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "unset BlockedReason",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "a cart that the database refuses to clear waits for a person, and no block stays behind",
			file:  "internal_error_in_cart",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				s.answer("ClearCart", errPermanent, errPermanent, done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 2})
				s.retryAfter(time.Hour)
				s.retryAfter(2 * time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "local activity ClearCart", "set BlockedReason", "version support-actions", "timer 24h0m0s",
				"local activity ClearCart", "timer 24h0m0s",
				"local activity ClearCart", "unset BlockedReason", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "support is reminded daily of a step that broke down",
			file:  "internal_error_reminded",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				s.answer("ClearCart", errPermanent, done{})
				s.answer("Remind", done{}, done{})
				s.answer("SendNotifications", activities.NotifyResult{Sent: 1}, activities.NotifyResult{Sent: 1}, activities.NotifyResult{Sent: 2})
				s.retryAfter(50 * time.Hour)
			},
			did: seq(
				"local activity CreateOrder", "local activity ClearCart", "set BlockedReason", "version support-actions", "timer 24h0m0s",
				reminded, "timer 24h0m0s", reminded, "timer 24h0m0s",
				"local activity ClearCart", "unset BlockedReason", "activity SendNotifications",
			),
			want: orderMade,
		},
		{
			name:  "older workflow: a broken step between two looks does not hide why the payment is blocked",
			file:  "internal_error_while_blocked",
			event: paid(),
			script: func(s *stage) {
				s.older()
				s.answer("CreateOrder", blocked(models.BlockedStoreClosed), errPermanent, blocked(models.BlockedStoreClosed), created)
				finishes(s)
				s.retryAfter(time.Hour)
				s.retryAfter(2 * time.Hour)
				s.retryAfter(3 * time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "set BlockedReason",
				"local activity CreateOrder", "unset BlockedReason", "set BlockedReason",
				"local activity CreateOrder", "unset BlockedReason",
				"local activity ClearCart", "activity SendNotifications",
			},
			want: orderMade,
		},
		{
			name:  "mails that no server takes for three days are given up",
			file:  "mails_given_up",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				s.answer("ClearCart", done{})
				s.answerAlways("SendNotifications", errPassing)
				s.answer("FailNotifications", done{})
			},
			did: []string{
				"local activity CreateOrder", "local activity ClearCart", "activity SendNotifications", "local activity FailNotifications",
			},
			want: orderMade,
		},
		{
			name:  "mails that the database keeps from going out wait for a person",
			file:  "mails_internal_error",
			event: paid(),
			script: func(s *stage) {
				s.answer("CreateOrder", created)
				s.answer("ClearCart", done{})
				s.answer("SendNotifications", errPermanent, activities.NotifyResult{Sent: 2})
				s.retryAfter(time.Hour)
			},
			did: []string{
				"local activity CreateOrder", "local activity ClearCart",
				"activity SendNotifications", "set BlockedReason", "version support-actions", "timer 24h0m0s", "activity SendNotifications", "unset BlockedReason",
			},
			want: orderMade,
		},
	}
}
