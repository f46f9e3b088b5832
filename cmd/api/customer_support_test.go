package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

const noCustomer = `{"error":"Customer not found"}`

// startClub is a shop with a subscription of cus_1's; customerID is whose, "" nobody's.
func startClub(t *testing.T, customerID string) whole {
	t.Helper()
	w := startWhole(t, nil)
	w.looks(gold(customerID, "active"))
	return w
}

// customer is what support is shown of one.
func (p *program) customer(id string) answer {
	p.t.Helper()
	return p.call(http.MethodGet, "/support/api/customers/"+url.PathEscape(id), "", bearerOf(supportToken)...)
}

// actOn asks for an action about a customer, as sam.
func (p *program) actOn(id string, body fields) answer {
	p.t.Helper()
	return p.call(http.MethodPost, "/support/api/customers/"+url.PathEscape(id)+"/actions", body.text(), bearerOf(supportToken)...)
}

func resyncBy(requestID string) fields {
	return fields{"action": "resync", "reason": "it looks stale", "requestId": requestID}
}

func assignTo(customerID, requestID string) fields {
	return fields{"action": "assign", "customerId": customerID, "reason": "she wrote to us", "requestId": requestID}
}

// resyncs waits until as many workflows were started and returns the last one's input.
func (w whole) resyncs(count int) fields {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return len(w.temporal.started()) == count }, 10*time.Second, 5*time.Millisecond)
	last := w.temporal.started()[count-1]
	assert.Equal(w.t, "Resync", last.GetWorkflowType().GetName())
	var in fields
	require.NoError(w.t, json.Unmarshal(last.GetInput().GetPayloads()[0].GetData(), &in))
	assert.Equal(w.t, last.GetWorkflowId(), "support-"+in["requestId"].(string))
	return in
}

func TestCustomerDetail(t *testing.T) {
	t.Parallel()
	w := startClub(t, eve)

	t.Run("is whole, by our ID or Stripe's", func(t *testing.T) {
		a := w.customer(eve)
		require.Equal(t, http.StatusOK, a.status, a.body)
		w.customer("cus_1").is(http.StatusOK, a.body)
		detail := a.object()
		assert.Equal(t, eve, detail["customer"].(map[string]any)["customerId"])
		for list, want := range map[string]int{
			"stripeCustomers": 1, "subscriptions": 1, "invoices": 1, "payments": 0, "notifications": 0, "events": 0, "messages": 0,
		} {
			assert.Len(t, detail[list], want, list)
		}
		assert.Equal(t, "sub_1", detail["subscriptions"].([]any)[0].(map[string]any)["subscriptionId"])
		assert.Equal(t, "in_1", detail["invoices"].([]any)[0].(map[string]any)["invoiceId"])
		assert.Equal(t, w.call(http.MethodGet, "/subscription", "", as(t, eve)...).object(), detail["subscription"], "as the customer is shown it")
	})
	t.Run("has events with links to their workflows", func(t *testing.T) {
		_, err := w.db.FinishSync(t.Context(), models.Event{
			ID: "evt_sub", Type: "customer.subscription.updated", StripeCustomerID: "cus_1", SubscriptionID: "sub_1", Created: 1_700_000_000,
		})
		require.NoError(t, err)
		assert.Equal(t, []any{map[string]any{
			"eventId": "evt_sub", "type": "customer.subscription.updated", "workflowId": "evt_sub", "outcome": "subscription_synced",
			"workflowUrl": "http://127.0.0.1:8233/namespaces/default/workflows/evt_sub", "objectId": "sub_1",
		}}, w.customer(eve).object()["events"])
	})
	t.Run("of one of Stripe's who is nobody's has null for the customer", func(t *testing.T) {
		p := startClub(t, "")
		detail := p.customer("cus_1").object()
		assert.Nil(t, detail["customer"])
		assert.Equal(t, map[string]any{"status": "none"}, detail["subscription"])
		assert.Len(t, detail["subscriptions"], 1)
	})
	t.Run("of nobody is not found", func(t *testing.T) {
		for _, id := range []string{"mallory", "cus_none", "%00", "%FF", strings.Repeat("a", 3000)} {
			w.call(http.MethodGet, "/support/api/customers/"+id, "", bearerOf(supportToken)...).is(http.StatusNotFound, noCustomer)
		}
	})
	t.Run("is for nobody but support", func(t *testing.T) {
		for _, path := range []string{"/support/api/customers/cus_1", "/support/api/subscriptions"} {
			for _, headers := range [][]string{nil, as(t, eve), bearerOf("guess")} {
				w.call(http.MethodGet, path, "", headers...).is(http.StatusUnauthorized, unauthorizedBody)
			}
		}
	})
}

func TestSubscriptionSearch(t *testing.T) {
	t.Parallel()
	w := startClub(t, eve)
	another := gold("", "past_due")
	another.Customer = models.StripeCustomerFacts{ID: "cus_2", Email: "lone@example.com"}
	another.Subscriptions[0].ID, another.Subscriptions[0].StartedAt = "sub_2", another.Subscriptions[0].StartedAt.Add(time.Hour)
	another.Invoices = nil
	w.looks(another)
	search := func(query string) (ids []string, next string) {
		a := w.call(http.MethodGet, "/support/api/subscriptions?"+query, "", bearerOf(supportToken)...)
		require.Equal(t, http.StatusOK, a.status, a.body)
		ids = []string{}
		for _, s := range a.object()["subscriptions"].([]any) {
			ids = append(ids, s.(map[string]any)["subscriptionId"].(string))
		}
		next, _ = a.object()["next"].(string)
		return ids, next
	}

	for query, want := range map[string][]string{
		"": {"sub_2", "sub_1"}, "unowned=true": {"sub_2"}, "unowned=false": {"sub_2", "sub_1"}, "status=past_due": {"sub_2"},
		"q=cus_1": {"sub_1"}, "q=in_1": {"sub_1"}, "q=auth0%7C7": {"sub_1"}, "q=Lone@example.com": {"sub_2"},
		"q=cus_1&unowned=true": {}, "q=nobody": {}, "q=%00": {},
	} {
		t.Run("for "+query, func(t *testing.T) {
			ids, next := search(query)
			assert.Equal(t, want, ids)
			assert.Empty(t, next)
		})
	}
	t.Run("pages follow one another", func(t *testing.T) {
		first, next := search("limit=1")
		second, end := search("limit=1&after=" + next)
		assert.Equal(t, [][]string{{"sub_2"}, {"sub_1"}}, [][]string{first, second})
		assert.Empty(t, end)
	})
	t.Run("each is as its customer's page shows it", func(t *testing.T) {
		found := w.call(http.MethodGet, "/support/api/subscriptions?q=sub_1", "", bearerOf(supportToken)...).object()
		assert.Equal(t, map[string]any{"subscriptions": w.customer(eve).object()["subscriptions"]}, found)
	})
	t.Run("what cannot be is refused", func(t *testing.T) {
		for query, field := range map[string]string{"limit=0": "limit", "limit=101": "limit", "after=x": "after", "status=paid": "status", "unowned=maybe": "unowned"} {
			a := w.call(http.MethodGet, "/support/api/subscriptions?"+query, "", bearerOf(supportToken)...)
			assert.Equal(t, http.StatusUnprocessableEntity, a.status, query)
			assert.Equal(t, field, a.object()["field"], query)
		}
	})
}

func TestCustomerActions(t *testing.T) {
	t.Parallel()

	t.Run("have all of a customer's at Stripe looked at anew, once for a request", func(t *testing.T) {
		t.Parallel()
		w := startClub(t, eve)
		first := w.actOn(eve, resyncBy("r1"))
		require.Equal(t, http.StatusOK, first.status, first.body)
		assert.Equal(t, 1, first.entriesOf("sam"))
		assert.Equal(t, fields{"requestId": "r1", "customerId": eve, "stripeCustomerIds": []any{"cus_1"}}, w.resyncs(1))
		assert.Equal(t, map[string]any{"CustomerID": eve}, decoded(t, w.temporal.started()[0].GetSearchAttributes().GetIndexedFields()))
		w.drained()
		var again sync.WaitGroup
		for range 5 {
			again.Go(func() { w.actOn(eve, resyncBy("r1")).is(http.StatusOK, first.body) })
		}
		again.Wait()
		assert.Zero(t, w.waiting())
		assert.Equal(t, http.StatusConflict, w.actOn("cus_1", resyncBy("r1")).status, "it is another request")
	})
	t.Run("assign what is nobody's, and look at it", func(t *testing.T) {
		t.Parallel()
		w := startClub(t, "")
		a := w.actOn("cus_1", assignTo(eve, "r1"))
		require.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, eve, a.object()["customer"].(map[string]any)["customerId"])
		assert.Equal(t, fields{"requestId": "r1", "customerId": eve, "stripeCustomerIds": []any{"cus_1"}}, w.resyncs(1))
		assert.Equal(t, "active", w.call(http.MethodGet, "/subscription", "", as(t, eve)...).object()["status"])
		w.call(http.MethodGet, "/support/api/subscriptions?unowned=true", "", bearerOf(supportToken)...).is(http.StatusOK, `{"subscriptions":[]}`)
	})
	t.Run("that may not be are a conflict, with why, each time", func(t *testing.T) {
		t.Parallel()
		w := startClub(t, eve)
		told := gold("", "active")
		told.Customer.CustomerID = eve
		w.looks(told)
		_, err := w.db.PutCustomer(t.Context(), "adam", "adam@example.com", "Adam")
		require.NoError(t, err)
		for name, refused := range map[string]answer{
			"of whom Stripe says whose they are": w.actOn("cus_1", assignTo("adam", "r1")),
			"of one of ours":                     w.actOn(eve, assignTo("adam", "r2")),
			"of whom Stripe does not know yet":   w.actOn("adam", resyncBy("r3")),
		} {
			assert.Equal(t, http.StatusConflict, refused.status, name)
			assert.NotEmpty(t, refused.object()["error"], name)
		}
		first := w.actOn("cus_1", assignTo("adam", "r1"))
		assert.Equal(t, http.StatusConflict, first.status, first.body)
		assert.Zero(t, w.waiting(), "nothing is to be done")
		assert.Empty(t, w.temporal.started())
	})
	t.Run("are done while Temporal is away, and what they leave follows", func(t *testing.T) {
		t.Parallel()
		w := startClub(t, eve)
		w.temporal.hang()
		require.Equal(t, http.StatusOK, w.actOn(eve, resyncBy("r1")).status)
		assert.EqualValues(t, 1, w.waiting())
		w.temporal.refuse(nil)
		w.drained()
		assert.NotEmpty(t, w.temporal.run("support-r1"))
	})
}

func TestCustomerActionErrors(t *testing.T) {
	t.Parallel()
	w := startClub(t, eve)
	resync := func(changes fields) string { return resyncBy("r").with(changes).text() }
	for _, test := range []struct {
		name, customer, body string
		status               int
		want                 string
	}{
		{"no body", "cus_1", "", 400, malformed},
		{"no JSON", "cus_1", "action=resync", 400, malformed},
		{"a customer that is not there", "cus_none", resync(nil), 404, noCustomer},
		{"a customer that cannot be", "%00", resync(nil), 404, noCustomer},
		{"no action", "cus_1", resync(fields{"action": nil}), 422, unfit("action", "Must be resync or assign")},
		{"a payment's action", "cus_1", resync(fields{"action": "note"}), 422, unfit("action", "Must be resync or assign")},
		{"no reason", "cus_1", resync(fields{"reason": nil}), 422, unfit("reason", missing)},
		{"a blank reason", "cus_1", resync(fields{"reason": " \n"}), 422, unfit("reason", missing)},
		{"a reason too long", "cus_1", resync(fields{"reason": strings.Repeat("ä", 2001)}), 422, unfit("reason", "Must be at most 2000 characters")},
		{"no request ID", "cus_1", resync(fields{"requestId": nil}), 422, unfit("requestId", missing)},
		{"a request ID that Temporal would not take", "cus_1", resync(fields{"requestId": "ä"}), 422, unfit("requestId", "Must be 1 to 200 printable ASCII characters")},
		{"an assignment to nobody", "cus_1", assignTo("", "r").text(), 422, unfit("customerId", badID)},
		{"an assignment to who cannot be", "cus_1", assignTo("a\nb", "r").text(), 422, unfit("customerId", badID)},
		{"an assignment to a number", "cus_1", assignTo(eve, "r").with(fields{"customerId": 7}).text(), 422, unfit("customerId", wrongType)},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.call(http.MethodPost, "/support/api/customers/"+test.customer+"/actions", test.body, bearerOf(supportToken)...).is(test.status, test.want)
		})
	}
	t.Run("nobody but support asks", func(t *testing.T) {
		for _, headers := range [][]string{nil, as(t, eve), bearerOf("guess")} {
			w.call(http.MethodPost, "/support/api/customers/cus_1/actions", resync(nil), headers...).is(http.StatusUnauthorized, unauthorizedBody)
		}
	})
	assert.Zero(t, w.customer(eve).entriesOf("sam"), "nothing was done")
}

func TestResyncOfAPayment(t *testing.T) {
	t.Parallel()

	t.Run("looks at who has the invoice that it pays", func(t *testing.T) {
		t.Parallel()
		w := startClub(t, "")
		_, err := w.db.RecordPaymentState(t.Context(), models.Event{ID: "evt_1", Type: "payment_intent.processing", PaymentIntentID: "pi_gold", Currency: "usd"}, models.PaymentProcessing)
		require.NoError(t, err)
		a := w.act("pi_gold", resyncBy("r1"))
		detail := w.call(http.MethodGet, "/support/api/payments/pi_gold", "", bearerOf(supportToken)...)
		a.is(http.StatusOK, detail.body)
		assert.Equal(t, fields{"requestId": "r1", "stripeCustomerIds": []any{"cus_1"}}, w.resyncs(1))
	})
	t.Run("looks at the customer whose it is", func(t *testing.T) {
		t.Parallel()
		w := startShop(t)
		w.looks(gold(eve, "active"))
		w.buy(eve, "pi_1", 1)
		require.Equal(t, http.StatusOK, w.act("pi_1", resyncBy("r1")).status)
		assert.Equal(t, fields{"requestId": "r1", "customerId": eve, "stripeCustomerIds": []any{"cus_1"}}, w.resyncs(1))
	})
	t.Run("is a conflict where nobody is known at Stripe", func(t *testing.T) {
		t.Parallel()
		w := startShop(t)
		w.buy(eve, "pi_1", 1)
		_, err := w.db.RecordPaymentState(t.Context(), models.Event{ID: "evt_1", Type: "payment_intent.processing", PaymentIntentID: "pi_lone", Currency: "usd"}, models.PaymentProcessing)
		require.NoError(t, err)
		w.act("pi_lone", resyncBy("r1")).is(http.StatusConflict, `{"error":"Nobody knows which customer of Stripe's has paid this"}`)
		w.act("pi_1", resyncBy("r2")).is(http.StatusConflict, `{"error":"Stripe knows no such customer yet"}`)
		w.act("pi_none", resyncBy("r3")).is(http.StatusNotFound, noPayment)
		assert.Zero(t, w.waiting())
	})
}
