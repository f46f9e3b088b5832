package ledger_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// world is a ledger of whose answers and events every object is held against Stripe's description.
type world struct {
	t *testing.T
	*ledger.Ledger
	told map[string]bool // the events that have been looked at
}

func newWorld(t *testing.T) *world {
	t.Helper()
	l, err := ledger.Open(ledger.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return &world{t: t, Ledger: l, told: map[string]bool{}}
}

// params are what the API makes of a form, written as names and values: "amount", "1000", "currency", "usd".
func (w *world) params(pattern string, form ...string) wire.Object {
	w.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	method, path, _ := strings.Cut(pattern, " ")
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if method != http.MethodPost {
		r = httptest.NewRequestWithContext(w.t.Context(), method, path+"?"+values.Encode(), http.NoBody)
	}
	params, refusal := wire.Describe(pattern).Params(r)
	require.Nil(w.t, refusal, "%v", refusal)
	return params
}

// try makes one call of the API. id is the variable in its path.
func (w *world) try(pattern, id string, form ...string) (wire.Object, *wire.Error) {
	w.t.Helper()
	in := ledger.Input{ID: id, Params: w.params(pattern, form...)}
	return w.act(func(x *ledger.Tx) (wire.Object, *wire.Error) {
		made, refusal := ledger.Calls()[pattern](x, in)
		if refusal != nil {
			return nil, refusal
		}
		return x.RenderAll(made, "", in.Params.Texts("expand"))
	})
}

// call makes one call of the API, which must be possible, and returns what the API shows.
func (w *world) call(pattern, id string, form ...string) wire.Object {
	w.t.Helper()
	made, refusal := w.try(pattern, id, form...)
	require.Nil(w.t, refusal, "%s: %v", pattern, refusal)
	w.check(made)
	return made
}

// refused makes one call of the API, which must not be possible.
func (w *world) refused(pattern, id string, form ...string) *wire.Error {
	w.t.Helper()
	_, refusal := w.try(pattern, id, form...)
	require.NotNil(w.t, refusal, pattern)
	return refusal
}

// act lets something happen in the world, such as a customer who pays.
func (w *world) act(change func(*ledger.Tx) (wire.Object, *wire.Error)) (made wire.Object, refusal *wire.Error) {
	refusal = w.Do(ledger.Cause{RequestID: "req_1"}, func(x *ledger.Tx) (refusal *wire.Error) {
		made, refusal = change(x)
		return refusal
	})
	return made, refusal
}

// must is act for what must be possible.
func (w *world) must(change func(*ledger.Tx) (wire.Object, *wire.Error)) wire.Object {
	w.t.Helper()
	made, refusal := w.act(change)
	require.Nil(w.t, refusal, "%v", refusal)
	return made
}

// see reads an object as the API shows it.
func (w *world) see(id string) (o wire.Object) {
	w.t.Helper()
	w.View(func(x *ledger.Tx) { o = x.Render(x.Read(id), "") })
	w.check(o)
	return o
}

// wait lets time pass.
func (w *world) wait(d time.Duration) { w.Advance(d) }

// news are the types of the events since it was last asked, oldest first.
func (w *world) news() []string {
	w.t.Helper()
	var types []string
	for _, event := range w.events() {
		types = append(types, event.Text("type"))
	}
	return types
}

// events are those since it was last asked, oldest first.
func (w *world) events() (fresh []wire.Object) {
	w.t.Helper()
	w.View(func(x *ledger.Tx) {
		for event := range x.Every("event") {
			if w.told[event.ID()] {
				break
			}
			fresh = append(fresh, x.Render(event, ""))
		}
	})
	slices.Reverse(fresh)
	for _, event := range fresh {
		w.told[event.ID()] = true
		w.check(event)
		w.check(event.Sub("data").Sub("object"))
	}
	return fresh
}

// check holds an object, or each of a list's, against Stripe's description.
func (w *world) check(o wire.Object) {
	w.t.Helper()
	if o.Kind() == "list" {
		for _, each := range o.List("data") {
			w.check(each)
		}
		return
	}
	if o.Bool("deleted") {
		return // a stub of three fields
	}
	require.NoError(w.t, wire.Check(o), "%s", o.Encode())
}
