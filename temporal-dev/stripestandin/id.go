package stripestandin

import "crypto/rand"

// newID makes an ID that looks like Stripe's: a prefix, then 24 letters and digits.
func newID(prefix string) string { return prefix + "_3" + rand.Text()[:23] }
