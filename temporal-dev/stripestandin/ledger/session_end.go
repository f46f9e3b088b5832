package ledger

import "twigz/temporal-dev/stripestandin/wire"

// finish completes a session and says whether it is paid.
func (t *Tx) finish(s wire.Object, payment string) {
	s["status"], s["payment_status"], s["url"] = "complete", payment, nil
	delete(s, "_due")
	t.showSubscription(s)
	t.Emit("checkout.session.completed", s)
}

// settled says what a session's payment_status is once its intent has come so far that the customer has nothing more to do.
var settled = map[string]string{"succeeded": "paid", "processing": "unpaid", "requires_capture": "unpaid"}

// sessionFollows does what a session does when its payment intent has changed its status: an open one is completed, and one
// that awaits its bank's answer takes note of it. Called by the payments code after it has emitted the intent's own events.
func sessionFollows(t *Tx, intent wire.Object) {
	id := intent.Text("_session")
	if id == "" {
		return
	}
	s := t.edit(id)
	status := intent.Text("status")
	switch payment := settled[status]; {
	case s.Text("status") == "open" && payment != "":
		s["_awaits"] = status == "processing"
		t.finish(s, payment)
	case s.Text("status") == "complete" && s.Text("payment_status") == "unpaid":
		t.hear(s, status)
	}
}

// hear takes note of what has become of the payment of a complete session. Capturing one by hand is not announced.
func (t *Tx) hear(s wire.Object, status string) {
	awaited := s.Bool("_awaits")
	switch {
	case status == "succeeded":
		s["_awaits"], s["payment_status"] = false, "paid"
		if awaited {
			t.Emit("checkout.session.async_payment_succeeded", s)
		}
	case awaited && settled[status] == "":
		s["_awaits"] = false
		t.Emit("checkout.session.async_payment_failed", s)
	}
}

// ExpireSession expires an open session.
func (t *Tx) ExpireSession(id string) (wire.Object, *wire.Error) {
	s, refusal := t.Edit("checkout.session", id, "")
	if refusal != nil {
		return nil, refusal
	}
	if status := s.Text("status"); status != "open" {
		return nil, wire.Invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `%s`.", status)
	}
	sessionDue(t, s)
	return s, nil
}

// sessionDue expires a session, and cancels what it has begun.
func sessionDue(t *Tx, s wire.Object) {
	s["status"], s["url"] = "expired", nil
	delete(s, "_due")
	if id := s.Text("payment_intent"); id != "" {
		t.cancelIntent(t.edit(id), "automatic")
	}
	t.dropSubscription(s)
	t.Emit("checkout.session.expired", s)
}
