package ledger

import (
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

var invoiceCalls = map[string]Call{
	"GET /v1/invoices":                               filtered("invoice", "/v1/invoices"),
	"GET /v1/invoices/upcoming":                      previewInvoice,
	"GET /v1/invoices/{invoice}":                     retrieve("invoice"),
	"GET /v1/invoices/{invoice}/lines":               listLines,
	"POST /v1/invoices/{invoice}":                    updateInvoice,
	"POST /v1/invoices/{invoice}/finalize":           onInvoice("finalized", []string{"draft"}, (*Tx).finalizeNow),
	"POST /v1/invoices/{invoice}/void":               onInvoice("voided", []string{"open", "uncollectible"}, (*Tx).void),
	"POST /v1/invoices/{invoice}/mark_uncollectible": onInvoice("marked uncollectible", []string{"open"}, (*Tx).giveUp),
	"POST /v1/invoices/{invoice}/pay": func(t *Tx, in Input) (wire.Object, *wire.Error) {
		if refusal := checkServed(in.Params, []string{"expand", "off_session", "payment_method"}, ""); refusal != nil {
			return nil, refusal
		}
		offSession := !in.Params.Has("off_session") || in.Params.Bool("off_session")
		return t.payInvoice(in.ID, in.Params.Text("payment_method"), offSession)
	},
}

func listLines(t *Tx, in Input) (wire.Object, *wire.Error) {
	o, refusal := t.Find("invoice", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	return paged(o.List("lines"), "line_item", in, "/v1/invoices/"+in.ID+"/lines")
}

func updateInvoice(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"auto_advance", "description", "expand", "footer", "metadata"}, ""); refusal != nil {
		return nil, refusal
	}
	o, refusal := t.Edit("invoice", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	status := o.Text("status")
	for _, fixed := range []string{"description", "footer"} {
		if in.Params.Has(fixed) && status != "draft" {
			return nil, wire.Invalid("invoice_not_editable", fixed, "Finalized invoices can't be updated in this way.")
		}
	}
	assign(o, in.Params, "auto_advance", "description", "footer", "metadata")
	if in.Params.Has("auto_advance") && (status == "draft" || status == "open") {
		t.advanceInvoice(o)
	}
	t.emitUpdated("invoice.updated", o)
	return o, nil
}

// onInvoice is a call that does something to an invoice of one of the statuses.
func onInvoice(done string, statuses []string, do func(*Tx, wire.Object)) Call {
	return func(t *Tx, in Input) (wire.Object, *wire.Error) {
		if refusal := checkServed(in.Params, []string{"auto_advance", "expand"}, ""); refusal != nil {
			return nil, refusal
		}
		o, refusal := t.Edit("invoice", in.ID, "")
		if refusal != nil {
			return nil, refusal
		}
		if status := o.Text("status"); !slices.Contains(statuses, status) {
			return nil, wire.Invalid("", "", "This invoice cannot be %s because it is %s.", done, status)
		}
		if refusal := t.billable(o); refusal != nil {
			return nil, refusal
		}
		assign(o, in.Params, "auto_advance")
		do(t, o)
		return o, nil
	}
}

// billable refuses to make an invoice of a draft whose customer is there no more.
func (t *Tx) billable(in wire.Object) *wire.Error {
	if in.Text("status") != "draft" {
		return nil
	}
	_, refusal := t.Find("customer", in.Text("customer"), "customer")
	return refusal
}

// finalizeNow finalizes a draft before its time. It is collected in an hour, unless auto_advance says that it is not.
func (t *Tx) finalizeNow(in wire.Object) {
	t.finalize(in)
	if in.Text("status") == "open" {
		t.advanceInvoice(in)
	}
}

// PayInvoice pays an invoice as its customer does on Stripe's page for it, with a payment method of theirs or one of Stripe's test
// methods; empty: with the one that pays the subscription. A decline is an error that keeps what was done. A payment that the
// customer has to authenticate waits for CompleteAction.
func (t *Tx) PayInvoice(id, method string) (wire.Object, *wire.Error) {
	in, refusal := t.payInvoice(id, method, false)
	if refusal != nil && refusal.Code == needsAction {
		return t.edit(id), nil
	}
	return in, refusal
}

// needsAction is the code of the error for a payment that the customer has to authenticate.
const needsAction = "invoice_payment_intent_requires_action"

func (t *Tx) payInvoice(id, method string, offSession bool) (wire.Object, *wire.Error) {
	in, refusal := t.Edit("invoice", id, "")
	if refusal != nil {
		return nil, refusal
	}
	if refusal := t.billable(in); refusal != nil {
		return nil, refusal
	}
	switch status := in.Text("status"); status {
	case "paid":
		return nil, wire.Invalid("invoice_already_paid", "", "Invoice is already paid")
	case "draft":
		t.finalize(in)
	case "void":
		return nil, wire.Invalid("", "", "This invoice cannot be paid because it is void.")
	}
	if in.Bool("paid") || in.Text("payment_intent") == "" {
		return in, nil
	}
	payer := t.payerOf(t.Read(in.Text("subscription")))
	if method != "" {
		if payer, refusal = t.method(method, "payment_method"); refusal != nil {
			return nil, refusal
		}
	}
	if payer == nil {
		return nil, wire.Invalid("", "", "There is no `default_payment_method` set on this Customer or Invoice.")
	}
	if refusal := usable(t.Read(in.Text("payment_intent")), payer); refusal != nil {
		return nil, refusal
	}
	refusal = t.payWith(in, payer, offSession)
	if refusal == nil && t.waitsForHolder(in) {
		refusal = wire.Declined(needsAction, "", "This payment requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the invoice. For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action")
	}
	return in, refusal
}

// SetDefaultMethod gives a customer another of Stripe's test payment methods, with which all their subscriptions are paid from
// now on.
func (t *Tx) SetDefaultMethod(customerID, test string) (wire.Object, *wire.Error) {
	c, refusal := t.Edit("customer", customerID, "")
	if refusal != nil {
		return nil, refusal
	}
	m, refusal := t.newMethod(test, nil)
	if refusal != nil {
		return nil, refusal
	}
	t.give(m, c.ID())
	c.Sub("invoice_settings")["default_payment_method"] = m.ID()
	t.emitUpdated("customer.updated", c)
	for _, s := range t.all("subscription", "customer", c.ID()) {
		if !slices.Contains(ended, s.Text("status")) && s["default_payment_method"] != nil {
			s = t.edit(s.ID())
			s["default_payment_method"] = m.ID()
			t.emitUpdated("customer.subscription.updated", s)
		}
	}
	return m, nil
}

// previewInvoice is GET /v1/invoices/upcoming.
func previewInvoice(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"customer", "expand", "subscription"}, ""); refusal != nil {
		return nil, refusal
	}
	var s wire.Object
	if id := in.Params.Text("subscription"); id != "" {
		found, refusal := t.Find("subscription", id, "subscription")
		if refusal != nil {
			return nil, refusal
		}
		s = found
	}
	for _, each := range t.all("subscription", "customer", in.Params.Text("customer")) {
		if s == nil && renews(each) {
			s = each
		}
	}
	if s == nil || !renews(s) {
		return nil, &wire.Error{Status: 404, Type: "invalid_request_error", Code: "invoice_upcoming_none", Message: "No upcoming invoices for customer: " + in.Params.Text("customer")}
	}
	return t.upcoming(s), nil
}
