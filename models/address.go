package models

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Bounds of an address's unknown keys: how deep they nest, and how many
// characters a number has.
const (
	maxAddressDepth = 4
	maxNumber       = 100
)

// longExponent is one of three digits or more.
var longExponent = regexp.MustCompile(`[eE][+-]?\d{3}`)

// Address is a delivery address: a JSON object whose keys line1, line2, city,
// state, postalCode and country are text; unknown keys are kept as they came.
// nil means that no address was given. It is a personal datum: never logged.
type Address map[string]any

// addressKeys are the keys that must be text, in the order they are printed.
var addressKeys = []string{"line1", "line2", "postalCode", "city", "state", "country"}

// ParseAddress reads an address from JSON text as clients put it into Stripe's
// metadata. "", null and {} are no address. Errors never quote the text.
func ParseAddress(text string) (Address, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()        // unknown keys may hold numbers, and are kept exactly
	var address map[string]any // not an Address, whose own rules would come first
	if err := decoder.Decode(&address); err != nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("followed by something else")
	}
	return Address(address).normalize()
}

// UnmarshalJSON reads an address out of a larger document by the same rules.
func (a *Address) UnmarshalJSON(data []byte) error {
	type plain Address // without this method, or it would call itself
	var raw plain
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	normal, err := Address(raw).normalize()
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	*a = normal
	return nil
}

// normalize renames postal_code, drops nulls and empties among the known keys,
// and refuses what cannot be stored or read.
func (a Address) normalize() (Address, error) {
	if old, ok := a["postal_code"]; ok {
		if _, both := a["postalCode"]; !both {
			a["postalCode"] = old
		}
		delete(a, "postal_code")
	}
	for _, key := range addressKeys {
		switch value := a[key].(type) {
		case nil:
			delete(a, key)
		case string:
			if strings.TrimSpace(value) == "" {
				delete(a, key)
			}
		default:
			return nil, fmt.Errorf("%s is not text", key)
		}
	}
	if !storable(map[string]any(a), maxAddressDepth) {
		return nil, errors.New("nested too deep, or text or numbers that cannot be kept")
	}
	if len(a) == 0 {
		return nil, nil
	}
	return a, nil
}

func storable(value any, depth int) bool {
	if depth < 0 {
		return false
	}
	switch v := value.(type) {
	case string:
		return !damaged(v) && !strings.ContainsRune(v, 0)
	case json.Number:
		// Postgres writes numbers out in full, and refuses what gets too long.
		return len(v) <= maxNumber && !longExponent.MatchString(v.String())
	case map[string]any:
		for key, inner := range v {
			if !storable(key, depth) || !storable(inner, depth-1) {
				return false
			}
		}
	case []any:
		for _, inner := range v {
			if !storable(inner, depth-1) {
				return false
			}
		}
	}
	return true
}

// Deliverable says whether somebody could find the door: line1 is there.
func (a Address) Deliverable() bool { return a.text("line1") != "" }

// Lines is the address for people, a line each, without unknown keys.
func (a Address) Lines() []string {
	place := strings.TrimSpace(a.text("postalCode") + " " + a.text("city"))
	var lines []string
	for _, line := range []string{a.text("line1"), a.text("line2"), place, a.text("state"), a.text("country")} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func (a Address) text(key string) string {
	value, _ := a[key].(string)
	return strings.TrimSpace(value)
}

// Value stores the address as jsonb, nil as NULL.
func (a Address) Value() (driver.Value, error) {
	if a == nil {
		return nil, nil
	}
	return jsonText(a)
}

// Scan reads what Value stored.
func (a *Address) Scan(src any) error { return scanJSON(src, (*map[string]any)(a)) }

// GormDataType tells gorm what it cannot see from a nil value.
func (Address) GormDataType() string { return "jsonb" }
