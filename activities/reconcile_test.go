package activities_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/internal/pgtest"
	"twigz/models"
)

// watchtower is a Reconciler, with the world that it compares.
type watchtower struct {
	*activities.Reconciler
	t       *testing.T
	events  []string // Stripe's, JSON, newest first; listed in pages of two
	from    []time.Time
	broken  map[string]error // by event, payment or workflow: what asking about it comes to
	started []string
	there   map[string]bool // workflows that were there before
	cases   []string
	logs    *bytes.Buffer
}

func newWatchtower(t *testing.T) *watchtower {
	t.Helper()
	w := &watchtower{t: t, broken: map[string]error{}, there: map[string]bool{}, logs: new(bytes.Buffer)}
	w.Reconciler = &activities.Reconciler{
		Stripe: served(t, w.list), DB: open(t, pgtest.NewURL(t)), Log: slog.New(slog.NewJSONHandler(w.logs, nil)),
		Start: func(_ context.Context, e models.Event) (handled, started bool, err error) {
			if err := w.broken[e.ID]; err != nil {
				return false, false, err
			}
			if e.Mode == "setup" {
				return false, false, nil
			}
			w.started = append(w.started, e.ID)
			return true, !w.there[e.ID], nil
		},
		OpenCase: func(_ context.Context, paymentID string) error {
			w.cases = append(w.cases, paymentID)
			return w.broken[paymentID]
		},
		Running: func(_ context.Context, workflowID string) (bool, error) {
			return w.there[workflowID], w.broken[workflowID]
		},
	}
	return w
}

func (w *watchtower) list(out http.ResponseWriter, r *http.Request) {
	since, err := strconv.ParseInt(r.FormValue("created[gte]"), 10, 64)
	if err != nil || r.URL.Path != "/v1/events" || r.FormValue("limit") != "100" {
		out.WriteHeader(http.StatusBadRequest)
		return
	}
	rest, after := w.events, r.FormValue("starting_after")
	if after == "" {
		w.from = append(w.from, time.Unix(since, 0))
	}
	for i, e := range w.events {
		if after != "" && strings.Contains(e, `"id":"`+after+`"`) {
			rest = w.events[i+1:]
		}
	}
	_, _ = fmt.Fprintf(out, `{"object":"list","url":"/v1/events","has_more":%t,"data":[%s]}`, len(rest) > 2, strings.Join(rest[:min(2, len(rest))], ","))
}

// listed is an event as Stripe lists it.
func listed(id, kind, object string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2025-06-30.basil","created":1718000000,"livemode":false,"type":%q,`+
		`"pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"data":{"object":%s}}`, id, kind, object)
}

func succeededEvent(id string) string {
	return listed(id, "payment_intent.succeeded", `{"id":"pi_1","object":"payment_intent","amount":1599,"metadata":{"paymentId":"pay_1"}}`)
}

func (w *watchtower) reconcile() (activities.ReconcileResult, error) {
	w.t.Helper()
	return run[activities.ReconcileResult](w.t, w.Reconciler, w.ReconcileEvents, nil)
}

func (w *watchtower) mustReconcile() activities.ReconcileResult {
	w.t.Helper()
	got, err := w.reconcile()
	require.NoError(w.t, err)
	return got
}

func (w *watchtower) cursor(name string) time.Time {
	w.t.Helper()
	at, err := w.DB.Cursor(w.t.Context(), name)
	require.NoError(w.t, err)
	return at
}

func (w *watchtower) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.DB.SQL().ExecContext(w.t.Context(), query, args...)
	require.NoError(w.t, err)
}

func TestReconcileEvents(t *testing.T) {
	t.Parallel()

	t.Run("starts what never came, the oldest first, from every page", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		for i := 5; i > 0; i-- {
			w.events = append(w.events, succeededEvent(fmt.Sprint("evt_", i)))
		}
		w.there["evt_3"] = true
		got := w.mustReconcile()
		assert.Equal(t, activities.ReconcileResult{Seen: 5, Missing: 5, Started: 4}, got, "of one, the workflow has not come to record it yet")
		assert.Equal(t, []string{"evt_1", "evt_2", "evt_3", "evt_4", "evt_5"}, w.started)
		assert.Contains(t, w.logs.String(), `"event_id":"evt_1"`)
	})

	t.Run("reads a listed event as one that was delivered", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		var got models.Event
		w.Start = func(_ context.Context, e models.Event) (handled, started bool, err error) {
			got = e
			return true, true, nil
		}
		w.events = []string{listed("evt_1", "refund.updated", `{"id":"re_1","object":"refund","amount":500,"currency":"usd","charge":"ch_1","payment_intent":"pi_1","status":"failed"}`)}
		w.mustReconcile()
		assert.Equal(t, models.Event{
			ID: "evt_1", Type: "refund.updated", Created: 1718000000, APIVersion: "2025-06-30.basil", ChargeID: "ch_1", PaymentIntentID: "pi_1",
			Refund: &models.RefundFacts{ID: "re_1", Status: models.RefundFailed, Amount: 500, Currency: "usd"},
		}, got)
	})

	t.Run("leaves alone what is nobody's, another's, recorded, or waiting already", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.exec("INSERT INTO payments (id, kind, state, livemode) VALUES ('pay_1', 'order', 'failed', false)")
		w.exec("INSERT INTO stripe_events (id, type, livemode, created, payment_id, outcome) VALUES ('evt_recorded', 'x', false, now(), 'pay_1', 'x')")
		w.exec("INSERT INTO inbox (workflow_id, workflow_type, input) VALUES ('evt_waiting', 'FulfillOrder', '{}')")
		w.events = []string{
			succeededEvent("evt_missing"), succeededEvent("evt_recorded"), succeededEvent("evt_waiting"),
			strings.Replace(succeededEvent("evt_live"), `"livemode":false`, `"livemode":true`, 1),
			strings.Replace(succeededEvent("evt_connect"), `"object":"event"`, `"object":"event","account":"acct_1"`, 1),
			listed("evt_setup", "checkout.session.completed", `{"id":"cs_1","object":"checkout.session","mode":"setup"}`),
			listed("evt_customer", "customer.created", `{"id":"cus_1","object":"customer"}`),
		}
		assert.Equal(t, activities.ReconcileResult{Seen: 7, Missing: 1, Started: 1}, w.mustReconcile())
		assert.Equal(t, []string{"evt_missing"}, w.started)
	})

	t.Run("counts and logs what it cannot read, and goes on", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.events = []string{
			listed("evt_odd", "payment_intent.succeeded", `{"id":5,"object":"payment_intent","receipt_email":"eve@example.com"}`),
			strings.Replace(succeededEvent("evt_empty"), `"data":`, `"nothing":`, 1),
			succeededEvent("evt_1"),
		}
		assert.Equal(t, activities.ReconcileResult{Seen: 3, Missing: 1, Started: 1, Unreadable: 2}, w.mustReconcile())
		assert.Contains(t, w.logs.String(), `"event_id":"evt_odd"`)
		assert.NotContains(t, w.logs.String(), customerEmail)
		assert.False(t, w.cursor(models.CursorEvents).IsZero(), "no later listing could read it either")
	})
}

func TestWhereAListingBegins(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	for _, c := range []struct {
		name    string
		reached time.Duration // ago; 0: never
		want    time.Duration // ago
		lost    bool
	}{
		{"an hour back the first time, and not with a shop's past", 0, time.Hour, false},
		{"an hour before the last listing", 10 * time.Minute, 70 * time.Minute, false},
		{"no further back than Stripe lists", month - time.Minute, month, false},
		{"no further back than Stripe lists, and it tells what was lost", 2 * month, month, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWatchtower(t)
			began := time.Now()
			if c.reached != 0 {
				require.NoError(t, w.DB.MoveCursor(t.Context(), models.CursorEvents, began.Add(-c.reached)))
			}
			w.mustReconcile()
			require.Len(t, w.from, 1)
			assert.WithinDuration(t, began.Add(-c.want), w.from[0], 10*time.Second)
			assert.WithinDuration(t, began, w.cursor(models.CursorEvents), 10*time.Second)
			assert.Equal(t, c.lost, strings.Contains(w.logs.String(), "no longer lists"))
		})
	}
}

func TestTheCursorStaysUntilEverythingIsStarted(t *testing.T) {
	t.Parallel()

	t.Run("when one cannot be started the others are", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.events = []string{succeededEvent("evt_3"), succeededEvent("evt_2"), succeededEvent("evt_1")}
		w.broken["evt_1"] = errors.New("temporal is away")
		_, err := w.reconcile()
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Equal(t, "start evt_1: temporal is away", failure.Message())
		assert.Equal(t, []string{"evt_2", "evt_3"}, w.started)
		assert.True(t, w.cursor(models.CursorEvents).IsZero())

		delete(w.broken, "evt_1")
		w.mustReconcile()
		assert.Contains(t, w.started, "evt_1")
		assert.False(t, w.cursor(models.CursorEvents).IsZero())
	})

	t.Run("when none can be started not all are tried", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		for i := range 30 {
			id := fmt.Sprint("evt_", i)
			w.events, w.broken[id] = append(w.events, succeededEvent(id)), errors.New("temporal is away")
		}
		_, err := w.reconcile()
		assert.Equal(t, 10, strings.Count(application(t, err).Message(), "temporal is away"))
	})

	t.Run("when a page does not come", func(t *testing.T) {
		t.Parallel()
		for answer, text := range map[string]string{
			"{}":     "list events: the answer is not Stripe's",
			"null":   "list events: the answer is not Stripe's",
			"<html>": "list events: Stripe cannot be reached",
			`{"object":"list","url":"/v1/events","has_more":true,"data":[]}`:     "list events: the answer is not Stripe's",
			`{"object":"list","url":"/v1/events","has_more":true,"data":[{}]}`:   "list events: the answer is not Stripe's",
			`{"object":"list","url":"/v1/events","has_more":true,"data":[null]}`: "list events: the answer is not Stripe's",
		} {
			w := newWatchtower(t)
			w.Stripe = answering(t, 200, nil, answer)
			_, err := w.reconcile()
			assert.Equal(t, text, application(t, err).Message(), answer)
			assert.True(t, w.cursor(models.CursorEvents).IsZero(), answer)
		}
	})

	t.Run("when the database is away", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		require.NoError(t, w.DB.Close())
		_, err := w.reconcile()
		assert.False(t, application(t, err).NonRetryable())
	})
}

// plant makes a payment that succeeded ten minutes ago.
func (w *watchtower) plant(id, change string) {
	w.t.Helper()
	w.exec(`INSERT INTO payments (id, kind, state, amount, amount_received, livemode, updated_at)
		VALUES ($1, 'order', 'paid', 1599, 1599, false, now() - interval '10 minutes')`, id)
	if change != "" {
		w.exec("UPDATE payments SET "+change+" WHERE id = $1", id)
	}
}

func (w *watchtower) watch() (activities.WatchResult, error) {
	w.t.Helper()
	return run[activities.WatchResult](w.t, w.Reconciler, w.Watch, nil)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	const blocked = "blocked_reason = 'out_of_stock', owner_workflow_id = "

	t.Run("opens a case for everything that nobody deals with, and once", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.there["evt_alive"] = true
		w.plant("pay_without", "")
		w.plant("pay_refunded", "amount_refunded = 1599")
		w.plant("pay_young", "updated_at = now()")
		w.plant("pay_waited_with", blocked+"'evt_alive'")
		w.plant("pay_left_alone", blocked+"'evt_terminated'")
		w.plant("pay_disputed", "amount_refunded = 1599")
		for _, d := range [][3]string{
			{"du_1", "pay_disputed", "evt_terminated"},
			{"du_2", "pay_disputed", "evt_terminated"},
			{"du_3", "pay_left_alone", "evt_terminated"},
			{"du_4", "pay_refunded", "evt_alive"},
		} {
			w.exec("INSERT INTO disputes (id, payment_id, status, owner_workflow_id) VALUES ($1, $2, 'needs_response', $3)", d[0], d[1], d[2])
		}
		got, err := w.watch()
		require.NoError(t, err)
		assert.Equal(t, activities.WatchResult{Without: 1, Opened: 3}, got)
		assert.Equal(t, []string{"pay_without", "pay_left_alone", "pay_disputed"}, w.cases)
		assert.Contains(t, w.logs.String(), `"payment_id":"pay_without","why":"succeeded payment has no outcome"`)
		assert.True(t, w.cursor(models.CursorWatched).IsZero(), "the next look begins where this one did")
	})

	t.Run("releases the stock of checkouts that nobody else releases", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.exec("INSERT INTO customers (id) VALUES ('auth0|7')")
		w.exec("INSERT INTO stores (id, name, email, currency) VALUES ('bakery', 'Corner Bakery', 'orders@bakery.example', 'usd')")
		w.exec("INSERT INTO products (store_id, id, name, unit_amount, stock) VALUES ('bakery', 'loaf', 'Loaf', 450, 8)")
		w.exec(`WITH c AS (INSERT INTO checkouts (id, customer_id, store_id, currency, subtotal, delivery_fee, total, delivery_type, reservation, expires_at)
			VALUES ('pay_1', 'auth0|7', 'bakery', 'usd', 900, 0, 900, 'pickup', 'held', now() - interval '1 hour'))
			INSERT INTO checkout_items (checkout_id, position, product_id, name, unit_amount, quantity) VALUES ('pay_1', 1, 'loaf', 'Loaf', 450, 2)`)
		for _, want := range []activities.WatchResult{{Released: 1}, {}} {
			got, err := w.watch()
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		_, products, err := w.DB.Products(t.Context(), "bakery")
		require.NoError(t, err)
		assert.Equal(t, int64(10), *products[0].Stock)
		assert.Contains(t, w.logs.String(), `"msg":"overdue checkout released","payment_id":"pay_1"`)
	})

	t.Run("ends what was kept for a while after a payment failed, once, and has it told", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.Grace = 24 * time.Hour
		w.Announce = &models.Announce{WorkflowType: "DeliverWebhook", WorkflowID: func(id string) string { return "webhook-" + id }}
		w.exec("INSERT INTO customers (id) VALUES ('auth0|7'), ('auth0|8')")
		w.exec(`INSERT INTO grants (customer_id, content, access_until) VALUES
			('auth0|7', '{"status":"past_due","access":true}', now() - interval '1 second'), ('auth0|8', '{"status":"past_due","access":true}', now() + interval '1 hour')`)
		for _, want := range []activities.WatchResult{{Ended: 1}, {}} {
			got, err := w.watch()
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		var told int
		require.NoError(t, w.DB.SQL().QueryRowContext(t.Context(), `SELECT count(*) FROM outgoing_messages JOIN inbox ON workflow_id = 'webhook-' || id
			WHERE customer_id = 'auth0|7' AND workflow_type = 'DeliverWebhook'`).Scan(&told))
		assert.Equal(t, 1, told)
	})

	t.Run("remembers up to when everything was well", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.plant("pay_refunded", "amount_refunded = 1599")
		got, err := w.watch()
		require.NoError(t, err)
		assert.Equal(t, activities.WatchResult{}, got)
		assert.WithinDuration(t, time.Now().Add(-5*time.Minute), w.cursor(models.CursorWatched), 10*time.Second)
	})

	t.Run("looks at every blocked payment, however many there are", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.exec(`INSERT INTO payments (id, kind, state, amount_received, livemode, blocked_reason, owner_workflow_id)
			SELECT 'pay_' || n, 'order', 'paid', 5, false, 'out_of_stock', CASE n WHEN 1150 THEN 'evt_terminated' ELSE 'evt_alive' END FROM generate_series(1, 1200) AS n`)
		w.there["evt_alive"] = true
		got, err := w.watch()
		require.NoError(t, err)
		assert.Equal(t, activities.WatchResult{Opened: 1}, got)
		assert.Equal(t, []string{"pay_1150"}, w.cases)
	})

	t.Run("is not kept from the others by one that goes wrong", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		w.plant("pay_1", "")
		w.plant("pay_2", "")
		w.plant("pay_3", blocked+"'evt_unknown'")
		w.plant("pay_4", blocked+"'evt_terminated'")
		w.broken["pay_1"], w.broken["evt_unknown"] = errors.New("temporal is away"), errors.New("temporal is away")
		_, err := w.watch()
		failure := application(t, err)
		assert.False(t, failure.NonRetryable())
		assert.Equal(t, "open case of pay_1: temporal is away\nlook for evt_unknown: temporal is away", failure.Message())
		assert.Equal(t, []string{"pay_1", "pay_2", "pay_4"}, w.cases)
	})

	t.Run("asks a Temporal that is away a few times only", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		for i := range 30 {
			id := fmt.Sprint("pay_", i)
			w.plant(id, "")
			w.broken[id] = errors.New("temporal is away")
		}
		_, err := w.watch()
		require.Error(t, err)
		assert.Len(t, w.cases, 10)
	})

	t.Run("passes when the database is away", func(t *testing.T) {
		t.Parallel()
		w := newWatchtower(t)
		require.NoError(t, w.DB.Close())
		_, err := w.watch()
		assert.False(t, application(t, err).NonRetryable())
	})
}
