package ledger

import (
	"crypto/rand"
	"net/url"
	"slices"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

var endpointCalls = map[string]Call{
	"POST /v1/webhook_endpoints":                      createEndpoint,
	"GET /v1/webhook_endpoints":                       filtered("webhook_endpoint", "/v1/webhook_endpoints"),
	"GET /v1/webhook_endpoints/{webhook_endpoint}":    retrieve("webhook_endpoint"),
	"POST /v1/webhook_endpoints/{webhook_endpoint}":   updateEndpoint,
	"DELETE /v1/webhook_endpoints/{webhook_endpoint}": deleteEndpoint,
}

// createEndpoint answers with the secret, which is shown this once.
func createEndpoint(t *Tx, in Input) (wire.Object, *wire.Error) {
	if refusal := checkURL(in.Params.Text("url")); refusal != nil {
		return nil, refusal
	}
	e := t.AddEndpoint(in.Params.Text("url"), "whsec_"+rand.Text(), in.Params.Texts("enabled_events")...)
	assign(e, in.Params, "api_version", "description", "metadata")
	shown := e.Clone()
	shown["secret"] = activeSecrets(e, t.Now())[0]
	return shown, nil
}

// AddEndpoint makes an endpoint whose secret is known. Without event types it is sent all.
func (t *Tx) AddEndpoint(url, secret string, eventTypes ...string) wire.Object {
	e := t.Make("webhook_endpoint", "we")
	delete(e, "secret") // shown once, when Stripe makes it
	if len(eventTypes) == 0 {
		eventTypes = []string{"*"}
	}
	e["enabled_events"], e["status"], e["url"] = eventTypes, "enabled", url
	e["_secrets"] = []wire.Object{{"secret": secret}}
	return e
}

// SetConfiguredEndpoint makes the one endpoint that comes from a setting rather than from the API, or gives it another URL
// and other secrets (the newest first).
func (t *Tx) SetConfiguredEndpoint(url string, secrets []string) wire.Object {
	var e wire.Object
	if old := t.First("webhook_endpoint", "_configured", true); old != nil {
		e = t.edit(old.ID())
	} else {
		e = t.AddEndpoint(url, "")
		e["_configured"] = true
	}
	signing := make([]wire.Object, 0, len(secrets))
	for _, secret := range secrets {
		signing = append(signing, wire.Object{"secret": secret})
	}
	e["url"], e["status"], e["_secrets"] = url, "enabled", signing
	return e
}

func checkURL(text string) *wire.Error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return wire.Invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	return nil
}

func updateEndpoint(t *Tx, in Input) (wire.Object, *wire.Error) {
	e, refusal := t.Edit("webhook_endpoint", in.ID, "")
	if refusal != nil {
		return nil, refusal
	}
	if in.Params.Has("url") {
		if refusal := checkURL(in.Params.Text("url")); refusal != nil {
			return nil, refusal
		}
	}
	assign(e, in.Params, "url", "enabled_events", "description", "metadata")
	if disabled, given := in.Params["disabled"].(bool); given {
		e["status"] = map[bool]string{true: "disabled", false: "enabled"}[disabled]
	}
	return e, nil
}

func deleteEndpoint(t *Tx, in Input) (wire.Object, *wire.Error) {
	if _, refusal := t.Find("webhook_endpoint", in.ID, ""); refusal != nil {
		return nil, refusal
	}
	t.remove(in.ID)
	return wire.Object{"id": in.ID, "object": "webhook_endpoint", "deleted": true}, nil
}

// RollSecret gives an endpoint a new secret, which it returns. The old one signs beside it for as long as overlap says.
func (t *Tx) RollSecret(endpointID, secret string, overlap time.Duration) *wire.Error {
	e, refusal := t.Edit("webhook_endpoint", endpointID, "")
	if refusal != nil {
		return refusal
	}
	until := t.Now() + int64(overlap.Seconds())
	rolled := []wire.Object{{"secret": secret}}
	if overlap > 0 {
		rolled = append(rolled, wire.Object{"secret": activeSecrets(e, t.Now())[0], "until": until})
		e["_due"] = until
	}
	e["_secrets"] = rolled
	return nil
}

// endpointDue drops the secrets whose time is over.
func endpointDue(t *Tx, e wire.Object) {
	e["_secrets"] = slices.DeleteFunc(e.List("_secrets"), func(s wire.Object) bool { return over(s, t.Now()) })
	delete(e, "_due")
}

func over(secret wire.Object, now int64) bool {
	return secret.Has("until") && secret.Int("until") <= now
}

// activeSecrets are those that sign, the newest first.
func activeSecrets(e wire.Object, now int64) []string {
	var all []string
	for _, s := range e.List("_secrets") {
		if !over(s, now) {
			all = append(all, s.Text("secret"))
		}
	}
	return all
}

// Endpoint is where and how events are sent to.
type Endpoint struct {
	URL        string
	Secrets    []string
	APIVersion string // "" for the account's own
}

// Endpoint finds one that takes events. False: it is gone, or disabled.
func (l *Ledger) Endpoint(id string) (found Endpoint, ok bool) {
	l.View(func(t *Tx) {
		e, refusal := t.Find("webhook_endpoint", id, "")
		if refusal != nil || e.Text("status") != "enabled" {
			return
		}
		found, ok = Endpoint{URL: e.Text("url"), Secrets: activeSecrets(e, t.Now()), APIVersion: e.Text("api_version")}, true
	})
	return found, ok
}
