package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	stripewebhook "github.com/stripe/stripe-go/v79/webhook"

	"twigz/models"
)

// FuzzVerify makes headers out of templates, in which $t and $sig stand for
// noon and for a good signature, so that it gets past the HMAC. What is let
// through must be what Stripe would have sent.
func FuzzVerify(f *testing.F) {
	for _, header := range []string{
		"", "t=$t,v1=$sig", "v1=$sig,t=$t", "t=$t,v0=$sig", "t=$t,v1=00,v1=$sig,v0=ab", "t=$t,t=$t,v1=$sig", "t=1,v1=$sig",
		"t=$t, v1=$sig", "t=$t,v1=$sig,", "t=+$t,v1=$sig", "t=$t.0,v1=$sig", "t=9223372036854775807,v1=$sig", "t=-9223372036854775808,v1=$sig",
	} {
		f.Add([]byte(whole), header)
	}
	v := delivered{}.verifier()
	f.Fuzz(func(t *testing.T, body []byte, template string) {
		signature := sign(string(body), secret, noon)
		header := strings.NewReplacer("$t", after(0)[len("t="):], "$sig", signature).Replace(template)
		if err := v.Verify(body, honest(string(body))); err != nil {
			t.Fatalf("honest delivery: %v", err)
		}
		if v.Verify(append(slices.Clip(body), 'x'), header) == nil {
			t.Fatalf("%q verifies a longer body", header)
		}
		err := v.Verify(body, header)
		if err != nil {
			if !errors.Is(err, ErrSignature) {
				t.Fatalf("error %v, want an ErrSignature", err)
			}
			return
		}
		switch theirs := stripewebhook.ValidatePayloadIgnoringTolerance(body, header, secret); {
		case theirs != nil:
			t.Errorf("stripe-go refuses %q: %v", header, theirs)
		case !strings.Contains(strings.ToLower(header), "v1="+signature):
			t.Errorf("%q lacks the signature", header)
		case strings.Count(","+header, ",t=") != 1 || !strings.Contains(","+header+",", ","+after(0)+","):
			t.Errorf("%q does not have the one time", header)
		case strings.ContainsAny(header, " \t\r\n") || len(header) > maxHeader:
			t.Errorf("%q has no form", header)
		}
	})
}

// FuzzDecode looks for a body that panics, or that decodes to what Postgres
// would refuse or what would burden a workflow's history.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		"", "null", "{}", scrap, thin, fixedBody, event("invoice.upcoming", "{}"),
		succeeded(`"id":"pi_1","amount":5,"amount_received":5,"currency":"usd","latest_charge":"ch_1","invoice":null,"receipt_email":"a@b.c","metadata":{"paymentId":"p"}`),
		succeeded(`"charges":{"data":[{"id":"ch_1","billing_details":{"email":"a@b.c"}}]},"last_payment_error":{"code":"a","decline_code":"b","message":"c\u0000\ud800"}`),
		succeeded(`"metadata":{"customerId":"c","storeId":"s","deliveryAddress":"{}","deliveryType":"pickup","deliveryFee":"0","foo":5}`),
		succeeded(`"metadata":[]`), succeeded(`"charges":{"data":[null]},"last_payment_error":[]`), succeeded(`"amount":1e3`),
		event("payment_intent.canceled", `{"object":"payment_intent","cancellation_reason":"abandoned"}`),
		completed(`"id":"cs_1","payment_intent":"pi_1","amount_total":5,"currency":"usd","mode":"payment","payment_status":"paid","customer_details":{"email":"a@b.c"},"metadata":{"paymentId":"p"}`),
		event("charge.refunded", `{"object":"charge","id":"ch_1","payment_intent":{"id":"pi_1"},"amount":9,"amount_captured":5,"amount_refunded":6,"metadata":{"paymentId":"p"}}`),
		event("charge.refunded", `{"object":"charge","amount":-9223372036854775808,"amount_captured":9223372036854775807,"amount_refunded":-1}`),
		event("refund.updated", `{"object":"refund","id":"re_1","charge":"ch_1","amount":-5,"currency":"usd","status":"odd","reason":"duplicate","failure_reason":"unknown","metadata":{"twigzRefundId":"rfd_\u0000"}}`),
		event("charge.dispute.closed", `{"object":"dispute","id":"du_1","charge":{"id":"ch_1"},"amount":5,"status":"lost","evidence_details":{"due_by":1718900000}}`),
		event("review.closed", `{"object":"review","id":"prv_1","open":false,"reason":"approved","closed_reason":5,"opened_reason":"rule"}`),
		event("customer.subscription.trial_will_end", `{"object":"subscription","id":"sub_1","customer":{"id":"cus_1"},"trial_end":1718900000,"metadata":{"customerId":"c_1"}}`),
		event("invoice.paid", `{"object":"invoice","id":"in_1","customer":"cus_1","subscription":"sub_1","subscription_details":{"metadata":{"customerId":"c_\u0000"}},"metadata":{"storeId":5}}`),
		event("invoice.finalized", `{"object":"invoice","id":"in_1","parent":{"type":"subscription_details","subscription_details":{"subscription":{"id":"sub_1"},"metadata":{"customerId":"c_1"}}}}`),
		event("invoice.upcoming", `{"object":"invoice","customer":"cus_1","amount_due":-5,"currency":"usd","next_payment_attempt":null,"period_end":1718900000,"due_date":-1,
			"lines":{"object":"list","data":[{"period":{"start":1718900000,"end":1721500000}},null,{"period":5}]}}`),
		event("customer.deleted", `{"object":"customer","id":"cus_1","deleted":true,"metadata":{"customerId":"c_1"}}`),
		completed(`"id":"cs_1","mode":"subscription","payment_status":"paid","subscription":"sub_1","customer":{"id":"cus_1"},"invoice":"in_1","metadata":{"customerId":"c_1"}`),
		completed(`"payment_status":"unpaid","customer_email":"` + strings.Repeat("é", 400) + `","metadata":{"storeId":"` + strings.Repeat(`\u0001`, 600) + `"}`),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Decode(body)
		again, errAgain := Decode(body)
		if !reflect.DeepEqual(got, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("decoded %+v (%v), then %+v (%v)", got, err, again, errAgain)
		}
		if err != nil {
			if !errors.Is(err, ErrPayload) || !reflect.DeepEqual(got, Delivery{}) {
				t.Fatalf("%+v beside error %v", got, err)
			}
			return
		}
		checkStorable(t, got)
	})
}

// checkStorable checks the promises of models.Event, on top of which a hostile
// event may take six bytes of JSON for a character: "\u0001".
func checkStorable(t *testing.T, d Delivery) {
	t.Helper()
	const limit = 8 << 10
	var characters int
	for _, text := range append(texts(reflect.ValueOf(d.Event)), d.Account) {
		characters += utf8.RuneCountInString(text)
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			t.Errorf("%q cannot be stored", text)
		}
	}
	if !eventID.MatchString(d.Event.ID) || d.Event.Type == "" {
		t.Errorf("event %q of type %q", d.Event.ID, d.Event.Type)
	}
	stored, err := json.Marshal(d.Event)
	if err != nil || characters > limit || len(stored) > 6*limit {
		t.Errorf("%d characters, %d bytes of JSON (%v)", characters, len(stored), err)
	}
	var back models.Event
	if err := json.Unmarshal(stored, &back); err != nil || !reflect.DeepEqual(back, d.Event) {
		t.Errorf("%+v comes back as %+v (%v)", d.Event, back, err)
	}
}

// texts is every text in v.
func texts(v reflect.Value) []string {
	var all []string
	switch v.Kind() {
	case reflect.String:
		all = append(all, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			all = texts(v.Elem())
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			all = append(all, texts(field)...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			all = append(all, texts(key)...)
			all = append(all, texts(v.MapIndex(key))...)
		}
	default: // numbers and bools can be stored as they are
	}
	return all
}
