package models

// Due is what is still to be done in the world about a payment, by its rows.
// Whoever does it, and however often, does it once: each item is a row that
// changes when it is done.
type Due struct {
	PaymentID string      `json:"paymentId"`
	OrderID   string      `json:"orderId,omitempty"`   // "" when there is no order
	ClearCart bool        `json:"clearCart,omitempty"` // what the order bought is still in the cart
	Refunds   []RefundDue `json:"refunds,omitempty"`   // wanted by us, and not known at Stripe yet
	Notify    bool        `json:"notify,omitempty"`    // notifications are pending
	NoEmail   bool        `json:"noEmail,omitempty"`   // nobody knows the customer's address yet
	ChargeID  string      `json:"chargeId,omitempty"`  // where to look for it
	WakeID    string      `json:"wakeId,omitempty"`    // another workflow that waited about the payment and no longer needs to
}

// RefundDue is a refund that Stripe is to be asked for.
type RefundDue struct {
	RefundID        string `json:"refundId"`                  // our row
	Key             string `json:"key"`                       // stem of its idempotency keys, such as evt_…:compensation
	PaymentIntentID string `json:"paymentIntentId,omitempty"` // "": by ChargeID
	ChargeID        string `json:"chargeId,omitempty"`
	Amount          int64  `json:"amount"` // minor units
}

// Standing is where a payment stands after a step: blocked or not, who waits
// for a person about it, and what is due.
type Standing struct {
	Outcome       Outcome       `json:"outcome"`
	PaymentID     string        `json:"paymentId"`
	OrderID       string        `json:"orderId,omitempty"`       // "" when there is no order
	BlockedReason BlockedReason `json:"blockedReason,omitempty"` // "" when it is not blocked
	BlockedDetail string        `json:"blockedDetail,omitempty"` // for people; names no one
	OwnerID       string        `json:"ownerId,omitempty"`       // the workflow that waits for a person, when blocked
	Unwatched     string        `json:"unwatched,omitempty"`     // an open dispute that no workflow watches, "" when there is none
	Due           Due           `json:"due"`
}

// DisputeStanding is where a dispute stands after an event of it was recorded.
type DisputeStanding struct {
	Standing
	Open    bool   `json:"open"`              // the bank has not decided
	DueBy   int64  `json:"dueBy,omitempty"`   // until when evidence counts, Unix seconds; 0: not told
	Watcher string `json:"watcher,omitempty"` // the workflow that stays open until the dispute is closed, "" when none does
	Changed bool   `json:"changed,omitempty"` // the row is another than before: a watcher that is not the caller has to look again
}

// ActionKind is what a person asks for.
type ActionKind string

// The kinds of action.
const (
	ActRetry   ActionKind = "retry"   // look again: the cause is mended
	ActFix     ActionKind = "fix"     // look again with corrected metadata
	ActAccept  ActionKind = "accept"  // fulfill in spite of the mismatch
	ActRefund  ActionKind = "refund"  // give money back, all that is left unless an amount is named
	ActCancel  ActionKind = "cancel"  // no order: take it back if there is one, and refund
	ActHold    ActionKind = "hold"    // do not ship for now
	ActRelease ActionKind = "release" // take a hold away
	ActResend  ActionKind = "resend"  // send a mail again
	ActNote    ActionKind = "note"    // write something down
)

// Action is what a person asks for, by the support API or by a signal.
type Action struct {
	PaymentID string     `json:"paymentId"` // ours, or a payment intent's or checkout session's
	Kind      ActionKind `json:"action"`
	Actor     string     `json:"actor"`
	Claimed   bool       `json:"claimed,omitempty"` // by a signal: nobody has checked who it was
	Reason    string     `json:"reason"`
	RequestID string     `json:"requestId"`          // acts once, however often it comes
	Workflow  string     `json:"workflow,omitempty"` // that carries out what it leaves to be done, and waits should a person be needed

	Amount    *int64    `json:"amount,omitempty"`    // of a refund, minor units; nil: all that is left
	Metadata  Metadata  `json:"metadata,omitempty"`  // of a fix: replaces what the payment carried
	Recipient Recipient `json:"recipient,omitempty"` // of a resend: customer or store
	HoldID    string    `json:"holdId,omitempty"`    // of a release; "": every hold of staff

	// Start names the workflow that does what the action leaves to be done. It is
	// written into the inbox together with the action, with a FollowUp as its input;
	// nil: the caller does that itself.
	Start *PendingStart `json:"-"`
}

// FollowUp is what the workflow of an action is told.
type FollowUp struct {
	PaymentID       string `json:"paymentId"`
	RequestID       string `json:"requestId"`
	PaymentIntentID string `json:"paymentIntentId,omitempty"` // this and the next two are for finding it
	CustomerID      string `json:"customerId,omitempty"`
	StoreID         string `json:"storeId,omitempty"`
}

// ActionResult is what came of an action.
type ActionResult struct {
	Refusal   string `json:"refusal,omitempty"`   // why it was refused; "": it was done
	Duplicate bool   `json:"duplicate,omitempty"` // the request ID came before: nothing was done now, and this is what came of it then
	Standing
}

// RefundAnswer is what Stripe said to a refund that we asked for.
type RefundAnswer struct {
	RefundID string       `json:"refundId"`          // our row
	Facts    *RefundFacts `json:"facts,omitempty"`   // nil: it was refused
	Refused  string       `json:"refused,omitempty"` // Stripe's code, such as charge_already_refunded
}

// Reminder is a mail to support that is due.
type Reminder struct {
	PaymentID string           `json:"paymentId"`
	Kind      NotificationKind `json:"kind"`               // payment_blocked or dispute_deadline
	Occasion  string           `json:"occasion"`           // one mail for each: evt_…:day-1 for example
	Detail    string           `json:"detail,omitempty"`   // of a dispute_deadline: the dispute's ID; of a payment_blocked whose row does not say why: which step broke
	Workflow  string           `json:"workflow,omitempty"` // the workflow that sends it
}
