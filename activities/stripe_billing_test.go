package activities_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/models"
)

// account is a Stripe that answers GET by what is asked for: a path, and after a
// blank what a page begins after. What it has no answer to is missing.
type account struct {
	t       *testing.T
	answers map[string]reply
	mu      sync.Mutex
	asked   []string
	queries map[string]url.Values // by what was asked for
}

// newAccount has one customer, with nothing.
func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{t: t, queries: map[string]url.Values{}, answers: map[string]reply{
		"/v1/customers/cus_1": {200, `{"id":"cus_1","object":"customer","email":"` + customerEmail + `","metadata":{"customerId":"auth0|7"},
			"invoice_settings":{"default_payment_method":{"id":"pm_1","type":"card","card":{"brand":"visa","last4":"4242"}}}}`},
	}}
	a.page("/v1/subscriptions", false)
	a.page("/v1/invoices", false)
	return a
}

// page answers with a page of a list.
func (a *account) page(what string, more bool, objects ...string) {
	path, _, _ := strings.Cut(what, " ")
	a.answers[what] = reply{200, fmt.Sprintf(`{"object":"list","url":%q,"has_more":%t,"data":[%s]}`, path, more, strings.Join(objects, ","))}
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := strings.TrimSpace(r.URL.Path + " " + r.FormValue("starting_after"))
	a.mu.Lock()
	a.asked = append(a.asked, what)
	a.queries[what] = r.Form
	answer, ok := a.answers[what]
	a.mu.Unlock()
	if !ok {
		answer = reply{404, missing}
	}
	w.Header().Set("Request-Id", "req_1")
	if answer.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "30")
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write([]byte(answer.body))
}

func (a *account) look(invoiceID string) (models.BillingFacts, error) {
	a.t.Helper()
	return activities.BillingFacts(served(a.t, a.ServeHTTP), a.t.Context(), models.SyncLook{StripeCustomerID: "cus_1", Holder: "evt_1", InvoiceID: invoiceID})
}

func (a *account) mustLook(invoiceID string) models.BillingFacts {
	a.t.Helper()
	got, err := a.look(invoiceID)
	require.NoError(a.t, err)
	return got
}

func (a *account) askedFor(what string) int {
	var times int
	for _, each := range a.asked {
		if each == what {
			times++
		}
	}
	return times
}

// subscription is one with these members besides those that none lacks.
func subscription(id, members string) string {
	return fmt.Sprintf(`{"id":%q,"object":"subscription","customer":"cus_1","status":"active","created":1700000000,"start_date":1700000000%s}`, id, members)
}

// item is an item of a subscription, of a price with these members, of nine dollars
// unless they say.
func item(id, price string) string {
	if !strings.Contains(price, "unit_amount") {
		price += `,"unit_amount":900,"unit_amount_decimal":"900"`
	}
	return fmt.Sprintf(`{"id":%q,"object":"subscription_item","quantity":2,"price":{"id":"price_1","object":"price","currency":"usd",
		"recurring":{"interval":"month","interval_count":3},"product":"prod_1"%s}}`, id, price)
}

// items are all items of a subscription.
func items(all ...string) string {
	return `,"items":{"object":"list","url":"/v1/subscription_items","has_more":false,"data":[` + strings.Join(all, ",") + `]}`
}

// bill is an invoice with these members besides those that none lacks.
func bill(id, members string) string {
	return fmt.Sprintf(`{"id":%q,"object":"invoice","customer":"cus_1","status":"open","created":1700000000%s}`, id, members)
}

func on(seconds int64) *time.Time { return new(time.Unix(seconds, 0).UTC()) }

func TestALookAtACustomer(t *testing.T) {
	t.Parallel()
	known := models.StripeCustomerFacts{ID: "cus_1", CustomerID: "auth0|7", Email: customerEmail, Card: models.Card{Brand: "visa", Last4: "4242"}}
	gone := models.StripeCustomerFacts{ID: "cus_1", Gone: true}

	t.Run("who has nothing", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		assert.Equal(t, models.BillingFacts{Customer: known, Subscriptions: []models.SubscriptionFacts{}, Invoices: []models.InvoiceFacts{}}, a.mustLook(""))
		assert.Equal(t, []string{"/v1/customers/cus_1", "/v1/subscriptions", "/v1/invoices"}, a.asked)
		assert.Equal(t, "invoice_settings.default_payment_method", a.queries["/v1/customers/cus_1"].Get("expand[0]"))
		assert.Equal(t, url.Values{
			"customer": {"cus_1"}, "status": {"all"}, "limit": {"100"}, "expand[0]": {"data.default_payment_method"},
		}, a.queries["/v1/subscriptions"])
		assert.Equal(t, url.Values{"customer": {"cus_1"}, "limit": {"100"}, "expand[0]": {"data.payment_intent"}}, a.queries["/v1/invoices"])
	})
	t.Run("of whom little is told", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.answers["/v1/customers/cus_1"] = reply{200, `{"id":"cus_1","object":"customer","email":null,"invoice_settings":{"default_payment_method":null}}`}
		assert.Equal(t, models.StripeCustomerFacts{ID: "cus_1"}, a.mustLook("").Customer)
	})
	t.Run("whom Stripe does not know", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		delete(a.answers, "/v1/customers/cus_1")
		a.answers["/v1/subscriptions"], a.answers["/v1/invoices"] = reply{400, customerGone}, reply{400, customerGone}
		assert.Equal(t, models.BillingFacts{Customer: models.StripeCustomerFacts{ID: "cus_1", Unknown: true}}, a.mustLook(""))
		assert.Equal(t, []string{"/v1/customers/cus_1"}, a.asked)
	})
	t.Run("who is deleted, and of whom Stripe still lists what there was", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.answers["/v1/customers/cus_1"] = reply{200, `{"id":"cus_1","object":"customer","deleted":true}`}
		a.page("/v1/subscriptions", false, subscription("sub_1", ""))
		got := a.mustLook("")
		assert.Equal(t, gone, got.Customer)
		assert.Len(t, got.Subscriptions, 1)
		assert.NotNil(t, got.Invoices)
	})
	t.Run("who is deleted while it is looked", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.answers["/v1/invoices"] = reply{400, customerGone}
		got := a.mustLook("")
		assert.Equal(t, gone, got.Customer)
		assert.Nil(t, got.Invoices)
	})
}

func TestCards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method string
		want         models.Card
	}{
		{"of a card", `{"id":"pm_1","type":"card","card":{"brand":"amex","last4":"0005"}}`, models.Card{Brand: "amex", Last4: "0005"}},
		{"of a debit", `{"id":"pm_1","type":"sepa_debit","sepa_debit":{"last4":"3000"}}`, models.Card{Brand: "sepa_debit", Last4: "3000"}},
		{"of a bank account", `{"id":"pm_1","type":"us_bank_account","us_bank_account":{"last4":"6789"}}`, models.Card{Brand: "us_bank_account", Last4: "6789"}},
		{"of a bank account in Britain", `{"id":"pm_1","type":"bacs_debit","bacs_debit":{"last4":"2345"}}`, models.Card{Brand: "bacs_debit", Last4: "2345"}},
		{"of a bank account in Australia", `{"id":"pm_1","type":"au_becs_debit","au_becs_debit":{"last4":"3456"}}`, models.Card{Brand: "au_becs_debit", Last4: "3456"}},
		{"of a bank account in Canada", `{"id":"pm_1","type":"acss_debit","acss_debit":{"last4":"4567"}}`, models.Card{Brand: "acss_debit", Last4: "4567"}},
		{"of what has no number", `{"id":"pm_1","type":"link","link":{"email":"eve@example.com"}}`, models.Card{Brand: "link"}},
		{"of what is not there whole", `"pm_1"`, models.Card{}},
		{"of nothing", `null`, models.Card{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			a.page("/v1/subscriptions", false, subscription("sub_1", `,"default_payment_method":`+c.method))
			assert.Equal(t, c.want, a.mustLook("").Subscriptions[0].Card)
		})
	}
}

func TestALookAtSubscriptions(t *testing.T) {
	t.Parallel()
	t.Run("one with everything", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.answers["/v1/products/prod_1"] = reply{200, `{"id":"prod_1","object":"product","name":"Bread club","metadata":{"tier":"gold"}}`}
		a.page("/v1/subscriptions", false, subscription("sub_1", `,"currency":"usd","metadata":{"customerId":"auth0|8","other":"x"},"livemode":true,
			"current_period_start":1700000100,"current_period_end":1700000200,"cancel_at_period_end":true,"cancel_at":1700000300,"canceled_at":1700000400,
			"ended_at":1700000500,"trial_start":1700000600,"trial_end":1700000700,"pause_collection":{"behavior":"void","resumes_at":1700000800},
			"pending_update":{"expires_at":1700000900},"latest_invoice":"in_1"`+items(item("si_1", ""))))
		assert.Equal(t, []models.SubscriptionFacts{{
			ID: "sub_1", CustomerID: "auth0|8", Status: "active", Currency: "usd", Livemode: true,
			PeriodStart: on(1700000100), PeriodEnd: on(1700000200), CancelAtPeriodEnd: true, CancelAt: on(1700000300), CanceledAt: on(1700000400),
			EndedAt: on(1700000500), TrialStart: on(1700000600), TrialEnd: on(1700000700), PauseBehavior: "void", PauseResumesAt: on(1700000800),
			PendingUntil: on(1700000900), LatestInvoiceID: "in_1", StartedAt: *on(1700000000),
			Items: []models.SubscriptionItem{{
				ID: "si_1", PriceID: "price_1", ProductID: "prod_1", ProductName: "Bread club", Tier: "gold", Quantity: 2,
				UnitAmount: 900, Currency: "usd", Interval: "month", IntervalCount: 3,
			}},
		}}, a.mustLook("").Subscriptions)
	})
	t.Run("one with nothing has no time of 1970", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/subscriptions", false, subscription("sub_1", `,"current_period_end":null,"cancel_at":0,"trial_end":-1,"ended_at":999999999999,"pause_collection":null`))
		assert.Equal(t, []models.SubscriptionFacts{{ID: "sub_1", Status: "active", Items: []models.SubscriptionItem{}, StartedAt: *on(1700000000)}}, a.mustLook("").Subscriptions)
	})
	t.Run("all pages, and each product once", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.answers["/v1/products/prod_1"] = reply{200, `{"id":"prod_1","object":"product","name":"Bread club"}`}
		a.page("/v1/subscriptions", true, subscription("sub_1", items(item("si_1", ""), item("si_2", ""))))
		a.page("/v1/subscriptions sub_1", false, subscription("sub_2", items(item("si_3", ""))))
		got := a.mustLook("").Subscriptions
		require.Len(t, got, 2)
		assert.Equal(t, "sub_2", got[1].ID)
		assert.Equal(t, 1, a.askedFor("/v1/products/prod_1"))
	})
	t.Run("all items of one that carries only the first", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/subscriptions", false, subscription("sub_1", `,"items":{"object":"list","url":"/v1/subscription_items","has_more":true,"data":[`+item("si_1", "")+`]}`))
		a.page("/v1/subscription_items", false, item("si_1", ""), item("si_2", ""))
		assert.Len(t, a.mustLook("").Subscriptions[0].Items, 2)
		assert.Equal(t, "sub_1", a.queries["/v1/subscription_items"].Get("subscription"))
	})
	for name, c := range map[string]struct {
		price, product string
		want           models.SubscriptionItem
	}{
		"a price's tier counts before its product's": {
			`,"metadata":{"tier":"silver"}`, `{"id":"prod_1","name":"Bread club","metadata":{"tier":"gold"}}`,
			models.SubscriptionItem{ProductName: "Bread club", Tier: "silver", UnitAmount: 900},
		},
		"a product that is not there any more": {"", "", models.SubscriptionItem{UnitAmount: 900}},
		"a product that is deleted":            {"", `{"id":"prod_1","object":"product","deleted":true}`, models.SubscriptionItem{UnitAmount: 900}},
		"a price of fractions is rounded":      {`,"unit_amount":null,"unit_amount_decimal":"0.55"`, "", models.SubscriptionItem{UnitAmount: 1}},
		"a price in tiers has none":            {`,"unit_amount":null,"unit_amount_decimal":null`, "", models.SubscriptionItem{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			if c.product != "" {
				a.answers["/v1/products/prod_1"] = reply{200, c.product}
			}
			a.page("/v1/subscriptions", false, subscription("sub_1", items(item("si_1", c.price))))
			got := a.mustLook("").Subscriptions[0].Items[0]
			assert.Equal(t, c.want, models.SubscriptionItem{ProductName: got.ProductName, Tier: got.Tier, UnitAmount: got.UnitAmount})
		})
	}
}

func TestALookAtInvoices(t *testing.T) {
	t.Parallel()
	line := func(amount int, period string) string {
		return fmt.Sprintf(`{"id":"il_1","object":"line_item","amount":%d,"description":"Bread club","quantity":1,"period":%s}`, amount, period)
	}
	lines := func(more bool, all ...string) string {
		return fmt.Sprintf(`,"lines":{"object":"list","url":"/v1/invoices/in_1/lines","has_more":%t,"data":[%s]}`, more, strings.Join(all, ","))
	}

	t.Run("one with everything", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/invoices", true, bill("in_1", `,"subscription":"sub_1","number":"A-1","billing_reason":"subscription_cycle","currency":"usd",
			"subtotal":900,"tax":90,"total":990,"amount_due":890,"amount_paid":100,"amount_remaining":790,"attempt_count":2,"next_payment_attempt":1700000100,
			"hosted_invoice_url":"https://invoice.stripe.com/i/1","invoice_pdf":"https://pay.stripe.com/invoice/1/pdf",
			"payment_intent":{"id":"pi_1","object":"payment_intent","last_payment_error":{"message":"Your card was declined."}},
			"status_transitions":{"finalized_at":1700000200,"paid_at":null}`+
			lines(false, line(-100, `{"start":1690000000,"end":1695000000}`), line(1000, `{"start":1695000000,"end":1705000000}`))))
		assert.Equal(t, []models.InvoiceFacts{{
			ID: "in_1", SubscriptionID: "sub_1", Number: "A-1", Status: "open", BillingReason: "subscription_cycle", Currency: "usd",
			Subtotal: 900, Tax: 90, Total: 990, AmountDue: 890, AmountPaid: 100, AmountRemaining: 790, AttemptCount: 2, NextAttemptAt: on(1700000100),
			PeriodStart: on(1690000000), PeriodEnd: on(1705000000), HostedURL: "https://invoice.stripe.com/i/1", PDFURL: "https://pay.stripe.com/invoice/1/pdf",
			Lines: []models.InvoiceLine{
				{Description: "Bread club", Quantity: 1, Amount: -100, PeriodStart: on(1690000000), PeriodEnd: on(1695000000)},
				{Description: "Bread club", Quantity: 1, Amount: 1000, PeriodStart: on(1695000000), PeriodEnd: on(1705000000)},
			},
			PaymentIntentID: "pi_1", FailureMessage: "Your card was declined.", FinalizedAt: on(1700000200), MadeAt: *on(1700000000),
		}}, a.mustLook("in_1").Invoices)
		assert.Equal(t, 1, a.askedFor("/v1/invoices"), "the newest are enough")
		assert.Zero(t, a.askedFor("/v1/invoices/in_1"), "it is among them")
	})
	t.Run("one with nothing has no time of 1970", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/invoices", false, bill("in_1", `,"next_payment_attempt":null,"status_transitions":{"finalized_at":0},"payment_intent":null`))
		assert.Equal(t, []models.InvoiceFacts{{ID: "in_1", Status: "open", Lines: []models.InvoiceLine{}, MadeAt: *on(1700000000)}}, a.mustLook("").Invoices)
	})
	t.Run("one that is not among the newest is asked for", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/invoices", true, bill("in_2", ""))
		a.answers["/v1/invoices/in_1"] = reply{200, bill("in_1", "")}
		got := a.mustLook("in_1").Invoices
		require.Len(t, got, 2)
		assert.Equal(t, "in_1", got[1].ID)
		assert.Equal(t, "payment_intent", a.queries["/v1/invoices/in_1"].Get("expand[0]"))
	})
	for name, answer := range map[string]reply{
		"one that is deleted meanwhile is not there": {404, missing},
		"one that was a draft and is deleted":        {200, `{"id":"in_1","object":"invoice","deleted":true}`},
		"one of another customer is not theirs":      {200, strings.Replace(bill("in_1", ""), "cus_1", "cus_2", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			a.answers["/v1/invoices/in_1"] = answer
			assert.Empty(t, a.mustLook("in_1").Invoices)
		})
	}
	t.Run("the lines that one does not carry are asked for if it is what the look is for", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/invoices", false, bill("in_1", lines(true, line(1, "null"))), bill("in_2", lines(true, line(1, "null"))))
		a.page("/v1/invoices/in_1/lines", true, line(1, "null"), line(2, `{"start":1690000000,"end":1695000000}`))
		got := a.mustLook("in_1").Invoices
		assert.Len(t, got[0].Lines, 2)
		assert.True(t, got[0].MoreLines)
		assert.Equal(t, on(1695000000), got[0].PeriodEnd)
		assert.Equal(t, "100", a.queries["/v1/invoices/in_1/lines"].Get("limit"))
		assert.Len(t, got[1].Lines, 1)
		assert.True(t, got[1].MoreLines)
		assert.Zero(t, a.askedFor("/v1/invoices/in_2/lines"))
	})
	t.Run("the lines of one that is gone are those that it carried", func(t *testing.T) {
		t.Parallel()
		a := newAccount(t)
		a.page("/v1/invoices", false, bill("in_1", lines(true, line(1, "null"))))
		got := a.mustLook("in_1").Invoices
		assert.Len(t, got[0].Lines, 1)
		assert.True(t, got[0].MoreLines)
	})
}

func TestTextsOfALookAreCleanedAndCut(t *testing.T) {
	t.Parallel()
	long := `\u0000` + strings.Repeat("é", 3000)
	a := newAccount(t)
	a.page("/v1/subscriptions", false, subscription("sub_1", `,"metadata":{"customerId":"`+long+`"},"currency":"`+long+`"`))
	a.page("/v1/invoices", false, bill("in_1", `,"number":"`+long+`","hosted_invoice_url":"`+long+`","payment_intent":{"id":"pi_1","last_payment_error":{"message":"`+long+`"}}`))
	got := a.mustLook("")
	cut := func(limit int) string { return "\uFFFD" + strings.Repeat("é", limit-1) }
	assert.Equal(t, cut(500), got.Subscriptions[0].CustomerID)
	assert.Equal(t, cut(32), got.Subscriptions[0].Currency)
	assert.Equal(t, cut(100), got.Invoices[0].Number)
	assert.Equal(t, cut(2000), got.Invoices[0].HostedURL)
	assert.Equal(t, cut(500), got.Invoices[0].FailureMessage)
}

func TestAnswersThatAreNotStripesPass(t *testing.T) {
	t.Parallel()
	list := func(object string) string {
		return `{"object":"list","url":"/v1/x","has_more":false,"data":[` + object + `]}`
	}
	for name, c := range map[string]struct{ what, body string }{
		"an empty object for a customer":      {"/v1/customers/cus_1", `{}`},
		"another customer":                    {"/v1/customers/cus_1", `{"id":"cus_2","object":"customer"}`},
		"an empty object for subscriptions":   {"/v1/subscriptions", `{}`},
		"a subscription that is nothing":      {"/v1/subscriptions", list("null")},
		"a subscription without an ID":        {"/v1/subscriptions", list(subscription("", ""))},
		"a subscription of nobody":            {"/v1/subscriptions", list(`{"id":"sub_1","status":"active","created":5}`)},
		"a subscription of another":           {"/v1/subscriptions", list(`{"id":"sub_1","customer":"cus_2","status":"active","created":5}`)},
		"a subscription without a status":     {"/v1/subscriptions", list(`{"id":"sub_1","customer":"cus_1","created":5}`)},
		"a subscription that never began":     {"/v1/subscriptions", list(`{"id":"sub_1","customer":"cus_1","status":"active"}`)},
		"an item without a price":             {"/v1/subscriptions", list(subscription("sub_1", items(`{"id":"si_1"}`)))},
		"more of nothing":                     {"/v1/subscriptions", `{"object":"list","url":"/v1/subscriptions","has_more":true,"data":[]}`},
		"an empty object for a product":       {"/v1/products/prod_1", `{}`},
		"an empty object for invoices":        {"/v1/invoices", `{}`},
		"an invoice without an ID":            {"/v1/invoices", list(bill("", ""))},
		"an invoice of another":               {"/v1/invoices", list(`{"id":"in_2","customer":"cus_2","created":5}`)},
		"an invoice that was never made":      {"/v1/invoices", list(`{"id":"in_2","customer":"cus_1"}`)},
		"a line that is nothing":              {"/v1/invoices", list(bill("in_2", `,"lines":{"data":[null]}`))},
		"an empty object for an invoice":      {"/v1/invoices/in_1", `{}`},
		"an empty object for invoices' lines": {"/v1/invoices/in_3/lines", `{}`},
		"a page of a proxy":                   {"/v1/customers/cus_1", `<html>eve@example.com</html>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, wanted := newAccount(t), "in_1"
			a.page("/v1/subscriptions", false, subscription("sub_1", items(item("si_1", ""))))
			if strings.HasSuffix(c.what, "/lines") {
				wanted = "in_3"
				a.page("/v1/invoices", false, bill("in_3", `,"lines":{"url":"/v1/x","has_more":true,"data":[]}`))
			}
			a.answers[c.what] = reply{200, c.body}
			_, err := a.look(wanted)
			failure := application(t, err)
			assert.False(t, failure.NonRetryable())
			assert.NotContains(t, err.Error(), customerEmail)
		})
	}
}
