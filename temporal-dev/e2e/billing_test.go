package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// Subscriptions at Stripe and here, as tests make and see them.

// clubPrice is 9.00 a month, goldPrice 19.00; what they grant is their product's
// metadata's word.
const (
	clubPrice = "price_club"
	goldPrice = "price_gold"
)

// tiers are what the prices grant.
var tiers = map[string]string{clubPrice: "club", goldPrice: "gold"}

// stripeCall has something done at Stripe as by a call of its API.
func stripeCall(t *ledger.Tx, pattern, id string, params wire.Object) (wire.Object, *wire.Error) {
	return ledger.Calls()[pattern](t, ledger.Input{ID: id, Params: params})
}

// asks makes one call of Stripe's API, and returns what it answers and the events
// that tell of it.
func (w *world) asks(pattern, id string, params wire.Object) (wire.Object, []told) {
	w.Helper()
	var made wire.Object
	events := w.happen(func(t *ledger.Tx) *wire.Error {
		var refusal *wire.Error
		made, refusal = stripeCall(t, pattern, id, params)
		return refusal
	})
	return made, events
}

// readsStripe makes a call of Stripe's API as others do, by HTTP, and returns its data:
// the objects of a list, or the one object.
func (w *world) readsStripe(path string, query url.Values) []map[string]any {
	w.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.stripe.URL()+path+"?"+query.Encode(), http.NoBody)
	require.NoError(w, err)
	request.Header.Set("Authorization", "Bearer sk_test_e2e")
	status, answer := w.do(request)
	require.Equal(w, http.StatusOK, status, "%s: %v", path, answer)
	if answer["object"] != "list" {
		return []map[string]any{answer}
	}
	var all []map[string]any
	for _, object := range answer["data"].([]any) {
		all = append(all, object.(map[string]any))
	}
	return all
}

// offers has Stripe sell the club and the gold plan, under IDs that can be known
// beforehand.
func (w *world) offers() {
	w.Helper()
	w.happen(func(t *ledger.Tx) *wire.Error {
		for price, amount := range map[string]int64{clubPrice: 900, goldPrice: 1900} {
			made, refusal := stripeCall(t, "POST /v1/prices", "", wire.Object{
				"currency": "usd", "unit_amount": amount, "recurring": wire.Object{"interval": "month"},
				"product_data": wire.Object{"name": "Crumb " + tiers[price], "metadata": wire.Object{"tier": tiers[price]}},
			})
			if refusal != nil {
				return refusal
			}
			known := made.Clone()
			known["id"] = price
			t.Put(known)
		}
		return nil
	})
}

// newPatron makes a customer at Stripe, whose card pays, and who is whose the
// metadata says; "": nobody's.
func newPatron(t *ledger.Tx, customer, email string) (wire.Object, *wire.Error) {
	params := wire.Object{
		"email": email, "payment_method": "pm_card_visa", "invoice_settings": wire.Object{"default_payment_method": "pm_card_visa"},
	}
	if customer != "" {
		params["metadata"] = wire.Object{"customerId": customer}
	}
	return stripeCall(t, "POST /v1/customers", "", params)
}

// patron is newPatron with a subscription to the club, and the events that tell of
// both.
func (w *world) patron(customer, email string) (stripeCustomer, subscription string, events []told) {
	w.Helper()
	events = w.happen(func(t *ledger.Tx) *wire.Error {
		made, refusal := newPatron(t, customer, email)
		if refusal != nil {
			return refusal
		}
		stripeCustomer = made.ID()
		made, refusal = stripeCall(t, "POST /v1/subscriptions", "", wire.Object{
			"customer": stripeCustomer, "items": []wire.Object{{"price": clubPrice}},
		})
		subscription = made.ID()
		return refusal
	})
	return stripeCustomer, subscription, events
}

// subscribes asks for Stripe's page to subscribe on, as a customer would; key is
// the Idempotency-Key.
func (w *world) subscribes(customer, price, key string) (int, map[string]any) {
	w.Helper()
	return w.keyed(customer, "/checkout/session", key, map[string]any{"mode": "subscription", "priceId": price})
}

// pageFor is Stripe's page to subscribe on, once it is there: a call that could
// not be done in time is made again.
func (w *world) pageFor(customer, price, key string) string {
	w.Helper()
	return w.pageOf(customer, "/checkout/session", key, map[string]any{"mode": "subscription", "priceId": price})
}

// pageOf is the page of Stripe's that a call leads to.
func (w *world) pageOf(customer, path, key string, body map[string]any) string {
	w.Helper()
	var status int
	var answer map[string]any
	w.until(path+" is answered", func() bool {
		status, answer = w.keyed(customer, path, key, body)
		return status != http.StatusServiceUnavailable
	})
	require.Equal(w, http.StatusOK, status, "%s: %v", path, answer)
	page, _ := answer["url"].(string)
	require.NotEmpty(w, page, answer)
	return page
}

// keyed makes a call with an Idempotency-Key.
func (w *world) keyed(customer, path, key string, body map[string]any) (int, map[string]any) {
	w.Helper()
	text, err := json.Marshal(body)
	require.NoError(w, err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.api+path, bytes.NewReader(text))
	require.NoError(w, err)
	request.Header.Set("Authorization", "Bearer "+tokenOf(w.T, customer))
	request.Header.Set("Idempotency-Key", key)
	return w.do(request)
}

// paysOnPage fills in Stripe's page and pays there.
func (w *world) paysOnPage(page string) {
	w.Helper()
	stays := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := stays.PostForm(page, url.Values{
		"act": {"pay"}, "card": {"4242424242424242"}, "email": {customerEmail}, "name": {"Eve Customer"},
	})
	require.NoError(w, err)
	require.NoError(w, response.Body.Close())
	require.Equal(w, http.StatusSeeOther, response.StatusCode, "paid, one is led back")
	require.Contains(w, response.Header.Get("Location"), "/shop?subscribed=1")
}

// subscription is what a customer is told of theirs.
func (w *world) subscription(customer string) map[string]any {
	w.Helper()
	return w.must(http.MethodGet, "/subscription", tokenOf(w.T, customer), nil)
}

// subscribed waits until a customer is told a status.
func (w *world) subscribed(customer, status string) map[string]any {
	w.Helper()
	var state map[string]any
	w.until(fmt.Sprintf("the subscription of %s is %s", customer, status), func() bool {
		state = w.subscription(customer)
		return state["status"] == status
	})
	return state
}

// actsOn asks for an action about a customer as support staff: one of ours, or one
// of Stripe's.
func (w *world) actsOn(customer, requestID, action string, more map[string]any) (int, map[string]any) {
	w.Helper()
	body := map[string]any{"action": action, "reason": "asked by the customer", "requestId": requestID}
	maps.Copy(body, more)
	return w.call(http.MethodPost, "/support/api/customers/"+url.PathEscape(customer)+"/actions", supportToken, body)
}

// unowned are the subscriptions that support is shown as nobody's, by their IDs.
func (w *world) unowned() (all []string) {
	w.Helper()
	list, _ := w.must(http.MethodGet, "/support/api/subscriptions?unowned=true", supportToken, nil)["subscriptions"].([]any)
	for _, entry := range list {
		all = append(all, fmt.Sprint(entry.(map[string]any)["subscriptionId"]))
	}
	return all
}

// rows is what a query finds, each row a line of JSON in its only column.
func (w *world) rows(query string, args ...any) (all []string) {
	w.Helper()
	db, err := sql.Open("pgx", w.database)
	require.NoError(w, err)
	defer func() { _ = db.Close() }()
	found, err := db.QueryContext(context.Background(), query, args...)
	require.NoError(w, err, query)
	defer func() { _ = found.Close() }()
	for found.Next() {
		var row string
		require.NoError(w, found.Scan(&row))
		all = append(all, row)
	}
	require.NoError(w, found.Err())
	return all
}

// ran is the ID of a workflow of a type on the world's task queue, once there is
// one besides those that are known.
func (w *world) ran(workflowType string, known ...string) (id string) {
	w.Helper()
	query := fmt.Sprintf("WorkflowType = '%s' AND TaskQueue = '%s'", workflowType, w.taskQueue)
	w.until("another "+workflowType+" can be found", func() bool {
		answer, err := built.temporal.Client().ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		require.NoError(w, err)
		for _, e := range answer.GetExecutions() {
			if found := e.GetExecution().GetWorkflowId(); !slices.Contains(known, found) {
				id = found
				return true
			}
		}
		return false
	})
	return id
}

// handled waits until every event of some types that Stripe has sent is done with,
// and returns their IDs.
func (w *world) handled(types ...string) (all []string) {
	w.Helper()
	for _, event := range w.atStripe("event") {
		if slices.Contains(types, event.Text("type")) {
			w.closed(event.ID())
			all = append(all, event.ID())
		}
	}
	return all
}

// looked says whether a workflow has looked at Stripe itself, and slept whether it
// has waited.
func looked(events []*history.HistoryEvent) (looked, slept bool) {
	for _, e := range events {
		looked = looked || e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "SyncBilling"
		slept = slept || e.GetTimerStartedEventAttributes() != nil
	}
	return looked, slept
}

// withPlan has the shop page offer the club.
func withPlan(w *world) {
	w.more = append(w.more, "DEMO_PRICE_ID="+clubPrice, "DEMO_PRICE_LABEL=Crumb Club, 9.00 USD a month")
}

// called is the world's customer, whose address is known.
func (w *world) called() {
	w.Helper()
	w.must(http.MethodPost, "/customers", customerToken(w.T), map[string]any{"email": customerEmail, "name": "Eve"})
}

// mailsTo are the subjects of the mails that went to an address, by Message-ID:
// what comes twice under one ID is one mail to its reader.
func (w *world) mailsTo(address string) map[string]string {
	byID := map[string]string{}
	for _, m := range w.mails.Messages() {
		if slices.Contains(m.To, address) {
			byID[m.MessageID] = m.Subject
		}
	}
	return byID
}
