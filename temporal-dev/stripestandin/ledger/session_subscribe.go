package ledger

import (
	"cmp"

	"twigz/temporal-dev/stripestandin/wire"
)

// subscribe pays a session of mode subscription. The first try starts the subscription; where its first payment does not go
// through, the subscription is incomplete, and the next try pays the same invoice.
func subscribe(t *Tx, s wire.Object, p *SessionPayment) *wire.Error {
	method, refusal := t.standingMethod(s, p)
	if refusal != nil {
		return refusal
	}
	if started := s.Text("_started"); started != "" {
		intent := t.edit(t.IntentOf(s).ID())
		if refusal := t.confirm(intent, method); refusal != nil {
			return refusal
		}
		t.edit(started)["default_payment_method"] = method.ID()
		sessionFollows(t, intent)
		return nil
	}
	subscription, refusal := t.startSubscription(subscriptionParams(s), method)
	if refusal != nil {
		return refusal
	}
	s["_started"] = subscription.ID()
	return t.firstPaid(s)
}

// standingMethod makes the payment method that the customer has chosen theirs, for the payments to come. What is not charged
// today is checked by the bank here. Nil: none is wanted.
func (t *Tx) standingMethod(s wire.Object, p *SessionPayment) (wire.Object, *wire.Error) {
	free := s.Int("amount_total") == 0
	if free && s.Text("payment_method_collection") != "always" {
		return nil, nil
	}
	method, refusal := t.sessionMethod(s, p)
	switch {
	case refusal != nil:
		return nil, refusal
	case free:
		return method, t.attach(method, s.Text("customer"))
	}
	t.give(method, s.Text("customer"))
	return method, nil
}

// subscriptionParams are those of POST /v1/subscriptions.
func subscriptionParams(s wire.Object) wire.Object {
	params := s.Sub("_subscription").Clone()
	if params == nil {
		params = wire.Object{}
	}
	var items, once []any
	for _, line := range s.List("_lines") {
		item := wire.Object{"price": line.Sub("price").ID(), "quantity": line.Int("quantity"), "_own": true}
		if isRecurring(line) {
			items = append(items, item)
		} else {
			once = append(once, item)
		}
	}
	params["customer"], params["items"] = s.Text("customer"), items
	if s.Sub("automatic_tax").Bool("enabled") {
		params["automatic_tax"] = wire.Object{"enabled": true}
	}
	if once != nil {
		params["add_invoice_items"] = once
	}
	return params
}

// IntentOf is the payment intent of a session, which in mode subscription is that of the first invoice. Nil: the customer has
// not tried to pay yet, or nothing needs to be paid.
func (t *Tx) IntentOf(s wire.Object) wire.Object {
	return t.Read(cmp.Or(s.Text("payment_intent"), t.firstInvoice(s).Text("payment_intent")))
}

func (t *Tx) firstInvoice(s wire.Object) wire.Object {
	return t.Read(t.Read(s.Text("_started")).Text("latest_invoice"))
}

// firstPaid does what follows from the first try to pay a subscription that a session has started.
func (t *Tx) firstPaid(s wire.Object) *wire.Error {
	if t.IntentOf(s) == nil {
		t.finish(s, "no_payment_required")
		return nil
	}
	intent := t.edit(t.IntentOf(s).ID())
	intent["_session"] = s.ID()
	if failure := intent.Sub("last_payment_error"); failure != nil && intent.Text("status") == "requires_payment_method" {
		declined := wire.Declined(failure.Text("code"), failure.Text("decline_code"), failure.Text("message"))
		declined.PaymentIntent = intent.Public().Clone()
		return declined
	}
	sessionFollows(t, intent)
	return nil
}

// showSubscription names in a completed session what it has started.
func (t *Tx) showSubscription(s wire.Object) {
	if id := s.Text("_started"); id != "" {
		s["subscription"], s["invoice"] = id, t.firstInvoice(s)["id"]
	}
}

// dropSubscription ends the subscription of a session that has expired before the first invoice was paid.
func (t *Tx) dropSubscription(s wire.Object) {
	if id := s.Text("_started"); t.Read(id).Text("status") == "incomplete" {
		_, _ = subscriptionCalls["DELETE /v1/subscriptions/{subscription_exposed_id}"](t, Input{ID: id, Params: wire.Object{}}) // it can be: it has not ended
	}
}
