package control_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const patience = 10 * time.Second

// desk is a stand-in whose events are taken by a receiver, and a browser that goes nowhere by itself.
type desk struct {
	*testing.T
	*stripestandin.Server
	browser http.Client
}

func open(t *testing.T) *desk {
	t.Helper()
	return openWith(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("taken")) })
}

// openWith is open with a receiver of one's own.
func openWith(t *testing.T, receive http.HandlerFunc) *desk {
	t.Helper()
	hook := httptest.NewServer(receive)
	t.Cleanup(hook.Close)
	s, err := stripestandin.New(stripestandin.Config{WebhookURL: hook.URL, WebhookSecrets: []string{"whsec_1"}})
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &desk{t, s, http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send makes a request and returns the status, where it leads to, and the body.
func (d *desk) send(method, path, kind, body string) (status int, location, text string) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.URL()+path, strings.NewReader(body))
	require.NoError(d, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := d.browser.Do(r)
	require.NoError(d, err)
	defer answer.Body.Close() //nolint:errcheck // only read
	all, err := io.ReadAll(answer.Body)
	require.NoError(d, err)
	return answer.StatusCode, answer.Header.Get("Location"), string(all)
}

// api makes a JSON call and returns its answer.
func (d *desk) api(method, path, body string) (int, wire.Object) {
	d.Helper()
	status, _, text := d.send(method, path, "application/json", body)
	answer, err := wire.Decode([]byte(text))
	require.NoError(d, err, text)
	return status, answer
}

// must is a JSON call that is answered.
func (d *desk) must(method, path, body string) wire.Object {
	d.Helper()
	status, answer := d.api(method, path, body)
	require.Equal(d, http.StatusOK, status, "%s %s: %v", method, path, answer)
	return answer
}

// act does an act by JSON.
func (d *desk) act(name, id string, said wire.Object) wire.Object {
	d.Helper()
	body := wire.Object{"id": id}
	maps.Copy(body, said)
	text, err := json.Marshal(body)
	require.NoError(d, err)
	return d.must(http.MethodPost, "/_control/acts/"+name, string(text))
}

// offered are the names of the acts that can happen to an object now.
func (d *desk) offered(id string) (names []string) {
	d.Helper()
	for _, a := range d.must(http.MethodGet, "/_control/acts?id="+id, "").List("acts") {
		names = append(names, a.Text("name"))
	}
	return names
}

// get is a page.
func (d *desk) get(path string) string {
	d.Helper()
	status, _, text := d.send(http.MethodGet, path, "", "")
	require.Equal(d, http.StatusOK, status, path)
	require.True(d, strings.HasSuffix(strings.TrimSpace(text), "</html>"), "%s ends where it should", path)
	return text
}

// shows expects texts on a page.
func (d *desk) shows(path string, all ...string) (page string) {
	d.Helper()
	page = d.get(path)
	d.has(path, page, all...)
	return page
}

// has expects texts in another, without printing a whole page where they are not.
func (d *desk) has(name, page string, all ...string) {
	d.Helper()
	for _, shown := range all {
		if !strings.Contains(page, shown) {
			d.Errorf("%s does not show %s", name, shown)
		}
	}
}

// hides expects texts not to be on a page.
func (d *desk) hides(path string, all ...string) {
	d.Helper()
	page := d.get(path)
	for _, hidden := range all {
		if strings.Contains(page, hidden) {
			d.Errorf("%s shows %s", path, hidden)
		}
	}
}

// submit sends a form.
func (d *desk) submit(path string, values url.Values) (status int, location, text string) {
	d.Helper()
	return d.send(http.MethodPost, path, "application/x-www-form-urlencoded", values.Encode())
}

// call makes a call of Stripe's API and returns the ID of what it makes. A card may be declined on the way.
func (d *desk) call(pattern string, params wire.Object) (id string) {
	d.Helper()
	err := d.Act(func(t *ledger.Tx) *wire.Error {
		made, refusal := ledger.Calls()[pattern](t, ledger.Input{Params: wire.Normalize(params)})
		id = made.ID()
		if refusal != nil && refusal.Keeps {
			return nil
		}
		return refusal
	})
	require.NoError(d, err)
	return id
}

// payment is the intent of a new payment with one of Stripe's test cards, or none.
func (d *desk) payment(method string) string {
	d.Helper()
	return d.act("new_payment", "", wire.Object{"amount": 2674, "email": "customer@example.com", "method": method}).ID()
}

const visa = "pm_card_visa"

func (d *desk) see(id string) (o wire.Object) {
	d.View(func(t *ledger.Tx) { o = t.Read(id) })
	return o
}

// customer is one who pays with a card.
func (d *desk) customer(method string) string {
	d.Helper()
	id := d.call("POST /v1/customers", wire.Object{"email": "grace@example.com", "name": "Grace"})
	if method != "" {
		d.act("set_default_method", id, wire.Object{"method": method})
	}
	return id
}

// price is a monthly one.
func (d *desk) price() string {
	d.Helper()
	product := d.call("POST /v1/products", wire.Object{"name": "Bread, every week"})
	return d.call("POST /v1/prices", wire.Object{
		"product": product, "currency": "eur", "unit_amount": 1200, "recurring": wire.Object{"interval": "month"}, "nickname": "Gold",
	})
}

// subscription is one of a customer who pays with a card, or has none ("").
func (d *desk) subscription(method string, more wire.Object) string {
	d.Helper()
	params := wire.Object{"customer": d.customer(method), "items": []wire.Object{{"price": d.price()}}}
	maps.Copy(params, more)
	return d.call("POST /v1/subscriptions", params)
}

// session is an open Checkout Session.
func (d *desk) session() string {
	d.Helper()
	price := wire.Object{"currency": "eur", "unit_amount": 450, "product_data": wire.Object{"name": "Rye loaf"}}
	return d.call("POST /v1/checkout/sessions", wire.Object{
		"mode": "payment", "success_url": "http://127.0.0.1/thanks", "line_items": []wire.Object{{"quantity": 2, "price_data": price}},
	})
}

// hook is the endpoint that events are sent to.
func (d *desk) hook() (id string) {
	d.View(func(t *ledger.Tx) {
		for e := range t.Every("webhook_endpoint") {
			id = e.ID()
		}
	})
	return id
}
