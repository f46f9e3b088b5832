package webhook

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"twigz/models"
)

// whose is the metadata of what is a customer's of ours.
func whose(id string) models.Metadata { return models.Metadata{"customerId": id} }

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	known := models.Event{SubscriptionID: "sub_1", StripeCustomerID: "cus_1", Metadata: whose("c_1")}
	var tests []afterwards
	for _, kind := range []string{"created", "updated", "deleted", "paused", "resumed", "pending_update_applied", "pending_update_expired"} {
		tests = append(tests, afterwards{
			name: "one of every type, " + kind, kind: "customer.subscription." + kind,
			object: `{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","latest_invoice":"in_1","currency":"usd","trial_end":1718900000,
				"items":{"object":"list","data":[{"id":"si_1","price":{"id":"price_1","unit_amount":900}}]},"metadata":{"customerId":"c_1","plan":"gold"}}`,
			want: known,
		})
	}
	ending := known
	ending.TrialEnd = 1718900000
	check(t, append(tests, []afterwards{
		{
			name: "one whose customer is there whole", kind: "customer.subscription.updated",
			object: `{"id":"sub_1","object":"subscription","customer":{"id":"cus_1","object":"customer","email":"ann@example.com"},"metadata":{"customerId":"c_1"}}`,
			want:   known,
		},
		{
			name: "one that is nobody's", kind: "customer.subscription.updated",
			object: `{"id":"sub_1","object":"subscription","customer":"cus_1","metadata":{}}`,
			want:   models.Event{SubscriptionID: "sub_1", StripeCustomerID: "cus_1"},
		},
		{
			name: "one whose trial ends soon", kind: "customer.subscription.trial_will_end",
			object: `{"id":"sub_1","object":"subscription","customer":"cus_1","trial_end":1718900000,"metadata":{"customerId":"c_1"}}`, want: ending,
		},
		{
			name: "one whose trial ends nobody knows when", kind: "customer.subscription.trial_will_end",
			object: `{"id":"sub_1","object":"subscription","customer":"cus_1","trial_end":"soon","metadata":{"customerId":"c_1"}}`, want: known,
		},
		{
			name: "one whose trial ends when no calendar has a day", kind: "customer.subscription.trial_will_end",
			object: `{"id":"sub_1","object":"subscription","customer":"cus_1","trial_end":253402300800,"metadata":{"customerId":"c_1"}}`, want: known,
		},
	}...))
}

func TestInvoices(t *testing.T) {
	t.Parallel()
	known := models.Event{InvoiceID: "in_1", SubscriptionID: "sub_1", StripeCustomerID: "cus_1", Metadata: whose("c_1")}
	var tests []afterwards
	for _, kind := range []string{"paid", "payment_succeeded", "payment_failed", "payment_action_required", "marked_uncollectible", "finalized"} {
		tests = append(tests, afterwards{
			name: "one of every type, " + kind, kind: "invoice." + kind, versions: versions[:2],
			object: `{"id":"in_1","object":"invoice","customer":"cus_1","customer_email":"ann@example.com","subscription":"sub_1","amount_due":900,"currency":"usd",
				"payment_intent":"pi_1","charge":"ch_1","subscription_details":{"metadata":{"customerId":"c_1"}},"metadata":{},"next_payment_attempt":1718900000}`,
			want: known,
		}, afterwards{
			name: "one of every type, " + kind, kind: "invoice." + kind, versions: versions[2:],
			object: `{"id":"in_1","object":"invoice","customer":"cus_1","customer_email":"ann@example.com","amount_due":900,"currency":"usd","metadata":{},
				"parent":{"type":"subscription_details","quote_details":null,"subscription_details":{"subscription":"sub_1","metadata":{"customerId":"c_1"}}}}`,
			want: known,
		})
	}
	check(t, append(tests, []afterwards{
		{
			name: "one whose customer and subscription are there whole", kind: "invoice.paid", versions: versions[:2],
			object: `{"id":"in_1","object":"invoice","customer":{"id":"cus_1"},"subscription":{"id":"sub_1"},"subscription_details":{"metadata":{"customerId":"c_1"}}}`,
			want:   known,
		},
		{
			name: "one whose subscription is there whole in its parent", kind: "invoice.paid", versions: versions[2:],
			object: `{"id":"in_1","object":"invoice","customer":"cus_1","parent":{"subscription_details":{"subscription":{"id":"sub_1"},"metadata":{"customerId":"c_1"}}}}`,
			want:   known,
		},
		{
			name: "one that says itself whose it is, where its subscription does not", kind: "invoice.paid",
			object: `{"id":"in_1","object":"invoice","customer":"cus_1","subscription":"sub_1","subscription_details":{"metadata":{"storeId":"s_1"}},"metadata":{"customerId":"c_1"}}`,
			want:   known,
		},
		{
			name: "one that its subscription contradicts", kind: "invoice.paid",
			object: `{"id":"in_1","object":"invoice","customer":"cus_1","subscription":"sub_1","subscription_details":{"metadata":{"customerId":"c_1"}},"metadata":{"customerId":"c_2"}}`,
			want:   known,
		},
		{
			name: "one that is for no subscription and nobody's", kind: "invoice.paid",
			object: `{"id":"in_1","object":"invoice","customer":"cus_1","subscription":null,"subscription_details":{"metadata":null},"parent":null}`,
			want:   models.Event{InvoiceID: "in_1", StripeCustomerID: "cus_1"},
		},
	}...))
}

func TestUpcomingInvoices(t *testing.T) {
	t.Parallel()
	upcoming := func(facts models.UpcomingFacts) models.Event {
		return models.Event{SubscriptionID: "sub_1", StripeCustomerID: "cus_1", Upcoming: &facts}
	}
	const object = `{"object":"invoice","customer":"cus_1","subscription":"sub_1",`
	check(t, []afterwards{
		{
			name: "one that is for the latest of its periods", kind: "invoice.upcoming",
			object: object + `"amount_due":900,"currency":"usd","next_payment_attempt":1718900000,"period_end":1718896400,"due_date":null,"lines":{"object":"list","data":[
				{"amount":-50,"period":{"start":1717000000,"end":1718896400}},{"amount":950,"period":{"start":1718896400,"end":1721488400}},{"period":null}]}}`,
			want: upcoming(models.UpcomingFacts{Amount: 900, Currency: "usd", At: 1718900000, PeriodStart: 1718896400, PeriodEnd: 1721488400}),
		},
		{
			name: "one with an ID that nobody can ask for", kind: "invoice.upcoming", versions: versions[2:],
			object: `{"id":"upcoming_in_1","object":"invoice","customer":"cus_1","amount_due":900,"currency":"usd","next_payment_attempt":1718900000,
				"parent":{"subscription_details":{"subscription":"sub_1","metadata":{}}},"lines":{"data":[{"period":{"start":1718896400,"end":1721488400}}]}}`,
			want: upcoming(models.UpcomingFacts{Amount: 900, Currency: "usd", At: 1718900000, PeriodStart: 1718896400, PeriodEnd: 1721488400}),
		},
		{
			name: "one that is collected when the period ends", kind: "invoice.upcoming",
			object: object + `"amount_due":900,"currency":"jpy","next_payment_attempt":null,"period_end":1718896400,"due_date":1719000000}`,
			want:   upcoming(models.UpcomingFacts{Amount: 900, Currency: "jpy", At: 1718896400}),
		},
		{
			name: "one that is due", kind: "invoice.upcoming",
			object: object + `"amount_due":900,"currency":"usd","next_payment_attempt":0,"period_end":0,"due_date":1719000000}`,
			want:   upcoming(models.UpcomingFacts{Amount: 900, Currency: "usd", At: 1719000000}),
		},
		{
			name: "one that says little, and that oddly", kind: "invoice.upcoming",
			object: object + `"amount_due":-5,"currency":5,"next_payment_attempt":-1,"period_end":1.5,"lines":{"data":[5,null,{"period":{"start":"x","end":"y"}}]}}`,
			want:   upcoming(models.UpcomingFacts{}),
		},
	})
}

func TestDeletedCustomers(t *testing.T) {
	t.Parallel()
	check(t, []afterwards{
		{
			name: "one of ours", kind: "customer.deleted",
			object: `{"id":"cus_1","object":"customer","email":"ann@example.com","name":"Ann","metadata":{"customerId":"c_1"}}`,
			want:   models.Event{StripeCustomerID: "cus_1", Metadata: whose("c_1")},
		},
		{
			name: "one that is nobody's", kind: "customer.deleted",
			object: `{"id":"cus_1","object":"customer","deleted":true}`,
			want:   models.Event{StripeCustomerID: "cus_1"},
		},
	})
}

func TestSessionsThatSetUpASubscription(t *testing.T) {
	t.Parallel()
	session := func(mode string) string {
		return fmt.Sprintf(`{"id":"cs_1","object":"checkout.session","mode":%q,"payment_status":"paid","payment_intent":null,"invoice":"in_1","amount_total":900,"currency":"usd",
			"subscription":"sub_1","customer":{"id":"cus_1"},"metadata":{"customerId":"c_1"}}`, mode)
	}
	want := models.Event{
		CheckoutSessionID: "cs_1", InvoiceID: "in_1", PaymentStatus: "paid", Currency: "usd", Metadata: whose("c_1"),
		Amount: new(int64(900)), AmountReceived: new(int64(900)),
	}
	subscribes, pays := want, want
	subscribes.Mode, subscribes.SubscriptionID, subscribes.StripeCustomerID = "subscription", "sub_1", "cus_1"
	pays.Mode = "payment"
	check(t, []afterwards{
		{name: "one that does", kind: "checkout.session.completed", object: session("subscription"), want: subscribes},
		{name: "one that does not", kind: "checkout.session.completed", object: session("payment"), want: pays},
	})
}

func TestAnEventAboutALongInvoiceStaysSmall(t *testing.T) {
	t.Parallel()
	line := `{"id":"il_1","object":"line_item","amount":900,"description":"1 × Gold","period":{"start":1718896400,"end":1721488400},"metadata":{"customerId":"c_1"}}`
	got := mustDecode(t, event("invoice.upcoming", `{"object":"invoice","customer":"cus_1","subscription":"sub_1","amount_due":900,"currency":"usd",
		"customer_email":"ann@example.com","lines":{"object":"list","data":[`+strings.Repeat(line+",", 249)+line+`],"has_more":true},"metadata":{"customerId":"c_1"}}`))
	stored, err := json.Marshal(got)
	if err != nil || len(stored) > 2<<10 || strings.Contains(string(stored), "ann@example.com") {
		t.Errorf("%d bytes (%v): %.200s", len(stored), err, stored)
	}
}
