package models

import (
	"slices"
	"time"

	"gorm.io/gorm"
)

// PaymentKind is what a payment is for.
type PaymentKind string

// The kinds of payment.
const (
	OrderPayment        PaymentKind = "order"        // carries our metadata, or belongs to a checkout
	UnmatchedPayment    PaymentKind = "unmatched"    // nothing says that it is ours; claimable
	SubscriptionPayment PaymentKind = "subscription" // pays an invoice
)

// PaymentState is where a payment is by what Stripe said of it. What people are
// shown is Status, which also knows of blocks and refunds.
type PaymentState string

// The states of a payment.
const (
	PaymentPending    PaymentState = "pending"
	PaymentProcessing PaymentState = "processing"
	PaymentFailed     PaymentState = "failed"
	PaymentCanceled   PaymentState = "canceled"
	PaymentPaid       PaymentState = "paid"
)

// paymentSources are the states from which a payment may go to another. Events
// come in any order, so a state is only left for one that Stripe can have
// reached later: nothing leaves paid, and canceled is left only when Stripe
// says that it was paid after all.
var paymentSources = map[PaymentState][]PaymentState{
	PaymentProcessing: {PaymentPending, PaymentFailed},
	PaymentFailed:     {PaymentPending, PaymentProcessing},
	PaymentCanceled:   {PaymentPending, PaymentProcessing, PaymentFailed},
	PaymentPaid:       {PaymentPending, PaymentProcessing, PaymentFailed, PaymentCanceled},
}

// BlockedReason says why a collected payment has no order yet. It is a fixed
// word, fit for search attributes and logs.
type BlockedReason string

// The reasons. Each waits for a person.
const (
	BlockedMetadata        BlockedReason = "metadata_invalid"     // ours, but not readable or not complete
	BlockedUnidentified    BlockedReason = "payment_unidentified" // neither payment intent nor session is named
	BlockedUnknownStore    BlockedReason = "unknown_store"
	BlockedStoreClosed     BlockedReason = "store_closed"
	BlockedUnknownCheckout BlockedReason = "unknown_checkout" // no checkout has the metadata's paymentId
	BlockedCheckoutPaid    BlockedReason = "checkout_already_paid"
	BlockedEmptyCart       BlockedReason = "empty_cart"
	BlockedNotForSale      BlockedReason = "product_not_for_sale"
	BlockedOutOfStock      BlockedReason = "out_of_stock"
	BlockedCurrency        BlockedReason = "currency_mismatch"
	BlockedFee             BlockedReason = "fee_mismatch"
	BlockedAmount          BlockedReason = "amount_mismatch"
)

// Payment is one payment as Stripe tells of it and as we took it. Amounts and
// claimed IDs are Stripe's word and may be anything.
type Payment struct {
	ID                 string
	CheckoutID         *string // nil: no checkout of ours
	PaymentIntentID    *string // nil: none, or not known yet
	CheckoutSessionID  *string // nil: none, or not known yet
	Kind               PaymentKind
	State              PaymentState
	Amount             *int64 // asked for, minor units; nil: not told
	AmountReceived     *int64 // collected, minor units; nil: not told
	AmountRefunded     int64  // minor units
	Currency           Currency
	CustomerID         string // as the metadata claims; "" unknown
	StoreID            string // as the metadata claims; "" unknown
	Metadata           Metadata
	MetadataProblem    string
	ReceiptEmail       string
	ChargeID           string
	FailureCode        string
	FailureMessage     string
	CancellationReason string
	BlockedReason      *BlockedReason // nil: not blocked
	BlockedDetail      string         // for people; names no one
	OwnerWorkflowID    *string        // the open workflow that answers for it; nil: none
	Livemode           bool
	CreatedAt          time.Time `gorm:"->"`
	UpdatedAt          time.Time
}

// Status is the one word that everybody is shown for a payment, the first that
// holds of: needs_attention, unmatched or subscription, refunded,
// partially_refunded, then the state.
func (p Payment) Status() string {
	switch {
	case p.BlockedReason != nil:
		return "needs_attention"
	case p.Kind != OrderPayment:
		return string(p.Kind)
	case p.AmountRefunded > 0 && p.AmountReceived != nil && p.AmountRefunded >= *p.AmountReceived:
		return "refunded"
	case p.AmountRefunded > 0:
		return "partially_refunded"
	default:
		return string(p.State)
	}
}

// move takes the payment to a state if it may go there from where it is, with
// an audit entry, and says whether it did. Staying put is not an error: the
// event came late, or again.
func (p *Payment) move(tx *gorm.DB, to PaymentState, by Cause) (bool, error) {
	from := p.State
	if !slices.Contains(paymentSources[to], from) {
		return false, nil
	}
	moved := tx.Model(&Payment{}).Where("id = ? AND state IN ?", p.ID, paymentSources[to]).Update("state", to)
	if moved.Error != nil || moved.RowsAffected == 0 {
		return false, moved.Error
	}
	p.State = to
	return true, audit(tx, by, p.change("payment_"+string(to), string(from), string(to)))
}

func (p *Payment) change(action, before, after string) change {
	return change{action: action, subject: "payment", subjectID: p.ID, paymentID: p.ID, before: before, after: after}
}

// block leaves the collected payment to a person. The workflow of event e waits
// for them, unless another one does already.
func (p *Payment) block(tx *gorm.DB, because *refusal, e Event) error {
	before := ""
	if p.BlockedReason != nil {
		before = string(*p.BlockedReason)
	}
	if p.OwnerWorkflowID == nil {
		p.OwnerWorkflowID = &e.ID
	}
	p.Kind, p.BlockedReason, p.BlockedDetail = OrderPayment, &because.reason, because.detail
	if err := p.save(tx); err != nil || before == string(because.reason) {
		return err
	}
	return audit(tx, e.cause(), p.change("payment_blocked", before, string(because.reason)))
}

// unblock takes the block away, if there is one, now that event e's workflow has
// found the order. It returns the workflow that waited for a person about the
// payment, "" when none did or it is e's own. That one stays the owner until it
// has looked for itself: should our answer be lost after the commit, the next
// call still tells of it.
func (p *Payment) unblock(tx *gorm.DB, e Event) (waiting string, err error) {
	if p.OwnerWorkflowID == nil {
		return "", nil
	}
	waiting, reason := *p.OwnerWorkflowID, p.BlockedReason
	p.BlockedReason, p.BlockedDetail = nil, ""
	if waiting == e.ID {
		waiting, p.OwnerWorkflowID = "", nil
	}
	if reason == nil && waiting != "" {
		return waiting, nil
	}
	if err := p.save(tx); err != nil || reason == nil {
		return waiting, err
	}
	return waiting, audit(tx, e.cause(), p.change("payment_unblocked", string(*reason), ""))
}

// save writes everything but the state, which only move changes.
func (p *Payment) save(tx *gorm.DB) error {
	p.UpdatedAt = time.Now()
	return tx.Model(p).Select("*").Omit("id", "state", "created_at").Updates(p).Error
}
