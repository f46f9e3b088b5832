package wire_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/wire"
)

// params are those of a call made with a form, or for GET with a query, written as pairs name=value.
func params(t *testing.T, pattern string, pairs ...string) (wire.Object, *wire.Error) {
	t.Helper()
	form := make([]string, 0, len(pairs))
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		form = append(form, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	text := strings.Join(form, "&")
	method, path, _ := strings.Cut(pattern, " ")
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if method == http.MethodGet {
		r = httptest.NewRequestWithContext(t.Context(), method, path+"?"+text, nil)
	}
	return wire.Describe(pattern).Params(r)
}

func TestParametersHaveTheirTypes(t *testing.T) {
	t.Parallel()
	got, refusal := params(t, "POST /v1/checkout/sessions", "mode=payment", "success_url=https://shop.example/done",
		"line_items[0][quantity]=2", "line_items[0][price_data][currency]=usd", "line_items[0][price_data][unit_amount]=650",
		"line_items[1][price]=price_1", "line_items[1][quantity]=1", "automatic_tax[enabled]=true",
		"metadata[paymentId]=5", "payment_intent_data[metadata][paymentId]=5", "expand[]=customer", "expand[]=line_items")
	require.Nil(t, refusal)
	items := got.List("line_items")
	require.Len(t, items, 2)
	assert.Equal(t, int64(650), items[0].Sub("price_data").Int("unit_amount"))
	assert.Equal(t, "price_1", items[1].Text("price"))
	assert.True(t, got.Sub("automatic_tax").Bool("enabled"))
	assert.Equal(t, "5", got.Sub("metadata").Text("paymentId"), "metadata stays text")
	assert.Equal(t, []string{"customer", "line_items"}, got.Texts("expand"))

	t.Run("in a query too", func(t *testing.T) {
		t.Parallel()
		got, refusal := params(t, "GET /v1/events", "types[]=invoice.paid", "types[]=charge.refunded", "delivery_success=false", "limit=3", "created[gte]=5")
		require.Nil(t, refusal)
		assert.Equal(t, []string{"invoice.paid", "charge.refunded"}, got.Texts("types"))
		assert.Equal(t, false, got["delivery_success"])
		assert.Equal(t, int64(3), got.Int("limit"))
		assert.Equal(t, int64(5), got.Sub("created").Int("gte"))
	})
	t.Run("and an empty one unsets where that may be", func(t *testing.T) {
		t.Parallel()
		got, refusal := params(t, "POST /v1/customers/{customer}", "metadata=", "name=Ada")
		require.Nil(t, refusal)
		assert.Empty(t, got["metadata"])
	})
}

func TestParametersThatStripeWouldNotTakeAreNotTaken(t *testing.T) {
	t.Parallel()
	const refunds, intents, sessions = "POST /v1/refunds", "POST /v1/payment_intents", "POST /v1/checkout/sessions"
	for name, c := range map[string]struct {
		call           string
		pairs          []string
		code, param    string
		messageHasThis string
	}{
		"a name that there is not": {refunds, []string{"payment_intnet=pi_1"}, "parameter_unknown", "payment_intnet", "Received unknown parameter: payment_intnet"},
		"one deep inside":          {sessions, []string{"line_items[0][qty]=1"}, "parameter_unknown", "line_items[0][qty]", "unknown parameter"},
		"a required one missing":   {intents, []string{"amount=100"}, "parameter_missing", "currency", "Missing required param: currency."},
		"a word for a number":      {refunds, []string{"amount=all"}, "parameter_invalid_integer", "amount", "Invalid integer: all"},
		"a fraction of a cent":     {refunds, []string{"amount=10.5"}, "parameter_invalid_integer", "amount", "Invalid integer: 10.5"},
		"a truth that is none":     {sessions, []string{"automatic_tax[enabled]=yes"}, "", "automatic_tax[enabled]", "Invalid boolean: yes"},
		"a choice that is none":    {refunds, []string{"reason=because"}, "", "reason", "must be one of duplicate, fraudulent, requested_by_customer"},
		"an empty value":           {refunds, []string{"payment_intent="}, "parameter_invalid_empty", "payment_intent", "cannot be unset"},
		"an object for a text":     {refunds, []string{"charge[id]=ch_1"}, "", "charge", "Invalid string"},
		"a text for an object":     {sessions, []string{"automatic_tax=true"}, "", "automatic_tax", "Invalid object"},
		"a list with holes":        {sessions, []string{"line_items[1][quantity]=1"}, "", "line_items", "Invalid array"},
		"a very long text":         {refunds, []string{"charge=" + strings.Repeat("é", 5001)}, "", "charge", "at most 5000 characters"},
		"a query's unknown name":   {"GET /v1/refunds", []string{"status=failed"}, "parameter_unknown", "status", "unknown parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, refusal := params(t, c.call, c.pairs...)
			require.NotNil(t, refusal)
			assert.Equal(t, http.StatusBadRequest, refusal.Status)
			assert.Equal(t, "invalid_request_error", refusal.Type)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, c.param, refusal.Param)
			assert.Contains(t, refusal.Message, c.messageHasThis)
		})
	}
}

func TestACallThatStripeDoesNotHaveCannotBeDescribed(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { wire.Describe("POST /v1/refunds/{refund}/undo") })
}
