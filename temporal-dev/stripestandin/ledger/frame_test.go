package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// post is what a ledger has asked to be delivered.
type post struct{ eventID, eventType, endpointID string }

// open makes a ledger and says where its deliveries are listed.
func open(t *testing.T, c ledger.Config) (*ledger.Ledger, *[]post) {
	t.Helper()
	var sent []post
	c.Deliver = func(eventID, eventType, endpointID string) { sent = append(sent, post{eventID, eventType, endpointID}) }
	l, err := ledger.Open(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, &sent
}

// do makes one call of the API, which must be possible.
func do(t *testing.T, l *ledger.Ledger, pattern, id string, params wire.Object) wire.Object {
	t.Helper()
	made, refusal := try(l, pattern, id, params)
	require.Nil(t, refusal, "%v", refusal)
	return made
}

// try makes one call of the API.
func try(l *ledger.Ledger, pattern, id string, params wire.Object) (made wire.Object, refusal *wire.Error) {
	refusal = l.Do(ledger.Cause{RequestID: "req_1", IdempotencyKey: "key_1"}, func(t *ledger.Tx) (refusal *wire.Error) {
		made, refusal = ledger.Calls()[pattern](t, ledger.Input{ID: id, Params: params})
		return refusal
	})
	return made, refusal
}

// tell emits an event about an object that is put into the ledger.
func tell(t *testing.T, l *ledger.Ledger, eventType string, o wire.Object) (event wire.Object) {
	t.Helper()
	require.Nil(t, l.Do(ledger.Cause{RequestID: "req_1"}, func(t *ledger.Tx) *wire.Error {
		event = t.Emit(eventType, t.Put(o))
		return nil
	}))
	return event
}

func refund(id string, status string) wire.Object {
	return wire.Object{"id": id, "object": "refund", "status": status, "amount": int64(5), "_secret": "kept", "charge": "ch_1"}
}

func see(l *ledger.Ledger, id string) (o wire.Object) {
	l.View(func(t *ledger.Tx) { o = t.Read(id) })
	return o
}

func TestAChangeIsMadeWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	l, sent := open(t, ledger.Config{})
	do(t, l, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://a.example/hook", "enabled_events": []any{"*"}})
	half := func(answer *wire.Error) *wire.Error {
		return l.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error {
			t.Emit("refund.created", t.Put(refund("re_1", "pending")))
			return answer
		})
	}
	require.NotNil(t, half(wire.Invalid("", "", "no")))
	assert.Nil(t, see(l, "re_1"))
	assert.Empty(t, *sent)

	require.NotNil(t, half(wire.Declined("card_declined", "", "no")), "a declined card leaves its traces")
	assert.Equal(t, "pending", see(l, "re_1").Text("status"))
	assert.Len(t, *sent, 1)
}

func TestWhatIsReadIsNotChangedByEditing(t *testing.T) {
	t.Parallel()
	l, _ := open(t, ledger.Config{})
	tell(t, l, "refund.created", refund("re_1", "pending"))
	before := see(l, "re_1")
	require.Nil(t, l.Do(ledger.Cause{}, func(x *ledger.Tx) *wire.Error {
		o, refusal := x.Edit("refund", "re_1", "")
		require.Nil(t, refusal)
		o["status"] = "succeeded"
		again, _ := x.Find("refund", "re_1", "")
		assert.Equal(t, "succeeded", again.Text("status"), "seen within the change")
		return nil
	}))
	assert.Equal(t, "pending", before.Text("status"))
	assert.Equal(t, "succeeded", see(l, "re_1").Text("status"))
}

func TestAnEventTellsOfTheObjectAsItWas(t *testing.T) {
	t.Parallel()
	l, sent := open(t, ledger.Config{Livemode: true})
	all := do(t, l, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://a.example/hook", "enabled_events": []any{"*"}})
	do(t, l, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://b.example/hook", "enabled_events": []any{"invoice.paid"}})
	event := tell(t, l, "refund.created", refund("re_1", "pending"))
	tell(t, l, "refund.updated", refund("re_1", "succeeded"))

	event = see(l, event.ID())
	require.NoError(t, wire.Check(event.Public()))
	assert.Equal(t, "2024-06-20", event.Text("api_version"))
	assert.True(t, event.Bool("livemode"))
	assert.Equal(t, wire.Object{"id": "req_1", "idempotency_key": nil}, event.Sub("request"))
	assert.Equal(t, int64(1), event.Int("pending_webhooks"), "only one endpoint wants it")
	told := event.Sub("data").Sub("object")
	assert.Equal(t, "pending", told.Text("status"))
	assert.False(t, told.Has("_secret"), "nobody is told what is private")
	require.Len(t, *sent, 2)
	assert.Equal(t, post{event.ID(), "refund.created", all.ID()}, (*sent)[0])

	t.Run("and an update of what was before", func(t *testing.T) {
		updated := see(l, (*sent)[1].eventID)
		assert.Equal(t, wire.Object{"status": "pending"}, updated.Sub("data").Sub("previous_attributes"))
	})
	t.Run("and is no longer pending once it was taken", func(t *testing.T) {
		l.Delivered(event.ID(), all.ID())
		payload, found := l.Payload(event.ID(), "")
		require.True(t, found)
		assert.Contains(t, string(payload), `"pending_webhooks": 0`)
		_, found = l.Payload("evt_unknown", "")
		assert.False(t, found)
	})
	t.Run("and is forgotten after thirty days", func(t *testing.T) {
		l.Advance(30*24*time.Hour + time.Second)
		assert.Nil(t, see(l, event.ID()))
		assert.NotNil(t, see(l, "re_1"))
		l.Delivered(event.ID(), all.ID()) // late, and of no consequence
	})
}

func TestATwinIsASecondEventOfTheSameChange(t *testing.T) {
	t.Parallel()
	l, _ := open(t, ledger.Config{Twin: func(eventType string) bool { return eventType == "refund.created" }})
	tell(t, l, "refund.created", refund("re_1", "pending"))
	tell(t, l, "refund.failed", refund("re_1", "failed"))
	events := do(t, l, "GET /v1/events", "", wire.Object{}).List("data")
	require.Len(t, events, 3)
	assert.NotEqual(t, events[1].ID(), events[2].ID())
	assert.Equal(t, events[1].Sub("data"), events[2].Sub("data"))
}

func TestEventsAreListedByTypeAndDelivery(t *testing.T) {
	t.Parallel()
	l, sent := open(t, ledger.Config{})
	do(t, l, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://a.example/hook", "enabled_events": []any{"*"}})
	for _, eventType := range []string{"refund.created", "refund.updated", "charge.refunded", "refund.failed"} {
		tell(t, l, eventType, refund("re_1", "pending"))
	}
	l.Delivered((*sent)[0].eventID, (*sent)[0].endpointID)
	types := func(params wire.Object) (found []string) {
		for _, e := range do(t, l, "GET /v1/events", "", params).List("data") {
			found = append(found, e.Text("type"))
		}
		return found
	}
	assert.Equal(t, []string{"refund.failed", "charge.refunded", "refund.updated", "refund.created"}, types(wire.Object{}), "newest first")
	assert.Equal(t, []string{"charge.refunded", "refund.created"}, types(wire.Object{"types": []any{"refund.created", "charge.refunded"}}))
	assert.Equal(t, []string{"refund.failed", "refund.updated", "refund.created"}, types(wire.Object{"type": "refund.*"}))
	assert.Equal(t, []string{"refund.created"}, types(wire.Object{"delivery_success": true}))
	assert.Len(t, types(wire.Object{"delivery_success": false}), 3)
	assert.Equal(t, []string{"refund.failed", "charge.refunded"}, types(wire.Object{"ending_before": (*sent)[1].eventID}))
	_, refusal := try(l, "GET /v1/events", "", wire.Object{"type": "a", "types": []any{"b"}})
	assert.Equal(t, "parameters_exclusive", refusal.Code)
}

func TestListsHavePages(t *testing.T) {
	t.Parallel()
	l, _ := open(t, ledger.Config{})
	for _, id := range []string{"re_1", "re_2", "re_3", "re_4", "re_5"} {
		tell(t, l, "refund.created", refund(id, "pending"))
	}
	page := func(params wire.Object) (ids []string, more bool) {
		list := do(t, l, "GET /v1/events", "", params)
		for _, e := range list.List("data") {
			ids = append(ids, e.Sub("data").Sub("object").ID())
		}
		return ids, list.Bool("has_more")
	}
	eventOf := func(id string) (found string) {
		l.View(func(t *ledger.Tx) {
			for e := range t.Every("event") {
				if e.Sub("data").Sub("object").ID() == id {
					found = e.ID()
				}
			}
		})
		return found
	}
	for name, c := range map[string]struct {
		params wire.Object
		ids    []string
		more   bool
	}{
		"all":                                   {wire.Object{}, []string{"re_5", "re_4", "re_3", "re_2", "re_1"}, false},
		"the first":                             {wire.Object{"limit": 2}, []string{"re_5", "re_4"}, true},
		"what follows one":                      {wire.Object{"limit": 2, "starting_after": eventOf("re_4")}, []string{"re_3", "re_2"}, true},
		"the last":                              {wire.Object{"limit": 2, "starting_after": eventOf("re_2")}, []string{"re_1"}, false},
		"what comes right before one":           {wire.Object{"limit": 2, "ending_before": eventOf("re_2")}, []string{"re_4", "re_3"}, true},
		"all that is before one":                {wire.Object{"limit": 3, "ending_before": eventOf("re_2")}, []string{"re_5", "re_4", "re_3"}, false},
		"nothing before the newest":             {wire.Object{"ending_before": eventOf("re_5")}, nil, false},
		"nothing created after the end of time": {wire.Object{"created": wire.Object{"gt": int64(1 << 40)}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids, more := page(wire.Normalize(c.params))
			assert.Equal(t, c.ids, ids)
			assert.Equal(t, c.more, more)
		})
	}
	for _, params := range []wire.Object{{"limit": int64(0)}, {"limit": int64(101)}, {"starting_after": "evt_unknown"}, {"ending_before": "evt_unknown"}, {"starting_after": "a", "ending_before": "b"}} {
		_, refusal := try(l, "GET /v1/events", "", params)
		require.NotNil(t, refusal, params)
		assert.Equal(t, 400, refusal.Status)
	}
}

func TestAnIDIsExpanded(t *testing.T) {
	t.Parallel()
	l, _ := open(t, ledger.Config{})
	tell(t, l, "charge.succeeded", wire.Object{"id": "ch_1", "object": "charge", "customer": "cus_1", "invoice": nil, "_mood": "good"})
	tell(t, l, "customer.created", wire.Object{"id": "cus_1", "object": "customer", "address": wire.Object{"city": "Bath"}})
	tell(t, l, "refund.created", refund("re_1", "pending"))
	render := func(o wire.Object, paths ...string) (made wire.Object, refusal *wire.Error) {
		l.View(func(t *ledger.Tx) { made, refusal = t.RenderAll(o, "", paths) })
		return made, refusal
	}
	made, refusal := render(see(l, "re_1"), "charge.customer")
	require.Nil(t, refusal)
	assert.Equal(t, "cus_1", made.Sub("charge").Sub("customer").ID())
	assert.False(t, made.Has("_secret"))
	assert.False(t, made.Sub("charge").Has("_mood"))
	assert.Equal(t, "ch_1", see(l, "re_1").Text("charge"), "the ledger's own is as it was")

	made, refusal = render(wire.List("/v1/refunds", false, []wire.Object{see(l, "re_1")}), "data.charge.invoice")
	require.Nil(t, refusal)
	assert.Equal(t, "ch_1", made.List("data")[0].Sub("charge").ID())

	for _, path := range []string{"status", "nothing", "charge.nothing", "a.b.c.d.e.f"} {
		_, refusal := render(see(l, "re_1"), path)
		require.NotNil(t, refusal, path)
		assert.Contains(t, refusal.Message, path)
	}
}

func TestASecretIsRolled(t *testing.T) {
	t.Parallel()
	l, _ := open(t, ledger.Config{})
	made := do(t, l, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://a.example/hook", "enabled_events": []any{"*"}, "api_version": "2025-06-30.basil"})
	require.NoError(t, wire.Check(made.Public()))
	old := made.Text("secret")
	require.NotEmpty(t, old)
	assert.Empty(t, do(t, l, "GET /v1/webhook_endpoints/{webhook_endpoint}", made.ID(), nil).Text("secret"), "it is shown once")

	require.Nil(t, l.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error { return t.RollSecret(made.ID(), "whsec_new", time.Hour) }))
	e, ok := l.Endpoint(made.ID())
	require.True(t, ok)
	assert.Equal(t, ledger.Endpoint{URL: "http://a.example/hook", Secrets: []string{"whsec_new", old}, APIVersion: "2025-06-30.basil"}, e)
	l.Advance(time.Hour + time.Second)
	e, _ = l.Endpoint(made.ID())
	assert.Equal(t, []string{"whsec_new"}, e.Secrets)

	require.Nil(t, l.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error { return t.RollSecret(made.ID(), "whsec_newest", 0) }))
	e, _ = l.Endpoint(made.ID())
	assert.Equal(t, []string{"whsec_newest"}, e.Secrets)
}

func TestAnEndpointCanBeChangedDisabledAndDeleted(t *testing.T) {
	t.Parallel()
	const one = "POST /v1/webhook_endpoints/{webhook_endpoint}"
	l, sent := open(t, ledger.Config{})
	made := do(t, l, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://a.example/hook", "enabled_events": []any{"*"}})
	do(t, l, one, made.ID(), wire.Object{"url": "https://b.example/hook", "metadata": wire.Object{"a": "b"}})
	e, _ := l.Endpoint(made.ID())
	assert.Equal(t, "https://b.example/hook", e.URL)
	for _, url := range []string{"b.example", "ftp://b.example", "http://"} {
		_, refusal := try(l, one, made.ID(), wire.Object{"url": url})
		require.NotNil(t, refusal, url)
		_, refusal = try(l, "POST /v1/webhook_endpoints", "", wire.Object{"url": url, "enabled_events": []any{"*"}})
		require.NotNil(t, refusal, url)
	}
	do(t, l, one, made.ID(), wire.Object{"disabled": true})
	_, ok := l.Endpoint(made.ID())
	assert.False(t, ok)
	tell(t, l, "refund.created", refund("re_1", "pending"))
	assert.Empty(t, *sent)
	assert.Equal(t, true, do(t, l, "DELETE /v1/webhook_endpoints/{webhook_endpoint}", made.ID(), nil)["deleted"])
	_, refusal := try(l, "GET /v1/webhook_endpoints/{webhook_endpoint}", made.ID(), nil)
	require.NotNil(t, refusal)
	assert.Equal(t, 404, refusal.Status)
}

func TestNothingIsLostBetweenRuns(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "stripe.jsonl")
	first, sent := open(t, ledger.Config{File: file})
	endpoint := do(t, first, "POST /v1/webhook_endpoints", "", wire.Object{"url": "http://a.example/hook", "enabled_events": []any{"*"}})
	tell(t, first, "refund.created", refund("re_1", "pending"))
	tell(t, first, "refund.updated", refund("re_1", "succeeded"))
	tell(t, first, "refund.created", refund("re_2", "pending"))
	first.Delivered((*sent)[0].eventID, endpoint.ID())
	first.Advance(24 * time.Hour)
	before := first.Now()
	torn, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = torn.WriteString(`{"offset":0,"ids":["re_1"],"objects":{"re_1":{"id":`) // a line that a kill has cut short
	require.NoError(t, err)
	require.NoError(t, torn.Close())

	for range 2 { // the second time from the file that was written anew
		next, again := open(t, ledger.Config{File: file})
		assert.Equal(t, see(first, "re_1"), see(next, "re_1"))
		assert.WithinDuration(t, before, next.Now(), time.Minute)
		assert.Equal(t, do(t, first, "GET /v1/events", "", nil), do(t, next, "GET /v1/events", "", nil), "the order too")
		next.Redeliver()
		assert.Equal(t, (*sent)[1:], *again, "what was not delivered")
		require.NoError(t, next.Close())
	}
}

func TestAFileThatIsNoneIsSaidPlainly(t *testing.T) {
	t.Parallel()
	_, err := ledger.Open(ledger.Config{File: t.TempDir()})
	require.ErrorContains(t, err, "delete it to begin afresh")
}
