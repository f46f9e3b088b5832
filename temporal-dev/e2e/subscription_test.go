package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"twigz/temporal-dev/stripestandin/wire"
	"twigz/workflows"
)

func TestACustomerSubscribesOnStripesPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connectStripe()
	w.offers()
	w.called()
	assert.Equal(t, map[string]any{"status": "none"}, w.subscription(customerID))

	page := w.pageFor(customerID, clubPrice, "click")
	assert.Equal(t, page, w.pageFor(customerID, clubPrice, "click"), "a double click leads to one page")
	assert.Equal(t, w.only("checkout.session").Text("url"), page)
	subscribing := w.ran(workflows.TypeOpenPage)
	w.record(subscribing, "OpenPage.subscribe")

	w.paysOnPage(page)
	state := w.subscribed(customerID, "active")
	assert.Equal(t, w.only("subscription").ID(), state["subscriptionId"])
	assert.Equal(t, clubPrice, state["priceId"])
	assert.Equal(t, "club", state["tier"])
	assert.Equal(t, true, state["access"])
	assert.Equal(t, false, state["cancelAtPeriodEnd"])
	assert.Equal(t, map[string]any{"brand": "visa", "last4": "4242"}, state["paymentMethod"])

	t.Run("and gets one mail for the invoice, of which two events tell", func(t *testing.T) {
		require.Len(t, w.handled("invoice.paid", "invoice.payment_succeeded"), 2)
		w.handled("customer.subscription.created", "customer.subscription.updated", "checkout.session.completed", "payment_intent.succeeded")
		assert.Equal(t, []string{"invoice_paid sent"}, w.rows(`SELECT kind || ' ' || status FROM notifications WHERE recipient = 'customer'`))
		assert.Len(t, w.mailsTo(customerEmail), 1, "%v", w.mailsTo(customerEmail))
		invoice, _ := w.subscription(customerID)["latestInvoice"].(map[string]any)
		assert.Equal(t, "paid", invoice["status"])
		assert.EqualValues(t, 900, invoice["total"])
	})
	t.Run("and is led to Stripe's billing portal", func(t *testing.T) {
		portal := w.pageOf(customerID, "/billing/portal", "click on manage", map[string]any{})
		w.record(w.ran(workflows.TypeOpenPage, subscribing), "OpenPage.portal")
		response, err := http.Get(portal)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, http.StatusOK, response.StatusCode, portal)
	})
	t.Run("and by the same click to the same page, although its workflow has ended", func(t *testing.T) {
		description, err := built.temporal.Client().DescribeWorkflowExecution(t.Context(), subscribing, "")
		require.NoError(t, err)
		require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, description.GetWorkflowExecutionInfo().GetStatus())
		assert.Equal(t, page, w.pageFor(customerID, clubPrice, "click"), "another run would refuse what they have")
		after, err := built.temporal.Client().DescribeWorkflowExecution(t.Context(), subscribing, "")
		require.NoError(t, err)
		assert.Equal(t, description.GetWorkflowExecutionInfo().GetExecution().GetRunId(), after.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	})
	t.Run("but not to a second subscription of the same product", func(t *testing.T) {
		var status int
		var answer map[string]any
		w.until("it is answered", func() bool {
			status, answer = w.subscribes(customerID, clubPrice, "another click")
			return status != http.StatusServiceUnavailable
		})
		assert.Equal(t, http.StatusConflict, status, answer)
		assert.Len(t, w.atStripe("checkout.session"), 1)
	})
}

func TestACustomerWhoIsDeletedAtStripeIsMadeAnew(t *testing.T) {
	t.Parallel()
	replaced := func(w *world, old string) {
		w.Helper()
		w.pageFor(customerID, clubPrice, "click")
		made := w.only("customer")
		assert.NotEqual(w, old, made.ID())
		assert.Equal(w, made.ID(), w.only("checkout.session").Text("customer"))
		assert.Equal(w, []string{made.ID()}, w.rows(`SELECT stripe_customer_id FROM customers WHERE id = $1`, customerID))
	}
	t.Run("after an event has told of it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.connectStripe()
		w.offers()
		w.called()
		old := w.only("customer").ID()
		method, _ := w.asks("POST /v1/payment_methods/{payment_method}/attach", "pm_card_visa", wire.Object{"customer": old})
		w.asks("POST /v1/subscriptions", "", wire.Object{
			"customer": old, "items": []wire.Object{{"price": clubPrice}}, "default_payment_method": method.ID(),
		})
		w.subscribed(customerID, "active")
		w.asks("DELETE /v1/customers/{customer}", old, wire.Object{})
		assert.NotEqual(t, true, w.subscribed(customerID, "canceled")["access"])
		w.handled("customer.deleted")
		replaced(w, old)
	})
	t.Run("when Stripe says so at the next checkout", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.offers()
		w.called()
		old := w.only("customer").ID()
		w.asks("DELETE /v1/customers/{customer}", old, wire.Object{}) // and no event comes
		replaced(w, old)
		w.record(w.ran(workflows.TypeOpenPage), "OpenPage.customer_gone")
	})
}

func TestWhatIsTrueAtStripeIsLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.offers()
	_, subscription, events := w.patron(customerID, customerEmail)
	created := of("customer.subscription.created", events)
	require.True(t, w.deliver(created))
	w.closed(created.id)
	w.record(created.id, "SyncSubscription.mine")
	assert.Equal(t, "active", w.subscription(customerID)["status"], "as it is by now, whatever it was when the event was made")
	paid := of("invoice.paid", events)
	require.True(t, w.deliver(paid))
	w.closed(paid.id)
	w.record(paid.id, "SyncSubscription.mailed")
	assert.Len(t, w.mailsTo(customerEmail), 1)

	t.Run("when support asks for it, though no event came", func(t *testing.T) {
		w.asks("POST /v1/subscriptions/{subscription_exposed_id}", subscription, wire.Object{"cancel_at_period_end": true})
		require.Equal(t, false, w.subscription(customerID)["cancelAtPeriodEnd"])
		request := ids(t)("req")
		for range 2 { // the same request acts once
			status, answer := w.actsOn(customerID, request, "resync", nil)
			require.Equal(t, http.StatusOK, status, answer)
		}
		w.closed("support-" + request)
		w.record("support-"+request, "Resync.asked")
		assert.Equal(t, true, w.subscription(customerID)["cancelAtPeriodEnd"])
	})
}

func TestASubscriptionOfNobodysIsAssignedBySupport(t *testing.T) {
	t.Parallel()
	w, id := newWorld(t), ids(t)
	w.offers()
	stripeCustomer, subscription, events := w.patron("", "stranger@mail.example")
	created := of("customer.subscription.created", events)
	require.True(t, w.deliver(created))
	w.closed(created.id)
	w.record(created.id, "SyncSubscription.unowned")
	assert.Equal(t, []string{subscription}, w.unowned())
	require.Equal(t, "none", w.subscription(customerID)["status"])

	status, answer := w.actsOn(stripeCustomer, id("req"), "assign", map[string]any{"customerId": customerID})
	require.Equal(t, http.StatusOK, status, answer)
	assert.Equal(t, subscription, w.subscribed(customerID, "active")["subscriptionId"])
	assert.Empty(t, w.unowned())
}

// receiver is another service, which is told of subscriptions.
type receiver struct {
	*httptest.Server
	t    *testing.T
	down atomic.Bool // it answers 503

	mu       sync.Mutex
	refused  int
	received []message
}

// message is one of ours as the receiver has got it.
type message struct {
	ID   string `json:"-"`
	Type string `json:"type"`
	Data struct {
		CustomerID        string `json:"customerId"`
		Sequence          int    `json:"sequence"`
		Status            string `json:"status"`
		Tier              string `json:"tier"`
		CancelAtPeriodEnd bool   `json:"cancelAtPeriodEnd"`
	} `json:"data"`
}

const outgoingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// newReceiver starts one. It knows what is ours by the library that the makers of
// Standard Webhooks give to receivers.
func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	hook, err := standardwebhooks.NewWebhook(outgoingSecret)
	require.NoError(t, err)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		assert.NoError(t, err)
		assert.NoError(t, hook.Verify(body, request.Header), "%s", body)
		if r.takes(request.Header.Get("webhook-id"), body) {
			w.WriteHeader(http.StatusNoContent)
		} else {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) takes(id string, body []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down.Load() {
		r.refused++
		return false
	}
	m := message{ID: id}
	assert.NoError(r.t, json.Unmarshal(body, &m), "%s", body)
	r.received = append(r.received, m)
	return true
}

func (r *receiver) seen() (refused int, received []message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused, append([]message(nil), r.received...)
}

// configure has the world's worker tell the receiver.
func (r *receiver) configure(w *world) {
	w.more = append(w.more, "OUTGOING_WEBHOOK_URL="+r.URL+"/twigz", "OUTGOING_WEBHOOK_SECRET="+outgoingSecret)
}

func TestOtherServicesAreToldOfEachChangeOnce(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.down.Store(true)
	w := newWorld(t, r.configure)
	w.offers()
	_, subscription, events := w.patron(customerID, customerEmail)
	tell := func(events []told) {
		t.Helper()
		for _, e := range events {
			if w.deliver(e) {
				w.closed(e.id)
			}
		}
	}
	tell(events)
	w.until("the receiver was tried in vain", func() bool { refused, _ := r.seen(); return refused > 0 })
	_, events = w.asks("POST /v1/subscriptions/{subscription_exposed_id}", subscription, wire.Object{"cancel_at_period_end": true})
	tell(events)

	r.down.Store(false)
	w.until("every message is delivered", func() bool {
		return len(w.rows(`SELECT id FROM outgoing_messages WHERE status <> 'delivered'`)) == 0
	})
	_, received := r.seen()
	made := w.rows(`SELECT id FROM outgoing_messages ORDER BY (body::jsonb -> 'data' ->> 'sequence')::int`)
	require.NotEmpty(t, made)
	once, last := map[string]int{}, message{}
	for _, m := range received {
		assert.Equal(t, "subscription.changed", m.Type)
		assert.Equal(t, customerID, m.Data.CustomerID)
		once[m.ID]++
		if m.Data.Sequence > last.Data.Sequence {
			last = m
		}
	}
	for i, id := range made {
		assert.Equal(t, 1, once[id], "message %d, %s", i+1, id)
		w.closed(workflows.DeliveryWorkflowID(id))
	}
	assert.Len(t, received, len(made))
	assert.Equal(t, len(made), last.Data.Sequence, "the sequence has no gap")
	assert.Equal(t, "active club", last.Data.Status+" "+last.Data.Tier)
	assert.True(t, last.Data.CancelAtPeriodEnd)
	w.record(workflows.DeliveryWorkflowID(made[len(made)-1]), "DeliverWebhook.delivered")
}

// counter stands between a world and its Stripe, and counts the calls.
type counter struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int // by method and path
}

// newCounter has the world call Stripe through it.
func newCounter(w *world) *counter {
	w.Helper()
	c := &counter{calls: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		target, _ := url.Parse(w.stripe.URL())
		r.SetURL(target)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls[r.In.Method+" "+r.In.URL.Path]++
	}}
	c.Server = httptest.NewServer(proxy)
	w.Cleanup(c.Close)
	w.more = append(w.more, "STRIPE_API_BASE="+c.URL)
	return c
}

func (c *counter) count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[call]
}

// Two hundred events of one customer at once, as when somebody changes a price at
// Stripe: one look at a time, and few of them.
func TestABurstOfEventsMakesFewLooks(t *testing.T) {
	t.Parallel()
	var c *counter
	w := newWorld(t, func(w *world) { c = newCounter(w) })
	w.offers()
	const list, burst, most = "GET /v1/subscriptions", 200, 10
	_, subscription, events := w.patron(customerID, customerEmail)
	first := of("customer.subscription.created", events)
	w.deliver(first)
	w.closed(first.id)
	before := c.count(list)
	require.NotZero(t, before, "the looks go through the counter: %v", c.calls)

	_, events = w.asks("POST /v1/subscriptions/{subscription_exposed_id}", subscription, wire.Object{"cancel_at_period_end": true})
	all := make([]told, burst)
	for i := range all {
		all[i] = of("customer.subscription.updated", events).twin()
		suffix := fmt.Appendf(nil, "n%d", i)
		all[i].payload = bytes.Replace(all[i].payload, []byte(all[i].id), append([]byte(all[i].id), suffix...), 1)
		all[i].id += string(suffix)
	}
	var posts sync.WaitGroup
	for _, e := range all {
		posts.Go(func() { w.deliver(e) })
	}
	posts.Wait()
	covered, slept := "", false
	for _, e := range all {
		did, waited := looked(w.closed(e.id))
		if !did && (covered == "" || waited && !slept) {
			covered, slept = e.id, waited
		}
	}
	looks := c.count(list) - before
	t.Logf("%d events of one customer made %d looks at Stripe", burst, looks)
	assert.LessOrEqual(t, looks, most)
	assert.NotZero(t, looks)
	assert.Equal(t, true, w.subscription(customerID)["cancelAtPeriodEnd"], "nothing was missed")
	require.NotEmpty(t, covered, "somebody was covered by another's look")
	w.record(covered, "SyncSubscription.covered_by_another")
}
