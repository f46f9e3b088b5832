package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// CustomerActionKind is what staff may ask for about a customer.
type CustomerActionKind string

// The kinds of action about a customer.
const (
	ActResync CustomerActionKind = "resync" // look at them at Stripe anew
	ActAssign CustomerActionKind = "assign" // a customer of Stripe's is one of ours
)

// CustomerAction is what a person asks for about a customer. Its zero values are
// refused, but for Reason, and for To of what is no assignment.
type CustomerAction struct {
	Customer  string             `json:"customer"` // our ID, or Stripe's
	Kind      CustomerActionKind `json:"action"`
	Actor     string             `json:"actor"`
	Reason    string             `json:"reason"`
	RequestID string             `json:"requestId"`    // acts once, however often it comes
	To        string             `json:"to,omitempty"` // of an assignment: our customer

	// Start names the workflow that looks at them at Stripe then. It is written into
	// the inbox together with the action, with the customers to look at as its input;
	// nil: the caller does that itself.
	Start *PendingStart `json:"-"`
}

// CustomerActed is what came of it.
type CustomerActed struct {
	Refusal   string // why it was not done; "": it was
	Duplicate bool   // the request had come before, and this is what came of it then
}

func (a CustomerAction) cause() Cause { return Cause{Actor: a.Actor, Reason: a.Reason} }

// customerActs is what each kind of action does. A Conflict says why it may not be
// done now; nothing has changed then. It returns what the audit says of it.
var customerActs = map[CustomerActionKind]func(tx *gorm.DB, who person, a CustomerAction) (before, after string, err error){
	ActResync: resync,
	ActAssign: assign,
}

// ActOnCustomer does what a person asks for about a customer, once for each request
// ID, with an audit entry in the same transaction; a refusal is audited too and is no
// error. Its errors: NotFound for a customer who is not known, Invalid for a request
// that cannot be.
func (db *DB) ActOnCustomer(ctx context.Context, a CustomerAction) (CustomerActed, error) {
	if err := a.check(); err != nil {
		return CustomerActed{}, err
	}
	var acted CustomerActed
	err := db.transaction(ctx, func(tx *gorm.DB) error {
		who, err := findPerson(tx, a.Customer)
		if err != nil {
			return err
		}
		row := actionRow{
			RequestID: a.RequestID, Customer: a.Customer, Action: ActionKind(a.Kind), Actor: a.Actor, Input: jsonDocument(asText(a)),
		}
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made.Error != nil {
			return made.Error
		}
		if made.RowsAffected == 0 {
			acted, err = a.before(tx)
			return err
		}
		acted, err = a.act(tx, who)
		return err
	})
	if known, ok := errors.AsType[*Error](err); ok {
		return CustomerActed{}, known
	}
	if err != nil {
		return CustomerActed{}, fmt.Errorf("%s by request %s: %w", a.Kind, a.RequestID, err)
	}
	return acted, nil
}

func (a CustomerAction) check() error {
	switch {
	case customerActs[a.Kind] == nil:
		return invalid("action", "Must be resync or assign")
	case a.RequestID == "" || a.RequestID != Clean(a.RequestID, MaxRequestID) || strings.ContainsFunc(a.RequestID, control):
		return invalid("requestId", "Must be 1 to 200 characters without control characters")
	case a.Actor == "":
		return invalid("actor", "Is missing")
	case a.Kind == ActAssign && !ValidID(a.To):
		return invalid("to", "Must be a customer's ID")
	}
	return nil
}

// before answers a request ID that came before: what came of it then.
func (a CustomerAction) before(tx *gorm.DB) (CustomerActed, error) {
	var before actionRow
	if err := tx.Take(&before, "request_id = ?", a.RequestID).Error; err != nil {
		return CustomerActed{}, err
	}
	acted := CustomerActed{Refusal: before.Refusal, Duplicate: true}
	var asked CustomerAction
	if err := json.Unmarshal([]byte(before.Input), &asked); err != nil {
		return CustomerActed{}, err
	}
	if before.Customer != a.Customer || before.Action != ActionKind(a.Kind) || asked.To != a.To {
		acted.Refusal = "This requestId was used for another request"
	}
	return acted, nil
}

// act does a new action, or takes note of why it may not be done.
func (a CustomerAction) act(tx *gorm.DB, who person) (CustomerActed, error) {
	var was, is string
	err := tx.Transaction(func(tx *gorm.DB) (err error) {
		was, is, err = customerActs[a.Kind](tx, who, a)
		return err
	})
	entry := change{action: "action_" + string(a.Kind), subject: "customer", subjectID: a.Customer, before: was, after: is}
	if refused, ok := errors.AsType[*Error](err); ok && refused.Kind == Conflict {
		entry.action, entry.before, entry.after = entry.action+"_refused", "", refused.Message
		err = tx.Model(&actionRow{}).Where("request_id = ?", a.RequestID).Update("refusal", refused.Message).Error
		if err != nil {
			return CustomerActed{}, err
		}
		return CustomerActed{Refusal: refused.Message}, audit(tx, a.cause(), entry)
	}
	if err != nil {
		return CustomerActed{}, err
	}
	if err := audit(tx, a.cause(), entry); err != nil {
		return CustomerActed{}, err
	}
	return CustomerActed{}, a.start(tx, who)
}

// start has Stripe asked anew about whom the action is about.
func (a CustomerAction) start(tx *gorm.DB, who person) error {
	if a.Start == nil {
		return nil
	}
	start := *a.Start
	look := struct {
		RequestID         string   `json:"requestId"`
		CustomerID        string   `json:"customerId,omitempty"`
		StripeCustomerIDs []string `json:"stripeCustomerIds"`
	}{a.RequestID, who.id(), who.stripeIDs()}
	if a.Kind == ActAssign {
		look.CustomerID, look.StripeCustomerIDs = a.To, []string{a.Customer}
	}
	start.Input = []byte(asText(look))
	_, err := keepStart(tx, start)
	return err
}

// resync leaves what there is to do to the workflow.
func resync(_ *gorm.DB, who person, _ CustomerAction) (before, after string, err error) {
	if len(who.atStripe) == 0 {
		return "", "", conflict("Stripe knows no such customer yet")
	}
	return "", strings.Join(who.stripeIDs(), ", "), nil
}

// assign makes a customer of Stripe's one of ours, unless Stripe itself says whose
// they are.
func assign(tx *gorm.DB, _ person, a CustomerAction) (before, after string, err error) {
	c, err := lockStripeCustomer(tx, a.Customer)
	if unknown, ok := errors.AsType[*Error](err); ok && unknown.Kind == NotFound {
		return "", "", conflict("Only a customer of Stripe's can be assigned, by its ID there (cus_…)")
	}
	if err != nil {
		return "", "", err
	}
	if ValidID(c.Told) && c.Told != a.To {
		return "", "", conflict("Its metadata at Stripe says that it is " + c.Told + "'s: change customerId there")
	}
	subscriptions, err := c.subscriptions(tx)
	if err != nil {
		return "", "", err
	}
	if _, err := c.lockOwners(tx, subscriptions, subscriptions, a.To); err != nil {
		return "", "", err
	}
	before = value(c.OwnerID)
	c.CustomerID = &a.To
	if err := c.resolve(tx, a.cause()); err != nil {
		return "", "", err
	}
	return before, a.To, c.payFor(tx, a)
}

// payFor has the checkouts of the customer to whom c was assigned pay by c, if they
// pay by none yet, and nobody else's. Whoever used c until now gets another one with
// their next checkout. The rows of both are locked.
func (c *StripeCustomer) payFor(tx *gorm.DB, a CustomerAction) error {
	var users []Customer
	err := tx.Where("stripe_customer_id = ? AND id <> ?", c.ID, a.To).Find(&users).Error
	if err != nil {
		return err
	}
	for _, u := range users {
		if c.SyncedAt == nil { // made for them, and Stripe may be about to say so
			return conflict("It was made for " + u.ID + " and has not been looked at yet: resync it first")
		}
		u.StripeCustomerID, u.StripeSynced = nil, false
		if err := u.save(tx); err != nil {
			return err
		}
		if err := audit(tx, a.cause(), change{action: "customer_at_stripe", subject: "customer", subjectID: u.ID, before: c.ID}); err != nil {
			return err
		}
	}
	if c.DeletedAt != nil {
		return nil
	}
	paying := tx.Model(&Customer{}).Where("id = ? AND stripe_customer_id IS NULL", a.To).
		Updates(map[string]any{"stripe_customer_id": c.ID, "stripe_synced": false})
	if paying.Error != nil || paying.RowsAffected == 0 {
		return paying.Error
	}
	return audit(tx, a.cause(), change{action: "customer_at_stripe", subject: "customer", subjectID: a.To, after: c.ID})
}
