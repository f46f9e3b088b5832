package control

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// eventRow is an event as a list shows it.
type eventRow struct {
	ID, Type, When, About, AboutKind string
	State                            chip
}

func (k *control) eventRows(t *ledger.Tx, events []wire.Object) []eventRow {
	undelivered := map[string]courier.Delivery{}
	for _, d := range k.Courier.Undelivered() {
		undelivered[d.EventID] = d
	}
	all := make([]eventRow, 0, len(events))
	for _, e := range events {
		told := e.Sub("data").Sub("object")
		all = append(all, eventRow{
			ID: e.ID(), Type: e.Text("type"), When: clock(e.Int("created")), About: told.ID(), AboutKind: noun(told.Kind()),
			State: delivered(t, e, undelivered[e.ID()]),
		})
	}
	return all
}

// delivered tells how far an event's delivery is. undelivered is one that is not made; the zero one: there is none.
func delivered(t *ledger.Tx, event wire.Object, undelivered courier.Delivery) chip {
	switch {
	case undelivered.State != "":
		return toned(string(undelivered.State))
	case event.Int("pending_webhooks") > 0:
		return toned(string(courier.Waiting))
	}
	for e := range t.Every("webhook_endpoint") {
		if wants(e, event.Text("type")) {
			return chip{"delivered", "good"}
		}
	}
	return chip{"nobody asked for it", ""}
}

// waitingRow is a delivery that was not made yet.
type waitingRow struct {
	courier.Delivery
	How   chip
	URL   string // where it is to go
	Tried string // how often
	When  string // the next attempt; empty: there is none
}

// eventsPage lists what could not be delivered, and then all events, the newest first.
func (k *control) eventsPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var body struct {
		Events      []eventRow
		Undelivered []waitingRow
		More        int // undelivered ones that are not shown
		Next        string
	}
	k.Ledger.View(func(t *ledger.Tx) {
		found, more := list(t, []string{"event"}, q.Get("q"), q.Get("after"), pageLength)
		body.Events = k.eventRows(t, found)
		if more {
			body.Next = "/events?" + url.Values{"q": {q.Get("q")}, "after": {found[len(found)-1].ID()}}.Encode()
		}
		if q.Get("after") == "" && q.Get("q") == "" {
			body.Undelivered, body.More = k.undelivered(t)
		}
	})
	k.write(w, r, http.StatusOK, "events", view{Title: "Events", Here: "events", Query: q.Get("q"), Body: body})
}

// undelivered are the latest deliveries that wait or were lost, and how many others there are.
func (k *control) undelivered(t *ledger.Tx) (all []waitingRow, more int) {
	const shown = 10
	found := k.Courier.Undelivered()
	slices.Reverse(found)
	for _, d := range found[:min(shown, len(found))] {
		row := waitingRow{Delivery: d, How: toned(string(d.State)), URL: urlOf(t, d.EndpointID), Tried: counted(d.Attempts, "attempt", "attempts")}
		if !d.Next.IsZero() {
			row.When = wall(d.Next)
		}
		all = append(all, row)
	}
	return all, max(0, len(found)-shown)
}

// urlOf is where an endpoint is.
func urlOf(t *ledger.Tx, endpointID string) string {
	return cmp.Or(t.Read(endpointID).Text("url"), "an endpoint that is no more")
}

// attemptRow is an attempt as a list shows it.
type attemptRow struct {
	courier.Attempt
	Clock, URL string
}

// attemptsPage lists every attempt, the newest first: all, those that failed, or those at one endpoint.
func (k *control) attemptsPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	before, err := strconv.Atoi(q.Get("before"))
	var body struct {
		Attempts []attemptRow
		Failed   bool
		Next     string
	}
	body.Failed = q.Get("failed") != ""
	found := slices.DeleteFunc(k.Courier.Attempts(), func(a courier.Attempt) bool {
		return err == nil && a.ID >= before || body.Failed && a.Delivered() || q.Get("endpoint") != "" && q.Get("endpoint") != a.EndpointID
	})
	slices.Reverse(found)
	if len(found) > pageLength {
		found = found[:pageLength]
		q.Set("before", strconv.Itoa(found[pageLength-1].ID))
		body.Next = "/attempts?" + q.Encode()
	}
	k.Ledger.View(func(t *ledger.Tx) { body.Attempts = attemptRows(t, found) })
	k.write(w, r, http.StatusOK, "attempts", view{Title: "Attempts", Here: "events", Body: body})
}

func attemptRows(t *ledger.Tx, attempts []courier.Attempt) (all []attemptRow) {
	for _, a := range attempts {
		all = append(all, attemptRow{a, wall(a.At), urlOf(t, a.EndpointID)})
	}
	return all
}

// wall is a time by this machine's clock, which deliveries go by.
func wall(at time.Time) string { return at.UTC().Format("15:04:05.000") }

// addressee is an endpoint that an event was or is to be sent to.
type addressee struct {
	ID, URL, Version string
	State            chip
	When             string // the next attempt; empty: there is none
	Enabled          bool
	Attempts         []attemptRow
}

// eventPage shows an event, and for each endpoint every attempt to deliver it.
func (k *control) eventPage(w http.ResponseWriter, r *http.Request, event wire.Object) {
	var body struct {
		eventRow
		Facts      []said
		Addressees []addressee
		JSON       template.HTML
		Version    string
	}
	body.Version = r.URL.Query().Get("version")
	if wire.CheckVersion(body.Version) != nil {
		body.Version = ""
	}
	k.Ledger.View(func(t *ledger.Tx) {
		body.eventRow = k.eventRows(t, []wire.Object{event})[0]
		body.Facts, body.Addressees = tell(t, event), k.addressees(t, event)
		body.JSON = linked(t, t.Render(event, body.Version))
	})
	k.write(w, r, http.StatusOK, "event", view{Title: event.Text("type"), Here: "events", Body: body})
}

// addressees are the endpoints that an event was sent to, is to be sent to, or could be.
func (k *control) addressees(t *ledger.Tx, event wire.Object) (all []addressee) {
	at := map[string]int{}
	add := func(endpointID string) *addressee {
		i, known := at[endpointID]
		if !known {
			i = len(all)
			at[endpointID] = i
			e := t.Read(endpointID)
			all = append(all, addressee{ID: endpointID, URL: urlOf(t, endpointID), Version: e.Text("api_version"), Enabled: e.Text("status") == "enabled"})
		}
		return &all[i]
	}
	for e := range t.Every("webhook_endpoint") {
		if wants(e, event.Text("type")) {
			add(e.ID())
		}
	}
	for _, a := range attemptRows(t, k.Courier.Attempts(event.ID())) {
		to := add(a.EndpointID)
		to.Attempts = append(to.Attempts, a)
		if a.Delivered() {
			to.State = chip{"delivered", "good"}
		}
	}
	for _, d := range k.Courier.Undelivered() {
		if d.EventID != event.ID() {
			continue
		}
		to := add(d.EndpointID)
		to.State = toned(string(d.State))
		if !d.Next.IsZero() {
			to.When = wall(d.Next)
		}
	}
	return all
}

// resendForm sends an event again, to one endpoint or to all that want it.
func (k *control) resendForm(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	to := k.resend(id, r.PostFormValue("endpoint"))
	done(w, r, "/objects/"+url.PathEscape(id), "resend", len(to))
}

func (k *control) retryForm(w http.ResponseWriter, r *http.Request) {
	done(w, r, "/events", "retry", k.hasten())
}
