package models

import (
	"slices"
	"time"
)

// KeyTier is the key of a price's or product's metadata at Stripe under which it
// says what it grants. The price's word counts before its product's.
const KeyTier = "tier"

// UpcomingFacts is a charge that Stripe announces: an invoice that has no ID yet
// and cannot be asked for later as it was, so the event's own word counts.
// https://docs.stripe.com/api/invoices/upcoming
type UpcomingFacts struct {
	Amount      int64  `json:"amount"`                // amount_due, minor units
	Currency    string `json:"currency,omitempty"`    // lower case as Stripe sends it; may be no currency at all
	At          int64  `json:"at,omitempty"`          // when it is to be collected, Unix seconds; 0: not told
	PeriodStart int64  `json:"periodStart,omitempty"` // what it is for, Unix seconds, by its lines; 0: not told
	PeriodEnd   int64  `json:"periodEnd,omitempty"`
}

// BillingFacts is what Stripe says of one of its customers at one moment. A nil
// list is one that was not asked for; rows about what is not in a list stay.
type BillingFacts struct {
	Customer      StripeCustomerFacts
	Subscriptions []SubscriptionFacts // in every status
	Invoices      []InvoiceFacts      // the newest, and those that were asked for
}

// StripeCustomerFacts is a customer of Stripe's.
// https://docs.stripe.com/api/customers/object
type StripeCustomerFacts struct {
	ID         string // cus_…
	Gone       bool   // deleted: nothing else is known
	Unknown    bool   // Stripe has never had such a customer: nothing is known, and what is kept stays. A key of another account's would find all of them so
	CustomerID string // whose it is by its metadata, as it came; "": it does not say
	Email      string // a personal datum
	Card       Card   // default for invoices
}

// Card is what a payment method is shown as. Its zero value is none.
type Card struct {
	Brand string `json:"brand"` // such as visa; of what is no card its type, such as sepa_debit
	Last4 string `json:"last4"`
}

// SubscriptionFacts is a subscription as Stripe has it.
// https://docs.stripe.com/api/subscriptions/object?api-version=2024-06-20
//
// Every time is nil where Stripe does not say it.
type SubscriptionFacts struct {
	ID                string // sub_…
	CustomerID        string // whose it is by its metadata, as it came; "": it does not say
	Status            string // Stripe's word
	Currency          string
	Items             []SubscriptionItem
	PeriodStart       *time.Time
	PeriodEnd         *time.Time
	CancelAtPeriodEnd bool
	CancelAt          *time.Time
	CanceledAt        *time.Time
	EndedAt           *time.Time
	TrialStart        *time.Time
	TrialEnd          *time.Time
	PauseBehavior     string     // "": its collection is not paused
	PauseResumesAt    *time.Time // nil: until somebody says so
	PendingUntil      *time.Time // an update waits to be paid until then; nil: none does
	LatestInvoiceID   string
	Card              Card // of its own payment method; zero: its customer's default
	Livemode          bool
	StartedAt         time.Time
}

// SubscriptionItem is one price of a subscription, and how often.
type SubscriptionItem struct {
	ID            string `json:"id"` // si_…
	PriceID       string `json:"priceId"`
	ProductID     string `json:"productId"`
	ProductName   string `json:"productName"`
	Tier          string `json:"tier,omitempty"` // what it grants; "": neither price nor product says
	Quantity      int64  `json:"quantity"`
	UnitAmount    int64  `json:"unitAmount"` // minor units, rounded where Stripe has fractions of one
	Currency      string `json:"currency"`
	Interval      string `json:"interval"`      // day, week, month or year
	IntervalCount int64  `json:"intervalCount"` // every how many of them
}

// InvoiceFacts is an invoice as Stripe has it. Amounts are minor units.
// https://docs.stripe.com/api/invoices/object?api-version=2024-06-20
type InvoiceFacts struct {
	ID              string // in_…
	SubscriptionID  string // "": it is for none
	Number          string // "": it is a draft
	Status          string // draft, open, paid, uncollectible or void
	BillingReason   string // such as subscription_cycle
	Currency        string
	Subtotal        int64
	Tax             int64
	Total           int64
	AmountDue       int64
	AmountPaid      int64
	AmountRemaining int64
	AttemptCount    int64
	NextAttemptAt   *time.Time // nil: Stripe does not try again
	PeriodStart     *time.Time // what its lines are for, from the first …
	PeriodEnd       *time.Time // … to the last; nil without lines
	Lines           []InvoiceLine
	MoreLines       bool // there are more than these
	HostedURL       string
	PDFURL          string
	PaymentIntentID string
	FailureMessage  string // why the last attempt to collect it failed, meant for the customer
	FinalizedAt     *time.Time
	PaidAt          *time.Time
	MadeAt          time.Time
}

// InvoiceLine is one line of an invoice. Its amount is below nothing where
// something is credited.
type InvoiceLine struct {
	Description string     `json:"description"`
	Quantity    int64      `json:"quantity"`
	Amount      int64      `json:"amount"` // minor units, before tax
	PeriodStart *time.Time `json:"periodStart,omitempty"`
	PeriodEnd   *time.Time `json:"periodEnd,omitempty"`
}

// SyncWant is a wish to have one of Stripe's customers looked at anew.
type SyncWant struct {
	StripeCustomerID string `json:"stripeCustomerId,omitempty"` // "": that of the subscription or invoice, if it is known
	SubscriptionID   string `json:"subscriptionId,omitempty"`
	InvoiceID        string `json:"invoiceId,omitempty"`
	Holder           string `json:"holder"`               // the workflow that wants it
	Generation       int64  `json:"generation,omitempty"` // 0: a new want; else the one that was answered before
}

// SyncTurn is whose turn it is to look.
type SyncTurn struct {
	StripeCustomerID string `json:"stripeCustomerId,omitempty"` // "": nobody knows whose it is about, there is nothing to look at
	Generation       int64  `json:"generation,omitempty"`       // of the want
	Covered          bool   `json:"covered,omitempty"`          // somebody has looked since the want came: nothing is left to do
	Mine             bool   `json:"mine,omitempty"`             // the holder is to look now, and nobody else does
}

// SyncLook is one look at one of Stripe's customers, by the workflow whose turn it is.
type SyncLook struct {
	StripeCustomerID string `json:"stripeCustomerId"`
	Holder           string `json:"holder"`
	InvoiceID        string `json:"invoiceId,omitempty"` // to be fetched even when it is not among the newest
}

// SyncResult is what a look came to.
type SyncResult struct {
	Lost          bool `json:"lost,omitempty"` // the turn had gone to another: nothing was kept
	Gone          bool `json:"gone,omitempty"` // Stripe has deleted the customer
	Subscriptions int  `json:"subscriptions"`  // that Stripe told of
	Invoices      int  `json:"invoices"`
	Changed       bool `json:"changed,omitempty"` // the rows are others than before
}

// Billed is what became of an event once its customer had been looked at.
type Billed struct {
	Outcome          Outcome `json:"outcome"`
	StripeCustomerID string  `json:"stripeCustomerId,omitempty"`
	CustomerID       string  `json:"customerId,omitempty"` // whose it is; "": nobody's yet
	Tell             bool    `json:"tell,omitempty"`       // a mail is due, and is the event's workflow's to send
}

// What an event about subscriptions comes to.
const (
	SubscriptionSynced  Outcome = "subscription_synced"  // the rows are as Stripe says
	SubscriptionUnowned Outcome = "subscription_unowned" // so are they, and nobody knows whose it is: support is shown it
	SubscriptionUnknown Outcome = "subscription_unknown" // the event names no customer of Stripe's, and nothing that is known
)

// SubscriptionState is what a customer is told of their subscriptions: the most
// telling one, and all of them.
type SubscriptionState struct {
	Status            string             `json:"status"` // Stripe's word; none when there has never been one
	SubscriptionID    string             `json:"subscriptionId,omitempty"`
	PriceID           string             `json:"priceId,omitempty"`
	ProductID         string             `json:"productId,omitempty"`
	ProductName       string             `json:"productName,omitempty"`
	Tier              *string            `json:"tier,omitempty"` // nil: neither price nor product says
	Quantity          int64              `json:"quantity,omitempty"`
	Access            *bool              `json:"access,omitempty"`      // what was bought is to be given now
	AccessUntil       *time.Time         `json:"accessUntil,omitempty"` // a payment failed: it is given until then, unless it is paid; nil: no such time
	PeriodStart       *time.Time         `json:"currentPeriodStart,omitempty"`
	PeriodEnd         *time.Time         `json:"currentPeriodEnd,omitempty"`
	CancelAtPeriodEnd *bool              `json:"cancelAtPeriodEnd,omitempty"`
	CancelAt          *time.Time         `json:"cancelAt,omitempty"`
	CanceledAt        *time.Time         `json:"canceledAt,omitempty"`
	EndedAt           *time.Time         `json:"endedAt,omitempty"`
	TrialEnd          *time.Time         `json:"trialEnd,omitempty"`
	PauseCollection   *PauseCollection   `json:"pauseCollection,omitempty"`
	PendingUntil      *time.Time         `json:"pendingUpdateExpiresAt,omitempty"`
	PaymentMethod     *Card              `json:"paymentMethod,omitempty"`
	Items             []SubscriptionItem `json:"items,omitempty"`
	LatestInvoice     *InvoiceState      `json:"latestInvoice,omitempty"`

	Tiers []string `json:"tiers,omitempty"` // all that are granted now, of all subscriptions, sorted
	// Subscriptions are all that have not ended, the most telling first, each as above
	// but for Tiers and Subscriptions.
	Subscriptions []SubscriptionState `json:"subscriptions,omitempty"`
}

// StatusNone is a SubscriptionState's status when there has never been a subscription.
const StatusNone = "none"

// PauseCollection says how a subscription's invoices are treated for a while.
type PauseCollection struct {
	Behavior  string     `json:"behavior"` // keep_as_draft, mark_uncollectible or void
	ResumesAt *time.Time `json:"resumesAt,omitempty"`
}

// InvoiceState is an invoice as customers and support see it. Amounts are minor units.
type InvoiceState struct {
	InvoiceID        string     `json:"invoiceId"`
	SubscriptionID   string     `json:"subscriptionId,omitempty"`
	Number           string     `json:"number,omitempty"`
	Status           string     `json:"status"`
	BillingReason    string     `json:"billingReason,omitempty"`
	Currency         string     `json:"currency"`
	Subtotal         int64      `json:"subtotal"`
	Tax              int64      `json:"tax"`
	Total            int64      `json:"total"`
	AmountDue        int64      `json:"amountDue"`
	AmountPaid       int64      `json:"amountPaid"`
	AmountRemaining  int64      `json:"amountRemaining"`
	AttemptCount     int64      `json:"attemptCount"`
	NextAttemptAt    *time.Time `json:"nextPaymentAttempt,omitempty"`
	PeriodStart      *time.Time `json:"periodStart,omitempty"`
	PeriodEnd        *time.Time `json:"periodEnd,omitempty"`
	FailureMessage   string     `json:"failureMessage,omitempty"`
	HostedInvoiceURL string     `json:"hostedInvoiceUrl,omitempty"`
	PaymentIntentID  *string    `json:"paymentIntentId,omitempty"`
	PaidAt           *time.Time `json:"paidAt,omitempty"`
	CreatedAt        time.Time  `json:"createdAt"`
}

// BillingLetter is what a mail about a subscription is made of, besides the
// notification. What is not known is zero.
type BillingLetter struct {
	Invoice      InvoiceFacts      // of an invoice_…; zero for an upcoming one, which has no row
	Subscription SubscriptionFacts // what it is for
	Upcoming     UpcomingFacts     // of an invoice_upcoming
	Over         bool              // what is told has come to pass, or come to nothing, before it could be told: the mail says so
}

// OutgoingMessage is a word of ours to another service.
type OutgoingMessage struct {
	ID     string // msg_…
	Type   string // such as subscription.changed
	Body   string // the very bytes to sign and send
	Status MessageStatus
}

// live are the statuses of subscriptions that go on: another one of the same
// product would be charged beside it.
var live = []string{"active", "trialing", "past_due", "unpaid", "paused"}

// ended are the statuses that a subscription does not leave.
var ended = []string{"canceled", "incomplete_expired"}

// Live says whether a subscription in a status of Stripe's goes on.
func Live(status string) bool { return slices.Contains(live, status) }
