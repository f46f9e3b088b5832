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
	"POST /v1/invoices/{invoice}/finalize":           onInvoice("finalized", []string{"draft"}, (*Tx).finalize),
	"POST /v1/invoices/{invoice}/void":               onInvoice("voided", []string{"open", "uncollectible"}, (*Tx).void),
	"POST /v1/invoices/{invoice}/mark_uncollectible": onInvoice("marked uncollectible", []string{"open"}, (*Tx).giveUp),
	"POST /v1/invoices/{invoice}/pay": func(t *Tx, in Input) (wire.Object, *wire.Error) {
		if refusal := checkServed(in.Params, []string{"expand", "off_session", "payment_method"}, ""); refusal != nil {
			return nil, refusal
		}
		return t.PayInvoice(in.ID, in.Params.Text("payment_method"))
	},
}

func listLines(t *Tx, in Input) (wire.Object, *wire.Error) {
	o, refusal := t.Find("invoice", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	page, more, refusal := cut(o.List("lines"), 100, "line_item", in.Params)
	return wire.List("/v1/invoices/"+in.ID+"/lines", more, page), refusal
}

func updateInvoice(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"auto_advance", "description", "expand", "footer", "metadata"}, ""); refusal != nil {
		return nil, refusal
	}
	o, refusal := t.Edit("invoice", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	assign(o, in.Params, "auto_advance", "description", "footer", "metadata")
	if o.Text("status") == "draft" {
		delete(o, "_due")
		if o.Bool("auto_advance") {
			o["_due"] = t.Now() + draftLife
		}
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
		do(t, o)
		return o, nil
	}
}

// PayInvoice pays an open invoice, with a payment method of the customer's or one of Stripe's test methods; empty: with the
// one that pays the subscription. A decline is an error that keeps what was done.
func (t *Tx) PayInvoice(id, method string) (wire.Object, *wire.Error) {
	in, refusal := t.Edit("invoice", id, "")
	if refusal != nil {
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
	return in, t.payWith(in, payer)
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
	} else {
		s = t.First("subscription", "customer", in.Params.Text("customer"))
	}
	if s == nil || slices.Contains(ended, s.Text("status")) || s.Bool("cancel_at_period_end") {
		return nil, &wire.Error{Status: 404, Type: "invalid_request_error", Code: "invoice_upcoming_none", Message: "No upcoming invoices for customer: " + in.Params.Text("customer")}
	}
	return t.upcoming(s), nil
}
