package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/faults"
)

func mustPlan(t *testing.T, seed uint64, n int, only ...string) []*sale {
	t.Helper()
	plan, err := newPlan(seed, n, 4, only)
	require.NoError(t, err)
	return plan
}

func TestThePlanIsAFunctionOfTheSeed(t *testing.T) {
	t.Parallel()
	once, again := mustPlan(t, 7, 200), mustPlan(t, 7, 200)
	assert.Equal(t, once, again)
	assert.NotEqual(t, mustPlan(t, 7, 200), mustPlan(t, 8, 200))
	killed, killedAgain := first(7, 50), first(7, 50)
	assert.Equal(t, killed, killedAgain)
	assert.NotEqual(t, first(7, 50), first(8, 50))
}

// first are the first n kills.
func first(seed uint64, n int) (all []kill) {
	for k := range kills(seed) {
		if all = append(all, k); len(all) == n {
			break
		}
	}
	return all
}

func TestEveryScenarioIsPlayedAndEveryPartKilled(t *testing.T) {
	t.Parallel()
	played := map[string]int{}
	for _, s := range mustPlan(t, 1, 60) {
		played[s.Scenario.name]++
	}
	assert.Len(t, played, len(scenarios), "in as few as sixty payments")
	killed := map[string]int{}
	for _, k := range first(1, len(partNames)) {
		killed[k.part]++
		assert.Positive(t, k.after)
		assert.Positive(t, k.down)
	}
	assert.Equal(t, map[string]int{api: 1, worker: 1, temporal: 1, postgres: 1}, killed)
}

func TestOnlyTheScenariosNamedArePlayed(t *testing.T) {
	t.Parallel()
	for _, s := range mustPlan(t, 1, 20, "paid", "declined") {
		assert.Contains(t, []string{"paid", "declined"}, s.Scenario.name)
	}
	_, err := newPlan(1, 20, 4, []string{"paid", "stolen"})
	require.ErrorContains(t, err, `no scenario is called "stolen"; there are paid, `)
}

func TestWhatIsBoughtCanBePaid(t *testing.T) {
	t.Parallel()
	last := time.Duration(-1)
	customers, scarce := map[string]bool{}, 0
	for _, s := range mustPlan(t, 3, 500) {
		assert.False(t, customers[s.Customer], "every customer buys once")
		customers[s.Customer] = true
		assert.Greater(t, s.At, last)
		last = s.At
		assert.NotEmpty(t, s.Lines)
		assert.Positive(t, s.part())
		assert.Less(t, s.part(), s.Paid)
		for _, amount := range []int64{s.Paid, s.owed(), s.part()} {
			assert.Zero(t, amount%10, "three-decimal currencies")
		}
		if s.Checkout != "" {
			assert.Equal(t, map[string]string{models.KeyPaymentID: s.Checkout}, s.metadata())
			continue
		}
		fee, err := s.Store.Currency.ParseMajor(s.metadata()[models.KeyDeliveryFee])
		require.NoError(t, err)
		assert.Equal(t, s.fee(), fee)
		if s.Rare == nil {
			continue
		}
		scarce++
		assert.Greater(t, s.quantity(s.Rare.ID), *s.Rare.Stock)
		assert.Greater(t, s.restocked()-s.quantity(s.Rare.ID), *s.Rare.Stock, "restocking twice can be told from once")
	}
	assert.Positive(t, scarce)
}

func TestTheFaultsCanBe(t *testing.T) {
	t.Parallel()
	_, err := faults.New(1, faultRules...)
	require.NoError(t, err)
}

func TestFlags(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o, parent, err := parseFlags([]string{"chaos", "-payments", "60", "-seed", "9", "-only", "paid,declined", "-make", "3"}, &out)
	require.NoError(t, err)
	assert.Equal(t, 3, parent)
	assert.Equal(t, []string{"paid", "declined"}, o.Only)
	assert.Equal(t, 10*time.Minute+45*time.Second, o.limit())
	_, _, err = parseFlags([]string{"chaos", "-payments", "0"}, &out)
	require.Error(t, err)
}
