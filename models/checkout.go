package models

import "time"

// Checkout is the frozen copy of what a customer was about to pay for: lines,
// prices, fee, address and total. Its ID is the paymentId in Stripe's metadata.
type Checkout struct {
	ID              string
	CustomerID      string
	StoreID         string
	Currency        Currency
	Subtotal        int64 // minor units
	DeliveryFee     int64 // minor units
	Total           int64 // minor units, before tax
	DeliveryType    Delivery
	DeliveryAddress Address
	Reservation     Reservation `gorm:"default:none"`
	AutomaticTax    bool        // Stripe adds the tax: what is collected is Total or more
	ExpiresAt       *time.Time  // until when stock is kept; nil: not made here
	ClientSecret    *string     // of its payment intent, for the customer's browser; nil: none (yet)
	URL             *string     // Stripe's page for it; nil: none (yet)
	SuccessURL      string      // where Stripe's page leads back to; "": by a payment intent
	CancelURL       string
	CreatedAt       time.Time `gorm:"->"`
	Items           []Line    `gorm:"-"`
}

// CheckoutWay is how a customer pays a checkout.
type CheckoutWay string

// The ways to pay.
const (
	ByPaymentIntent CheckoutWay = "payment_intent" // with Stripe Elements in the shop's own page
	BySession       CheckoutWay = "session"        // on Stripe's hosted page
)

// CheckoutRequest is what a customer asks to check out: what is in their cart
// in a store.
type CheckoutRequest struct {
	CustomerID string
	Key        string // Idempotency-Key: the same again is the same checkout; "": every request is one of its own
	Way        CheckoutWay
	StoreID    string
	Delivery   Delivery
	Address    Address
	SuccessURL string // by session: where Stripe's page leads back to; {paymentId} in it is replaced
	CancelURL  string
	Livemode   bool // Stripe takes real money
}

// Purchase is what Stripe is to be told about a checkout: all that its payment
// intent or session is made of, and nothing of the customer but Stripe's own
// name for them.
type Purchase struct {
	PaymentID        string      `json:"paymentId"`
	Way              CheckoutWay `json:"way"`
	Currency         Currency    `json:"currency"`
	Items            []Line      `json:"items"`
	DeliveryFee      int64       `json:"deliveryFee"` // minor units
	Total            int64       `json:"total"`       // minor units, before tax
	AutomaticTax     bool        `json:"automaticTax,omitempty"`
	StripeCustomerID string      `json:"stripeCustomerId,omitempty"` // "": not made yet
	SuccessURL       string      `json:"successUrl,omitempty"`
	CancelURL        string      `json:"cancelUrl,omitempty"`
	ExpiresAt        int64       `json:"expiresAt"` // Unix seconds: until when stock is kept
}

// Prepared is what Stripe made of a checkout.
type Prepared struct {
	PaymentID         string `json:"paymentId"`
	PaymentIntentID   string `json:"paymentIntentId,omitempty"`   // "" for a session that has none yet
	CheckoutSessionID string `json:"checkoutSessionId,omitempty"` // "" for a payment intent
	ClientSecret      string `json:"clientSecret,omitempty"`
	URL               string `json:"url,omitempty"`
}

// CustomerProfile is a customer as Stripe is to know them.
type CustomerProfile struct {
	CustomerID       string `json:"customerId"`
	StripeCustomerID string `json:"stripeCustomerId,omitempty"` // "": not made yet
	Email            string `json:"email,omitempty"`            // a personal datum
	Name             string `json:"name,omitempty"`             // a personal datum
	Synced           bool   `json:"synced,omitempty"`           // Stripe has this email and name
	After            string `json:"after,omitempty"`            // Stripe's customer before, which is gone there; "": there was none
}
