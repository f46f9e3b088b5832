package models

import (
	"context"
	"errors"
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

// purchase is what a payment is for, and so what is owed.
type purchase struct {
	customerID string
	store      Store
	checkoutID *string // nil: bought from the live cart
	currency   Currency
	lines      []cartLine
	fee        int64 // minor units
	delivery   Delivery
	address    Address
	reserved   bool // the checkout has taken it out of the stock already
	taxed      bool // Stripe adds the tax to what is owed
}

func (b purchase) subtotal() int64 { return subtotal(b.items()) }
func (b purchase) owed() int64     { return b.subtotal() + b.fee }

func (b purchase) items() []Line {
	items := make([]Line, len(b.lines))
	for i, line := range b.lines {
		items[i] = line.Line
	}
	return items
}

// refusal is a reason not to make the order that is no failure of ours: a
// person decides.
type refusal struct {
	reason     BlockedReason
	detail     string // for people; names no one and no place
	compensate bool   // the store wants the money given back at once
	product    string // the name of what there is not enough of; "" for other reasons
}

func (r *refusal) Error() string { return string(r.reason) + ": " + r.detail }

func refuse(reason BlockedReason, format string, args ...any) error {
	return &refusal{reason: reason, detail: fmt.Sprintf(format, args...)}
}

// unfulfillable is a refusal of what no person can mend by looking at the payment:
// the store has said what it wants then.
func unfulfillable(store Store, reason BlockedReason, format string, args ...any) error {
	return &refusal{
		reason: reason, detail: fmt.Sprintf(format, args...),
		compensate: store.OnUnfulfillable != HoldWhenUnfulfillable,
	}
}

func outOfStock(store Store, p Product, bought int64) error {
	return &refusal{
		reason: BlockedOutOfStock, detail: fmt.Sprintf("product %s: %d bought, %d in stock", p.ID, bought, *p.Stock),
		compensate: store.OnUnfulfillable != HoldWhenUnfulfillable, product: p.Name,
	}
}

func asRefusal(err error) (*refusal, bool) { return errors.AsType[*refusal](err) }

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

// purchase reads what the payment is for: its frozen checkout, or the live cart
// that its metadata points to.
func (p *Payment) purchase(tx *gorm.DB) (purchase, error) {
	switch {
	case p.PaymentIntentID == nil && p.CheckoutSessionID == nil:
		return purchase{}, refuse(BlockedUnidentified, "the event names neither a payment intent nor a checkout session")
	case p.CheckoutID != nil:
		return fromCheckout(tx, *p.CheckoutID)
	case p.Metadata[KeyPaymentID] != "":
		return purchase{}, refuse(BlockedUnknownCheckout, "no checkout has the paymentId of the metadata")
	case p.MetadataProblem != "":
		return purchase{}, refuse(BlockedMetadata, "%s", p.MetadataProblem)
	default:
		return fromCart(tx, p.Metadata, p.Accepted)
	}
}

func fromCheckout(tx *gorm.DB, checkoutID string) (purchase, error) {
	// Two payments for one checkout take turns here, and the second finds the
	// first one's order.
	var frozen Checkout
	if err := tx.Clauses(forUpdate).Take(&frozen, "id = ?", checkoutID).Error; err != nil {
		return purchase{}, err
	}
	var taken int64
	if err := tx.Model(&Order{}).Where("checkout_id = ?", checkoutID).Count(&taken).Error; err != nil {
		return purchase{}, err
	}
	if taken > 0 {
		return purchase{}, refuse(BlockedCheckoutPaid, "another payment already bought this checkout")
	}
	store, err := openStore(tx, frozen.StoreID)
	if err != nil {
		return purchase{}, err
	}
	if err := lockCart(tx, frozen.CustomerID, frozen.StoreID); err != nil {
		return purchase{}, err
	}
	lines, err := checkoutLines(tx, frozen)
	return purchase{
		customerID: frozen.CustomerID, store: store, checkoutID: &frozen.ID, currency: frozen.Currency,
		lines: lines, fee: frozen.DeliveryFee, delivery: frozen.DeliveryType, address: frozen.DeliveryAddress,
		reserved: frozen.Reservation == ReservationHeld, taxed: frozen.AutomaticTax,
	}, err
}

// checkoutLines are the lines that were frozen, with what is in stock of them now.
func checkoutLines(tx *gorm.DB, frozen Checkout) ([]cartLine, error) {
	var lines []cartLine
	err := tx.Table("checkout_items AS i").
		Select("i.product_id, i.quantity, i.name, i.unit_amount, p.stock, true AS active").
		Joins("LEFT JOIN products AS p ON p.store_id = ? AND p.id = i.product_id", frozen.StoreID).
		Where("i.checkout_id = ?", frozen.ID).Order("i.position").Scan(&lines).Error
	return lines, err
}

// fromCart reads the customer's cart. A fee that a person has accepted need not be
// the store's.
func fromCart(tx *gorm.DB, m Metadata, accepted bool) (purchase, error) {
	asked, err := m.terms()
	if err != nil {
		return purchase{}, refuse(BlockedMetadata, "%v", err)
	}
	store, err := openStore(tx, asked.storeID)
	if err != nil {
		return purchase{}, err
	}
	fee := store.fee(asked.delivery)
	if err := checkFee(asked, store.Currency, fee); err != nil && !accepted {
		return purchase{}, err
	}
	if err := lockCart(tx, asked.customerID, asked.storeID); err != nil {
		return purchase{}, err
	}
	lines, err := openLines(tx, asked.customerID, asked.storeID)
	if err != nil {
		return purchase{}, err
	}
	if len(lines) == 0 {
		return purchase{}, refuse(BlockedEmptyCart, "the customer's cart in this store is empty")
	}
	for _, line := range lines {
		if !line.Active {
			return purchase{}, refuse(BlockedNotForSale, "product %s is not for sale", line.ProductID)
		}
	}
	return purchase{
		customerID: asked.customerID, store: store, currency: store.Currency,
		lines: lines, fee: fee, delivery: asked.delivery, address: asked.address,
	}, nil
}

func openStore(tx *gorm.DB, storeID string) (Store, error) {
	var found []Store
	if err := tx.Where("id = ?", storeID).Limit(1).Find(&found).Error; err != nil {
		return Store{}, err
	}
	if len(found) == 0 {
		return Store{}, refuse(BlockedUnknownStore, "no such store")
	}
	if !found[0].Active {
		return Store{}, unfulfillable(found[0], BlockedStoreClosed, "the store is closed")
	}
	return found[0], nil
}

// checkFee compares the fee that the metadata names, if it does, with the
// store's.
func checkFee(asked terms, currency Currency, due int64) error {
	if asked.fee == "" {
		return nil
	}
	fee, err := currency.ParseMajor(asked.fee)
	if err != nil {
		return refuse(BlockedFee, "%s: %v", KeyDeliveryFee, err)
	}
	if fee != due {
		return refuse(BlockedFee, "the metadata says %s, the store takes %s", currency.Format(fee), currency.Format(due))
	}
	return nil
}

// covers compares what was collected with what is owed. What is more is the tax,
// where Stripe adds it. Where a person has accepted the difference, it returns
// that: the order is worth what was collected. What was paid in another currency
// cannot be compared, and adjusts nothing.
func (p *Payment) covers(bought purchase) (tax, adjustment int64, err error) {
	owed := bought.owed()
	if comparable := p.Currency == bought.currency && p.AmountReceived != nil; comparable {
		switch more := *p.AmountReceived - owed; {
		case bought.taxed && more >= 0:
			return more, 0, nil
		case p.Accepted:
			return 0, more, nil
		}
	}
	switch {
	case p.Accepted:
	case p.Currency != bought.currency && p.Currency.Valid():
		err = refuse(BlockedCurrency, "paid in %s, owed in %s", p.Currency, bought.currency)
	case p.Currency != bought.currency:
		err = refuse(BlockedCurrency, "paid in no currency that we know, owed in %s", bought.currency)
	case p.AmountReceived == nil:
		err = refuse(BlockedAmount, "how much was collected is not said; owed: %s", bought.currency.Format(owed))
	case *p.AmountReceived != owed:
		err = refuse(BlockedAmount, "collected: %s; owed: %s",
			bought.currency.Format(*p.AmountReceived), bought.currency.Format(owed))
	}
	return 0, 0, err
}

// take makes what was bought the order's: by what its checkout has reserved, or
// out of the stock.
func (b purchase) take(tx *gorm.DB) error {
	if !b.reserved {
		return takeStock(tx, b)
	}
	return tx.Model(&Checkout{}).Where("id = ?", *b.checkoutID).Update("reservation", ReservationUsed).Error
}

// takeStock takes the bought quantities of counted products. It locks them all,
// in one order for everybody, and looks before it takes.
func takeStock(tx *gorm.DB, bought purchase) error {
	counted := map[string]int64{}
	for _, line := range bought.lines {
		if line.Stock != nil {
			counted[line.ProductID] = line.Quantity
		}
	}
	if len(counted) == 0 {
		return nil
	}
	var products []Product
	err := tx.Clauses(forUpdate).Where("store_id = ? AND id IN ? AND stock IS NOT NULL", bought.store.ID, keys(counted)).
		Order("id").Find(&products).Error
	if err != nil {
		return err
	}
	for _, product := range products {
		if *product.Stock < counted[product.ID] {
			return outOfStock(bought.store, product, counted[product.ID])
		}
	}
	for _, product := range products {
		err := tx.Model(&Product{}).Where("store_id = ? AND id = ?", bought.store.ID, product.ID).
			Update("stock", gorm.Expr("stock - ?", counted[product.ID])).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
