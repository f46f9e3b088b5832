package ledger_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const (
	newPortal         = "POST /v1/billing_portal/sessions"
	listSubscriptions = "GET /v1/subscriptions"
	retrieveCustomer  = "GET /v1/customers/{customer}"
	deleteCustomer    = "DELETE /v1/customers/{customer}"
)

func TestADeletedCustomerTakesTheirSubscriptionsAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("metadata[customerId]", "user_1")
	customer := s.Text("customer")
	w.news()
	w.call(deleteCustomer, customer)
	events := w.events()
	i := slices.IndexFunc(events, func(e wire.Object) bool { return e.Text("type") == "customer.subscription.deleted" })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, "canceled", events[i].Sub("data").Sub("object").Text("status"))
	last := events[len(events)-1]
	assert.Equal(t, "customer.deleted", last.Text("type"))
	assert.Equal(t, "member@example.com", last.Sub("data").Sub("object").Text("email"), "the event has the customer as they were")
	assert.False(t, last.Sub("data").Sub("object").Has("deleted"))

	t.Run("of whom no more is said than that", func(t *testing.T) {
		gone := w.call(retrieveCustomer, customer, "expand[0]", "invoice_settings.default_payment_method")
		assert.Equal(t, wire.Object{"id": customer, "object": "customer", "deleted": true}, gone)
	})
	t.Run("and what they had is listed still", func(t *testing.T) {
		all := w.call(listSubscriptions, "", "customer", customer, "status", "all", "expand[0]", "data.default_payment_method").List("data")
		require.Len(t, all, 1)
		assert.Equal(t, "canceled", all[0].Text("status"))
		assert.Equal(t, customer, all[0].Text("customer"))
		assert.Empty(t, w.call(listSubscriptions, "", "customer", customer).List("data"), "without a status those that were canceled are left out")
		assert.Len(t, w.call(listInvoices, "", "customer", customer, "expand[0]", "data.payment_intent").List("data"), 1)
	})
	t.Run("and nothing more can be made for them", func(t *testing.T) {
		for pattern, form := range map[string][]string{
			newPortal:                  {"return_url", "https://shop.example/"},
			newSubscription:            {"items[0][price]", s.List("items")[0].Sub("price").ID()},
			newSession:                 plan(),
			"POST /v1/payment_intents": {"amount", "1000", "currency", "usd"},
		} {
			refusal := w.refused(pattern, "", append([]string{"customer", customer}, form...)...)
			assert.Equal(t, 400, refusal.Status, pattern)
			assert.Equal(t, "resource_missing", refusal.Code, pattern)
			assert.Equal(t, "customer", refusal.Param, pattern)
			assert.Equal(t, "No such customer: '"+customer+"'", refusal.Message, pattern)
		}
	})
}

func TestTheListsOfACustomerWhoNeverWasAreAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, list := range []string{listSubscriptions, listInvoices, "GET /v1/payment_intents"} {
		refusal := w.refused(list, "", "customer", "cus_never")
		assert.Equal(t, 400, refusal.Status, list)
		assert.Equal(t, "resource_missing", refusal.Code, list)
		assert.Equal(t, "customer", refusal.Param, list)
	}
}

func TestAPortalSessionIsForACustomerWhoIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetBaseURL("http://stripe.example")
	customer := w.member("pm_card_visa")
	w.news()
	s := w.call(newPortal, "", "customer", customer, "return_url", "https://shop.example/account")
	assert.Equal(t, "http://stripe.example/portal/"+s.ID(), s.Text("url"))
	assert.Equal(t, "https://shop.example/account", s.Text("return_url"))
	assert.Equal(t, []string{"billing_portal.session.created"}, w.news())
	assert.Equal(t, "customer", w.refused(newPortal, "", "customer", "cus_never").Param)
	assert.Equal(t, "return_url", w.refused(newPortal, "", "customer", customer, "return_url", "nowhere").Param)
	for param, value := range map[string]string{"configuration": "bpc_1", "on_behalf_of": "acct_1", "flow_data[type]": "payment_method_update"} {
		assert.Contains(t, w.refused(newPortal, "", "customer", customer, param, value).Message, "does not serve", param)
	}
}

func TestAnInvoiceShowsItsFirstLinesAndListsThemAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := []string{"customer", w.member("pm_card_visa")}
	for i := range 12 {
		form = append(form, "items["+strconv.Itoa(i)+"][price]", w.price(strconv.Itoa(100+i)))
	}
	s := w.call(newSubscription, "", form...)
	invoice := w.call("GET /v1/invoices/{invoice}", s.Text("latest_invoice"))
	assert.Len(t, invoice.List("lines"), 10)
	assert.True(t, invoice.Sub("lines").Bool("has_more"))
	rest := w.call("GET /v1/invoices/{invoice}/lines", invoice.ID(), "starting_after", invoice.List("lines")[9].ID())
	assert.Len(t, rest.List("data"), 2)
	assert.Len(t, w.call("GET /v1/invoices/{invoice}/lines", invoice.ID(), "limit", "100").List("data"), 12)
	assert.Equal(t, int64(1266), invoice.Int("total"))
	for _, event := range w.events() {
		if o := event.Sub("data").Sub("object"); o.Kind() == "invoice" {
			assert.Len(t, o.List("lines"), 10, "in its events, too")
		}
	}
}

func TestWhatADeletedCustomerOwedCanBePaidStill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.member("pm_card_visa")
	s := w.call(newSubscription, "", "customer", customer, "items[0][price]", w.price("1200"))
	w.card(customer, "pm_card_chargeCustomerFail")
	w.wait(32 * aDay)
	open := w.see(s.ID()).Text("latest_invoice")
	w.wait(28 * aDay)
	w.call(deleteCustomer, customer)
	w.news()
	_, refusal := w.act(func(x *ledger.Tx) (wire.Object, *wire.Error) { return x.PayInvoice(open, "pm_card_visa") })
	require.Nil(t, refusal)
	assert.Equal(t, "paid", w.see(open).Text("status"))
	assert.NotContains(t, w.news(), "customer.updated", "of whom nothing more is told")
	assert.Equal(t, wire.Object{"id": customer, "object": "customer", "deleted": true}, w.call(retrieveCustomer, customer))
}

func TestADraftOfADeletedCustomerStaysOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe()
	w.wait(time.Until(time.Unix(s.Int("current_period_end"), 0)) + time.Minute)
	draft := w.see(s.ID()).Text("latest_invoice")
	require.Equal(t, "draft", w.see(draft).Text("status"))
	w.call(deleteCustomer, s.Text("customer"))
	for _, pattern := range []string{"POST /v1/invoices/{invoice}/finalize", "POST /v1/invoices/{invoice}/pay"} {
		assert.Equal(t, "customer", w.refused(pattern, draft).Param, pattern)
	}
	w.wait(2 * aDay)
	assert.Equal(t, "draft", w.see(draft).Text("status"))
}
