package control

import (
	"crypto/rand"
	"slices"
	"strconv"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// made is an event that an act has made.
type made struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// run does an act with what was said about it, and tells which events it has made. A card that is declined is no refusal of the
// act: it happened, and left its traces.
func (k *control) run(a *act, id string, said map[string]string) ([]made, *wire.Error) {
	input, refusal := a.read(said)
	if refusal != nil {
		return nil, refusal
	}
	return k.do(func(t *ledger.Tx) *wire.Error {
		o := t.Read(id)
		switch {
		case o == nil || !slices.Contains(a.Kinds, o.Kind()):
			return wire.Missing(a.Kinds[0], id, "")
		case !a.offered(o):
			return wire.Invalid("", "", "%s is not possible now: %s is %s.", a.Name, id, o.Text("status"))
		}
		return a.do(t, id, input)
	})
}

// do runs a change and tells which events it has made.
func (k *control) do(change func(*ledger.Tx) *wire.Error) (events []made, refusal *wire.Error) {
	events = []made{}
	refusal = k.Ledger.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error {
		refusal := change(t)
		for _, e := range t.Events() {
			events = append(events, made{e.ID(), e.Text("type")})
		}
		return refusal
	})
	if refusal != nil && refusal.Type == "card_error" && refusal.Keeps {
		return events, nil
	}
	return events, refusal
}

// read makes an act's input of what was said, and refuses what it does not know.
func (a *act) read(said map[string]string) (wire.Object, *wire.Error) {
	input := wire.Object{}
	for name := range said {
		if !slices.ContainsFunc(a.Fields, func(f field) bool { return f.Name == name }) {
			return nil, wire.Invalid("parameter_unknown", name, "Received unknown parameter: %s", name)
		}
	}
	for _, f := range a.Fields {
		value, refusal := f.read(said[f.Name])
		if refusal != nil {
			return nil, refusal
		}
		input[f.Name] = value
	}
	return input, nil
}

func (f field) read(said string) (any, *wire.Error) {
	switch {
	case f.Type == "choice" && said == "":
		return f.Options[0], nil
	case f.Type == "choice" && !slices.Contains(f.Options, said):
		return nil, wire.Invalid("", f.Name, "Invalid %s: %s", f.Name, said)
	case f.Type == "number" && said == "":
		return int64(0), nil
	case f.Type == "number":
		n, err := strconv.ParseInt(said, 10, 64)
		if err != nil || n < 0 {
			return nil, wire.Invalid("parameter_invalid_integer", f.Name, "Invalid integer: %s", said)
		}
		return n, nil
	}
	return said, nil
}

// newSecret is a signing secret: the one that is wanted, or any.
func newSecret(wanted string) string {
	if wanted != "" {
		return wanted
	}
	return "whsec_" + rand.Text()
}
