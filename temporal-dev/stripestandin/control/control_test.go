package control_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79/webhook"

	"twigz/temporal-dev/stripestandin/wire"
)

func TestAPaymentIsMadeByJSON(t *testing.T) {
	t.Parallel()
	d := open(t)
	for call, status := range map[string]string{"pay": "succeeded", "fail": "requires_payment_method", "cancel": "canceled"} {
		answer := d.must(http.MethodPost, "/_control/"+call, `{"amount":100,"currency":"usd"}`)
		event := answer.Text("eventId")
		assert.Equal(t, status, d.see(answer.Text("paymentIntentId")).Text("status"))
		assert.Equal(t, "event", d.must(http.MethodGet, "/_control/events/"+event, "").Kind())
		require.Eventually(t, func() bool {
			attempts := d.must(http.MethodGet, "/_control/deliveries?event="+event, "").List("deliveries")
			return len(attempts) == 1 && attempts[0].Text("answer") == "taken"
		}, patience, time.Millisecond)
	}
	all := d.must(http.MethodGet, "/_control/deliveries", "").List("deliveries")
	since := d.must(http.MethodGet, "/_control/deliveries?after="+strconv.FormatInt(all[1].Int("id"), 10), "").List("deliveries")
	assert.Equal(t, all[2:], since[:len(all)-2])
	require.Eventually(t, func() bool {
		return len(d.must(http.MethodGet, "/_control/undelivered", "").List("undelivered")) == 0
	}, patience, time.Millisecond)
}

func TestObjectsAreListed(t *testing.T) {
	t.Parallel()
	d := open(t)
	first, second, third := d.payment(visa), d.payment("none"), d.payment(visa)

	page := d.must(http.MethodGet, "/_control/objects?kind=payment_intent&limit=2", "")
	assert.Equal(t, []string{third, second}, ids(page.List("objects")))
	assert.True(t, page.Bool("more"))
	page = d.must(http.MethodGet, "/_control/objects?kind=payment_intent&limit=2&after="+second, "")
	assert.Equal(t, []string{first}, ids(page.List("objects")))
	assert.False(t, page.Bool("more"))
	page = d.must(http.MethodGet, "/_control/objects?kind=payment_intent&q=REQUIRES_PAYMENT", "")
	assert.Equal(t, []string{second}, ids(page.List("objects")))

	for _, o := range d.must(http.MethodGet, "/_control/objects?kind=webhook_endpoint", "").List("objects") {
		require.NoError(t, wire.Check(o), "as the API shows it: without its secrets")
	}
}

func ids(objects []wire.Object) (all []string) {
	for _, o := range objects {
		all = append(all, o.ID())
	}
	return all
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	id, hook := d.payment(visa), d.hook()
	for call, status := range map[string]int{
		`POST /_control/pay {"amount":100,"currency":"usd","amonut":1}`:                                   400,
		`POST /_control/pay {"amount":100,"currency":"usd"} {}`:                                           400,
		`POST /_control/pay {"amount":-1,"currency":"usd"}`:                                               422,
		`POST /_control/pay {"amount":100,"currency":"usd","method":"pm_card_chargeDeclinedExpiredCard"}`: 422,
		`POST /_control/acts/levitate {}`:                                                                 404,
		`POST /_control/acts/refund {"id":"pi_none"}`:                                                     422,
		`POST /_control/acts/refund {"id":"` + hook + `"}`:                                                422,
		`POST /_control/acts/refund {"id":"` + id + `","amount":"all"}`:                                   422,
		`POST /_control/acts/refund {"id":"` + id + `","amount":1.5}`:                                     422,
		`POST /_control/acts/refund {"id":"` + id + `","amount":null}`:                                    400,
		`POST /_control/acts/refund {"id":"` + id + `","colour":"red"}`:                                   422,
		`POST /_control/acts/refund {"id":"` + id + `","reason":"spite"}`:                                 422,
		`POST /_control/acts/refund {"id":"` + id + `","amount":99999}`:                                   422,
		`POST /_control/acts/settle_intent {"id":"` + id + `"}`:                                           422,
		`POST /_control/clock {"days":0}`:                                                                 422,
		`POST /_control/clock {"days":-1}`:                                                                422,
		`POST /_control/clock {"days":99999}`:                                                             422,
		`POST /_control/clock {"days":213504}`:                                                            422,
		`POST /_control/clock {"to":1}`:                                                                   422,
		`POST /_control/clock {"to":1,"days":1}`:                                                          400,
		`POST /_control/clock {"advance":"soon"}`:                                                         400,
		`PUT /_control/faults {"rules":[{"fault":"gremlins"}]}`:                                           422,
		`PUT /_control/faults {"rules":[{"fualt":"drop"}]}`:                                               400,
		`POST /_control/endpoints {"url":"nowhere"}`:                                                      422,
		`POST /_control/endpoints {"url":"http://127.0.0.1:9/","apiVersion":"yesterday"}`:                 422,
		`POST /_control/endpoints {"url":"http://127.0.0.1:9/","events":["payment_intent.exploded"]}`:     422,
		`POST /_control/endpoints/we_none/roll {}`:                                                        422,
		`POST /_control/endpoints/` + hook + `/roll {"overlap":"-1h"}`:                                    400,
		`POST /_control/events/evt_none/resend {}`:                                                        404,
		`GET /_control/objects/pi_none `:                                                                  404,
		`GET /_control/objects `:                                                                          400,
		`GET /_control/objects?kind=unicorn `:                                                             400,
		`GET /_control/objects?kind=payment_intent&limit=0 `:                                              400,
		`GET /_control/objects?kind=payment_intent&after=pi_none `:                                        400,
		`GET /_control/deliveries?after=evt_1 `:                                                           400,
		`GET /_control/nothing `:                                                                          404,
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

func TestTheClockIsSetAhead(t *testing.T) {
	t.Parallel()
	d := open(t)
	before := d.must(http.MethodGet, "/_control/clock", "").Int("now")
	after := d.must(http.MethodPost, "/_control/clock", `{"days":2,"advance":"1h"}`).Int("now")
	assert.InDelta(t, 49*3600, after-before, 60)
	to := after + 3600
	after = d.must(http.MethodPost, "/_control/clock", `{"to":`+strconv.FormatInt(to, 10)+`}`).Int("now")
	assert.InDelta(t, to, after, 60)
}

func TestWhatGoesWrongCanBeSaid(t *testing.T) {
	t.Parallel()
	d := open(t)
	status := d.must(http.MethodPut, "/_control/faults", `{"seed":7,"rules":[{"fault":"drop","match":"charge.*"}]}`)
	assert.EqualValues(t, 7, status.Int("seed"))
	d.payment(visa)
	require.Eventually(t, func() bool {
		lost := d.must(http.MethodGet, "/_control/undelivered", "").List("undelivered")
		return len(lost) == 1 && lost[0].Text("state") == "dropped"
	}, patience, time.Millisecond)
	assert.EqualValues(t, 1, d.must(http.MethodGet, "/_control/faults", "").List("rules")[0].Int("struck"))
	assert.EqualValues(t, 0, d.must(http.MethodPost, "/_control/retry", `{}`).Int("hastened"), "what was dropped waits for nothing")
}

// signatures takes note of the signatures that come.
type signatures struct {
	sync.Mutex
	all []string
}

func (s *signatures) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	s.all = append(s.all, r.Header.Get("Stripe-Signature"))
}

func (s *signatures) last() string {
	s.Lock()
	defer s.Unlock()
	if len(s.all) == 0 {
		return ""
	}
	return s.all[len(s.all)-1]
}

func TestAnEndpointIsMadeAndItsSecretRolled(t *testing.T) {
	t.Parallel()
	var seen signatures
	d := openWith(t, seen.ServeHTTP)
	made := d.must(http.MethodPost, "/_control/endpoints", `{"url":"http://127.0.0.1:9/","secret":"whsec_known","events":["invoice.paid"],"apiVersion":"2025-06-30.basil"}`)
	assert.Equal(t, "whsec_known", made.Text("secret"))
	assert.Equal(t, "2025-06-30.basil", d.see(made.ID()).Text("api_version"))

	rolled := d.must(http.MethodPost, "/_control/endpoints/"+d.hook()+"/roll", `{"overlap":"1h"}`)
	assert.True(t, strings.HasPrefix(rolled.Text("secret"), "whsec_"))
	d.must(http.MethodPost, "/_control/send", "not JSON")
	require.Eventually(t, func() bool { return seen.last() != "" }, patience, time.Millisecond)
	for _, secret := range []string{rolled.Text("secret"), "whsec_1"} {
		require.NoError(t, webhook.ValidatePayload([]byte("not JSON"), seen.last(), secret))
	}
}

func TestAnEventIsSentAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	event := d.must(http.MethodPost, "/_control/pay", `{"amount":100,"currency":"usd"}`).Text("eventId")
	d.must(http.MethodPost, "/_control/events/"+event+"/resend", `{}`)
	d.must(http.MethodPost, "/_control/events/"+event+"/resend", `{"endpoint":"`+d.hook()+`"}`)
	require.Eventually(t, func() bool {
		return len(d.must(http.MethodGet, "/_control/deliveries?event="+event, "").List("deliveries")) == 3
	}, patience, time.Millisecond)
	d.act("disable_endpoint", d.hook(), nil)
	status, _ := d.api(http.MethodPost, "/_control/events/"+event+"/resend", `{}`)
	assert.Equal(t, http.StatusNotFound, status, "nobody is there to take it")
}

func TestWhatWaitsIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	d := openWith(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	d.payment("none")
	require.Eventually(t, func() bool {
		return d.must(http.MethodPost, "/_control/retry", `{}`).Int("hastened") == 1
	}, patience, time.Millisecond)
}
