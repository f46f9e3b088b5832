package webhook

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"twigz/models"
)

// versions are those whose shapes differ: before, at and after the one that we
// ask Stripe in. https://docs.stripe.com/changelog
var versions = []string{"2022-11-15", "2024-06-20", "2025-06-30.basil"}

// inVersion is an event of an API version.
func inVersion(version, kind, subject string) string {
	return fmt.Sprintf(`{"id":"evt_1Abc","object":"event","api_version":%q,"created":1718000000,"livemode":false,`+
		`"pending_webhooks":1,"request":{"id":"req_1","idempotency_key":null},"type":%q,"data":{"object":%s}}`, version, kind, subject)
}

// afterwards is one object that hangs on a payment, and what is read of it.
type afterwards struct {
	name     string
	kind     string
	versions []string // nil: all of them
	object   string
	want     models.Event // but for what every event has
}

func check(t *testing.T, tests []afterwards) {
	t.Helper()
	for _, test := range tests {
		which := test.versions
		if which == nil {
			which = versions
		}
		for _, version := range which {
			t.Run(test.name+" in "+version, func(t *testing.T) {
				t.Parallel()
				want := test.want
				want.ID, want.Type, want.Created, want.APIVersion = "evt_1Abc", test.kind, 1718000000, version
				if got := mustDecode(t, inVersion(version, test.kind, test.object)); !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v (refund %+v, dispute %+v, review %+v)\nwant %+v (%+v, %+v, %+v)",
						got, got.Refund, got.Dispute, got.Review, want, want.Refund, want.Dispute, want.Review)
				}
			})
		}
	}
}

// refundedCharge is a charge as charge.refunded carries it, with these sums.
func refundedCharge(sums string) string {
	return `{"id":"ch_1","object":"charge","payment_intent":"pi_1","currency":"usd","captured":true,"paid":true,"status":"succeeded",
		"receipt_email":"ann@example.com","billing_details":{"email":"bo@example.com"},"metadata":{"paymentId":"pay_1"},` + sums + `}`
}

func TestRefundedCharges(t *testing.T) {
	t.Parallel()
	want := func(refunded int64) models.Event {
		return models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", AmountRefunded: &refunded}
	}
	check(t, []afterwards{
		{
			name: "a part was given back", kind: "charge.refunded",
			object: refundedCharge(`"amount":2000,"amount_captured":2000,"amount_refunded":500,"refunded":false`), want: want(500),
		},
		{
			name: "the refunds that old versions embed are not read", kind: "charge.refunded", versions: versions[:1],
			object: refundedCharge(`"amount":2000,"amount_captured":2000,"amount_refunded":2000,"refunded":true,
				"refunds":{"object":"list","data":[{"id":"re_1","object":"refund","amount":2000,"status":"succeeded"}],"has_more":false}`), want: want(2000),
		},
		{
			name: "what was never collected was not given back", kind: "charge.refunded",
			object: refundedCharge(`"amount":2000,"amount_captured":1500,"amount_refunded":700`), want: want(200),
		},
		{
			name: "an authorization that was let go of gave nothing back", kind: "charge.refunded",
			object: refundedCharge(`"amount":2000,"amount_captured":0,"amount_refunded":2000`), want: want(0),
		},
		{
			name: "a charge that does not say what was captured was captured whole", kind: "charge.refunded",
			object: refundedCharge(`"amount":2000,"amount_refunded":700`), want: want(700),
		},
		{
			name: "sums below nothing are nothing", kind: "charge.refunded",
			object: refundedCharge(`"amount":2000,"amount_captured":-9223372036854775808,"amount_refunded":-5`), want: want(0),
		},
		{
			name: "a charge that does not say what was given back", kind: "charge.refunded",
			object: refundedCharge(`"amount":2000,"amount_captured":1500`), want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1"},
		},
		{
			name: "a charge without a payment intent", kind: "charge.refunded",
			object: `{"id":"ch_1","object":"charge","payment_intent":null,"amount":5,"amount_captured":5,"amount_refunded":5}`,
			want:   models.Event{ChargeID: "ch_1", AmountRefunded: new(int64(5))},
		},
		{
			name: "its payment intent is there whole", kind: "charge.refunded",
			object: `{"id":"ch_1","object":"charge","payment_intent":{"id":"pi_1","object":"payment_intent","metadata":{"paymentId":"pay_1"}}}`,
			want:   models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1"},
		},
	})
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	check(t, []afterwards{
		{
			name: "one of ours", kind: "refund.created",
			object: `{"id":"re_1","object":"refund","amount":500,"currency":"usd","charge":"ch_1","payment_intent":"pi_1","status":"succeeded","reason":null,
				"metadata":{"twigzRefundId":"rfd_1","paymentId":"pay_1"},"destination_details":{"type":"card"},"balance_transaction":"txn_1"}`,
			want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Refund: &models.RefundFacts{
				ID: "re_1", Ours: "rfd_1", Status: models.RefundSucceeded, Amount: 500, Currency: "usd",
			}},
		},
		{
			name: "one that a person made at Stripe", kind: "charge.refund.updated",
			object: `{"id":"re_1","object":"refund","amount":500,"currency":"jpy","charge":"ch_1","payment_intent":"pi_1","status":"requires_action","reason":"duplicate","metadata":{}}`,
			want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Refund: &models.RefundFacts{
				ID: "re_1", Status: models.RefundRequiresAction, Amount: 500, Currency: "jpy", Reason: "duplicate",
			}},
		},
		{
			name: "one that failed later", kind: "refund.failed", versions: versions[2:],
			object: `{"id":"re_1","object":"refund","amount":500,"currency":"usd","charge":"ch_1","payment_intent":"pi_1","status":"failed",
				"failure_reason":"expired_or_canceled_card","failure_balance_transaction":"txn_2","metadata":{"twigzRefundId":"rfd_1"}}`,
			want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Refund: &models.RefundFacts{
				ID: "re_1", Ours: "rfd_1", Status: models.RefundFailed, Amount: 500, Currency: "usd", FailureReason: "expired_or_canceled_card",
			}},
		},
		{
			name: "one whose charge and payment intent are there whole", kind: "refund.updated",
			object: `{"id":"re_1","object":"refund","amount":500,"charge":{"id":"ch_1","object":"charge"},"payment_intent":{"id":"pi_1"},"status":"canceled"}`,
			want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Refund: &models.RefundFacts{
				ID: "re_1", Status: models.RefundCanceled, Amount: 500,
			}},
		},
		{
			name: "one with a status that nobody knows is on its way", kind: "refund.updated",
			object: `{"id":"re_1","object":"refund","amount":-500,"charge":"ch_1","status":"requested","metadata":{"twigzRefundId":5}}`,
			want:   models.Event{ChargeID: "ch_1", Refund: &models.RefundFacts{ID: "re_1", Status: models.RefundPending}},
		},
		{
			name: "one without an ID is none", kind: "refund.updated",
			object: `{"object":"refund","amount":500,"charge":"ch_1","payment_intent":"pi_1","status":"succeeded"}`,
			want:   models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1"},
		},
	})
}

func TestDisputes(t *testing.T) {
	t.Parallel()
	kinds := []string{"created", "updated", "closed", "funds_withdrawn", "funds_reinstated"}
	var tests []afterwards
	for _, kind := range kinds {
		tests = append(tests, afterwards{
			name: "one of every type, " + kind, kind: "charge.dispute." + kind,
			object: `{"id":"du_1","object":"dispute","amount":2000,"currency":"usd","charge":"ch_1","payment_intent":"pi_1","reason":"fraudulent","status":"needs_response",
				"evidence":{"customer_email_address":"ann@example.com"},"evidence_details":{"due_by":1718900000,"has_evidence":false,"past_due":false,"submission_count":0},
				"is_charge_refundable":false,"metadata":{"paymentId":"pay_1"}}`,
			want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Dispute: &models.DisputeFacts{
				ID: "du_1", Status: models.DisputeNeedsResponse, Reason: "fraudulent", Amount: 2000, Currency: "usd", DueBy: 1718900000,
			}},
		})
	}
	check(t, append(tests, []afterwards{
		{
			name: "one without a payment intent or a date", kind: "charge.dispute.closed",
			object: `{"id":"dp_1","object":"dispute","amount":2000,"charge":"ch_1","payment_intent":null,"status":"won","evidence_details":{"due_by":null}}`,
			want:   models.Event{ChargeID: "ch_1", Dispute: &models.DisputeFacts{ID: "dp_1", Status: models.DisputeWon, Amount: 2000}},
		},
		{
			name: "an inquiry, its charge there whole", kind: "charge.dispute.created",
			object: `{"id":"du_1","object":"dispute","amount":2000,"charge":{"id":"ch_1","payment_intent":"pi_2"},"payment_intent":{"id":"pi_1"},"status":"warning_needs_response"}`,
			want: models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Dispute: &models.DisputeFacts{
				ID: "du_1", Status: models.InquiryNeedsResponse, Amount: 2000,
			}},
		},
		{
			name: "one with a status that nobody knows stays open", kind: "charge.dispute.closed",
			object: `{"id":"du_1","object":"dispute","amount":-1,"charge":"ch_1","status":"prevented","evidence_details":{"due_by":-5}}`,
			want:   models.Event{ChargeID: "ch_1", Dispute: &models.DisputeFacts{ID: "du_1", Status: models.DisputeUnderReview}},
		},
		{
			name: "a date that no calendar has is none", kind: "charge.dispute.updated",
			object: `{"id":"du_1","object":"dispute","charge":"ch_1","status":"lost","evidence_details":{"due_by":253402300800}}`,
			want:   models.Event{ChargeID: "ch_1", Dispute: &models.DisputeFacts{ID: "du_1", Status: models.DisputeLost}},
		},
		{
			name: "a date in words is none", kind: "charge.dispute.updated",
			object: `{"id":"du_1","object":"dispute","charge":"ch_1","status":"lost","evidence_details":{"due_by":"tomorrow"}}`,
			want:   models.Event{ChargeID: "ch_1", Dispute: &models.DisputeFacts{ID: "du_1", Status: models.DisputeLost}},
		},
		{
			name: "one without an ID is none", kind: "charge.dispute.created",
			object: `{"object":"dispute","amount":2000,"charge":"ch_1","status":"lost"}`,
			want:   models.Event{ChargeID: "ch_1"},
		},
	}...))
}

func TestReviews(t *testing.T) {
	t.Parallel()
	opened := models.Event{ChargeID: "ch_1", PaymentIntentID: "pi_1", Review: &models.ReviewFacts{ID: "prv_1", Open: true, OpenedReason: "rule"}}
	check(t, []afterwards{
		{
			name: "one that was opened", kind: "review.opened",
			object: `{"id":"prv_1","object":"review","charge":"ch_1","payment_intent":"pi_1","open":true,"opened_reason":"rule","closed_reason":null,"reason":"rule",
				"billing_zip":"10115","ip_address":"192.0.2.1","ip_address_location":{"city":"Bath"}}`,
			want: opened,
		},
		{
			name: "one that was approved", kind: "review.closed",
			object: `{"id":"prv_1","object":"review","charge":null,"payment_intent":"pi_1","open":false,"opened_reason":"manual","closed_reason":"approved","reason":"approved"}`,
			want: models.Event{PaymentIntentID: "pi_1", Review: &models.ReviewFacts{
				ID: "prv_1", OpenedReason: "manual", ClosedReason: "approved",
			}},
		},
		{
			name: "one that says why it is open in the old way", kind: "review.opened",
			object: `{"id":"prv_1","object":"review","charge":{"id":"ch_1"},"payment_intent":{"id":"pi_1"},"open":true,"reason":"rule"}`,
			want:   opened,
		},
		{
			name: "one that says why it is closed in the old way", kind: "review.closed",
			object: `{"id":"prv_1","object":"review","payment_intent":"pi_1","open":false,"reason":"refunded_as_fraud"}`,
			want:   models.Event{PaymentIntentID: "pi_1", Review: &models.ReviewFacts{ID: "prv_1", ClosedReason: "refunded_as_fraud"}},
		},
		{
			name: "an open one has no reason for being closed", kind: "review.opened",
			object: `{"id":"prv_1","object":"review","charge":"ch_1","payment_intent":"pi_1","open":true,"opened_reason":"rule","closed_reason":"approved"}`,
			want:   opened,
		},
		{
			name: "one that does not say is as its event says, opened", kind: "review.opened",
			object: `{"id":"prv_1","object":"review","charge":"ch_1","payment_intent":"pi_1","open":"yes","opened_reason":"rule"}`,
			want:   opened,
		},
		{
			name: "one that does not say is as its event says, closed", kind: "review.closed",
			object: `{"id":"prv_1","object":"review","charge":"ch_1","closed_reason":"approved"}`,
			want:   models.Event{ChargeID: "ch_1", Review: &models.ReviewFacts{ID: "prv_1", ClosedReason: "approved"}},
		},
		{
			name: "one without an ID is none", kind: "review.closed",
			object: `{"object":"review","charge":"ch_1","open":false}`,
			want:   models.Event{ChargeID: "ch_1"},
		},
	})
}

func TestWordsOfRefundsDisputesAndReviewsAreCleanedAndCut(t *testing.T) {
	t.Parallel()
	long := `\u0000` + strings.Repeat("é", 600)
	cut := func(limit int) string { return "\uFFFD" + strings.Repeat("é", limit-1) }
	decode := func(kind, object string) models.Event {
		return mustDecode(t, event(kind, strings.ReplaceAll(object, "LONG", long)))
	}
	refund := decode("refund.created", `{"object":"refund","id":"LONG","charge":"LONG","payment_intent":{"id":"LONG"},"currency":"LONG","status":"LONG","reason":"LONG","failure_reason":"LONG",
		"metadata":{"twigzRefundId":"LONG"}}`)
	dispute := decode("charge.dispute.created", `{"object":"dispute","id":"LONG","currency":"LONG","status":"LONG","reason":"LONG"}`)
	open := decode("review.opened", `{"object":"review","id":"LONG","open":true,"reason":"LONG"}`)
	closed := decode("review.closed", `{"object":"review","id":"LONG","open":false,"opened_reason":"LONG","closed_reason":"LONG"}`)
	for _, text := range []struct{ got, want string }{
		{refund.ChargeID, cut(255)},
		{refund.PaymentIntentID, cut(255)},
		{refund.Refund.ID, cut(255)},
		{refund.Refund.Ours, cut(255)},
		{refund.Refund.Currency, cut(32)},
		{refund.Refund.Reason, cut(100)},
		{refund.Refund.FailureReason, cut(100)},
		{dispute.Dispute.ID, cut(255)},
		{dispute.Dispute.Currency, cut(32)},
		{dispute.Dispute.Reason, cut(100)},
		{open.Review.ID, cut(255)},
		{open.Review.OpenedReason, cut(100)},
		{closed.Review.OpenedReason, cut(100)},
		{closed.Review.ClosedReason, cut(100)},
	} {
		if text.got != text.want {
			t.Errorf("got %.20q… of %d bytes, want %d bytes", text.got, len(text.got), len(text.want))
		}
	}
}
