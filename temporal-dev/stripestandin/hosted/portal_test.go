package hosted_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/hosted"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// club is a shop with two prices, and a browser.
type club struct {
	*checkout
	silver, gold string
}

func openClub(t *testing.T) *club {
	t.Helper()
	l, err := ledger.Open(ledger.Config{})
	require.NoError(t, err)
	server := httptest.NewServer(hosted.Handler(l))
	t.Cleanup(func() {
		server.Close()
		_ = l.Close()
	})
	l.SetBaseURL(server.URL)
	c := &club{checkout: &checkout{t: t, ledger: l}}
	product := func(name string) string { return c.call("POST /v1/products", "", wire.Object{"name": name}).ID() }
	c.silver = c.price(product("Silver club"), "usd", 1200)
	c.gold = c.price(product("Gold club"), "usd", 2400)
	return c
}

func (c *club) price(product, currency string, amount int) string {
	c.t.Helper()
	return c.call("POST /v1/prices", "", wire.Object{"product": product, "currency": currency, "unit_amount": amount, "recurring": wire.Object{"interval": "month"}}).ID()
}

// call makes a call of Stripe's API.
func (c *club) call(pattern, id string, params wire.Object) (made wire.Object) {
	c.t.Helper()
	require.Nil(c.t, c.ledger.Do(ledger.Cause{}, func(x *ledger.Tx) (refusal *wire.Error) {
		made, refusal = ledger.Calls()[pattern](x, ledger.Input{ID: id, Params: wire.Normalize(params)})
		return refusal
	}))
	return made
}

// member is somebody who pays for silver with a card, and has the portal open.
func (c *club) member(method string, more wire.Object) (customer, subscription string) {
	c.t.Helper()
	customer = c.call("POST /v1/customers", "", wire.Object{"email": "grace@example.com", "name": "Grace"}).ID()
	c.card(customer, method)
	params := wire.Object{"customer": customer, "items": []wire.Object{{"price": c.silver}}}
	maps.Copy(params, more)
	subscription = c.call("POST /v1/subscriptions", "", params).ID()
	c.enterPortal(customer)
	return customer, subscription
}

func (c *club) enterPortal(customer string) {
	c.t.Helper()
	s := c.call("POST /v1/billing_portal/sessions", "", wire.Object{"customer": customer, "return_url": "https://shop.example/account"})
	c.id, c.page = s.ID(), s.Text("url")
}

func (c *club) card(customer, method string) {
	c.t.Helper()
	require.Nil(c.t, c.ledger.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error {
		_, refusal := x.SetDefaultMethod(customer, method)
		return refusal
	}))
}

func (c *club) see(id string) (o wire.Object) {
	c.ledger.View(func(x *ledger.Tx) { o = x.Read(id) })
	return o
}

// renew waits until the renewal has been invoiced and collected, or not.
func (c *club) renew() { c.ledger.Advance(32 * 24 * time.Hour) }

func TestThePortalShowsWhatACustomerPaysFor(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, s := c.member("pm_card_visa", nil)
	page := c.get()
	assert.Equal(t, http.StatusOK, page.status)
	end := time.Unix(c.see(s).Int("current_period_end"), 0).UTC().Format("2 January 2006")
	for _, shown := range []string{"grace@example.com", "Silver club", "12.00 USD a month", "active", "Renews on " + end, "Visa •••• 4242", "Gold club, 24.00 USD a month", "paid"} {
		assert.Contains(t, page.text, shown)
	}
	assert.Contains(t, page.body, `href="https://shop.example/account"`)
	assert.Contains(t, page.body, `href="/invoice/`+c.see(s).Text("latest_invoice")+`"`)
	assert.NotContains(t, page.body, `value="keep"`)
}

func TestACustomerCancelsOnThePortalAndKeepsItAfterAll(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, s := c.member("pm_card_visa", nil)
	done := c.press("cancel", "subscription", s)
	assert.Equal(t, http.StatusSeeOther, done.status)
	assert.True(t, c.see(s).Bool("cancel_at_period_end"))
	page := c.get()
	assert.Contains(t, page.text, "Ends on ")
	assert.NotContains(t, page.body, `value="cancel"`)
	c.press("keep", "subscription", s)
	assert.False(t, c.see(s).Bool("cancel_at_period_end"))
	assert.Contains(t, c.get().text, "Renews on ")
}

func TestACustomerChangesToAnotherPriceOnThePortal(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	yen := c.price(c.call("POST /v1/products", "", wire.Object{"name": "Tokyo club"}).ID(), "jpy", 900)
	customer, s := c.member("pm_card_visa", nil)
	assert.NotContains(t, c.get().text, "Tokyo club", "which is of another currency")
	assert.Equal(t, http.StatusBadRequest, c.press("switch", "subscription", s, "price", yen).status)
	assert.Equal(t, http.StatusSeeOther, c.press("switch", "subscription", s, "price", c.gold).status)
	assert.Equal(t, c.gold, c.see(s).List("items")[0].Sub("price").ID())
	invoice := c.see(c.see(s).Text("latest_invoice"))
	assert.Equal(t, "subscription_update", invoice.Text("billing_reason"))
	assert.Equal(t, "paid", invoice.Text("status"))

	t.Run("unless the card does not pay for it", func(t *testing.T) {
		c.press("switch", "subscription", s, "price", c.silver)
		c.ledger.Advance(24 * time.Hour)
		c.card(customer, "pm_card_chargeCustomerFail")
		c.enterPortal(customer)
		dear := c.price(c.see(c.gold).Text("product"), "usd", 90_000)
		declined := c.press("switch", "subscription", s, "price", dear)
		assert.Equal(t, http.StatusPaymentRequired, declined.status)
		assert.Contains(t, declined.text, "Your card was declined.")
		assert.Equal(t, c.silver, c.see(s).List("items")[0].Sub("price").ID())
		assert.Equal(t, "active", c.see(s).Text("status"))
	})
}

func TestACustomerPaysAnOpenInvoiceOnThePortalOnceTheCardIsAnother(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	customer, s := c.member("pm_card_visa", nil)
	c.card(customer, "pm_card_chargeCustomerFail")
	c.renew()
	c.enterPortal(customer)
	assert.Equal(t, "past_due", c.see(s).Text("status"))
	assert.Contains(t, c.get().text, "The last payment has failed.")
	invoice := c.see(s).Text("latest_invoice")
	declined := c.press("pay", "invoice", invoice)
	assert.Equal(t, http.StatusPaymentRequired, declined.status)
	assert.Contains(t, declined.text, "Your card was declined.")

	refused := c.press("card", "card", "4000000000000002")
	assert.Equal(t, http.StatusPaymentRequired, refused.status, "its bank refuses that it is kept")
	assert.Equal(t, http.StatusBadRequest, c.press("card", "card", "1234").status)
	assert.Equal(t, http.StatusSeeOther, c.press("card", "card", "5555555555554444").status)
	assert.Contains(t, c.get().text, "Mastercard •••• 4444 pays.")
	assert.Equal(t, http.StatusSeeOther, c.press("pay", "invoice", invoice).status)
	assert.Equal(t, "paid", c.see(invoice).Text("status"))
	assert.Equal(t, "active", c.see(s).Text("status"))
}

func TestAPortalIsForItsOwnCustomerOnly(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, others := c.member("pm_card_visa", nil)
	c.member("pm_card_visa", nil)
	for _, button := range []string{"cancel", "keep", "switch"} {
		assert.Equal(t, http.StatusNotFound, c.press(button, "subscription", others, "price", c.gold).status, button)
	}
	assert.Equal(t, http.StatusNotFound, c.press("pay", "invoice", c.see(others).Text("latest_invoice")).status)
	assert.False(t, c.see(others).Bool("cancel_at_period_end"))
	assert.Equal(t, http.StatusBadRequest, c.press("no such button").status)
}

func TestAPortalIsOpenForAnHour(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	customer, s := c.member("pm_card_visa", nil)
	c.ledger.Advance(59 * time.Minute)
	assert.Equal(t, http.StatusOK, c.get().status)
	c.ledger.Advance(2 * time.Minute)
	gone := c.get()
	assert.Equal(t, http.StatusNotFound, gone.status)
	assert.Contains(t, gone.text, "good for an hour")
	assert.Equal(t, http.StatusNotFound, c.press("cancel", "subscription", s).status)

	t.Run("and not even that for one who is deleted", func(t *testing.T) {
		c.enterPortal(customer)
		c.call("DELETE /v1/customers/{customer}", customer, wire.Object{})
		assert.Equal(t, http.StatusNotFound, c.get().status)
	})
}

// open leads the browser to an invoice, by the address that mails have.
func (c *club) open(invoice string) { c.page = c.see(invoice).Text("hosted_invoice_url") }

func TestAnInvoiceHasAPageOnWhichItIsPaid(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	customer, s := c.member("pm_card_visa", nil)
	c.card(customer, "pm_card_chargeCustomerFail")
	c.renew()
	invoice := c.see(s).Text("latest_invoice")
	c.open(invoice)
	page := c.get()
	for _, shown := range []string{"Invoice " + c.see(invoice).Text("number"), "Silver club", "Total 12.00 USD", "open", "Your card was declined.", "Visa •••• 0341, on file", "Pay 12.00 USD"} {
		assert.Contains(t, page.text, shown)
	}
	assert.Equal(t, http.StatusPaymentRequired, c.press("pay").status, "the card on file still does not pay")
	assert.Equal(t, http.StatusSeeOther, c.press("pay", "card", "4242424242424242").status)
	assert.Equal(t, "active", c.see(s).Text("status"))
	paid := c.get()
	assert.Contains(t, paid.text, "paid on ")
	assert.Contains(t, paid.text, "To pay 0.00 USD")
	assert.NotContains(t, paid.body, "<form")
}

func TestTheHolderOfACardConfirmsThePaymentOfAnInvoice(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, s := c.member("pm_card_authenticationRequired", nil)
	invoice := c.see(s).Text("latest_invoice")
	c.open(invoice)
	assert.Contains(t, c.get().text, "confirm this payment with their bank")
	c.press("refuse")
	assert.Contains(t, c.get().text, "Pay 12.00 USD")
	c.press("pay")
	assert.Equal(t, http.StatusSeeOther, c.press("authenticate").status)
	assert.Equal(t, "paid", c.see(invoice).Text("status"))
	assert.Equal(t, "active", c.see(s).Text("status"))
}

func TestADraftHasNoPage(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, s := c.member("pm_card_visa", nil)
	c.ledger.Advance(time.Until(time.Unix(c.see(s).Int("current_period_end"), 0)) + time.Minute)
	draft := c.see(c.see(s).Text("latest_invoice"))
	require.Equal(t, "draft", draft.Text("status"))
	assert.Nil(t, draft["hosted_invoice_url"])
	base, _, _ := strings.Cut(c.page, "/portal/")
	c.page = base + "/invoice/" + draft.ID()
	assert.Equal(t, http.StatusNotFound, c.get().status)
	c.page += "/pdf"
	assert.Equal(t, http.StatusNotFound, c.get().status)
}

func TestAnInvoiceIsAPDFToo(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, s := c.member("pm_card_visa", nil)
	c.page = c.see(c.see(s).Text("latest_invoice")).Text("invoice_pdf")
	file := c.get()
	assert.Equal(t, "application/pdf", file.header.Get("Content-Type"))
	assert.True(t, strings.HasPrefix(file.body, "%PDF-1.4\n"))
	assert.True(t, strings.HasSuffix(file.body, "%%EOF\n"))
	assert.Contains(t, file.body, `(Total: 12.00 USD)`)
	assert.Contains(t, file.body, `\(at 12.00 USD / month\)`)
	i := strings.Index(file.body, "xref\n")
	require.Positive(t, i)
	assert.Contains(t, file.body, "startxref\n"+strconv.Itoa(i)+"\n")
}

func TestFormsOfOtherSitesAreNotTakenByThePortal(t *testing.T) {
	t.Parallel()
	c := openClub(t)
	_, s := c.member("pm_card_visa", nil)
	r := c.pressing("cancel", "subscription", s)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, c.send(r).status)
	assert.False(t, c.see(s).Bool("cancel_at_period_end"))
}
