package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

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
func impossible(why string) *problem {
	return &problem{http.StatusUnprocessableEntity, errors.New(why)}
}

func refused(refusal *wire.Error) *problem {
	if refusal == nil {
		return nil
	}
	return impossible(refusal.Message)
}

// answer is a call's answer: what is written as JSON, or why it is not.
type answer func(*http.Request) (any, *problem)

// api is the pages' buttons as JSON.
func (k *control) api() http.Handler {
	mux := http.NewServeMux()
	for pattern, call := range map[string]answer{
		"GET /_control/acts":                 k.apiActs,
		"POST /_control/acts/{name}":         k.apiAct,
		"POST /_control/pay":                 k.settles("payment_intent.succeeded", pay),
		"POST /_control/fail":                k.settles("payment_intent.payment_failed", fail),
		"POST /_control/cancel":              k.settles("payment_intent.canceled", cancel),
		"GET /_control/objects":              k.apiObjects,
		"GET /_control/objects/{id}":         k.apiObject,
		"GET /_control/events/{id}":          k.apiObject,
		"POST /_control/events/{id}/resend":  k.apiResend,
		"POST /_control/send":                k.apiSend,
		"GET /_control/deliveries":           k.apiDeliveries,
		"GET /_control/undelivered":          k.apiUndelivered,
		"POST /_control/retry":               k.apiRetry,
		"POST /_control/endpoints":           k.apiEndpoint,
		"POST /_control/endpoints/{id}/roll": k.apiRoll,
		"GET /_control/clock":                k.apiClock,
		"POST /_control/clock":               k.apiAdvance,
		"GET /_control/faults":               func(*http.Request) (any, *problem) { return k.Faults.Status(), nil },
		"PUT /_control/faults":               k.apiFaults,
		"/":                                  func(*http.Request) (any, *problem) { return nil, notFound("no such call") },
	} {
		mux.Handle(pattern, call)
	}
	return mux
}

// ServeHTTP writes what a call comes to.
func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	status := http.StatusOK
	body, no := a(r)
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
}

// read refuses what it does not know, so that a misspelt field is not taken for an absent one. It insists on the content type:
// a page elsewhere can make a browser post here, but not with this type. An empty body is an empty object.
func read(r *http.Request, into any) *problem {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return bad(errors.New("Content-Type must be application/json"))
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return bad(err)
	}
	if d.More() {
		return bad(errors.New("there is more than one JSON value"))
	}
	return nil
}

// apiActs lists the acts: all, or with ?id= those that can happen to an object now.
func (k *control) apiActs(r *http.Request) (any, *problem) {
	id := r.URL.Query().Get("id")
	listed := acts
	if id != "" {
		k.Ledger.View(func(t *ledger.Tx) { listed = offers(t, t.Read(id)) })
	}
	return map[string]any{"acts": described(listed)}, nil
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
	said, no := texts(body)
	if no != nil {
		return nil, no
	}
	id := said["id"]
	delete(said, "id")
	out, refusal := k.run(a, id, said)
	return out, refused(refusal)
}

// texts are what was said about an act, as a form says it.
func texts(body map[string]any) (map[string]string, *problem) {
	said := map[string]string{}
	for name, value := range body {
		switch v := value.(type) {
		case string:
			said[name] = v
		case json.Number:
			said[name] = v.String()
		default:
			return nil, bad(fmt.Errorf("%s must be text or a number", name))
		}
	}
	return said, nil
}
