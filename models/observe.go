package models

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// observe finds the payment that an event is about, or makes its row, and
// writes down what the event, which tells of the state told, says of it. known
// says whether the row was there. Until the transaction ends, no other event of
// the same payment gets further than here: siblings take turns.
func observe(tx *gorm.DB, e Event, told PaymentState) (p Payment, known bool, err error) {
	if err := lockNames(tx, e.ID, e.PaymentIntentID, e.CheckoutSessionID, e.ChargeID, e.Metadata[KeyPaymentID], e.object()); err != nil {
		return p, false, err
	}
	found, err := namedBy(tx, e)
	if err != nil {
		return p, false, err
	}
	p, aside, err := unite(tx, e, found)
	if err != nil {
		return p, false, err
	}
	if err := p.joinCheckout(tx, e.Metadata[KeyPaymentID]); err != nil {
		return p, false, err
	}
	p.learn(e, told, aside)
	if err := p.joinInvoice(tx); err != nil {
		return p, false, err
	}
	if err := p.forget(tx, e, found); err != nil {
		return p, false, err
	}
	if p.State != "" {
		return p, true, p.save(tx)
	}
	p.State, p.Livemode = PaymentPending, e.Livemode
	if p.ID == "" {
		p.ID = newID("pay")
	}
	return p, false, tx.Create(&p).Error
}

// lockNames takes an advisory lock for every name that is not "", until the
// transaction ends. It locks what has no row yet: siblings share at least one
// of the names that they know their payment by.
func lockNames(tx *gorm.DB, names ...string) error {
	var keys []any
	for _, name := range names {
		if name != "" {
			hash := fnv.New64a()
			hash.Write([]byte(name))
			keys = append(keys, int64(hash.Sum64())) //nolint:gosec // any 64 bits will do
		}
	}
	// Everybody in the same order, or two siblings could deadlock.
	slices.SortFunc(keys, func(a, b any) int { return cmp.Compare(a.(int64), b.(int64)) })
	locks := strings.Repeat(", pg_advisory_xact_lock(?)", len(keys))
	return tx.Exec("SELECT "+locks[2:], keys...).Error
}

// namedBy finds and locks every row that the event's names lead to: usually
// one or none, more when parts of one payment were met before they were known
// to belong together.
func namedBy(tx *gorm.DB, e Event) ([]Payment, error) {
	named := "id = (SELECT payment_id FROM stripe_events WHERE id = ?) OR payment_intent_id = ? OR checkout_session_id = ? OR id = ?"
	names := []any{e.ID, e.PaymentIntentID, e.CheckoutSessionID, e.Metadata[KeyPaymentID]}
	if e.ChargeID != "" {
		named += " OR charge_id <> '' AND charge_id = ?"
		names = append(names, e.ChargeID)
	}
	if about := e.object(); about != "" {
		named += ` OR id = (SELECT payment_id FROM refunds WHERE stripe_refund_id = ?)
			OR id = (SELECT payment_id FROM disputes WHERE id = ?) OR id = (SELECT payment_id FROM reviews WHERE id = ?)`
		names = append(names, about, about, about)
	}
	var found []Payment
	err := tx.Clauses(forUpdate).Where(named, names...).Order("id").Find(&found).Error
	return found, err
}

// object is the ID of the refund, dispute or review that the event is about, ""
// when it is about none.
func (e Event) object() string {
	switch {
	case e.Refund != nil:
		return e.Refund.ID
	case e.Dispute != nil:
		return e.Dispute.ID
	case e.Review != nil:
		return e.Review.ID
	default:
		return ""
	}
}

// unite makes one payment of the rows found, a zero one if there are none. The
// row that has an order stays; else the checkout's own, whose ID the customer
// was given; else the one that knows its payment intent. Rows that cannot be
// the event's payment, or have another order, are set aside untouched.
func unite(tx *gorm.DB, e Event, found []Payment) (p Payment, aside []Payment, err error) {
	if len(found) == 0 {
		return Payment{}, nil, nil
	}
	var ordered []string
	if err := tx.Model(&Order{}).Where("payment_id IN ?", ids(found)).Pluck("payment_id", &ordered).Error; err != nil {
		return Payment{}, nil, err
	}
	rank := func(p Payment) int {
		switch {
		case slices.Contains(ordered, p.ID):
			return 0
		case p.ID == e.Metadata[KeyPaymentID]:
			return 1
		case p.PaymentIntentID != nil:
			return 2
		default:
			return 3
		}
	}
	slices.SortStableFunc(found, func(a, b Payment) int { return rank(a) - rank(b) })
	for _, row := range found {
		switch {
		case row.belongsToAnother(e), p.ID != "" && slices.Contains(ordered, row.ID):
			aside = append(aside, row)
		case p.ID == "":
			p = row
		default:
			if err := p.merge(tx, row); err != nil {
				return p, aside, err
			}
		}
	}
	return p, aside, nil
}

// belongsToAnother says whether the row has the paymentId that the event names,
// yet is already taken by another payment intent or session: then the event
// tells of a second payment for the same checkout.
func (p Payment) belongsToAnother(e Event) bool {
	if same(p.PaymentIntentID, e.PaymentIntentID) || same(p.CheckoutSessionID, e.CheckoutSessionID) {
		return false
	}
	return p.PaymentIntentID != nil && e.PaymentIntentID != "" || p.CheckoutSessionID != nil && e.CheckoutSessionID != ""
}

func same(known *string, told string) bool { return known != nil && told != "" && *known == told }

// merge moves what was written under other to p, and removes other's row.
func (p *Payment) merge(tx *gorm.DB, other Payment) error {
	twice := `DELETE FROM notifications AS n USING notifications AS m WHERE n.payment_id = ? AND m.payment_id = ?
		AND (n.kind, n.recipient, n.occasion) = (m.kind, m.recipient, m.occasion)`
	if err := tx.Exec(twice, other.ID, p.ID).Error; err != nil {
		return err
	}
	for _, table := range []string{"stripe_events", "audit_entries", "notifications", "refunds", "disputes", "reviews", "holds", "actions"} {
		if err := tx.Table(table).Where("payment_id = ?", other.ID).Update("payment_id", p.ID).Error; err != nil {
			return err
		}
	}
	if err := tx.Delete(&Payment{}, "id = ?", other.ID).Error; err != nil {
		return err
	}
	p.adopt(other)
	if p.Kind == UnmatchedPayment || other.Kind == OrderPayment {
		p.Kind = other.Kind
	}
	if p.BlockedReason == nil && other.BlockedReason != nil {
		p.BlockedReason, p.BlockedDetail, p.OwnerWorkflowID = other.BlockedReason, other.BlockedDetail, other.OwnerWorkflowID
	}
	because := Cause{Actor: "stripe", Reason: "two rows were one payment"}
	if _, err := p.move(tx, other.State, because); err != nil {
		return err
	}
	if err := audit(tx, because, p.change("payment_merged", other.ID, p.ID)); err != nil {
		return err
	}
	_, _, err := p.reckon(tx, because) // what hung on the other row hangs on this one now
	return err
}

// adopt takes over from other what is not known of p.
func (p *Payment) adopt(other Payment) {
	p.CheckoutID = firstOf(p.CheckoutID, other.CheckoutID)
	p.PaymentIntentID = firstOf(p.PaymentIntentID, other.PaymentIntentID)
	p.CheckoutSessionID = firstOf(p.CheckoutSessionID, other.CheckoutSessionID)
	p.Amount, p.AmountReceived = firstOf(p.Amount, other.Amount), firstOf(p.AmountReceived, other.AmountReceived)
	p.Currency = Currency(firstText(string(p.Currency), string(other.Currency)))
	p.CustomerID, p.StoreID = firstText(p.CustomerID, other.CustomerID), firstText(p.StoreID, other.StoreID)
	p.ReceiptEmail = firstText(p.ReceiptEmail, other.ReceiptEmail)
	p.ChargeID = firstText(p.ChargeID, other.ChargeID)
	p.FailureCode = firstText(p.FailureCode, other.FailureCode)
	p.FailureMessage = firstText(p.FailureMessage, other.FailureMessage)
	p.CancellationReason = firstText(p.CancellationReason, other.CancellationReason)
	p.RefundsTold = max(p.RefundsTold, other.RefundsTold)
	p.SettledElsewhere = max(p.SettledElsewhere, other.SettledElsewhere)
	p.NoOrderReason, p.Accepted = firstOf(p.NoOrderReason, other.NoOrderReason), p.Accepted || other.Accepted
	if p.Metadata == nil && p.MetadataProblem == "" {
		p.Metadata, p.MetadataProblem = other.Metadata, other.MetadataProblem
	}
}

// joinCheckout ties the payment to the checkout that the metadata names, if
// there is such a one. Its first payment bears the checkout's own ID, the one
// that the customer was given.
func (p *Payment) joinCheckout(tx *gorm.DB, checkoutID string) error {
	if checkoutID == "" || p.CheckoutID != nil {
		return nil
	}
	var checkout []Checkout
	if err := tx.Where("id = ?", checkoutID).Limit(1).Find(&checkout).Error; err != nil || len(checkout) == 0 {
		return err
	}
	p.CheckoutID, p.CustomerID, p.StoreID = &checkoutID, checkout[0].CustomerID, checkout[0].StoreID
	if p.ID != "" {
		return nil
	}
	var taken int64
	err := tx.Model(&Payment{}).Where("id = ?", checkoutID).Count(&taken).Error
	if err == nil && taken == 0 {
		p.ID = checkoutID
	}
	return err
}

// joinInvoice makes an unmatched payment a subscription's if an invoice names it, as
// claimPayments does when the invoice comes second.
func (p *Payment) joinInvoice(tx *gorm.DB) error {
	if p.Kind != UnmatchedPayment {
		return nil
	}
	pays, err := paysInvoice(tx, value(p.PaymentIntentID))
	if pays {
		p.Kind = SubscriptionPayment
	}
	return err
}

// learn takes over what the event says. What it does not say stays as it was,
// and so do names that belong to a row set aside: they are unique. An event from
// before the payment was collected, come late, only fills gaps: by its word
// nothing would have been received.
func (p *Payment) learn(e Event, told PaymentState, aside []Payment) {
	for _, row := range aside {
		if same(row.PaymentIntentID, e.PaymentIntentID) {
			e.PaymentIntentID = ""
		}
		if same(row.CheckoutSessionID, e.CheckoutSessionID) {
			e.CheckoutSessionID = ""
		}
	}
	if told == PaymentPaid || p.State != PaymentPaid {
		p.Amount, p.AmountReceived = firstOf(e.Amount, p.Amount), firstOf(e.AmountReceived, p.AmountReceived)
		p.Currency = Currency(firstText(e.Currency, string(p.Currency)))
		p.ChargeID = firstText(e.ChargeID, p.ChargeID)
		if e.Metadata != nil || e.MetadataProblem != "" && p.Metadata == nil {
			p.Metadata, p.MetadataProblem = e.Metadata, e.MetadataProblem
			if p.CheckoutID == nil { // whose checkout it is, we know better than its metadata
				p.CustomerID = firstText(e.Metadata[KeyCustomerID], p.CustomerID)
				p.StoreID = firstText(e.Metadata[KeyStoreID], p.StoreID)
			}
		}
	}
	p.Kind = p.kind(e)
	p.adopt(Payment{
		PaymentIntentID: nonEmpty(e.PaymentIntentID), CheckoutSessionID: nonEmpty(e.CheckoutSessionID),
		Amount: e.Amount, AmountReceived: e.AmountReceived, Currency: Currency(e.Currency),
		CustomerID: e.Metadata[KeyCustomerID], StoreID: e.Metadata[KeyStoreID],
		Metadata: e.Metadata, MetadataProblem: e.MetadataProblem, ReceiptEmail: e.Email, ChargeID: e.ChargeID,
	})
}

// kind is what the payment is for by all that is known of it. Once an order's,
// always an order's: the sibling without metadata may come last. A session that
// subscribes is no order's, though its metadata says whose it is.
func (p *Payment) kind(e Event) PaymentKind {
	switch {
	case p.Kind == OrderPayment || p.CheckoutID != nil:
		return OrderPayment
	case e.Mode == "subscription":
		return SubscriptionPayment
	case e.Metadata != nil || e.MetadataProblem != "":
		return OrderPayment
	case e.InvoiceID != "" || p.Kind == SubscriptionPayment:
		return SubscriptionPayment
	default:
		return UnmatchedPayment
	}
}

// recordEvent notes what came of an event. One that is delivered again and finds
// its work done keeps saying what it did.
func recordEvent(tx *gorm.DB, e Event, paymentID, outcome string) error {
	row := StripeEvent{
		ID: e.ID, Type: e.Type, APIVersion: e.APIVersion, Livemode: e.Livemode,
		Created: e.createdTime(), PaymentID: paymentID, Outcome: outcome,
	}
	return tx.Clauses(clause.OnConflict{
		Columns:   columns("id"),
		DoUpdates: clause.AssignmentColumns([]string{"payment_id", "outcome"}),
		Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("stripe_events.outcome <> ? AND excluded.outcome <> ?", string(OrderCreated), string(EventTooLate))}},
	}).Create(&row).Error
}

func ids(payments []Payment) []string {
	list := make([]string, len(payments))
	for i, p := range payments {
		list[i] = p.ID
	}
	return list
}

func firstOf[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
