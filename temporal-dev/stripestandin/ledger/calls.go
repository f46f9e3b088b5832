package ledger

import "twigz/temporal-dev/stripestandin/wire"

// Input is what a call of the API was given.
type Input struct {
	ID     string      // the variable in the path; "" where there is none
	Params wire.Object // checked against Stripe's description already
}

// Call does one call and returns what Stripe answers, unrendered.
type Call func(t *Tx, in Input) (wire.Object, *wire.Error)

// Calls are the calls that the ledger can do, by pattern as in Stripe's description: "POST /v1/refunds/{refund}".
func Calls() map[string]Call {
	all := map[string]Call{}
	for _, some := range []map[string]Call{
		customerCalls, paymentMethodCalls, paymentIntentCalls, chargeCalls, refundCalls, disputeCalls, reviewCalls, balanceCalls,
		sessionCalls, catalogCalls, subscriptionCalls, invoiceCalls, portalCalls, eventCalls, endpointCalls,
	} {
		for pattern, call := range some {
			all[pattern] = limited(call)
		}
	}
	return all
}

// includes are the lists that are in an object only when it is expanded, by kind and field.
var includes = map[string]func(t *Tx, o wire.Object) wire.Object{
	"charge.refunds":              chargeRefunds,
	"checkout.session.line_items": sessionLineItems,
	"customer.subscriptions":      customerSubscriptions,
}

var eventCalls = map[string]Call{
	"GET /v1/events":      listEvents,
	"GET /v1/events/{id}": retrieve("event"),
}

// retrieve is the call that shows one object of a kind.
func retrieve(kind string) Call {
	return func(t *Tx, in Input) (wire.Object, *wire.Error) { return t.Find(kind, in.ID, "") }
}
