package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twigz/models"
	"twigz/workflows"
)

const nothingSubscribed = `{"status":"none"}`

// gold is a subscription of Stripe's customer cus_1; customerID is whose it says to
// be, "" nobody's.
func gold(customerID, status string) models.BillingFacts {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends := begun.AddDate(0, 1, 0)
	return models.BillingFacts{
		Customer: models.StripeCustomerFacts{ID: "cus_1", Email: "eve@example.com", Card: models.Card{Brand: "visa", Last4: "4242"}},
		Subscriptions: []models.SubscriptionFacts{{
			ID: "sub_1", CustomerID: customerID, Status: status, Currency: "usd", LatestInvoiceID: "in_1",
			Items: []models.SubscriptionItem{{
				ID: "si_1", PriceID: "price_gold", ProductID: "prod_gold", ProductName: "Gold", Tier: "gold",
				Quantity: 1, UnitAmount: 900, Currency: "usd", Interval: "month", IntervalCount: 1,
			}},
			PeriodStart: &begun, PeriodEnd: &ends, StartedAt: begun,
		}},
		Invoices: []models.InvoiceFacts{{
			ID: "in_1", SubscriptionID: "sub_1", Number: "A-1", Status: "paid", Currency: "usd", Subtotal: 900, Total: 900, AmountDue: 900,
			AmountPaid: 900, PaymentIntentID: "pi_gold", PeriodStart: &begun, PeriodEnd: &ends, FinalizedAt: &begun, PaidAt: &begun, MadeAt: begun,
		}},
	}
}

// looks keeps what Stripe says of a customer, as a worker does.
func (w whole) looks(says models.BillingFacts) {
	w.t.Helper()
	look := models.SyncLook{StripeCustomerID: says.Customer.ID, Holder: fmt.Sprint("evt_look_", serial.Add(1))}
	turn, err := w.db.WantSync(w.t.Context(), models.SyncWant{StripeCustomerID: look.StripeCustomerID, Holder: look.Holder})
	require.NoError(w.t, err)
	require.True(w.t, turn.Mine)
	generation, mine, err := w.db.BeginSync(w.t.Context(), look)
	require.NoError(w.t, err)
	require.True(w.t, mine)
	kept, err := w.db.KeepSync(w.t.Context(), models.KeptSync{SyncLook: look, Generation: generation, Facts: says})
	require.NoError(w.t, err)
	require.False(w.t, kept.Lost)
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	w := startWhole(t, nil)
	get := func(customer string) answer { return w.call(http.MethodGet, "/subscription", "", as(t, customer)...) }

	t.Run("is none before there is one", func(t *testing.T) {
		get(eve).is(http.StatusOK, nothingSubscribed)
	})
	w.looks(gold(eve, "active"))
	t.Run("is as Stripe says", func(t *testing.T) {
		shown := get(eve).object()
		for name, want := range map[string]any{
			"status": "active", "subscriptionId": "sub_1", "priceId": "price_gold", "tier": "gold", "access": true, "cancelAtPeriodEnd": false,
			"currentPeriodEnd": "2026-02-01T00:00:00Z", "paymentMethod": map[string]any{"brand": "visa", "last4": "4242"}, "tiers": []any{"gold"},
		} {
			assert.Equal(t, want, shown[name], name)
		}
		assert.Len(t, shown["subscriptions"], 1)
	})
	t.Run("is nobody else's", func(t *testing.T) {
		get("mallory").is(http.StatusOK, nothingSubscribed)
		for _, path := range []string{"/subscription", "/subscription/events"} {
			w.call(http.MethodGet, path, "").is(http.StatusUnauthorized, unauthorizedBody)
			w.call(http.MethodGet, path, "", bearerOf(supportToken)...).is(http.StatusUnauthorized, unauthorizedBody)
		}
	})
}

func TestSubscriptionEvents(t *testing.T) {
	t.Parallel()

	t.Run("come at once and at each change, of which there may always be another", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		stream := w.listenTo("subscription", "/subscription/events", as(t, eve)...)
		assert.Equal(t, "text/event-stream", stream.response.Header.Get("Content-Type"))
		stream.is("none")
		for _, status := range []string{"trialing", "active", "canceled", "active"} {
			w.looks(gold(eve, status))
			stream.is(status)
		}
	})
	t.Run("say what the plain call says", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.looks(gold(eve, "active"))
		event, ok := w.listenTo("subscription", "/subscription/events", as(t, eve)...).next()
		require.True(t, ok)
		w.call(http.MethodGet, "/subscription", "", as(t, eve)...).is(http.StatusOK, event["data"])
	})
	t.Run("are not repeated to who was cut off, but for what they missed", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.looks(gold(eve, "active"))
		first := w.listenTo("subscription", "/subscription/events", as(t, eve)...)
		has := first.is("active")
		first.leave()
		again := w.listenTo("subscription", "/subscription/events", append([]string{"Last-Event-ID", has}, as(t, eve)...)...)
		w.looks(gold(eve, "past_due"))
		again.is("past_due")
		w.listenTo("subscription", "/subscription/events?after="+has, as(t, eve)...).is("past_due")
	})
	t.Run("tell both of what was one's and becomes another's", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.looks(gold(eve, "active"))
		hers := w.listenTo("subscription", "/subscription/events", as(t, eve)...)
		his := w.listenTo("subscription", "/subscription/events", as(t, "adam")...)
		hers.is("active")
		his.is("none")
		w.looks(gold("adam", "active"))
		hers.is("none")
		his.is("active")
	})
	t.Run("tell of an invoice that is another, though the subscription is not", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		open := gold(eve, "canceled")
		open.Invoices[0].Status = "open"
		w.looks(open)
		stream := w.listenTo("subscription", "/subscription/events", as(t, eve)...)
		event, ok := stream.next()
		require.True(t, ok)
		require.Contains(t, event["data"], `"status":"open"`)
		w.looks(gold(eve, "canceled"))
		event, ok = stream.next()
		require.True(t, ok)
		assert.NotContains(t, event["data"], `"status":"open"`)
	})
	t.Run("tell of access that ends by time alone", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.looks(gold(eve, "active"))
		_, err := w.db.SQL().ExecContext(t.Context(), "UPDATE subscriptions SET status = 'past_due', grace_until = now() + interval '1 second', current_period_start = now()")
		require.NoError(t, err)
		stream := w.listenTo("subscription", "/subscription/events", as(t, eve)...)
		event, ok := stream.next()
		require.True(t, ok)
		require.Contains(t, event["data"], `"access":true`)
		_, err = w.db.SQL().ExecContext(t.Context(), "UPDATE grants SET access_until = now() - interval '1 second'")
		require.NoError(t, err)
		changed, err := w.db.EndGrace(t.Context(), 0, nil)
		require.NoError(t, err)
		require.Equal(t, 1, changed)
		for ok && strings.Contains(event["data"], `"access":true`) {
			event, ok = stream.next()
		}
		assert.Contains(t, event["data"], `"access":false`)
	})
	t.Run("end after a while, to be opened again", func(t *testing.T) {
		t.Parallel()
		w, s := streaming(t, func(s *server, _ *http.Server) { s.streams.longest = 200 * time.Millisecond })
		stream := w.listenTo("subscription", "/subscription/events", as(t, eve)...)
		stream.is("none")
		stream.ends()
		assert.Zero(t, s.payments.Streams())
	})
}

// opens does what a worker would: Stripe makes a page for the first wish under an ID.
func (w whole) opens(_ context.Context, workflowID string) (any, error) {
	return workflows.Page{URL: pageOf(workflowID), Asked: w.wish(workflowID)}, nil
}

func pageOf(workflowID string) string { return "https://stripe.example/" + workflowID }

// wish is what a workflow was started with.
func (w whole) wish(workflowID string) workflows.PageInput {
	w.t.Helper()
	var in workflows.PageInput
	for _, start := range w.temporal.started() {
		if start.GetWorkflowId() == workflowID {
			require.NoError(w.t, json.Unmarshal(start.GetInput().GetPayloads()[0].GetData(), &in))
		}
	}
	return in
}

// startPages is the program with a worker that has Stripe open pages.
func startPages(t *testing.T, changes map[string]string) whole {
	t.Helper()
	w := startWhole(t, changes)
	w.temporal.works(w.opens)
	return w
}

// toSubscribe is the least that a customer says who wants to subscribe.
var toSubscribe = fields{"mode": "subscription", "priceId": "price_gold"}

func (w whole) openPortal(body string, headers ...string) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/billing/portal", body, append(headers, as(w.t, eve)...)...)
}

func TestSubscribing(t *testing.T) {
	t.Parallel()
	w := startPages(t, map[string]string{"PUBLIC_URL": "https://shop.example", "CORS_ORIGINS": "https://app.example"})
	for _, c := range []struct {
		name string
		body fields
		want workflows.PageInput
	}{
		{
			"to one of it leads back to our own page", toSubscribe,
			workflows.PageInput{Quantity: 1, SuccessURL: "https://shop.example/shop?subscribed=1", CancelURL: "https://shop.example/shop"},
		},
		{
			"to several leads back to a page of the shop's", toSubscribe.with(fields{"quantity": 10_000, "successUrl": "https://app.example/ok?s={CHECKOUT_SESSION_ID}", "cancelUrl": "https://shop.example/"}),
			workflows.PageInput{Quantity: 10_000, SuccessURL: "https://app.example/ok?s={CHECKOUT_SESSION_ID}", CancelURL: "https://shop.example/"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			a := w.checkOut("session", c.body)
			require.Equal(t, http.StatusOK, a.status, a.body)
			started := w.temporal.started()
			start := started[len(started)-1]
			a.is(http.StatusOK, fields{"url": pageOf(start.GetWorkflowId())}.text())
			assert.Equal(t, "OpenPage", start.GetWorkflowType().GetName())
			assert.Equal(t, "fulfillment", start.GetTaskQueue().GetName())
			assert.NotContains(t, start.GetWorkflowId(), "auth0", "an ID of somebody else's is not shown")
			assert.Equal(t, map[string]any{"CustomerID": eve}, decoded(t, start.GetSearchAttributes().GetIndexedFields()))

			wish := w.wish(start.GetWorkflowId())
			assert.WithinDuration(t, began.Add(pagePatience), time.Unix(wish.ExpiresAt, 0), time.Minute)
			want := c.want
			want.Kind, want.CustomerID, want.PriceID, want.ExpiresAt = workflows.PageSubscribe, eve, "price_gold", wish.ExpiresAt
			assert.Equal(t, want, wish)
		})
	}
}

func TestSubscribingThatCannotBe(t *testing.T) {
	t.Parallel()
	w := startPages(t, map[string]string{"PUBLIC_URL": "https://shop.example"})
	const price, quantity = "Must be the ID of a price, such as price_1Abc", "Must be a whole number from 1 to 10000"
	const foreign = "Must be of the origin of PUBLIC_URL or one of CORS_ORIGINS"
	for _, c := range []struct {
		name        string
		change      fields
		field, want string
	}{
		{"in a mode that nobody knows", fields{"mode": "setup"}, "mode", "Must be payment or subscription"},
		{"in a mode in capitals", fields{"mode": "Subscription"}, "mode", "Must be payment or subscription"},
		{"in a mode that is a number", fields{"mode": 1}, "mode", wrongType},
		{"in the mode of payments, without a store", fields{"mode": "payment"}, "storeId", badID},
		{"without a mode, without a store", fields{"mode": nil}, "storeId", badID},
		{"to nothing", fields{"priceId": nil}, "priceId", price},
		{"to a price that is a number", fields{"priceId": 7}, "priceId", wrongType},
		{"to a price that is too long", fields{"priceId": strings.Repeat("p", 256)}, "priceId", price},
		{"to a price of two lines", fields{"priceId": "price\n1"}, "priceId", price},
		{"to a price with a NUL", fields{"priceId": "price\x00"}, "priceId", price},
		{"to none of it", fields{"quantity": 0}, "quantity", quantity},
		{"to less", fields{"quantity": -1}, "quantity", quantity},
		{"to too many", fields{"quantity": 10_001}, "quantity", quantity},
		{"to half of one", fields{"quantity": 1.5}, "quantity", wrongType},
		{"with another's page to lead to", fields{"successUrl": "https://evil.example/"}, "successUrl", foreign},
		{"with another's page to lead back to", fields{"cancelUrl": "http://shop.example/"}, "cancelUrl", foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.checkOut("session", toSubscribe.with(c.change)).is(http.StatusUnprocessableEntity, unfit(c.field, c.want))
		})
	}
	t.Run("with a key that cannot be", func(t *testing.T) {
		w.checkOut("session", toSubscribe, keyed("")...).
			is(http.StatusUnprocessableEntity, unfit("Idempotency-Key", "Must be 1 to 255 printable ASCII characters"))
	})
	t.Run("by nobody", func(t *testing.T) {
		w.call(http.MethodPost, "/checkout/session", toSubscribe.text()).is(http.StatusUnauthorized, unauthorizedBody)
	})
	assert.Empty(t, w.temporal.started(), "no workflow was started for any of them")
}

func TestBillingPortal(t *testing.T) {
	t.Parallel()
	w := startPages(t, map[string]string{"PUBLIC_URL": "https://shop.example"})
	last := func() string { return w.temporal.started()[len(w.temporal.started())-1].GetWorkflowId() }

	for body, want := range map[string]string{
		"": "https://shop.example/shop", "{}": "https://shop.example/shop", `{"returnUrl":"https://shop.example/me"}`: "https://shop.example/me",
	} {
		t.Run(fmt.Sprintf("is opened with %q", body), func(t *testing.T) {
			w.openPortal(body).is(http.StatusOK, fields{"url": pageOf(last())}.text())
			wish := w.wish(last())
			assert.Equal(t, workflows.PageInput{Kind: workflows.PagePortal, CustomerID: eve, ReturnURL: want, ExpiresAt: wish.ExpiresAt}, wish)
		})
	}
	t.Run("is another page each time, but for the same key", func(t *testing.T) {
		first, second := w.openPortal("").body, w.openPortal("").body
		assert.NotEqual(t, first, second)
		first, second = w.openPortal("", keyed("click")...).body, w.openPortal("", keyed("click")...).body
		assert.Equal(t, first, second)
	})
	t.Run("is not opened with what cannot be", func(t *testing.T) {
		before := len(w.temporal.started())
		w.openPortal("{").is(http.StatusBadRequest, malformed)
		w.openPortal(`{"returnUrl":1}`).is(http.StatusUnprocessableEntity, unfit("returnUrl", wrongType))
		w.openPortal(`{"returnUrl":"https://evil.example/"}`).
			is(http.StatusUnprocessableEntity, unfit("returnUrl", "Must be of the origin of PUBLIC_URL or one of CORS_ORIGINS"))
		w.call(http.MethodPost, "/billing/portal", "").is(http.StatusUnauthorized, unauthorizedBody)
		assert.Len(t, w.temporal.started(), before)
	})
}

func TestTheSameKeyIsTheSamePage(t *testing.T) {
	t.Parallel()
	w := startPages(t, map[string]string{"PUBLIC_URL": "https://shop.example"})

	t.Run("for two clicks at once, and later", func(t *testing.T) {
		answers := make([]string, 4)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = w.checkOut("session", toSubscribe, keyed("click")...).body })
		}
		all.Wait()
		for _, got := range append(answers, w.checkOut("session", toSubscribe.with(fields{"quantity": 1}), keyed("click")...).body) {
			assert.Equal(t, answers[0], got)
		}
		assert.Len(t, w.temporal.started(), 1)
	})
	t.Run("and for something else it is refused", func(t *testing.T) {
		for _, change := range []fields{{"priceId": "price_silver"}, {"quantity": 2}, {"cancelUrl": "https://shop.example/basket"}} {
			w.checkOut("session", toSubscribe.with(change), keyed("click")...).
				is(http.StatusConflict, `{"error":"This Idempotency-Key was used for another request"}`)
		}
	})
	t.Run("and for the portal or another customer it is another key", func(t *testing.T) {
		assert.Equal(t, http.StatusOK, w.openPortal("", keyed("click")...).status)
		a := w.call(http.MethodPost, "/checkout/session", toSubscribe.text(), append(keyed("click"), as(t, "adam")...)...)
		assert.Equal(t, http.StatusOK, a.status, a.body)
		assert.Len(t, w.temporal.started(), 3)
	})
	t.Run("and without one each is its own", func(t *testing.T) {
		first, second := w.checkOut("session", toSubscribe).body, w.checkOut("session", toSubscribe).body
		assert.NotEqual(t, first, second)
	})
}

func TestPagesThatCanNoLongerBeUsed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name string
		kind workflows.PageKind
		ago  time.Duration // since the page was given up, had it not been made
		want error
	}{
		{"one to subscribe on is good for a day", workflows.PageSubscribe, 23 * time.Hour, nil},
		{"and then no longer", workflows.PageSubscribe, 25 * time.Hour, errPageOver},
		{"one of the portal is good for five minutes", workflows.PagePortal, 4 * time.Minute, nil},
		{"and then no longer either", workflows.PagePortal, 6 * time.Minute, errPageOver},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := workflows.PageInput{Kind: c.kind, CustomerID: eve, ExpiresAt: now.Add(pagePatience).Unix()}
			asked := in
			asked.ExpiresAt = now.Add(-c.ago).Unix()
			assert.Equal(t, c.want, answers(workflows.Page{URL: "https://stripe.example/", Asked: asked}, in, now))
		})
	}
	t.Run("are told of", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.temporal.works(func(_ context.Context, workflowID string) (any, error) {
			asked := w.wish(workflowID)
			asked.ExpiresAt -= 2 * 24 * 60 * 60
			return workflows.Page{URL: pageOf(workflowID), Asked: asked}, nil
		})
		w.checkOut("session", toSubscribe, keyed("old")...).is(http.StatusConflict, `{"error":"This page has expired"}`)
	})
}

func TestPagesThatAreNotMade(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[models.Outcome]struct {
		status int
		body   string
	}{
		workflows.PageNoPrice:    {http.StatusUnprocessableEntity, unfit("priceId", "Is no price to subscribe to")},
		workflows.PageSubscribed: {http.StatusConflict, `{"error":"You have this subscription already"}`},
		workflows.PageRefused:    {http.StatusConflict, `{"error":"Stripe does not open such a page"}`},
		workflows.PageExpired:    {http.StatusConflict, `{"error":"This page has expired"}`},
	} {
		t.Run(fmt.Sprintf("because it is %s", outcome), func(t *testing.T) {
			t.Parallel()
			w := startWhole(t, nil)
			w.temporal.works(func(context.Context, string) (any, error) {
				return nil, temporal.NewNonRetryableApplicationError("it was not made", string(outcome), nil)
			})
			w.checkOut("session", toSubscribe).is(want.status, want.body)
		})
	}
	t.Run("because of something that nobody foresaw, are our fault", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.temporal.works(func(context.Context, string) (any, error) { return nil, errors.New("eve@example.com") })
		w.openPortal("").is(http.StatusInternalServerError, `{"error":"Internal error"}`)
	})
	t.Run("while Temporal is away, are made when the same key comes again", func(t *testing.T) {
		t.Parallel()
		w := startPages(t, nil)
		w.temporal.down()
		a := w.checkOut("session", toSubscribe, keyed("click")...)
		a.is(http.StatusServiceUnavailable, `{"error":"Service temporarily unavailable","retryAfter":5}`)
		assert.Equal(t, "5", a.header.Get("Retry-After"))
		w.temporal.up()
		a = w.checkOut("session", toSubscribe, keyed("click")...)
		assert.Equal(t, http.StatusOK, a.status, a.body)
	})
	t.Run("in time, are found by the same key", func(t *testing.T) {
		t.Parallel()
		w := startWhole(t, nil)
		w.temporal.works(func(ctx context.Context, _ string) (any, error) { <-ctx.Done(); return nil, ctx.Err() }) // Stripe is away
		began := time.Now()
		assert.Equal(t, http.StatusServiceUnavailable, w.openPortal("", keyed("click")...).status)
		assert.Less(t, time.Since(began), callTimeout, "the customer is told in time")
		w.temporal.works(w.opens)
		a := w.openPortal("", keyed("click")...)
		assert.Equal(t, http.StatusOK, a.status, a.body)
		assert.Len(t, w.temporal.started(), 1)
	})
}
