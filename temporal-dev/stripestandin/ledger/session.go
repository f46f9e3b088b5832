package ledger

import (
	"cmp"

	"twigz/temporal-dev/stripestandin/wire"
)

// A Checkout Session's life. As at Stripe since 2022, there is no payment intent until the customer first submits the page,
// and all tries have the same one.
//
//	                declined: try again
//	                    ┌──┐
//	POST ─▶ open ─submit┴──┴▶ complete: paid, no_payment_required,
//	          │                         unpaid ─ the bank answers ─▶ async_payment_succeeded or async_payment_failed
//	          └─ the clock, or POST …/expire ─▶ expired
//
// Its private fields: _lines, what is bought; _intent and _subscription, the parameters of what it will make; _updates, which
// of the customer's fields it may set; _shippingTax, the chosen rate's tax_behavior; _started, its subscription before that is
// paid; _awaits, that a bank is to answer.
var sessionCalls = map[string]Call{
	"POST /v1/checkout/sessions":                     createSession,
	"GET /v1/checkout/sessions":                      filtered("checkout.session", "/v1/checkout/sessions"),
	"GET /v1/checkout/sessions/{session}":            retrieve("checkout.session"),
	"POST /v1/checkout/sessions/{session}":           updateSession,
	"POST /v1/checkout/sessions/{session}/expire":    func(t *Tx, in Input) (wire.Object, *wire.Error) { return t.ExpireSession(in.ID) },
	"GET /v1/checkout/sessions/{session}/line_items": listLineItems,
}

const (
	// sessionLife is how long a session is open unless expires_at says otherwise, in seconds: 24 hours. That is the most, too.
	sessionLife = 24 * 60 * 60
	// shortestSession is the least that expires_at may leave, in seconds: 30 minutes.
	shortestSession = 30 * 60
)

func createSession(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := t.checkSession(in.Params); refusal != nil {
		return nil, refusal
	}
	lines, refusal := t.newLines(in.Params)
	if refusal != nil {
		return nil, refusal
	}
	s := t.newSession(in.Params)
	s["_lines"], s["currency"] = lines, lines[0].Text("currency")
	if refusal := t.offerShipping(s, in.Params); refusal != nil {
		return nil, refusal
	}
	if refusal := setTypes(s, in.Params); refusal != nil {
		return nil, refusal
	}
	total(s)
	return s, checkTotal(s)
}

// newSession makes an open session in which nothing is bought yet.
func (t *Tx) newSession(params wire.Object) wire.Object {
	s := t.Make("checkout.session", map[bool]string{true: "cs_live", false: "cs_test"}[t.ledger.config.Livemode])
	s["metadata"] = wire.Object{}
	assign(
		s, params, "billing_address_collection", "cancel_url", "client_reference_id", "customer", "customer_email", "locale", "metadata", "mode",
		"phone_number_collection", "shipping_address_collection", "submit_type", "success_url",
	)
	s["status"], s["payment_status"], s["ui_mode"] = "open", "unpaid", "hosted"
	s["url"] = t.ledger.page("pay", s.ID())
	s["expires_at"] = cmp.Or(params.Int("expires_at"), t.Now()+sessionLife)
	s["_due"] = s["expires_at"]
	s["_intent"], s["_subscription"], s["_updates"] = params.Sub("payment_intent_data"), params.Sub("subscription_data"), params.Sub("customer_update")
	modes[s.Text("mode")](s, params)
	t.knowCustomer(s)
	if params.Sub("automatic_tax").Bool("enabled") {
		s["automatic_tax"] = wire.Object{"enabled": true, "liability": wire.Object{"type": "self"}, "status": t.taxStatus(s)}
	}
	return s
}

// modes set what differs between the modes that are served.
var modes = map[string]func(s, params wire.Object){
	"payment": func(s, params wire.Object) {
		s["payment_method_collection"] = "if_required"
		s["invoice_creation"] = wire.Object{"enabled": false, "invoice_data": wire.Object{
			"account_tax_ids": nil, "custom_fields": nil, "description": nil, "footer": nil, "issuer": nil, "metadata": wire.Object{}, "rendering_options": nil,
		}}
		if !params.Has("customer") {
			s["customer_creation"] = cmp.Or(params.Text("customer_creation"), "if_required")
		}
	},
	"subscription": func(s, params wire.Object) {
		s["payment_method_collection"] = cmp.Or(params.Text("payment_method_collection"), "always")
		if !params.Has("customer") {
			s["customer_creation"] = "always"
		}
	},
}

// knowCustomer fills in what is known of the customer beforehand.
func (t *Tx) knowCustomer(s wire.Object) {
	if email := t.SessionEmail(s); email != "" {
		s["customer_details"] = wire.Object{"address": nil, "email": email, "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": nil}
	}
}

// SessionEmail is the address that a session was given, itself or through its customer, and that its page cannot change. "":
// the page asks for it.
func (t *Tx) SessionEmail(s wire.Object) string {
	return cmp.Or(t.Read(s.Text("customer")).Text("email"), s.Text("customer_email"))
}

// updateSession changes the metadata, which is all that can be changed.
func updateSession(t *Tx, in Input) (wire.Object, *wire.Error) {
	s, refusal := t.Edit("checkout.session", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	assign(s, in.Params, "metadata")
	return s, nil
}

func listLineItems(t *Tx, in Input) (wire.Object, *wire.Error) {
	s, refusal := t.Find("checkout.session", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	return paged(s.List("_lines"), "item", in, lineItemsPath(s))
}

func lineItemsPath(s wire.Object) string { return "/v1/checkout/sessions/" + s.ID() + "/line_items" }

// sessionLineItems is the list that a session includes when it is expanded: the first page.
func sessionLineItems(t *Tx, shown wire.Object) wire.Object {
	lines := t.LineItems(shown.ID())
	return wire.List(lineItemsPath(shown), len(lines) > 10, lines[:min(10, len(lines))])
}

// LineItems are what is bought in a session. Nil: there is no such session.
func (t *Tx) LineItems(sessionID string) []wire.Object { return t.Read(sessionID).List("_lines") }
