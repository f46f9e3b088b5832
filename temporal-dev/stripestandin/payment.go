package stripestandin

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"
)

// PaymentParams describes what a customer pays, or tries to.
type PaymentParams struct {
	// PaymentIntentID is a payment intent that exists already, to pay one that failed before; the fields that are
	// set replace what it has. Empty: a new one.
	PaymentIntentID string `json:"paymentIntentId"`
	// Amount is in minor units.
	Amount int64 `json:"amount"`
	// AmountReceived is less than Amount after a partial capture. Zero: all of it.
	AmountReceived int64 `json:"amountReceived"`
	// Currency is a lower-case ISO code.
	Currency string `json:"currency"`
	// Customer is a cus_… ID. Empty: a guest.
	Customer string `json:"customer"`
	// Description is free text. Empty: none.
	Description string `json:"description"`
	// ReceiptEmail is where Stripe would send its receipt. Empty: nowhere.
	ReceiptEmail string `json:"receiptEmail"`
	// Metadata is copied to payment intent and charge. Nil: none.
	Metadata map[string]string `json:"metadata"`
	// BillingDetails go onto the charge.
	BillingDetails BillingDetails `json:"billingDetails"`
}

// BillingDetails is what the customer typed beside the card. Empty fields are null in Stripe's JSON.
type BillingDetails struct {
	Name       string `json:"name"`
	Email      string `json:"email"`
	Phone      string `json:"phone"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	City       string `json:"city"`
	State      string `json:"state"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

// Decline says why a payment failed. Its zero value is the plainest reason, a generic decline.
type Decline struct {
	Code        string `json:"code"`        // card_declined when empty
	DeclineCode string `json:"declineCode"` // generic_decline when empty
	Message     string `json:"message"`     // as the customer may see it
}

// Pay makes a payment that succeeds, with its charge, and sends payment_intent.succeeded.
func (s *Server) Pay(p PaymentParams) (eventID, paymentIntentID string, err error) {
	return s.settle(p, "payment_intent.succeeded", s.succeed)
}

// Fail makes a payment whose card is declined and sends payment_intent.payment_failed. The payment intent can still be
// paid afterwards, by its ID.
func (s *Server) Fail(p PaymentParams, d Decline) (eventID, paymentIntentID string, err error) {
	return s.settle(p, "payment_intent.payment_failed", func(intent object, p PaymentParams) []object {
		return s.decline(intent, p, d)
	})
}

// Cancel cancels a payment and sends payment_intent.canceled. The reason is one of Stripe's, such as abandoned.
func (s *Server) Cancel(p PaymentParams, reason string) (eventID, paymentIntentID string, err error) {
	return s.settle(p, "payment_intent.canceled", func(intent object, _ PaymentParams) []object {
		intent["status"] = "canceled"
		intent["canceled_at"] = time.Now().Unix()
		intent["cancellation_reason"] = nullable(reason)
		intent["client_secret"] = nil
		return []object{intent}
	})
}

// Put keeps an object as given, in place of any with its ID, for kinds that nothing here makes yet. No event is sent.
func (s *Server) Put(o map[string]any) error {
	made := object(maps.Clone(o))
	if made.id() == "" || made.kind() == "" {
		return errors.New("an object needs an id and an object field")
	}
	return s.objects.change(made.id(), func(object) ([]object, error) { return []object{made}, nil })
}

// settle moves a payment intent, made first where there is none yet, by do, and sends the event that says so.
func (s *Server) settle(p PaymentParams, event string, do func(object, PaymentParams) []object) (string, string, error) {
	id := cmp.Or(p.PaymentIntentID, newID("pi"))
	var intent object
	err := s.objects.change(id, func(old object) ([]object, error) {
		if err := p.refuse(old); err != nil {
			return nil, fmt.Errorf("payment intent %s: %w", id, err)
		}
		intent = s.intent(id, old, p)
		return do(intent, p), nil
	})
	if err != nil {
		return "", "", err
	}
	return s.emit(event, intent), id, nil
}

var currency = regexp.MustCompile(`^[a-z]{3}$`)

// refuse says what Stripe would not accept of the change that is asked for.
func (p PaymentParams) refuse(old object) error {
	switch {
	case old == nil && p.PaymentIntentID != "":
		return errors.New("no such payment intent")
	case old != nil && old.kind() != "payment_intent":
		return fmt.Errorf("it is a %s", old.kind())
	case old.text("status") == "succeeded" || old.text("status") == "canceled":
		return fmt.Errorf("already %s, which is final", old.text("status"))
	case p.Amount < 0, p.Amount == 0 && old == nil:
		return errors.New("amount must be at least 1 minor unit")
	case !currency.MatchString(cmp.Or(p.Currency, old.text("currency"))):
		return errors.New("currency must be three lower-case letters")
	case p.AmountReceived < 0, p.AmountReceived > max(p.Amount, amountOf(old)):
		return errors.New("amount received must lie between 0 and amount")
	}
	return nil
}
