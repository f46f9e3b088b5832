// Package webhook turns what Stripe posts into an event that Twigz can act on:
// first the signature, over the bytes as they came, then the JSON.
//
// The two are apart because they answer different questions. Verify says who
// sent the bytes, and nothing may be read from a body before it says yes. Decode
// says whether we can read them, and reads as little as it can: a field that we
// do not act on cannot make a payment unreadable. What is merely odd (metadata
// that fits nothing, a currency that is none) passes, cleaned so that it can be
// stored, because a person can mend a recorded payment and nobody can mend one
// that was turned away.
//
// Sources: https://docs.stripe.com/webhooks#verify-manually for the signature,
// https://docs.stripe.com/api/events/object for the envelope,
// https://docs.stripe.com/upgrades for what moved between API versions.
package webhook

import "errors"

// MaxBody is the largest payload that is read, in bytes. Events are a few KiB,
// those about long invoices more; a body over this is hashed by nobody.
const MaxBody = 512 << 10

// What is wrong with a request. Both come wrapped with the reason, which names
// a part or a field and never quotes the body.
var (
	ErrSignature = errors.New("invalid webhook signature")
	ErrPayload   = errors.New("invalid webhook payload")
)
