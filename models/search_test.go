package models_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// find is the payments of a search's first page by their payment intents.
func (s shop) find(q models.SearchQuery) []string {
	s.t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	page, next, err := s.SearchPayments(s.t.Context(), q)
	require.NoError(s.t, err)
	require.Empty(s.t, next)
	require.NotNil(s.t, page)
	return intents(page)
}

func intents(page []models.PaymentSummary) []string {
	list := make([]string, len(page))
	for i, p := range page {
		list[i] = *p.PaymentIntentID
	}
	return list
}

// addPayment writes a payment as it may be after years.
func (s shop) addPayment(intent, customer, email string) {
	s.t.Helper()
	s.exec(`INSERT INTO payments (id, payment_intent_id, kind, state, amount, amount_received, customer_id, receipt_email, livemode)
		VALUES ('pay_' || $1, $1, 'order', 'paid', 100, 100, $2, $3, true)`, intent, customer, email)
}

func TestSearchFindsAPaymentByEachOfItsNames(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	order := s.mustOrder(session("cs_1", "pi_1", func(e *models.Event) {
		e.ID, e.ChargeID, e.Email = "evt_1", "ch_mine", "Eve@Example.com"
	}))
	s.exec("INSERT INTO refunds (id, payment_id, stripe_refund_id, source, status, amount) VALUES ('rfd_1', $1, 're_1', 'stripe', 'failed', 5)", order.PaymentID)
	s.exec("INSERT INTO disputes (id, payment_id, status) VALUES ('du_1', $1, 'won')", order.PaymentID)
	s.exec("INSERT INTO reviews (id, payment_id, open) VALUES ('prv_1', $1, false)", order.PaymentID)
	s.exec("UPDATE customers SET email = 'eve@home.example' WHERE id = $1", customerID)
	s.addPayment("pi_2", "somebody", "somebody@example.com")
	s.addPayment("pi_3", "", "")

	for name, text := range map[string]string{
		"our ID": order.PaymentID, "payment intent": "pi_1", "checkout session": "cs_1", "charge": "ch_mine", "order": order.OrderID,
		"event": "evt_1", "refund": "re_1", "our ID of a refund": "rfd_1", "dispute": "du_1", "review": "prv_1",
		"customer": customerID, "the address it came with": "eve@example.com", "the address in capitals": "EVE@EXAMPLE.COM",
		"the customer's address": "eve@home.example", "the customer's address in capitals": "Eve@HOME.example",
		"blanks around": "  \t" + "pi_1" + "\r\n ",
	} {
		t.Run("by "+name, func(t *testing.T) {
			assert.Equal(t, []string{"pi_1"}, s.find(models.SearchQuery{Text: text}))
			assert.Equal(t, []string{"pi_1"}, s.find(models.SearchQuery{Text: text, Status: "paid"}))
			assert.Empty(t, s.find(models.SearchQuery{Text: text, Status: "failed"}))
		})
	}
	for name, text := range map[string]string{
		"a part of a name": "pi_", "an ID in capitals": "PI_1", "a pattern": "pi%", "two names": "pi_1 pi_2", "a part of an address": "example.com",
		"an address with something around": "Eve <eve@example.com>", "a quote": "pi_1' OR 'a'='a", "a NUL": "pi_1\x00", "no UTF-8": "pi_1\xff",
		"a placeholder": "@text", "a question mark": "?", "a verb": "%[1]s", "a very long text": strings.Repeat("a", 100_000), "a nobody": "nobody",
	} {
		t.Run("by "+name+" nothing", func(t *testing.T) {
			assert.Empty(t, s.find(models.SearchQuery{Text: text}))
		})
	}
	t.Run("no text finds all, those that belong to nobody too, newest first", func(t *testing.T) {
		for _, text := range []string{"", " \n"} {
			assert.Equal(t, []string{"pi_3", "pi_2", "pi_1"}, s.find(models.SearchQuery{Text: text}))
		}
	})
	t.Run("each is a summary as the detail has it", func(t *testing.T) {
		page, _, err := s.SearchPayments(t.Context(), models.SearchQuery{Text: "pi_1"})
		require.NoError(t, err)
		assert.Equal(t, []models.PaymentSummary{s.detail("pi_1").Payment}, page)
	})
}

func TestSearchFindsEachPaymentOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const shared = "family@example.com"
	s.exec("INSERT INTO customers (id, email) VALUES ('mum', 'Family@example.com'), ('dad', 'family@example.com'), ('pi_3', 'x@example.com')")
	s.addPayment("pi_1", "mum", shared)                 // by her address, and by the payment's own
	s.addPayment("pi_2", "dad", "dad@example.com")      // by his address
	s.addPayment("pi_3", "guest", "FAMILY@EXAMPLE.COM") // by the payment's own
	s.addPayment("pi_4", "guest", "")
	s.addPayment("pi_5", "pi_3", "") // whose customer is called as a payment is
	s.addPayment("pi_6", shared, shared)

	assert.Equal(t, []string{"pi_6", "pi_3", "pi_2", "pi_1"}, s.find(models.SearchQuery{Text: shared}))
	assert.Equal(t, []string{"pi_5", "pi_3"}, s.find(models.SearchQuery{Text: "pi_3"}))
	assert.Equal(t, []string{"pi_4", "pi_3"}, s.find(models.SearchQuery{Text: "guest"}))
}

func TestSearchByStatus(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	// What makes each status, the first that holds.
	made := map[string]string{
		"pending": "state = 'pending'", "processing": "state = 'processing'", "failed": "state = 'failed'",
		"canceled": "state = 'canceled'", "paid": "state = 'paid'",
		"partially_refunded": "amount_refunded = 99", "refunded": "amount_refunded = 100",
		"charged_back": "charged_back = true, amount_refunded = 100", "disputed": "disputed = true, charged_back = true",
		"needs_attention": "blocked_reason = 'out_of_stock', owner_workflow_id = 'evt_1', disputed = true",
		"unmatched":       "kind = 'unmatched'", "subscription": "kind = 'subscription'",
	}
	for status, is := range made {
		s.addPayment("pi_"+status, customerID, "eve@example.com")
		s.exec("UPDATE payments SET "+is+" WHERE payment_intent_id = $1", "pi_"+status)
	}
	for status := range made {
		t.Run(status, func(t *testing.T) {
			for _, text := range []string{"", customerID, "eve@example.com", "pi_" + status} {
				assert.Equal(t, []string{"pi_" + status}, s.find(models.SearchQuery{Text: text, Status: status}), text)
			}
		})
	}
	for _, no := range []string{"PAID", "paid ", "lost", "confirmed", "requires_action", "paid\x00", "%"} {
		_, _, err := s.SearchPayments(t.Context(), models.SearchQuery{Status: no})
		requireKind(t, err, models.Invalid, "status")
	}
}

func TestSearchPageByPage(t *testing.T) {
	t.Parallel()
	const shared = "family@example.com"
	for name, q := range map[string]models.SearchQuery{
		"everything":                   {},
		"of a status":                  {Status: "paid"},
		"of a customer":                {Text: "mum"},
		"of a customer and a status":   {Text: "mum", Status: "paid"},
		"of an address":                {Text: shared},
		"of an address and a status":   {Text: shared, Status: "paid"},
		"of a charge that many have":   {Text: "ch_many"},
		"of customers with an address": {Text: "home@example.com"},
	} {
		t.Run(name+", while more come", func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.exec("INSERT INTO customers (id, email) VALUES ('mum', 'home@example.com')")
			added := 0
			add := func() string {
				added++
				intent := fmt.Sprintf("pi_%03d", added)
				s.addPayment(intent, "mum", shared)
				s.exec("UPDATE payments SET charge_id = 'ch_many' WHERE payment_intent_id = $1", intent)
				return intent
			}
			var want []string
			for range 23 {
				want = append(want, add())
			}
			slices.Reverse(want)
			// Many at the same moment, and two pages end among them.
			s.exec("UPDATE payments SET created_at = '2026-01-02 03:04:05.678901+00' WHERE payment_intent_id = ANY ($1)", want[5:])

			var seen []string
			q.Limit = 7
			for pages := 1; ; pages++ {
				page, next, err := s.SearchPayments(t.Context(), q)
				require.NoError(t, err)
				seen = append(seen, intents(page)...)
				add() // is newer than all that follow
				if q.After = next; next == "" {
					assert.Equal(t, 4, pages)
					break
				}
			}
			assert.Equal(t, want, seen)
		})
	}

	t.Run("a page holds as many as it may, and one at least", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for i := range 3 {
			s.addPayment(fmt.Sprintf("pi_%d", i), "mum", "")
		}
		for limit, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 3: 3, 4: 3} {
			for _, text := range []string{"", "mum"} {
				page, next, err := s.SearchPayments(t.Context(), models.SearchQuery{Text: text, Limit: limit})
				require.NoError(t, err)
				assert.Len(t, page, want)
				assert.Equal(t, want == 3, next == "", "a full page with nothing behind it is the last")
			}
		}
	})
	t.Run("a cursor that is none is refused", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for _, text := range []string{"", "mum", "\x00"} {
			_, _, err := s.SearchPayments(t.Context(), models.SearchQuery{Text: text, After: "%%%"})
			requireKind(t, err, models.Invalid, "after")
		}
	})
	t.Run("an empty page is a list", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"", "mum", "\x00"} {
			page, _, err := newShop(t).SearchPayments(t.Context(), models.SearchQuery{Text: text})
			require.NoError(t, err)
			body, err := json.Marshal(page)
			require.NoError(t, err)
			assert.Equal(t, "[]", string(body))
		}
	})
}
