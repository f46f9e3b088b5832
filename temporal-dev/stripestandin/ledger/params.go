package ledger

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// What the calls' parameters have in common.

// checkServed refuses parameters that do nothing here. prefix is the name of the parameter that they are in.
func checkServed(params wire.Object, names []string, prefix string) *wire.Error {
	for _, key := range params.Keys() {
		name := key
		if prefix != "" {
			name = prefix + "[" + key + "]"
		}
		switch {
		case slices.Contains(names, name), off(params[key]):
		case slices.ContainsFunc(names, func(served string) bool { return strings.HasPrefix(served, name+"[") }):
			if refusal := checkServed(params.Sub(key), names, name); refusal != nil {
				return refusal
			}
		default:
			return notServed(name)
		}
	}
	return nil
}

// off tells whether a parameter says that something is not wanted.
func off(value any) bool {
	o, isObject := value.(wire.Object)
	return value == false || isObject && o["enabled"] == false
}

func notServed(param string) *wire.Error {
	return wire.Invalid("", param, "This stand-in for Stripe does not serve `%s`.", param)
}

func missing(param string) *wire.Error {
	return wire.Invalid("parameter_missing", param, "Missing required param: %s.", param)
}

// indexed is the name of a part of a list parameter: line_items[0].
func indexed(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}
