package ledger

import (
	"crypto/rand"
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

var customerCalls = map[string]Call{
	"POST /v1/customers":                           createCustomer,
	"GET /v1/customers":                            filtered("customer", "/v1/customers"),
	"GET /v1/customers/{customer}":                 retrieveCustomer,
	"POST /v1/customers/{customer}":                changeCustomer,
	"DELETE /v1/customers/{customer}":              deleteCustomer,
	"GET /v1/customers/{customer}/payment_methods": listCustomerMethods,
}

// servedCustomer are the parameters of a customer that do something here.
var servedCustomer = []string{
	"address", "balance", "description", "email", "expand", "invoice_prefix", "invoice_settings[custom_fields]",
	"invoice_settings[default_payment_method]", "invoice_settings[footer]", "metadata", "name", "next_invoice_sequence", "payment_method", "phone",
	"preferred_locales", "shipping", "tax_exempt",
}

func createCustomer(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedCustomer, ""); refusal != nil {
		return nil, refusal
	}
	return t.newCustomer(in.Params)
}

// newCustomer makes a customer from parameters as POST /v1/customers takes them and emits customer.created.
func (t *Tx) newCustomer(params wire.Object) (wire.Object, *wire.Error) {
	c := t.Make("customer", "cus")
	c["invoice_prefix"], c["next_invoice_sequence"] = rand.Text()[:8], 1
	c["delinquent"], c["preferred_locales"], c["tax_exempt"] = false, []any{}, "none"
	if id := params.Text("payment_method"); id != "" {
		m, refusal := t.method(id, "payment_method")
		if refusal == nil {
			refusal = t.attach(m, c.ID())
		}
		if refusal != nil {
			return nil, refusal
		}
		params = params.Clone()
		params["payment_method"] = m.ID()
		if settings := params.Sub("invoice_settings"); settings.Text("default_payment_method") == id {
			settings["default_payment_method"] = m.ID()
		}
	}
	if refusal := t.setCustomer(c, params); refusal != nil {
		return nil, refusal
	}
	t.Emit("customer.created", c)
	return c, nil
}

// setCustomer changes what the parameters give.
func (t *Tx) setCustomer(c, params wire.Object) *wire.Error {
	if refusal := checkEmail(params, "email"); refusal != nil {
		return refusal
	}
	assign(
		c, params, "balance", "description", "email", "invoice_prefix", "metadata", "name", "next_invoice_sequence", "phone", "preferred_locales",
		"tax_exempt",
	)
	for _, part := range []string{"address", "shipping"} {
		if value, isGiven := params[part]; isGiven {
			c[part] = filled(value, "customer", part)
		}
	}
	given := params.Sub("invoice_settings")
	if id := given.Text("default_payment_method"); id != "" {
		m, refusal := t.Find("payment_method", id, "invoice_settings[default_payment_method]")
		if refusal != nil {
			return refusal
		}
		if m.Text("customer") != c.ID() {
			return notTheirs(id, "invoice_settings[default_payment_method]")
		}
	}
	assign(c.Sub("invoice_settings"), given, "custom_fields", "default_payment_method", "footer")
	return nil
}

func checkEmail(params wire.Object, field string) *wire.Error {
	if email := params.Text(field); email != "" && !isEmail(email) {
		return wire.Invalid("email_invalid", field, "Invalid email address: %s", email)
	}
	return nil
}

// retrieveCustomer shows also those that are deleted, of whom it says no more than that.
func retrieveCustomer(t *Tx, in Input) (wire.Object, *wire.Error) {
	if c := t.Read(in.ID); c.Kind() == "customer" {
		return c, nil
	}
	return t.Find("customer", in.ID, "")
}

func changeCustomer(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, servedCustomer, ""); refusal != nil {
		return nil, refusal
	}
	c, refusal := t.Edit("customer", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if refusal := t.setCustomer(c, in.Params); refusal != nil {
		return nil, refusal
	}
	t.emitUpdated("customer.updated", c)
	return c, nil
}

// emitUpdated tells of a change where there is one.
func (t *Tx) emitUpdated(eventType string, o wire.Object) {
	if len(t.previous(o)) > 0 {
		t.Emit(eventType, o)
	}
}

// deleteCustomer leaves no more than that there was one. Their subscriptions end with them.
func deleteCustomer(t *Tx, in Input) (wire.Object, *wire.Error) {
	c, refusal := t.Edit("customer", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	t.endSubscriptions(c.ID())
	for _, m := range t.all("payment_method", "customer", c.ID()) {
		m := t.edit(m.ID())
		m["customer"], m["_used"] = nil, true
	}
	t.Emit("customer.deleted", c)
	return t.Put(wire.Object{"id": c.ID(), "object": "customer", "deleted": true}), nil
}

// endSubscriptions cancels those of a customer that have not ended.
func (t *Tx) endSubscriptions(customer string) {
	cancel := subscriptionCalls["DELETE /v1/subscriptions/{subscription_exposed_id}"]
	for _, s := range t.all("subscription", "customer", customer) {
		if !slices.Contains([]string{"canceled", "incomplete_expired"}, s.Text("status")) {
			_, _ = cancel(t, Input{ID: s.ID(), Params: wire.Object{}}) // it is refused for those that have ended alone
		}
	}
}

// all are the objects of a kind whose field is that, the newest first.
func (t *Tx) all(kind, field string, value any) []wire.Object {
	var all []wire.Object
	for o := range t.Every(kind) {
		if o[field] == value {
			all = append(all, o)
		}
	}
	return all
}

func listCustomerMethods(t *Tx, in Input) (wire.Object, *wire.Error) {
	c, refusal := t.Find("customer", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	return t.methodsOf(c.ID(), in, "/v1/customers/"+c.ID()+"/payment_methods")
}
