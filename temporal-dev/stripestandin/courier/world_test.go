package courier_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/webhook"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
)

const (
	secret = "whsec_test"
	shop   = "we_shop" // the endpoint of most tests
	paid   = "payment_intent.succeeded"
)

// world is what a courier is told: which endpoints there are, and what an event's payload is.
type world struct {
	mu        sync.Mutex
	endpoints map[string]courier.Endpoint
	forgotten map[string]bool // events that are no more
	delivered []string        // as the courier told it: event, a blank, endpoint
}

func newWorld() *world {
	return &world{endpoints: map[string]courier.Endpoint{}, forgotten: map[string]bool{}}
}

func (w *world) endpoint(id string) (courier.Endpoint, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.endpoints[id]
	return e, ok
}

func (w *world) put(id string, e courier.Endpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endpoints[id] = e
}

func (w *world) remove(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.endpoints, id)
}

func (w *world) payload(eventID, apiVersion string) ([]byte, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Appendf(nil, `{"id": %q, "object": "event", "type": %q, "api_version": %q}`, eventID, paid, apiVersion), !w.forgotten[eventID]
}

func (w *world) tell(eventID, endpointID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delivered = append(w.delivered, eventID+" "+endpointID)
}

func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.delivered
}

// config delivers into the world, and is quick to try again.
func (w *world) config(rules ...faults.Rule) courier.Config {
	plan, err := faults.New(1, rules...)
	if err != nil {
		panic(err)
	}
	return courier.Config{
		Endpoint: w.endpoint, Payload: w.payload, Delivered: w.tell, Faults: plan,
		RetryFirst: 5 * time.Millisecond, RetryMost: 20 * time.Millisecond,
	}
}

// mustStart runs a courier until the test ends.
func mustStart(t *testing.T, config courier.Config) *courier.Courier {
	t.Helper()
	c := courier.New(config)
	t.Cleanup(c.Close)
	return c
}

// mustBeIdle waits until nothing is under way.
func mustBeIdle(t *testing.T, c *courier.Courier) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, c.Idle(ctx))
}

// arrival is an attempt as the receiver saw it.
type arrival struct {
	event     stripe.Event
	payload   string
	header    http.Header
	forged    bool // the signature did not fit
	signature string
}

// receiver is a webhook endpoint that verifies as the project does.
type receiver struct {
	*httptest.Server
	secret string
	answer func(n int) int // the status for the nth arrival whose signature fits, from 1; nil: 200

	mu       sync.Mutex
	arrivals []arrival
	genuine  int
}

// mustReceive puts a receiver into the world as an endpoint.
func mustReceive(t *testing.T, w *world, id string, answer func(n int) int) *receiver {
	t.Helper()
	r := &receiver{secret: secret, answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	w.put(id, courier.Endpoint{URL: r.URL, Secrets: []string{secret}, APIVersion: stripe.APIVersion})
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	a := arrival{payload: string(body), header: req.Header, signature: req.Header.Get("Stripe-Signature")}
	var err error
	a.event, err = webhook.ConstructEventWithOptions(body, a.signature, r.secret, webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	a.forged = err != nil
	n := r.note(a)
	switch {
	case a.forged:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.answer != nil:
		w.WriteHeader(r.answer(n))
		_, _ = io.WriteString(w, "answer ")
		_, _ = fmt.Fprint(w, n)
	}
}

func (r *receiver) note(a arrival) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivals = append(r.arrivals, a)
	if !a.forged {
		r.genuine++
	}
	return r.genuine
}

func (r *receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arrivals
}

// ids lists the events in the order in which they arrived.
func (r *receiver) ids() []string {
	ids := []string{}
	for _, a := range r.all() {
		ids = append(ids, a.event.ID)
	}
	return ids
}

// busyUntil answers 503 to all arrivals before the nth.
func busyUntil(n int) func(int) int {
	return func(i int) int {
		if i < n {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
}

func always(status int) func(int) int { return func(int) int { return status } }
