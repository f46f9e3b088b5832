// Package wire knows how Stripe's requests and objects look, and nothing of what they do.
//
//	form ──Operation.Params──▶ Object ──▶ (ledger) ──▶ Object ──Object.In(version)──▶ Object ──Encode──▶ JSON
//	                              │                       │
//	                              └── Stripe's own OpenAPI description says what is right ──┘
//
// The description and the sample objects are those that come with the official stripe-mock. So a parameter that Stripe
// does not have is refused here, one that has the wrong type is too, and an object that is made here has every key that
// Stripe's has.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Object is one of Stripe's objects, or a part of one, or the parameters of a call. Its values are nil, bool, int64,
// float64, string, []any and Object; Normalize makes it so. The methods below also read int, []string and []Object, so that
// an object can be read while it is being made.
type Object map[string]any

// ID is the field id, "" where there is none.
func (o Object) ID() string { return o.Text("id") }

// Kind is what Stripe calls the field object: payment_intent, checkout.session, …
func (o Object) Kind() string { return o.Text("object") }

// Text is a field's string; "" where it is absent, null or something else.
func (o Object) Text(field string) string {
	s, _ := o[field].(string)
	return s
}

// Int is a field's whole number; 0 where it is absent, null or something else.
func (o Object) Int(field string) int64 {
	switch n := o[field].(type) {
	case int64:
		return n
	case int:
		return int64(n)
	}
	return 0
}

// Bool is a field's truth; false where it is absent, null or something else.
func (o Object) Bool(field string) bool {
	b, _ := o[field].(bool)
	return b
}

// Sub is a field's object; nil where it is absent, null or something else. Reading a nil Object is safe.
func (o Object) Sub(field string) Object {
	sub, _ := o[field].(Object)
	return sub
}

// List is a field's list, or the data of the list object that it is; nil where it is neither.
func (o Object) List(field string) []Object {
	if made, ok := o[field].([]Object); ok {
		return made
	}
	values, isList := o[field].([]any)
	if !isList {
		values, _ = o.Sub(field)["data"].([]any)
	}
	var all []Object
	for _, v := range values {
		if sub, ok := v.(Object); ok {
			all = append(all, sub)
		}
	}
	return all
}

// Texts is a field's list of strings; nil where it is none.
func (o Object) Texts(field string) []string {
	if made, ok := o[field].([]string); ok {
		return made
	}
	values, _ := o[field].([]any)
	var all []string
	for _, v := range values {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// Has tells whether a field is there, be it null.
func (o Object) Has(field string) bool {
	_, has := o[field]
	return has
}

// Clone copies an object with all that is in it.
func (o Object) Clone() Object {
	if o == nil {
		return nil
	}
	return Normalize(maps.Clone(o))
}

// Normalize copies an object whose values may be any that JSON can hold into one that has only those that Object allows.
// It panics at a value that JSON cannot hold, which is a mistake of whoever wrote it down.
func Normalize(o map[string]any) Object {
	made := make(Object, len(o))
	for key, value := range o {
		made[key] = normal(value)
	}
	return made
}

func normal(value any) any {
	switch v := value.(type) {
	case nil, bool, int64, string:
		return v
	case int:
		return int64(v)
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
		return v
	case json.Number:
		return number(v)
	case Object:
		return Normalize(v)
	case map[string]any:
		return Normalize(v)
	case map[string]string:
		return Strings(v)
	case []any:
		return list(v)
	case []Object:
		return list(v)
	case []string:
		return list(v)
	}
	panic(fmt.Sprintf("wire: %T is no value of an object", value))
}

func list[T any](values []T) []any {
	made := make([]any, 0, len(values))
	for _, v := range values {
		made = append(made, normal(v))
	}
	return made
}

func number(n json.Number) any {
	if whole, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return whole
	}
	f, err := n.Float64()
	if err != nil {
		panic("wire: " + err.Error()) // the decoder made it from a number
	}
	return f
}

// Strings makes an object of a map of strings, such as metadata. Nil makes an empty one.
func Strings(m map[string]string) Object {
	made := make(Object, len(m))
	for key, value := range m {
		made[key] = value
	}
	return made
}

// Decode reads one JSON object.
func Decode(text []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a float would round what lies beyond 2^53
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	return Normalize(o), nil
}

// Encode writes JSON as Stripe does, indented and with < and > as they are: a receiver that signs anything but the bytes as
// sent fails on it.
func (o Object) Encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		panic("wire: " + err.Error()) // Normalize has seen to it that there is nothing that JSON cannot hold
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Keys lists the fields in alphabetical order.
func (o Object) Keys() []string { return slices.Sorted(maps.Keys(o)) }

// List makes Stripe's list object. url is the path under which the whole list is had.
func List(url string, hasMore bool, data []Object) Object {
	return Object{"object": "list", "url": url, "has_more": hasMore, "data": list(data)}
}

// Public is the object without the fields that its keeper has for itself, whose names begin with an underscore.
func (o Object) Public() Object {
	public := maps.Clone(o)
	maps.DeleteFunc(public, func(field string, _ any) bool { return strings.HasPrefix(field, "_") })
	return public
}
