package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// The world's stand-in delivers nothing by itself: a test decides what comes,
// how often and in which order.

// told is one event of the stand-in, as it would be delivered.
type told struct {
	id, kind string
	payload  []byte
}

// happen does something at Stripe, and returns the events that tell of it.
func (w *world) happen(do func(*ledger.Tx) *wire.Error) []told {
	w.Helper()
	var all []told
	require.NoError(w, w.stripe.Act(func(t *ledger.Tx) *wire.Error {
		if refusal := do(t); refusal != nil {
			return refusal
		}
		for _, event := range t.Events() {
			all = append(all, told{event.ID(), event.Text("type"), event.Public().Encode()})
		}
		return nil
	}))
	return all
}

// purchase is a payment for the world's cart, of a customer who may be another.
func purchase(customer string) stripestandin.PaymentParams {
	texts := map[string]string{}
	for key, value := range metadata() {
		texts[key], _ = value.(string)
	}
	texts["customerId"] = customer
	return stripestandin.PaymentParams{Amount: 1599, Currency: "usd", ReceiptEmail: customerEmail, Metadata: texts}
}

// pays has a customer pay for the world's cart, and returns the intent's ID.
func (w *world) pays(p stripestandin.PaymentParams) (intentID string, events []told) {
	w.Helper()
	events = w.happen(func(t *ledger.Tx) *wire.Error {
		intent, refusal := t.Pay(p)
		intentID = intent.ID()
		return refusal
	})
	return intentID, events
}

// of are the events of a type.
func of(kind string, events []told) told {
	for _, e := range events {
		if e.kind == kind {
			return e
		}
	}
	panic("no event " + kind)
}

// deliver sends an event as Stripe would. It says whether a workflow handles it.
func (w *world) deliver(e told) bool {
	w.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.api+"/stripe/webhook", bytes.NewReader(e.payload))
	require.NoError(w, err)
	request.Header.Set("Stripe-Signature", sign(e.payload))
	status, answer := w.do(request)
	require.Equal(w, http.StatusOK, status, answer)
	return answer["workflowId"] != nil
}

// twin is another event that tells of the same.
func (e told) twin() told {
	var whole map[string]any
	if err := json.Unmarshal(e.payload, &whole); err != nil {
		panic(err)
	}
	e.id += "twin"
	whole["id"] = e.id
	e.payload, _ = json.Marshal(whole)
	return e
}

// ordered has a customer's payment become an order, and returns the intent's ID.
func (w *world) ordered(customer string) string {
	w.Helper()
	intent, events := w.pays(purchase(customer))
	w.deliver(of("payment_intent.succeeded", events))
	w.until("there is an order", func() bool { return w.orderStatus(intent) == "confirmed" })
	return intent
}

// disputes has the customer dispute a payment, and waits until a workflow waits
// for the bank.
func (w *world) disputes(intent string) (dispute string, opened told) {
	w.Helper()
	opened = of("charge.dispute.created", w.happen(func(t *ledger.Tx) *wire.Error {
		d, refusal := t.OpenDispute(intent, 0, "fraudulent", false)
		dispute = d.ID()
		return refusal
	}))
	w.deliver(opened)
	w.until("it waits for the bank", func() bool { return strings.Contains(w.state(opened.id).WaitingFor, "the bank") })
	return dispute, opened
}

// decides has the bank decide a dispute, and waits until that is recorded.
func (w *world) decides(dispute, outcome string) (closed told) {
	w.Helper()
	closed = of("charge.dispute.closed", w.happen(func(t *ledger.Tx) *wire.Error { return t.CloseDispute(dispute, outcome) }))
	w.deliver(closed)
	w.closed(closed.id)
	return closed
}

// act asks for an action as support staff.
func (w *world) act(payment, requestID, action string, more map[string]any) (int, map[string]any) {
	w.Helper()
	body := map[string]any{"action": action, "reason": "asked by the customer", "requestId": requestID}
	maps.Copy(body, more)
	return w.call(http.MethodPost, "/support/api/payments/"+payment+"/actions", supportToken, body)
}

// orderStatus is the status of a payment's order, "" while there is none.
func (w *world) orderStatus(payment string) string {
	w.Helper()
	order, _ := w.detail(payment)["order"].(map[string]any)
	status, _ := order["status"].(string)
	return status
}
