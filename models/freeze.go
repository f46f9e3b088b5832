package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// KeepStockFor is how long a checkout keeps its stock for its payment. Stripe's
// sessions live 30 minutes at least; what is begun in the last one may end a
// little later.
const KeepStockFor = 35 * time.Minute

// MaxIdempotencyKey is how long an Idempotency-Key may be, in characters.
const MaxIdempotencyKey = 255

// byCustomer is who makes what happens before the payment.
var byCustomer = Cause{Actor: "customer"}

// checkoutItem is a line of a checkout as a row.
type checkoutItem struct {
	CheckoutID string `gorm:"primaryKey"`
	Position   int    `gorm:"primaryKey"`
	Line       `gorm:"embedded"`
}

func (checkoutItem) TableName() string { return "checkout_items" }

// checkoutRequest is an Idempotency-Key as it was used.
type checkoutRequest struct {
	CustomerID string
	Key        string
	Request    string // what it was used for, see CheckoutRequest.hash
	CheckoutID string
}

func (checkoutRequest) TableName() string { return "checkout_requests" }

func (r CheckoutRequest) check() error {
	switch {
	case !r.Delivery.Valid():
		return invalid("deliveryType", "Must be delivery or pickup")
	case r.Delivery == Deliver && !r.Address.Deliverable():
		return invalid("deliveryAddress", "Must have line1")
	case r.Way != ByPaymentIntent && r.Way != BySession:
		return invalid("way", "Must be payment_intent or session")
	case r.Way == BySession && r.SuccessURL == "":
		return invalid("successUrl", "Is missing")
	case r.Key != Clean(r.Key, MaxIdempotencyKey) || strings.ContainsFunc(r.Key, control):
		return invalid("Idempotency-Key", "Must be at most 255 characters without control characters")
	}
	return nil
}

// hash stands for what is asked for. The cart is no part of it: a customer who
// clicks again after the cart was bought gets the checkout that bought it.
func (r CheckoutRequest) hash() string {
	sum := sha256.Sum256([]byte(asText([]any{r.Way, r.StoreID, r.Delivery, r.Address, r.SuccessURL, r.CancelURL})))
	return hex.EncodeToString(sum[:])
}

// Freeze makes a checkout of what is in the customer's cart now: lines, prices,
// fee, address and total are kept as they are, the stock is taken out, and the
// payment's row waits for what Stripe will say of it. The cart stays as it is.
//
// The same Key with the same request is the same checkout, also when both come
// at once; with another request it is a Conflict. An earlier checkout of the same
// customer in the same store that is neither paid nor being processed gives its
// stock back: who goes back and forth keeps from others no more than they can
// buy. Should it be paid after all, it takes from the stock what is there then.
//
// Its errors: Invalid, NotFound for the store, and Conflict, which says what
// cannot be bought; nothing has changed then.
func (db *DB) Freeze(ctx context.Context, r CheckoutRequest) (Purchase, error) {
	if err := r.check(); err != nil {
		return Purchase{}, err
	}
	var frozen Purchase
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		// One customer's checkouts take turns, so the second of two clicks finds
		// what the first has made.
		if err := lockNames(tx, "checkouts of "+r.CustomerID); err != nil {
			return err
		}
		id, err := r.madeBefore(tx)
		if err == nil && id == "" {
			id, err = r.freeze(tx)
		}
		if err == nil {
			frozen, err = purchaseOf(tx, id)
		}
		return err
	})
	if known, ok := errors.AsType[*Error](err); ok {
		return Purchase{}, known
	}
	if err != nil {
		return Purchase{}, fmt.Errorf("freeze a cart in %s: %w", r.StoreID, err)
	}
	return frozen, nil
}

// madeBefore is the checkout that the same request made earlier, "" when there is
// none.
func (r CheckoutRequest) madeBefore(tx *gorm.DB) (checkoutID string, err error) {
	if r.Key == "" {
		return "", nil
	}
	var before []checkoutRequest
	err = tx.Where("customer_id = ? AND key = ?", r.CustomerID, r.Key).Limit(1).Find(&before).Error
	switch {
	case err != nil || len(before) == 0:
		return "", err
	case before[0].Request != r.hash():
		return "", conflict("This Idempotency-Key was used for another request")
	}
	return before[0].CheckoutID, nil
}

// freeze makes a new checkout and returns its ID.
func (r CheckoutRequest) freeze(tx *gorm.DB) (checkoutID string, err error) {
	id := newID("pay")
	freed, err := r.replace(tx, id)
	if err != nil {
		return "", err
	}
	bought, err := r.read(tx)
	if err != nil {
		return "", err
	}
	if err := bought.reserve(tx, freed); err != nil {
		return "", err
	}
	if err := r.write(tx, id, bought); err != nil {
		return "", err
	}
	total := bought.currency.Format(bought.owed())
	return id, audit(tx, byCustomer, change{action: "checkout_frozen", subject: "checkout", subjectID: id, paymentID: id, after: total})
}

// replace lets go of the stock that earlier checkouts keep, and names them. What
// they kept is not in the stock again before reserve has put it there.
func (r CheckoutRequest) replace(tx *gorm.DB, by string) (freed []string, err error) {
	var holding []string
	err = tx.Model(&Checkout{}).Where("customer_id = ? AND store_id = ? AND reservation = ?", r.CustomerID, r.StoreID, ReservationHeld).
		Where("expires_at IS NOT NULL").Pluck("id", &holding).Error
	if err != nil || len(holding) == 0 {
		return nil, orNotFound(err, "Store")
	}
	idle, err := idleCheckouts(tx, holding)
	if err != nil {
		return nil, err
	}
	for _, id := range idle {
		checkout, err := letGo(tx, id)
		if err != nil {
			return nil, err
		}
		if checkout == nil {
			continue
		}
		freed = append(freed, id)
		note := change{action: "checkout_replaced", subject: "checkout", subjectID: id, paymentID: id, after: by}
		if err := audit(tx, byCustomer, note); err != nil {
			return nil, err
		}
	}
	return freed, nil
}

// read is what the customer's cart comes to now, with the cart locked.
func (r CheckoutRequest) read(tx *gorm.DB) (purchase, error) {
	var store Store
	if err := tx.Take(&store, "id = ?", r.StoreID).Error; err != nil {
		return purchase{}, orNotFound(err, "Store")
	}
	if !store.Active {
		return purchase{}, conflict("The store is closed")
	}
	if err := lockCart(tx, r.CustomerID, r.StoreID); err != nil {
		return purchase{}, err
	}
	lines, err := openLines(tx, r.CustomerID, r.StoreID)
	if err != nil {
		return purchase{}, err
	}
	bought := purchase{
		customerID: r.CustomerID, store: store, currency: store.Currency, lines: lines,
		fee: store.fee(r.Delivery), delivery: r.Delivery, address: r.Address,
	}
	return bought, r.payable(bought)
}

// payable says in a Conflict why what is in the cart cannot be paid this way.
func (r CheckoutRequest) payable(bought purchase) error {
	for _, line := range bought.lines {
		if !line.Active {
			return conflict(line.Name + " is not for sale")
		}
	}
	switch owed := bought.owed(); {
	case len(bought.lines) == 0:
		return conflict("The cart is empty")
	case owed > MaxAmount:
		return conflict("The total is more than one payment can be")
	case owed == 0 && r.Way == ByPaymentIntent:
		return conflict("There is nothing to pay: use a checkout session")
	}
	return nil
}

// reserve puts back what the freed checkouts of the same store kept, and takes
// what is bought now. All products are locked first, in the order in which
// everybody does.
func (b purchase) reserve(tx *gorm.DB, freed []string) error {
	if len(freed) > 0 {
		all := make([]string, len(b.lines))
		for i, line := range b.lines {
			all[i] = line.ProductID
		}
		err := tx.Exec(`SELECT 1 FROM products WHERE store_id = @store AND stock IS NOT NULL AND id IN (
			SELECT product_id FROM checkout_items WHERE checkout_id IN @freed UNION SELECT id FROM products WHERE store_id = @store AND id IN @all)
			ORDER BY id FOR UPDATE`, map[string]any{"store": b.store.ID, "freed": freed, "all": all}).Error
		if err != nil {
			return err
		}
	}
	for _, id := range freed {
		if err := restock(tx, b.store.ID, "checkout_items", "checkout_id", id); err != nil {
			return err
		}
	}
	err := takeStock(tx, b)
	if no, ok := asRefusal(err); ok {
		return conflict("There is not enough of " + no.product + " in stock")
	}
	return err
}

// write makes the rows of a new checkout, its payment's among them.
func (r CheckoutRequest) write(tx *gorm.DB, id string, bought purchase) error {
	expires, owed := time.Now().Add(KeepStockFor), bought.owed()
	c := Checkout{
		ID: id, CustomerID: r.CustomerID, StoreID: r.StoreID, Currency: bought.currency,
		Subtotal: bought.subtotal(), DeliveryFee: bought.fee, Total: owed,
		DeliveryType: r.Delivery, DeliveryAddress: r.Address,
		Reservation: ReservationHeld, ExpiresAt: &expires,
	}
	if r.Way == BySession {
		c.AutomaticTax = bought.store.AutomaticTax
		c.SuccessURL, c.CancelURL = withPaymentID(r.SuccessURL, id), withPaymentID(r.CancelURL, id)
	}
	items := make([]checkoutItem, len(bought.lines))
	for i, line := range bought.lines {
		items[i] = checkoutItem{CheckoutID: id, Position: i + 1, Line: line.Line}
	}
	p := Payment{
		ID: id, CheckoutID: &id, Kind: OrderPayment, State: PaymentPending, Amount: &owed, Currency: bought.currency,
		CustomerID: r.CustomerID, StoreID: r.StoreID, Livemode: r.Livemode,
	}
	rows := []any{&c, &items, &p}
	if r.Key != "" {
		rows = append(rows, &checkoutRequest{CustomerID: r.CustomerID, Key: r.Key, Request: r.hash(), CheckoutID: id})
	}
	for _, row := range rows {
		if err := tx.Create(row).Error; err != nil {
			return err
		}
	}
	return nil
}

func withPaymentID(url, id string) string { return strings.ReplaceAll(url, "{paymentId}", id) }

// PurchaseOf is what Stripe is to be told about a checkout that Freeze made.
func (db *DB) PurchaseOf(ctx context.Context, paymentID string) (Purchase, error) {
	return purchaseOf(db.gorm.WithContext(ctx), paymentID)
}

func purchaseOf(tx *gorm.DB, id string) (Purchase, error) {
	var c Checkout
	if err := tx.Take(&c, "id = ? AND expires_at IS NOT NULL", id).Error; err != nil {
		return Purchase{}, orNotFound(err, "Payment")
	}
	p := Purchase{
		PaymentID: c.ID, Way: c.way(), Currency: c.Currency, Items: []Line{}, DeliveryFee: c.DeliveryFee, Total: c.Total,
		AutomaticTax: c.AutomaticTax, SuccessURL: c.SuccessURL, CancelURL: c.CancelURL, ExpiresAt: c.ExpiresAt.Unix(),
	}
	if err := tx.Model(&checkoutItem{}).Where("checkout_id = ?", id).Order("position").Find(&p.Items).Error; err != nil {
		return p, err
	}
	err := tx.Raw("SELECT coalesce(stripe_customer_id, '') FROM customers WHERE id = ?", c.CustomerID).Scan(&p.StripeCustomerID).Error
	return p, err
}

// way is how the checkout is paid: a session leads back to somewhere.
func (c Checkout) way() CheckoutWay {
	if c.SuccessURL == "" {
		return ByPaymentIntent
	}
	return BySession
}

// ExpireCheckout frees the stock that a checkout keeps, unless its payment was
// collected or is being processed. The payment stays where it is: Stripe may
// still say that it was paid.
func (db *DB) ExpireCheckout(ctx context.Context, paymentID string) error {
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		idle, err := idleCheckouts(tx, []string{paymentID})
		if err != nil || len(idle) == 0 {
			return err
		}
		return releaseReservation(tx, paymentID)
	})
	if err != nil {
		return fmt.Errorf("expire %s: %w", paymentID, err)
	}
	return nil
}

// idleCheckouts are those of the checkouts of which no payment was collected or
// is being processed, and stay so until the transaction ends.
func idleCheckouts(tx *gorm.DB, ids []string) ([]string, error) {
	var payments []Payment
	if err := tx.Clauses(forUpdate).Where("checkout_id IN ?", ids).Order("id").Find(&payments).Error; err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(payments, func(p Payment) bool {
			return *p.CheckoutID == id && (p.State == PaymentPaid || p.State == PaymentProcessing)
		})
	}), nil
}

// releaseExpired frees what the payment's checkout keeps if its time is over:
// while the payment was being processed, nobody else did.
func (p *Payment) releaseExpired(tx *gorm.DB) error {
	if p.CheckoutID == nil {
		return nil
	}
	var over int64
	err := tx.Model(&Checkout{}).Where("id = ? AND expires_at < ?", *p.CheckoutID, time.Now()).Count(&over).Error
	if err != nil || over == 0 {
		return err
	}
	return p.releaseReservation(tx)
}
