package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Outcome is what came of acting on an event, in one word.
type Outcome string

// The outcomes.
const (
	OrderCreated        Outcome = "order_created"
	OrderExists         Outcome = "order_exists" // a sibling or an earlier delivery made it
	PaymentBlocked      Outcome = "blocked"      // collected, no order: a person decides
	PaymentUnmatched    Outcome = "unmatched"    // nothing of ours in its metadata
	PaymentSubscription Outcome = "subscription" // pays an invoice
	PaymentRecorded     Outcome = "recorded"     // its state was noted
	PaymentRefunded     Outcome = "refunded"     // no order, and the money is on its way back
	PaymentUnfulfilled  Outcome = "unfulfilled"  // no order, and nothing had been collected
	EventTooLate        Outcome = "no_change"    // the payment was already further, or already there
)

// Fulfillment is what CreateOrder came to.
type Fulfillment struct {
	Outcome       Outcome       `json:"outcome"`
	PaymentID     string        `json:"paymentId"`
	OrderID       string        `json:"orderId,omitempty"`       // "" when there is no order
	BlockedReason BlockedReason `json:"blockedReason,omitempty"` // set when Outcome is blocked
	BlockedDetail string        `json:"blockedDetail,omitempty"` // for people; names no one
	OwnerID       string        `json:"ownerId,omitempty"`       // the workflow that waits for a person, when blocked
	WakeID        string        `json:"wakeId,omitempty"`        // another workflow that waited and no longer needs to
	Unfinished    bool          `json:"unfinished,omitempty"`    // the order exists, but its cart or mails are not done
	NoEmail       bool          `json:"noEmail,omitempty"`       // nobody knows the customer's address yet
	ChargeID      string        `json:"chargeId,omitempty"`      // where to look for it
	Compensate    bool          `json:"compensate,omitempty"`    // it cannot be made and the store wants it refunded: take back what was done
	Refunds       []RefundDue   `json:"refunds,omitempty"`       // wanted by us, and not known at Stripe yet
}

// CreateOrder makes the one order of a payment that event e says was collected,
// or says why there is none. In one transaction it takes the payment to paid,
// compares what was collected with what is owed, takes the stock, writes order,
// lines and the notifications to send, and claims what was bought from the
// customer's cart. Calling it again, for this event or a sibling, finds the
// order. An error is always ours or the database's; what does not fit is the
// Outcome PaymentBlocked.
func (db *DB) CreateOrder(ctx context.Context, e Event) (Fulfillment, error) {
	var f Fulfillment
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		p, known, err := observe(tx, e, PaymentPaid)
		if err != nil {
			return err
		}
		if _, err := p.move(tx, PaymentPaid, e.cause()); err != nil {
			return err
		}
		if f, err = fulfill(tx, &p, known, e.turn()); err != nil {
			return err
		}
		f.PaymentID, f.ChargeID = p.ID, p.ChargeID
		return recordEvent(tx, e, p.ID, string(f.Outcome))
	})
	if err != nil {
		return Fulfillment{}, fmt.Errorf("create order for %s: %w", e.ID, err)
	}
	return f, nil
}

// fulfill brings a collected payment to its outcome. One that was not known
// before has no order yet.
func fulfill(tx *gorm.DB, p *Payment, known bool, t turn) (Fulfillment, error) {
	if known {
		// The order is looked for before the cart is: a sibling that comes second
		// would find the cart empty and block.
		existing, err := p.order(tx)
		if err != nil {
			return Fulfillment{}, err
		}
		if existing != nil {
			return p.alreadyFulfilled(tx, t)
		}
	}
	switch {
	case p.Kind != OrderPayment:
		return Fulfillment{Outcome: Outcome(p.Kind)}, nil
	case p.orderless() != "":
		return p.unfulfilled(tx, t)
	}
	order, err := placeOrder(tx, p, t)
	if no, ok := asRefusal(err); ok {
		return p.refuseOrder(tx, no, t)
	}
	if err != nil {
		return Fulfillment{}, err
	}
	return p.finish(tx, order, known, t)
}

// alreadyFulfilled says what is left to do for a payment that has its order.
func (p *Payment) alreadyFulfilled(tx *gorm.DB, t turn) (Fulfillment, error) {
	s, err := p.settle(tx, t)
	return s.answer(OrderExists, t), err
}

// answer is the standing of a payment that has, or will never have, its order, in
// the words of FulfillOrder. That it is blocked matters to the one who waits.
func (s Standing) answer(outcome Outcome, t turn) Fulfillment {
	if s.BlockedReason != "" && s.OwnerID == t.workflow {
		outcome = PaymentBlocked
	}
	return Fulfillment{
		Outcome: outcome, OrderID: s.OrderID, Unfinished: s.Due.ClearCart || s.Due.Notify && s.OrderID != "",
		BlockedReason: s.BlockedReason, BlockedDetail: s.BlockedDetail, OwnerID: s.OwnerID,
		WakeID: s.Due.WakeID, NoEmail: s.Due.NoEmail, Refunds: s.Due.Refunds,
	}
}

// finish does what a new order still needs in rows. A payment that was known
// before may have been refunded, disputed or reviewed by now: then the order is
// taken to where it belongs, and only one that stands is announced.
func (p *Payment) finish(tx *gorm.DB, order Order, known bool, t turn) (f Fulfillment, err error) {
	if !known {
		if err := announce(tx, order); err != nil {
			return f, err
		}
		f = Fulfillment{Outcome: OrderCreated, OrderID: order.ID, Unfinished: true}
		if p.ReceiptEmail == "" {
			address, err := customerAddress(tx, order.CustomerID, p.ReceiptEmail)
			f.NoEmail = address == ""
			return f, err
		}
		return f, nil
	}
	s, err := p.settle(tx, t)
	if err != nil {
		return f, err
	}
	now, err := p.order(tx)
	if err != nil {
		return f, err
	}
	if now.Status == OrderConfirmed {
		if err := announce(tx, order); err != nil {
			return f, err
		}
	}
	s, err = p.standing(tx, s.Due.WakeID)
	return s.answer(OrderCreated, t), err
}

// refuseOrder brings a payment to its outcome whose order cannot be made: the
// money goes back, or is back already, or a person decides.
func (p *Payment) refuseOrder(tx *gorm.DB, no *refusal, t turn) (Fulfillment, error) {
	found, _, err := p.reckon(tx, t.by)
	if err != nil {
		return Fulfillment{}, err
	}
	source := RefundByCompensation
	switch {
	case p.fullyRefunded(), no.compensate && p.AmountReceived != nil:
	case found.Rejected != "":
		source = RefundByReview
	default:
		err := p.block(tx, no.reason, no.detail, t)
		return Fulfillment{
			Outcome: PaymentBlocked, OwnerID: value(p.OwnerWorkflowID), BlockedReason: no.reason, BlockedDetail: no.detail,
		}, err
	}
	// Whoever decides this does it; who waited for a person about it looks again.
	waiting := value(p.OwnerWorkflowID)
	p.OwnerWorkflowID = nonEmpty(t.workflow)
	if err := p.giveUp(tx, string(no.reason), source, t.workflow+":compensation", t.by); err != nil {
		return Fulfillment{}, err
	}
	f, err := p.unfulfilled(tx, t)
	if waiting != t.workflow {
		f.WakeID = waiting
	}
	return f, err
}

// unfulfilled says what is left to do for a payment that will have no order. It
// is Compensate for as long as something is, so that a workflow whose answer was
// lost does it all the same.
func (p *Payment) unfulfilled(tx *gorm.DB, t turn) (Fulfillment, error) {
	s, err := p.settle(tx, t)
	if err != nil {
		return Fulfillment{}, err
	}
	outcome := PaymentRefunded
	switch {
	case s.BlockedReason != "":
		outcome = PaymentBlocked
	case p.received() == 0:
		outcome = PaymentUnfulfilled
	}
	f := s.answer(outcome, t)
	if ours := s.BlockedReason == "" || s.OwnerID == t.workflow; ours {
		f.Compensate, err = p.leftTo(tx, t)
	}
	return f, err
}

// leftTo says whether something of taking a payment back is left for the workflow
// whose turn it is: a refund, or a mail that no other one is sending.
func (p *Payment) leftTo(tx *gorm.DB, t turn) (bool, error) {
	var left bool
	err := tx.Raw(`SELECT EXISTS (SELECT FROM refunds WHERE payment_id = @id AND status = 'requested')
		OR EXISTS (SELECT FROM notifications WHERE payment_id = @id AND status = 'pending'
			AND (claimed_by IS NULL OR claimed_by = @workflow))`, map[string]any{"id": p.ID, "workflow": t.workflow}).Scan(&left).Error
	return left, err
}

// placeOrder makes the order, or returns a *refusal and has changed nothing.
func placeOrder(tx *gorm.DB, p *Payment, t turn) (Order, error) {
	bought, err := p.purchase(tx)
	if err != nil {
		return Order{}, err
	}
	tax, adjustment, err := p.covers(bought)
	if err != nil {
		return Order{}, err
	}
	if err := bought.take(tx); err != nil {
		return Order{}, err
	}
	order := Order{
		ID:         OrderID(value(p.PaymentIntentID), value(p.CheckoutSessionID)),
		PaymentID:  p.ID,
		CheckoutID: bought.checkoutID,
		CustomerID: bought.customerID,
		StoreID:    bought.store.ID,
		Status:     OrderConfirmed,
		Items:      bought.items(),
		Subtotal:   bought.subtotal(), DeliveryFee: bought.fee, Currency: bought.currency,
		Tax: tax, Adjustment: adjustment, Total: bought.owed() + tax + adjustment,
		DeliveryType: bought.delivery, DeliveryAddress: bought.address,
		PaymentMethod: "card", PaymentIntentID: value(p.PaymentIntentID),
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond), // what Postgres keeps
	}
	if err := order.insert(tx); err != nil {
		return order, err
	}
	if err := claimFromCart(tx, order); err != nil {
		return order, err
	}
	return order, audit(tx, t.by, order.change("order_confirmed", "", string(OrderConfirmed)))
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
