package ledger

import (
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// The customer portal: a page on which a customer sees to their own subscriptions, cards and invoices. What is done on it is
// in the exported methods below, which act for the session's customer alone.
// https://docs.stripe.com/customer-management
var portalCalls = map[string]Call{"POST /v1/billing_portal/sessions": createPortal}

// portalLife is how long a portal session is open, in seconds: an hour.
const portalLife = 60 * 60

// portalSettings is the account's only portal configuration, which nobody can change.
const portalSettings = "bpc_3standin"

func createPortal(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkServed(in.Params, []string{"customer", "expand", "locale", "return_url"}, ""); refusal != nil {
		return nil, refusal
	}
	c, refusal := t.Find("customer", in.Params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	if in.Params.Has("return_url") && !isURL(in.Params.Text("return_url")) {
		return nil, wire.Invalid("url_invalid", "return_url", "Not a valid URL")
	}
	s := t.Make("billing_portal.session", "bps")
	s["configuration"], s["customer"], s["_due"] = portalSettings, c.ID(), t.Now()+portalLife
	s["url"] = t.ledger.page("portal", s.ID())
	assign(s, in.Params, "locale", "return_url")
	t.Emit("billing_portal.session.created", s)
	return s, nil
}

// onPortal is the subscription of a portal session's customer, which nobody else's session can reach.
func (t *Tx) onPortal(sessionID, subscriptionID string) (wire.Object, *wire.Error) {
	session, refusal := t.Find("billing_portal.session", sessionID, "")
	if refusal != nil {
		return nil, refusal
	}
	s, refusal := t.Find("subscription", subscriptionID, "")
	if refusal == nil && s.Text("customer") != session.Text("customer") {
		refusal = wire.Missing("subscription", subscriptionID, "")
	}
	return s, refusal
}

// CancelOnPortal ends a subscription with its period, or keeps it after all.
func (t *Tx) CancelOnPortal(sessionID, subscriptionID string, end bool) *wire.Error {
	return t.updateOnPortal(sessionID, subscriptionID, wire.Object{"cancel_at_period_end": end})
}

// SwitchOnPortal changes a subscription to another price. The difference is invoiced at once, and where its payment fails the
// subscription stays as it was.
func (t *Tx) SwitchOnPortal(sessionID, subscriptionID, price string) *wire.Error {
	s, refusal := t.onPortal(sessionID, subscriptionID)
	if refusal != nil {
		return refusal
	}
	if !slices.ContainsFunc(t.Switches(s), func(p wire.Object) bool { return p.ID() == price }) {
		return wire.Missing("price", price, "price")
	}
	return t.updateOnPortal(sessionID, subscriptionID, wire.Object{
		"items":              []any{wire.Object{"id": s.List("items")[0].ID(), "price": price}},
		"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete",
	})
}

func (t *Tx) updateOnPortal(sessionID, subscriptionID string, params wire.Object) *wire.Error {
	if _, refusal := t.onPortal(sessionID, subscriptionID); refusal != nil {
		return refusal
	}
	_, refusal := updateSubscription(t, Input{ID: subscriptionID, Params: params})
	return refusal
}

// Switches are the prices that a customer can change a subscription to by themself, the newest first: those of its currency
// that recur. One that is of several prices is changed by the shop.
func (t *Tx) Switches(s wire.Object) (all []wire.Object) {
	items := s.List("items")
	if len(items) != 1 || !slices.Contains([]string{"active", "trialing", "past_due"}, s.Text("status")) {
		return nil
	}
	for p := range t.Every("price") {
		fits := p.Bool("active") && p.Text("type") == "recurring" && p.Text("currency") == s.Text("currency") && p["unit_amount"] != nil
		if fits && p.ID() != items[0].Sub("price").ID() && t.Read(p.Text("product")).Bool("active") {
			all = append(all, p)
		}
	}
	return all
}

// PayOnPortal pays an open invoice of the session's customer, as PayInvoice does.
func (t *Tx) PayOnPortal(sessionID, invoiceID string) *wire.Error {
	session, refusal := t.Find("billing_portal.session", sessionID, "")
	if refusal != nil {
		return refusal
	}
	if t.Read(invoiceID).Text("customer") != session.Text("customer") {
		return wire.Missing("invoice", invoiceID, "")
	}
	_, refusal = t.PayInvoice(invoiceID, "")
	return refusal
}

// ChangeCardOnPortal gives the session's customer another of Stripe's test payment methods, as SetDefaultMethod does, once its
// bank has agreed.
func (t *Tx) ChangeCardOnPortal(sessionID, test string) *wire.Error {
	session, refusal := t.Find("billing_portal.session", sessionID, "")
	if refusal != nil {
		return refusal
	}
	if does, _ := behaviour(test); does.refusesToBeKept() {
		refusal := cardError(does.decline)
		refusal.Keeps = false
		return refusal
	}
	_, refusal = t.SetDefaultMethod(session.Text("customer"), test)
	return refusal
}

// InvoicesOf are a customer's invoices but for drafts, which customers do not see, the newest first.
func (t *Tx) InvoicesOf(customer string) []wire.Object {
	return slices.DeleteFunc(t.all("invoice", "customer", customer), func(in wire.Object) bool { return in.Text("status") == "draft" })
}

// SubscriptionsOf are a customer's subscriptions that have not ended, the newest first.
func (t *Tx) SubscriptionsOf(customer string) []wire.Object {
	return slices.DeleteFunc(t.all("subscription", "customer", customer), func(s wire.Object) bool { return slices.Contains(ended, s.Text("status")) })
}

// PayerOf is the payment method that pays a subscription's invoices. Nil: there is none.
func (t *Tx) PayerOf(s wire.Object) wire.Object { return t.payerOf(s) }
