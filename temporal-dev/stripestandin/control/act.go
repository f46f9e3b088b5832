package control

import (
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// act is one thing that can happen.
type act struct {
	Name   string   `json:"name"`
	Kinds  []string `json:"kinds"`  // of objects that it happens to; none: it needs no object, and makes one
	Says   string   `json:"says"`   // for people, as on a button
	Fields []field  `json:"fields"` // what can be said about it
	// offered tells whether an object has a button for it now. It only spares people what would be refused: the refusal is the
	// ledger's.
	offered func(t *ledger.Tx, o wire.Object) bool
	// do returns the object that was made by it, nil if none was.
	do func(t *ledger.Tx, id string, in wire.Object) (wire.Object, *wire.Error)
}

// acts are all things that can happen, in the order in which to show them.
var acts = slices.Concat(paymentActs, refundActs, checkoutActs, customerActs, catalogActs, subscriptionActs, invoiceActs, endpointActs)

// find is the act of a name; nil when there is none.
func find(name string) *act {
	i := slices.IndexFunc(acts, func(a act) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &acts[i]
}

// offers are what can happen to an object now.
func offers(t *ledger.Tx, o wire.Object) (all []act) {
	for _, a := range acts {
		if slices.Contains(a.Kinds, o.Kind()) && a.offered(t, o) {
			all = append(all, a)
		}
	}
	return all
}

// described are acts as JSON shows them, where lists are never null.
func described(acts []act) []act {
	all := append([]act{}, acts...)
	for i := range all {
		all[i].Kinds = append([]string{}, all[i].Kinds...)
		all[i].Fields = append([]field{}, all[i].Fields...)
	}
	return all
}

// field is one thing that can be said about an act.
type field struct {
	Name    string   `json:"name"`
	Label   string   `json:"label"`
	Type    string   `json:"type"`              // text, number or choice
	Options []string `json:"options,omitempty"` // of a choice; the first is taken where nothing is said
	Default string   `json:"default,omitempty"` // taken where nothing is said

	words   map[string]string        // what options are called on a page, where not by their names
	suggest func(*ledger.Tx) []field // of a text: what a page offers to choose from, as Name and Label
	rare    bool                     // a page hides it until somebody wants to see it
}

// The ways to write fields down.

func choice(name, label string, options ...string) field {
	return field{Name: name, Label: label, Type: "choice", Options: options}
}

func text(name, label string) field { return field{Name: name, Label: label, Type: "text"} }

func number(name, label string) field { return field{Name: name, Label: label, Type: "number"} }

// rare are fields that a page hides until somebody wants to see them.
func rare(fields ...field) []field {
	for i := range fields {
		fields[i].rare = true
	}
	return fields
}

// methods chooses one of Stripe's test payment methods, or one of the others named.
func methods(others ...string) field {
	f := choice("method", "The card")
	f.words = map[string]string{}
	for _, card := range ledger.Cards() {
		f.Options = append(f.Options, card.Method)
		f.words[card.Method] = capital(card.Says) + " (" + card.Method + ")"
	}
	f.Options = append(f.Options, others...)
	return f
}

var amount = number("amount", "Amount in minor units (empty: all of it)")

// Word is what an option is called on a page.
func (f field) Word(option string) string {
	if word := f.words[option]; word != "" {
		return word
	}
	return spaced(option)
}

func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

func capital(words string) string {
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// What offers an act.

func always(*ledger.Tx, wire.Object) bool { return true }

// when offers an act to objects that have one of the statuses.
func when(statuses ...string) func(*ledger.Tx, wire.Object) bool {
	return func(_ *ledger.Tx, o wire.Object) bool { return slices.Contains(statuses, o.Text("status")) }
}

// call makes a call of the API, as acts do that the API can do too.
func call(t *ledger.Tx, pattern, id string, params wire.Object) (wire.Object, *wire.Error) {
	return ledger.Calls()[pattern](t, ledger.Input{ID: id, Params: params})
}

// calls is an act that is a call of the API without parameters.
func calls(pattern string) func(*ledger.Tx, string, wire.Object) (wire.Object, *wire.Error) {
	return func(t *ledger.Tx, id string, _ wire.Object) (wire.Object, *wire.Error) {
		_, refusal := call(t, pattern, id, wire.Object{})
		return nil, refusal
	}
}

// given are the fields of an input that say something.
func given(in wire.Object, fields ...string) wire.Object {
	params := wire.Object{}
	for _, field := range fields {
		if in[field] != "" && in[field] != int64(0) {
			params[field] = in[field]
		}
	}
	return params
}
