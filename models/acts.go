package models

import (
	"slices"

	"gorm.io/gorm"
)

// mismatches are the reasons that a person may accept: all is known, and it does
// not agree.
var mismatches = []BlockedReason{BlockedAmount, BlockedCurrency, BlockedFee}

// retry looks again, for whoever has mended the cause. Money that is owed back is
// asked for again.
func retry(tx *gorm.DB, p *Payment, a Action) error {
	switch value(p.BlockedReason) {
	case "":
		return conflict("Nothing is waiting for a retry")
	case BlockedCompensation:
		return p.requestOwed(tx, RefundByStaff, a.key(), a.Reason, a.cause())
	case BlockedRefundFailed:
		found, err := p.tally(tx)
		if err != nil {
			return err
		}
		return p.requestRefund(tx, min(found.Flagged, p.owed()), RefundByStaff, a.key(), a.Reason, a.cause())
	default:
		return nil
	}
}

// fix puts corrected metadata in place of what the payment carried. It may claim a
// payment that carried none.
func fix(tx *gorm.DB, p *Payment, a Action) error {
	order, err := p.order(tx)
	switch {
	case err != nil:
		return err
	case len(a.Metadata) == 0:
		return invalid("metadata", "Is missing")
	case p.CheckoutID != nil:
		return conflict("The payment is for a checkout, whatever its metadata says")
	case order != nil || p.State != PaymentPaid || p.orderless() != "":
		return conflict("The payment does not wait for its metadata")
	case p.Kind == SubscriptionPayment:
		return conflict("The payment is for a subscription")
	}
	p.Metadata, p.MetadataProblem, p.Kind = a.Metadata, "", OrderPayment
	p.CustomerID, p.StoreID = a.Metadata[KeyCustomerID], a.Metadata[KeyStoreID]
	if err := p.joinCheckout(tx, a.Metadata[KeyPaymentID]); err != nil {
		return err
	}
	return p.save(tx)
}

// accept takes what was collected for what is owed, or takes it that money which
// could not be given back was given by other means.
func accept(tx *gorm.DB, p *Payment, _ Action) error {
	reason := value(p.BlockedReason)
	switch {
	case slices.Contains(mismatches, reason):
		if p.AmountReceived == nil || *p.AmountReceived < 0 {
			return conflict("How much was collected is not known")
		}
		p.Accepted = true
	case reason == BlockedCompensation:
		p.SettledElsewhere += p.owed()
		fallthrough
	case reason == BlockedRefundFailed:
		if err := tx.Model(&Refund{}).Where("payment_id = ? AND flagged", p.ID).Update("flagged", false).Error; err != nil {
			return err
		}
	default:
		return conflict("There is no mismatch to accept")
	}
	return p.save(tx)
}

// refundable says why nothing of the payment can be given back now, nil when
// something can.
func (p *Payment) refundable(tx *gorm.DB) error {
	var charging int64
	err := tx.Model(&Dispute{}).Where("payment_id = ? AND status IN ?", p.ID,
		[]DisputeStatus{DisputeNeedsResponse, DisputeUnderReview, DisputeLost}).Count(&charging).Error
	switch {
	case err != nil:
		return err
	case p.State != PaymentPaid || p.received() <= 0:
		return conflict("Nothing was collected")
	case charging > 0:
		return conflict("The payment is disputed: its bank decides about the money")
	}
	return nil
}

// refund gives back an amount, or all that is left. All of a payment that waits
// for its order means that there will be none.
func refund(tx *gorm.DB, p *Payment, a Action) error {
	if err := p.refundable(tx); err != nil {
		return err
	}
	found, err := p.tally(tx)
	if err != nil {
		return err
	}
	left := p.received() - p.AmountRefunded - found.Requested
	amount := left
	if a.Amount != nil {
		amount = *a.Amount
	}
	if amount <= 0 && a.Amount != nil {
		return invalid("amount", "Must be positive")
	}
	order, err := p.order(tx)
	if err != nil {
		return err
	}
	if amount == left && left > 0 && p.placeable(order) {
		return p.giveUp(tx, "refunded_by_staff", RefundByStaff, a.key(), a.cause())
	}
	return p.requestRefund(tx, amount, RefundByStaff, a.key(), a.Reason, a.cause())
}

// cancel takes the order back, or decides that there will be none, and gives back
// what was collected.
func cancel(tx *gorm.DB, p *Payment, a Action) error {
	order, err := p.order(tx)
	if err != nil {
		return err
	}
	if err := p.refundable(tx); err != nil && p.received() != 0 {
		return err
	}
	switch {
	case p.placeable(order):
		return p.giveUp(tx, "canceled_by_staff", RefundByStaff, a.key(), a.cause())
	case order != nil && order.Status == OrderConfirmed:
		return p.cancelOrder(tx, order, "canceled_by_staff", RefundByStaff, a.key(), a.cause())
	case order != nil:
		return conflict("An order that is " + string(order.Status) + " cannot be canceled")
	default:
		return conflict("There is nothing to cancel")
	}
}

// holdOrder keeps the order from being shipped, also one that is still to come.
func holdOrder(tx *gorm.DB, p *Payment, a Action) error {
	order, err := p.order(tx)
	switch {
	case err != nil:
		return err
	case order != nil && order.Status != OrderConfirmed:
		return conflict("An order that is " + string(order.Status) + " is not held")
	case order == nil && (p.Kind != OrderPayment || p.orderless() != ""):
		return conflict("There is no order to hold")
	}
	return p.hold(tx, HeldByStaff, a.RequestID, a.Reason, a.cause())
}

// releaseHold takes away staff's holds, or the one that is named.
func releaseHold(tx *gorm.DB, p *Payment, a Action) error {
	condition, args := "source = ?", []any{HeldByStaff}
	if a.HoldID != "" {
		condition, args = "id = ?", []any{a.HoldID}
	}
	released, err := p.release(tx, a.cause(), condition, args...)
	if err == nil && released == 0 {
		return conflict("There is no such hold to release")
	}
	return err
}

// resend sends the latest mail to a recipient once more, as a mail of its own.
func resend(tx *gorm.DB, p *Payment, a Action) error {
	if a.Recipient != ToCustomer && a.Recipient != ToStore {
		return invalid("recipient", "Must be customer or store")
	}
	var latest []Notification
	err := tx.Where("payment_id = ? AND recipient = ?", p.ID, a.Recipient).
		Order("created_at DESC, id DESC").Limit(1).Find(&latest).Error
	switch {
	case err != nil:
		return err
	case len(latest) == 0:
		return conflict("No mail to them was due yet")
	case latest[0].Status == NotificationPending:
		return conflict("A mail to them is on its way")
	}
	again := latest[0]
	return tx.Create(&Notification{
		ID: newID("ntf"), PaymentID: p.ID, OrderID: again.OrderID, Recipient: again.Recipient, Kind: again.Kind,
		Occasion: again.Occasion + ":" + a.key(), Detail: again.Detail, Status: NotificationPending,
	}).Error
}
