package models_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// mapTo maps Stripe's customer to one of ours, as making it there does.
func (s shop) mapTo(customer, atStripe string) models.CustomerProfile {
	s.t.Helper()
	p, err := s.KeepStripeCustomer(s.t.Context(), models.CustomerProfile{CustomerID: customer, StripeCustomerID: atStripe})
	require.NoError(s.t, err)
	return p
}

func TestWhoseASubscriptionIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own, customers, ours string // who is named by its own metadata, its customer's, and our mapping
		want                 string
	}{
		"by its own metadata first":                  {"own", "told", "ours", "own"},
		"then by its customer's":                     {"", "told", "ours", "told"},
		"then by our mapping":                        {"", "", "ours", "ours"},
		"else nobody's":                              {"", "", "", ""},
		"not by metadata that can be nobody's":       {"a\x00b", "a\nb", "ours", "ours"},
		"not by the beginning of what is too long":   {"0123456789012345678901234567890123456789012345678901234567890123456789", "", "", ""},
		"whoever they are, by any name a caller has": {"auth0|ü 7", "", "", "auth0|ü 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop{open(t), t}
			if c.ours != "" {
				s.mapTo(c.ours, "cus_1")
			}
			s.look(stripeSays(c.customers, monthly("sub_1", "active", of(c.own))))
			assert.Equal(t, c.want, ask[string](s, "SELECT coalesce(owner_id, '') FROM subscriptions"))
			if c.want != "" {
				assert.Equal(t, "active", s.subscription(c.want).Status)
			}
		})
	}

	t.Run("what its session said of it stays, where it says nothing itself", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays("", monthly("sub_1", "active")))
		s.exec("UPDATE subscriptions SET told = 'session'")
		s.look(stripeSays("", monthly("sub_1", "active")))
		assert.Equal(t, "active", s.subscription("session").Status)
		s.look(stripeSays("", monthly("sub_1", "active", of("own"))))
		assert.Equal(t, models.StatusNone, s.subscription("session").Status)
		assert.Equal(t, "/session session/own", ask[string](s, "SELECT string_agg(before || '/' || after, ' ' ORDER BY id) FROM audit_entries WHERE action = 'subscription_owned'"))
	})

	t.Run("it becomes another's with its customer, and what both may have is reckoned anew", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays("one", monthly("sub_1", "active"), monthly("sub_2", "active", of("own"))))
		s.look(stripeSays("two", monthly("sub_1", "active"), monthly("sub_2", "active", of("own"))))
		assert.Equal(t, models.StatusNone, s.subscription("one").Status)
		assert.Equal(t, "sub_1", s.subscription("two").SubscriptionID)
		assert.Equal(t, "sub_2", s.subscription("own").SubscriptionID)
		assert.Equal(t, "one 2 none, own 1 active, two 1 active", ask[string](s,
			"SELECT string_agg(customer_id || ' ' || sequence || ' ' || (content ->> 'status'), ', ' ORDER BY customer_id) FROM grants"))
	})

	t.Run("a mapping that comes after the look is told by the next end of grace", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays("", monthly("sub_1", "active")))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM grants"))
		s.mapTo(customerID, "cus_1")
		assert.Equal(t, "active", s.subscription(customerID).Status)
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM outgoing_messages"))
		assert.Equal(t, 1, s.endGrace(grace))
		assert.Zero(t, s.endGrace(grace))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT sequence FROM grants"))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM outgoing_messages"))
	})
}

func TestCustomersGoneAtStripe(t *testing.T) {
	t.Parallel()
	deleted := models.BillingFacts{Customer: models.StripeCustomerFacts{ID: "cus_1", Gone: true}}

	t.Run("end the mapping and what had not ended", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		asOf := s.mapTo(customerID, "cus_1")
		s.look(stripeSays(customerID, monthly("sub_1", "active"), monthly("sub_2", "incomplete_expired")))
		assert.Equal(t, models.SyncResult{Gone: true, Changed: true}, s.look(deleted))
		assert.Equal(t, models.SyncResult{Gone: true}, s.look(deleted))

		state := s.subscription(customerID)
		assert.Equal(t, "canceled", state.Status)
		assert.NotNil(t, state.EndedAt)
		assert.NotNil(t, state.CanceledAt)
		assert.Empty(t, state.Tiers)
		assert.Equal(t, "incomplete_expired", ask[string](s, "SELECT status FROM subscriptions WHERE id = 'sub_2'"))
		assert.EqualValues(t, 2, ask[int64](s, "SELECT sequence FROM grants"))
		gone := models.CustomerProfile{CustomerID: customerID, After: "cus_1"}
		assert.Equal(t, gone, s.profile(customerID))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = 'customer_gone_at_stripe' AND before = 'cus_1'"))

		kept, err := s.KeepStripeCustomer(t.Context(), asOf)
		require.NoError(t, err)
		assert.Equal(t, gone, kept, "what is gone is not kept again")
		assert.Equal(t, models.CustomerProfile{CustomerID: customerID, StripeCustomerID: "cus_2", Synced: true}, s.mapTo(customerID, "cus_2"))
	})

	t.Run("have the subscriptions that Stripe still tells of as it does", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.look(stripeSays(customerID, monthly("sub_1", "active")))
		f := deleted
		f.Subscriptions = []models.SubscriptionFacts{monthly("sub_1", "canceled", func(f *models.SubscriptionFacts) { f.EndedAt = day(4) })}
		s.look(f)
		assert.Equal(t, day(4), s.subscription(customerID).EndedAt)
		assert.Equal(t, customerID, ask[string](s, "SELECT owner_id FROM subscriptions"), "whose it was is known still")
	})

	t.Run("may be noticed by another call, and met for the first time so", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.mapTo(customerID, "cus_1")
		for _, id := range []string{"cus_1", "cus_1", "cus_9"} {
			require.NoError(t, s.LoseStripeCustomer(t.Context(), id))
		}
		assert.Equal(t, "cus_1", s.profile(customerID).After)
		assert.EqualValues(t, 2, ask[int64](s, "SELECT count(*) FROM stripe_customers WHERE deleted_at IS NOT NULL"))
		assert.EqualValues(t, 1, ask[int64](s, "SELECT count(*) FROM audit_entries WHERE action = 'customer_gone_at_stripe'"))
	})

	t.Run("are followed by one after the last", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		for _, id := range []string{"cus_1", "cus_2"} {
			s.mapTo(customerID, id)
			require.NoError(t, s.LoseStripeCustomer(t.Context(), id))
			assert.Equal(t, id, s.profile(customerID).After)
		}
	})

	t.Run("leave a customer alone who is known by another name by now", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.mapTo(customerID, "cus_1")
		s.mapTo(customerID, "cus_2")
		require.NoError(t, s.LoseStripeCustomer(t.Context(), "cus_2"))
		p := s.profile(customerID)
		assert.Equal(t, "cus_1", p.StripeCustomerID)
		assert.Empty(t, p.After)
	})
}

// TestNobodyWaitsInACircle has Stripe's customers, whose subscriptions are those of
// a few customers of ours in every mixture, change in every way at once. A circle
// would be broken by Postgres with an error.
func TestNobodyWaitsInACircle(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	name := func(prefix string, n int) string { return prefix + strconv.Itoa(rand.IntN(n)) }
	statuses := []string{"active", "past_due", "canceled", "unpaid"}
	look := func() error {
		id, holder := name("cus_", 6), eventID()
		turn, err := s.WantSync(t.Context(), models.SyncWant{StripeCustomerID: id, Holder: holder})
		if err != nil || !turn.Mine {
			return err
		}
		look := models.SyncLook{StripeCustomerID: id, Holder: holder}
		generation, _, err := s.BeginSync(t.Context(), look)
		if err != nil {
			return err
		}
		f := stripeSays(name("customer ", 4))
		f.Customer.ID, f.Customer.Gone = id, rand.IntN(20) == 0
		for i := range 3 {
			f.Subscriptions = append(f.Subscriptions, monthly("sub_"+id+strconv.Itoa(i), statuses[rand.IntN(4)], of(name("customer ", 6))))
		}
		_, err = s.KeepSync(t.Context(), models.KeptSync{SyncLook: look, Generation: generation, Facts: f, Grace: time.Duration(rand.IntN(20)) * 24 * time.Hour, Announce: delivered})
		return err
	}
	ways := []func() error{
		look, look, look,
		func() error {
			n := rand.IntN(12) // each is made for one customer
			_, err := s.KeepStripeCustomer(t.Context(), models.CustomerProfile{CustomerID: "customer " + strconv.Itoa(n%6), StripeCustomerID: "cus_" + strconv.Itoa(n)})
			return err
		},
		func() error {
			_, err := s.PutCustomer(t.Context(), name("customer ", 6), "eve@example.com", name("Eve ", 5))
			return err
		},
		func() error { return s.LoseStripeCustomer(t.Context(), name("cus_", 12)) },
		func() error {
			_, err := s.EndGrace(t.Context(), time.Duration(rand.IntN(20))*24*time.Hour, delivered)
			return err
		},
		func() error {
			_, err := s.SQL().ExecContext(t.Context(), "UPDATE grants SET access_until = now() WHERE customer_id = $1", name("customer ", 6))
			return err
		},
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 60 {
				assert.NoError(t, ways[rand.IntN(len(ways))]())
			}
		})
	}
	wg.Wait()
	// What was told last is true, but for what time has changed since.
	s.exec("UPDATE grants SET access_until = now()")
	s.endGrace(grace)
	assert.Zero(t, s.endGrace(grace))
	for _, id := range []string{"customer 0", "customer 1", "customer 2", "customer 3", "customer 4", "customer 5"} {
		told := ask[string](s, "SELECT coalesce((SELECT content ->> 'status' FROM grants WHERE customer_id = $1), 'none')", id)
		assert.Equal(t, s.subscription(id).Status, told)
		assert.True(t, ask[bool](s, `SELECT count(*) = coalesce(max((body::jsonb -> 'data' ->> 'sequence')::bigint), 0) AND count(*) = count(DISTINCT body::jsonb -> 'data' ->> 'sequence')
			FROM outgoing_messages WHERE customer_id = $1`, id), "each change is told once, by a number of its own")
	}
}

func TestACustomerWhomStripeDoesNotKnow(t *testing.T) {
	t.Parallel()
	stranger := models.BillingFacts{Customer: models.StripeCustomerFacts{ID: "cus_1", Unknown: true}}
	begin := func(t *testing.T) shop {
		t.Helper()
		s := shop{open(t), t}
		s.mapTo("eve", "cus_1")
		s.look(stripeSays("", monthly("sub_1", "active")))
		s.look(stranger)
		return s
	}
	t.Run("stays as they are, because the key may be another account's", func(t *testing.T) {
		t.Parallel()
		s := begin(t)
		assert.Equal(t, "active", s.subscription("eve").Status)
		assert.Equal(t, "cus_1", s.mapTo("eve", "cus_1").StripeCustomerID)
	})
	t.Run("is gone when an event says so", func(t *testing.T) {
		t.Parallel()
		s := begin(t)
		deleted := models.Event{ID: "evt_deleted", Type: "customer.deleted", Created: 1_700_000_000, StripeCustomerID: "cus_1"}
		for range 2 {
			_, err := s.FinishSync(t.Context(), deleted)
			require.NoError(t, err)
		}
		assert.Equal(t, "canceled", s.subscription("eve").Status)
		profile, err := s.Profile(t.Context(), "eve")
		require.NoError(t, err)
		assert.Equal(t, models.CustomerProfile{CustomerID: "eve", After: "cus_1"}, profile)
	})
}
