package models_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// grace is for how long the tests keep access after a failed payment.
const grace = 7 * 24 * time.Hour

// delivered is how the tests have messages delivered.
var delivered = &models.Announce{WorkflowType: "DeliverWebhook", WorkflowID: func(id string) string { return "webhook-" + id }}

// day is a time by the tests' own calendar: the n-th day from its beginning, which
// is at midnight, ten days ago.
func day(n int) *time.Time {
	at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, n-10)
	return &at
}

// monthly is a subscription in a status, begun on day 1.
func monthly(id, status string, changes ...func(*models.SubscriptionFacts)) models.SubscriptionFacts {
	f := models.SubscriptionFacts{
		ID: id, Status: status, Currency: "usd",
		Items: []models.SubscriptionItem{{
			ID: "si_1", PriceID: "price_gold", ProductID: "prod_gold", ProductName: "Gold", Tier: "gold",
			Quantity: 1, UnitAmount: 900, Currency: "usd", Interval: "month", IntervalCount: 1,
		}},
		PeriodStart: day(1), PeriodEnd: day(31), StartedAt: *day(1), LatestInvoiceID: "in_1",
	}
	for _, change := range changes {
		change(&f)
	}
	return f
}

// of says whose a subscription is.
func of(customer string) func(*models.SubscriptionFacts) {
	return func(f *models.SubscriptionFacts) { f.CustomerID = customer }
}

// invoiced is an invoice of a subscription, tried once.
func invoiced(id, subscription, status string, changes ...func(*models.InvoiceFacts)) models.InvoiceFacts {
	f := models.InvoiceFacts{
		ID: id, SubscriptionID: subscription, Number: "A-1", Status: status, BillingReason: "subscription_cycle", Currency: "usd",
		Subtotal: 900, Total: 900, AmountDue: 900, AttemptCount: 1, PeriodStart: day(1), PeriodEnd: day(31),
		Lines:     []models.InvoiceLine{{Description: "1 × Gold", Quantity: 1, Amount: 900, PeriodStart: day(1), PeriodEnd: day(31)}},
		HostedURL: "https://invoice.example/" + id, FinalizedAt: day(2), MadeAt: *day(1),
	}
	for _, change := range changes {
		change(&f)
	}
	return f
}

// stripeSays are facts of the customer cus_1, whose metadata names one of ours, "" none.
func stripeSays(customer string, subscriptions ...models.SubscriptionFacts) models.BillingFacts {
	return models.BillingFacts{
		Customer:      models.StripeCustomerFacts{ID: "cus_1", CustomerID: customer, Email: "eve@example.com", Card: models.Card{Brand: "visa", Last4: "4242"}},
		Subscriptions: subscriptions,
	}
}

func (s shop) want(w models.SyncWant) models.SyncTurn {
	s.t.Helper()
	turn, err := s.WantSync(s.t.Context(), w)
	require.NoError(s.t, err)
	return turn
}

func (s shop) begin(look models.SyncLook) (generation int64, mine bool) {
	s.t.Helper()
	generation, mine, err := s.BeginSync(s.t.Context(), look)
	require.NoError(s.t, err)
	return generation, mine
}

func (s shop) keepSync(k models.KeptSync) models.SyncResult {
	s.t.Helper()
	r, err := s.KeepSync(s.t.Context(), k)
	require.NoError(s.t, err)
	return r
}

// look is one whole look at the customer of the facts, by a workflow that comes after
// all others have rested.
func (s shop) look(f models.BillingFacts) models.SyncResult {
	s.t.Helper()
	return s.lookWith(f, delivered)
}

func (s shop) lookWith(f models.BillingFacts, announce *models.Announce) models.SyncResult {
	s.t.Helper()
	s.rest(f.Customer.ID)
	look := models.SyncLook{StripeCustomerID: f.Customer.ID, Holder: eventID()}
	require.True(s.t, s.want(models.SyncWant{StripeCustomerID: look.StripeCustomerID, Holder: look.Holder}).Mine)
	generation, mine := s.begin(look)
	require.True(s.t, mine)
	r := s.keepSync(models.KeptSync{SyncLook: look, Generation: generation, Facts: f, Grace: grace, Announce: announce})
	require.False(s.t, r.Lost)
	return r
}

// rest lets the second pass in which nobody looks after a look that several wanted.
func (s shop) rest(cus string) {
	s.t.Helper()
	s.exec("UPDATE stripe_customers SET lease_until = lease_until - interval '1 second' WHERE id = $1", cus)
}

func TestTurnsToLook(t *testing.T) {
	t.Parallel()
	const cus = "cus_1"
	by := func(holder string) models.SyncWant { return models.SyncWant{StripeCustomerID: cus, Holder: holder} }
	look := func(holder string) models.SyncLook { return models.SyncLook{StripeCustomerID: cus, Holder: holder} }

	t.Run("are one workflow's at a time, and cover what was wanted before they began", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		assert.Equal(t, models.SyncTurn{StripeCustomerID: cus, Generation: 1, Mine: true}, s.want(by("evt_a")))
		assert.Equal(t, models.SyncTurn{StripeCustomerID: cus, Generation: 2}, s.want(by("evt_b")))
		generation, mine := s.begin(look("evt_a"))
		assert.True(t, mine)
		assert.EqualValues(t, 2, generation)
		late := s.want(by("evt_c"))
		assert.Equal(t, models.SyncTurn{StripeCustomerID: cus, Generation: 3}, late, "Stripe may have answered before this was wanted")

		assert.Equal(t, models.SyncResult{Subscriptions: 1, Changed: true},
			s.keepSync(models.KeptSync{SyncLook: look("evt_a"), Generation: generation, Facts: stripeSays("", monthly("sub_1", "active"))}))
		again := by("evt_b")
		again.Generation = 2
		assert.Equal(t, models.SyncTurn{StripeCustomerID: cus, Generation: 2, Covered: true}, s.want(again))
		again = by("evt_c")
		again.Generation = 3
		assert.False(t, s.want(again).Mine, "two have wanted it, so more are likely to come")
		s.rest(cus)
		assert.Equal(t, models.SyncTurn{StripeCustomerID: cus, Generation: 3, Mine: true}, s.want(again))
		assert.EqualValues(t, 3, ask[int64](s, "SELECT wanted FROM stripe_customers"), "asking again is no new want")
	})

	t.Run("stay with the workflow that asks again", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		assert.True(t, s.want(by("evt_a")).Mine)
		assert.True(t, s.want(by("evt_a")).Mine, "the answer was lost")
	})

	t.Run("pass to another when their holder has died, whose look is lost then", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.want(by("evt_a"))
		stale, _ := s.begin(look("evt_a"))
		s.exec("UPDATE stripe_customers SET lease_until = now() - interval '1 second'")
		assert.True(t, s.want(by("evt_b")).Mine)
		_, mine := s.begin(look("evt_a"))
		assert.False(t, mine)
		lost := models.KeptSync{SyncLook: look("evt_a"), Generation: stale, Facts: stripeSays("", monthly("sub_1", "active"))}
		assert.Equal(t, models.SyncResult{Lost: true}, s.keepSync(lost))

		generation, mine := s.begin(look("evt_b"))
		require.True(t, mine)
		s.keepSync(models.KeptSync{SyncLook: look("evt_b"), Generation: generation, Facts: stripeSays("", monthly("sub_1", "canceled"))})
		assert.Equal(t, models.SyncResult{Lost: true}, s.keepSync(lost), "nobody's turn is not theirs either")
		assert.Equal(t, "canceled", ask[string](s, "SELECT status FROM subscriptions"))
	})

	t.Run("are not given back by an attempt that began before what was kept", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.want(by("evt_a"))
		first, _ := s.begin(look("evt_a"))
		s.want(by("evt_b"))
		second, _ := s.begin(look("evt_a"))
		s.keepSync(models.KeptSync{SyncLook: look("evt_a"), Generation: second, Facts: stripeSays("", monthly("sub_1", "canceled"))})
		require.True(t, s.want(by("evt_a")).Mine)
		assert.True(t, s.keepSync(models.KeptSync{SyncLook: look("evt_a"), Generation: first, Facts: stripeSays("", monthly("sub_1", "active"))}).Lost)
		assert.Equal(t, "canceled", ask[string](s, "SELECT status FROM subscriptions"))
	})

	t.Run("wait longer for a look to begin than for it to end", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.want(by("evt_a"))
		assert.True(t, ask[bool](s, "SELECT lease_until > now() + interval '14 minutes' FROM stripe_customers"))
		s.begin(look("evt_a"))
		assert.False(t, ask[bool](s, "SELECT lease_until > now() + interval '3 minutes' FROM stripe_customers"))
	})

	t.Run("are kept while Stripe says to wait", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.want(by("evt_a"))
		require.NoError(t, s.HoldSync(t.Context(), look("evt_a"), time.Hour))
		assert.True(t, ask[bool](s, "SELECT lease_until > now() + interval '1 hour' FROM stripe_customers"))
		require.NoError(t, s.HoldSync(t.Context(), look("evt_b"), 9*time.Hour))
		assert.False(t, ask[bool](s, "SELECT lease_until > now() + interval '2 hours' FROM stripe_customers"), "it is not theirs")
		assert.False(t, s.want(by("evt_b")).Mine)
	})

	t.Run("are found by what is known of a subscription or an invoice", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		assert.Equal(t, models.SyncTurn{}, s.want(models.SyncWant{SubscriptionID: "sub_1", InvoiceID: "in_1", Holder: "evt_a"}))
		assert.Zero(t, ask[int64](s, "SELECT count(*) FROM stripe_customers"))
		f := stripeSays("", monthly("sub_1", "active"))
		f.Invoices = []models.InvoiceFacts{invoiced("in_1", "", "paid")}
		s.look(f)
		for _, w := range []models.SyncWant{{SubscriptionID: "sub_1"}, {InvoiceID: "in_1"}, {SubscriptionID: "sub_9", InvoiceID: "in_1"}} {
			w.Holder = "evt_a"
			assert.Equal(t, cus, s.want(w).StripeCustomerID)
		}
	})

	t.Run("are wanted for an old invoice until somebody has looked for it, once", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		old := by("evt_old")
		old.InvoiceID = "in_old"
		require.True(t, s.want(by("evt_a")).Mine)
		old.Generation = s.want(old).Generation
		generation, _ := s.begin(look("evt_a"))
		s.keepSync(models.KeptSync{SyncLook: look("evt_a"), Generation: generation, Facts: stripeSays("")})
		s.rest(cus)
		turn := s.want(old)
		assert.True(t, turn.Mine, "the other's look fetched the newest alone: %+v", turn)

		generation, _ = s.begin(look("evt_old"))
		f := stripeSays("")
		s.keepSync(models.KeptSync{SyncLook: look("evt_old"), Generation: generation, Facts: f})
		assert.True(t, s.want(old).Covered, "Stripe has no such invoice: there is nothing more to look for")

		f.Invoices = []models.InvoiceFacts{invoiced("in_old", "", "paid")}
		s.look(f)
		assert.True(t, s.want(old).Covered, "it is known, whoever has looked")
	})
}

// TestBurst has 200 events of one customer want a look at once, each as a workflow
// does, with a Stripe that changes all the time.
func TestBurst(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	var version, looking, looks atomic.Int64
	atStripe := func() models.BillingFacts {
		if n := looking.Add(1); n != 1 {
			t.Errorf("%d look at once", n)
		}
		defer looking.Add(-1)
		looks.Add(1)
		seen := version.Load()
		time.Sleep(5 * time.Millisecond)
		return stripeSays("", monthly("sub_1", "active", func(f *models.SubscriptionFacts) { f.Items[0].Quantity = seen }))
	}
	syncAs := func(holder string) (covered int64, err error) {
		changed := version.Add(1) // of which the event tells
		w := models.SyncWant{StripeCustomerID: "cus_1", Holder: holder}
		for {
			turn, err := s.WantSync(t.Context(), w)
			if err != nil || turn.Covered {
				return changed, err
			}
			w.Generation = turn.Generation
			if !turn.Mine {
				time.Sleep(time.Duration(1+rand.IntN(20)) * time.Millisecond)
				continue
			}
			look := models.SyncLook{StripeCustomerID: "cus_1", Holder: holder}
			generation, mine, err := s.BeginSync(t.Context(), look)
			if err != nil || !mine {
				return changed, err
			}
			if _, err = s.KeepSync(t.Context(), models.KeptSync{SyncLook: look, Generation: generation, Facts: atStripe()}); err != nil {
				return changed, err
			}
		}
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			changed, err := syncAs("evt_" + strconv.Itoa(i))
			assert.NoError(t, err)
			kept, err := s.quantityKept(t)
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, kept, changed, "what is kept is older than the event")
		})
	}
	wg.Wait()
	t.Logf("200 wants, %d looks", looks.Load())
	assert.LessOrEqual(t, looks.Load(), int64(10))
	assert.EqualValues(t, 200, ask[int64](s, "SELECT (items -> 0 ->> 'quantity')::bigint FROM subscriptions"))
	assert.True(t, ask[bool](s, "SELECT wanted = 200 AND fetched = 200 FROM stripe_customers"))
}

// quantityKept is of the one subscription there is, as a goroutine may ask for it.
func (s shop) quantityKept(t *testing.T) (n int64, err error) {
	t.Helper()
	err = s.SQL().QueryRowContext(t.Context(), "SELECT (items -> 0 ->> 'quantity')::bigint FROM subscriptions").Scan(&n)
	return n, err
}
