package stripestandin

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// sendLimit bounds what /_control/send takes, well over the receiver's own limit so that this can be tried.
const sendLimit = 4 << 20

// controlAPI is the Go API over HTTP. It asks for no key: it is there for the person at this machine.
func (s *Server) controlAPI() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /_control/pay", settles(func(in paymentInput) (string, string, error) { return s.Pay(in.PaymentParams) }))
	mux.Handle("POST /_control/fail", settles(func(in paymentInput) (string, string, error) {
		return s.Fail(in.PaymentParams, in.Decline)
	}))
	mux.Handle("POST /_control/cancel", settles(func(in paymentInput) (string, string, error) {
		return s.Cancel(in.PaymentParams, in.Reason)
	}))
	mux.HandleFunc("POST /_control/send", s.controlSend)
	mux.HandleFunc("GET /_control/deliveries", s.controlDeliveries)
	mux.HandleFunc("GET /_control/objects/{id}", s.controlObject)
	mux.HandleFunc("GET /_control/events/{id}", s.controlEvent)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, errors.New("no such call"))
	})
	return mux
}

// paymentInput is what pay, fail and cancel take.
type paymentInput struct {
	PaymentParams
	Decline Decline `json:"decline"` // read by fail
	Reason  string  `json:"reason"`  // read by cancel
}

// settles makes a handler of a change to a payment: 200 with the IDs, 422 with the reason where it is refused.
func settles(do func(paymentInput) (eventID, paymentIntentID string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in paymentInput
		if err := readJSON(w, r, &in); err != nil {
			writeError(w, http.StatusBadRequest, err)
			return
		}
		event, intent, err := do(in)
		if err != nil {
			writeError(w, http.StatusUnprocessableEntity, err)
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"eventId": event, "paymentIntentId": intent})
	})
}

func (s *Server) controlSend(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, sendLimit))
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	s.Send(payload)
	writeJSON(w, http.StatusOK, map[string]bool{"sent": true})
}

func (s *Server) controlDeliveries(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"deliveries": append([]Attempt{}, s.Deliveries()...)})
}

func (s *Server) controlObject(w http.ResponseWriter, r *http.Request) {
	o := s.objects.get(r.PathValue("id"))
	if o == nil {
		writeError(w, http.StatusNotFound, errors.New("no such object"))
		return
	}
	writeRaw(w, encode(o))
}

func (s *Server) controlEvent(w http.ResponseWriter, r *http.Request) {
	for _, p := range s.courier.sent() {
		if p.ID == r.PathValue("id") {
			writeRaw(w, p.raw)
			return
		}
	}
	writeError(w, http.StatusNotFound, errors.New("no such event"))
}

// readJSON refuses what it does not know, so that a misspelt field is not taken for an absent one. It insists on the
// content type: a page elsewhere can make a browser post here, but not with this type.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errors.New("Content-Type must be application/json")
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, sendLimit))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func writeError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func writeRaw(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // the caller has gone: nobody is left to tell
}
