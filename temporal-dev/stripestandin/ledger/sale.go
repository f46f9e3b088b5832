package ledger

import (
	"cmp"

	"twigz/temporal-dev/stripestandin/wire"
)

// Payment is a payment as a whole, for whoever only wants one made: a demo, a test. Amounts are in minor units.
type Payment struct {
	// PaymentIntentID is an intent that is there already. Empty: one is made.
	PaymentIntentID string `json:"paymentIntentId"`
	Amount          int64  `json:"amount"`
	// AmountReceived is what is captured of the amount. Zero: all of it.
	AmountReceived int64             `json:"amountReceived"`
	Currency       string            `json:"currency"`
	Customer       string            `json:"customer"`
	Description    string            `json:"description"`
	ReceiptEmail   string            `json:"receiptEmail"`
	Metadata       map[string]string `json:"metadata"`
	BillingDetails BillingDetails    `json:"billingDetails"`
	// Method is one of Stripe's test payment methods. Empty: pm_card_visa, and pm_card_visa_chargeDeclined where the
	// payment is to fail.
	Method string `json:"method"`
	// Reason is why a payment is canceled. Empty: requested_by_customer.
	Reason string `json:"reason"`
}

// BillingDetails is what the customer has told of themself. All of it may be empty.
type BillingDetails struct {
	Name       string `json:"name"`
	Email      string `json:"email"`
	Phone      string `json:"phone"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	City       string `json:"city"`
	State      string `json:"state"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"` // two letters
}

// shape is the billing_details of a payment method.
func (b BillingDetails) shape() wire.Object {
	return wire.Object{
		"name": nullable(b.Name), "email": nullable(b.Email), "phone": nullable(b.Phone),
		"address": wire.Object{
			"line1": nullable(b.Line1), "line2": nullable(b.Line2), "city": nullable(b.City), "state": nullable(b.State),
			"postal_code": nullable(b.PostalCode), "country": nullable(b.Country),
		},
	}
}

// params are those of POST /v1/payment_intents.
func (p Payment) params() wire.Object {
	params := wire.Object{}
	set := func(name string, value any, given bool) {
		if given {
			params[name] = value
		}
	}
	set("amount", p.Amount, p.Amount != 0 || p.PaymentIntentID == "")
	set("currency", p.Currency, p.Currency != "" || p.PaymentIntentID == "")
	set("customer", p.Customer, p.Customer != "")
	set("description", p.Description, p.Description != "")
	set("receipt_email", p.ReceiptEmail, p.ReceiptEmail != "")
	set("metadata", wire.Strings(p.Metadata), p.Metadata != nil)
	set("capture_method", "manual", p.AmountReceived != 0)
	return params
}

// intentOf finds or makes the intent of a payment, with what the payment sets.
func (t *Tx) intentOf(p Payment) (wire.Object, *wire.Error) {
	pattern := "POST /v1/payment_intents"
	if p.PaymentIntentID != "" {
		pattern = "POST /v1/payment_intents/{intent}"
	}
	made, refusal := limited(paymentIntentCalls[pattern])(t, Input{ID: p.PaymentIntentID, Params: p.params()})
	if refusal != nil {
		return nil, refusal
	}
	return t.edit(made.ID()), nil
}

// Pay collects a payment and returns its intent.
func (t *Tx) Pay(p Payment) (wire.Object, *wire.Error) {
	intent, refusal := t.attempt(p, cmp.Or(p.Method, "pm_card_visa"))
	if refusal != nil || p.AmountReceived == 0 {
		return intent, refusal
	}
	capture := paymentIntentCalls["POST /v1/payment_intents/{intent}/capture"]
	return capture(t, Input{ID: intent.ID(), Params: wire.Object{"amount_to_capture": p.AmountReceived}})
}

// Fail has a payment declined and returns its intent.
func (t *Tx) Fail(p Payment) (wire.Object, *wire.Error) {
	intent, refusal := t.attempt(p, cmp.Or(p.Method, "pm_card_visa_chargeDeclined"))
	if refusal != nil && refusal.Type != "card_error" {
		return nil, refusal
	}
	if refusal == nil {
		return nil, wire.Invalid("", "method", "The payment was not declined: %s pays.", p.Method)
	}
	return intent, nil
}

func (t *Tx) attempt(p Payment, test string) (wire.Object, *wire.Error) {
	intent, refusal := t.intentOf(p)
	if refusal != nil {
		return nil, refusal
	}
	return intent, t.PayIntent(intent.ID(), test, p.BillingDetails.shape())
}

// Cancel cancels a payment and returns its intent.
func (t *Tx) Cancel(p Payment) (wire.Object, *wire.Error) {
	intent, refusal := t.intentOf(p)
	if refusal != nil {
		return nil, refusal
	}
	cancel := paymentIntentCalls["POST /v1/payment_intents/{intent}/cancel"]
	return cancel(t, Input{ID: intent.ID(), Params: wire.Object{"cancellation_reason": cmp.Or(p.Reason, "requested_by_customer")}})
}
