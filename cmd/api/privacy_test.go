package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"twigz/models"
	"twigz/workflows"
)

// personal is what nobody but the people concerned may read: each is sent in
// and must come out nowhere. Half words tell of texts that were cut or quoted.
var personal = []string{
	"private-mail", "private.example", "Private Street", "Privateville", "Private Name", "Private Phone", "private-decline-text",
	"private-metadata", webhookSecret, olderSecret, jwtSecret, supportToken, "another-token", "sk_test_key", "hunter2",
}

// aToken is how every customer's token begins. Its case is looked at: our own
// random IDs, of one case each, may hold the letters by chance.
const aToken = "eyJ"

// TestNothingPersonalLeaksOut sends personal data by every way in, and reads
// every way out that is not the answer itself or the encryptable input.
func TestNothingPersonalLeaksOut(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	bare := startIngest(t, nil) // its database calls fail, with a password in the URL
	confidential := fields{
		"customerId": eve, "storeId": "bakery", "deliveryType": "delivery", "deliveryFee": "3.99", "note": "private-metadata",
		"deliveryAddress": `{"line1":"1 Private Street","city":"Privateville","name":"Private Name"}`,
	}
	charge := fields{"id": "ch_1", "billing_details": fields{"email": "private-mail@private.example", "name": "Private Name", "phone": "Private Phone"}}
	paid := intent.with(fields{
		"receipt_email": "private-mail@private.example", "metadata": confidential, "charges": fields{"data": []fields{charge}},
		"last_payment_error": fields{"code": "card_declined", "message": "private-decline-text"}, "shipping": fields{"name": "Private Name"},
		"description": "Private Name",
	})
	bought := session.with(fields{
		"metadata": confidential, "customer_email": "private-mail@private.example",
		"customer_details": fields{"email": "private-mail@private.example", "name": "Private Name", "phone": "Private Phone"},
	})
	events := []fields{
		event("payment_intent.succeeded", paid), event("payment_intent.payment_failed", paid), event("payment_intent.canceled", paid),
		event("checkout.session.completed", bought), event("checkout.session.async_payment_failed", bought),
		event("payment_intent.succeeded", paid.with(fields{"metadata": confidential.with(fields{"deliveryAddress": `{"line1":"1 Private Street`})})),
		event("payment_intent.succeeded", paid.with(fields{"metadata": confidential.with(fields{"customerId": strings.Repeat("1 Private Street ", 10)})})),
		event("payment_intent.succeeded", paid.with(fields{"metadata": []string{"1 Private Street"}})),
		event("payment_intent.succeeded", paid.with(fields{"amount": "Private Name"})),
		event("payment_intent.succeeded", bought), event("customer.created", fields{"email": "private-mail@private.example"}),
		event("customer.subscription.updated", subscription.with(fields{"description": "Private Name", "metadata": fields{"customerId": eve, "note": "private-metadata"}})),
		event("invoice.payment_failed", invoice.with(fields{"customer_email": "private-mail@private.example", "customer_name": "Private Name", "customer_address": fields{"line1": "1 Private Street"}})),
		event("checkout.session.completed", subscribed.with(fields{"metadata": confidential, "customer_details": fields{"email": "private-mail@private.example"}})),
		event("customer.deleted", fields{"id": "cus_1", "object": "customer", "email": "private-mail@private.example", "name": "Private Name"}),
		event("payment_intent.succeeded", paid).with(fields{"livemode": true}), event("payment_intent.succeeded", paid).with(fields{"id": "private-mail@private.example"}),
	}
	for _, e := range events {
		p.deliver(e.text())
		p.post(e.text(), signature(e.text(), "Private Name", time.Now()))
		p.post(e.text(), "t=1,v1=Private Name")
		p.deliver(e.text()[:len(e.text())-9])
	}
	started := p.temporal.started()
	for _, code := range []codes.Code{codes.PermissionDenied, codes.InvalidArgument} {
		p.temporal.refuseWith(code)
		p.deliver(event("payment_intent.succeeded", paid).text())
	}
	p.buy(eve, "pi_shown", 1)
	shown := gold(eve, "active")
	shown.Customer = models.StripeCustomerFacts{ID: "cus_shown", Email: "private-mail@private.example"}
	p.looks(shown)
	p.temporal.works(func(_ context.Context, workflowID string) (any, error) {
		return workflows.Page{URL: "https://private.example/" + workflowID, Asked: p.wish(workflowID)}, nil
	})
	for _, program := range []*program{p.program, bare.program} {
		everyCall(t, program)
	}

	for _, out := range []struct{ name, text string }{
		{"the log", p.logs.String()},
		{"the log without a database", bare.logs.String()},
		{"the metrics", scrape(t, p.program)},
		{"start requests", outside(t, started)},
	} {
		require.NotEmpty(t, out.text, out.name)
		assert.NotContains(t, out.text, aToken, out.name)
		for _, word := range personal {
			assert.NotContains(t, strings.ToLower(out.text), strings.ToLower(word), out.name)
		}
	}
	assert.Contains(t, p.logs.String(), "request answered", "the log was at its most talkative")
	assert.Len(t, started, 12, "the others are no events, or not for us")
}

// everyCall calls everything there is with personal data wherever some fits.
func everyCall(t *testing.T, p *program) {
	t.Helper()
	me, support := as(t, eve), bearerOf(supportToken)
	const street = "1%20Private%20Street"
	for _, call := range []struct {
		method, path, body string
		headers            []string
	}{
		{http.MethodGet, "/cart?storeId=" + street, "", me},
		{http.MethodGet, "/cart?storeId=" + street + "%00", "", me},
		{http.MethodPut, "/cart/items/" + street, `{"storeId":"bakery","quantity":1}`, me},
		{http.MethodPut, "/cart/items/loaf", `{"storeId":"1 Private Street","quantity":"Private Name"}`, me},
		{http.MethodPut, "/cart/items/loaf", `{"storeId":"1 Private Street`, me},
		{http.MethodGet, "/orders?after=" + base64.RawURLEncoding.EncodeToString([]byte("Private Name")), "", me},
		{http.MethodGet, "/orders/" + street, "", me},
		{http.MethodGet, "/stores/" + street + "/products", "", nil},
		{http.MethodGet, "/nowhere/" + street + "?email=private-mail@private.example", "", nil},
		{http.MethodGet, "/orders", "", bearerOf("private-mail@private.example")},
		{http.MethodGet, "/health", "", []string{"X-Request-Id", "Private Name", "Origin", "https://private.example", "User-Agent", "Private Name"}},
		{http.MethodGet, "/support/api/payments/" + street, "", support},
		{http.MethodGet, "/support/api/payments/pi_shown", "", support},
		{http.MethodPost, "/support/api/payments/" + street + "/actions", `{"action":"note","reason":"Private Name","requestId":"r1"}`, support},
		{http.MethodPost, "/support/api/payments/pi_shown/actions", `{"action":"note","reason":"Private Name moved to 1 Private Street","requestId":"r2"}`, support},
		{http.MethodPost, "/support/api/payments/pi_shown/actions", `{"action":"fix","reason":"Private Name","requestId":"r3","metadata":{"deliveryAddress":"1 Private Street"}}`, support},
		{http.MethodGet, "/support/api/payments?q=private-mail@private.example", "", support},
		{http.MethodGet, "/support/api/payments?q=" + street + "&status=" + street, "", support},
		{http.MethodGet, "/subscription", "", me},
		{http.MethodGet, "/subscription/events?after=" + street, "", bearerOf("private-mail@private.example")},
		{http.MethodPost, "/checkout/session", `{"mode":"subscription","priceId":"Private Name","successUrl":"https://private.example/"}`, me},
		{http.MethodPost, "/checkout/session", `{"mode":"Private Name","priceId":"1 Private Street"}`, me},
		{http.MethodPost, "/billing/portal", `{"returnUrl":"https://private.example/1 Private Street"}`, me},
		{http.MethodPost, "/billing/portal", `{"returnUrl":"1 Private Street`, append([]string{"Idempotency-Key", "private-mail@private.example"}, me...)},
		{http.MethodGet, "/support/api/subscriptions?q=private-mail@private.example", "", support},
		{http.MethodGet, "/support/api/subscriptions?q=" + street + "&status=" + street + "&unowned=" + street, "", support},
		{http.MethodGet, "/support/api/customers/cus_shown", "", support},
		{http.MethodGet, "/support/api/customers/" + street, "", support},
		{http.MethodPost, "/support/api/customers/" + street + "/actions", `{"action":"resync","reason":"Private Name","requestId":"r4"}`, support},
		{http.MethodPost, "/support/api/customers/cus_shown/actions", `{"action":"resync","reason":"Private Name moved to 1 Private Street","requestId":"r5"}`, support},
		{http.MethodPost, "/support/api/customers/cus_shown/actions", `{"action":"assign","customerId":"1 Private Street","reason":"Private Name","requestId":"r6"}`, support},
		{http.MethodPost, "/support/api/payments/pi_shown/actions", `{"action":"resync","reason":"Private Name","requestId":"r7"}`, support},
		{http.MethodPut, "/support/api/stores/bakery", `{"name":"Private Name","email":"private-mail@private.example","currency":"usd"}`, support},
		{http.MethodPut, "/support/api/stores/bakery", `{"name":"Private Name","email":"private-mail at private.example","currency":"usd"}`, support},
		{http.MethodPut, "/support/api/stores/bakery/products/loaf", `{"name":"Private Name","unitAmount":1}`, support},
	} {
		p.call(call.method, call.path, call.body, call.headers...)
	}
}

// outside is everything of start requests that Temporal shows or never
// encrypts: all but the input.
func outside(t *testing.T, starts startRequests) string {
	t.Helper()
	var text bytes.Buffer
	for _, start := range starts {
		shown := proto.CloneOf(start)
		shown.Input = nil
		plain, err := protojson.Marshal(shown)
		require.NoError(t, err)
		text.Write(plain)
		for _, payloads := range []payloads{shown.GetSearchAttributes().GetIndexedFields(), shown.GetMemo().GetFields(), shown.GetHeader().GetFields()} {
			for _, payload := range payloads { // in base64 above
				text.Write(payload.GetData())
			}
		}
		text.Write(shown.GetUserMetadata().GetSummary().GetData())
		text.Write(shown.GetUserMetadata().GetDetails().GetData())
	}
	return text.String()
}

// scrape asks for the metrics as Prometheus does.
func scrape(t *testing.T, p *program) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.metricsURL, http.NoBody)
	require.NoError(t, err)
	response, err := p.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	require.Equal(t, http.StatusOK, response.StatusCode)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
