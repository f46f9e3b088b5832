package models

import (
	"fmt"

	"gorm.io/gorm"
)

// tally is what the rows about a payment come to, read in one query.
type tally struct {
	Given       int64  // refunds made or on their way, minor units
	Gone        int64  // refunds that came to nothing after Stripe had them, minor units
	Requested   int64  // refunds that we want and Stripe does not know yet, minor units
	Flagged     int64  // refunds that failed and nobody has dealt with, minor units
	Failure     string // why the latest one failed or was refused, in Stripe's word
	Disputed    bool   // a dispute is open
	ChargedBack bool   // a dispute was lost
	Rejected    string // why a review closed that rejects the payment; "": none does
}

func (p *Payment) tally(tx *gorm.DB) (tally, error) {
	var t tally
	err := tx.Raw(`SELECT r.*, d.*,
		coalesce((SELECT failure_reason FROM refunds WHERE payment_id = @id AND status IN ('failed', 'refused')
			ORDER BY updated_at DESC, id LIMIT 1), '') AS failure,
		coalesce((SELECT closed_reason FROM reviews WHERE payment_id = @id AND NOT open AND closed_reason NOT IN @kept
			ORDER BY id LIMIT 1), '') AS rejected
		FROM (SELECT
			coalesce(sum(amount) FILTER (WHERE status IN ('pending', 'requires_action', 'succeeded')), 0) AS given,
			coalesce(sum(amount) FILTER (WHERE status IN ('failed', 'canceled')), 0) AS gone,
			coalesce(sum(amount) FILTER (WHERE status = 'requested'), 0) AS requested,
			coalesce(sum(amount) FILTER (WHERE flagged), 0) AS flagged
			FROM refunds WHERE payment_id = @id) AS r,
		(SELECT
			coalesce(bool_or(status NOT IN ('won', 'lost', 'warning_closed')), false) AS disputed,
			coalesce(bool_or(status = 'lost'), false) AS charged_back
			FROM disputes WHERE payment_id = @id) AS d`,
		map[string]any{"id": p.ID, "kept": keptByReview}).Scan(&t).Error
	return t, err
}

// refundedBy is how much was given back: what the refunds come to, or the total
// that a charge told of while they were not known one by one. A charge's total may
// be of before one of them failed.
func (p *Payment) refundedBy(t tally) int64 { return max(t.Given, p.RefundsTold-t.Gone, 0) }

// reckon brings up to date what follows from the rows about the payment, in the
// payment itself and in its order, and returns both. The order of events makes no
// difference: nothing here is added up, everything is read.
func (p *Payment) reckon(tx *gorm.DB, by Cause) (tally, *Order, error) {
	t, err := p.tally(tx)
	if err != nil {
		return t, nil, err
	}
	before := p.AmountRefunded
	p.AmountRefunded, p.Disputed, p.ChargedBack = p.refundedBy(t), t.Disputed, t.ChargedBack
	if err := p.save(tx); err != nil {
		return t, nil, err
	}
	if before != p.AmountRefunded {
		if err := audit(tx, by, p.change("payment_refunded", p.money(before), p.money(p.AmountRefunded))); err != nil {
			return t, nil, err
		}
	}
	order, err := p.order(tx)
	if err == nil && order != nil {
		err = order.move(tx, order.due(p), by)
	}
	return t, order, err
}

// order finds the payment's order, without its lines; nil when there is none.
func (p *Payment) order(tx *gorm.DB) (*Order, error) {
	var orders []Order
	err := tx.Where("payment_id = ?", p.ID).Limit(1).Find(&orders).Error
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	return &orders[0], nil
}

// fullyRefunded says whether all that was collected went back.
func (p *Payment) fullyRefunded() bool { return p.received() > 0 && p.AmountRefunded >= p.received() }

// due is the status that an order ought to have, by its payment and by whether
// it was canceled: the first that holds.
func (o *Order) due(p *Payment) OrderStatus {
	switch {
	case p.ChargedBack:
		return OrderChargedBack
	case p.fullyRefunded():
		return OrderRefunded
	case o.CancelReason != nil:
		return OrderCanceled
	default:
		return OrderConfirmed
	}
}

// settle brings everything that follows from the rows about the payment up to
// date, the block included: whoever changes one of those rows ends with it.
func (p *Payment) settle(tx *gorm.DB, t turn) (Standing, error) {
	found, order, err := p.reckon(tx, t.by)
	if err != nil {
		return Standing{}, err
	}
	if rejected, err := p.reject(tx, found, order, t); err != nil {
		return Standing{}, err
	} else if rejected {
		if found, order, err = p.reckon(tx, t.by); err != nil {
			return Standing{}, err
		}
	}
	var wake string
	reason, detail := p.needs(found, order)
	switch {
	case reason != "":
		err = p.block(tx, reason, detail, t)
	case p.placeable(order):
		// Whether it blocks is for whoever tries to make the order to say.
	default:
		wake, err = p.unblock(tx, t)
	}
	if err != nil {
		return Standing{}, err
	}
	return p.standing(tx, wake)
}

// placeable says whether the payment was collected for an order that may still be
// made.
func (p *Payment) placeable(order *Order) bool {
	return p.State == PaymentPaid && p.Kind == OrderPayment && order == nil && p.orderless() == ""
}

// needs says why a person is needed although there is nothing left to place, ""
// when nobody is: money is to go back and has not.
func (p *Payment) needs(t tally, order *Order) (reason BlockedReason, detail string) {
	returning := order == nil && p.orderless() != "" || order != nil && order.CancelReason != nil
	switch {
	case p.State != PaymentPaid || p.Kind != OrderPayment || p.ChargedBack || p.owed() == 0:
		return "", ""
	case returning && t.Requested > 0:
		return BlockedRefundDue, p.money(t.Requested) + " is being given back"
	case returning:
		return BlockedCompensation, p.money(p.owed()) + " is owed to the customer" + because(t.Failure)
	case t.Flagged > 0:
		return BlockedRefundFailed, "a refund of " + p.money(t.Flagged) + " did not go through" + because(t.Failure)
	default:
		return "", ""
	}
}

func because(failure string) string {
	if failure == "" {
		return ""
	}
	return fmt.Sprintf(" (Stripe: %s)", failure)
}

// standing says where the payment stands, and what is due.
func (p *Payment) standing(tx *gorm.DB, wake string) (Standing, error) {
	due, err := p.due(tx)
	due.WakeID = wake
	s := Standing{Outcome: PaymentRecorded, PaymentID: p.ID, OrderID: due.OrderID, Due: due}
	if err == nil && p.Disputed {
		err = tx.Raw(`SELECT coalesce((SELECT id FROM disputes WHERE payment_id = ? AND owner_workflow_id IS NULL
			AND status NOT IN ('won', 'lost', 'warning_closed') ORDER BY id LIMIT 1), '')`, p.ID).Scan(&s.Unwatched).Error
	}
	if p.BlockedReason != nil {
		s.BlockedReason, s.BlockedDetail, s.OwnerID = *p.BlockedReason, p.BlockedDetail, value(p.OwnerWorkflowID)
	}
	return s, err
}
