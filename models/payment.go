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

// BlockedReason says why a collected payment waits: it has no order yet, or money
// that is owed back did not go out. It is a fixed word, fit for search attributes
// and logs.
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

	BlockedRefundDue    BlockedReason = "refund_due"          // it is to be given back, and Stripe has not taken that on yet
	BlockedCompensation BlockedReason = "compensation_failed" // it is to be given back, and that did not work
	BlockedRefundFailed BlockedReason = "refund_failed"       // a refund failed, perhaps after it had succeeded
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
	Amount             *int64  // asked for, minor units; nil: not told
	AmountReceived     *int64  // collected, minor units; nil: not told
	AmountRefunded     int64   // given back or on its way, minor units; follows from the refunds, see reckon
	RefundsTold        int64   // the largest total that a charge.refunded has told, minor units
	SettledElsewhere   int64   // owed back, and given by other means than Stripe, as staff say; minor units
	Disputed           bool    // a dispute is open
	ChargedBack        bool    // a dispute was lost
	Accepted           bool    // a person takes what was collected for what is owed
	NoOrderReason      *string // why there will be no order; nil: there may be one, or is
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
	Status             string    `gorm:"->"` // the one word that everybody is shown, as Postgres makes it (migration 2); "" until it is read again
	CreatedAt          time.Time `gorm:"->"`
	UpdatedAt          time.Time
}

// received is what was collected, minor units; 0 until Stripe says.
func (p *Payment) received() int64 { return value(p.AmountReceived) }

// orderless says why there will be no order, "" when there may be one.
func (p *Payment) orderless() string { return value(p.NoOrderReason) }

// owed is what is still to be given back of a payment of which nothing is to be
// kept, minor units. What is only wanted, and not known at Stripe, is still owed.
func (p *Payment) owed() int64 { return max(p.received()-p.AmountRefunded-p.SettledElsewhere, 0) }

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

// block leaves the collected payment to a person. The workflow whose turn it is
// waits for them, unless another one does already. A payment that is no order's,
// and a step that no workflow stands behind, block nothing: the next look does.
func (p *Payment) block(tx *gorm.DB, reason BlockedReason, detail string, t turn) error {
	before := value(p.BlockedReason)
	if before == "" || p.OwnerWorkflowID == nil {
		if t.workflow == "" || p.Kind != OrderPayment {
			return nil
		}
		p.OwnerWorkflowID = &t.workflow
	}
	if before == reason && p.BlockedDetail == detail {
		return nil
	}
	p.BlockedReason, p.BlockedDetail = &reason, detail
	if err := p.save(tx); err != nil || before == reason {
		return err
	}
	return audit(tx, t.by, p.change("payment_blocked", string(before), string(reason)))
}

// unblock takes the block away, if there is one, now that nobody is needed. It
// returns the workflow that waited for a person about the payment, "" when none
// did or it is the one whose turn it is. That one stays the owner until it has
// looked for itself: should our answer be lost after the commit, the next call
// still tells of it.
func (p *Payment) unblock(tx *gorm.DB, t turn) (waiting string, err error) {
	if p.OwnerWorkflowID == nil {
		return "", nil
	}
	waiting, reason := *p.OwnerWorkflowID, value(p.BlockedReason)
	p.BlockedReason, p.BlockedDetail = nil, ""
	if waiting == t.workflow {
		waiting, p.OwnerWorkflowID = "", nil
	}
	if reason == "" && waiting != "" {
		return waiting, nil
	}
	if err := p.save(tx); err != nil || reason == "" {
		return waiting, err
	}
	return waiting, audit(tx, t.by, p.change("payment_unblocked", string(reason), ""))
}

// save writes everything but the state, which only move changes.
func (p *Payment) save(tx *gorm.DB) error {
	p.UpdatedAt = time.Now()
	return tx.Model(p).Select("*").Omit("id", "state", "status", "created_at").Updates(p).Error
}
