package hosted_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/hosted"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// checkout is a session and a browser that shows its page.
type checkout struct {
	t      *testing.T
	ledger *ledger.Ledger
	id     string
	page   string // its URL
}

// begin makes a session from the parameters of the API, and what every session has.
func begin(t *testing.T, form ...string) *checkout {
	t.Helper()
	l, err := ledger.Open(ledger.Config{})
	require.NoError(t, err)
	server := httptest.NewServer(hosted.Handler(l))
	t.Cleanup(func() {
		server.Close()
		_ = l.Close()
	})
	l.SetBaseURL(server.URL)
	values := url.Values{"success_url": {"https://shop.example/thanks?s={CHECKOUT_SESSION_ID}"}, "cancel_url": {"https://shop.example/cart"}}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	const pattern = "POST /v1/checkout/sessions"
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/checkout/sessions", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	params, refusal := wire.Describe(pattern).Params(r)
	require.Nil(t, refusal, "%v", refusal)
	c := &checkout{t: t, ledger: l}
	require.Nil(t, l.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error {
		s, refusal := ledger.Calls()[pattern](x, ledger.Input{Params: params})
		c.id, c.page = s.ID(), s.Text("url")
		return refusal
	}))
	return c
}

// bread is a session in which two loaves are bought for 5 dollars each.
func bread(t *testing.T, form ...string) *checkout {
	t.Helper()
	return begin(t, append(sold("Bread", "500", "usd"), form...)...)
}

func sold(name, amount, currency string) []string {
	return []string{
		"mode", "payment", "line_items[0][price_data][currency]", currency, "line_items[0][price_data][unit_amount]", amount,
		"line_items[0][price_data][product_data][name]", name, "line_items[0][quantity]", "2",
	}
}

// answer is what a browser gets, its text without the tags.
type answer struct {
	status     int
	header     http.Header
	body, text string
}

func (c *checkout) send(r *http.Request) answer {
	c.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	text := regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`).ReplaceAllString(string(body), " ")
	return answer{response.StatusCode, response.Header, string(body), html.UnescapeString(strings.Join(strings.Fields(text), " "))}
}

func (c *checkout) get() answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.page, http.NoBody)
	require.NoError(c.t, err)
	return c.send(r)
}

// press presses a button, after the fields have been filled in.
func (c *checkout) press(button string, fields ...string) answer {
	c.t.Helper()
	return c.send(c.pressing(button, fields...))
}

func (c *checkout) pressing(button string, fields ...string) *http.Request {
	c.t.Helper()
	values := url.Values{"act": {button}}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.page, strings.NewReader(values.Encode()))
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (c *checkout) session() (s wire.Object) {
	c.ledger.View(func(x *ledger.Tx) { s = x.Read(c.id) })
	return s
}

// thanks is where the shop wants its customer.
func (c *checkout) thanks() string { return "https://shop.example/thanks?s=" + c.id }

var ada = []string{"email", "ada@example.com", "name", "Ada Lovelace"}

func with(fields ...string) []string { return slices.Concat(ada, fields) }

func TestTheCustomerPays(t *testing.T) {
	t.Parallel()
	c := bread(t)
	page := c.get()
	require.Equal(t, http.StatusOK, page.status)
	for _, shown := range []string{"2 × Bread", "5.00 USD each", "Total 10.00 USD", "Pay 10.00 USD", "4242 4242 4242 4242", "← Back"} {
		assert.Contains(t, page.text, shown)
	}
	assert.Contains(t, page.body, `href="https://shop.example/cart"`)
	paid := c.press("pay", with("card", "4242 4242 4242 4242")...)
	assert.Equal(t, http.StatusSeeOther, paid.status)
	assert.Equal(t, c.thanks(), paid.header.Get("Location"))
	assert.Equal(t, "paid", c.session().Text("payment_status"))
	assert.Equal(t, "ada@example.com", c.session().Sub("customer_details").Text("email"))

	again := c.get()
	assert.Contains(t, again.text, "Thank you")
	assert.Contains(t, again.body, `href="`+c.thanks()+`"`)
	assert.Contains(t, c.press("pay", ada...).text, "Thank you", "a second press does nothing")
}

func TestADeclinedCardCanBeChangedForAnother(t *testing.T) {
	t.Parallel()
	c := bread(t)
	declined := c.press("pay", with("card", "4000000000009995")...)
	assert.Equal(t, http.StatusPaymentRequired, declined.status)
	assert.Contains(t, declined.text, "Your card has insufficient funds.")
	assert.Contains(t, declined.body, `value="4000000000009995" selected`)
	assert.Contains(t, declined.body, `value="Ada Lovelace"`, "nothing that was entered is lost")
	assert.Contains(t, c.get().text, "Your card has insufficient funds.", "it says so to who comes back, too")
	assert.Equal(t, c.thanks(), c.press("pay", with("card", "5555555555554444")...).header.Get("Location"))
}

func TestWhatIsWrongIsSaidBesideItsField(t *testing.T) {
	t.Parallel()
	c := bread(t, "shipping_address_collection[allowed_countries][0]", "DE", "phone_number_collection[enabled]", "true")
	fields := map[string]string{
		"email": "ada@example.com", "name": "Ada <Lovelace>", "phone": "+49 30 1", "line1": "Weg 1", "city": "Berlin", "country": "DE", "card": "4242424242424242",
	}
	for field, wrong := range map[string]string{
		"email": "ada", "name": "", "phone": "", "line1": " ", "city": "", "country": "FR", "card": "1234",
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			var entered []string
			for name, value := range fields {
				if name == field {
					value = wrong
				}
				entered = append(entered, name, value)
			}
			page := c.press("pay", entered...)
			assert.Equal(t, http.StatusBadRequest, page.status)
			assert.Regexp(t, fmt.Sprintf(`id="%s"[^>]* aria-invalid="true" aria-describedby="%s-wrong"`, field, field), page.body)
			assert.Contains(t, page.body, fmt.Sprintf(`id="%s-wrong"`, field))
			assert.Equal(t, 1, strings.Count(page.body, `aria-invalid="true"`), "nothing else is")
			if field != "name" {
				assert.Contains(t, page.body, `value="Ada &lt;Lovelace&gt;"`)
			}
		})
	}
}

func TestABankDebitIsAnsweredOnThePage(t *testing.T) {
	t.Parallel()
	for button, c := range map[string]struct{ status, says string }{
		"succeed": {"paid", "Thank you"},
		"fail":    {"unpaid", "The payment has failed"},
	} {
		t.Run(button, func(t *testing.T) {
			t.Parallel()
			x := bread(t)
			assert.Contains(t, x.get().text, "Pay later")
			later := x.press("later", ada...)
			assert.Equal(t, "/pay/"+x.id, later.header.Get("Location"))
			assert.Contains(t, x.get().text, "The payment is under way")
			assert.Equal(t, "complete", x.session().Text("status"))
			assert.Equal(t, http.StatusSeeOther, x.press(button).status)
			assert.Equal(t, c.status, x.session().Text("payment_status"))
			assert.Contains(t, x.get().text, c.says)
		})
	}
}

func TestABankDebitIsOfferedOnlyWhereItIsTaken(t *testing.T) {
	t.Parallel()
	assert.NotContains(t, bread(t, "payment_method_types[0]", "card").get().text, "Pay later")
	assert.NotContains(t, begin(t, sold("Brot", "500", "eur")...).get().text, "Pay later")
}

func TestTheCardsHolderAuthenticates(t *testing.T) {
	t.Parallel()
	c := bread(t)
	asked := c.press("pay", with("card", "4000002760003184")...)
	assert.Equal(t, "/pay/"+c.id, asked.header.Get("Location"))
	assert.Contains(t, c.get().text, "Your bank asks whether it is you")
	assert.Equal(t, http.StatusSeeOther, c.press("refuse").status)
	assert.Contains(t, c.get().text, "We are unable to authenticate your payment method.")

	c.press("pay", with("card", "4000002760003184")...)
	assert.Equal(t, c.thanks(), c.press("authenticate").header.Get("Location"))
	assert.Equal(t, "paid", c.session().Text("payment_status"))
}

func TestASessionThatHasExpiredSaysSo(t *testing.T) {
	t.Parallel()
	c := bread(t)
	assert.Equal(t, "/pay/"+c.id, c.press("expire").header.Get("Location"))
	assert.Contains(t, c.get().text, "This checkout has expired")
	assert.Contains(t, c.get().body, `href="https://shop.example/cart"`)
	assert.Equal(t, http.StatusBadRequest, c.press("pay", ada...).status)

	late := bread(t)
	late.ledger.Advance(25 * time.Hour)
	assert.Contains(t, late.get().text, "This checkout has expired")
}

func TestAmountsAreShownAsTheirCurrencyHasThem(t *testing.T) {
	t.Parallel()
	assert.Contains(t, begin(t, sold("パン", "500", "jpy")...).get().text, "Pay 1000 JPY")
	assert.Contains(t, begin(t, sold("خبز", "500", "kwd")...).get().text, "Pay 1.000 KWD")
}

func TestTaxIsShownBeforeItIsPaid(t *testing.T) {
	t.Parallel()
	c := bread(t, "automatic_tax[enabled]", "true")
	page := c.get()
	assert.Contains(t, page.text, "Tax once your address is known")
	assert.NotContains(t, page.body, `value="pay"`, "nobody pays what they have not seen")
	assert.Equal(t, "/pay/"+c.id+"?card=", c.press("enter", with("country", "de")...).header.Get("Location"))
	page = c.get()
	assert.Contains(t, page.text, "Tax, 10 % 1.00 USD")
	assert.Contains(t, page.text, "Pay 11.00 USD")
	assert.Contains(t, page.body, `value="Ada Lovelace"`)
	assert.Equal(t, c.thanks(), c.press("pay", with("country", "de")...).header.Get("Location"))
	assert.Equal(t, int64(1100), c.session().Int("amount_total"))
}

func TestTheWayOfShippingIsChosen(t *testing.T) {
	t.Parallel()
	const at = "shipping_options[%d][shipping_rate_data]%s"
	var form []string
	for i, option := range [][2]string{{"Post", "500"}, {"Courier", "1500"}} {
		form = append(form, fmt.Sprintf(at, i, "[display_name]"), option[0], fmt.Sprintf(at, i, "[fixed_amount][amount]"), option[1], fmt.Sprintf(at, i, "[fixed_amount][currency]"), "usd")
	}
	c := bread(t, form...)
	assert.Contains(t, c.get().text, "Post 5.00 USD Courier 15.00 USD")
	courier := c.session().List("shipping_options")[1].Text("shipping_rate")
	chosen := c.press("enter", with("shippingRate", courier, "card", "4000000000000002")...)
	c.page += strings.TrimPrefix(chosen.header.Get("Location"), "/pay/"+c.id)
	assert.Contains(t, c.get().text, "Pay 25.00 USD")
	assert.Regexp(t, courier+`" checked`, c.get().body)
	assert.Contains(t, c.get().body, `value="4000000000000002" selected`, "the card stays chosen")
}

func TestASubscriptionIsStarted(t *testing.T) {
	t.Parallel()
	c := begin(
		t, "mode", "subscription", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "1000",
		"line_items[0][price_data][recurring][interval]", "month", "line_items[0][price_data][recurring][interval_count]", "3",
		"line_items[0][price_data][product_data][name]", "Bread club", "line_items[0][quantity]", "1",
	)
	assert.Contains(t, c.get().text, "Bread club 10.00 USD every 3 months")
	assert.Contains(t, c.get().text, "Subscribe and pay 10.00 USD")
	assert.Equal(t, c.thanks(), c.press("pay", ada...).header.Get("Location"))
	assert.NotEmpty(t, c.session().Text("subscription"))
}

func TestWhatCostsNothingNeedsNoCard(t *testing.T) {
	t.Parallel()
	c := begin(t, sold("Sample", "0", "usd")...)
	assert.NotContains(t, c.get().text, "4242")
	assert.Equal(t, c.thanks(), c.press("pay", ada...).header.Get("Location"))
}

func TestAKnownAddressForMailCannotBeChanged(t *testing.T) {
	t.Parallel()
	c := bread(t, "customer_email", "grace@example.com")
	assert.Regexp(t, `value="grace@example.com"[^>]* readonly`, c.get().body)
	c.press("pay", ada...)
	assert.Equal(t, "grace@example.com", c.session().Sub("customer_details").Text("email"))
}

func TestOtherSitesCannotPressButtons(t *testing.T) {
	t.Parallel()
	c := bread(t)
	foreign := c.pressing("expire")
	foreign.Header.Set("Origin", "https://evil.example")
	assert.Equal(t, http.StatusForbidden, c.send(foreign).status)
	foreign = c.pressing("expire")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, c.send(foreign).status)
	assert.Equal(t, "open", c.session().Text("status"))
	assert.Equal(t, http.StatusBadRequest, c.press("steal").status)
}

func TestThePageRunsNothingAndEndsAtTheShop(t *testing.T) {
	t.Parallel()
	page := bread(t).get()
	policy := page.header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'")
	assert.Contains(t, policy, "form-action 'self' https://shop.example")
	assert.Equal(t, "no-store", page.header.Get("Cache-Control"))
	assert.NotContains(t, page.body, "<script")
	assert.NotContains(t, page.body, "ZgotmplZ", "which html/template writes for what it holds unsafe")
}

func TestASessionThatThereIsNotIsNotFound(t *testing.T) {
	t.Parallel()
	c := bread(t)
	c.page = strings.Replace(c.page, c.id, "cs_no", 1)
	assert.Equal(t, http.StatusNotFound, c.get().status)
	assert.Contains(t, c.get().text, "There is no such checkout")
	assert.Equal(t, http.StatusNotFound, c.press("pay", ada...).status)
}
