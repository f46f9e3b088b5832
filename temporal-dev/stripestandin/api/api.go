// Package api answers as api.stripe.com does: it identifies, checks, replays what it has answered before, and writes; what a
// call does is the ledger's business.
//
//	key ─▶ version ─▶ faults ─▶ parameters ─▶ idempotency ─▶ ledger ─▶ render ─▶ answer
//	401     400      409 429 …    400          400 409 replay  4xx       400
//
// Idempotency keys are as Stripe documents them (https://docs.stripe.com/api/idempotent_requests): the first answer to a
// key is kept with the change that it tells of, be it an error of the call or a 500, and given again for 24 hours of the
// ledger's clock. What is refused before the call begins (a wrong key or parameter, too many requests, another request
// with the same key under way) is not kept.
package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// Config says what the API is in front of.
type Config struct {
	Ledger *ledger.Ledger
	// SecretKey is the only key that is let in. Empty: any that begins with sk_test_.
	SecretKey string
	// Faults go wrong on purpose. Nil: nothing does.
	Faults *faults.Plan
}

type api struct {
	Config
	mu       sync.Mutex
	underway map[string]bool // idempotency keys of requests that are being answered
}

// Handler serves /v1/. What Stripe does not have, and what the ledger cannot do, is a 404 in Stripe's words.
func Handler(c Config) http.Handler {
	a := &api{Config: c, underway: map[string]bool{}}
	mux := http.NewServeMux()
	for pattern, call := range ledger.Calls() {
		mux.Handle(pattern, a.serve(route{
			operation: wire.Describe(pattern), variable: variable(pattern), writes: strings.HasPrefix(pattern, "POST "), call: call,
		}))
	}
	mux.Handle("/", a.serve(route{}))
	return mux
}

// route is one call. Its zero value is the path that does not exist.
type route struct {
	operation *wire.Operation
	variable  string // the name in the path's braces; "" where there is none
	writes    bool   // takes an idempotency key; GET and DELETE are idempotent anyway
	call      ledger.Call
}

func variable(pattern string) string {
	_, after, _ := strings.Cut(pattern, "{")
	name, _, _ := strings.Cut(after, "}")
	return name
}

// request is one that is being answered.
type request struct {
	*http.Request
	route
	id      string // req_…
	version string
	subject string // what faults match: POST /v1/refunds
	params  wire.Object
}

// answer is what is sent back.
type answer struct {
	status   int
	body     []byte
	refusal  *wire.Error // what body tells of; nil for a 200
	replayed bool
}

func (a *api) serve(on route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{
			Request: r, route: on, id: ledger.NewID("req"), subject: r.Method + " " + r.URL.Path,
			version: cmp.Or(r.Header.Get("Stripe-Version"), wire.APIVersion),
		}
		refusal := a.admit(q)
		if refusal == nil {
			a.write(w, q, a.answer(q))
			return
		}
		a.write(w, q, refused(refusal))
	})
}

// admit does all that comes before a call begins.
func (a *api) admit(q *request) *wire.Error {
	for _, check := range []func(*request) *wire.Error{a.authenticate, checkVersion, a.fail, readParams} {
		if refusal := check(q); refusal != nil {
			return refusal
		}
	}
	return nil
}

// authenticate wants the secret key, as a bearer token or as the user name of basic authentication (curl -u sk_test_…:).
func (a *api) authenticate(q *request) *wire.Error {
	key, isBasic := "", false
	if key, _, isBasic = q.BasicAuth(); !isBasic {
		key, _ = strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	}
	switch {
	case key == "":
		return wire.Unauthorized("You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	case a.SecretKey != "" && key != a.SecretKey, a.SecretKey == "" && !strings.HasPrefix(key, "sk_test_"):
		return wire.Unauthorized("Invalid API Key provided: %s", masked(key))
	case q.Header.Get("Stripe-Account") != "":
		return wire.NoAccess(masked(key), q.Header.Get("Stripe-Account"))
	}
	return nil
}

func masked(key string) string {
	if len(key) < 12 {
		return "****"
	}
	return key[:8] + strings.Repeat("*", len(key)-12) + key[len(key)-4:]
}

func checkVersion(q *request) *wire.Error { return wire.CheckVersion(q.version) }

func readParams(q *request) (refusal *wire.Error) {
	if q.call == nil {
		return wire.NoRoute(q.Method, q.URL.Path)
	}
	q.params, refusal = q.operation.Params(q.Request)
	return refusal
}

// answer answers a request that has been let in.
func (a *api) answer(q *request) answer {
	key := q.Header.Get("Idempotency-Key")
	if key == "" || !q.writes {
		return a.do(q, "")
	}
	return a.once(q, key)
}

// do does the call and renders what it returns. Both belong to the change, as does the answer that is kept under a key.
func (a *api) do(q *request, key string) answer {
	rule, struck := a.Faults.Strike(faults.ServerError, q.subject)
	if struck && !rule.AfterWork {
		return a.keep(q, key, refused(wire.Internal()))
	}
	var done answer
	refusal := a.Ledger.Do(ledger.Cause{RequestID: q.id, IdempotencyKey: q.Header.Get("Idempotency-Key")}, func(t *ledger.Tx) *wire.Error {
		made, refusal := q.call(t, ledger.Input{ID: q.PathValue(q.variable), Params: q.params})
		if refusal == nil {
			made, refusal = t.RenderAll(made, q.version, q.params.Texts("expand"))
		}
		switch {
		case refusal != nil:
			done = refused(refusal)
		case struck:
			done = refused(wire.Internal())
		default:
			done = answer{status: http.StatusOK, body: made.Encode()}
		}
		if refusal == nil || refusal.Keeps {
			remember(t, key, q, done)
		}
		return refusal
	})
	if refusal != nil && !refusal.Keeps { // the change is undone, and what was kept with it
		return a.keep(q, key, done)
	}
	return done
}

func refused(refusal *wire.Error) answer {
	body, err := json.MarshalIndent(map[string]any{"error": refusal}, "", "  ")
	if err != nil {
		panic("api: " + err.Error()) // it holds nothing but strings and objects
	}
	return answer{status: refusal.Status, body: body, refusal: refusal}
}

func (a *api) write(w http.ResponseWriter, q *request, made answer) {
	if _, lost := a.Faults.Strike(faults.LostAnswer, q.subject); lost && made.status < http.StatusBadRequest {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", q.id)
	h.Set("Stripe-Version", q.version)
	if key := q.Header.Get("Idempotency-Key"); key != "" {
		h.Set("Idempotency-Key", key)
	}
	if made.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	if made.refusal != nil && made.refusal.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(made.refusal.RetryAfter.Seconds())))
	}
	w.WriteHeader(made.status)
	_, _ = w.Write(made.body) // the caller has gone: nobody is left to tell
}
