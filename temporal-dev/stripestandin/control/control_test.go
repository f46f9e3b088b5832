package control_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// desk is a stand-in whose events are taken by a receiver, and a browser that goes nowhere by itself.
type desk struct {
	*testing.T
	*stripestandin.Server
	browser http.Client
}

func open(t *testing.T) *desk {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("taken")) }))
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
func (d *desk) api(method, path, body string) (int, map[string]any) {
	d.Helper()
	status, _, text := d.send(method, path, "application/json", body)
	var answer map[string]any
	require.NoError(d, json.Unmarshal([]byte(text), &answer), text)
	return status, answer
}

func (d *desk) must(method, path, body string) map[string]any {
	d.Helper()
	status, answer := d.api(method, path, body)
	require.Equal(d, http.StatusOK, status, "%s %s: %v", method, path, answer)
	return answer
}

func (d *desk) get(path string) string {
	d.Helper()
	status, _, text := d.send(http.MethodGet, path, "", "")
	require.Equal(d, http.StatusOK, status, path)
	return text
}

// paid is the intent of a payment whose metadata means no good.
func (d *desk) paid() string {
	d.Helper()
	_, id, err := d.Pay(stripestandin.PaymentParams{
		Amount: 2674, Currency: "usd", ReceiptEmail: "customer@example.com", Metadata: map[string]string{"note": "<script>alert(1)</script>"},
	})
	require.NoError(d, err)
	return id
}

func (d *desk) see(id string) (o wire.Object) {
	d.View(func(t *ledger.Tx) { o = t.Read(id) })
	return o
}

func TestAPaymentIsMadeByJSON(t *testing.T) {
	t.Parallel()
	d := open(t)
	for call, status := range map[string]string{"pay": "succeeded", "fail": "requires_payment_method", "cancel": "canceled"} {
		answer := d.must(http.MethodPost, "/_control/"+call, `{"amount":100,"currency":"usd"}`)
		assert.Equal(t, status, d.see(answer["paymentIntentId"].(string)).Text("status"))
		event := d.must(http.MethodGet, "/_control/events/"+answer["eventId"].(string), "")
		assert.Equal(t, "event", event["object"])
		require.Eventually(t, func() bool {
			deliveries := d.must(http.MethodGet, "/_control/deliveries?event="+answer["eventId"].(string), "")["deliveries"].([]any)
			return len(deliveries) == 1 && deliveries[0].(map[string]any)["answer"] == "taken"
		}, 10*time.Second, time.Millisecond)
	}
	assert.Len(t, d.must(http.MethodGet, "/_control/objects?kind=payment_intent&limit=2", "")["objects"], 2)
	assert.Empty(t, d.must(http.MethodGet, "/_control/undelivered", "")["undelivered"])
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.paid()
	for call, status := range map[string]int{
		`POST /_control/pay {"amount":100,"currency":"usd","amonut":1}`: 400,
		`POST /_control/pay {"amount":-1,"currency":"usd"}`:             422,
		`POST /_control/acts/levitate {}`:                               404,
		`POST /_control/acts/refund {"id":"pi_none"}`:                   422,
		`POST /_control/acts/refund {"id":"` + id + `","amount":"all"}`: 422,
		`POST /_control/acts/refund {"id":"` + id + `","colour":"red"}`: 422,
		`POST /_control/acts/settle_intent {"id":"` + id + `"}`:         422,
		`POST /_control/acts/refund {"id":"` + id + `","amount":99999}`: 422,
		`POST /_control/clock {"days":0}`:                               422,
		`POST /_control/clock {"advance":"soon"}`:                       400,
		`POST /_control/clock {"days":99999}`:                           422,
		`PUT /_control/faults {"rules":[{"fault":"gremlins"}]}`:         422,
		`POST /_control/endpoints {"url":"x","apiVersion":"yesterday"}`: 422,
		`POST /_control/events/evt_none/resend {}`:                      404,
		`GET /_control/objects/pi_none `:                                404,
		`GET /_control/objects?limit=0 `:                                400,
		`GET /_control/nothing `:                                        404,
	} {
		method, rest, _ := strings.Cut(call, " ")
		path, body, _ := strings.Cut(rest, " ")
		got, answer := d.api(method, path, body)
		assert.Equal(t, status, got, call)
		assert.NotEmpty(t, answer["error"], call)
	}
	status, _, _ := d.send(http.MethodPost, "/_control/pay", "text/plain", `{"amount":100,"currency":"usd"}`)
	assert.Equal(t, http.StatusBadRequest, status, "as another site could send it")
}

func TestActsHappenAndTellWhichEventsTheyMade(t *testing.T) {
	t.Parallel()
	d := open(t)
	act := func(name, body string) []any {
		return d.must(http.MethodPost, "/_control/acts/"+name, body)["events"].([]any)
	}
	id := d.paid()
	events := act("refund", `{"id":"`+id+`","amount":500}`)
	assert.Equal(t, "refund.created", events[0].(map[string]any)["type"])
	act("open_dispute", `{"id":"`+id+`"}`)
	disputes := d.must(http.MethodGet, "/_control/objects?kind=dispute", "")["objects"].([]any)
	act("close_dispute", `{"id":"`+disputes[0].(map[string]any)["id"].(string)+`","status":"won"}`)

	_, open, err := d.Fail(stripestandin.PaymentParams{Amount: 100, Currency: "usd"})
	require.NoError(t, err)
	declined := act("pay_intent", `{"id":"`+open+`","method":"pm_card_visa_chargeDeclined"}`)
	assert.NotEmpty(t, declined, "a declined card is no refusal: it left its traces")
	act("pay_intent", `{"id":"`+open+`"}`)
	assert.Equal(t, "succeeded", d.see(open).Text("status"))
	assert.NotEmpty(t, d.must(http.MethodGet, "/_control/acts", "")["acts"])
}

func TestClockFaultsAndEndpoints(t *testing.T) {
	t.Parallel()
	d := open(t)
	before := d.must(http.MethodGet, "/_control/clock", "")["now"].(float64)
	after := d.must(http.MethodPost, "/_control/clock", `{"days":2,"advance":"1h"}`)["now"].(float64)
	assert.InDelta(t, 49*3600, after-before, 60)
	status := d.must(http.MethodPut, "/_control/faults", `{"seed":7,"rules":[{"fault":"drop","match":"charge.*"}]}`)
	assert.InDelta(t, 7, status["seed"], 0)
	d.paid()
	require.Eventually(t, func() bool {
		return len(d.must(http.MethodGet, "/_control/undelivered", "")["undelivered"].([]any)) == 1
	}, 10*time.Second, time.Millisecond)
	d.must(http.MethodPost, "/_control/retry", `{}`)

	made := d.must(http.MethodPost, "/_control/endpoints", `{"url":"http://127.0.0.1:1/","secret":"whsec_known","events":["invoice.paid"],"apiVersion":"2025-06-30.basil"}`)
	assert.Equal(t, "whsec_known", made["secret"])
	d.must(http.MethodPost, "/_control/acts/roll_secret", `{"id":"`+made["id"].(string)+`","secret":"whsec_next","hours":1}`)
	d.must(http.MethodPost, "/_control/acts/disable_endpoint", `{"id":"`+made["id"].(string)+`"}`)
	assert.Equal(t, "disabled", d.see(made["id"].(string)).Text("status"))
	status2, _, _ := d.send(http.MethodPost, "/_control/send", "application/json", "not JSON \x00")
	assert.Equal(t, http.StatusOK, status2)
}

func TestPagesShowWhatThereIs(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, empty := range []string{"/?show=checkout", "/?show=customers", "/?show=subscriptions", "/?show=returns", "/?show=catalog", "/clock"} {
		assert.Contains(t, d.get(empty), "Stripe stand-in", empty)
	}
	id := d.paid()
	list := d.get("/")
	assert.Contains(t, list, id)
	assert.Contains(t, list, "26.74 USD")
	assert.Contains(t, list, "customer@example.com")
	assert.Contains(t, list, "Refund it")
	assert.Contains(t, d.get("/?q=CUSTOMER@example"), id)
	assert.NotContains(t, d.get("/?q=nobody@example"), id)

	one := d.get("/objects/" + id)
	assert.Contains(t, one, "payment_intent.succeeded")
	assert.Contains(t, one, "&lt;script&gt;")
	assert.NotContains(t, one, "<script")
	assert.Contains(t, d.get("/events"), "payment_intent.created")
	assert.Contains(t, d.get("/?show=endpoints"), "Roll the secret")
	status, _, text := d.send(http.MethodGet, "/objects/pi_none", "", "")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, text, "nothing here of that name")
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	d := open(t)
	first := d.paid()
	for range 25 {
		d.paid()
	}
	page := d.get("/")
	assert.NotContains(t, page, first)
	_, rest, found := strings.Cut(page, `<p><a href="`)
	require.True(t, found)
	next, _, _ := strings.Cut(rest, `"`)
	assert.Contains(t, d.get(strings.ReplaceAll(next, "&amp;", "&")), first)
}

func TestFormsDoWhatTheirButtonsSay(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	d := open(t)
	id := d.paid()
	status, location, _ := d.send(http.MethodPost, "/acts/refund", form, url.Values{"id": {id}, "amount": {"500"}, "reason": {"duplicate"}}.Encode())
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Contains(t, d.get(location), "Refund it: refund.created")

	status, _, text := d.send(http.MethodPost, "/acts/refund", form, url.Values{"id": {id}, "amount": {"99999"}}.Encode())
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Contains(t, text, `role="alert"`)
	assert.Contains(t, text, `value="99999"`, "what was entered is not lost")

	for path, c := range map[string]struct {
		values url.Values
		status int
	}{
		"/clock":         {url.Values{"days": {"3"}}, http.StatusSeeOther},
		"/faults":        {url.Values{"seed": {"1"}, "rules": {`[{"fault":"twin"}]`}}, http.StatusSeeOther},
		"/retry":         {nil, http.StatusSeeOther},
		"/acts/levitate": {nil, http.StatusNotFound},
	} {
		status, _, _ := d.send(http.MethodPost, path, form, c.values.Encode())
		assert.Equal(t, c.status, status, path)
	}
	for path, values := range map[string]url.Values{"/clock": {"days": {"-1"}}, "/faults": {"seed": {"1"}, "rules": {`[{"fault":"gremlins"}]`}}} {
		status, _, text := d.send(http.MethodPost, path, form, values.Encode())
		assert.Equal(t, http.StatusUnprocessableEntity, status, path)
		assert.Contains(t, text, `role="alert"`)
	}
}

func TestAnEventIsSentAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	made := d.must(http.MethodPost, "/_control/pay", `{"amount":100,"currency":"usd"}`)
	event := made["eventId"].(string)
	d.must(http.MethodPost, "/_control/events/"+event+"/resend", `{}`)
	status, _, _ := d.send(http.MethodPost, "/events/"+event+"/resend", "application/x-www-form-urlencoded", "")
	assert.Equal(t, http.StatusSeeOther, status)
	require.Eventually(t, func() bool {
		return len(d.must(http.MethodGet, "/_control/deliveries?event="+event, "")["deliveries"].([]any)) == 3
	}, 10*time.Second, time.Millisecond)
	assert.Contains(t, d.get("/objects/"+event), "Send it again")
}

func TestAnotherSiteCannotPressAButton(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.paid()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+"/acts/refund", strings.NewReader("id="+id))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusForbidden, answer.StatusCode)
}
