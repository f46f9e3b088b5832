package control

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// eventRow is an event as a list shows it.
type eventRow struct {
	ID, Type, When, About string
	Pending               int64
	Delivered             bool
	Attempts              []attemptRow
}

type attemptRow struct {
	courier.Attempt
	Clock string
}

// eventsPage lists events, the newest first: all, those of a type, or those that have not been delivered.
func (k *control) eventsPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found, more := k.list([]string{"event"}, q.Get("q"), q.Get("after"), pageLength)
	body := struct {
		Events      []eventRow
		Undelivered []courier.Delivery
		Next        string
	}{Events: k.eventRows(found, true), Undelivered: k.undelivered()}
	if more {
		body.Next = "/events?" + url.Values{"q": {q.Get("q")}, "after": {found[len(found)-1].ID()}}.Encode()
	}
	k.write(w, r, http.StatusOK, "events", view{Title: "Events", Section: "events", Query: q.Get("q"), Body: body})
}

// undelivered are the latest deliveries that wait or were given up.
func (k *control) undelivered() []courier.Delivery {
	all := k.Courier.Undelivered()
	slices.Reverse(all)
	return all[:min(pageLength, len(all))]
}

func (k *control) eventPage(w http.ResponseWriter, r *http.Request, event wire.Object) {
	body := struct {
		eventRow
		JSON template.HTML
	}{k.eventRows([]wire.Object{event}, true)[0], linked(event)}
	k.write(w, r, http.StatusOK, "event", view{Title: event.Text("type"), Section: "events", Body: body})
}

// eventsOf are the events that tell of an object, the newest first.
func (k *control) eventsOf(id string) (found []wire.Object) {
	k.Ledger.View(func(t *ledger.Tx) {
		for e := range t.Every("event") {
			if e.Sub("data").Sub("object").ID() == id && len(found) < pageLength {
				found = append(found, e)
			}
		}
	})
	return found
}

func (k *control) eventRows(events []wire.Object, attempts bool) []eventRow {
	byEvent := map[string][]attemptRow{}
	if attempts && len(events) > 0 {
		ids := make([]string, 0, len(events))
		for _, e := range events {
			ids = append(ids, e.ID())
		}
		for _, a := range k.Courier.Attempts(ids...) {
			byEvent[a.EventID] = append(byEvent[a.EventID], attemptRow{a, a.At.Format("15:04:05")})
		}
	}
	rows := make([]eventRow, 0, len(events))
	for _, e := range events {
		pending := e.Int("pending_webhooks")
		rows = append(rows, eventRow{
			ID: e.ID(), Type: e.Text("type"), When: clock(e.Int("created")), About: e.Sub("data").Sub("object").ID(),
			Pending: pending, Delivered: pending == 0, Attempts: byEvent[e.ID()],
		})
	}
	return rows
}

func (k *control) resendForm(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	to := k.resendTo(id, "")
	http.Redirect(w, r, "/objects/"+url.PathEscape(id)+"?done="+url.QueryEscape(fmt.Sprintf("Sent again to %d endpoints.", len(to))), http.StatusSeeOther)
}

func (k *control) retryForm(w http.ResponseWriter, r *http.Request) {
	done := fmt.Sprintf("%d deliveries did not wait any longer.", k.hasten())
	http.Redirect(w, r, "/events?done="+url.QueryEscape(done), http.StatusSeeOther)
}
