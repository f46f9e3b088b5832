package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// bodyLimit bounds what is taken, well over a receiver's own limit so that this can be tried.
const bodyLimit = 4 << 20

// problem is an answer that is not 200.
type problem struct {
	status int
	err    error
}

func bad(err error) *problem        { return &problem{http.StatusBadRequest, err} }
func notFound(what string) *problem { return &problem{http.StatusNotFound, errors.New(what)} }
func refused(refusal *wire.Error) *problem {
	if refusal == nil {
		return nil
	}
	return &problem{http.StatusUnprocessableEntity, errors.New(refusal.Message)}
}

// api is the pages' buttons as JSON.
func (k *control) api() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, *problem)) { mux.Handle(pattern, answer(f)) }
	handle("GET /_control/acts", func(*http.Request) (any, *problem) { return map[string]any{"acts": acts}, nil })
	handle("POST /_control/acts/{name}", k.apiAct)
	handle("POST /_control/pay", k.settles("payment_intent.succeeded", (*ledger.Tx).Pay))
	handle("POST /_control/fail", k.settles("payment_intent.payment_failed", (*ledger.Tx).Fail))
	handle("POST /_control/cancel", k.settles("payment_intent.canceled", (*ledger.Tx).Cancel))
	handle("POST /_control/send", k.send)
	handle("GET /_control/deliveries", k.deliveries)
	handle("GET /_control/undelivered", func(*http.Request) (any, *problem) {
		return map[string]any{"undelivered": append([]courier.Delivery{}, k.Courier.Undelivered()...)}, nil
	})
	handle("POST /_control/retry", k.retry)
	handle("GET /_control/objects", k.objects)
	handle("GET /_control/objects/{id}", k.object)
	handle("GET /_control/events/{id}", k.object)
	handle("POST /_control/events/{id}/resend", k.resend)
	handle("GET /_control/clock", k.clock)
	handle("POST /_control/clock", k.advance)
	handle("GET /_control/faults", func(*http.Request) (any, *problem) { return k.Faults.Status(), nil })
	handle("PUT /_control/faults", k.setFaults)
	handle("POST /_control/endpoints", k.addEndpoint)
	handle("/", func(*http.Request) (any, *problem) { return nil, notFound("no such call") })
	return mux
}

// answer writes what a call comes to.
func answer(f func(*http.Request) (any, *problem)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		status := http.StatusOK
		body, no := f(r)
		if no != nil {
			status, body = no.status, map[string]string{"error": no.err.Error()}
		}
		text, err := json.MarshalIndent(body, "", "  ")
		if err != nil {
			status, text = http.StatusInternalServerError, []byte(`{"error":"it cannot be written as JSON"}`)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
		_, _ = w.Write(append(text, '\n')) // the caller has gone: nobody is left to tell
	})
}

// read refuses what it does not know, so that a misspelt field is not taken for an absent one. It insists on the content type:
// a page elsewhere can make a browser post here, but not with this type.
func read(r *http.Request, into any) *problem {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return bad(errors.New("Content-Type must be application/json"))
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return bad(err)
	}
	return nil
}

// apiAct does an act: {"id": "pi_…", and the act's fields}.
func (k *control) apiAct(r *http.Request) (any, *problem) {
	a := find(r.PathValue("name"))
	if a == nil {
		return nil, notFound("no such act; GET /_control/acts lists them")
	}
	var body map[string]any
	if no := read(r, &body); no != nil {
		return nil, no
	}
	said := map[string]string{}
	for name, value := range body {
		said[name] = fmt.Sprint(value)
	}
	id := said["id"]
	delete(said, "id")
	events, refusal := k.run(a, id, said)
	return map[string]any{"id": id, "events": events}, refused(refusal)
}

// settles makes a payment as a whole, and answers with the event that tells of it.
func (k *control) settles(eventType string, do func(*ledger.Tx, ledger.Payment) (wire.Object, *wire.Error)) func(*http.Request) (any, *problem) {
	return func(r *http.Request) (any, *problem) {
		var p ledger.Payment
		if no := read(r, &p); no != nil {
			return nil, no
		}
		var intent wire.Object
		events, refusal := k.do(func(t *ledger.Tx) (refusal *wire.Error) { intent, refusal = do(t, p); return refusal })
		eventID := ""
		for _, e := range events {
			if e.Type == eventType {
				eventID = e.ID
			}
		}
		return map[string]string{"eventId": eventID, "paymentIntentId": intent.ID()}, refused(refusal)
	}
}

// send signs and delivers the body exactly as given.
func (k *control) send(r *http.Request) (any, *problem) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bad(err)
	}
	if k.Endpoint == "" {
		return nil, refused(wire.Invalid("", "", "there is no endpoint to send it to"))
	}
	k.Courier.Send(k.Endpoint, payload)
	return map[string]bool{"sent": true}, nil
}

// deliveries lists attempts, of one event where one is named.
func (k *control) deliveries(r *http.Request) (any, *problem) {
	var of []string
	if id := r.URL.Query().Get("event"); id != "" {
		of = []string{id}
	}
	return map[string]any{"deliveries": append([]courier.Attempt{}, k.Courier.Attempts(of...)...)}, nil
}

// retry makes all that waits go out now.
func (k *control) retry(r *http.Request) (any, *problem) {
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

// objects lists those of a kind, the newest first: ?kind=, ?limit= (50), ?after= an ID.
func (k *control) objects(r *http.Request) (any, *problem) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if q.Get("limit") == "" {
		limit, err = 50, nil
	}
	if err != nil || limit < 1 || limit > 1000 {
		return nil, bad(errors.New("limit must be from 1 to 1000"))
	}
	found, more := k.list([]string{q.Get("kind")}, "", q.Get("after"), limit)
	return map[string]any{"objects": append([]wire.Object{}, found...), "more": more}, nil
}

func (k *control) object(r *http.Request) (any, *problem) {
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

// resend delivers an event again, to one endpoint or to all that want it.
func (k *control) resend(r *http.Request) (any, *problem) {
	var body struct {
		Endpoint string `json:"endpoint"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	to := k.resendTo(r.PathValue("id"), body.Endpoint)
	if len(to) == 0 {
		return nil, notFound("no such event, or no endpoint that wants it")
	}
	return map[string]any{"endpoints": to}, nil
}

func (k *control) resendTo(eventID, endpointID string) (to []string) {
	event := k.see(eventID)
	if event.Kind() != "event" {
		return nil
	}
	endpoints, _ := k.list([]string{"webhook_endpoint"}, "", "", 1000)
	for _, e := range endpoints {
		wanted := slices.Contains(e.Texts("enabled_events"), "*") || slices.Contains(e.Texts("enabled_events"), event.Text("type"))
		if endpointID == "" && wanted || e.ID() == endpointID {
			k.Courier.Resend(eventID, event.Text("type"), e.ID())
			to = append(to, e.ID())
		}
	}
	return to
}

func (k *control) clock(*http.Request) (any, *problem) {
	now := k.Ledger.Now()
	return map[string]any{"now": now.Unix(), "time": now.Format(time.RFC3339)}, nil
}

// advance sets the clock ahead: {"advance": "36h"}, {"days": 30} or {"to": 1700000000}.
func (k *control) advance(r *http.Request) (any, *problem) {
	var body struct {
		Advance string `json:"advance"`
		Days    int    `json:"days"`
		To      int64  `json:"to"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	by := time.Duration(body.Days) * 24 * time.Hour
	if body.Advance != "" {
		d, err := time.ParseDuration(body.Advance)
		if err != nil {
			return nil, bad(err)
		}
		by += d
	}
	if body.To != 0 {
		by = time.Unix(body.To, 0).Sub(k.Ledger.Now())
	}
	if by <= 0 || by > mostAdvance {
		return nil, refused(wire.Invalid("", "", "the clock goes forward only, and ten years at most"))
	}
	k.Ledger.Advance(by)
	return k.clock(r)
}

// mostAdvance is more than any story needs.
const mostAdvance = 10 * 366 * 24 * time.Hour

func (k *control) setFaults(r *http.Request) (any, *problem) {
	var body struct {
		Seed  uint64        `json:"seed"`
		Rules []faults.Rule `json:"rules"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	if err := k.Faults.Set(body.Seed, body.Rules); err != nil {
		return nil, &problem{http.StatusUnprocessableEntity, err}
	}
	return k.Faults.Status(), nil
}

// addEndpoint makes an endpoint whose secret is known beforehand, as the Stripe CLI's is.
func (k *control) addEndpoint(r *http.Request) (any, *problem) {
	var body struct {
		URL        string   `json:"url"`
		Secret     string   `json:"secret"` // empty: any
		Events     []string `json:"events"` // none: all
		APIVersion string   `json:"apiVersion"`
	}
	if no := read(r, &body); no != nil {
		return nil, no
	}
	secret, id := newSecret(body.Secret), ""
	_, refusal := k.do(func(t *ledger.Tx) *wire.Error {
		if body.APIVersion != "" {
			if refusal := wire.CheckVersion(body.APIVersion); refusal != nil {
				return refusal
			}
		}
		e := t.AddEndpoint(body.URL, secret, body.Events...)
		e["api_version"] = blank(body.APIVersion)
		id = e.ID()
		return nil
	})
	return map[string]string{"id": id, "secret": secret}, refused(refusal)
}
