package control

import (
	"cmp"
	"slices"
	"strconv"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// outcome is what an act has come to.
type outcome struct {
	ID     string `json:"id"`             // of what it happened to, or of what was made where it needs nothing
	Made   string `json:"made,omitempty"` // the ID of what was made; empty: nothing was
	Events []made `json:"events"`
	// Declined is why a card did not pay. Empty: none was declined.
	Declined string `json:"declined,omitempty"`
}

// made is an event that an act has made.
type made struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// run does an act with what was said about it. A card that is declined is no refusal of the act: it happened, and left its
// traces.
func (k *control) run(a *act, id string, said map[string]string) (outcome, *wire.Error) {
	input, refusal := a.read(said)
	if refusal != nil {
		return outcome{}, refusal
	}
	out, refusal := k.do(func(t *ledger.Tx) (wire.Object, *wire.Error) {
		if len(a.Kinds) > 0 && !slices.Contains(a.Kinds, t.Read(id).Kind()) {
			return nil, wire.Missing(a.Kinds[0], id, "")
		}
		return a.do(t, id, input)
	})
	out.ID = id
	if len(a.Kinds) == 0 {
		out.ID = out.Made
	}
	return out, refusal
}

// do runs a change that may make something, and tells what it did.
func (k *control) do(change func(*ledger.Tx) (wire.Object, *wire.Error)) (outcome, *wire.Error) {
	out := outcome{Events: []made{}}
	refusal := k.Ledger.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error {
		o, refusal := change(t)
		out.Made = o.ID()
		for _, e := range t.Events() {
			out.Events = append(out.Events, made{e.ID(), e.Text("type")})
		}
		return refusal
	})
	if refusal != nil && refusal.Keeps {
		out.Declined = refusal.Message
		return out, nil
	}
	return out, refusal
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

// read makes a field's value: a whole number of a number, else text.
func (f field) read(said string) (any, *wire.Error) {
	said = cmp.Or(said, f.Default)
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
