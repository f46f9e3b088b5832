package webhook

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"twigz/models"
)

// event is an event of that type about subject, as API version 2024-06-20
// writes it.
func event(kind, subject string) string {
	return fmt.Sprintf(`{"id":"evt_1Abc","object":"event","api_version":"2024-06-20","created":1718000000,`+
		`"livemode":false,"pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":%q,"data":{"object":%s}}`, kind, subject)
}

// succeeded is a payment_intent.succeeded whose intent has these members too.
func succeeded(members string) string {
	return event("payment_intent.succeeded", `{"object":"payment_intent",`+members+`}`)
}

// completed is a checkout.session.completed whose session has these members too.
func completed(members string) string {
	return event("checkout.session.completed", `{"object":"checkout.session",`+members+`}`)
}

// mustDecode returns the event in body.
func mustDecode(t *testing.T, body string) models.Event {
	t.Helper()
	d, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("Decode(%.200s): %v", body, err)
	}
	return d.Event
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"null":                               `null`,
		"an array":                           `[` + event("a", "{}") + `]`,
		"a text":                             `"evt_1"`,
		"two objects":                        event("a", "{}") + event("a", "{}"),
		"a word after the object":            event("a", "{}") + " x",
		"an object cut short":                strings.TrimSuffix(event("a", "{}"), "}"),
		"no id":                              `{"type":"a","created":1,"data":{"object":{}}}`,
		"an id of null":                      `{"id":null,"type":"a","created":1,"data":{"object":{}}}`,
		"an id that is a number":             `{"id":1,"type":"a","created":1,"data":{"object":{}}}`,
		"an id of another kind":              `{"id":"pi_1","type":"a","created":1,"data":{"object":{}}}`,
		"an id of the prefix alone":          `{"id":"evt_","type":"a","created":1,"data":{"object":{}}}`,
		"an id with a hyphen":                `{"id":"evt_1-2","type":"a","created":1,"data":{"object":{}}}`,
		"an id with a line's end":            `{"id":"evt_1\n","type":"a","created":1,"data":{"object":{}}}`,
		"an id with a NUL":                   `{"id":"evt_1\u0000","type":"a","created":1,"data":{"object":{}}}`,
		"an id of 251 letters":               `{"id":"evt_` + strings.Repeat("a", 251) + `","type":"a","created":1,"data":{"object":{}}}`,
		"an ID under another case":           `{"ID":"evt_1","type":"a","created":1,"data":{"object":{}}}`,
		"no type":                            `{"id":"evt_1","created":1,"data":{"object":{}}}`,
		"an empty type":                      `{"id":"evt_1","type":"","created":1,"data":{"object":{}}}`,
		"a type that is a number":            `{"id":"evt_1","type":5,"created":1,"data":{"object":{}}}`,
		"no created":                         `{"id":"evt_1","type":"a","data":{"object":{}}}`,
		"created null":                       `{"id":"evt_1","type":"a","created":null,"data":{"object":{}}}`,
		"created a fraction":                 `{"id":"evt_1","type":"a","created":1.5,"data":{"object":{}}}`,
		"created with an exponent":           `{"id":"evt_1","type":"a","created":1e3,"data":{"object":{}}}`,
		"created as text":                    `{"id":"evt_1","type":"a","created":"5","data":{"object":{}}}`,
		"created over 64 bits":               `{"id":"evt_1","type":"a","created":9223372036854775808,"data":{"object":{}}}`,
		"livemode a text":                    `{"id":"evt_1","type":"a","created":1,"livemode":"true","data":{"object":{}}}`,
		"account a number":                   `{"id":"evt_1","type":"a","created":1,"account":5,"data":{"object":{}}}`,
		"account an object":                  `{"id":"evt_1","type":"a","created":1,"account":{"id":"acct_1"},"data":{"object":{}}}`,
		"api_version a number":               `{"id":"evt_1","type":"a","created":1,"api_version":2024,"data":{"object":{}}}`,
		"no data":                            `{"id":"evt_1","type":"a","created":1}`,
		"data null":                          `{"id":"evt_1","type":"a","created":1,"data":null}`,
		"data an array":                      `{"id":"evt_1","type":"a","created":1,"data":[]}`,
		"data without an object":             `{"id":"evt_1","type":"a","created":1,"data":{}}`,
		"data.object null":                   `{"id":"evt_1","type":"a","created":1,"data":{"object":null}}`,
		"data.object a text":                 `{"id":"evt_1","type":"a","created":1,"data":{"object":"pi_1"}}`,
		"data.object null, type handled":     event("payment_intent.succeeded", "null"),
		"a thin event":                       `{"id":"evt_test_65","object":"v2.core.event","type":"v2.core.account.created","created":"2024-09-17T06:20:52.246Z","livemode":false,"related_object":{"id":"acct_1","type":"v2.core.account"}}`,
		"a thin event, its data an object":   `{"id":"evt_1","object":"v2.core.event","type":"a","created":"2024-09-17T06:20:52.246Z","data":{"object":{}}}`,
		"an intent that is a session":        event("payment_intent.succeeded", `{"object":"checkout.session","id":"cs_1"}`),
		"an intent that does not say":        event("payment_intent.canceled", `{"id":"pi_1"}`),
		"an intent that says it in a number": event("payment_intent.processing", `{"id":"pi_1","object":1}`),
		"a session that is an intent":        event("checkout.session.expired", `{"object":"payment_intent","id":"pi_1"}`),
		"a session that does not say":        event("checkout.session.async_payment_failed", `{}`),
		"an intent's id a number":            succeeded(`"id":5`),
		"an intent's charge an object":       succeeded(`"id":"pi_1","latest_charge":{"id":"ch_1"}`),
		"an embedded charge's id a number":   succeeded(`"charges":{"data":[{"id":5}]}`),
		"an intent's invoice a bool":         succeeded(`"invoice":true`),
		"an intent's amount a fraction":      succeeded(`"amount":10.5`),
		"an intent's amount with a point":    succeeded(`"amount":10.0`),
		"an intent's amount as text":         succeeded(`"amount":"1050"`),
		"amount_received with an exponent":   succeeded(`"amount":1000,"amount_received":1e3`),
		"amount_received over 64 bits":       succeeded(`"amount_received":9223372036854775808`),
		"a session's id an array":            completed(`"id":["cs_1"]`),
		"a session's intent an object":       completed(`"payment_intent":{"id":"pi_1"}`),
		"a session's invoice a number":       completed(`"invoice":5`),
		"a session's total as text":          completed(`"amount_total":"1050"`),
		"a charge that is a refund":          event("charge.refunded", `{"object":"refund","id":"re_1"}`),
		"a charge's id a number":             event("charge.refunded", `{"object":"charge","id":5}`),
		"a charge's intent a list":           event("charge.refunded", `{"object":"charge","payment_intent":["pi_1"]}`),
		"a charge's intent without text":     event("charge.refunded", `{"object":"charge","payment_intent":{"id":5}}`),
		"amount_refunded a fraction":         event("charge.refunded", `{"object":"charge","amount_refunded":1.5}`),
		"a charge's amount as text":          event("charge.refunded", `{"object":"charge","amount":"5"}`),
		"amount_captured as text":            event("charge.refunded", `{"object":"charge","amount_captured":"5"}`),
		"a refund that is a charge":          event("charge.refund.updated", `{"object":"charge","id":"ch_1"}`),
		"a refund's id a number":             event("refund.created", `{"object":"refund","id":5}`),
		"a refund's charge a bool":           event("refund.updated", `{"object":"refund","charge":true}`),
		"a refund's amount with an exponent": event("refund.failed", `{"object":"refund","amount":1e3}`),
		"a dispute that does not say":        event("charge.dispute.created", `{"id":"du_1"}`),
		"a dispute's id an object":           event("charge.dispute.closed", `{"object":"dispute","id":{"id":"du_1"}}`),
		"a dispute's amount over 64 bits":    event("charge.dispute.updated", `{"object":"dispute","amount":9223372036854775808}`),
		"a dispute's intent a number":        event("charge.dispute.funds_withdrawn", `{"object":"dispute","payment_intent":5}`),
		"a review that is a dispute":         event("review.opened", `{"object":"dispute","id":"du_1"}`),
		"a review's id a number":             event("review.closed", `{"object":"review","id":5}`),
		"a subscription that is an invoice":  event("customer.subscription.updated", `{"object":"invoice","id":"in_1"}`),
		"a subscription's id a number":       event("customer.subscription.updated", `{"object":"subscription","id":5}`),
		"a subscription's customer a number": event("customer.subscription.updated", `{"object":"subscription","customer":5}`),
		"an invoice's id a list":             event("invoice.paid", `{"object":"invoice","id":["in_1"]}`),
		"an invoice's customer a list":       event("invoice.paid", `{"object":"invoice","customer":["cus_1"]}`),
		"an invoice's subscription a number": event("invoice.paid", `{"object":"invoice","subscription":5}`),
		"its parent's subscription a number": event("invoice.paid", `{"object":"invoice","parent":{"subscription_details":{"subscription":5}}}`),
		"an amount that is to come as text":  event("invoice.upcoming", `{"object":"invoice","amount_due":"5"}`),
		"a deleted customer's id a number":   event("customer.deleted", `{"object":"customer","id":5}`),
		"a session's subscription a number":  completed(`"mode":"subscription","subscription":5`),
		"a session's customer a number":      completed(`"mode":"subscription","customer":5`),
		"a review's charge a number":         event("review.closed", `{"object":"review","charge":5}`),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Decode([]byte(body))
			if !errors.Is(err, ErrPayload) {
				t.Errorf("error %v, want an ErrPayload", err)
			}
			if !reflect.DeepEqual(d, Delivery{}) {
				t.Errorf("delivery %+v beside the error", d)
			}
		})
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"blanks around the object":             " \r\n\t" + event("a", "{}") + "\n \t\r\n",
		"an id of 250 letters":                 `{"id":"evt_` + strings.Repeat("a", 250) + `","type":"a","created":1,"data":{"object":{}}}`,
		"no livemode, account or version":      `{"id":"evt_1","type":"a","created":1,"data":{"object":{}}}`,
		"null livemode, account and version":   `{"id":"evt_1","type":"a","created":1,"livemode":null,"account":null,"api_version":null,"data":{"object":{}}}`,
		"a time before 1970":                   `{"id":"evt_1","type":"a","created":-1,"data":{"object":{}}}`,
		"an invoice to come, which has no id":  event("invoice.upcoming", `{"object":"invoice","amount_due":5}`),
		"a type that is not handled, with odd": event("payment_intent.created", `{"object":5,"id":5,"amount":"5","metadata":[]}`),
		"an intent without an id":              succeeded(`"amount":5`),
		"an intent of nulls":                   succeeded(`"id":null,"amount":null,"amount_received":null,"latest_charge":null,"invoice":null,"metadata":null,"charges":null,"last_payment_error":null,"currency":null`),
		"a session of nulls":                   completed(`"id":null,"amount_total":null,"payment_intent":null,"invoice":null,"metadata":null,"customer_details":null,"currency":null,"mode":null,"payment_status":null`),
		"charges that are a text":              succeeded(`"charges":"ch_1"`),
		"charges whose data is an object":      succeeded(`"charges":{"data":{}}`),
		"charges with none":                    succeeded(`"charges":{"data":[]}`),
		"charges whose first is null":          succeeded(`"charges":{"data":[null]}`),
		"charges whose first is a text":        succeeded(`"charges":{"data":["ch_1",{"id":5}]}`),
		"a currency that is none":              succeeded(`"currency":"doubloons"`),
		"amounts below and at nought":          succeeded(`"amount":-5,"amount_received":0`),
		"a charge of nulls":                    event("charge.refunded", `{"object":"charge","id":null,"payment_intent":null,"amount":null,"amount_captured":null,"amount_refunded":null}`),
		"a refund of nulls":                    event("refund.created", `{"object":"refund","id":null,"charge":null,"payment_intent":null,"amount":null,"status":null,"metadata":null}`),
		"a dispute of nulls":                   event("charge.dispute.created", `{"object":"dispute","id":null,"charge":null,"payment_intent":null,"amount":null,"status":null,"evidence_details":null}`),
		"a review of nulls":                    event("review.opened", `{"object":"review","id":null,"charge":null,"payment_intent":null,"open":null,"reason":null}`),
		"a subscription of nulls":              event("customer.subscription.trial_will_end", `{"object":"subscription","id":null,"customer":null,"trial_end":null,"metadata":null}`),
		"an invoice of nulls":                  event("invoice.paid", `{"object":"invoice","id":null,"customer":null,"subscription":null,"subscription_details":null,"parent":null,"metadata":null}`),
		"a coming invoice of nulls":            event("invoice.upcoming", `{"object":"invoice","id":null,"amount_due":null,"currency":null,"lines":null,"next_payment_attempt":null,"period_end":null}`),
		"lines that are a text":                event("invoice.upcoming", `{"object":"invoice","lines":"none"}`),
		"a deleted customer of nulls":          event("customer.deleted", `{"object":"customer","id":null,"metadata":null}`),
		"a payment's session of customer 5":    completed(`"mode":"payment","customer":5`),
		"a refund's metadata that is a list":   event("refund.created", `{"object":"refund","metadata":[]}`),
		"names under another case":             succeeded(`"Amount":"5","ID":5,"METADATA":[]`),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Decode([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if d.Account != "" || d.Event.Livemode || d.Event.MetadataProblem != "" {
				t.Errorf("delivery %+v", d)
			}
		})
	}
}

func TestTheEnvelope(t *testing.T) {
	t.Parallel()
	got, err := Decode([]byte(`{"id":"evt_1","object":"event","account":"acct_1","api_version":"2017-05-25","created":1533204620,` +
		`"livemode":true,"type":"customer.created","data":{"object":{"id":"cus_1","object":"customer","email":"a@b.c","metadata":{"customerId":"c"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Delivery{
		Account: "acct_1",
		Event:   models.Event{ID: "evt_1", Type: "customer.created", Created: 1533204620, APIVersion: "2017-05-25", Livemode: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestPaymentIntents has the shapes of the API versions that differ in what is
// read, https://docs.stripe.com/changelog.
func TestPaymentIntents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
		want models.Event // but for ID and Created
	}{
		{
			name: "before 2022-11-15 its charges are embedded, the newest first",
			body: `{"id":"evt_1Abc","object":"event","api_version":"2017-08-15","created":1718000000,"livemode":true,"type":"payment_intent.succeeded","data":{"object":{
				"id":"pi_1","object":"payment_intent","amount":2599,"amount_received":2599,"currency":"usd","invoice":"in_1","receipt_email":null,"last_payment_error":null,
				"charges":{"object":"list","data":[{"id":"ch_2","object":"charge","billing_details":{"email":"ann@example.com"}},{"id":"ch_1","object":"charge"}],"has_more":false,"total_count":2},
				"metadata":{"customerId":"user_2x","storeId":"s1","deliveryType":"pickup","deliveryFee":"0"},"status":"succeeded"}}}`,
			want: models.Event{
				Type: "payment_intent.succeeded", APIVersion: "2017-08-15", Livemode: true,
				PaymentIntentID: "pi_1", ChargeID: "ch_2", InvoiceID: "in_1",
				Amount: new(int64(2599)), AmountReceived: new(int64(2599)), Currency: "usd", Email: "ann@example.com",
				Metadata: models.Metadata{"customerId": "user_2x", "storeId": "s1", "deliveryType": "pickup", "deliveryFee": "0"},
			},
		},
		{
			name: "from 2022-11-15 it names its latest charge",
			body: `{"id":"evt_1Abc","object":"event","api_version":"2022-11-15","created":1718000000,"livemode":false,"type":"payment_intent.payment_failed","data":{"object":{
				"id":"pi_1","object":"payment_intent","amount":400,"amount_received":0,"currency":"jpy","invoice":null,"latest_charge":"ch_1","receipt_email":"bo@example.com",
				"last_payment_error":{"charge":"ch_1","code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds.","type":"card_error"},
				"metadata":{},"status":"requires_payment_method"}}}`,
			want: models.Event{
				Type: "payment_intent.payment_failed", APIVersion: "2022-11-15", PaymentIntentID: "pi_1", ChargeID: "ch_1",
				Amount: new(int64(400)), AmountReceived: new(int64(0)), Currency: "jpy", Email: "bo@example.com",
				FailureCode: "insufficient_funds", FailureMessage: "Your card has insufficient funds.",
			},
		},
		{
			name: "in 2024-06-20 it is the same",
			body: event("payment_intent.processing", `{"id":"pi_1","object":"payment_intent","amount":500,"amount_received":0,"currency":"eur","invoice":null,"latest_charge":"py_1",
				"receipt_email":null,"last_payment_error":null,"metadata":{"paymentId":"pay_1","campaign":"spring"}}`),
			want: models.Event{
				Type: "payment_intent.processing", APIVersion: "2024-06-20", PaymentIntentID: "pi_1", ChargeID: "py_1",
				Amount: new(int64(500)), AmountReceived: new(int64(0)), Currency: "eur", Metadata: models.Metadata{"paymentId": "pay_1"},
			},
		},
		{
			name: "from 2025-03-31.basil it does not name its invoice",
			body: `{"id":"evt_1Abc","object":"event","api_version":"2025-03-31.basil","created":1718000000,"livemode":false,"type":"payment_intent.canceled","data":{"object":{
				"id":"pi_1","object":"payment_intent","amount":500,"amount_received":0,"cancellation_reason":"abandoned","currency":"kwd","latest_charge":null,
				"receipt_email":null,"last_payment_error":{"code":"payment_intent_authentication_failure","message":"No."},"metadata":{"paymentId":"pay_1"}}}}`,
			want: models.Event{
				Type: "payment_intent.canceled", APIVersion: "2025-03-31.basil", PaymentIntentID: "pi_1",
				Amount: new(int64(500)), AmountReceived: new(int64(0)), Currency: "kwd", CancellationReason: "abandoned",
				FailureCode: "payment_intent_authentication_failure", FailureMessage: "No.", Metadata: models.Metadata{"paymentId": "pay_1"},
			},
		},
		{
			name: "the charge it names and its receipt's address go before an embedded charge's",
			body: succeeded(`"latest_charge":"ch_2","receipt_email":"bo@example.com","charges":{"data":[{"id":"ch_1","billing_details":{"email":"ann@example.com"}}]}`),
			want: models.Event{Type: "payment_intent.succeeded", APIVersion: "2024-06-20", ChargeID: "ch_2", Email: "bo@example.com"},
		},
		{
			name: "fields of the wrong type that we can do without count as absent",
			body: succeeded(`"id":"pi_1","currency":5,"receipt_email":7,"last_payment_error":"declined","cancellation_reason":{},"charges":{"data":[{"id":"ch_1","billing_details":"x"}]}`),
			want: models.Event{Type: "payment_intent.succeeded", APIVersion: "2024-06-20", PaymentIntentID: "pi_1", ChargeID: "ch_1"},
		},
		{
			name: "a decline code of the wrong type gives way to the code",
			body: succeeded(`"last_payment_error":{"decline_code":5,"code":"card_declined","message":[]}`),
			want: models.Event{Type: "payment_intent.succeeded", APIVersion: "2024-06-20", FailureCode: "card_declined"},
		},
		{
			name: "names under another case do not replace",
			body: succeeded(`"amount":5,"Amount":6,"AMOUNT":7,"currency":"usd","Currency":"eur"`),
			want: models.Event{Type: "payment_intent.succeeded", APIVersion: "2024-06-20", Amount: new(int64(5)), Currency: "usd"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.ID, test.want.Created = "evt_1Abc", 1718000000
			if got := mustDecode(t, test.body); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestCheckoutSessions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		kind string
		body string
		want models.Event // but for ID, Type, Created and APIVersion
	}{
		{
			name: "a paid one has collected its total",
			kind: "checkout.session.completed",
			body: `"id":"cs_test_1","payment_intent":"pi_1","amount_subtotal":900,"amount_total":1000,"currency":"usd","mode":"payment","payment_status":"paid","invoice":null,
				"customer_email":"old@example.com","customer_details":{"email":"ann@example.com","name":"Ann"},"metadata":{"paymentId":"pay_1"},"status":"complete"`,
			want: models.Event{
				CheckoutSessionID: "cs_test_1", PaymentIntentID: "pi_1", Mode: "payment", PaymentStatus: "paid",
				Amount: new(int64(1000)), AmountReceived: new(int64(1000)), Currency: "usd", Email: "ann@example.com", Metadata: models.Metadata{"paymentId": "pay_1"},
			},
		},
		{
			name: "an unpaid one has collected nothing yet",
			kind: "checkout.session.completed",
			body: `"id":"cs_1","payment_intent":"pi_1","amount_total":1000,"currency":"eur","mode":"payment","payment_status":"unpaid","customer_email":"bo@example.com","customer_details":null,"metadata":{}`,
			want: models.Event{
				CheckoutSessionID: "cs_1", PaymentIntentID: "pi_1", Mode: "payment", PaymentStatus: "unpaid",
				Amount: new(int64(1000)), Currency: "eur", Email: "bo@example.com",
			},
		},
		{
			name: "a no-cost one has no payment intent",
			kind: "checkout.session.completed",
			body: `"id":"cs_1","payment_intent":null,"amount_total":0,"currency":"usd","mode":"payment","payment_status":"no_payment_required","metadata":{"paymentId":"pay_1"}`,
			want: models.Event{
				CheckoutSessionID: "cs_1", Mode: "payment", PaymentStatus: "no_payment_required",
				Amount: new(int64(0)), AmountReceived: new(int64(0)), Currency: "usd", Metadata: models.Metadata{"paymentId": "pay_1"},
			},
		},
		{
			name: "one for a subscription names its invoice",
			kind: "checkout.session.completed",
			body: `"id":"cs_1","payment_intent":null,"invoice":"in_1","amount_total":700,"currency":"usd","mode":"subscription","payment_status":"paid"`,
			want: models.Event{
				CheckoutSessionID: "cs_1", InvoiceID: "in_1", Mode: "subscription", PaymentStatus: "paid",
				Amount: new(int64(700)), AmountReceived: new(int64(700)), Currency: "usd",
			},
		},
		{
			name: "the oldest versions do not say whether it is paid",
			kind: "checkout.session.completed",
			body: `"id":"cs_1","payment_intent":"pi_1","amount_total":1000,"display_items":[{"amount":1000,"quantity":1}]`,
			want: models.Event{CheckoutSessionID: "cs_1", PaymentIntentID: "pi_1", Amount: new(int64(1000))},
		},
		{
			name: "a status that is no text says nothing",
			kind: "checkout.session.async_payment_succeeded",
			body: `"id":"cs_1","amount_total":1000,"payment_status":5,"mode":5,"customer_details":"x","customer_email":5`,
			want: models.Event{CheckoutSessionID: "cs_1", Amount: new(int64(1000))},
		},
		{
			name: "a paid one without a total has collected we know not what",
			kind: "checkout.session.async_payment_succeeded",
			body: `"id":"cs_1","amount_total":null,"payment_status":"paid"`,
			want: models.Event{CheckoutSessionID: "cs_1", PaymentStatus: "paid"},
		},
		{
			name: "one that expired",
			kind: "checkout.session.expired",
			body: `"id":"cs_1","payment_intent":null,"amount_total":1000,"currency":"usd","mode":"payment","payment_status":"unpaid","metadata":{"paymentId":"pay_1"}`,
			want: models.Event{
				CheckoutSessionID: "cs_1", Mode: "payment", PaymentStatus: "unpaid",
				Amount: new(int64(1000)), Currency: "usd", Metadata: models.Metadata{"paymentId": "pay_1"},
			},
		},
		{
			name: "one whose payment failed later",
			kind: "checkout.session.async_payment_failed",
			body: `"id":"cs_1","payment_intent":"pi_1","payment_status":"unpaid"`,
			want: models.Event{CheckoutSessionID: "cs_1", PaymentIntentID: "pi_1", PaymentStatus: "unpaid"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.ID, test.want.Type, test.want.Created, test.want.APIVersion = "evt_1Abc", test.kind, 1718000000, "2024-06-20"
			got := mustDecode(t, event(test.kind, `{"object":"checkout.session",`+test.body+`}`))
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestMetadataIsReadWhereItSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	owners := map[string]bool{"payment_intent": true, "checkout.session": true, "subscription": true, "invoice": true, "customer": true}
	for kind, about := range handled {
		got := mustDecode(t, event(kind, fmt.Sprintf(`{"object":%q,"id":"x_1","metadata":{"paymentId":"pay_1","storeId":5}}`, about.name)))
		if owner := owners[about.name]; (got.Metadata["paymentId"] == "pay_1") != owner || (got.MetadataProblem != "") != owner {
			t.Errorf("%s: metadata %q, problem %q", kind, got.Metadata, got.MetadataProblem)
		}
		ids := fmt.Sprint(got.PaymentIntentID, got.CheckoutSessionID, got.ChargeID, got.Refund, got.Dispute, got.Review,
			got.SubscriptionID, got.InvoiceID, got.StripeCustomerID)
		if kind != "invoice.upcoming" && !strings.Contains(ids, "x_1") { // which is no invoice yet
			t.Errorf("%s: %+v", kind, got)
		}
		if !Handled(kind) {
			t.Errorf("%s is read and not handled", kind)
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 501)
	tests := []struct {
		name     string
		metadata string
		want     models.Metadata
		problem  string
	}{
		{name: "null", metadata: `null`},
		{name: "empty", metadata: `{}`},
		{name: "none of ours", metadata: `{"foo":"bar","CustomerId":"c"}`},
		{name: "one of ours among others", metadata: `{"foo":"bar","customerId":"c"}`, want: models.Metadata{"customerId": "c"}},
		{
			name: "all of ours", metadata: `{"paymentId":"p","customerId":"c","storeId":"s","deliveryAddress":"{\"line1\":\"1 High St\"}","deliveryType":"delivery","deliveryFee":"3.99"}`,
			want: models.Metadata{"paymentId": "p", "customerId": "c", "storeId": "s", "deliveryAddress": `{"line1":"1 High St"}`, "deliveryType": "delivery", "deliveryFee": "3.99"},
		},
		{name: "one of ours, empty", metadata: `{"storeId":""}`, want: models.Metadata{"storeId": ""}},
		{name: "an array", metadata: `[]`, problem: notStrings},
		{name: "a text", metadata: `"x"`, problem: notStrings},
		{name: "a number", metadata: `5`, problem: notStrings},
		{name: "one of ours that is a number", metadata: `{"customerId":5,"storeId":"s"}`, want: models.Metadata{"storeId": "s"}, problem: notStrings},
		{name: "one of ours that is an object", metadata: `{"deliveryAddress":{"line1":"1 High St"}}`, problem: notStrings},
		{name: "one of ours that is null", metadata: `{"customerId":null,"storeId":"s"}`, want: models.Metadata{"storeId": "s"}, problem: notStrings},
		{name: "another's that is a number", metadata: `{"foo":5,"customerId":"c"}`, want: models.Metadata{"customerId": "c"}, problem: notStrings},
		{name: "500 characters", metadata: `{"deliveryAddress":"` + long[2:] + `"}`, want: models.Metadata{"deliveryAddress": long[2:]}},
		{name: "501 characters", metadata: `{"deliveryAddress":"` + long + `"}`, want: models.Metadata{"deliveryAddress": long[2:]}, problem: "deliveryAddress is longer than 500 characters"},
		{name: "two of 501 characters", metadata: `{"storeId":"` + long + `","customerId":"` + long + `"}`, want: models.Metadata{"storeId": long[2:], "customerId": long[2:]}, problem: "customerId is longer than 500 characters"},
		{name: "another's of 501 characters", metadata: `{"foo":"` + long + `"}`},
		{name: "a NUL and a lone surrogate", metadata: `{"storeId":"a\u0000b\ud800c"}`, want: models.Metadata{"storeId": "a\uFFFDb\uFFFDc"}},
		{name: "bytes that are no UTF-8", metadata: "{\"storeId\":\"a\xff\"}", want: models.Metadata{"storeId": "a\uFFFD"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []string{succeeded(`"metadata":` + test.metadata), completed(`"metadata":` + test.metadata)} {
				got := mustDecode(t, body)
				if !reflect.DeepEqual(got.Metadata, test.want) || got.MetadataProblem != test.problem {
					t.Errorf("got %q, problem %q\nwant %q, problem %q", got.Metadata, got.MetadataProblem, test.want, test.problem)
				}
			}
		})
	}
	if got := mustDecode(t, succeeded(`"id":"pi_1"`)); got.Metadata != nil || got.MetadataProblem != "" {
		t.Errorf("without metadata: %q, problem %q", got.Metadata, got.MetadataProblem)
	}
}

func TestTextIsCleanedAndCut(t *testing.T) {
	t.Parallel()
	long := `\u0000` + strings.Repeat("é", 600)
	cut := func(limit int) string { return "\uFFFD" + strings.Repeat("é", limit-1) }
	got := mustDecode(t, strings.ReplaceAll(succeeded(`"id":"LONG","latest_charge":"LONG","invoice":"LONG","currency":"LONG","cancellation_reason":"LONG","receipt_email":"LONG",
		"last_payment_error":{"code":"LONG","message":"LONG"}`), "LONG", long))
	session := mustDecode(t, strings.ReplaceAll(completed(`"mode":"LONG","payment_status":"LONG","id":"LONG"`), "LONG", long))
	for _, text := range []struct{ got, want string }{
		{got.PaymentIntentID, cut(255)},
		{got.ChargeID, cut(255)},
		{got.InvoiceID, cut(255)},
		{session.CheckoutSessionID, cut(255)},
		{got.Email, cut(320)},
		{got.FailureMessage, cut(500)},
		{got.Currency, cut(32)},
		{got.FailureCode, cut(100)},
		{got.CancellationReason, cut(100)},
		{session.Mode, cut(100)},
		{session.PaymentStatus, cut(100)},
	} {
		if text.got != text.want {
			t.Errorf("got %.20q… of %d bytes, want %d bytes", text.got, len(text.got), len(text.want))
		}
	}
	envelope := mustDecode(t, strings.ReplaceAll(`{"id":"evt_1","type":"LONG","api_version":"LONG","created":1,"data":{"object":{}}}`, "LONG", long))
	if envelope.Type != cut(100) || envelope.APIVersion != cut(100) {
		t.Errorf("type %q, version %q", envelope.Type, envelope.APIVersion)
	}
}
