package activities_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/models"
)

// maker is a Stripe that gives each POST the next of its answers, the last again
// and again.
type maker struct {
	answers []reply
	asked   []asked
}

type reply struct {
	status int
	body   string
}

// asked is one call as it came.
type asked struct {
	path, key string
	form      url.Values
}

func (m *maker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	m.asked = append(m.asked, asked{r.URL.Path, r.Header.Get("Idempotency-Key"), r.PostForm})
	now := m.answers[min(len(m.asked), len(m.answers))-1]
	w.Header().Set("Request-Id", "req_1")
	w.WriteHeader(now.status)
	_, _ = w.Write([]byte(now.body))
}

// fields are the form, one text for each name.
func (a asked) fields() map[string]string {
	flat := map[string]string{}
	for name, values := range a.form {
		flat[name] = strings.Join(values, ",")
	}
	return flat
}

// call is a purchase of two loaves and a jam, to be paid in half an hour and a bit.
func call(way models.CheckoutWay) activities.CheckoutCall {
	p := models.Purchase{
		PaymentID: "pay_1", Way: way, Currency: "usd", StripeCustomerID: "cus_1", DeliveryFee: 399, Total: 1599,
		Items: []models.Line{
			{ProductID: "loaf", Name: "Fresh loaf", Quantity: 2, UnitAmount: 450},
			{ProductID: "jam", Name: "Jam", Quantity: 1, UnitAmount: 300},
		},
		ExpiresAt: time.Now().Add(35 * time.Minute).Unix(),
	}
	if way == models.BySession {
		p.SuccessURL, p.CancelURL = "https://shop.example/ok?paymentId=pay_1", "https://shop.example/shop"
	}
	return activities.CheckoutCall{Purchase: p, IdempotencyKey: "checkout:pay_1:1"}
}

const (
	madeIntent  = `{"id":"pi_1","object":"payment_intent","client_secret":"pi_1_secret_1","metadata":{"paymentId":"pay_1"}}`
	madeSession = `{"id":"cs_1","object":"checkout.session","url":"https://checkout.stripe.com/c/pay/cs_1","payment_intent":null,"metadata":{"paymentId":"pay_1"}}`
)

func prepare(t *testing.T, m *maker, in activities.CheckoutCall) (models.Prepared, error) {
	t.Helper()
	s := served(t, m.ServeHTTP)
	if in.Purchase.Way == models.BySession {
		return run[models.Prepared](t, s, s.CreateSession, in)
	}
	return run[models.Prepared](t, s, s.CreatePaymentIntent, in)
}

func TestCreatePaymentIntent(t *testing.T) {
	t.Parallel()
	m := &maker{answers: []reply{{200, madeIntent}}}
	got, err := prepare(t, m, call(models.ByPaymentIntent))
	require.NoError(t, err)
	assert.Equal(t, models.Prepared{PaymentID: "pay_1", PaymentIntentID: "pi_1", ClientSecret: "pi_1_secret_1"}, got)
	require.Len(t, m.asked, 1)
	assert.Equal(t, "/v1/payment_intents", m.asked[0].path)
	assert.Equal(t, "checkout:pay_1:1", m.asked[0].key)
	assert.Equal(t, map[string]string{
		"amount": "1599", "currency": "usd", "customer": "cus_1", "automatic_payment_methods[enabled]": "true", "metadata[paymentId]": "pay_1",
	}, m.asked[0].fields(), "our payment ID is all that it carries of ours")
}

func TestCreateSession(t *testing.T) {
	t.Parallel()
	whole := func(in activities.CheckoutCall) map[string]string {
		return map[string]string{
			"mode": "payment", "customer": "cus_1", "success_url": in.Purchase.SuccessURL, "cancel_url": in.Purchase.CancelURL,
			"expires_at": strconv.FormatInt(in.Purchase.ExpiresAt, 10), "metadata[paymentId]": "pay_1", "payment_intent_data[metadata][paymentId]": "pay_1",
			"line_items[0][quantity]": "2", "line_items[0][price_data][currency]": "usd", "line_items[0][price_data][unit_amount]": "450",
			"line_items[0][price_data][product_data][name]": "Fresh loaf",
			"line_items[1][quantity]":                       "1", "line_items[1][price_data][currency]": "usd", "line_items[1][price_data][unit_amount]": "300",
			"line_items[1][price_data][product_data][name]":                   "Jam",
			"shipping_options[0][shipping_rate_data][type]":                   "fixed_amount",
			"shipping_options[0][shipping_rate_data][display_name]":           "Delivery",
			"shipping_options[0][shipping_rate_data][fixed_amount][amount]":   "399",
			"shipping_options[0][shipping_rate_data][fixed_amount][currency]": "usd",
		}
	}
	for _, c := range []struct {
		name   string
		change func(*models.Purchase)
		form   func(map[string]string)
	}{
		{"has the frozen lines and the fee as a way of shipping", func(*models.Purchase) {}, func(map[string]string) {}},
		{
			"has no shipping where there is no fee", func(p *models.Purchase) { p.DeliveryFee = 0 },
			func(form map[string]string) {
				for name := range form {
					if strings.HasPrefix(name, "shipping_options") {
						delete(form, name)
					}
				}
			},
		},
		{
			"lets Stripe add the tax, and keep the address that it is for", func(p *models.Purchase) { p.AutomaticTax = true },
			func(form map[string]string) {
				form["automatic_tax[enabled]"], form["customer_update[address]"] = "true", "auto"
				form["line_items[0][price_data][tax_behavior]"], form["line_items[1][price_data][tax_behavior]"] = "exclusive", "exclusive"
				form["shipping_options[0][shipping_rate_data][tax_behavior]"] = "exclusive"
			},
		},
		{
			"lets Stripe ask who it is where nobody is known", func(p *models.Purchase) { p.AutomaticTax, p.StripeCustomerID = true, "" },
			func(form map[string]string) {
				delete(form, "customer")
				form["automatic_tax[enabled]"] = "true"
				form["line_items[0][price_data][tax_behavior]"], form["line_items[1][price_data][tax_behavior]"] = "exclusive", "exclusive"
				form["shipping_options[0][shipping_rate_data][tax_behavior]"] = "exclusive"
			},
		},
		{
			"folds the lines that are more than Stripe takes into one", func(p *models.Purchase) {
				for n := range 101 { // 103 with the two
					p.Items = append(p.Items, models.Line{ProductID: fmt.Sprint(n), Name: fmt.Sprint("No. ", n), Quantity: 2, UnitAmount: 10})
				}
			},
			func(form map[string]string) {
				for n := range 97 {
					line := fmt.Sprintf("line_items[%d]", n+2)
					form[line+"[quantity]"], form[line+"[price_data][currency]"] = "2", "usd"
					form[line+"[price_data][unit_amount]"], form[line+"[price_data][product_data][name]"] = "10", fmt.Sprint("No. ", n)
				}
				form["line_items[99][quantity]"], form["line_items[99][price_data][currency]"] = "1", "usd"
				form["line_items[99][price_data][unit_amount]"], form["line_items[99][price_data][product_data][name]"] = "80", "4 more products"
			},
		},
		{
			"costs nothing where nothing is owed", func(p *models.Purchase) {
				p.Total, p.DeliveryFee, p.Items = 0, 0, []models.Line{{ProductID: "taste", Name: "A taste", Quantity: 1}}
			},
			func(form map[string]string) {
				for name := range form {
					if strings.HasPrefix(name, "shipping_options") || strings.HasPrefix(name, "line_items[1]") {
						delete(form, name)
					}
				}
				form["line_items[0][quantity]"], form["line_items[0][price_data][unit_amount]"] = "1", "0"
				form["line_items[0][price_data][product_data][name]"] = "A taste"
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := call(models.BySession)
			c.change(&in.Purchase)
			want := whole(in)
			c.form(want)
			m := &maker{answers: []reply{{200, madeSession}}}
			got, err := prepare(t, m, in)
			require.NoError(t, err)
			assert.Equal(t, models.Prepared{PaymentID: "pay_1", CheckoutSessionID: "cs_1", URL: "https://checkout.stripe.com/c/pay/cs_1"}, got)
			require.Len(t, m.asked, 1)
			assert.Equal(t, "/v1/checkout/sessions", m.asked[0].path)
			assert.Equal(t, want, m.asked[0].fields())
		})
	}

	t.Run("is open for as long as Stripe insists, when Stripe was away for long", func(t *testing.T) {
		t.Parallel()
		in := call(models.BySession)
		in.Purchase.ExpiresAt = time.Now().Add(10 * time.Minute).Unix()
		m := &maker{answers: []reply{{200, madeSession}}}
		_, err := prepare(t, m, in)
		require.NoError(t, err)
		expires, err := strconv.ParseInt(m.asked[0].form.Get("expires_at"), 10, 64)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, expires, time.Now().Add(30*time.Minute).Unix())
	})
}

func TestASessionOutlivesAClockThatIsWrong(t *testing.T) {
	t.Parallel()
	m := &maker{answers: []reply{
		{400, `{"error":{"message":"The timestamp must be at least 30 minutes from creation.","param":"expires_at","type":"invalid_request_error"}}`},
		{200, madeSession},
	}}
	_, err := prepare(t, m, call(models.BySession))
	require.NoError(t, err)
	require.Len(t, m.asked, 2)
	assert.Empty(t, m.asked[1].form.Get("expires_at"))
	assert.NotEqual(t, m.asked[0].key, m.asked[1].key, "it is another request")
}

// customerGone is how Stripe refuses what is for a customer whom somebody deleted there.
const customerGone = `{"error":{"code":"resource_missing","message":"No such customer: 'cus_1'","param":"customer","type":"invalid_request_error"}}`

func TestACustomerWhoWasDeletedAtStripeIsTold(t *testing.T) {
	t.Parallel()
	for _, way := range []models.CheckoutWay{models.ByPaymentIntent, models.BySession} {
		t.Run("by "+string(way), func(t *testing.T) {
			t.Parallel()
			m := &maker{answers: []reply{{400, customerGone}}}
			_, err := prepare(t, m, call(way))
			failure := application(t, err)
			assert.Equal(t, activities.CustomerGone, failure.Type())
			assert.True(t, failure.NonRetryable(), "another one has to be made")
			assert.Len(t, m.asked, 1)
		})
	}
}

func TestCheckoutsThatStripeDoesNotMake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   string
		passes bool
	}{
		{"an amount that is too small is refused", 400, said("invalid_request_error", "amount_too_small"), activities.Refused, false},
		{"a currency that the account has not is refused", 400, said("invalid_request_error", ""), activities.Refused, false},
		{"an account that may not charge is refused", 402, said("card_error", ""), activities.Refused, false},
		{"what Stripe does not know is refused", 404, said("invalid_request_error", "resource_missing"), activities.Refused, false},
		{"a key that was used for something else is used up", 400, said("idempotency_error", ""), activities.KeptFailure, false},
		{"Stripe's own fault is kept under the key", 500, said("api_error", ""), activities.KeptFailure, false},
		{"a key to the API that is none is mended by an operator", 401, said("invalid_request_error", "api_key_expired"), "StripeAnswered", true},
		{"a key to the API that may not is too", 403, said("invalid_request_error", ""), "StripeAnswered", true},
		{"a call that is under way passes", 409, said("idempotency_error", "idempotency_key_in_use"), "StripeAnswered", true},
		{"too many questions pass", 429, said("invalid_request_error", "rate_limit"), "StripeAnswered", true},
		{"a page passes", 502, "<html>eve@example.com</html>", "StripeUnreachable", true},
		{"an empty object passes", 200, "{}", "StripeAnswered", true},
		{"another's object passes", 200, strings.ReplaceAll(madeIntent+" ", "pay_1", "pay_2"), "StripeAnswered", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range []models.CheckoutWay{models.ByPaymentIntent, models.BySession} {
				_, err := prepare(t, &maker{answers: []reply{{c.status, c.body}}}, call(way))
				failure := application(t, err)
				assert.Equal(t, c.kind, failure.Type(), err)
				assert.Equal(t, c.passes, !failure.NonRetryable())
				assert.Contains(t, failure.Message(), "pay_1", "it says which")
				assert.NotContains(t, err.Error(), customerEmail)
			}
		})
	}
}

func TestPutStripeCustomer(t *testing.T) {
	t.Parallel()
	const made = `{"id":"cus_1","object":"customer","metadata":{"customerId":"auth0|7"}}`
	put := func(t *testing.T, m *maker, change func(*models.CustomerProfile)) (activities.StripeCustomer, error) {
		t.Helper()
		in := activities.CustomerCall{
			Profile: models.CustomerProfile{CustomerID: "auth0|7", Email: customerEmail, Name: "Eve Adams"}, IdempotencyKey: "customer:1f:1",
		}
		change(&in.Profile)
		s := served(t, m.ServeHTTP)
		return run[activities.StripeCustomer](t, s, s.PutStripeCustomer, in)
	}
	as := func(*models.CustomerProfile) {}
	known := func(p *models.CustomerProfile) { p.StripeCustomerID = "cus_1" }
	nameless := func(p *models.CustomerProfile) { p.Email, p.Name = "", "" }

	t.Run("makes one of our ID alone, under a key that is its own, and then says who it is", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}}}
		got, err := put(t, m, as)
		require.NoError(t, err)
		assert.Equal(t, activities.StripeCustomer{ID: "cus_1"}, got)
		require.Len(t, m.asked, 2)
		assert.Equal(t, "/v1/customers", m.asked[0].path)
		assert.Equal(t, "customer:1f:1", m.asked[0].key)
		assert.Equal(t, map[string]string{"metadata[customerId]": "auth0|7"}, m.asked[0].fields(), "the same whoever asks, and whenever")
		assert.Equal(t, "/v1/customers/cus_1", m.asked[1].path)
		assert.Equal(t, map[string]string{"email": customerEmail, "name": "Eve Adams"}, m.asked[1].fields())
	})
	t.Run("makes one of whom nothing is known", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}}}
		_, err := put(t, m, nameless)
		require.NoError(t, err)
		assert.Len(t, m.asked, 1)
	})
	t.Run("makes no second one", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}}}
		_, err := put(t, m, func(p *models.CustomerProfile) { known(p); p.Email = "" })
		require.NoError(t, err)
		require.Len(t, m.asked, 1)
		assert.Equal(t, "/v1/customers/cus_1", m.asked[0].path)
		assert.Equal(t, map[string]string{"name": "Eve Adams"}, m.asked[0].fields())
	})
	t.Run("says nothing where there is nothing to say", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}}}
		got, err := put(t, m, func(p *models.CustomerProfile) { known(p); nameless(p) })
		require.NoError(t, err)
		assert.Equal(t, activities.StripeCustomer{ID: "cus_1"}, got)
		assert.Empty(t, m.asked)
	})
	t.Run("leaves one who was deleted at Stripe alone", func(t *testing.T) {
		t.Parallel()
		got, err := put(t, &maker{answers: []reply{{404, missing}}}, known)
		require.NoError(t, err)
		assert.Equal(t, activities.StripeCustomer{ID: "cus_1"}, got)
	})
	t.Run("says that Stripe does not take the address, and keeps the customer", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}, {400, said("invalid_request_error", "email_invalid")}}}
		got, err := put(t, m, as)
		require.NoError(t, err)
		assert.Equal(t, activities.StripeCustomer{ID: "cus_1", Refused: "email_invalid"}, got)
	})

	for _, c := range []struct {
		name    string
		answers []reply
		kind    string
		passes  bool
	}{
		{"a fault that is kept when one is made", []reply{{500, said("api_error", "")}}, activities.KeptFailure, false},
		{"a fault when one is told of", []reply{{200, made}, {500, said("api_error", "")}}, "StripeAnswered", true},
		{"a key to the API that is none", []reply{{401, said("invalid_request_error", "")}}, "StripeAnswered", true},
		{"a customer of another's", []reply{{200, strings.ReplaceAll(made, "auth0|7", "auth0|8")}}, "StripeAnswered", true},
		{"an empty object", []reply{{200, made}, {200, "{}"}}, "StripeAnswered", true},
		{"a customer whom Stripe refuses", []reply{{400, said("invalid_request_error", "")}}, activities.Refused, false},
	} {
		t.Run(fmt.Sprintf("%s passes: %t", c.name, c.passes), func(t *testing.T) {
			t.Parallel()
			_, err := put(t, &maker{answers: c.answers}, as)
			failure := application(t, err)
			assert.Equal(t, c.kind, failure.Type())
			assert.Equal(t, c.passes, !failure.NonRetryable())
			for _, secret := range []string{customerEmail, "auth0|7", "Eve Adams"} {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
}
