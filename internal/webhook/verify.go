package webhook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v79/webhook"
)

// Tolerance is how far a signature's time may be from ours. Stripe's libraries
// use the same five minutes, and Stripe signs each retry anew, so an honest
// delivery is never stale.
const Tolerance = 300 * time.Second

// maxHeader bounds the signature header, in bytes. Stripe sends one signature
// for each of an endpoint's live secrets, hardly ever more than two; this leaves
// room for some fifty and keeps a header made to be costly from being so.
const maxHeader = 4 << 10

var errNoSecret = errors.New("no secret to verify with")

// Verifier checks the Stripe-Signature header of a webhook.
type Verifier struct {
	Secrets   []string         // any may match, so that a secret can be rolled; used as they are, an empty one matches nothing
	Now       func() time.Time // nil means time.Now
	Tolerance time.Duration    // zero means the package's Tolerance
}

// Verify says whether one of the secrets signed body, at a time near ours. Its
// error is an ErrSignature.
//
// stripe-go compares the signatures. It takes an empty secret, though, the last
// of several times, a time however far ahead, and blanks around parts that it
// skips; what it lets through is refused here, before anything is hashed.
func (v Verifier) Verify(body []byte, header string) error {
	if err := v.checkHeader(header); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	err := errNoSecret
	for _, secret := range v.Secrets {
		if secret == "" {
			continue // anyone can sign with it
		}
		if err = stripewebhook.ValidatePayloadIgnoringTolerance(body, header, secret); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrSignature, err)
}

// checkHeader checks all that can be checked without a secret, except for the
// form of the parts, which is stripe-go's to judge.
func (v Verifier) checkHeader(header string) error {
	switch {
	case len(header) > maxHeader:
		return errors.New("header is too long")
	case strings.ContainsFunc(header, unprintable):
		return errors.New("header has blanks or unprintable characters")
	}
	signed, err := signedAt(header)
	if err != nil {
		return err
	}
	if v.now().Sub(signed).Abs() > v.tolerance() {
		return errors.New("timestamp is outside the tolerance")
	}
	return nil
}

// signedAt reads the header's t part, which must be there once. It must be
// written in the one plain way too: the signature covers its text, of which
// stripe-go keeps the number only, so that it takes +5 and 05 for 5.
func signedAt(header string) (time.Time, error) {
	var found []string
	for part := range strings.SplitSeq(header, ",") {
		if text, ok := strings.CutPrefix(part, "t="); ok {
			found = append(found, text)
		}
	}
	if len(found) != 1 {
		return time.Time{}, fmt.Errorf("header has %d timestamps", len(found))
	}
	seconds, err := strconv.ParseInt(found[0], 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != found[0] {
		return time.Time{}, errors.New("timestamp is not a whole number")
	}
	return time.Unix(seconds, 0), nil
}

// unprintable says whether r has no place in the header, blanks included.
func unprintable(r rune) bool { return r <= ' ' || r > '~' }

func (v Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (v Verifier) tolerance() time.Duration {
	if v.Tolerance == 0 {
		return Tolerance
	}
	return v.Tolerance
}
