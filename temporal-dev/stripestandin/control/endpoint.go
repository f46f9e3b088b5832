package control

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// endpoint is one that is to be made. Its secret is known beforehand, as the Stripe CLI's is.
type endpoint struct {
	URL        string   `json:"url"`
	Secret     string   `json:"secret"`     // empty: any
	Events     []string `json:"events"`     // none: all
	APIVersion string   `json:"apiVersion"` // empty: the account's own
}

// ownVersion is the choice of no version in particular.
const ownVersion = "the account's"

func versions() []string { return append([]string{ownVersion}, wire.Versions()...) }

// endpointOf reads what a form says.
func endpointOf(in wire.Object) endpoint {
	e := endpoint{URL: in.Text("url"), Secret: in.Text("secret"), Events: strings.Fields(in.Text("events")), APIVersion: in.Text("apiVersion")}
	if e.APIVersion == ownVersion {
		e.APIVersion = ""
	}
	return e
}

const createEndpoint = "POST /v1/webhook_endpoints"

// addEndpoint makes an endpoint as the API does, so that what the API refuses is refused here too, and gives it its secret.
func addEndpoint(t *ledger.Tx, e endpoint) (wire.Object, *wire.Error) {
	params, refusal := e.params()
	if refusal != nil {
		return nil, refusal
	}
	made, refusal := call(t, createEndpoint, "", params)
	if refusal != nil {
		return nil, refusal
	}
	return made, t.RollSecret(made.ID(), newSecret(e.Secret), 0)
}

// params are those of the call, checked as a request's are.
func (e endpoint) params() (wire.Object, *wire.Error) {
	form := url.Values{"url": {e.URL}}
	for _, event := range e.Events {
		form.Add("enabled_events[]", event)
	}
	if len(e.Events) == 0 {
		form.Set("enabled_events[]", "*")
	}
	if e.APIVersion != "" {
		form.Set("api_version", e.APIVersion)
	}
	request, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode())) //nolint:noctx // it is only read
	if err != nil {
		return nil, wire.Invalid("", "", "%s", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return wire.Describe(createEndpoint).Params(request)
}

// newSecret is a signing secret: the one that is wanted, or any.
func newSecret(wanted string) string { return cmp.Or(wanted, "whsec_"+rand.Text()) }

// secrets are what an endpoint's events are signed with now, the newest first. Other objects have none.
func secrets(t *ledger.Tx, endpoint wire.Object) (all []string) {
	for _, s := range endpoint.List("_secrets") {
		if !s.Has("until") || s.Int("until") > t.Now() {
			all = append(all, s.Text("secret"))
		}
	}
	return all
}

// wants tells whether an endpoint is to be sent events of a type.
func wants(e wire.Object, eventType string) bool {
	types := e.Texts("enabled_events")
	return e.Text("status") == "enabled" && (slices.Contains(types, "*") || slices.Contains(types, eventType))
}
