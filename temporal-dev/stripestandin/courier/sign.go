package courier

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v79/webhook"
)

// Sign makes the Stripe-Signature header for a payload: t=…,v1=…, with one v1 for each secret. t is in seconds.
func Sign(payload []byte, at time.Time, secrets ...string) string {
	var header strings.Builder
	header.WriteString("t=" + strconv.FormatInt(at.Unix(), 10))
	for _, secret := range secrets {
		header.WriteString(",v1=" + hex.EncodeToString(webhook.ComputeSignature(at, payload, secret)))
	}
	return header.String()
}
