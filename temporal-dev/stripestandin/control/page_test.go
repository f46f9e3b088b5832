package control_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

var sections = []string{"/", "/payments", "/checkout", "/customers", "/subscriptions", "/returns", "/catalog", "/endpoints", "/events", "/attempts", "/clock"}

func TestThereArePagesWhereNothingHappenedYet(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, path := range sections {
		d.shows(path, "Stripe stand-in")
	}
	for _, path := range []string{"/objects/pi_none", "/nothing", "/objects/", "/acts/refund"} {
		status, _, text := d.send(http.MethodGet, path, "", "")
		assert.Equal(t, http.StatusNotFound, status, path)
		assert.Contains(t, text, "There is nothing of that name", path)
	}
}

func TestAPaymentIsShownAsPeopleReadIt(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.payment(visa)
	d.act("refund", id, wire.Object{"amount": 500})
	d.act("open_review", id, nil)
	for _, path := range []string{"/", "/payments", "/search?q=CUSTOMER@example", "/objects/" + id} {
		d.shows(path, id, "26.74 USD", "customer@example.com", "refunded 5.00 USD", "in review", "Refund it")
	}
	d.hides("/search?q=nobody@example", id)
	status, location, _ := d.send(http.MethodGet, "/search?q="+id, "", "")
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Equal(t, "/objects/"+id, location, "what is named is shown at once")

	link := `<a href="/objects/` + d.see(id).Text("latest_charge") + `">`
	d.shows("/objects/"+id, "payment_intent.succeeded", "charge.refunded", "review.opened", link)
}

func TestEveryKindHasItsPage(t *testing.T) {
	t.Parallel()
	d := open(t)
	subscription := d.subscription(visa, nil)
	session := d.session()
	payment := d.payment(visa)
	portal := d.act("open_portal", d.see(subscription).Text("customer"), nil).Text("made")
	pages := map[string][]string{
		session:      {"9.00 EUR", "Pay on the hosted page", "Rye loaf"},
		portal:       {"Portal session", "Open the billing portal", "/portal/" + portal},
		subscription: {"12.00 EUR a month", "grace@example.com", "Period until", "Gold"},
		d.see(subscription).Text("latest_invoice"):       {"12.00 EUR", "Because of", "subscription create"},
		d.see(subscription).Text("customer"):             {"Grace", "Another card from now on", "Open the billing portal"},
		d.see(payment).Text("latest_charge"):             {"26.74 USD", "visa"},
		d.act("open_dispute", payment, nil).Text("made"): {"needs response", "Evidence due", "The bank decides"},
		d.hook(): {"all events", "whsec_1", "Roll the secret", "What the stand-in keeps to itself"},
	}
	for id, all := range pages {
		d.shows("/objects/"+id, all...)
	}
	for _, path := range sections {
		d.get(path)
	}
}

func TestWhatMeansNoGoodDoesNone(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script>`
	d := open(t)
	_, id, err := d.Pay(stripestandin.PaymentParams{
		Amount: 100, Currency: "usd", Description: evil, Metadata: map[string]string{"note": evil, "link": `pi_1"><b>`},
	})
	require.NoError(t, err)
	require.NoError(t, d.Put(map[string]any{"id": "cus_evil", "object": "customer", "name": evil, "email": `"onload="x`}))
	d.Send([]byte(`{"id":"evt_<i>","type":"<i>"}`))
	require.Eventually(t, func() bool { return len(d.Deliveries()) == 4 }, patience, time.Millisecond)
	for _, path := range append(sections, "/objects/"+id, "/objects/cus_evil", "/search?q="+url.QueryEscape(evil), "/events?q="+url.QueryEscape(`"><script>`)) {
		d.hides(path, "<script", "<b>", "<i>", `"onload`)
	}
	d.shows("/objects/"+id, "&lt;script&gt;")
}

func TestPagesMayLoadNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL()+"/", http.NoBody)
	require.NoError(t, err)
	answer, err := d.browser.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
}

var older = regexp.MustCompile(`<a href="([^"]*)">Older ones</a>`)

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	d := open(t)
	var made []string
	for range 30 {
		made = append(made, d.payment(visa))
	}
	for path, all := range map[string][]string{"/payments": made, "/search?q=customer@example": made, "/events": nil, "/attempts": nil} {
		require.Eventually(t, func() bool { return len(d.Deliveries()) == 90 }, patience, time.Millisecond)
		page := d.get(path)
		seen := page
		for next := older.FindStringSubmatch(page); next != nil; next = older.FindStringSubmatch(page) {
			page = d.get(html.UnescapeString(next[1]))
			seen += page
			require.Less(t, strings.Count(seen, "<h1>"), 20, "the pages of %s have an end", path)
		}
		assert.Greater(t, strings.Count(seen, "<h1>"), 1, path)
		d.has(path, seen, all...)
	}
}

func TestAFormDoesWhatItsButtonSays(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.payment(visa)
	status, location, _ := d.submit("/acts/refund", url.Values{"id": {id}, "amount": {"500"}, "reason": {"duplicate"}})
	assert.Equal(t, http.StatusSeeOther, status)
	d.shows(location, `role="status"`, "Refund it: done.", ">refund.created</a>")

	_, location, _ = d.submit("/acts/new_payment", url.Values{"amount": {"4500"}, "currency": {"jpy"}})
	d.shows(location, "4500 JPY")
	_, location, _ = d.submit("/acts/delete_endpoint", url.Values{"id": {d.hook()}})
	d.shows(location, "Delete it: done.")
	assert.Empty(t, d.hook())
}

func TestARefusedFormIsShownAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.payment(visa)
	for path, values := range map[string]url.Values{
		"/acts/refund":        {"id": {id}, "amount": {"99999"}},
		"/acts/settle_intent": {"id": {id}, "result": {"99999"}},
		"/acts/cancel_intent": {"id": {id}, "reason": {"abandoned"}},
		"/acts/new_payment":   {"amount": {"7"}, "email": {"nora@example.com"}},
		"/acts/new_endpoint":  {"url": {"nowhere"}},
		"/clock":              {"days": {"-7"}},
		"/faults":             {"do": {"add"}, "fault": {"drop"}, "rate": {"7"}},
	} {
		status, _, text := d.submit(path, values)
		assert.Equal(t, http.StatusUnprocessableEntity, status, path)
		d.has(path, text, `role="alert"`)
		for _, entered := range []string{"amount", "email", "url", "days", "rate"} {
			if values.Has(entered) {
				d.has(path, text, `value="`+values.Get(entered)+`"`) // what was entered is not lost
			}
		}
	}
	for path, values := range map[string]url.Values{"/acts/levitate": {}, "/acts/refund": {"id": {"pi_none"}}} {
		status, _, _ := d.submit(path, values)
		assert.Equal(t, http.StatusNotFound, status, path)
	}
}

func TestANoteRepeatsNothingThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, query := range []string{"?did=You+have+been+hacked", "?did=refund&event=evt_hacked", "?did=resend&n=hacked"} {
		d.hides("/payments"+query, "hacked")
	}
}

func TestAnEventIsFollowedToEachEndpoint(t *testing.T) {
	t.Parallel()
	d := openWith(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout"))
	})
	d.act("new_endpoint", "", wire.Object{"url": "http://127.0.0.1:9/", "apiVersion": "2025-06-30.basil"})
	event := d.act("new_payment", "", wire.Object{"amount": 100, "method": "none"}).List("events")[0].ID()
	require.Eventually(t, func() bool { return len(d.Deliveries()) >= 2 }, patience, time.Millisecond)

	d.shows("/objects/"+event, "418", "short and stout", "no answer", "next attempt at", "Send it again", "2025-06-30.basil")
	d.shows("/objects/"+event+"?version=2025-06-30.basil", "As 2025-06-30.basil shows it")
	for path, shown := range map[string]string{"/events": "Not delivered", "/attempts?failed=1": "short and stout", "/attempts?endpoint=" + d.hook(): "418", "/": "waiting to be tried again"} {
		d.shows(path, shown)
	}

	before := len(d.Deliveries())
	_, location, _ := d.submit("/events/"+event+"/resend", url.Values{"endpoint": {d.hook()}})
	d.shows(location, "Sent again to 1 endpoints")
	require.Eventually(t, func() bool { return len(d.Deliveries()) > before }, patience, time.Millisecond)
	_, location, _ = d.submit("/retry", nil)
	assert.Equal(t, "/events", strings.Split(location, "?")[0])
}

func TestTheClockSaysWhatItWillBring(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.subscription(visa, wire.Object{"trial_period_days": 14})
	page := d.shows("/clock", id, "in 7 days") // a week before it ends, the first invoice is announced
	to := regexp.MustCompile(`name="to" value="(\d+)"`).FindStringSubmatch(page)
	require.NotNil(t, to)
	status, location, _ := d.submit("/clock", url.Values{"to": {to[1]}})
	assert.Equal(t, http.StatusSeeOther, status)
	d.shows(location, "The clock was set ahead")
	d.shows("/", "The clock is 7 days ahead")
	d.shows("/events", "invoice.upcoming")
}

func TestFaultsAreAddedAndTakenAway(t *testing.T) {
	t.Parallel()
	d := open(t)
	status, _, _ := d.submit("/faults", url.Values{"do": {"add"}, "fault": {"drop"}, "match": {"charge.*"}, "rate": {"0.5"}, "times": {"2"}})
	assert.Equal(t, http.StatusSeeOther, status)
	d.submit("/faults", url.Values{"do": {"add"}, "fault": {"server_error"}, "afterWork": {"yes"}})
	rules := d.must(http.MethodGet, "/_control/faults", "").List("rules")
	require.Len(t, rules, 2)
	assert.InDelta(t, 0.5, rules[0]["rate"], 0)
	assert.True(t, rules[1].Bool("afterWork"))
	d.shows("/", "Things go wrong on purpose, by 2 rules")

	d.submit("/faults", url.Values{"do": {"remove"}, "rule": {"0"}})
	assert.Equal(t, "server_error", d.must(http.MethodGet, "/_control/faults", "").List("rules")[0].Text("fault"))
	d.submit("/faults", url.Values{"seed": {"9"}, "rules": {"[]"}})
	assert.Empty(t, d.must(http.MethodGet, "/_control/faults", "").List("rules"))
}

func TestAnotherSiteCannotPressAButton(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := d.payment(visa)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL()+"/acts/refund", strings.NewReader("id="+id))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusForbidden, answer.StatusCode)
}

func TestKeptAnswersAreNobodysBusiness(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.NoError(t, d.Act(func(t *ledger.Tx) *wire.Error {
		t.Put(wire.Object{"id": "key", "object": ledger.Answer})
		return nil
	}))
	for _, path := range []string{"/objects/key", "/_control/objects/key"} {
		status, _, _ := d.send(http.MethodGet, path, "", "")
		assert.Equal(t, http.StatusNotFound, status, path)
	}
}
