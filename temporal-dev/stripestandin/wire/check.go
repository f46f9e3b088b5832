package wire

import (
	"errors"
	"fmt"
	"slices"
)

// Check tells where an object differs from what Stripe describes: a key that Stripe does not have, one that is missing, a
// value of another type. All of it is told at once.
func Check(o Object) error {
	s := described().byResource[o.Kind()]
	if s == nil {
		return fmt.Errorf("no object of Stripe's is a %q", o.Kind())
	}
	return errors.Join(described().check(s, o, o.Kind())...)
}

func (d *description) check(s *schema, value any, at string) []error {
	s = d.resolve(s)
	switch {
	case value == nil && s.Nullable, s.Type == "" && len(s.AnyOf) == 0:
		return nil
	case len(s.AnyOf) > 0:
		return d.checkAny(s.AnyOf, value, at)
	}
	switch v := value.(type) {
	case Object:
		if s.Type == "object" {
			return d.checkObject(s, v, at)
		}
	case []any:
		if s.Type == "array" {
			return d.checkArray(s, v, at)
		}
	case string:
		if s.Type == "string" && (len(s.Enum) == 0 || slices.Contains(s.Enum, value)) {
			return nil
		}
	case bool:
		if s.Type == "boolean" {
			return nil
		}
	case int64:
		if s.Type == "integer" || s.Type == "number" {
			return nil
		}
	case float64:
		if s.Type == "number" {
			return nil
		}
	}
	return []error{fmt.Errorf("%s is %v, no %s", at, value, s.wants())}
}

func (s *schema) wants() string {
	if len(s.Enum) > 0 {
		return "one of " + choices(s.Enum)
	}
	return s.Type
}

// checkAny wants one alternative to fit, and tells what is wrong with the one of the value's kind.
func (d *description) checkAny(choices []*schema, value any, at string) []error {
	var nearest []error
	for _, choice := range choices {
		wrong := d.check(choice, value, at)
		if wrong == nil {
			return nil
		}
		if nearest == nil || d.sameKind(choice, value) {
			nearest = wrong
		}
	}
	return nearest
}

func (d *description) sameKind(s *schema, value any) bool {
	o, isObject := value.(Object)
	s = d.resolve(s)
	return isObject && s.Type == "object" && (s.Resource == "" || s.Resource == o.Kind())
}

func (d *description) checkObject(s *schema, o Object, at string) []error {
	var wrong []error
	values, allowed := s.additional()
	for _, key := range o.Keys() {
		sub := s.Properties[key]
		switch {
		case sub == nil && values != nil:
			sub = values
		case sub == nil && !allowed:
			wrong = append(wrong, fmt.Errorf("%s.%s is no field", at, key))
			continue
		case sub == nil:
			continue
		}
		wrong = append(wrong, d.check(sub, o[key], at+"."+key)...)
	}
	for _, key := range s.Required {
		if !o.Has(key) {
			wrong = append(wrong, fmt.Errorf("%s.%s is missing", at, key))
		}
	}
	return wrong
}

func (d *description) checkArray(s *schema, values []any, at string) []error {
	var wrong []error
	for i, v := range values {
		wrong = append(wrong, d.check(s.Items, v, fmt.Sprintf("%s[%d]", at, i))...)
	}
	return wrong
}
