package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
	"twigz/workflows"
)

// checkOut asks for a delivery of the world's cart, as its customer; way is session
// or payment-intent, key the Idempotency-Key.
func (w *world) checkOut(way, key string) (int, map[string]any) {
	w.Helper()
	body, err := json.Marshal(map[string]any{
		"storeId": storeID, "deliveryType": "delivery",
		"deliveryAddress": map[string]any{"line1": street, "city": "Bath", "postalCode": "BA1 1AA", "country": "GB"},
	})
	require.NoError(w, err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.api+"/checkout/"+way, bytes.NewReader(body))
	require.NoError(w, err)
	request.Header.Set("Authorization", "Bearer "+customerToken(w.T))
	request.Header.Set("Idempotency-Key", key)
	return w.do(request)
}

// checkedOut is a checkout that must be prepared: its payment ID and what the
// browser is given.
func (w *world) checkedOut(way, key string) (paymentID string, given map[string]any) {
	w.Helper()
	status, given := w.checkOut(way, key)
	require.Equal(w, http.StatusOK, status, given)
	paymentID, _ = given["paymentId"].(string)
	require.NotEmpty(w, paymentID)
	return paymentID, given
}

// atStripe are the stand-in's objects of a kind.
func (w *world) atStripe(kind string) (all []wire.Object) {
	w.Helper()
	w.stripe.View(func(t *ledger.Tx) {
		for o := range t.Every(kind) {
			all = append(all, o)
		}
	})
	return all
}

// only is the one object of a kind.
func (w *world) only(kind string) wire.Object {
	w.Helper()
	all := w.atStripe(kind)
	require.Len(w, all, 1, kind)
	return all[0]
}

// frozen asserts that the customer has one order, which is for what was in the
// world's cart.
func (w *world) frozen() {
	w.Helper()
	w.until("there is an order", func() bool { return len(w.orders()) == 1 })
	order := w.orders()[0].(map[string]any)
	assert.Equal(w, "confirmed", order["status"])
	assert.EqualValues(w, 1599, order["total"])
	bought := map[any]any{}
	for _, item := range order["items"].([]any) {
		row := item.(map[string]any)
		bought[row["productId"]] = row["quantity"]
	}
	assert.Equal(w, map[any]any{"loaf": 2.0, "jam": 1.0}, bought)
	assert.Equal(w, street, order["deliveryAddress"].(map[string]any)["line1"])
}

func TestACheckoutPaidOnStripesPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectStripe()
	paymentID, given := w.checkedOut("session", "click")
	assert.EqualValues(t, 8, w.stock("loaf"), "it is kept for them")
	session := w.only("checkout.session")
	assert.Equal(t, session.Text("url"), given["url"])
	assert.Equal(t, wire.Object{"paymentId": paymentID}, session.Sub("metadata"))
	assert.Contains(t, session.Text("success_url"), "paymentId="+paymentID)
	w.record(workflows.CheckoutWorkflowID(paymentID), "Checkout.session_open")

	w.fill("jam", 3) // meanwhile
	w.putProduct("loaf", 9900, 8)
	w.happen(func(t *ledger.Tx) *wire.Error {
		_, refusal := t.CompleteSession(session.ID(), ledger.SessionPayment{BillingDetails: ledger.BillingDetails{Email: customerEmail, Name: "Eve"}})
		return refusal
	})
	w.frozen()
	assert.Equal(t, "paid", w.status(paymentID))
	w.until("the cart has what was added meanwhile", func() bool {
		items := w.cart()
		return len(items) == 1 && items[0].(map[string]any)["productId"] == "jam" && items[0].(map[string]any)["quantity"] == 2.0
	})
	assert.EqualValues(t, 8, w.stock("loaf"), "and was taken once")
	w.mailed(map[string]string{customerEmail: "order", storeEmail: "order"})
}

func TestACheckoutPaidByItsPaymentIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectStripe()
	paymentID, given := w.checkedOut("payment-intent", "click")
	intent := w.only("payment_intent")
	assert.Equal(t, intent.Text("client_secret"), given["clientSecret"])
	assert.EqualValues(t, 1599, given["amount"])
	assert.Equal(t, wire.Object{"paymentId": paymentID}, intent.Sub("metadata"))
	w.record(workflows.CheckoutWorkflowID(paymentID), "Checkout.intent_open")

	_, later := w.checkedOut("payment-intent", "another") // in another tab, never paid
	require.NotEqual(t, given["paymentId"], later["paymentId"])
	w.happen(func(t *ledger.Tx) *wire.Error {
		return t.PayIntent(intent.ID(), "pm_card_visa", wire.Object{"email": customerEmail})
	})
	w.frozen()
	assert.Equal(t, "paid", w.status(paymentID))
	assert.Equal(t, "pending", w.status(later["paymentId"].(string)), "two tabs never mix")
}

func TestADoubleClickMakesOnePayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Asked again under the same key, Stripe gives the answer that was lost.
	require.NoError(t, w.stripe.SetFaults(1, faults.Rule{Fault: faults.LostAnswer, Match: "POST /v1/payment_intents", Times: 1}))
	secrets := make([]any, 3)
	var clicks sync.WaitGroup
	for i := range secrets {
		clicks.Go(func() {
			_, given := w.checkOut("payment-intent", "click")
			secrets[i] = given["clientSecret"]
		})
	}
	clicks.Wait()
	for _, secret := range secrets {
		assert.Equal(t, w.only("payment_intent").Text("client_secret"), secret)
	}
	assert.EqualValues(t, 8, w.stock("loaf"))
}

func TestTwoFirstCheckoutsAtOnceMakeOneCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tabs sync.WaitGroup
	for _, way := range []string{"session", "payment-intent"} {
		tabs.Go(func() {
			status, given := w.checkOut(way, way)
			assert.Equal(t, http.StatusOK, status, given)
		})
	}
	tabs.Wait()
	customer := w.only("customer")
	assert.Equal(t, wire.Object{"customerId": customerID}, customer.Sub("metadata"))
	assert.Equal(t, customer.ID(), w.only("checkout.session").Text("customer"))
	assert.Equal(t, customer.ID(), w.only("payment_intent").Text("customer"))
}

func TestASessionThatExpiresGivesItsStockBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectStripe()
	paymentID, _ := w.checkedOut("session", "click")
	require.EqualValues(t, 8, w.stock("loaf"))
	session := w.only("checkout.session")
	w.happen(func(t *ledger.Tx) *wire.Error {
		_, refusal := t.ExpireSession(session.ID())
		return refusal
	})
	w.until("its stock is back", func() bool { return w.stock("loaf") == 10 })
	assert.Equal(t, "canceled", w.status(paymentID))
	assert.Len(t, w.cart(), 2, "the cart is as it was")
}

// A checkout's time is over after half an hour and a bit; here it is after some
// seconds, and a minute.
func TestACheckoutThatNobodyPaysGivesItsStockBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(w.database, `CREATE FUNCTION soon() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN NEW.expires_at := now() + interval '15 seconds'; RETURN NEW; END $$`)
	w.sql(w.database, `CREATE TRIGGER soon BEFORE INSERT ON checkouts FOR EACH ROW EXECUTE FUNCTION soon()`)
	paymentID, _ := w.checkedOut("payment-intent", "click")
	require.EqualValues(t, 8, w.stock("loaf"))
	id := workflows.CheckoutWorkflowID(paymentID)
	assert.Contains(t, w.state(id).WaitingFor, "the customer")
	w.closed(id)
	assert.EqualValues(t, 10, w.stock("loaf"))
	w.record(id, "Checkout.unpaid")
}

func TestWhatStripeDoesNotTakeIsSaidAndKeepsNoStock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.putStore(map[string]any{"deliveryFee": 0})
	w.putProduct("crumb", 5, 3)
	w.must(http.MethodDelete, "/cart?storeId="+storeID, customerToken(t), nil)
	w.fill("crumb", 2)
	for range 2 { // and once more by the same key
		status, answer := w.checkOut("payment-intent", "click")
		assert.Equal(t, http.StatusConflict, status)
		assert.Equal(t, "Stripe does not take this payment", answer["error"])
		w.until("its stock is back", func() bool { return w.stock("crumb") == 3 })
	}
	assert.Empty(t, w.atStripe("payment_intent"))
	page := w.must(http.MethodGet, "/support/api/payments?q="+customerID[:5]+"%7C7", supportToken, nil)["payments"].([]any)
	require.Len(t, page, 1)
	id := workflows.CheckoutWorkflowID(page[0].(map[string]any)["paymentId"].(string))
	w.closed(id)
	w.record(id, "Checkout.refused")
}

func TestACheckoutWhileStripeIsAwayIsFoundLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.stripe.SetFaults(1,
		faults.Rule{Fault: faults.ServerError, Match: "POST /v1/checkout/sessions", Times: 1},
		faults.Rule{Fault: faults.RateLimit, Match: "POST /v1/checkout/sessions", Times: 1, RetryAfter: 10},
	))
	status, answer := w.checkOut("session", "click")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, map[string]any{"error": "Service temporarily unavailable", "retryAfter": 5.0}, answer)
	w.until("the same click is answered", func() bool {
		status, answer = w.checkOut("session", "click")
		return status == http.StatusOK
	})
	assert.Equal(t, w.only("checkout.session").Text("url"), answer["url"])
	w.record(workflows.CheckoutWorkflowID(answer["paymentId"].(string)), "Checkout.stripe_away")
}

func TestStripeKnowsCustomersAsWeDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tell := func(more map[string]any) map[string]any {
		body := map[string]any{"email": customerEmail, "name": "Eve"}
		maps.Copy(body, more)
		return w.must(http.MethodPost, "/customers", customerToken(t), body)
	}
	id := workflows.CustomerWorkflowID(customerID)
	made := tell(nil)
	w.record(id, "SyncCustomer.made")
	customer := w.only("customer")
	assert.Equal(t, map[string]any{
		"customerId": customerID, "email": customerEmail, "name": "Eve", "stripeCustomerId": customer.ID(),
	}, made)
	assert.Equal(t, customerEmail, customer.Text("email"))
	assert.Equal(t, wire.Object{"customerId": customerID}, customer.Sub("metadata"))

	changed := tell(map[string]any{"name": "Eve Adams"})
	w.record(id, "SyncCustomer.changed")
	assert.Equal(t, customer.ID(), changed["stripeCustomerId"])
	assert.Equal(t, "Eve Adams", w.only("customer").Text("name"))

	w.checkedOut("session", "click")
	assert.Equal(t, customer.ID(), w.only("checkout.session").Text("customer"))
	assert.Equal(t, map[string]any{"forgotten": true}, w.must(http.MethodDelete, "/customers/me", customerToken(t), nil))
	assert.NotContains(t, w.logs(), customerEmail)
}
