package stripestandin

import (
	"cmp"
	"maps"
	"time"
)

// The shapes below are those of API version 2024-06-20: every key that Stripe sends is there, null where it would be.

// intent is the payment intent that a change starts from: a copy of the old one with what p sets, or a new one.
func (s *Server) intent(id string, old object, p PaymentParams) object {
	o := maps.Clone(old)
	if o == nil {
		o = s.newIntent(id)
	}
	set(o, "amount", p.Amount)
	set(o, "currency", p.Currency)
	set(o, "customer", p.Customer)
	set(o, "description", p.Description)
	set(o, "receipt_email", p.ReceiptEmail)
	if p.Metadata != nil {
		o["metadata"] = maps.Clone(p.Metadata)
	}
	return o
}

func (s *Server) newIntent(id string) object {
	return object{
		"id":                                   id,
		"object":                               "payment_intent",
		"amount":                               int64(0),
		"amount_capturable":                    0,
		"amount_details":                       object{"tip": object{}},
		"amount_received":                      int64(0),
		"application":                          nil,
		"application_fee_amount":               nil,
		"automatic_payment_methods":            nil,
		"canceled_at":                          nil,
		"cancellation_reason":                  nil,
		"capture_method":                       "automatic_async",
		"client_secret":                        newID(id + "_secret"),
		"confirmation_method":                  "automatic",
		"created":                              time.Now().Unix(),
		"currency":                             "",
		"customer":                             nil,
		"description":                          nil,
		"invoice":                              nil,
		"last_payment_error":                   nil,
		"latest_charge":                        nil,
		"livemode":                             s.config.Livemode,
		"metadata":                             map[string]string{},
		"next_action":                          nil,
		"on_behalf_of":                         nil,
		"payment_method":                       nil,
		"payment_method_configuration_details": nil,
		"payment_method_options":               object{"card": object{"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic"}},
		"payment_method_types":                 []string{"card"},
		"processing":                           nil,
		"receipt_email":                        nil,
		"review":                               nil,
		"setup_future_usage":                   nil,
		"shipping":                             nil,
		"source":                               nil,
		"statement_descriptor":                 nil,
		"statement_descriptor_suffix":          nil,
		"status":                               "requires_payment_method",
		"transfer_data":                        nil,
		"transfer_group":                       nil,
	}
}

// succeed collects the money: the intent is done and its charge is paid.
func (s *Server) succeed(intent object, p PaymentParams) []object {
	received := cmp.Or(p.AmountReceived, amountOf(intent))
	method := newID("pm")
	charge := s.charge(intent, p, method)
	charge["amount_captured"] = received
	charge["balance_transaction"] = newID("txn")
	charge["captured"] = true
	charge["paid"] = true
	charge["status"] = "succeeded"
	charge["outcome"] = outcome("approved_by_network", nil, "Payment complete.", "authorized")

	intent["amount_received"] = received
	intent["last_payment_error"] = nil
	intent["latest_charge"] = charge.id()
	intent["payment_method"] = method
	intent["status"] = "succeeded"
	return []object{intent, charge}
}

// decline leaves a failed charge, the reason on the intent, and the intent waiting for another card.
func (s *Server) decline(intent object, p PaymentParams, d Decline) []object {
	code := cmp.Or(d.Code, "card_declined")
	reason := cmp.Or(d.DeclineCode, "generic_decline")
	message := cmp.Or(d.Message, "Your card was declined.")
	method := newID("pm")
	charge := s.charge(intent, p, method)
	charge["failure_code"] = code
	charge["failure_message"] = message
	charge["status"] = "failed"
	charge["outcome"] = outcome("declined_by_network", reason, "The bank declined the payment.", "issuer_declined")

	intent["latest_charge"] = charge.id()
	intent["payment_method"] = nil
	intent["status"] = "requires_payment_method"
	intent["last_payment_error"] = object{
		"charge":         charge.id(),
		"code":           code,
		"decline_code":   reason,
		"doc_url":        "https://stripe.com/docs/error-codes/" + code,
		"message":        message,
		"payment_method": s.paymentMethod(method, p),
		"type":           "card_error",
	}
	return []object{intent, charge}
}

// charge is one attempt to collect, neither paid nor failed yet.
func (s *Server) charge(intent object, p PaymentParams, method string) object {
	id := newID("ch")
	return object{
		"id":                              id,
		"object":                          "charge",
		"amount":                          intent["amount"],
		"amount_captured":                 int64(0),
		"amount_refunded":                 0,
		"application":                     nil,
		"application_fee":                 nil,
		"application_fee_amount":          nil,
		"balance_transaction":             nil,
		"billing_details":                 p.BillingDetails.shape(),
		"calculated_statement_descriptor": "STAND-IN",
		"captured":                        false,
		"created":                         time.Now().Unix(),
		"currency":                        intent["currency"],
		"customer":                        intent["customer"],
		"description":                     intent["description"],
		"destination":                     nil,
		"dispute":                         nil,
		"disputed":                        false,
		"failure_balance_transaction":     nil,
		"failure_code":                    nil,
		"failure_message":                 nil,
		"fraud_details":                   object{},
		"invoice":                         nil,
		"livemode":                        s.config.Livemode,
		"metadata":                        intent["metadata"],
		"on_behalf_of":                    nil,
		"order":                           nil,
		"outcome":                         nil,
		"paid":                            false,
		"payment_intent":                  intent.id(),
		"payment_method":                  method,
		"payment_method_details":          object{"card": card(), "type": "card"},
		"receipt_email":                   intent["receipt_email"],
		"receipt_number":                  nil,
		"receipt_url":                     "https://pay.stripe.com/receipts/" + id,
		"refunded":                        false,
		"review":                          nil,
		"shipping":                        nil,
		"source":                          nil,
		"source_transfer":                 nil,
		"statement_descriptor":            nil,
		"statement_descriptor_suffix":     nil,
		"status":                          "pending",
		"transfer_data":                   nil,
		"transfer_group":                  nil,
	}
}

func (s *Server) paymentMethod(id string, p PaymentParams) object {
	return object{
		"id":              id,
		"object":          "payment_method",
		"allow_redisplay": "unspecified",
		"billing_details": p.BillingDetails.shape(),
		"card":            card(),
		"created":         time.Now().Unix(),
		"customer":        nil,
		"livemode":        s.config.Livemode,
		"metadata":        object{},
		"type":            "card",
	}
}

// card is Stripe's test card 4242.
func card() object {
	return object{
		"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2040, "funding": "credit", "last4": "4242", "network": "visa",
		"checks":         object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
		"three_d_secure": nil, "wallet": nil,
	}
}

func outcome(network string, reason any, message, kind string) object {
	return object{
		"network_status": network, "reason": reason, "risk_level": "normal", "risk_score": 12,
		"seller_message": message, "type": kind,
	}
}

func (b BillingDetails) shape() object {
	return object{
		"name":  nullable(b.Name),
		"email": nullable(b.Email),
		"phone": nullable(b.Phone),
		"address": object{
			"line1":       nullable(b.Line1),
			"line2":       nullable(b.Line2),
			"city":        nullable(b.City),
			"state":       nullable(b.State),
			"postal_code": nullable(b.PostalCode),
			"country":     nullable(b.Country),
		},
	}
}

// set puts a value that is not zero.
func set[T comparable](o object, field string, value T) {
	var zero T
	if value != zero {
		o[field] = value
	}
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func amountOf(o object) int64 {
	n, _ := o["amount"].(int64)
	return n
}
