package ledger

import (
	"cmp"
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// SessionPayment is what a customer enters on the page of a session. Its zero value is what the session knows already, paid
// with a card that pays.
type SessionPayment struct {
	// Method is one of Stripe's test payment methods, such as pm_card_visa, which is what the empty one stands for.
	Method string `json:"method"`
	// ShippingRate is which of the offered ways of shipping is chosen. Empty: the first.
	ShippingRate string `json:"shippingRate"`
	// BillingDetails are also where it is shipped to. A session's own address for mail goes before the one here.
	BillingDetails
}

// CompleteSession submits the page of a session. A card that is declined leaves it open, to be tried again, as does one
// whose holder must first authenticate the payment. An error that concerns a field of SessionPayment names it in Param, by
// its JSON name.
func (t *Tx) CompleteSession(id string, p SessionPayment) (wire.Object, *wire.Error) {
	return t.onSession(id, p, enter, settleTotal, nameCustomer, pay)
}

// EnterSession takes over what has been entered, and does not pay yet: where tax depends on the address, the session now says
// what it comes to. Errors are as those of CompleteSession.
func (t *Tx) EnterSession(id string, p SessionPayment) (wire.Object, *wire.Error) {
	return t.onSession(id, p, enter, settleTotal)
}

func (t *Tx) onSession(id string, p SessionPayment, steps ...func(*Tx, wire.Object, *SessionPayment) *wire.Error) (wire.Object, *wire.Error) {
	s, refusal := t.Edit("checkout.session", id, "")
	if refusal != nil {
		return nil, refusal
	}
	if status := s.Text("status"); status != "open" {
		return nil, wire.Invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be paid. This Checkout Session has a status of `%s`.", status)
	}
	p.Method = cmp.Or(p.Method, "pm_card_visa")
	for _, step := range steps {
		if refusal := step(t, s, &p); refusal != nil {
			return s, refusal
		}
	}
	return s, nil
}

// pay pays a session, by its mode.
func pay(t *Tx, s wire.Object, p *SessionPayment) *wire.Error {
	if s.Text("mode") == "subscription" {
		return subscribe(t, s, p)
	}
	return collect(t, s, p)
}

// enter takes over what the customer has entered.
func enter(t *Tx, s wire.Object, p *SessionPayment) *wire.Error {
	p.Email = cmp.Or(t.SessionEmail(s), p.Email)
	p.Country = strings.ToUpper(p.Country)
	if refusal := t.checkEntries(s, *p); refusal != nil {
		return refusal
	}
	address := p.shape()["address"]
	s["customer_details"] = wire.Object{
		"address": address, "email": p.Email, "name": nullable(p.Name), "phone": nullable(p.Phone), "tax_exempt": "none", "tax_ids": []any{},
	}
	if s.Sub("shipping_address_collection") != nil {
		s["shipping_details"] = wire.Object{"address": address, "name": p.Name}
	}
	return nil
}

// postal are the countries in which tax needs a postal code to know where somebody is.
var postal = []string{"CA", "GB", "US"}

// located tells whether an address says enough to know which tax is due.
func located(address wire.Object) bool {
	country := address.Text("country")
	return country != "" && (address.Text("postal_code") != "" || !slices.Contains(postal, country))
}

// AddressAsked says how much of an address a session's page asks for.
type AddressAsked int

// Each asks for more than the one before.
const (
	NoAddress   AddressAsked = iota
	TaxAddress               // country and postal code
	FullAddress              // all of it
)

// SessionAddress says how much of an address the page of a session asks for.
func (t *Tx) SessionAddress(s wire.Object) AddressAsked {
	switch {
	case s.Text("billing_address_collection") == "required", s.Sub("shipping_address_collection") != nil:
		return FullAddress
	case s.Sub("automatic_tax").Bool("enabled") && !located(t.Read(s.Text("customer")).Sub("address")):
		return TaxAddress
	}
	return NoAddress
}

// checkEntries refuses what is not enough.
func (t *Tx) checkEntries(s wire.Object, p SessionPayment) *wire.Error {
	asked := t.SessionAddress(s)
	allowed := s.Sub("shipping_address_collection").Texts("allowed_countries")
	incomplete := func(field, what string) *wire.Error { return wire.Invalid("", field, "Your %s is incomplete.", what) }
	switch {
	case !isEmail(p.Email):
		return incomplete("email", "email")
	case p.Name == "" && allowed != nil:
		return incomplete("name", "name")
	case p.Phone == "" && s.Sub("phone_number_collection").Bool("enabled"):
		return incomplete("phone", "phone number")
	case p.Line1 == "" && asked == FullAddress:
		return incomplete("line1", "address")
	case p.City == "" && asked == FullAddress:
		return incomplete("city", "city")
	case p.Country == "" && asked != NoAddress:
		return incomplete("country", "country")
	case p.Country != "" && !isCountry(p.Country):
		return wire.Invalid("", "country", "A country is two letters, such as DE.")
	case allowed != nil && !slices.Contains(allowed, p.Country):
		return wire.Invalid("", "country", "This shop does not ship to %s.", p.Country)
	case asked != NoAddress && !located(wire.Object{"country": p.Country, "postal_code": p.PostalCode}):
		return incomplete("postalCode", "postal code")
	}
	return nil
}

func isCountry(code string) bool {
	return len(code) == 2 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// taxStatus is whether it is known where a session's customer is.
func (t *Tx) taxStatus(s wire.Object) string {
	if located(s.Sub("customer_details").Sub("address")) || located(t.Read(s.Text("customer")).Sub("address")) {
		return "complete"
	}
	return "requires_location_inputs"
}

// settleTotal takes over what changes the amount: the way of shipping, and where the tax is due.
func settleTotal(t *Tx, s wire.Object, p *SessionPayment) *wire.Error {
	if refusal := t.ship(s, p.ShippingRate); refusal != nil {
		return refusal
	}
	if tax := s.Sub("automatic_tax"); tax.Bool("enabled") {
		tax["status"] = t.taxStatus(s)
	}
	total(s)
	return checkTotal(s)
}

// nameCustomer makes the customer that a session wants, or tells the one that it has what has been entered.
func nameCustomer(t *Tx, s wire.Object, p *SessionPayment) *wire.Error {
	entered := p.shape()
	if id := s.Text("customer"); id != "" {
		return t.updateCustomer(t.Read(id), s.Sub("_updates"), entered)
	}
	if s.Text("customer_creation") != "always" {
		return nil
	}
	params := wire.Object{"email": p.Email}
	for _, field := range []string{"name", "phone"} {
		if entered[field] != nil {
			params[field] = entered[field]
		}
	}
	if p.Country != "" {
		params["address"] = entered["address"]
	}
	c, refusal := t.newCustomer(params)
	if refusal == nil {
		s["customer"] = c.ID()
	}
	return refusal
}

// updateCustomer tells a customer what they have not said before, and what customer_update lets a session change.
func (t *Tx) updateCustomer(c, updates, entered wire.Object) *wire.Error {
	params := wire.Object{}
	if c.Text("email") == "" {
		params["email"] = entered["email"]
	}
	for _, field := range []string{"name", "address"} {
		if updates.Text(field) == "auto" && given(entered[field]) && !same(entered[field], c[field]) {
			params[field] = entered[field]
		}
	}
	if updates.Text("shipping") == "auto" && given(entered["address"]) && given(entered["name"]) {
		params["shipping"] = wire.Object{"address": entered["address"], "name": entered["name"]}
	}
	if len(params) == 0 {
		return nil
	}
	_, refusal := customerCalls["POST /v1/customers/{customer}"](t, Input{ID: c.ID(), Params: params})
	return refusal
}

// given tells whether anything was entered in a field, or in one that it consists of.
func given(value any) bool {
	fields, isObject := value.(wire.Object)
	for _, field := range fields {
		if field != nil {
			return true
		}
	}
	return !isObject && value != nil
}

// collect pays a session of mode payment.
func collect(t *Tx, s wire.Object, p *SessionPayment) *wire.Error {
	if s.Int("amount_total") == 0 {
		t.finish(s, "no_payment_required")
		return nil
	}
	method, refusal := t.sessionMethod(s, p)
	if refusal != nil {
		return refusal
	}
	intent, refusal := t.sessionIntent(s)
	if refusal != nil {
		return refusal
	}
	if refusal := t.confirm(intent, method); refusal != nil {
		return refusal
	}
	sessionFollows(t, intent)
	return nil
}

// sessionMethod makes the payment method that the customer has chosen, which must be of a type that the session takes.
func (t *Tx) sessionMethod(s wire.Object, p *SessionPayment) (wire.Object, *wire.Error) {
	method, refusal := t.newMethod(p.Method, p.shape())
	if refusal != nil {
		return nil, refusal
	}
	if kind := method.Text("type"); !slices.Contains(s.Texts("payment_method_types"), kind) {
		return nil, wire.Invalid("", "method", "The payment method type %q is not one that this Checkout Session takes.", kind)
	}
	return method, nil
}

// sessionIntent finds the payment intent of a session, or makes it, and lets it be what the session now comes to.
func (t *Tx) sessionIntent(s wire.Object) (wire.Object, *wire.Error) {
	if id := s.Text("payment_intent"); id != "" {
		intent := t.edit(id)
		intent["amount"] = s.Int("amount_total")
		return intent, nil
	}
	params := s.Sub("_intent").Clone()
	if params == nil {
		params = wire.Object{}
	}
	params["amount"], params["currency"] = s.Int("amount_total"), s.Text("currency")
	params["payment_method_types"], params["_session"] = s["payment_method_types"], s.ID()
	if s.Text("customer") != "" {
		params["customer"] = s.Text("customer")
	}
	if shipping := s.Sub("shipping_details"); shipping != nil {
		params["shipping"] = shipping
	}
	intent, refusal := t.newIntent(params)
	if refusal == nil {
		s["payment_intent"] = intent.ID()
	}
	return intent, refusal
}
