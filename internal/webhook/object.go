package webhook

import (
	"encoding/json"
	"fmt"

	"twigz/models"
)

// Limits of the texts that are kept, in characters.
const (
	maxID       = 255 // https://docs.stripe.com/upgrades: object IDs fit in 255
	maxEmail    = 320 // 64 before the @ and 255 after it, RFC 5321
	maxMessage  = 500
	maxCurrency = 32
	maxWord     = 100 // Stripe's own vocabulary: types, codes, statuses, versions
)

// object is a JSON object whose members are picked one by one. Decoding into a
// struct would match names whatever their case and let the last one win, so
// that "Amount" could replace the amount.
type object map[string]json.RawMessage

// read stores the member in *to. One that is absent, or null by encoding/json's
// rules, leaves *to at its zero value; one that does not fit *to exactly (1.5,
// 1e3 and "5" are no int64) is an ErrPayload that names the member.
func read[T any](o object, member string, to *T) error {
	raw, ok := o[member]
	if !ok {
		return nil
	}
	if json.Unmarshal(raw, to) != nil { // its error may quote the value
		return fmt.Errorf("%w: %s has the wrong type", ErrPayload, member)
	}
	return nil
}

// id stores an ID, which must be text where it is present.
func (o object) id(member string, to *string) error {
	var text string
	err := read(o, member, &text)
	*to = models.Clean(text, maxID)
	return err
}

// ref stores the ID of another object, which may be there whole instead of its
// ID: whoever expanded it knows more, and we know the same.
func (o object) ref(member string, to *string) error {
	var whole object
	if json.Unmarshal(o[member], &whole) == nil && whole != nil {
		return whole.id("id", to)
	}
	return o.id(member, to)
}

// minor stores an amount in minor units that cannot be less than nothing: what
// is below counts as nothing.
func (o object) minor(member string, to *int64) error {
	err := read(o, member, to)
	*to = max(*to, 0)
	return err
}

// text is a member that we can do without: "" when it is absent or no text.
func (o object) text(member string, limit int) string {
	var text string
	if read(o, member, &text) != nil {
		return ""
	}
	return models.Clean(text, limit)
}

// inner is a member that we can do without: empty when it is absent or no
// object.
func (o object) inner(member string) object {
	var inner object
	if read(o, member, &inner) != nil {
		return nil
	}
	return inner
}

// moment is a time that we can do without, in Unix seconds: 0 when it is absent
// or is no time that a calendar has.
func (o object) moment(member string) int64 {
	const year9999 = 253_402_300_799
	var at int64
	if read(o, member, &at) != nil || at < 0 || at > year9999 {
		return 0
	}
	return at
}

// list is the objects of a list that we can do without, such as an invoice's
// lines: none when it is absent or no list. What is no object in it is left out.
func (o object) list(member string) []object {
	var raw []json.RawMessage
	if read(o.inner(member), "data", &raw) != nil {
		return nil
	}
	objects := make([]object, 0, len(raw))
	for _, each := range raw {
		var one object
		if json.Unmarshal(each, &one) == nil && one != nil {
			objects = append(objects, one)
		}
	}
	return objects
}
