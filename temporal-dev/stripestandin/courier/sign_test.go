package courier_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79/webhook"

	"twigz/temporal-dev/stripestandin/courier"
)

func TestASignatureHoldsForEachSecret(t *testing.T) {
	t.Parallel()
	payload, now := []byte(`{"object": "event"}`), time.Now()
	header := courier.Sign(payload, now, "whsec_a", "whsec_b")
	require.NoError(t, webhook.ValidatePayload(payload, header, "whsec_a"))
	require.NoError(t, webhook.ValidatePayload(payload, header, "whsec_b"))
	require.Error(t, webhook.ValidatePayload(payload, header, "whsec_c"))
	require.Error(t, webhook.ValidatePayload([]byte(`{"object":"event"}`), header, "whsec_a"))

	t.Run("as stripe-go makes it", func(t *testing.T) {
		t.Parallel()
		theirs := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: "whsec_a", Timestamp: now})
		require.Equal(t, theirs.Header, courier.Sign(payload, now, "whsec_a"))
	})
	t.Run("and for none without a secret", func(t *testing.T) {
		t.Parallel()
		require.Regexp(t, `^t=\d+$`, courier.Sign(payload, now))
	})
}
