// Package control is where people and tests make things happen at Stripe: customers pay, banks decline, disputes open, time
// passes, deliveries fail.
//
//	GET  /                  what happened lately
//	     /{section}         payments, checkout, customers, subscriptions, returns, catalog, endpoints
//	     /objects/{id}      one object: what it is, what can happen to it, what belongs to it, what was told about it
//	     /events, /attempts what was told, and every attempt at telling it
//	     /clock             the time, what it will bring, and what goes wrong on purpose
//	POST /acts/{name}, …    the pages' forms
//	     /_control/…        the same as JSON
//
// One table, acts, is behind both the buttons and the JSON API: what can happen to which objects, when, and what must be said
// about it. The pages need no script. Neither asks for a key: they are there for the person at this machine. Forms are taken
// from the pages themselves only, JSON only with its content type, which no other site can make a browser send.
package control

import (
	"net/http"

	"twigz/temporal-dev/stripestandin/courier"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
)

// Config is what is controlled.
type Config struct {
	Ledger  *ledger.Ledger
	Courier *courier.Courier
	Faults  *faults.Plan
	// Endpoint is the ID of the endpoint that /_control/send delivers to. Empty: there is none.
	Endpoint string
}

type control struct{ Config }

// New serves the pages and the JSON API.
func New(c Config) http.Handler {
	k := &control{c}
	mux := http.NewServeMux()
	k.pages(mux)
	mux.Handle("/_control/", k.api())
	return http.NewCrossOriginProtection().Handler(mux)
}
