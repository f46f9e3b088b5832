package models

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
)

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
