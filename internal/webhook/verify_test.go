package webhook

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v79/webhook"
)

const (
	secret = "whsec_test_secret"
	rolled = "whsec_test_secret_rolled_key"
)

// noon is when the tests' deliveries arrive.
var noon = time.Unix(1_750_000_000, 0)

// Bodies. Stripe's own tests sign scraps that are no events, so most of these
// verify and then cannot be read.
const (
	scrap     = `{"id":"evt_scrap","object":"event"}`
	versioned = `{"id":"evt_scrap","object":"event","api_version":"2024-06-20"}`
	elder     = `{"id":"evt_scrap","object":"event","api_version":"2020-01-01"}`
	spaced    = `{"id": "evt_scrap", "object": "event", "api_version": "2024-06-20"}`
	reader    = `{"id":"evt_scrap","object":"event","data":{"object":{"id":"rdr_1","object":"terminal.reader"}}}`
	foreign   = `{"id":"evt_1","object":"event","type":"customer.created","data":{"object":{"id":"cus_1","object":"customer","name":"Zoë Łukasz 山田 👩‍🚀"}}}`
	thin      = `{"id":"evt_%s","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":true,"created":"2022-02-15T00:27:45.330Z"}`
	whole     = `{"id":"evt_1","object":"event","created":1700000000,"type":"customer.created","data":{"object":{}}}`
)

// A body and the header that Stripe's libraries carry for it: a signature that
// this package's code had no part in.
const (
	fixedSecret = "webhook_secret"
	fixedHeader = "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7," +
		"v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
	fixedBody = `{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
`
)

var fixedTime = time.Unix(1_533_204_620, 0)

// sign is the hexadecimal signature of body at a time.
func sign(body, secret string, at time.Time) string {
	return hex.EncodeToString(stripewebhook.ComputeSignature(at, []byte(body), secret))
}

// stamp is the header's part for a time.
func stamp(at time.Time) string { return fmt.Sprintf("t=%d", at.Unix()) }

// after is the stamp of a delivery signed that long after noon.
func after(d time.Duration) string { return stamp(noon.Add(d)) }

// v1 is the header's part for body signed at noon.
func v1(body string) string { return "v1=" + sign(body, secret, noon) }

// v1By is v1 with another secret.
func v1By(secret, body string) string { return "v1=" + sign(body, secret, noon) }

// parts puts a header together.
func parts(parts ...string) string { return strings.Join(parts, ",") }

// honest is the header that Stripe sends with body at noon.
func honest(body string) string { return parts(after(0), v1(body)) }

// signedAfter is the header of a delivery signed that long after noon.
func signedAfter(d time.Duration, body string) string {
	return parts(after(d), "v1="+sign(body, secret, noon.Add(d)))
}

// verdict is what becomes of a delivery.
type verdict int

const (
	refused    verdict = iota // by its signature
	unreadable                // signed, but no event
	accepted
)

func judge(v Verifier, body, header string) (verdict, error) {
	if err := v.Verify([]byte(body), header); err != nil {
		if !errors.Is(err, ErrSignature) {
			return refused, fmt.Errorf("not an ErrSignature: %w", err)
		}
		return refused, nil
	}
	if _, err := Decode([]byte(body)); err != nil {
		if !errors.Is(err, ErrPayload) {
			return unreadable, fmt.Errorf("not an ErrPayload: %w", err)
		}
		return unreadable, nil
	}
	return accepted, nil
}

// delivered is one delivery and its verdict.
type delivered struct {
	name    string
	body    string
	header  string
	want    verdict
	secrets []string      // nil means the test secret alone
	at      time.Time     // when it arrives; zero means noon
	within  time.Duration // the tolerance; zero means the default
}

func (d delivered) verifier() Verifier {
	secrets, at := d.secrets, d.at
	if secrets == nil {
		secrets = []string{secret}
	}
	if at.IsZero() {
		at = noon
	}
	return Verifier{Secrets: secrets, Now: func() time.Time { return at }, Tolerance: d.within}
}

func run(t *testing.T, deliveries []delivered) {
	t.Helper()
	t.Parallel()
	for _, d := range deliveries {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			got, err := judge(d.verifier(), d.body, d.header)
			if err != nil {
				t.Fatal(err)
			}
			if got != d.want {
				t.Errorf("verdict %d, want %d", got, d.want)
			}
		})
	}
}

func TestASignatureMadeElsewhere(t *testing.T) {
	fixed := []string{fixedSecret}
	run(t, []delivered{
		{name: "verifies at its time, its v0 part ignored", body: fixedBody, header: fixedHeader, secrets: fixed, at: fixedTime, want: accepted},
		{name: "is stale years later", body: fixedBody, header: fixedHeader, secrets: fixed, want: refused},
		{name: "does not cover text put after the body", body: fixedBody + "more", header: fixedHeader, secrets: fixed, at: fixedTime, want: refused},
		{name: "covers the last line's end", body: strings.TrimSuffix(fixedBody, "\n"), header: fixedHeader, secrets: fixed, at: fixedTime, want: refused},
		{name: "covers the kind of line ends", body: strings.ReplaceAll(fixedBody, "\n", "\r\n"), header: fixedHeader, secrets: fixed, at: fixedTime, want: refused},
	})
}

func TestHeadersThatSayTooLittle(t *testing.T) {
	empty := sign("{}", secret, noon)
	run(t, []delivered{
		{name: "no header", body: versioned, header: "", want: refused},
		{name: "a time without digits beside a signature", body: "{}", header: parts("t=", "v1="+empty, "v0=63f3"), want: refused},
		{name: "a time without digits alone", body: versioned, header: "t=", want: refused},
		{name: "the names, two with an equals sign", body: "{}", header: "t,v1=,v0=", want: refused},
		{name: "the names, one with an equals sign", body: "{}", header: "t,v1=,v0", want: refused},
		{name: "two names and a trailing comma", body: "{}", header: "t,v1=,", want: refused},
		{name: "one name and commas", body: "{}", header: "t,,", want: refused},
		{name: "commas", body: "{}", header: ",,", want: refused},
		{name: "one name", body: "{}", header: "t", want: refused},
		{name: "a name that lost its value before a time", body: versioned, header: "v1,t=1", want: refused},
		{name: "a word", body: scrap, header: "bad_header", want: refused},
		{name: "a sentence", body: scrap, header: "Trust me, I am Stripe", want: refused},
		{name: "a signature without a time", body: versioned, header: v1(versioned), want: refused},
		{name: "a signature without hexadecimal digits", body: versioned, header: parts(after(0), "v1="), want: refused},
		{name: "a time alone", body: whole, header: after(0), want: refused},
	})
}

func TestHeaderForm(t *testing.T) {
	run(t, []delivered{
		{name: "a time and a signature, and a version", body: versioned, header: honest(versioned), want: unreadable},
		{name: "a time and a signature, and no version", body: scrap, header: honest(scrap), want: unreadable},
		{name: "a time and a signature of a whole event", body: whole, header: honest(whole), want: accepted},
		{name: "the signature before the time", body: versioned, header: parts(v1(versioned), after(0)), want: unreadable},
		{name: "schemes that we do not know", body: versioned, header: parts(after(0), "v2=abc", v1(versioned), "v0=00"), want: unreadable},
		{name: "a blank after a comma", body: versioned, header: after(0) + ", " + v1(versioned), want: refused},
		{name: "a blank before a part that does not matter", body: whole, header: honest(whole) + ", v0=00", want: refused},
		{name: "a tab at the end", body: whole, header: honest(whole) + "\t", want: refused},
		{name: "letters beyond ASCII", body: whole, header: honest(whole) + ",v0=é", want: refused},
		{name: "a comma at the end", body: versioned, header: honest(versioned) + ",", want: refused},
		{name: "semicolons for commas", body: versioned, header: after(0) + ";" + v1(versioned), want: refused},
		{name: "a second equals sign in a part", body: whole, header: honest(whole) + ",v0=a=b", want: refused},
		{name: "as many signatures as fit", body: whole, header: parts(after(0), strings.Repeat("v1=00,", 600)+v1(whole)), want: accepted},
		{name: "more than fit", body: whole, header: parts(after(0), strings.Repeat("v1=00,", 700)+v1(whole)), want: refused},
	})
}

func TestSignatures(t *testing.T) {
	cut := func(part string) string { return part[:len(part)-2] }
	run(t, []delivered{
		{name: "a good one before a bad one", body: scrap, header: parts(honest(scrap), "v1="+strings.Repeat("deadbeef", 8)), want: unreadable},
		{name: "a good one before one that is no hexadecimal", body: versioned, header: parts(honest(versioned), "v1=bad_signature"), want: unreadable},
		{name: "a good one before a vegetable", body: scrap, header: parts(honest(scrap), "v1=potato"), want: unreadable},
		{name: "one that is no hexadecimal", body: scrap, header: parts(after(0), "v1=bad_signature"), want: refused},
		{name: "one that is too short and wrong", body: versioned, header: parts(after(0), "v1="+hex.EncodeToString([]byte("deadbeef"))), want: refused},
		{name: "a good one that lost its last byte", body: versioned, header: cut(honest(versioned)), want: refused},
		{name: "capital hexadecimal digits", body: versioned, header: parts(after(0), "v1="+strings.ToUpper(sign(versioned, secret, noon))), want: unreadable},
		{name: "a capital letter in the scheme", body: versioned, header: parts(after(0), "V1="+sign(versioned, secret, noon)), want: refused},
		{name: "only in the scheme for tests", body: scrap, header: parts(after(0), "v0="+sign(scrap, secret, noon)), want: refused},
		{name: "only in the scheme for tests, with a version", body: versioned, header: parts(after(0), "v0="+sign(versioned, secret, noon)), want: refused},
	})
}

func TestSecrets(t *testing.T) {
	run(t, []delivered{
		{name: "another's", body: scrap, header: parts(after(0), v1By("whsec_other", scrap)), want: refused},
		{name: "empty, with a signature made with it", body: scrap, header: parts(after(0), v1By("", scrap)), secrets: []string{""}, want: refused},
		{name: "empty beside ours, with a signature made with the empty one", body: whole, header: parts(after(0), v1By("", whole)), secrets: []string{"", secret}, want: refused},
		{name: "empty beside ours, with a signature made with ours", body: whole, header: honest(whole), secrets: []string{"", secret}, want: accepted},
		{name: "none at all", body: whole, header: honest(whole), secrets: []string{}, want: refused},
		{name: "with a blank that Stripe's has not", body: scrap, header: honest(scrap), secrets: []string{secret + " "}, want: refused},
		{name: "rolled, and we have the old one", body: versioned, header: parts(honest(versioned), v1By(rolled, versioned)), want: unreadable},
		{name: "rolled, and we have the new one", body: versioned, header: parts(honest(versioned), v1By(rolled, versioned)), secrets: []string{rolled}, want: unreadable},
		{name: "the first of ours", body: whole, header: honest(whole), secrets: []string{secret, rolled}, want: accepted},
		{name: "the last of ours", body: whole, header: honest(whole), secrets: []string{rolled, secret}, want: accepted},
		{name: "none of ours", body: whole, header: parts(after(0), v1By("whsec_other", whole)), secrets: []string{rolled, secret}, want: refused},
	})
}

func TestTime(t *testing.T) {
	long := time.Unix(12345, 0)
	atLong := func(body string) string { return parts(stamp(long), "v1="+sign(body, secret, long)) }
	run(t, []delivered{
		{name: "15 s ago, of 10 s", body: versioned, header: signedAfter(-15*time.Second, versioned), within: 10 * time.Second, want: refused},
		{name: "15 s ago, of 20 s", body: versioned, header: signedAfter(-15*time.Second, versioned), within: 20 * time.Second, want: unreadable},
		{name: "298 s ago", body: versioned, header: signedAfter(-298*time.Second, versioned), want: unreadable},
		{name: "300 s ago", body: whole, header: signedAfter(-300*time.Second, whole), want: accepted},
		{name: "300 s and a bit ago", body: whole, header: honest(whole), at: noon.Add(300*time.Second + time.Millisecond), want: refused},
		{name: "302 s ago", body: versioned, header: signedAfter(-302*time.Second, versioned), want: refused},
		{name: "400 s ago", body: scrap, header: signedAfter(-400*time.Second, scrap), want: refused},
		{name: "10 s ahead", body: versioned, header: signedAfter(10*time.Second, versioned), want: unreadable},
		{name: "300 s ahead", body: whole, header: signedAfter(300*time.Second, whole), want: accepted},
		{name: "301 s ahead", body: whole, header: signedAfter(301*time.Second, whole), want: refused},
		{name: "ten minutes ahead", body: versioned, header: signedAfter(600*time.Second, versioned), want: refused},
		{name: "long ago, arriving then", body: versioned, header: atLong(versioned), at: long, want: unreadable},
		{name: "long ago, arriving then, about a reader", body: reader, header: atLong(reader), at: long, want: unreadable},
		{name: "before the first second", body: versioned, header: parts("t=-5", "v1="+sign(versioned, secret, time.Unix(-5, 0))), want: refused},
		{name: "the last second that there is", body: whole, header: parts("t=9223372036854775807", v1(whole)), want: refused},
		{name: "beyond any number", body: versioned, header: parts("t=99999999999999999999", v1(versioned)), want: refused},
		{name: "no number", body: versioned, header: parts("t=abc", v1(versioned)), want: refused},
		{name: "a fraction", body: versioned, header: parts(after(0)+".0", v1(versioned)), want: refused},
		{name: "a sign that was not signed", body: whole, header: parts(fmt.Sprintf("t=+%d", noon.Unix()), v1(whole)), want: refused},
		{name: "a nought that was not signed", body: whole, header: parts(fmt.Sprintf("t=0%d", noon.Unix()), v1(whole)), want: refused},
		{name: "two, the good one last", body: versioned, header: parts("t=1", honest(versioned)), want: refused},
		{name: "two, the good one first", body: versioned, header: parts(after(0), "t=1", v1(versioned)), want: refused},
		{name: "two alike", body: whole, header: parts(after(0), honest(whole)), want: refused},
	})
}

func TestTheSignedBytes(t *testing.T) {
	run(t, []delivered{
		{name: "an older version", body: elder, header: honest(elder), want: unreadable},
		{name: "an object of no interest", body: reader, header: honest(reader), want: unreadable},
		{name: "a line's end after the body", body: scrap + "\n", header: honest(scrap + "\n"), want: unreadable},
		{name: "a line's end that was lost on the way", body: scrap, header: honest(scrap + "\n"), want: refused},
		{name: "blanks that were lost on the way", body: versioned, header: honest(spaced), want: refused},
		{name: "text in many scripts", body: foreign, header: honest(foreign), want: unreadable},
		{name: "letters that were escaped on the way", body: `{"id":"evt_1","name":"Zo\u00eb"}`, header: honest(`{"id":"evt_1","name":"Zoë"}`), want: refused},
	})
}

func TestSignedButNoEvent(t *testing.T) {
	meter, other := fmt.Sprintf(thin, "scrap"), fmt.Sprintf(thin, "234")
	run(t, []delivered{
		{name: "nothing", body: "", header: honest(""), want: unreadable},
		{name: "an object with a bracket after it", body: versioned + "[", header: honest(versioned + "["), want: unreadable},
		{name: "brackets and words", body: "} no JSON; 1]", header: honest("} no JSON; 1]"), want: unreadable},
		{name: "a sentence", body: "this is prose", header: honest("this is prose"), want: unreadable},
		{name: "a thin event", body: meter, header: honest(meter), want: unreadable},
		{name: "another thin event", body: other, header: honest(other), want: unreadable},
	})
}

func TestTheZeroVerifierUsesTheClockAndFiveMinutes(t *testing.T) {
	t.Parallel()
	v := Verifier{Secrets: []string{secret}}
	for age, want := range map[time.Duration]verdict{0: accepted, 290 * time.Second: accepted, 310 * time.Second: refused, -310 * time.Second: refused} {
		at := time.Now().Add(-age)
		got, err := judge(v, whole, parts(stamp(at), "v1="+sign(whole, secret, at)))
		if err != nil || got != want {
			t.Errorf("signed %v ago: verdict %d, want %d (%v)", age, got, want, err)
		}
	}
}

func TestErrorsNeverQuoteTheBody(t *testing.T) {
	t.Parallel()
	v := delivered{}.verifier()
	for _, body := range []string{"hunter2", `{"id":"hunter2"}`, `{"id":"evt_1","type":"hunter2","created":"hunter2"}`} {
		_, decoding := Decode([]byte(body))
		for _, err := range []error{v.Verify([]byte(body), honest("")), v.Verify([]byte(body), body), decoding} {
			if err == nil || strings.Contains(err.Error(), "hunter") {
				t.Errorf("error for %s: %v", body, err)
			}
		}
	}
}
