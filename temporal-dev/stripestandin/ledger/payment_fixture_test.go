package ledger_test

import (
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// The calls that most tests of payments make.
const (
	newIntent     = "POST /v1/payment_intents"
	oneIntent     = "GET /v1/payment_intents/{intent}"
	changeIntent  = "POST /v1/payment_intents/{intent}"
	confirmIntent = "POST /v1/payment_intents/{intent}/confirm"
	captureIntent = "POST /v1/payment_intents/{intent}/capture"
	cancelIntent  = "POST /v1/payment_intents/{intent}/cancel"
	newCustomer   = "POST /v1/customers"
	oneCustomer   = "GET /v1/customers/{customer}"
	attachMethod  = "POST /v1/payment_methods/{payment_method}/attach"
	newRefund     = "POST /v1/refunds"
	changeDispute = "POST /v1/disputes/{dispute}"
)

// intent makes a payment intent of 10 dollars, with what else the form says.
func (w *world) intent(form ...string) wire.Object {
	w.t.Helper()
	return w.call(newIntent, "", append([]string{"amount", "1000", "currency", "usd"}, form...)...)
}

// paid makes an intent of 10 dollars and has the customer confirm it, and forgets the events of that.
func (w *world) paid(method string, form ...string) wire.Object {
	w.t.Helper()
	intent := w.intent(form...)
	w.happens(func(x *ledger.Tx) *wire.Error { return x.PayIntent(intent.ID(), method, nil) })
	w.news()
	return w.see(intent.ID())
}

// chargeOf reads the charge of an intent as the API shows it.
func (w *world) chargeOf(intent wire.Object) wire.Object {
	w.t.Helper()
	return w.see(w.see(intent.ID()).Text("latest_charge"))
}

// happens lets something happen in the world that must be possible.
func (w *world) happens(act func(*ledger.Tx) *wire.Error) {
	w.t.Helper()
	refusal := w.Do(ledger.Cause{}, act)
	require.Nil(w.t, refusal, "%v", refusal)
}

// cannot tries to let something happen that must not be possible.
func (w *world) cannot(act func(*ledger.Tx) *wire.Error) *wire.Error {
	w.t.Helper()
	refusal := w.Do(ledger.Cause{}, act)
	require.NotNil(w.t, refusal)
	return refusal
}
