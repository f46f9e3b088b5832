package models_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// subscriptions are the subscriptions of a search's first page, by their ID.
func (s shop) subscriptions(q models.SubscriptionQuery) []string {
	s.t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	page, next, err := s.SearchSubscriptions(s.t.Context(), q)
	require.NoError(s.t, err)
	require.Empty(s.t, next)
	return subscriptionIDs(page)
}

func subscriptionIDs(page []models.SubscriptionSummary) []string {
	list := make([]string, len(page))
	for i, sub := range page {
		list[i] = sub.SubscriptionID
	}
	return list
}

func TestSearchSubscriptions(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.putCustomer("eve@home.example", "Eve")
	s.invoices(invoiced("in_1", "sub_1", "paid"), invoiced("in_0", "", "paid"))
	other := models.BillingFacts{
		Customer:      models.StripeCustomerFacts{ID: "cus_2", Email: "Bob@example.com"},
		Subscriptions: []models.SubscriptionFacts{monthly("sub_2", "canceled", func(f *models.SubscriptionFacts) { f.StartedAt = *day(2) })},
	}
	s.look(other)
	for id, change := range map[string]change{
		"evt_of_invoice":  invoice("in_1"),
		"evt_of_sub":      func(*models.Event) {},
		"evt_of_customer": func(e *models.Event) { e.SubscriptionID = "" },
	} {
		s.finish(billing("customer.subscription.updated", change, func(e *models.Event) { e.ID = id }))
	}

	for name, text := range map[string]string{
		"its ID": "sub_1", "Stripe's customer": "cus_1", "an invoice": "in_1", "an event about an invoice": "evt_of_invoice",
		"an event about it": "evt_of_sub", "an event about its customer": "evt_of_customer", "our customer": customerID,
		"the address at Stripe": "EVE@example.com", "the customer's address": "Eve@HOME.example", "blanks around": "\t sub_1\n",
	} {
		t.Run("by "+name, func(t *testing.T) {
			assert.Equal(t, []string{"sub_1"}, s.subscriptions(models.SubscriptionQuery{Text: text}))
			assert.Equal(t, []string{"sub_1"}, s.subscriptions(models.SubscriptionQuery{Text: text, Status: "active"}))
			assert.Empty(t, s.subscriptions(models.SubscriptionQuery{Text: text, Status: "canceled"}))
			assert.Empty(t, s.subscriptions(models.SubscriptionQuery{Text: text, Unowned: true}))
		})
	}
	for name, text := range map[string]string{
		"a part of a name": "sub_", "an ID in capitals": "SUB_1", "an invoice of none": "in_0", "a quote": "sub_1' OR 'a'='a",
		"a NUL": "sub_1\x00", "no UTF-8": "sub_1\xff", "a placeholder": "@text", "a very long text": strings.Repeat("a", 100_000), "a verb": "%[1]s",
	} {
		t.Run("by "+name+" nothing", func(t *testing.T) {
			assert.Empty(t, s.subscriptions(models.SubscriptionQuery{Text: text}))
		})
	}
	t.Run("all, newest first, and those that are nobody's", func(t *testing.T) {
		assert.Equal(t, []string{"sub_2", "sub_1"}, s.subscriptions(models.SubscriptionQuery{Text: " "}))
		assert.Equal(t, []string{"sub_2"}, s.subscriptions(models.SubscriptionQuery{Unowned: true}))
		assert.Equal(t, []string{"sub_2"}, s.subscriptions(models.SubscriptionQuery{Unowned: true, Text: "bob@example.com", Status: "canceled"}))
		assert.Empty(t, s.subscriptions(models.SubscriptionQuery{Unowned: true, Status: "active"}))
	})
	t.Run("by a status that is none is refused, and so is a cursor", func(t *testing.T) {
		for _, no := range []string{"ACTIVE", "none", "active\x00", "%"} {
			_, _, err := s.SearchSubscriptions(t.Context(), models.SubscriptionQuery{Status: no})
			requireKind(t, err, models.Invalid, "status")
		}
		_, _, err := s.SearchSubscriptions(t.Context(), models.SubscriptionQuery{After: "%%%"})
		requireKind(t, err, models.Invalid, "after")
	})
	t.Run("an empty page is a list", func(t *testing.T) {
		for _, text := range []string{"nobody", "\x00"} {
			page, _, err := s.SearchSubscriptions(t.Context(), models.SubscriptionQuery{Text: text})
			require.NoError(t, err)
			body, err := json.Marshal(page)
			require.NoError(t, err)
			assert.Equal(t, "[]", string(body))
		}
	})
}

func TestSearchSubscriptionsPageByPage(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]models.SubscriptionQuery{
		"everything": {}, "nobody's": {Unowned: true}, "of a status": {Status: "active"}, "of a customer of Stripe's": {Text: "cus_1"},
	} {
		t.Run(name+", all of the same second", func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			f := stripeSays("")
			var want []string
			for letter := range strings.SplitSeq("ponmlkjihgfedcba", "") {
				f.Subscriptions = append(f.Subscriptions, monthly("sub_"+letter, "active"))
				want = append(want, "sub_"+letter)
			}
			s.look(f)
			var seen []string
			q.Limit = 4
			for pages := 1; ; pages++ {
				page, next, err := s.SearchSubscriptions(t.Context(), q)
				require.NoError(t, err)
				seen = append(seen, subscriptionIDs(page)...)
				if q.After = next; next == "" {
					assert.Equal(t, 4, pages)
					break
				}
			}
			assert.Equal(t, want, seen)
		})
	}
}
