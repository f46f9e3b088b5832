package control

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// payments as a whole, which are no acts because they take a whole ledger.Payment.
var (
	pay    = (*ledger.Tx).Pay
	fail   = (*ledger.Tx).Fail
	cancel = (*ledger.Tx).Cancel
)

// settles makes a payment as a whole, and answers with the event that tells of it.
func (k *control) settles(eventType string, do func(*ledger.Tx, ledger.Payment) (wire.Object, *wire.Error)) answer {
	return func(r *http.Request) (any, *problem) {
		var p ledger.Payment
		if no := read(r, &p); no != nil {
			return nil, no
		}
		out, refusal := k.do(func(t *ledger.Tx) (wire.Object, *wire.Error) { return do(t, p) })
		if out.Declined != "" {
			return nil, impossible(out.Declined)
		}
		eventID := "" // where a bank takes days, there is none yet
		for _, e := range out.Events {
			if e.Type == eventType {
				eventID = e.ID
			}
		}
		return map[string]string{"eventId": eventID, "paymentIntentId": out.Made}, refused(refusal)
	}
}

// pageAsked is the part of a list that a call asks for: ?limit= (50), ?after= the last one that it has seen.
func pageAsked(q url.Values) (limit int, after string, no *problem) {
	limit = 50
	if said := q.Get("limit"); said != "" {
		var err error
		if limit, err = strconv.Atoi(said); err != nil || limit < 1 || limit > 1000 {
			return 0, "", bad(errors.New("limit must be from 1 to 1000"))
		}
	}
	return limit, q.Get("after"), nil
}

// apiObjects lists objects of a kind, the newest first, as the API shows them: ?kind=, ?q= a text that must occur in them.
func (k *control) apiObjects(r *http.Request) (any, *problem) {
	q := r.URL.Query()
	limit, after, no := pageAsked(q)
	kind := q.Get("kind")
	switch {
	case no != nil:
		return nil, no
	case !slices.Contains(kinds, kind):
		return nil, bad(errors.New("kind must be one of " + strings.Join(kinds, ", ")))
	case after != "" && k.see(after).Kind() != kind:
		return nil, bad(fmt.Errorf("after names no %s", kind))
	}
	shown, more := []wire.Object{}, false
	k.Ledger.View(func(t *ledger.Tx) {
		var found []wire.Object
		found, more = list(t, []string{kind}, q.Get("q"), after, limit)
		for _, o := range found {
			shown = append(shown, t.Render(o, ""))
		}
	})
	return map[string]any{"objects": shown, "more": more}, nil
}

func (k *control) apiObject(r *http.Request) (any, *problem) {
	o := k.see(r.PathValue("id"))
	if o == nil {
		return nil, notFound("no such object")
	}
	return o, nil
}

// see is an object as the API shows it; nil where there is none.
func (k *control) see(id string) (o wire.Object) {
	k.Ledger.View(func(t *ledger.Tx) {
		if found := t.Read(id); found != nil && found.Kind() != ledger.Answer {
			o = t.Render(found, "")
		}
	})
	return o
}

// apiResend delivers an event again, to one endpoint ({"endpoint": "we_…"}) or to all that want it.
func (k *control) apiResend(r *http.Request) (any, *problem) {
	var body struct {
		Endpoint string `json:"endpoint"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	to := k.resend(r.PathValue("id"), body.Endpoint)
	if len(to) == 0 {
		return nil, notFound("no such event, or no endpoint that wants it")
	}
	return map[string]any{"endpoints": to}, nil
}

// resend delivers an event again to one endpoint, or to all that want it ("").
func (k *control) resend(eventID, endpointID string) (to []string) {
	event := k.see(eventID)
	if event.Kind() != "event" {
		return nil
	}
	k.Ledger.View(func(t *ledger.Tx) {
		for e := range t.Every("webhook_endpoint") {
			if endpointID == "" && wants(e, event.Text("type")) || e.ID() == endpointID && e.Text("status") == "enabled" {
				to = append(to, e.ID())
			}
		}
	})
	for _, id := range to {
		k.Courier.Resend(eventID, event.Text("type"), id)
	}
	return to
}

// apiSend signs and delivers the body exactly as given.
func (k *control) apiSend(r *http.Request) (any, *problem) {
	payload, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return nil, bad(err)
	case k.Endpoint == "":
		return nil, impossible("there is no endpoint to send it to")
	}
	k.Courier.Send(k.Endpoint, payload)
	return map[string]bool{"sent": true}, nil
}

// apiDeliveries lists attempts, oldest first: ?event= those of one event, ?after= those that ended after the one of that
// number.
func (k *control) apiDeliveries(r *http.Request) (any, *problem) {
	q := r.URL.Query()
	var of []string
	if id := q.Get("event"); id != "" {
		of = []string{id}
	}
	all := append([]courier.Attempt{}, k.Courier.Attempts(of...)...)
	if said := q.Get("after"); said != "" {
		after, err := strconv.Atoi(said)
		if err != nil {
			return nil, bad(errors.New("after must be the number of an attempt"))
		}
		all = slices.DeleteFunc(all, func(a courier.Attempt) bool { return a.ID <= after })
	}
	return map[string]any{"deliveries": all}, nil
}

func (k *control) apiUndelivered(*http.Request) (any, *problem) {
	return map[string]any{"undelivered": append([]courier.Delivery{}, k.Courier.Undelivered()...)}, nil
}

// apiRetry makes all that waits go out now.
func (k *control) apiRetry(r *http.Request) (any, *problem) {
	if no := read(r, &struct{}{}); no != nil {
		return nil, no
	}
	return map[string]int{"hastened": k.hasten()}, nil
}

func (k *control) hasten() (n int) {
	for _, d := range k.Courier.Undelivered() {
		if d.State == courier.Waiting && k.Courier.RetryNow(d.EventID, d.EndpointID) {
			n++
		}
	}
	return n
}

// apiEndpoint makes an endpoint. Its answer is the only one that tells its secret.
func (k *control) apiEndpoint(r *http.Request) (any, *problem) {
	var e endpoint
	if no := read(r, &e); no != nil {
		return nil, no
	}
	e.Secret = newSecret(e.Secret)
	out, refusal := k.do(func(t *ledger.Tx) (wire.Object, *wire.Error) { return addEndpoint(t, e) })
	return map[string]string{"id": out.Made, "secret": e.Secret}, refused(refusal)
}

// apiRoll gives an endpoint a new secret; the old one signs beside it for as long as "overlap" says.
func (k *control) apiRoll(r *http.Request) (any, *problem) {
	var body struct {
		Secret  string `json:"secret"`  // empty: any
		Overlap string `json:"overlap"` // such as 1h; empty: none
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	overlap, err := time.ParseDuration("0s" + body.Overlap)
	if err != nil {
		return nil, bad(err)
	}
	id, secret := r.PathValue("id"), newSecret(body.Secret)
	_, refusal := k.do(func(t *ledger.Tx) (wire.Object, *wire.Error) { return nil, t.RollSecret(id, secret, overlap) })
	return map[string]string{"id": id, "secret": secret}, refused(refusal)
}

func (k *control) apiClock(*http.Request) (any, *problem) {
	now := k.Ledger.Now()
	return map[string]any{"now": now.Unix(), "time": now.Format(time.RFC3339)}, nil
}

// apiAdvance sets the clock ahead: {"advance": "36h"}, {"days": 30}, both, or {"to": 1700000000}.
func (k *control) apiAdvance(r *http.Request) (any, *problem) {
	var body struct {
		Advance string `json:"advance"`
		Days    int64  `json:"days"`
		To      int64  `json:"to"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	by, err := time.ParseDuration("0s" + body.Advance)
	switch {
	case err != nil:
		return nil, bad(err)
	case body.To != 0 && (by != 0 || body.Days != 0):
		return nil, bad(errors.New("either to, or advance and days"))
	case body.To != 0:
		by = time.Unix(body.To, 0).Sub(k.Ledger.Now())
	case body.Days >= 0 && body.Days <= mostDays:
		by += time.Duration(body.Days) * day
	default:
		by = -1
	}
	if !k.advance(by) {
		return nil, impossible(onlyForward)
	}
	return k.apiClock(r)
}

const (
	day         = 24 * time.Hour
	mostDays    = 10 * 366 // more than any story needs
	onlyForward = "The clock goes forward only, and ten years at most at a time."
)

// advance sets the clock ahead. False: it cannot be.
func (k *control) advance(by time.Duration) bool {
	if by <= 0 || by > mostDays*day {
		return false
	}
	k.Ledger.Advance(by)
	return true
}

// apiFaults replaces what goes wrong.
func (k *control) apiFaults(r *http.Request) (any, *problem) {
	var body struct {
		Seed  uint64        `json:"seed"`
		Rules []faults.Rule `json:"rules"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	if err := k.Faults.Set(body.Seed, body.Rules); err != nil {
		return nil, impossible(err.Error())
	}
	return k.Faults.Status(), nil
}
