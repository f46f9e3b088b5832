package models

import "strings"

// Event is one Stripe event reduced to what Twigz acts on: the input of every
// event workflow and of the activities that put it into rows. It stays under
// 2 KB for what Stripe really sends, holds nothing that moved between Stripe's
// API versions, and every string in it can be stored by Postgres.
type Event struct {
	ID         string `json:"id"`                   // evt_…, also the workflow's ID
	Type       string `json:"type"`                 // for example payment_intent.succeeded
	Created    int64  `json:"created"`              // Unix seconds by Stripe's clock; one-second resolution, so never used to order events
	APIVersion string `json:"apiVersion,omitempty"` // version the event was rendered in; "" when it does not say
	Livemode   bool   `json:"livemode,omitempty"`

	PaymentIntentID   string `json:"paymentIntentId,omitempty"`   // "" for a no-cost session, or one not paid yet
	CheckoutSessionID string `json:"checkoutSessionId,omitempty"` // "" for an event about a payment intent
	ChargeID          string `json:"chargeId,omitempty"`          // the intent's latest charge, "" when none is named
	InvoiceID         string `json:"invoiceId,omitempty"`         // the invoice that the event is about, or that the payment pays: no order is due
	SubscriptionID    string `json:"subscriptionId,omitempty"`    // that the event is about, wherever its version says so; "": none is named
	StripeCustomerID  string `json:"stripeCustomerId,omitempty"`  // Stripe's name for the customer, of events about subscriptions, invoices and customers alone
	Mode              string `json:"mode,omitempty"`              // the session's mode: payment, subscription or setup
	PaymentStatus     string `json:"paymentStatus,omitempty"`     // the session's payment_status: paid, unpaid, no_payment_required

	Amount         *int64 `json:"amount,omitempty"`         // asked for, minor units; nil when the event does not say
	AmountReceived *int64 `json:"amountReceived,omitempty"` // collected, minor units; nil when the event does not say
	Currency       string `json:"currency,omitempty"`       // lower case as Stripe sends it; may be no currency at all

	FailureCode        string `json:"failureCode,omitempty"`        // last_payment_error: decline_code, else code
	FailureMessage     string `json:"failureMessage,omitempty"`     // last_payment_error.message, meant for the customer
	CancellationReason string `json:"cancellationReason,omitempty"` // why the intent was canceled

	Email string `json:"email,omitempty"` // receipt_email, else the session's or the charge's; a personal datum

	AmountRefunded *int64        `json:"amountRefunded,omitempty"` // all that was refunded of the charge so far, minor units; nil when the event does not say
	Refund         *RefundFacts  `json:"refund,omitempty"`         // nil: the event is about no refund
	Dispute        *DisputeFacts `json:"dispute,omitempty"`        // nil: the event is about no dispute
	Review         *ReviewFacts  `json:"review,omitempty"`         // nil: the event is about no review

	Upcoming *UpcomingFacts `json:"upcoming,omitempty"` // of invoice.upcoming; nil for all others
	TrialEnd int64          `json:"trialEnd,omitempty"` // of customer.subscription.trial_will_end, Unix seconds; 0: not told

	Metadata        Metadata `json:"metadata,omitempty"`        // our keys only; nil when the event carries none of them
	MetadataProblem string   `json:"metadataProblem,omitempty"` // why the metadata could not be read, "" when it could
}

// Clean makes s storable: Postgres refuses NUL in text for ever, so each
// becomes U+FFFD, the mark that Go's decoder also leaves for invalid UTF-8 and
// lone surrogates. Text longer than limit characters is cut.
func Clean(s string, limit int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit])
	}
	return s
}

// damaged says whether s lost something in Clean or in JSON decoding.
func damaged(s string) bool { return strings.ContainsRune(s, '\uFFFD') }
