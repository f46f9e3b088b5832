package ledger_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const newSession = "POST /v1/checkout/sessions"

// item are the parameters of a line item that is sold for once, amount in minor units.
func item(i int, name string, amount, quantity int, currency string) []string {
	at := fmt.Sprintf("line_items[%d]", i)
	return []string{
		at + "[price_data][currency]", currency, at + "[price_data][unit_amount]", strconv.Itoa(amount),
		at + "[price_data][product_data][name]", name, at + "[quantity]", strconv.Itoa(quantity),
	}
}

// monthly are the parameters of one that recurs.
func monthly(i int, name string, amount int) []string {
	return append(item(i, name, amount, 1, "usd"), fmt.Sprintf("line_items[%d][price_data][recurring][interval]", i), "month")
}

// basket are the parameters of a session in mode payment in which two loaves for 5 dollars each are bought.
func basket(more ...string) []string {
	return append(append([]string{"mode", "payment", "success_url", "https://shop.example/thanks?s={CHECKOUT_SESSION_ID}"}, item(0, "Bread", 500, 2, "usd")...), more...)
}

// plan are those of one in mode subscription, 10 dollars a month.
func plan(more ...string) []string {
	return append(append([]string{"mode", "subscription", "success_url", "https://shop.example/thanks"}, monthly(0, "Bread club", 1000)...), more...)
}

// submits lets a customer submit the page of a session.
func (w *world) submits(session wire.Object, p ledger.SessionPayment) (wire.Object, *wire.Error) {
	return w.act(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.CompleteSession(session.ID(), p) })
}

// who is a customer who pays with a card of that name.
func who(card string) ledger.SessionPayment {
	return ledger.SessionPayment{Method: card, BillingDetails: ledger.BillingDetails{Email: "ada@example.com", Name: "Ada Lovelace"}}
}

func TestASessionIsOpenUntilItIsPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetBaseURL("http://127.0.0.1:12111/")
	s := w.call(newSession, "", basket("metadata[paymentId]", "p_1", "client_reference_id", "cart_1", "cancel_url", "https://shop.example/cart")...)

	assert.Regexp(t, "^cs_test_", s.ID())
	assert.Equal(t, "http://127.0.0.1:12111/pay/"+s.ID(), s.Text("url"))
	assert.Equal(t, "open", s.Text("status"))
	assert.Equal(t, "unpaid", s.Text("payment_status"))
	assert.Equal(t, int64(1000), s.Int("amount_subtotal"))
	assert.Equal(t, int64(1000), s.Int("amount_total"))
	assert.Equal(t, "usd", s.Text("currency"))
	assert.Equal(t, wire.Object{"amount_discount": int64(0), "amount_shipping": int64(0), "amount_tax": int64(0)}, s.Sub("total_details"))
	assert.Equal(t, wire.Object{"paymentId": "p_1"}, s.Sub("metadata"))
	assert.Equal(t, "cart_1", s.Text("client_reference_id"))
	assert.Equal(t, "if_required", s.Text("customer_creation"))
	assert.Equal(t, s.Int("created")+24*60*60, s.Int("expires_at"))
	assert.Nil(t, s["payment_intent"], "Stripe makes it when the customer first submits")
	assert.Nil(t, s["customer_details"])
	assert.False(t, s.Has("line_items"), "they are shown when they are asked for")
	assert.Empty(t, w.news()[2:], "nobody is told, but of the product and the price")
}

func TestASessionsLineItemsAreAListOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.call(newSession, "", append(basket("expand[]", "line_items.data.price.product"), item(1, "Jam", 350, 1, "usd")...)...)
	lines := s.Sub("line_items")
	require.Len(t, lines.List("data"), 2)
	bread := lines.List("data")[0]
	w.check(bread)
	assert.Equal(t, "Bread", bread.Text("description"))
	assert.Equal(t, int64(2), bread.Int("quantity"))
	assert.Equal(t, int64(1000), bread.Int("amount_total"))
	assert.Equal(t, int64(500), bread.Sub("price").Int("unit_amount"))
	assert.Equal(t, "Bread", bread.Sub("price").Sub("product").Text("name"))

	page := w.call("GET /v1/checkout/sessions/{session}/line_items", s.ID(), "limit", "1", "starting_after", bread.ID())
	assert.Equal(t, "Jam", page.List("data")[0].Text("description"))
	assert.False(t, page.Bool("has_more"))
	assert.Equal(t, "No such checkout.session: 'cs_no'", w.refused("GET /v1/checkout/sessions/{session}/line_items", "cs_no").Message)
}

func TestSessionsAreFoundAndTheirMetadataChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.call(newSession, "", basket("metadata[a]", "1", "metadata[b]", "2")...)
	w.call(newSession, "", basket("customer_email", "eve@example.com")...)
	changed := w.call("POST /v1/checkout/sessions/{session}", first.ID(), "metadata[a]", "", "metadata[c]", "3")
	assert.Equal(t, wire.Object{"b": "2", "c": "3"}, changed.Sub("metadata"))
	assert.Equal(t, changed, w.call("GET /v1/checkout/sessions/{session}", first.ID()))
	assert.Len(t, w.call("GET /v1/checkout/sessions", "").List("data"), 2)
	assert.Empty(t, w.call("GET /v1/checkout/sessions", "", "status", "complete").List("data"))
	assert.Len(t, w.call("GET /v1/checkout/sessions", "", "customer_details[email]", "eve@example.com").List("data"), 1)
	assert.Equal(t, 404, w.refused("GET /v1/checkout/sessions/{session}", "cs_no").Status)
}

func TestASessionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := func(d time.Duration) string { return strconv.FormatInt(w.Now().Add(d).Unix(), 10) }
	one := item(0, "Bread", 500, 1, "usd")
	shop := []string{"mode", "payment", "success_url", "https://shop.example/"}
	for name, c := range map[string]struct {
		form                 []string
		code, param, message string
	}{
		"without a mode":                      {append(shop[2:], one...), "parameter_missing", "mode", "Missing required param: mode."},
		"in mode setup":                       {append([]string{"mode", "setup"}, shop[2:]...), "", "mode", "setup"},
		"embedded":                            {basket("ui_mode", "embedded"), "", "ui_mode", "embedded"},
		"without a way back":                  {append(shop[:2:2], one...), "parameter_missing", "success_url", "success_url"},
		"with a way back that is no URL":      {append([]string{"mode", "payment", "success_url", "/thanks"}, one...), "url_invalid", "success_url", "Not a valid URL"},
		"with nothing in it":                  {shop, "parameter_missing", "line_items", "line_items"},
		"without a quantity":                  {append(shop[:4:4], one[:6]...), "", "line_items[0]", "Quantity is required. Add `quantity` to `line_items[0]`"},
		"with a quantity of none":             {append(shop[:4:4], item(0, "Bread", 500, 0, "usd")...), "parameter_invalid_integer", "line_items[0][quantity]", "Invalid integer"},
		"without a price":                     {append(shop[:4:4], "line_items[0][quantity]", "1"), "", "line_items[0]", "You must provide either price or price_data"},
		"with a price that there is not":      {append(shop[:4:4], "line_items[0][quantity]", "1", "line_items[0][price]", "price_no"), "resource_missing", "line_items[0][price]", "No such price: 'price_no'"},
		"in two currencies":                   {basket(item(1, "Jam", 400, 1, "eur")...), "", "line_items[1]", "only supports `eur`. This doesn't match the expected currency: `usd`."},
		"in another currency":                 {basket("currency", "eur"), "", "line_items[0]", "This doesn't match the expected currency: `eur`."},
		"below what a card can be charged":    {append(shop[:4:4], item(0, "Crumb", 49, 1, "usd")...), "amount_too_small", "", "The Checkout Session's total amount due must add up to at least $0.50 usd"},
		"below that in yen":                   {append(shop[:4:4], item(0, "Crumb", 49, 1, "jpy")...), "amount_too_small", "", "¥50 jpy"},
		"above what a card can be charged":    {append(shop[:4:4], item(0, "Bakery", 99_999_999, 2, "usd")...), "amount_too_large", "", "$999999.99 usd"},
		"for a fraction that nobody pays":     {append(shop[:4:4], item(0, "Loaf", 1505, 1, "kwd")...), "", "", "multiple of 10"},
		"with a plan in mode payment":         {append(shop[:4:4], monthly(0, "Club", 1000)...), "", "line_items[0]", "You specified `payment` mode but passed a recurring price."},
		"without a plan in mode subscription": {append([]string{"mode", "subscription", "success_url", "https://shop.example/"}, one...), "", "line_items", "You must provide at least one recurring price in `subscription` mode when using prices."},
		"with plans of two paces":             {plan(append(item(1, "Yearly", 9000, 1, "usd"), "line_items[1][price_data][recurring][interval]", "year")...), "", "line_items[1]", "billing intervals"},
		"that lasts too short":                {basket("expires_at", now(29*time.Minute)), "", "expires_at", "must be at least 30 minutes from Checkout Session creation."},
		"that lasts too long":                 {basket("expires_at", now(24*time.Hour+time.Minute)), "", "expires_at", "must be less than 24 hours from Checkout Session creation."},
		"for a customer with another's mail":  {basket("customer", "cus_1", "customer_email", "a@example.com"), "", "customer_email", "You may only specify one of these parameters: customer, customer_email."},
		"for a customer that there is not":    {basket("customer", "cus_no"), "resource_missing", "customer", "No such customer: 'cus_no'"},
		"for what is no address for mail":     {basket("customer_email", "ada"), "email_invalid", "customer_email", "Invalid email address: ada"},
		"with an update of nobody":            {basket("customer_update[name]", "auto"), "", "customer_update", "can only be used with `customer`"},
		"that makes a customer of a plan":     {plan("customer_creation", "always"), "", "customer_creation", "`customer_creation` can only be used in `payment` mode."},
		"with an intent of a plan":            {plan("payment_intent_data[description]", "x"), "", "payment_intent_data", "You can not pass `payment_intent_data` in `subscription` mode."},
		"with a trial of what is sold once":   {basket("subscription_data[trial_period_days]", "7"), "", "subscription_data", "You can not pass `subscription_data` in `payment` mode."},
		"with a trial of no days":             {plan("subscription_data[trial_period_days]", "0"), "", "subscription_data[trial_period_days]", "trial"},
		"with a trial that ends tomorrow":     {plan("subscription_data[trial_end]", now(24*time.Hour)), "", "subscription_data[trial_end]", "at least 2 days in the future"},
		"for what it does not serve":          {basket("discounts[0][coupon]", "x"), "", "discounts", "does not serve `discounts`"},
		"for a part of what it serves":        {basket("payment_intent_data[transfer_group]", "x"), "", "payment_intent_data[transfer_group]", "does not serve"},
		"for tax rates":                       {basket("line_items[0][tax_rates][0]", "txr_1"), "", "line_items[0][tax_rates]", "does not serve"},
		"for a way to pay that is not there":  {basket("payment_method_types[0]", "klarna"), "", "payment_method_types[0]", "klarna"},
		"for too many ways of shipping":       {basket(rates(6)...), "", "shipping_options", "up to 5"},
		"for shipping in another currency":    {basket(shipping(0, "Post", 500, "eur")...), "", "shipping_options[0]", "only supports `eur`"},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := w.refused(newSession, "", c.form...)
			assert.Equal(t, 400, refusal.Status)
			assert.Equal(t, "invalid_request_error", refusal.Type)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, c.param, refusal.Param)
			assert.Contains(t, refusal.Message, c.message)
		})
	}
	assert.Empty(t, w.call("GET /v1/checkout/sessions", "").List("data"), "nothing of them is left")
}

func TestWhatIsOffIsServedByNotDoingIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call(newSession, "", basket(
		"allow_promotion_codes", "false", "invoice_creation[enabled]", "false", "line_items[0][adjustable_quantity][enabled]", "false",
		"automatic_tax[enabled]", "false", "ui_mode", "hosted", "locale", "de",
	)...)
}

// shipping are the parameters of one way of shipping.
func shipping(i int, name string, amount int, currency string) []string {
	at := fmt.Sprintf("shipping_options[%d][shipping_rate_data]", i)
	return []string{at + "[display_name]", name, at + "[fixed_amount][amount]", strconv.Itoa(amount), at + "[fixed_amount][currency]", currency}
}

func rates(n int) (form []string) {
	for i := range n {
		form = append(form, shipping(i, "Post", 500+i, "usd")...)
	}
	return form
}

func TestTaxIsWorkedOutOnceItIsKnownWhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// 3 × 3.35 is 10.05, of which a tenth is 1.005: half a cent goes up.
	form := append([]string{"mode", "payment", "success_url", "https://shop.example/", "automatic_tax[enabled]", "true"}, item(0, "Bun", 335, 3, "usd")...)
	form = append(form, append(item(1, "Deposit", 1100, 1, "usd"), "line_items[1][price_data][tax_behavior]", "inclusive")...)
	form = append(form, append(shipping(0, "Post", 500, "usd"), shipping(1, "Courier", 1500, "usd")...)...)
	s := w.call(newSession, "", form...)
	assert.Equal(t, "requires_location_inputs", s.Sub("automatic_tax").Text("status"))
	assert.Equal(t, int64(1005+1100+500), s.Int("amount_total"))
	assert.Equal(t, int64(500), s.Sub("total_details").Int("amount_shipping"), "the first way of shipping, until another is chosen")

	p := who("pm_card_visa")
	_, refusal := w.submits(s, p)
	assert.Equal(t, "country", refusal.Param)
	p.Country, p.ShippingRate = "us", s.List("shipping_options")[1].Text("shipping_rate")
	_, refusal = w.submits(s, p)
	assert.Equal(t, "postalCode", refusal.Param, "in the United States it needs that too")
	p.PostalCode = "94110"

	entered := w.must(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.EnterSession(s.ID(), p) })
	assert.Equal(t, "open", entered.Text("status"))
	s = w.see(s.ID())
	assert.Equal(t, "complete", s.Sub("automatic_tax").Text("status"))
	assert.Equal(t, wire.Object{"amount_discount": int64(0), "amount_shipping": int64(1500), "amount_tax": int64(101 + 100 + 150)}, s.Sub("total_details"))
	assert.Equal(t, int64(2105), s.Int("amount_subtotal"))
	assert.Equal(t, int64(1005+101+1100+1500+150), s.Int("amount_total"))
	assert.Equal(t, int64(1650), s.Sub("shipping_cost").Int("amount_total"))
	lines := w.call("GET /v1/checkout/sessions/{session}/line_items", s.ID()).List("data")
	assert.Equal(t, int64(101), lines[0].Int("amount_tax"))
	assert.Equal(t, int64(1106), lines[0].Int("amount_total"))
	assert.Equal(t, int64(1100), lines[1].Int("amount_total"), "it was in the price")

	_, refusal = w.submits(s, p)
	require.Nil(t, refusal)
	assert.Equal(t, s.Int("amount_total"), w.see(w.see(s.ID()).Text("payment_intent")).Int("amount_received"))
}

func TestTaxIsWhatCanBePaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		currency string
		amount   int
		tax      int64
	}{
		"a tenth of 5 yen is half a yen, and goes up":     {currency: "jpy", amount: 995, tax: 100},
		"a tenth of 1.550 dinars is 0.155, and goes up":   {currency: "kwd", amount: 1550, tax: 160},
		"a tenth of 1.540 dinars is 0.154, and does not":  {currency: "kwd", amount: 1540, tax: 150},
		"a tenth of 145 krónur, which have no hundredths": {currency: "isk", amount: 14500, tax: 1500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.call(newSession, "", append([]string{"mode", "payment", "success_url", "https://shop.example/", "automatic_tax[enabled]", "true"}, item(0, "Loaf", c.amount, 1, c.currency)...)...)
			p := who("")
			p.Country = "KW"
			_, refusal := w.submits(s, p)
			require.Nil(t, refusal)
			assert.Equal(t, c.tax, w.see(s.ID()).Sub("total_details").Int("amount_tax"))
		})
	}
}

func TestTaxForAKnownCustomerNeedsTheirAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nowhere := w.call("POST /v1/customers", "", "email", "ada@example.com")
	refusal := w.refused(newSession, "", basket("automatic_tax[enabled]", "true", "customer", nowhere.ID())...)
	assert.Equal(t, "customer_tax_location_invalid", refusal.Code)

	s := w.call(newSession, "", basket("automatic_tax[enabled]", "true", "customer", nowhere.ID(), "customer_update[address]", "auto", "customer_update[name]", "auto")...)
	p := who("pm_card_visa")
	p.Country = "DE"
	_, refusal = w.submits(s, p)
	require.Nil(t, refusal)
	known := w.see(nowhere.ID())
	assert.Equal(t, "DE", known.Sub("address").Text("country"), "it is kept with the customer")
	assert.Equal(t, "Ada Lovelace", known.Text("name"))

	s = w.call(newSession, "", basket("automatic_tax[enabled]", "true", "customer", nowhere.ID())...)
	assert.Equal(t, "complete", s.Sub("automatic_tax").Text("status"))
	assert.Equal(t, int64(1100), s.Int("amount_total"))
}
