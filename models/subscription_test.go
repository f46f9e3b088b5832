package models_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// billing are all rows of subscriptions and invoices, but for when they were written.
func (s shop) billing() string {
	s.t.Helper()
	var all []string
	for _, table := range []string{"subscriptions", "invoices"} {
		all = append(all, ask[string](s, fmt.Sprintf("SELECT coalesce(string_agg((to_jsonb(t) - 'updated_at')::text, E'\n' ORDER BY id), '') FROM %s AS t", table)))
	}
	return strings.Join(all, "\n\n")
}

func (s shop) subscription(customer string) models.SubscriptionState {
	s.t.Helper()
	state, err := s.Subscription(s.t.Context(), customer)
	require.NoError(s.t, err)
	return state
}

func TestLooksReplaceRows(t *testing.T) {
	t.Parallel()

	t.Run("whatever was there before: the last look is what is kept", func(t *testing.T) {
		t.Parallel()
		statuses := []string{"incomplete", "trialing", "active", "past_due", "unpaid", "paused", "canceled"}
		var looks []models.BillingFacts
		for i, status := range statuses {
			f := stripeSays(customerID,
				monthly("sub_1", status, func(f *models.SubscriptionFacts) {
					f.Items[0].Quantity, f.CancelAtPeriodEnd, f.PeriodEnd = int64(i), i%2 == 1, day(30+i)
					if i%3 == 0 {
						f.TrialEnd, f.PendingUntil, f.PauseBehavior, f.PauseResumesAt = day(i), day(i), "void", day(i)
					}
				}),
				monthly("sub_2", statuses[len(statuses)-1-i], func(f *models.SubscriptionFacts) { f.Items = f.Items[:i%2] }))
			f.Invoices = []models.InvoiceFacts{
				invoiced("in_1", "sub_1", []string{"open", "paid", "void"}[i%3], func(f *models.InvoiceFacts) { f.AttemptCount = int64(i); f.Lines = f.Lines[:i%2] }),
				invoiced("in_2", "", "draft", func(f *models.InvoiceFacts) { f.FinalizedAt, f.Total = nil, int64(-i) }),
			}
			f.Customer.Card.Last4 = fmt.Sprintf("%04d", i)
			looks = append(looks, f)
		}
		s, fresh := shop{open(t), t}, shop{open(t), t}
		for n := range 40 {
			f := looks[rand.IntN(len(looks))]
			s.look(f)
			fresh.exec("TRUNCATE stripe_customers, customers CASCADE")
			fresh.look(f)
			require.Equal(t, fresh.billing(), s.billing(), "after %d looks", n+1)
			require.Equal(t, fresh.subscription(customerID), s.subscription(customerID))
		}
	})

	t.Run("and leave alone what is as it was, and what they were not told of", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID, monthly("sub_1", "active"), monthly("sub_2", "past_due"))
		f.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", "paid"), invoiced("in_2", "sub_2", "open")}
		assert.Equal(t, models.SyncResult{Subscriptions: 2, Invoices: 2, Changed: true}, s.look(f))
		s.exec("UPDATE subscriptions SET updated_at = 'epoch'")
		s.exec("UPDATE invoices SET updated_at = 'epoch'")
		before := s.billing()

		assert.Equal(t, models.SyncResult{Subscriptions: 2, Invoices: 2}, s.look(f))
		f.Subscriptions[1].Status = "active"
		f.Invoices = nil
		assert.Equal(t, models.SyncResult{Subscriptions: 2, Changed: true}, s.look(f))
		assert.Equal(t, "sub_2", ask[string](s, "SELECT string_agg(id, ' ') FROM subscriptions WHERE updated_at > 'epoch'"))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM invoices WHERE updated_at > 'epoch'"))

		f.Subscriptions = nil
		assert.Equal(t, models.SyncResult{}, s.look(f))
		assert.NotEqual(t, before, s.billing())
		assert.EqualValues(t, 2, ask[int64](s, "SELECT count(*) FROM subscriptions"))
		assert.Equal(t, "subscription_active/ subscription_past_due/ subscription_active/past_due", ask[string](s,
			"SELECT string_agg(action || '/' || before, ' ' ORDER BY id) FROM audit_entries WHERE subject = 'subscription' AND action <> 'subscription_owned' AND actor = 'stripe' AND reason LIKE 'evt_%'"))
	})

	t.Run("whose texts Postgres could not hold, or that come twice", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		bad := "a\x00b\xff" + strings.Repeat("é", 5000)
		f := stripeSays(bad, monthly("sub_1", "active"), monthly("sub_1", "canceled", of(bad), func(f *models.SubscriptionFacts) {
			f.Items[0].ProductName, f.Items[0].Tier, f.Currency, f.PauseBehavior, f.Card.Brand = bad, bad, bad, bad, bad
		}))
		f.Customer.Email, f.Customer.Card.Brand = bad, bad
		i := invoiced("in_1", "sub_1", "open", func(f *models.InvoiceFacts) {
			f.Lines[0].Description, f.FailureMessage, f.HostedURL, f.Currency, f.Number, f.PaymentIntentID = bad, bad, bad, bad, bad, bad
		})
		f.Invoices = []models.InvoiceFacts{i, i}
		s.look(f)
		assert.Equal(t, "canceled", ask[string](s, "SELECT status FROM subscriptions"))
		assert.True(t, ask[bool](s, "SELECT owner_id IS NULL FROM subscriptions"))
	})

	t.Run("of a customer with more subscriptions than one statement holds", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID)
		for i := range 250 {
			f.Subscriptions = append(f.Subscriptions, monthly(fmt.Sprintf("sub_%d", i), "active"))
		}
		assert.True(t, s.look(f).Changed)
		assert.False(t, s.look(f).Changed)
		assert.Len(t, s.subscription(customerID).Subscriptions, 250)
	})
}

func TestSubscriptionStates(t *testing.T) {
	t.Parallel()

	t.Run("are none of anybody unknown, who is not made", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		for _, id := range []string{"nobody", "", "a\x00b", strings.Repeat("x", 65)} {
			assert.Equal(t, models.SubscriptionState{Status: models.StatusNone}, s.subscription(id))
		}
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM customers"))
	})

	t.Run("say all that is known of one", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID, monthly("sub_1", "trialing", func(f *models.SubscriptionFacts) {
			f.CancelAtPeriodEnd, f.CancelAt, f.TrialEnd, f.PendingUntil = true, day(31), day(20), day(3)
			f.PauseBehavior, f.PauseResumesAt = "keep_as_draft", day(9)
			f.Items[0].Quantity = 3
		}))
		f.Invoices = []models.InvoiceFacts{invoiced("in_1", "sub_1", "paid", func(f *models.InvoiceFacts) { f.PaidAt, f.PaymentIntentID = day(2), "pi_1" })}
		s.look(f)
		one := models.SubscriptionState{
			Status: "trialing", SubscriptionID: "sub_1", PriceID: "price_gold", ProductID: "prod_gold", ProductName: "Gold", Tier: new("gold"), Quantity: 3,
			Access: new(true), PeriodStart: day(1), PeriodEnd: day(31), CancelAtPeriodEnd: new(true), CancelAt: day(31), TrialEnd: day(20),
			PauseCollection: &models.PauseCollection{Behavior: "keep_as_draft", ResumesAt: day(9)}, PendingUntil: day(3),
			PaymentMethod: &models.Card{Brand: "visa", Last4: "4242"}, Items: f.Subscriptions[0].Items,
			LatestInvoice: &models.InvoiceState{
				InvoiceID: "in_1", SubscriptionID: "sub_1", Number: "A-1", Status: "paid", BillingReason: "subscription_cycle", Currency: "usd",
				Subtotal: 900, Total: 900, AmountDue: 900, AttemptCount: 1, PeriodStart: day(1), PeriodEnd: day(31),
				HostedInvoiceURL: "https://invoice.example/in_1", PaymentIntentID: new("pi_1"), PaidAt: day(2), CreatedAt: *day(1),
			},
		}
		want := one
		want.Tiers, want.Subscriptions = []string{"gold"}, []models.SubscriptionState{one}
		assert.Equal(t, want, s.subscription(customerID))
	})

	t.Run("leave out what Stripe does not say: no time is the epoch", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		f := stripeSays(customerID, models.SubscriptionFacts{ID: "sub_1", Status: "incomplete", StartedAt: *day(1)})
		f.Customer.Card = models.Card{}
		s.look(f)
		one := models.SubscriptionState{Status: "incomplete", SubscriptionID: "sub_1", Access: new(false), CancelAtPeriodEnd: new(false), Items: []models.SubscriptionItem{}}
		want := one
		want.Subscriptions = []models.SubscriptionState{one}
		assert.Equal(t, want, s.subscription(customerID))
	})

	t.Run("are of its own card, else of its customer's", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		own := models.Card{Brand: "sepa_debit", Last4: "3000"}
		s.look(stripeSays(customerID, monthly("sub_1", "active", func(f *models.SubscriptionFacts) { f.Card = own })))
		assert.Equal(t, &own, s.subscription(customerID).PaymentMethod)
		s.look(stripeSays(customerID, monthly("sub_1", "active")))
		assert.Equal(t, &models.Card{Brand: "visa", Last4: "4242"}, s.subscription(customerID).PaymentMethod)
	})

	t.Run("begin with the most telling", func(t *testing.T) {
		t.Parallel()
		newer := func(f *models.SubscriptionFacts) { f.StartedAt = *day(5) }
		priced := func(tier string) func(*models.SubscriptionFacts) {
			return func(f *models.SubscriptionFacts) { f.Items[0].Tier = tier }
		}
		for name, c := range map[string]struct {
			facts []models.SubscriptionFacts
			want  string // the first, and then those that have not ended
			tiers []string
		}{
			"the one that goes on, not the newer that has ended": {
				[]models.SubscriptionFacts{monthly("sub_old", "active"), monthly("sub_new", "canceled", newer)}, "sub_old: sub_old", []string{"gold"},
			},
			"the one that gives access still, not the one that has lost it": {
				[]models.SubscriptionFacts{
					monthly("sub_a", "past_due", func(f *models.SubscriptionFacts) { f.PeriodStart = day(1) }),
					monthly("sub_b", "unpaid", func(f *models.SubscriptionFacts) { f.PeriodStart = day(8) }),
				}, "sub_b: sub_b sub_a", []string{"gold"},
			},
			"of two alike the newer": {
				[]models.SubscriptionFacts{monthly("sub_a", "active", priced("silver")), monthly("sub_b", "active", newer)}, "sub_b: sub_b sub_a", []string{"gold", "silver"},
			},
			"by Stripe's word": {
				[]models.SubscriptionFacts{
					monthly("sub_g", "incomplete_expired"), monthly("sub_f", "canceled"), monthly("sub_e", "incomplete"), monthly("sub_d", "paused"),
					monthly("sub_c", "trialing"), monthly("sub_b", "active"), monthly("sub_h", "brand_new"),
				}, "sub_b: sub_b sub_c sub_d sub_e sub_h", []string{"gold"},
			},
			"the last that was, when all have ended": {
				[]models.SubscriptionFacts{monthly("sub_a", "canceled"), monthly("sub_b", "canceled", newer)}, "sub_b:", nil,
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := shop{open(t), t}
				s.look(stripeSays(customerID, c.facts...))
				state := s.subscription(customerID)
				got := state.SubscriptionID + ":"
				for _, one := range state.Subscriptions {
					got += " " + one.SubscriptionID
				}
				assert.Equal(t, c.want, got)
				assert.Equal(t, c.tiers, state.Tiers)
			})
		}
	})

	t.Run("keep access for a while after a payment failed", func(t *testing.T) {
		t.Parallel()
		late := func(n int) func(*models.InvoiceFacts) { return func(f *models.InvoiceFacts) { f.FinalizedAt = day(n) } }
		untried := func(f *models.InvoiceFacts) { f.AttemptCount = 0; f.FinalizedAt = day(0) }
		for name, c := range map[string]struct {
			status   string
			invoices []models.InvoiceFacts
			until    *time.Time
			access   bool
		}{
			"from when the oldest that is open was finalized": {"past_due", []models.InvoiceFacts{invoiced("in_1", "sub_1", "open", late(5)), invoiced("in_2", "sub_1", "open", late(8))}, day(12), true},
			"not from one that is paid, or was not tried":     {"past_due", []models.InvoiceFacts{invoiced("in_1", "sub_1", "paid", late(2)), invoiced("in_2", "sub_1", "open", late(8)), invoiced("in_3", "sub_1", "open", untried)}, day(15), true},
			"not from another subscription's":                 {"unpaid", []models.InvoiceFacts{invoiced("in_1", "sub_2", "open", late(9))}, day(8), false},
			"and no longer":                                   {"unpaid", []models.InvoiceFacts{invoiced("in_1", "sub_1", "open", late(2))}, day(9), false},
			"but not of what never began":                     {"incomplete", []models.InvoiceFacts{invoiced("in_1", "sub_1", "open", late(8))}, nil, false},
			"nor of what is paid":                             {"active", []models.InvoiceFacts{invoiced("in_1", "sub_1", "open", late(2))}, nil, true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := shop{open(t), t}
				f := stripeSays(customerID, monthly("sub_1", c.status))
				f.Invoices = c.invoices
				s.look(f)
				state := s.subscription(customerID)
				assert.Equal(t, c.until, state.AccessUntil)
				assert.Equal(t, c.access, *state.Access)
				assert.Equal(t, c.access, len(state.Tiers) > 0)
			})
		}
	})

	t.Run("say which products are subscribed to, and go on", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		for status, goesOn := range map[string]bool{"active": true, "trialing": true, "past_due": true, "unpaid": true, "paused": true, "incomplete": false, "canceled": false, "incomplete_expired": false} {
			s.look(stripeSays(customerID, monthly("sub_1", status)))
			for customer, of := range map[string]string{customerID: "prod_gold", "other": "prod_gold", customerID + " ": "prod_gold", "": "prod_gold"} {
				has, err := s.HasSubscription(t.Context(), customer, of)
				require.NoError(t, err)
				assert.Equal(t, goesOn && customer == customerID, has, status)
			}
			has, err := s.HasSubscription(t.Context(), customerID, "prod_silver")
			require.NoError(t, err)
			assert.False(t, has)
		}
	})
}
