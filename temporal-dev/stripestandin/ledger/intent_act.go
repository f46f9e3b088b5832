package ledger

import (
	"slices"

	"twigz/temporal-dev/stripestandin/wire"
)

// What customers and their banks do to a payment intent.

// PayIntent confirms an intent as the customer does with Elements: with one of Stripe's test payment methods, and what they
// say of themself in the form of billing_details (nil: nothing). A decline is an error that keeps what was done.
func (t *Tx) PayIntent(id, test string, billing wire.Object) *wire.Error {
	intent, refusal := t.Edit("payment_intent", id, "")
	if refusal != nil {
		return refusal
	}
	if refusal := t.confirmable(intent); refusal != nil {
		return refusal
	}
	m, refusal := t.newMethod(test, billing)
	if refusal != nil {
		return refusal
	}
	if refusal := usable(intent, m); refusal != nil {
		return refusal
	}
	intent["_off_session"] = false
	return t.confirm(intent, m)
}

// CompleteAction is the customer's authentication of a payment: it succeeds or fails. After it the card may still be declined,
// which is an error that keeps what was done.
func (t *Tx) CompleteAction(id string, ok bool) *wire.Error {
	intent, refusal := t.awaiting(id, "requires_action", "authenticated")
	if refusal != nil {
		return refusal
	}
	m := t.edit(intent.Text("payment_method"))
	if ok {
		intent["next_action"] = nil
		refusal = t.charge(intent, m)
	} else {
		why := wire.Invalid("payment_intent_authentication_failure", "", "We are unable to authenticate your payment method. Please choose a different payment method and try again.")
		t.fail(intent, why, m)
		t.Emit("payment_intent.payment_failed", intent)
	}
	t.follow(intent)
	return refusal
}

// SettleIntent is the bank's answer to a payment that is processing.
func (t *Tx) SettleIntent(id string, succeeded bool) *wire.Error {
	intent, refusal := t.awaiting(id, "processing", "settled")
	if refusal != nil {
		return refusal
	}
	charge := t.edit(intent.Text("latest_charge"))
	if succeeded {
		t.succeed(intent, charge)
	} else {
		charge["status"], charge["failure_code"], charge["failure_message"] = "failed", "insufficient_funds", "The customer's account has insufficient funds to cover this payment."
		why := wire.Invalid("payment_intent_payment_attempt_failed", "", "The payment failed: %s", charge.Text("failure_message"))
		why.Charge = charge.ID()
		t.fail(intent, why, t.Read(intent.Text("payment_method")))
		t.Emit("charge.failed", charge)
		t.Emit("payment_intent.payment_failed", intent)
	}
	t.follow(intent)
	return nil
}

// awaiting finds an intent that is in a status.
func (t *Tx) awaiting(id, status, done string) (wire.Object, *wire.Error) {
	intent, refusal := t.Edit("payment_intent", id, "")
	if refusal != nil {
		return nil, refusal
	}
	if intent.Text("status") != status {
		return nil, unexpected(intent, "This PaymentIntent cannot be %s because it has a status of %s.", done, intent.Text("status"))
	}
	return intent, nil
}

// cancelable are the statuses in which an intent can be canceled, in the order of Stripe's message.
const cancelable = "requires_payment_method, requires_capture, requires_confirmation, requires_action, processing"

// CancelIntent cancels an intent as the API and the Dashboard do. An empty reason is none.
func (t *Tx) CancelIntent(id, reason string) *wire.Error {
	intent, refusal := t.Edit("payment_intent", id, "")
	if refusal != nil {
		return refusal
	}
	switch status := intent.Text("status"); {
	case slices.Contains([]string{"succeeded", "canceled"}, status):
		return unexpected(intent, "You cannot cancel this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be canceled: %s.", status, cancelable)
	case t.inCheckout(intent):
		return unexpected(intent, ofCheckout)
	case intent.Text("invoice") != "":
		return unexpected(intent, "You cannot cancel this PaymentIntent because it was created by an invoice. Void the invoice instead.")
	}
	t.cancelIntent(intent, reason)
	t.follow(intent)
	return nil
}
