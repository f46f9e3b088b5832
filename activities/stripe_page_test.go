package activities_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
)

func TestViewPrice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   activities.PriceView
	}{
		{
			"one to subscribe to", 200, `{"id":"price_1","object":"price","active":true,"type":"recurring","product":"prod_1"}`,
			activities.PriceView{Found: true, Recurring: true, Active: true, ProductID: "prod_1"},
		},
		{
			"one that is paid once", 200, `{"id":"price_1","object":"price","active":true,"type":"one_time","product":{"id":"prod_1"}}`,
			activities.PriceView{Found: true, Active: true, ProductID: "prod_1"},
		},
		{
			"one that is no longer sold", 200, `{"id":"price_1","object":"price","active":false,"type":"recurring","product":"prod_1"}`,
			activities.PriceView{Found: true, Recurring: true, ProductID: "prod_1"},
		},
		{"one that is deleted", 200, `{"id":"price_1","object":"price","deleted":true}`, activities.PriceView{}},
		{"one that Stripe does not know", 404, missing, activities.PriceView{}},
	} {
		t.Run("tells of "+c.name, func(t *testing.T) {
			t.Parallel()
			s := answering(t, c.status, nil, c.body)
			got, err := run[activities.PriceView](t, s, s.ViewPrice, activities.PriceInput{PriceID: "price_1"})
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	for name, c := range map[string]struct {
		reply
		passes bool
	}{
		"an empty object passes":                          {reply{200, "{}"}, true},
		"another price passes":                            {reply{200, `{"id":"price_2"}`}, true},
		"a key that is none has to be mended, and passes": {reply{401, said("invalid_request_error", "")}, true},
		"an ID that can be none does not":                 {reply{400, said("invalid_request_error", "")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(t, c.status, nil, c.body)
			_, err := run[activities.PriceView](t, s, s.ViewPrice, activities.PriceInput{PriceID: "price_1"})
			assert.Equal(t, c.passes, !application(t, err).NonRetryable())
		})
	}
}

func TestCreateSubscriptionSession(t *testing.T) {
	t.Parallel()
	const made = `{"id":"cs_1","object":"checkout.session","url":"https://checkout.stripe.com/c/pay/cs_1","metadata":{"customerId":"auth0|7"}}`
	create := func(t *testing.T, m *maker, change func(*activities.SubscribeCall)) (activities.PageMade, error) {
		t.Helper()
		in := activities.SubscribeCall{
			CustomerID: "auth0|7", StripeCustomerID: "cus_1", PriceID: "price_1", Quantity: 2,
			SuccessURL: "https://shop.example/ok", CancelURL: "https://shop.example/plans", IdempotencyKey: "page:1",
		}
		change(&in)
		s := served(t, m.ServeHTTP)
		return run[activities.PageMade](t, s, s.CreateSubscriptionSession, in)
	}
	as := func(*activities.SubscribeCall) {}
	fields := func() map[string]string {
		return map[string]string{
			"mode": "subscription", "customer": "cus_1", "line_items[0][price]": "price_1", "line_items[0][quantity]": "2",
			"metadata[customerId]": "auth0|7", "subscription_data[metadata][customerId]": "auth0|7",
			"success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/plans",
		}
	}

	t.Run("says whose it is, on the session and on what comes of it", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}}}
		got, err := create(t, m, as)
		require.NoError(t, err)
		assert.Equal(t, activities.PageMade{URL: "https://checkout.stripe.com/c/pay/cs_1"}, got)
		assert.Equal(t, []asked{{"/v1/checkout/sessions", "page:1", m.asked[0].form}}, m.asked)
		assert.Equal(t, fields(), m.asked[0].fields())
	})
	t.Run("tells no quantity and no way back where there is none", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, made}}}
		_, err := create(t, m, func(in *activities.SubscribeCall) { in.Quantity, in.CancelURL = 0, "" })
		require.NoError(t, err)
		want := fields()
		delete(want, "line_items[0][quantity]")
		delete(want, "cancel_url")
		assert.Equal(t, want, m.asked[0].fields())
	})
	refusals(t, func(t *testing.T, m *maker) error {
		t.Helper()
		_, err := create(t, m, as)
		return err
	})
}

func TestCreatePortalSession(t *testing.T) {
	t.Parallel()
	create := func(t *testing.T, m *maker) (activities.PageMade, error) {
		t.Helper()
		s := served(t, m.ServeHTTP)
		return run[activities.PageMade](t, s, s.CreatePortalSession, activities.PortalCall{
			StripeCustomerID: "cus_1", ReturnURL: "https://shop.example/account", IdempotencyKey: "page:1",
		})
	}
	t.Run("leads back to where the customer came from", func(t *testing.T) {
		t.Parallel()
		m := &maker{answers: []reply{{200, `{"id":"bps_1","object":"billing_portal.session","customer":"cus_1","url":"https://billing.stripe.com/p/session/1"}`}}}
		got, err := create(t, m)
		require.NoError(t, err)
		assert.Equal(t, activities.PageMade{URL: "https://billing.stripe.com/p/session/1"}, got)
		assert.Equal(t, []asked{{"/v1/billing_portal/sessions", "page:1", m.asked[0].form}}, m.asked)
		assert.Equal(t, map[string]string{"customer": "cus_1", "return_url": "https://shop.example/account"}, m.asked[0].fields())
	})
	refusals(t, func(t *testing.T, m *maker) error {
		t.Helper()
		_, err := create(t, m)
		return err
	})
}

// refusals checks what pages that Stripe does not make come to.
func refusals(t *testing.T, create func(*testing.T, *maker) error) {
	t.Helper()
	for _, c := range []struct {
		name   string
		answer reply
		kind   string
		passes bool
	}{
		{"what Stripe refuses is refused", reply{400, said("invalid_request_error", "")}, activities.Refused, false},
		{"a customer who was deleted is told apart", reply{400, customerGone}, activities.CustomerGone, false},
		{"a customer whom Stripe does not know is, too", reply{404, customerGone}, activities.CustomerGone, false},
		{"Stripe's own fault is kept under the key", reply{500, said("api_error", "")}, activities.KeptFailure, false},
		{"a key that is none has to be mended, and passes", reply{401, said("invalid_request_error", "")}, "StripeAnswered", true},
		{"an empty object passes", reply{200, "{}"}, "StripeAnswered", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			failure := application(t, create(t, &maker{answers: []reply{c.answer}}))
			assert.Equal(t, c.kind, failure.Type())
			assert.Equal(t, c.passes, !failure.NonRetryable())
		})
	}
}
