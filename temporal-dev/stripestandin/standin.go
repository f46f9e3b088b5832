// Package stripestandin stands in for Stripe on a developer's machine and in tests.
//
// It answers the calls that the project makes in Stripe's shape, so that stripe-go talks to it unchanged, and it sends
// events as Stripe does: signed anew at each attempt, and again and again until the answer is 2xx. Where Stripe would
// refuse, it refuses: a stand-in that obliges hides mistakes until they cost money. And what goes wrong with Stripe now and
// then goes wrong here on demand.
//
//	/v1/        api ─────┐
//	/pay/ …     hosted ──┼──▶ ledger ──events──▶ courier ──signed──▶ webhook endpoints
//	/           control ─┘      │ objects, rules, clock    └── every attempt and its answer
//	            (pages, JSON)   └──▶ Config.File
//	                     faults: asked by api, ledger (twins) and courier
//
// Each of the packages below says what it is for; wire, under all of them, knows how Stripe's requests and objects look.
package stripestandin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"twigz/temporal-dev/stripestandin/api"
	"twigz/temporal-dev/stripestandin/control"
	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/hosted"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// APIVersion is the version whose shapes the stand-in speaks unless it is asked for another: the one that stripe-go v79 pins.
const APIVersion = wire.APIVersion

// Config says how the stand-in behaves.
type Config struct {
	// WebhookURL is where events are posted. Empty: events are made and listed, and sent only to endpoints that are made
	// through the API.
	WebhookURL string
	// WebhookSecrets sign the events for WebhookURL (whsec_…): the first, or several as while one is being rolled.
	WebhookSecrets []string
	// SecretKey is the only API key that is let in. Empty: any that begins with sk_test_.
	SecretKey string
	// Livemode is what objects and events say of themselves. False: test mode.
	Livemode bool
	// File keeps everything between runs. Empty: it is forgotten.
	File string
	// RetryFirst is the wait before the second attempt at a delivery; it doubles from there. Zero: half a second.
	RetryFirst time.Duration
	// RetryMost is the longest wait between attempts. Zero: 30 seconds. (Stripe spreads its own over three days.)
	RetryMost time.Duration
	// Stock makes what is there before WebhookURL is told of anything, such as prices: nobody may listen there yet. It runs at
	// each start. Nil: nothing.
	Stock func(*ledger.Tx) *wire.Error
	// Seed and Faults are what goes wrong, from the start. Both can be changed later.
	Seed   uint64
	Faults []faults.Rule
}

// Server is one stand-in: an http.Handler that also delivers events until it is closed.
type Server struct {
	config  Config
	ledger  *ledger.Ledger
	courier *courier.Courier
	faults  *faults.Plan
	hook    string // the ID of the endpoint for WebhookURL; "" where there is none
	handler http.Handler
	http    *http.Server
	url     string
	closing context.CancelFunc
	closed  sync.WaitGroup
}

// New makes a stand-in. Its events are delivered from now until Close; Start is only needed for others to reach it.
func New(c Config) (*Server, error) {
	s := &Server{config: c}
	if err := s.open(); err != nil {
		return nil, err
	}
	if c.Stock != nil {
		if err := s.Act(c.Stock); err != nil {
			return nil, fmt.Errorf("stock the Stripe stand-in: %w", err)
		}
	}
	s.addHook()
	s.handler = s.routes()
	s.ledger.Redeliver()
	ctx, stop := context.WithCancel(context.Background())
	s.closing = stop
	s.closed.Go(func() { s.tick(ctx) })
	return s, nil
}

// open makes the parts. Each knows of the others only what it is told here.
func (s *Server) open() (err error) {
	if s.faults, err = faults.New(s.config.Seed, s.config.Faults...); err != nil {
		return fmt.Errorf("faults of the Stripe stand-in: %w", err)
	}
	s.courier = courier.New(courier.Config{
		Endpoint: func(id string) (courier.Endpoint, bool) {
			e, ok := s.ledger.Endpoint(id)
			return courier.Endpoint(e), ok
		},
		Payload:    func(eventID, version string) ([]byte, bool) { return s.ledger.Payload(eventID, version) },
		Delivered:  func(eventID, endpointID string) { s.ledger.Delivered(eventID, endpointID) },
		Faults:     s.faults,
		RetryFirst: s.config.RetryFirst, RetryMost: s.config.RetryMost,
	})
	s.ledger, err = ledger.Open(ledger.Config{
		Livemode: s.config.Livemode, File: s.config.File, Deliver: s.courier.Deliver,
		Twin: func(eventType string) bool {
			_, struck := s.faults.Strike(faults.Twin, eventType)
			return struck
		},
	})
	return err
}

// addHook makes the endpoint for WebhookURL, or brings the one of an earlier run up to date.
func (s *Server) addHook() {
	if s.config.WebhookURL == "" {
		return
	}
	_ = s.ledger.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error {
		s.hook = t.SetConfiguredEndpoint(s.config.WebhookURL, s.config.WebhookSecrets).ID()
		return nil
	})
}

func (s *Server) routes() http.Handler {
	mux, pages := http.NewServeMux(), hosted.Handler(s.ledger)
	mux.Handle("/v1/", api.Handler(api.Config{Ledger: s.ledger, SecretKey: s.config.SecretKey, Faults: s.faults}))
	for _, room := range []string{"/pay/", "/invoice/", "/portal/"} {
		mux.Handle(room, pages)
	}
	mux.Handle("/", control.New(control.Config{Ledger: s.ledger, Courier: s.courier, Faults: s.faults, Endpoint: s.hook}))
	return mux
}

// tick has the ledger do what has become due, every second.
func (s *Server) tick(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			s.ledger.Advance(0)
		}
	}
}

// ServeHTTP answers Stripe's API under /v1/, the hosted pages under /pay/, /invoice/ and /portal/, the control API under /_control/ and pages for
// people under the rest.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Start listens on addr (host:port, port 0 for a free one) and serves until Close.
func (s *Server) Start(addr string) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.url = "http://" + l.Addr().String()
	s.ledger.SetBaseURL(s.url)
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed at Close
	return nil
}

// URL is the API base to give to stripe-go: http://host:port. Empty before Start.
func (s *Server) URL() string { return s.url }

// Close stops serving and gives up deliveries that are still to be made; with a File, they are made in the next run.
func (s *Server) Close() error {
	s.closing()
	s.closed.Wait()
	s.courier.Close()
	var err error
	if s.http != nil {
		if err = s.http.Close(); err != nil {
			err = fmt.Errorf("stop listening on %s: %w", s.url, err)
		}
	}
	return errors.Join(err, s.ledger.Close())
}
