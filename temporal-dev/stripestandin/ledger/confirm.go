package ledger

import (
	"cmp"

	"twigz/temporal-dev/stripestandin/wire"
)

// How long banks take, in seconds.
const (
	day = 24 * 60 * 60
	// bankTime passes until a bank debit succeeds or fails, and until a refund that is pending or going to fail does.
	bankTime = 4 * day
	// authorizationLife is how long an amount stays authorized without being captured.
	authorizationLife = 7 * day
)

// confirm tries to collect an intent with a payment method: it moves the intent, makes the charge and emits their events.
// A decline is a wire.Declined (which Keeps what was done).
func (t *Tx) confirm(intent, m wire.Object) *wire.Error {
	intent, m = t.edit(intent.ID()), t.edit(m.ID())
	m["_used"] = true
	intent["payment_method"], intent["last_payment_error"], intent["next_action"] = m.ID(), nil, nil
	does, _ := behaviour(m.Text("_test"))
	isSetUp := does.name == onSetup && m.Text("customer") != ""
	var refusal *wire.Error
	switch {
	case !does.authenticate || isSetUp:
		refusal = t.charge(intent, m)
	case intent.Bool("_off_session"):
		refusal = t.decline(intent, m, unauthenticated)
	default:
		t.ask(intent)
	}
	if intent.Text("invoice") != "" {
		invoiceFollows(t, intent)
	}
	return refusal
}

// onSetup wants no authentication once it is a customer's.
const onSetup = "pm_card_authenticationRequiredOnSetup"

// ask waits for the customer to authenticate the payment.
func (t *Tx) ask(intent wire.Object) {
	intent["status"] = "requires_action"
	intent["next_action"] = wire.Object{"type": "use_stripe_sdk", "use_stripe_sdk": wire.Object{"type": "three_d_secure_redirect"}}
	if back := intent.Text("_return_url"); back != "" {
		url := "https://hooks.stripe.com/redirect/authenticate/" + intent.ID()
		intent["next_action"] = wire.Object{"type": "redirect_to_url", "redirect_to_url": wire.Object{"return_url": back, "url": url}}
	}
	t.Emit("payment_intent.requires_action", intent)
}

// charge makes the charge, and what becomes of it.
func (t *Tx) charge(intent, m wire.Object) *wire.Error {
	does, _ := behaviour(m.Text("_test"))
	switch {
	case does.decline != "":
		return t.decline(intent, m, does.decline)
	case does.kind() != "card":
		t.await(intent, m, does.settles)
	case intent.Text("capture_method") == "manual":
		t.authorize(intent, m)
	default:
		t.succeed(intent, t.newCharge(intent, m))
	}
	return nil
}

// succeed collects all of an intent's amount.
func (t *Tx) succeed(intent, charge wire.Object) {
	charge["captured"], charge["amount_captured"] = true, charge.Int("amount")
	t.approve(intent, charge)
	if intent.Text("capture_method") == "automatic_async" {
		charge["_due"] = t.Now() + 2 // then it has a balance transaction, see chargeDue
	} else {
		charge["balance_transaction"] = t.book("charge", charge, charge.Int("amount")).ID()
	}
	intent["status"], intent["amount_received"] = "succeeded", charge.Int("amount")
	intent["processing"] = nil
	delete(intent, "_due")
	t.Emit("charge.succeeded", charge)
	t.suspect(charge)
	t.Emit("payment_intent.succeeded", intent)
	t.keep(intent)
	t.question(intent)
}

// authorize reserves an intent's amount until it is captured.
func (t *Tx) authorize(intent, m wire.Object) {
	charge := t.newCharge(intent, m)
	t.approve(intent, charge)
	intent["status"], intent["amount_capturable"] = "requires_capture", charge.Int("amount")
	intent["_due"] = t.Now() + authorizationLife
	charge.Sub("payment_method_details").Sub("card")["capture_before"] = intent["_due"]
	t.Emit("charge.succeeded", charge)
	t.Emit("payment_intent.amount_capturable_updated", intent)
	t.keep(intent)
	t.question(intent)
}

// capture collects what was authorized, or a part of it. The rest is given back, and counts as refunded.
func (t *Tx) capture(intent wire.Object, amount int64) {
	charge := t.edit(intent.Text("latest_charge"))
	charge["captured"], charge["amount_captured"] = true, amount
	charge["balance_transaction"] = t.book("charge", charge, amount).ID()
	if rest := charge.Int("amount") - amount; rest > 0 {
		t.release(charge, rest)
	}
	intent["status"], intent["amount_received"], intent["amount_capturable"] = "succeeded", amount, 0
	delete(intent, "_due")
	t.Emit("charge.captured", charge)
	t.suspect(charge)
	t.Emit("payment_intent.succeeded", intent)
	t.follow(intent)
}

// await waits for the bank, which takes its time.
func (t *Tx) await(intent, m wire.Object, settles string) {
	charge := t.newCharge(intent, m)
	charge["status"] = "pending"
	charge["outcome"] = outcome(testMethod{risk: "not_assessed"}, "")
	intent["status"] = "processing"
	if settles != "" {
		intent["_due"] = t.Now() + bankTime
	}
	t.Emit("charge.pending", charge)
	t.Emit("payment_intent.processing", intent)
}

// decline leaves a failed charge behind (but where nobody was there to authenticate it, none was tried), and the intent waiting
// for another payment method.
func (t *Tx) decline(intent, m wire.Object, reason string) *wire.Error {
	refusal := cardError(reason)
	if reason != unauthenticated {
		refusal.Charge = t.failedCharge(intent, m, reason).ID()
	}
	t.fail(intent, refusal, m)
	if refusal.Charge != "" {
		t.Emit("charge.failed", t.Read(refusal.Charge))
	}
	t.Emit("payment_intent.payment_failed", intent)
	refusal.PaymentIntent, refusal.PaymentMethod = intent.Public().Clone(), m.Public().Clone()
	return refusal
}

// cardError is the error for a card that is declined for one of the reasons in declines.
func cardError(reason string) *wire.Error {
	why := declines[reason]
	refusal := wire.Declined(why.code, why.declineCode, why.message)
	refusal.Param = why.param
	return refusal
}

func (t *Tx) failedCharge(intent, m wire.Object, reason string) wire.Object {
	does, _ := behaviour(m.Text("_test"))
	charge := t.newCharge(intent, m)
	charge["status"], charge["failure_code"], charge["failure_message"] = "failed", declines[reason].code, declines[reason].message
	charge["outcome"] = outcome(does, reason)
	charge.Sub("payment_method_details").Sub("card")["amount_authorized"] = nil
	return charge
}

// fail writes into an intent why it is not paid. It has no payment method any more.
func (t *Tx) fail(intent wire.Object, why *wire.Error, m wire.Object) {
	said := wire.Object{"code": why.Code, "doc_url": why.DocURL, "message": why.Message, "payment_method": m.Public().Clone(), "type": why.Type}
	for field, value := range map[string]string{"charge": why.Charge, "decline_code": why.DeclineCode, "param": why.Param} {
		if value != "" {
			said[field] = value
		}
	}
	intent["status"], intent["payment_method"], intent["next_action"] = "requires_payment_method", nil, nil
	intent["last_payment_error"] = said
	delete(intent, "_due")
}

// keep gives the payment method that has paid to the customer, where it is to be used again.
func (t *Tx) keep(intent wire.Object) {
	customer := intent.Text("customer")
	if m := t.edit(intent.Text("payment_method")); intent.Text("setup_future_usage") != "" && customer != "" && m.Text("customer") == "" {
		t.give(m, customer)
	}
}

// suspect disputes a charge that was just captured, where its test method is for that. At Stripe that comes before the event of
// the intent's success.
func (t *Tx) suspect(charge wire.Object) {
	if does, _ := behaviour(t.Read(charge.Text("payment_method")).Text("_test")); does.dispute != "" {
		t.unasked(func() { _, _ = t.OpenDispute(charge.ID(), 0, does.dispute, does.inquiry) }) // it is not disputed yet
	}
}

// question tells that a payment was put into review when it was made.
func (t *Tx) question(intent wire.Object) {
	if id := intent.Text("review"); id != "" {
		t.unasked(func() { t.Emit("review.opened", t.Read(id)) })
	}
}

// unasked does what no request asks for, though one is being served.
func (t *Tx) unasked(act func()) {
	cause := t.cause
	t.cause = Cause{}
	act()
	t.cause = cause
}

// follow tells the invoice and the Checkout Session that are paid by an intent that it has changed.
func (t *Tx) follow(intent wire.Object) {
	if intent.Text("invoice") != "" {
		invoiceFollows(t, intent)
	}
	if intent.Text("_session") != "" {
		sessionFollows(t, intent)
	}
}

// intentDue is the bank's answer to a debit, or the end of an authorization.
func intentDue(t *Tx, intent wire.Object) {
	delete(intent, "_due")
	switch intent.Text("status") {
	case "processing":
		does, _ := behaviour(t.Read(intent.Text("payment_method")).Text("_test"))
		_ = t.SettleIntent(intent.ID(), does.settles == "succeeded") // it can be settled: it is processing
	case "requires_capture":
		t.cancel(intent, "automatic", "charge.expired")
	}
}

// cancelIntent cancels an intent that is not final, for a reason such as abandoned or automatic, and emits
// payment_intent.canceled. An empty reason is none.
func (t *Tx) cancelIntent(intent wire.Object, reason string) {
	t.cancel(intent, reason, "charge.refunded")
}

// cancel gives back what is authorized, which the event named released tells of.
func (t *Tx) cancel(intent wire.Object, reason, released string) {
	switch intent.Text("status") {
	case "requires_capture":
		charge := t.edit(intent.Text("latest_charge"))
		t.release(charge, charge.Int("amount"))
		t.closeReview(charge, "refunded")
		t.Emit(released, charge)
	case "processing":
		charge := t.edit(intent.Text("latest_charge"))
		charge["status"], charge["failure_code"], charge["failure_message"] = "failed", "payment_intent_canceled", "The payment was canceled."
		t.Emit("charge.failed", charge)
	}
	intent["status"], intent["canceled_at"], intent["cancellation_reason"] = "canceled", t.Now(), nullable(reason)
	intent["amount_capturable"], intent["next_action"] = 0, nil
	delete(intent, "_due")
	t.Emit("payment_intent.canceled", intent)
}

// outcome is what a charge says of its success (reason "") or failure.
func outcome(does testMethod, reason string) wire.Object {
	o := wire.Object{
		"network_status": "approved_by_network", "reason": nil, "risk_level": cmp.Or(does.risk, "normal"), "seller_message": "Payment complete.",
		"type": "authorized",
	}
	if score, assessed := riskScores[o.Text("risk_level")]; assessed {
		o["risk_score"] = score
	}
	switch {
	case does.risk == "highest":
		o["network_status"], o["reason"], o["type"] = "not_sent_to_network", "highest_risk_level", "blocked"
		o["seller_message"] = "Stripe blocked this payment as too risky."
	case reason != "":
		o["network_status"], o["reason"], o["type"] = "declined_by_network", reason, "issuer_declined"
		o["seller_message"] = "The bank returned the decline code `" + reason + "`."
		if reason == "generic_decline" {
			o["seller_message"] = "The bank did not return any further details with this decline."
		}
	case does.risk == "elevated":
		o["reason"], o["rule"], o["type"] = "elevated_risk_level", "manual_review_if_elevated_risk", "manual_review"
		o["seller_message"] = "Stripe evaluated this payment as having elevated risk, and placed it in your manual review queue."
	}
	return o
}

// riskScores are what Radar gives for its levels.
var riskScores = map[string]int64{"normal": 12, "elevated": 68, "highest": 92}
