package wire

import (
	"fmt"
	"slices"
)

// Blank makes an object of a kind with every key that Stripe sends for it: null where that may be, else nothing, zero or an
// empty list, and what Stripe's sample has where a word is needed. It panics at a kind that Stripe does not have.
func Blank(kind string) Object {
	d := described()
	sample, _ := d.samples[kind].(map[string]any)
	s := d.byResource[kind]
	if s == nil || sample == nil {
		panic("wire: Stripe has no object " + kind)
	}
	return d.blank(s, sample)
}

// Part makes a part of an object, such as the customer_details of a checkout.session, which Blank leaves null.
func Part(kind string, path ...string) Object {
	d := described()
	s, sample := d.byResource[kind], d.samples[kind]
	for _, field := range path {
		s = d.object(s).Properties[field]
		fields, _ := sample.(map[string]any)
		sample = fields[field]
	}
	s = d.object(s)
	if s == nil {
		panic(fmt.Sprintf("wire: %s has no object %v", kind, path))
	}
	fields, _ := sample.(map[string]any)
	if fields == nil { // the sample has null there
		fields = s.fields()
	}
	return d.blank(s, fields)
}

// fields are the names of those that are always there: the required, and those that can say by null that there is nothing.
func (s *schema) fields() map[string]any {
	names := map[string]any{}
	for name, field := range s.Properties {
		if field.Nullable || slices.Contains(s.Required, name) {
			names[name] = nil
		}
	}
	return names
}

// object is a schema, or the first of its alternatives, that is an object with fields.
func (d *description) object(s *schema) *schema {
	s = d.resolve(s)
	if s == nil || s.Type == "object" {
		return s
	}
	for _, choice := range s.AnyOf {
		if o := d.object(choice); o != nil && o.Type == "object" {
			return o
		}
	}
	return nil
}

func (d *description) blank(s *schema, sample map[string]any) Object {
	made := make(Object, len(sample))
	for key, value := range sample {
		if field := s.Properties[key]; field != nil { // a few are in the samples only, as leftovers
			made[key] = d.blankValue(field, value)
		}
	}
	return made
}

func (d *description) blankValue(s *schema, sample any) any {
	if s.Nullable || sample == nil {
		return nil
	}
	s = d.resolve(s)
	switch value := sample.(type) {
	case map[string]any:
		return d.blankObject(s, value)
	case []any:
		return slices.DeleteFunc(list(value), func(v any) bool { _, isObject := v.(Object); return isObject })
	case string:
		if len(s.Enum) > 0 {
			return value
		}
		return ""
	case bool:
		return false
	default:
		return int64(0)
	}
}

func (d *description) blankObject(s *schema, sample map[string]any) Object {
	o := d.object(s)
	switch {
	case sample["object"] == "list":
		url, _ := sample["url"].(string)
		return List(url, false, nil)
	case o == nil || len(o.Properties) == 0:
		return Object{}
	}
	return d.blank(o, sample)
}
