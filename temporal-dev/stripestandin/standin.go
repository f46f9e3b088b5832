// Package stripestandin stands in for Stripe on a developer's machine and in tests.
//
// It answers the calls that the project makes in Stripe's shape, so that stripe-go talks to it unchanged, and it sends
// events as Stripe does: signed anew at each attempt, and again and again until the answer is 2xx. Where Stripe would
// refuse, it refuses: a stand-in that obliges hides mistakes until they cost money.
//
//	Pay, Fail, Cancel ──▶ objects (what GET /v1/… reads)
//	        │
//	        └──▶ event ──▶ courier ──signed──▶ WebhookURL
//	                          └── records every attempt and its answer
//
// Everything is in memory: after a restart it knows nothing of earlier payments and answers 404 for them.
package stripestandin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// APIVersion is the version whose shapes the stand-in speaks: the one that stripe-go v79 pins.
const APIVersion = "2024-06-20"

// Config says how the stand-in behaves.
type Config struct {
	// WebhookURL is where events are posted. Empty: events are made and listed, but not sent.
	WebhookURL string
	// WebhookSecret signs the events (whsec_…).
	WebhookSecret string
	// SecretKey is the only API key that is let in. Empty: any that begins with sk_test_.
	SecretKey string
	// Livemode is what objects and events say of themselves. False: test mode.
	Livemode bool
	// RetryFirst is the wait before the second attempt at a delivery; it doubles from there. Zero: half a second.
	RetryFirst time.Duration
	// RetryMost is the longest wait between attempts. Zero: 30 seconds. (Stripe spreads its own over three days.)
	RetryMost time.Duration
}

// Server is one stand-in: an http.Handler that also delivers events until it is closed.
type Server struct {
	config  Config
	objects *store
	courier *courier
	handler http.Handler
	http    *http.Server
	url     string
}

// New makes a stand-in. Its events are delivered from now until Close; Start is only needed for others to reach it.
func New(c Config) *Server {
	c.RetryFirst = cmp.Or(c.RetryFirst, 500*time.Millisecond)
	c.RetryMost = cmp.Or(c.RetryMost, 30*time.Second)
	s := &Server{config: c, objects: newStore(), courier: newCourier(c)}
	s.handler = s.routes()
	return s
}

// ServeHTTP answers Stripe's API under /v1/, the control API under /_control/ and a page for people at /.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Start listens on addr (host:port, port 0 for a free one) and serves until Close.
func (s *Server) Start(addr string) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.url = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed at Close
	return nil
}

// URL is the API base to give to stripe-go: http://host:port. Empty before Start.
func (s *Server) URL() string { return s.url }

// Close stops serving and gives up deliveries that are still to be made.
func (s *Server) Close() error {
	s.courier.close()
	if s.http == nil {
		return nil
	}
	if err := s.http.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("stop listening on %s: %w", s.url, err)
	}
	return nil
}

// Deliveries lists every attempt to deliver an event, oldest first.
func (s *Server) Deliveries() []Attempt { return s.courier.list() }

// Send signs and delivers a payload exactly as given, so that tests can send what Stripe never would.
func (s *Server) Send(payload []byte) { s.courier.send(payload) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.stripeAPI())
	mux.Handle("/_control/", s.controlAPI())
	mux.HandleFunc("GET /{$}", s.page)
	return mux
}
