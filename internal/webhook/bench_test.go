package webhook

import (
	"strings"
	"testing"
)

// BenchmarkVerifyAndDecode takes a payment intent of the length that Stripe
// sends, most of which is not read.
func BenchmarkVerifyAndDecode(b *testing.B) {
	body := succeeded(`"id":"pi_3PQ","amount":2599,"amount_received":2599,"currency":"usd","latest_charge":"ch_3PQ","invoice":null,"receipt_email":"ann@example.com",
		"last_payment_error":null,"metadata":{"paymentId":"0190a3b4-7c1e-7c1e-8f00-000000000001"},
		"payment_method_options":{"card":{"installments":null,"mandate_options":null,"network":null,"request_three_d_secure":"automatic"}},
		"shipping":null,"status":"succeeded","unread":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a line of text","amount":100},`, 50), ",") + `]`)
	header, v := honest(body), delivered{}.verifier()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify([]byte(body), header); err != nil {
			b.Fatal(err)
		}
		if _, err := Decode([]byte(body)); err != nil {
			b.Fatal(err)
		}
	}
}
