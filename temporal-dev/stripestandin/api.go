package stripestandin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// apiError is an error in Stripe's shape.
type apiError struct {
	status  int
	Type    string `json:"type"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
}

func invalidRequest(status int, code, param, format string, args ...any) *apiError {
	return &apiError{status: status, Type: "invalid_request_error", Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// stripeAPI is what stripe-go talks to. Whatever is not listed here is refused, as a wrong path is by Stripe.
func (s *Server) stripeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/payment_intents/{id}", s.call(s.retrieve("payment_intent", "intent", "latest_charge")))
	mux.Handle("GET /v1/charges/{id}", s.call(s.retrieve("charge", "id", "payment_intent")))
	mux.Handle("GET /v1/checkout/sessions/{id}", s.call(s.retrieve("checkout.session", "session", "payment_intent")))
	mux.Handle("/", s.call(unknownRoute))
	return mux
}

// call makes a handler of a function: it lets in who holds the key, and writes what comes back as Stripe would.
func (s *Server) call(f func(*http.Request) (object, *apiError)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Request-Id", newID("req"))
		w.Header().Set("Stripe-Version", cmp.Or(r.Header.Get("Stripe-Version"), APIVersion))
		fault := s.authenticate(r)
		var o object
		if fault == nil {
			o, fault = f(r)
		}
		if fault != nil {
			writeJSON(w, fault.status, map[string]any{"error": fault})
			return
		}
		writeJSON(w, http.StatusOK, o)
	})
}

// authenticate wants the secret key, as a bearer token or as the user name of basic authentication (curl -u sk_test_…:).
func (s *Server) authenticate(r *http.Request) *apiError {
	key, _, basic := r.BasicAuth()
	if !basic {
		key, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	switch {
	case key == "":
		return invalidRequest(http.StatusUnauthorized, "", "", "You did not provide an API key: send it as 'Authorization: Bearer YOUR_SECRET_KEY'.")
	case s.config.SecretKey != "" && key != s.config.SecretKey, s.config.SecretKey == "" && !strings.HasPrefix(key, "sk_test_"):
		return invalidRequest(http.StatusUnauthorized, "", "", "Invalid API Key provided: %s", redact(key))
	}
	return nil
}

// redact leaves what tells a key's kind.
func redact(key string) string {
	if len(key) < 12 {
		return "****"
	}
	return key[:8] + "****"
}

// retrieve reads one object of a kind. idParam is Stripe's name for the ID in its 404; expandable are the fields that
// expand[] may name.
func (s *Server) retrieve(kind, idParam string, expandable ...string) func(*http.Request) (object, *apiError) {
	return func(r *http.Request) (object, *apiError) {
		id := r.PathValue("id")
		o := s.objects.get(id)
		if o.kind() != kind {
			return nil, invalidRequest(http.StatusNotFound, "resource_missing", idParam, "No such %s: '%s'", kind, id)
		}
		return s.expand(o, r.URL.Query(), expandable)
	}
}

// expand puts whole objects in place of the IDs that the query names, and refuses every other parameter.
func (s *Server) expand(o object, query url.Values, expandable []string) (object, *apiError) {
	o = maps.Clone(o)
	for param, fields := range query {
		if param != "expand" && !strings.HasPrefix(param, "expand[") {
			return nil, invalidRequest(http.StatusBadRequest, "parameter_unknown", param, "Received unknown parameter: %s", param)
		}
		for _, field := range fields {
			if !slices.Contains(expandable, field) {
				return nil, invalidRequest(http.StatusBadRequest, "", "expand", "This property cannot be expanded (%s).", field)
			}
			if whole := s.objects.get(o.text(field)); whole != nil {
				o[field] = whole
			}
		}
	}
	return o, nil
}

func unknownRoute(r *http.Request) (object, *apiError) {
	return nil, invalidRequest(http.StatusNotFound, "", "", "Unrecognized request URL (%s: %s).", r.Method, r.URL.Path)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone: nobody is left to tell
}
