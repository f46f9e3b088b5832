package ledger

import (
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// A payment method remembers in _test which of Stripe's test methods it is, and in _used that it cannot be used again: it has
// been used, or taken from a customer, and belongs to none.
var paymentMethodCalls = map[string]Call{
	"GET /v1/payment_methods":                          listMethods,
	"GET /v1/payment_methods/{payment_method}":         retrieve("payment_method"),
	"POST /v1/payment_methods/{payment_method}/attach": attachMethod,
	"POST /v1/payment_methods/{payment_method}/detach": detachMethod,
}

// newMethod makes a payment method that behaves as one of Stripe's test methods (pm_card_visa, pm_card_chargeDeclined, …,
// pm_usBankAccount_…). What is not in billing, which has the form of billing_details, is null.
func (t *Tx) newMethod(test string, billing wire.Object) (wire.Object, *wire.Error) {
	does, known := behaviour(test)
	if !known {
		return nil, wire.Missing(spoken("payment_method"), test, "payment_method")
	}
	m := t.Make("payment_method", "pm")
	m["_test"], m["type"] = does.name, does.kind()
	m["billing_details"] = billingDetails(billing)
	delete(m, "card")
	m[does.kind()] = does.funds()
	return m, nil
}

func billingDetails(given wire.Object) wire.Object {
	details := wire.Part("payment_method", "billing_details")
	details["address"] = wire.Part("payment_method", "billing_details", "address")
	if some, ok := filled(given, "payment_method", "billing_details").(wire.Object); ok && given != nil {
		address := details["address"]
		details = some
		if details["address"] == nil {
			details["address"] = address
		}
	}
	return details
}

// method finds a payment method, or makes the one whose test name is given, to be changed.
func (t *Tx) method(id, param string) (wire.Object, *wire.Error) {
	if _, isTest := behaviour(id); isTest {
		return t.newMethod(id, nil)
	}
	return t.Edit("payment_method", id, param)
}

// usable refuses to pay an intent with a payment method that is another's, used up, or of another type than the intent takes.
func usable(intent, m wire.Object) *wire.Error {
	owner, payer, types := m.Text("customer"), intent.Text("customer"), intent.Texts("payment_method_types")
	switch {
	case !slices.Contains(types, m.Text("type")):
		return wire.Invalid("", "payment_method", "The PaymentMethod provided (%s) is not allowed for this PaymentIntent. Please attach a PaymentMethod of one of the following types: %s.", m.Text("type"), strings.Join(types, ", "))
	case owner != "" && payer == "":
		return with(intent, wire.Invalid("parameter_missing", "source", "The `payment_method` parameter supplied %s belongs to the Customer %s. Please include the Customer in the `customer` parameter on the PaymentIntent.", m.ID(), owner))
	case owner != "" && owner != payer:
		return with(intent, wire.Invalid("", "payment_method", "The PaymentMethod %s does not belong to the Customer you supplied %s. Please use this PaymentMethod with the Customer that it belongs to instead.", m.ID(), payer))
	case owner == "" && m.Bool("_used"):
		return wire.Invalid("", "payment_method", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.")
	}
	return nil
}

func notTheirs(id, param string) *wire.Error {
	return wire.Invalid("resource_missing", param, "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
}

// listMethods lists those of a customer. Without one there is nothing: what belongs to nobody is not listed.
func listMethods(t *Tx, in Input) (wire.Object, *wire.Error) {
	return t.methodsOf(in.Params.Text("customer"), in, "/v1/payment_methods")
}

func (t *Tx) methodsOf(customer string, in Input, url string) (wire.Object, *wire.Error) {
	return t.list("payment_method", in, url, func(m wire.Object) bool {
		return customer != "" && m.Text("customer") == customer && fits(m, in.Params)
	})
}

func attachMethod(t *Tx, in Input) (wire.Object, *wire.Error) {
	customer, refusal := t.Find("customer", in.Params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	m, refusal := t.method(in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	return m, t.attach(m, customer.ID())
}

// attach gives a payment method to a customer. A card that is declined is, with one exception, declined here already.
func (t *Tx) attach(m wire.Object, customer string) *wire.Error {
	does, _ := behaviour(m.Text("_test"))
	switch {
	case m.Text("customer") != "":
		return wire.Invalid("", "", "The payment method you provided has already been attached to a customer.")
	case m.Bool("_used"):
		return wire.Invalid("", "", "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.")
	case does.refusesToBeKept():
		refusal := cardError(does.decline)
		refusal.Keeps = false
		return refusal
	}
	t.give(m, customer)
	return nil
}

// give makes a payment method a customer's.
func (t *Tx) give(m wire.Object, customer string) {
	m["customer"] = customer
	t.Emit("payment_method.attached", m)
}

func detachMethod(t *Tx, in Input) (wire.Object, *wire.Error) {
	m, refusal := t.Edit("payment_method", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	owner := m.Text("customer")
	if owner == "" {
		return nil, wire.Invalid("", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	m["customer"], m["_used"] = nil, true
	event := t.Emit("payment_method.detached", m)
	event.Sub("data")["previous_attributes"] = wire.Object{"customer": owner}
	c := t.edit(owner)
	if settings := c.Sub("invoice_settings"); settings.Text("default_payment_method") == m.ID() {
		settings["default_payment_method"] = nil
		t.emitUpdated("customer.updated", c)
	}
	return m, nil
}
