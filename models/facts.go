package models

import "slices"

// KeyRefundID is the key of a refund's metadata at Stripe under which it carries
// the ID of our row, when it was we who asked for it.
const KeyRefundID = "twigzRefundId"

// RefundStatus is where a refund is.
type RefundStatus string

// The statuses of a refund. All but requested and refused are Stripe's.
const (
	RefundRequested      RefundStatus = "requested" // we want it; Stripe has not said yet
	RefundPending        RefundStatus = "pending"
	RefundRequiresAction RefundStatus = "requires_action"
	RefundSucceeded      RefundStatus = "succeeded"
	RefundFailed         RefundStatus = "failed" // also after it had succeeded: the bank sent the money back
	RefundCanceled       RefundStatus = "canceled"
	RefundRefused        RefundStatus = "refused" // Stripe will not make it
)

// StripeRefundStatus reads Stripe's word. One that nobody knows counts as
// pending: the refund is there and is counted as being on its way, so that no
// second one is made for it, and what becomes of it is still to be told.
func StripeRefundStatus(word string) RefundStatus {
	switch s := RefundStatus(word); s {
	case RefundPending, RefundRequiresAction, RefundSucceeded, RefundFailed, RefundCanceled:
		return s
	default:
		return RefundPending
	}
}

// RefundFacts is one refund as Stripe tells of it.
// https://docs.stripe.com/api/refunds/object
type RefundFacts struct {
	ID            string       `json:"id"`             // re_… (pyr_… for some)
	Ours          string       `json:"ours,omitempty"` // our row's ID, when we asked for it
	Status        RefundStatus `json:"status"`
	Amount        int64        `json:"amount"` // minor units
	Currency      string       `json:"currency,omitempty"`
	Reason        string       `json:"reason,omitempty"`        // duplicate, fraudulent, requested_by_customer …
	FailureReason string       `json:"failureReason,omitempty"` // why it failed
}

// DisputeStatus is where a dispute is, in Stripe's words. An inquiry's begin
// with warning_; it moves no money.
type DisputeStatus string

// The statuses of a dispute.
const (
	InquiryNeedsResponse DisputeStatus = "warning_needs_response"
	InquiryUnderReview   DisputeStatus = "warning_under_review"
	InquiryClosed        DisputeStatus = "warning_closed"
	DisputeNeedsResponse DisputeStatus = "needs_response"
	DisputeUnderReview   DisputeStatus = "under_review"
	DisputeWon           DisputeStatus = "won"
	DisputeLost          DisputeStatus = "lost"
)

// StripeDisputeStatus reads Stripe's word. One that nobody knows counts as
// under_review: the order stays held and the dispute open until a later event or
// a person says how it ended. Anything else could ship what was charged back
// (newer versions' "prevented" takes the money too), or charge back what was won.
func StripeDisputeStatus(word string) DisputeStatus {
	switch s := DisputeStatus(word); s {
	case InquiryNeedsResponse, InquiryUnderReview, InquiryClosed, DisputeNeedsResponse, DisputeUnderReview, DisputeWon, DisputeLost:
		return s
	default:
		return DisputeUnderReview
	}
}

// Open says whether the bank has not decided yet.
func (s DisputeStatus) Open() bool {
	return slices.Contains([]DisputeStatus{InquiryNeedsResponse, InquiryUnderReview, DisputeNeedsResponse, DisputeUnderReview}, s)
}

// DisputeFacts is one dispute as Stripe tells of it.
// https://docs.stripe.com/api/disputes/object
type DisputeFacts struct {
	ID       string        `json:"id"` // du_… or dp_…
	Status   DisputeStatus `json:"status"`
	Reason   string        `json:"reason,omitempty"`
	Amount   int64         `json:"amount"` // minor units
	Currency string        `json:"currency,omitempty"`
	DueBy    int64         `json:"dueBy,omitempty"` // until when evidence counts, Unix seconds; 0: not told
}

// ReviewFacts is one Radar review as Stripe tells of it.
// https://docs.stripe.com/api/radar/reviews/object
type ReviewFacts struct {
	ID           string `json:"id"` // prv_…
	Open         bool   `json:"open"`
	OpenedReason string `json:"openedReason,omitempty"` // rule or manual
	ClosedReason string `json:"closedReason,omitempty"` // approved, refunded, refunded_as_fraud, disputed, redacted …; "" while it is open
}
