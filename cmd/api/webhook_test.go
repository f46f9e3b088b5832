package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"google.golang.org/grpc/codes"

	"twigz/internal/webhook"
	"twigz/models"
)

const (
	invalidSignature = `{"error":"Invalid webhook signature"}`
	invalidPayload   = `{"error":"Invalid webhook payload"}`
	tooLarge         = `{"error":"Payload too large"}`
	unavailable      = `{"error":"Service temporarily unavailable","retryAfter":30}`
)

func TestWebhookStartsTheWorkflowOfEveryHandledEvent(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	for _, test := range []struct {
		name  string
		event fields
		want  string
	}{
		{"payment_intent.succeeded", event("payment_intent.succeeded", intent), "FulfillOrder"},
		{"payment_intent.processing", event("payment_intent.processing", intent), "RecordPayment"},
		{"payment_intent.payment_failed", event("payment_intent.payment_failed", intent), "RecordPaymentFailure"},
		{"payment_intent.canceled", event("payment_intent.canceled", intent), "CancelPayment"},
		{"checkout.session.completed", event("checkout.session.completed", session), "FulfillOrder"},
		{"checkout.session.completed, at no cost", event("checkout.session.completed",
			session.with(fields{"payment_status": "no_payment_required", "payment_intent": nil, "amount_total": 0})), "FulfillOrder"},
		{"checkout.session.completed, not paid yet", event("checkout.session.completed", session.with(fields{"payment_status": "unpaid"})), "RecordPayment"},
		{"checkout.session.async_payment_succeeded", event("checkout.session.async_payment_succeeded", session), "FulfillOrder"},
		{"checkout.session.async_payment_failed", event("checkout.session.async_payment_failed", session), "RecordPaymentFailure"},
		{"checkout.session.expired", event("checkout.session.expired", session), "CancelPayment"},
		{"checkout.session.completed, of a subscription", event("checkout.session.completed", subscribed), "SyncSubscription"},
		{"customer.subscription.created", event("customer.subscription.created", subscription), "SyncSubscription"},
		{"customer.subscription.updated", event("customer.subscription.updated", subscription), "SyncSubscription"},
		{"customer.subscription.deleted", event("customer.subscription.deleted", subscription), "SyncSubscription"},
		{"customer.subscription.paused", event("customer.subscription.paused", subscription), "SyncSubscription"},
		{"customer.subscription.resumed", event("customer.subscription.resumed", subscription), "SyncSubscription"},
		{"customer.subscription.pending_update_applied", event("customer.subscription.pending_update_applied", subscription), "SyncSubscription"},
		{"customer.subscription.pending_update_expired", event("customer.subscription.pending_update_expired", subscription), "SyncSubscription"},
		{"customer.subscription.trial_will_end", event("customer.subscription.trial_will_end", subscription), "SyncSubscription"},
		{"invoice.paid", event("invoice.paid", invoice), "SyncSubscription"},
		{"invoice.payment_succeeded", event("invoice.payment_succeeded", invoice), "SyncSubscription"},
		{"invoice.payment_failed", event("invoice.payment_failed", invoice), "SyncSubscription"},
		{"invoice.payment_action_required", event("invoice.payment_action_required", invoice), "SyncSubscription"},
		{"invoice.upcoming, which has no ID yet", event("invoice.upcoming", invoice.with(fields{"id": nil})), "SyncSubscription"},
		{"invoice.marked_uncollectible", event("invoice.marked_uncollectible", invoice), "SyncSubscription"},
		{"invoice.finalized", event("invoice.finalized", invoice), "SyncSubscription"},
		{"customer.deleted", event("customer.deleted", fields{"id": "cus_1", "object": "customer"}), "SyncSubscription"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.deliver(test.event.text()).is(http.StatusOK, received(test.event.id(), p.temporal.run(test.event.id()), false))
			started := p.temporal.started()
			last := started[len(started)-1]
			assert.Equal(t, test.event.id(), last.GetWorkflowId())
			assert.Equal(t, test.want, last.GetWorkflowType().GetName())
		})
	}
}

func TestWebhookStartRequest(t *testing.T) {
	t.Parallel()
	p := startIngest(t, map[string]string{"TEMPORAL_TASK_QUEUE": "elsewhere", "TEMPORAL_NAMESPACE": "shop", "STRIPE_LIVEMODE": "true"})
	e := event("checkout.session.completed", session).with(fields{"livemode": true})
	require.Equal(t, http.StatusOK, p.deliver(e.text()).status)
	require.Len(t, p.temporal.started(), 1)
	r := p.temporal.started()[0]

	t.Run("names the workflow, its queue and its namespace", func(t *testing.T) {
		assert.Equal(t, e.id(), r.GetWorkflowId())
		assert.Equal(t, "FulfillOrder", r.GetWorkflowType().GetName())
		assert.Equal(t, "elsewhere", r.GetTaskQueue().GetName())
		assert.Equal(t, "shop", r.GetNamespace())
	})
	t.Run("lets only a failed or terminated run be followed by another", func(t *testing.T) {
		assert.Equal(t, enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, r.GetWorkflowIdReusePolicy())
		assert.Equal(t, enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL, r.GetWorkflowIdConflictPolicy())
	})
	t.Run("sets no timeout, which would skip compensation", func(t *testing.T) {
		assert.Zero(t, r.GetWorkflowExecutionTimeout().AsDuration())
		assert.Zero(t, r.GetWorkflowRunTimeout().AsDuration())
		assert.Nil(t, r.GetRetryPolicy())
	})
	t.Run("has typed search attributes", func(t *testing.T) {
		attributes := r.GetSearchAttributes().GetIndexedFields()
		assert.Equal(t, map[string]any{
			"StripeEventType": "checkout.session.completed", "PaymentIntentID": "pi_1", "CustomerID": "auth0|7",
			"StoreID": "bakery", "Livemode": true, "OrderID": models.OrderID("pi_1", "cs_1"),
		}, decoded(t, attributes))
		types := map[string]string{}
		for name, payload := range attributes {
			types[name] = string(payload.GetMetadata()["type"])
		}
		assert.Equal(t, map[string]string{
			"StripeEventType": "Keyword", "PaymentIntentID": "Keyword", "CustomerID": "Keyword",
			"StoreID": "Keyword", "Livemode": "Bool", "OrderID": "Keyword",
		}, types)
	})
	t.Run("has the API version and the time of the event as memo", func(t *testing.T) {
		assert.Equal(t, map[string]any{"apiVersion": "2024-06-20", "created": 1.7e9}, decoded(t, r.GetMemo().GetFields()))
	})
	t.Run("has a summary that people can read", func(t *testing.T) {
		var summary string
		require.NoError(t, json.Unmarshal(r.GetUserMetadata().GetSummary().GetData(), &summary))
		assert.Equal(t, "checkout.session.completed pi_1", summary)
	})
	t.Run("has the small typed event as input, and nothing else", func(t *testing.T) {
		require.Len(t, r.GetInput().GetPayloads(), 1)
		input := r.GetInput().GetPayloads()[0].GetData()
		assert.Less(t, len(input), 2<<10)
		assert.JSONEq(t, fields{
			"id": e.id(), "type": "checkout.session.completed", "created": 1_700_000_000, "apiVersion": "2024-06-20", "livemode": true,
			"paymentIntentId": "pi_1", "checkoutSessionId": "cs_1", "mode": "payment", "paymentStatus": "paid",
			"amount": 1599, "amountReceived": 1599, "currency": "usd", "email": "eve@example.com", "metadata": metadata,
		}.text(), string(input))
	})
}

func TestWebhookOfAPaymentThatIsNotOursNamesNoCustomerStoreOrOrder(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	e := event("payment_intent.succeeded", intent.with(fields{"metadata": fields{}}))
	require.Equal(t, http.StatusOK, p.deliver(e.text()).status)
	require.Len(t, p.temporal.started(), 1)
	assert.Equal(t, map[string]any{"StripeEventType": "payment_intent.succeeded", "PaymentIntentID": "pi_1", "Livemode": false},
		decoded(t, p.temporal.started()[0].GetSearchAttributes().GetIndexedFields()))
}

func TestWebhookDuplicates(t *testing.T) {
	t.Parallel()

	t.Run("the same event again names the run there is", func(t *testing.T) {
		t.Parallel()
		p := startIngest(t, nil)
		e := succeeded()
		p.deliver(e.text()).is(http.StatusOK, received(e.id(), "run-1", false))
		for range 3 {
			p.deliver(e.text()).is(http.StatusOK, received(e.id(), "run-1", true))
		}
		assert.Len(t, p.temporal.started(), 1)
	})

	t.Run("ten at once make one start and nine duplicates", func(t *testing.T) {
		t.Parallel()
		p := startIngest(t, nil)
		e := succeeded()
		answers := make([]answer, 10)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = p.deliver(e.text()) })
		}
		wg.Wait()
		count := map[any]int{}
		for _, a := range answers {
			assert.Equal(t, http.StatusOK, a.status, a.body)
			assert.Equal(t, "run-1", a.object()["runId"])
			count[a.object()["duplicate"]]++
		}
		assert.Equal(t, map[any]int{false: 1, true: 9}, count)
		assert.Len(t, p.temporal.started(), 1)
	})
}

func TestWebhookEventsThatStartNothing(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	unsupported := func(eventType string) string {
		return fields{"message": "Event type not supported", "eventType": eventType}.text()
	}
	for _, test := range []struct {
		name  string
		event fields
		want  string
	}{
		{"a type that is not handled", event("customer.created", fields{"object": "customer"}), unsupported("customer.created")},
		{"an invoice that is a draft", event("invoice.created", fields{"object": "invoice"}), unsupported("invoice.created")},
		{"a type that nobody knows", event("weather.changed", fields{}), unsupported("weather.changed")},
		{"a session that sets up a payment method", event("checkout.session.completed", session.with(fields{"mode": "setup", "payment_status": "no_payment_required"})), unsupported("checkout.session.completed")},
		{"a live event beside test keys", succeeded().with(fields{"livemode": true}), `{"received":true,"ignored":"livemode"}`},
		{"an event of a connected account", succeeded().with(fields{"account": "acct_1"}), `{"received":true,"ignored":"account"}`},
		{"a live one of a connected account", succeeded().with(fields{"account": "acct_1", "livemode": true}), `{"received":true,"ignored":"account"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.deliver(test.event.text()).is(http.StatusOK, test.want)
			assert.Len(t, p.logs.about(t, test.event.id()), 1, "one log line names the event")
		})
	}
	assert.Empty(t, p.temporal.started())
}

func TestWebhookTakesLiveEventsBesideLiveKeys(t *testing.T) {
	t.Parallel()
	p := startIngest(t, map[string]string{"STRIPE_SECRET_KEY": "rk_live_key", "STRIPE_PUBLISHABLE_KEY": "pk_live_key"})
	live, test := succeeded().with(fields{"livemode": true}), succeeded()
	p.deliver(live.text()).is(http.StatusOK, received(live.id(), "run-1", false))
	p.deliver(test.text()).is(http.StatusOK, `{"received":true,"ignored":"livemode"}`)
}

func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	now := time.Now()
	for _, test := range []struct {
		name   string
		header func(body string) string
		ok     bool
	}{
		{"the first secret's", func(b string) string { return signature(b, webhookSecret, now) }, true},
		{"the second secret's", func(b string) string { return signature(b, olderSecret, now) }, true},
		{"four minutes old", func(b string) string { return signature(b, webhookSecret, now.Add(-4*time.Minute)) }, true},
		{"a good one among strangers'", func(b string) string {
			return signature(b, "whsec_other", now) + "," + strings.SplitN(signature(b, olderSecret, now), ",", 2)[1]
		}, true},
		{"missing", func(string) string { return "" }, false},
		{"no header's form", func(string) string { return "hello" }, false},
		{"without a time", func(b string) string { return strings.SplitN(signature(b, webhookSecret, now), ",", 2)[1] }, false},
		{"another secret's", func(b string) string { return signature(b, "whsec_other", now) }, false},
		{"an empty secret's", func(b string) string { return signature(b, "", now) }, false},
		{"both secrets as one", func(b string) string { return signature(b, webhookSecret+","+olderSecret, now) }, false},
		{"of another body", func(b string) string { return signature(b+" ", webhookSecret, now) }, false},
		{"six minutes old", func(b string) string { return signature(b, webhookSecret, now.Add(-6*time.Minute)) }, false},
		{"from six minutes ahead", func(b string) string { return signature(b, webhookSecret, now.Add(6*time.Minute)) }, false},
		{"from the far future", func(b string) string { return signature(b, webhookSecret, now.AddDate(100, 0, 0)) }, false},
		{"longer than any that Stripe sends", func(b string) string {
			return signature(b, webhookSecret, now) + strings.Repeat(",v0="+strings.Repeat("0", 64), 100)
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := succeeded()
			before := len(p.temporal.started())
			a := p.post(e.text(), test.header(e.text()))
			if test.ok {
				a.is(http.StatusOK, received(e.id(), p.temporal.run(e.id()), false))
				return
			}
			a.is(http.StatusBadRequest, invalidSignature)
			assert.Len(t, p.temporal.started(), before)
			assert.Empty(t, p.logs.about(t, e.id()), "an unproven ID is not taken for one")
		})
	}
}

// TestWebhookBadInput is what may come with a good signature.
func TestWebhookBadInput(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	without := func(member string) fields {
		e := succeeded()
		delete(e, member)
		return e
	}
	for name, body := range map[string]string{
		"nothing":                          "",
		"no JSON":                          "id=evt_1&type=payment_intent.succeeded",
		"null":                             "null",
		"an array":                         "[" + succeeded().text() + "]",
		"two objects":                      succeeded().text() + succeeded().text(),
		"an object that is cut off":        succeeded().text()[:200],
		"zipped":                           zipped(succeeded().text()),
		"a NUL beside the object":          succeeded().text() + "\x00",
		"no id":                            without("id").text(),
		"an id of another kind":            succeeded().with(fields{"id": "pi_1"}).text(),
		"an id that climbs":                succeeded().with(fields{"id": "evt_../x"}).text(),
		"an id with a NUL":                 succeeded().with(fields{"id": "evt_\x00"}).text(),
		"an id of 251 letters":             succeeded().with(fields{"id": "evt_" + strings.Repeat("a", 251)}).text(),
		"an id that is a number":           succeeded().with(fields{"id": 5}).text(),
		"no type":                          without("type").text(),
		"a type that is a number":          succeeded().with(fields{"type": 5}).text(),
		"no time":                          without("created").text(),
		"a time in text":                   succeeded().with(fields{"created": "2024-06-20T00:00:00Z"}).text(),
		"a time with decimals":             succeeded().with(fields{"created": 1.5}).text(),
		"a livemode that is text":          succeeded().with(fields{"livemode": "false"}).text(),
		"an account that is a number":      succeeded().with(fields{"account": 5}).text(),
		"no data":                          without("data").text(),
		"data that is null":                succeeded().with(fields{"data": nil}).text(),
		"data that is text":                succeeded().with(fields{"data": "x"}).text(),
		"an object that is null":           succeeded().with(fields{"data": fields{"object": nil}}).text(),
		"an object that is a list":         succeeded().with(fields{"data": fields{"object": []int{}}}).text(),
		"no object, of a type not handled": event("customer.created", nil).with(fields{"data": fields{}}).text(),
		"type and object that disagree":    event("payment_intent.succeeded", session).text(),
		"an object that does not say":      event("payment_intent.succeeded", fields{"id": "pi_1"}).text(),
		"an amount with decimals":          event("payment_intent.succeeded", intent.with(fields{"amount": 15.99})).text(),
		"an amount in text":                event("payment_intent.succeeded", intent.with(fields{"amount_received": "1599"})).text(),
		"an object's id that is a number":  event("payment_intent.succeeded", intent.with(fields{"id": 7})).text(),
		"a thin event":                     `{"id":"evt_65","object":"v2.core.event","type":"v1.billing.meter.no_meter_found","livemode":false,"created":"2022-02-15T00:27:45.330Z","related_object":{"id":"meter_1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p.deliver(body).is(http.StatusBadRequest, invalidPayload)
		})
	}
	assert.Empty(t, p.temporal.started(), "nothing is stored")
}

// TestWebhookOddInput is what somebody can mend once it is recorded: it is
// accepted, and Temporal takes it.
func TestWebhookOddInput(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	paid := func(changes fields) fields { return event("payment_intent.succeeded", intent.with(changes)) }
	told := func(changes fields) fields { return paid(fields{"metadata": metadata.with(changes)}) }
	for name, e := range map[string]fields{
		"no metadata":                        paid(fields{"metadata": nil}),
		"metadata that is a list":            paid(fields{"metadata": []string{"x"}}),
		"metadata of numbers":                told(fields{"storeId": 7}),
		"an address that is cut off":         told(fields{"deliveryAddress": `{"line1":"1 Mill La`}),
		"a negative fee":                     told(fields{"deliveryFee": "-1"}),
		"a fee too exact":                    told(fields{"deliveryFee": "3.999"}),
		"an unknown store":                   told(fields{"storeId": "nowhere"}),
		"a customer with a control sign":     told(fields{"customerId": "a\nb"}),
		"a customer's name that is too long": told(fields{"customerId": strings.Repeat("c", 65)}),
		"NULs in the metadata":               told(fields{"storeId": "a\x00b"}),
		"no amount":                          paid(fields{"amount": nil, "amount_received": nil}),
		"a negative amount":                  paid(fields{"amount_received": -5}),
		"an amount of nothing":               paid(fields{"amount_received": 0}),
		"an unknown currency":                paid(fields{"currency": "zzz"}),
		"a currency that is none":            paid(fields{"currency": strings.Repeat("usd", 50)}),
		"no id of the object":                paid(fields{"id": nil}),
		"a time long ago":                    succeeded().with(fields{"created": -1 << 62}),
		"an API version of the future":       succeeded().with(fields{"api_version": "2031-01-01.willow"}),
		"no API version":                     succeeded().with(fields{"api_version": nil}),
		"an id of 250 letters":               succeeded().with(fields{"id": "evt_" + strings.Repeat("a", 250)}),
		"members that nobody knows":          succeeded().with(fields{"context": nil, "snapshot": fields{"a": []int{1}}}),
	} {
		t.Run(name, func(t *testing.T) {
			p.deliver(e.text()).is(http.StatusOK, received(e.id(), p.temporal.run(e.id()), false))
			assert.Len(t, p.logs.about(t, e.id()), 1, "one log line names the event")
		})
	}
	t.Run("a lone surrogate and bytes that are no UTF-8", func(t *testing.T) {
		e := told(fields{"storeId": "SURROGATE"})
		body := strings.Replace(e.text(), "SURROGATE", `\ud800`+"\xff", 1)
		p.deliver(body).is(http.StatusOK, received(e.id(), p.temporal.run(e.id()), false))
	})
	for _, r := range p.temporal.started() {
		assert.NotContains(t, string(r.GetInput().GetPayloads()[0].GetData()), `\u0000`, "Postgres would refuse it for ever")
	}
}

func TestWebhookIgnoresTheContentType(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "no type;;;"} {
		e := succeeded()
		p.send(http.MethodPost, "/stripe/webhook", strings.NewReader(e.text()), "Content-Type", contentType,
			"Stripe-Signature", signature(e.text(), webhookSecret, time.Now())).
			is(http.StatusOK, received(e.id(), p.temporal.run(e.id()), false))
	}
}

func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	// of is an event that takes up as many bytes.
	of := func(size int) fields {
		e := succeeded().with(fields{"padding": ""})
		return e.with(fields{"padding": strings.Repeat("x", size-len(e.text()))})
	}

	t.Run("512 KiB exactly are taken", func(t *testing.T) {
		e := of(webhook.MaxBody)
		require.Len(t, e.text(), 512<<10)
		p.deliver(e.text()).is(http.StatusOK, received(e.id(), p.temporal.run(e.id()), false))
	})
	t.Run("one byte more is too large, whoever signed it", func(t *testing.T) {
		p.deliver(of(webhook.MaxBody+1).text()).is(http.StatusRequestEntityTooLarge, tooLarge)
		p.post(of(webhook.MaxBody+1).text(), "").is(http.StatusRequestEntityTooLarge, tooLarge)
	})
	t.Run("512 KiB in chunks are taken, one byte more is not", func(t *testing.T) {
		e, more := of(webhook.MaxBody), of(webhook.MaxBody+1).text()
		chunked := func(body string) answer {
			return p.send(http.MethodPost, "/stripe/webhook", io.MultiReader(strings.NewReader(body)),
				"Stripe-Signature", signature(body, webhookSecret, time.Now()))
		}
		chunked(e.text()).is(http.StatusOK, received(e.id(), p.temporal.run(e.id()), false))
		chunked(more).is(http.StatusRequestEntityTooLarge, tooLarge)
	})
	t.Run("far too large ones are answered, too", func(t *testing.T) {
		p.deliver(strings.Repeat("x", 8<<20)).is(http.StatusRequestEntityTooLarge, tooLarge)
	})
	t.Run("a zipped one is not unpacked, whatever was signed", func(t *testing.T) {
		plain := succeeded().text()
		packed := zipped(plain)
		post := func(signed string) answer {
			return p.send(http.MethodPost, "/stripe/webhook", strings.NewReader(packed), "Content-Encoding", "gzip",
				"Stripe-Signature", signature(signed, webhookSecret, time.Now()))
		}
		post(packed).is(http.StatusBadRequest, invalidPayload)
		post(plain).is(http.StatusBadRequest, invalidSignature)
	})
	t.Run("one whose sender hangs up half way is refused", func(t *testing.T) {
		body := succeeded().text()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // read to its end
		_, err = fmt.Fprintf(conn, "POST /stripe/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nStripe-Signature: %s\r\n\r\n%s",
			len(body), signature(body, webhookSecret, time.Now()), body[:len(body)/2])
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		read(t, response).is(http.StatusBadRequest, invalidPayload)
	})
}

func TestWebhookBodyThatTricklesIsCutOff(t *testing.T) {
	t.Parallel()
	s := inProcess(t, newFrontend(t), nil)
	server := s.newHTTPServer("", s.routes())
	assert.LessOrEqual(t, server.ReadTimeout, 20*time.Second)
	assert.Positive(t, server.ReadTimeout)
	assert.Positive(t, server.ReadHeaderTimeout)
	assert.Positive(t, server.IdleTimeout)
	server.ReadTimeout = 300 * time.Millisecond
	site := httptest.NewUnstartedServer(nil)
	site.Config = server
	site.Start()
	defer site.Close()

	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", site.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // read to its end
	_, err = io.WriteString(conn, "POST /stripe/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	read(t, response).is(http.StatusBadRequest, invalidPayload)
}

func TestWebhookWhenTemporalFails(t *testing.T) {
	t.Parallel()

	t.Run("one that nobody answers for is Stripe's to send again, in time", func(t *testing.T) {
		t.Parallel()
		p := start(t, nil)
		var wg sync.WaitGroup
		for range 10 { // none waits for another
			wg.Go(func() {
				began := time.Now()
				a := p.deliver(succeeded().text())
				a.is(http.StatusServiceUnavailable, unavailable)
				assert.Equal(t, "30", a.header.Get("Retry-After"))
				assert.Less(t, time.Since(began), 9*time.Second)
			})
		}
		wg.Wait()
	})

	t.Run("one that hangs is the same, and one that comes back goes on", func(t *testing.T) {
		t.Parallel()
		p := startIngest(t, nil)
		p.temporal.refuse(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		e := succeeded()
		began := time.Now()
		p.deliver(e.text()).is(http.StatusServiceUnavailable, unavailable)
		assert.Less(t, time.Since(began), 9*time.Second)
		p.temporal.refuse(nil)
		require.Eventually(t, func() bool { return p.deliver(e.text()).status == http.StatusOK }, 20*time.Second, 100*time.Millisecond)
		p.deliver(e.text()).is(http.StatusOK, received(e.id(), "run-1", true))
	})

	t.Run("one that went away and came back goes on", func(t *testing.T) {
		t.Parallel()
		p := startIngest(t, nil)
		require.Equal(t, http.StatusOK, p.deliver(succeeded().text()).status)
		p.temporal.down()
		e := succeeded()
		p.deliver(e.text()).is(http.StatusServiceUnavailable, unavailable)
		p.temporal.up()
		require.Eventually(t, func() bool { return p.deliver(e.text()).status == http.StatusOK }, 20*time.Second, 100*time.Millisecond)
	})

	for code, passing := range map[codes.Code]bool{
		codes.Unavailable: true, codes.ResourceExhausted: true, codes.DeadlineExceeded: true, codes.Canceled: true,
		codes.PermissionDenied: false, codes.Unauthenticated: false, codes.NotFound: false, codes.InvalidArgument: false,
		codes.FailedPrecondition: false, codes.Unimplemented: false, codes.Internal: false,
	} {
		t.Run("that it says "+code.String(), func(t *testing.T) {
			t.Parallel()
			p := startIngest(t, nil)
			p.temporal.refuseWith(code)
			e := succeeded()
			a := p.deliver(e.text())
			if passing {
				a.is(http.StatusServiceUnavailable, unavailable)
				assert.Equal(t, "30", a.header.Get("Retry-After"))
			} else {
				a.is(http.StatusInternalServerError, fields{"error": "Webhook processing failed", "eventId": e.id()}.text())
				assert.Empty(t, a.header.Get("Retry-After"))
			}
			lines := p.logs.about(t, e.id())
			require.Len(t, lines, 1, "one log line names the event")
			assert.Equal(t, "ERROR", lines[0]["level"])
			assert.NotEmpty(t, lines[0]["error"])
		})
	}
}

func zipped(text string) string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return packed.String()
}
