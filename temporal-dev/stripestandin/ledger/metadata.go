package ledger

import (
	"strings"
	"unicode/utf8"

	"twigz/temporal-dev/stripestandin/wire"
)

// What metadata may be: keys in one object, characters in a key, characters in a value. https://docs.stripe.com/api/metadata
const (
	metadataKeys  = 50
	metadataKey   = 40
	metadataValue = 500
)

// limited is a call that refuses metadata beyond Stripe's limits, wherever in the parameters it is given.
func limited(call Call) Call {
	return func(t *Tx, in Input) (wire.Object, *wire.Error) {
		if refusal := checkMetadata(in.Params); refusal != nil {
			return nil, refusal
		}
		made, refusal := call(t, in)
		if refusal == nil && len(made.Sub("metadata")) > metadataKeys { // with those that were there before
			return nil, tooManyKeys(len(made.Sub("metadata")))
		}
		return made, refusal
	}
}

func checkMetadata(params wire.Object) *wire.Error {
	for _, name := range params.Keys() {
		sub := params.Sub(name)
		check := checkMetadata
		if name == "metadata" {
			check = checkPairs
		}
		if refusal := check(sub); refusal != nil {
			return refusal
		}
		for _, each := range params.List(name) {
			if refusal := checkMetadata(each); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

func checkPairs(metadata wire.Object) *wire.Error {
	if len(metadata) > metadataKeys {
		return tooManyKeys(len(metadata))
	}
	for _, key := range metadata.Keys() {
		value := metadata.Text(key)
		switch {
		case strings.ContainsAny(key, "[]"):
			return wire.Invalid("", "metadata", "Metadata keys cannot contain square brackets. Invalid key: %s", key)
		case utf8.RuneCountInString(key) > metadataKey:
			return wire.Invalid("", "metadata", "Metadata keys can have up to %d characters, but you passed in a key that is %d characters. Invalid key: %s", metadataKey, utf8.RuneCountInString(key), key)
		case utf8.RuneCountInString(value) > metadataValue:
			return wire.Invalid("", "metadata", "Metadata values can have up to %d characters, but you passed in a value that is %d characters. Invalid value: %s", metadataValue, utf8.RuneCountInString(value), value)
		}
	}
	return nil
}

func tooManyKeys(n int) *wire.Error {
	return wire.Invalid("", "metadata", "You can only have up to %d metadata keys on an object, but it would have %d.", metadataKeys, n)
}
