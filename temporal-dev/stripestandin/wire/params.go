package wire

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stripe/stripe-mock/param"
)

// Operation is one call of Stripe's API: which parameters it takes.
type Operation struct {
	params *schema
	// Path is the call's path with its variables in braces: /v1/refunds/{refund}.
	Path string
}

// Describe finds a call by a pattern such as "POST /v1/refunds/{refund}", written as in Stripe's description. It panics
// where there is no such call: patterns are written down, not received.
func Describe(pattern string) *Operation {
	method, path, _ := strings.Cut(pattern, " ")
	o := described().Paths[path][strings.ToLower(method)]
	if o == nil {
		panic("wire: Stripe has no call " + pattern)
	}
	return &Operation{params: o.params(method), Path: path}
}

// params is one schema for whatever the call takes, in the query or in the body.
func (o *operation) params(method string) *schema {
	if method != http.MethodGet {
		if body := o.RequestBody.Content["application/x-www-form-urlencoded"].Schema; body != nil {
			return body
		}
	}
	all := &schema{Type: "object", Properties: map[string]*schema{}, Additional: []byte("false")}
	for _, p := range o.Parameters {
		if p.In != "query" {
			continue
		}
		all.Properties[p.Name] = p.Schema
		if p.Required {
			all.Required = append(all.Required, p.Name)
		}
	}
	return all
}

// bodyLimit is more than any call that there is needs.
const bodyLimit = 1 << 20

// Params reads a request's parameters, from the query and the form, and refuses what Stripe would: names it does not have,
// values of a wrong type, required ones that are missing.
func (o *Operation) Params(r *http.Request) (Object, *Error) {
	r.Body = http.MaxBytesReader(nil, r.Body, bodyLimit)
	raw, err := param.ParseParams(r)
	if err != nil {
		return nil, Invalid("", "", "Invalid request: %s", err)
	}
	value, refusal := described().read(o.params, raw, "")
	if refusal != nil {
		return nil, refusal
	}
	return value.(Object), nil
}

// read makes a value of the schema's type from what the form holds: strings, lists and maps of them.
func (d *description) read(s *schema, raw any, name string) (any, *Error) {
	s = d.resolve(s)
	if len(s.AnyOf) > 0 {
		return d.readAny(s.AnyOf, raw, name)
	}
	switch s.Type {
	case "object":
		return d.readObject(s, raw, name)
	case "array":
		return d.readArray(s, raw, name)
	}
	text, ok := raw.(string)
	if !ok {
		return nil, Invalid("", name, "Invalid %s", s.Type)
	}
	return s.readText(text, name)
}

// readAny takes the first alternative that fits, and says of the one of the value's own form why it does not.
func (d *description) readAny(choices []*schema, raw any, name string) (any, *Error) {
	var first, fitting *Error
	for _, choice := range choices {
		value, refusal := d.read(choice, raw, name)
		if refusal == nil {
			return value, nil
		}
		if first == nil {
			first = refusal
		}
		if fitting == nil && d.hasForm(choice, raw) {
			fitting = refusal
		}
	}
	if fitting != nil {
		return nil, fitting
	}
	return nil, first
}

func (d *description) hasForm(s *schema, raw any) bool {
	kind := d.resolve(s).Type
	switch raw.(type) {
	case string:
		return kind != "object" && kind != "array"
	case []any:
		return kind == "array"
	default:
		return kind == "object" || kind == "array"
	}
}

func (d *description) readObject(s *schema, raw any, name string) (any, *Error) {
	fields, ok := raw.(map[string]any)
	if !ok {
		return nil, Invalid("", name, "Invalid object")
	}
	made := make(Object, len(fields))
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		sub, refusal := s.field(key, inside(name, key))
		if refusal != nil {
			return nil, refusal
		}
		if s.Properties[key] == nil && fields[key] == "" { // metadata[key]= takes the key away
			made[key] = ""
			continue
		}
		if made[key], refusal = d.read(sub, fields[key], inside(name, key)); refusal != nil {
			return nil, refusal
		}
	}
	for _, key := range s.Required {
		if !made.Has(key) {
			return nil, Invalid("parameter_missing", inside(name, key), "Missing required param: %s.", inside(name, key))
		}
	}
	return made, nil
}

// field is what a key's value must be.
func (s *schema) field(key, name string) (*schema, *Error) {
	if sub := s.Properties[key]; sub != nil {
		return sub, nil
	}
	values, allowed := s.additional()
	if !allowed {
		return nil, Invalid("parameter_unknown", name, "Received unknown parameter: %s", name)
	}
	if values == nil {
		values = &schema{Type: "string"}
	}
	return values, nil
}

// readArray takes lists, and maps whose keys are their indexes, which is how stripe-go writes lists.
func (d *description) readArray(s *schema, raw any, name string) (any, *Error) {
	values, ok := raw.([]any)
	if indexed, isMap := raw.(map[string]any); isMap {
		values, ok = inOrder(indexed)
	}
	if !ok {
		return nil, Invalid("", name, "Invalid array")
	}
	made := make([]any, 0, len(values))
	for i, v := range values {
		value, refusal := d.read(s.Items, v, inside(name, strconv.Itoa(i)))
		if refusal != nil {
			return nil, refusal
		}
		made = append(made, value)
	}
	return made, nil
}

func inOrder(indexed map[string]any) ([]any, bool) {
	values := make([]any, len(indexed))
	for key, value := range indexed {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(values) {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

func (s *schema) readText(text, name string) (any, *Error) {
	switch s.Type {
	case "integer":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, Invalid("parameter_invalid_integer", name, "Invalid integer: %s", text)
		}
		return n, nil
	case "number":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, Invalid("", name, "Invalid decimal: %s", text)
		}
		return normal(f), nil
	case "boolean":
		if text != "true" && text != "false" {
			return nil, Invalid("", name, "Invalid boolean: %s", text)
		}
		return text == "true", nil
	}
	return s.readString(text, name)
}

func (s *schema) readString(text, name string) (any, *Error) {
	if name == "api_version" { // the description knows none that is later than itself
		return text, CheckVersion(text)
	}
	if len(s.Enum) > 0 {
		if !slices.Contains(s.Enum, any(text)) {
			return nil, Invalid("", name, "Invalid %s: must be one of %s", name, choices(s.Enum))
		}
		return text, nil
	}
	if text == "" {
		return nil, Invalid("parameter_invalid_empty", name, "You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.", name, name, name)
	}
	if s.MaxLength > 0 && utf8.RuneCountInString(text) > s.MaxLength {
		return nil, Invalid("", name, "Invalid string: %s…; must be at most %d characters", string([]rune(text)[:10]), s.MaxLength)
	}
	return text, nil
}

func choices(enum []any) string {
	all := make([]string, 0, len(enum))
	for _, e := range enum {
		all = append(all, fmt.Sprint(e))
	}
	return strings.Join(all, ", ")
}

// inside is the name of a field of a parameter, as Stripe writes it: line_items[0][price].
func inside(name, key string) string {
	if name == "" {
		return key
	}
	return name + "[" + key + "]"
}
