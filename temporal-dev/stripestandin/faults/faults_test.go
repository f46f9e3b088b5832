package faults_test

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/faults"
)

// mustPlan makes a plan whose rules are known to be good.
func mustPlan(t *testing.T, seed uint64, rules ...faults.Rule) *faults.Plan {
	t.Helper()
	p, err := faults.New(seed, rules...)
	require.NoError(t, err)
	return p
}

// struck asks n times and tells which were struck.
func struck(p *faults.Plan, n int, kind faults.Kind, subject string) []bool {
	got := make([]bool, n)
	for i := range got {
		_, got[i] = p.Strike(kind, subject)
	}
	return got
}

func count(all []bool) (n int) {
	for _, yes := range all {
		if yes {
			n++
		}
	}
	return n
}

func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	t.Parallel()
	half := faults.Rule{Fault: faults.Drop, Rate: 0.5}
	first := struck(mustPlan(t, 7, half), 200, faults.Drop, "charge.succeeded")
	require.InDelta(t, 100, count(first), 40)

	t.Run("and another seed gives others", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, first, struck(mustPlan(t, 7, half), 200, faults.Drop, "charge.succeeded"))
		require.NotEqual(t, first, struck(mustPlan(t, 8, half), 200, faults.Drop, "charge.succeeded"))
	})
	t.Run("again after they are set anew", func(t *testing.T) {
		t.Parallel()
		p := mustPlan(t, 1, half)
		struck(p, 3, faults.Drop, "charge.succeeded")
		require.NoError(t, p.Set(7, []faults.Rule{half}))
		require.Equal(t, first, struck(p, 200, faults.Drop, "charge.succeeded"))
	})
	t.Run("whatever else was asked in between", func(t *testing.T) {
		t.Parallel()
		p := mustPlan(t, 7, half, faults.Rule{Fault: faults.Delay, DelayMS: 1, Rate: 0.5})
		for _, want := range first {
			p.Strike(faults.Delay, "charge.succeeded")
			_, got := p.Strike(faults.Drop, "charge.succeeded")
			require.Equal(t, want, got)
		}
	})
	t.Run("and a higher rate gives the same and more", func(t *testing.T) {
		t.Parallel()
		more := struck(mustPlan(t, 7, faults.Rule{Fault: faults.Drop, Rate: 0.7}), 200, faults.Drop, "charge.succeeded")
		require.Greater(t, count(more), count(first))
		for i := range first {
			require.True(t, more[i] || !first[i])
		}
	})
}

func TestSeedsThatAreNeighboursHaveNothingInCommon(t *testing.T) {
	t.Parallel()
	n := 0
	for seed := range uint64(1000) {
		n += count(struck(mustPlan(t, seed, faults.Rule{Fault: faults.Drop, Rate: 0.3}), 1, faults.Drop, "x"))
	}
	require.InDelta(t, 300, n, 60, "or the first delivery of every test would have the same fate")
}

func TestARuleWithoutRateAlwaysStrikes(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, 1, faults.Rule{Fault: faults.Conflict})
	require.Equal(t, 50, count(struck(p, 50, faults.Conflict, "POST /v1/refunds")))
}

func TestARuleRestsAfterItsTimes(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, 1, faults.Rule{Fault: faults.Conflict, Times: 2})
	require.Equal(t, []bool{true, true, false, false}, struck(p, 4, faults.Conflict, "POST /v1/refunds"))
}

func TestTheFirstRuleThatStrikesIsTheOne(t *testing.T) {
	t.Parallel()
	p := mustPlan(t, 1,
		faults.Rule{Fault: faults.RateLimit, RetryAfter: 1, Times: 1},
		faults.Rule{Fault: faults.RateLimit, RetryAfter: 2},
	)
	for _, want := range []int{1, 2, 2} {
		r, ok := p.Strike(faults.RateLimit, "GET /v1/events")
		require.True(t, ok)
		require.Equal(t, want, r.RetryAfter)
	}
}

func TestAMatchIsAGlobWhoseStarCrossesSlashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind           faults.Kind
		match, subject string
		want           bool
	}{
		{faults.Drop, "", "charge.succeeded", true},
		{faults.Drop, "*", "charge.succeeded", true},
		{faults.Drop, "payment_intent.*", "payment_intent.succeeded", true},
		{faults.Drop, "payment_intent.*", "charge.succeeded", false},
		{faults.Drop, "charge.[rs]*", "charge.refunded", true},
		{faults.Drop, "charge.[rs]*", "charge.failed", false},
		{faults.Drop, "refund", "refund.created", false},
		{faults.Conflict, "POST /v1/refunds", "POST /v1/refunds", true},
		{faults.Conflict, "POST /v1/refunds", "GET /v1/refunds", false},
		{faults.Conflict, "GET /v1/payment_intents/*", "GET /v1/payment_intents/pi_1", true},
		{faults.Conflict, "POST *", "POST /v1/checkout/sessions/cs_1/expire", true},
		{faults.Conflict, "*/cancel", "POST /v1/payment_intents/pi_1/cancel", true},
		{faults.Conflict, "P*", "POST /v1/refunds", true},
	} {
		t.Run(fmt.Sprintf("%q on %q", c.match, c.subject), func(t *testing.T) {
			t.Parallel()
			_, got := mustPlan(t, 1, faults.Rule{Fault: c.kind, Match: c.match}).Strike(c.kind, c.subject)
			require.Equal(t, c.want, got)
		})
	}
}

func TestARuleThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]faults.Rule{
		`rules[1].fault: no fault is called "dorp"`:            {Fault: "dorp"},
		`rules[1].fault: no fault is called ""`:                {},
		`rules[1].match: "charge.[" is not a glob`:             {Fault: faults.Drop, Match: "charge.["},
		`rules[1].match: "charge.*" is no call`:                {Fault: faults.Timeout, Match: "charge.*"},
		`rules[1].match: "/v1/refunds" is no call`:             {Fault: faults.Timeout, Match: "/v1/refunds"},
		`rules[1].match: "POST" is no call`:                    {Fault: faults.Timeout, Match: "POST"},
		`rules[1].match: "post /v1/refunds" is no call`:        {Fault: faults.Timeout, Match: "post /v1/refunds"},
		`rules[1].match: "POST /v1/refunds" is no event type`:  {Fault: faults.Twin, Match: "POST /v1/refunds"},
		`rules[1].rate: 1.5 is not from 0 to 1`:                {Fault: faults.Drop, Rate: 1.5},
		`rules[1].rate: -1 is not from 0 to 1`:                 {Fault: faults.Drop, Rate: -1},
		`rules[1].rate: NaN is not from 0 to 1`:                {Fault: faults.Drop, Rate: math.NaN()},
		`rules[1].times: -1 is negative`:                       {Fault: faults.Drop, Times: -1},
		`rules[1].delayMs: -1 is negative`:                     {Fault: faults.Delay, DelayMS: -1},
		`rules[1].delayMs: missing, or nothing is delayed`:     {Fault: faults.Delay},
		`rules[1].delayMs: 86400001 is more than a day`:        {Fault: faults.Delay, DelayMS: 86_400_001},
		`rules[1].delayMs: means nothing to drop`:              {Fault: faults.Drop, DelayMS: 5},
		`rules[1].retryAfter: -1 is negative`:                  {Fault: faults.RateLimit, RetryAfter: -1},
		`rules[1].retryAfter: means nothing to server_error`:   {Fault: faults.ServerError, RetryAfter: 1},
		`rules[1].afterWork: means nothing to lost_answer`:     {Fault: faults.LostAnswer, AfterWork: true},
		"rules[1].rate: 2 is not from 0 to 1\nrules[1].times:": {Fault: faults.Drop, Rate: 2, Times: -1},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			good := faults.Rule{Fault: faults.Drop}
			p, err := faults.New(1, good, r)
			require.ErrorContains(t, err, want)
			require.Nil(t, p)

			p = mustPlan(t, 1, good)
			require.Error(t, p.Set(2, []faults.Rule{good, r}))
			require.Equal(t, uint64(1), p.Status().Seed, "the plan is as it was")
		})
	}
}

func TestEveryFaultIsKnownAndCanBeARule(t *testing.T) {
	t.Parallel()
	for _, k := range faults.Kinds() {
		r := faults.Rule{Fault: k, Match: "charge.*"}
		if k.OfCalls() {
			r.Match = "POST /v1/*"
		}
		if k == faults.Delay {
			r.DelayMS = 1
			require.Equal(t, time.Millisecond, r.Wait())
		}
		mustPlan(t, 1, r)
	}
	require.Len(t, faults.Kinds(), 11)
}

func TestTheStatusCountsMatchesAndStrikes(t *testing.T) {
	t.Parallel()
	var p faults.Plan
	var rules []faults.Rule
	require.NoError(t, json.Unmarshal([]byte(`[
		{"fault":"duplicate","match":"charge.*","times":1,"delayMs":5},
		{"fault":"server_error","afterWork":true},
		{"fault":"rate_limit","rate":0.25,"retryAfter":2}
	]`), &rules))
	require.NoError(t, p.Set(3, rules))
	struck(&p, 4, faults.Duplicate, "charge.succeeded")
	struck(&p, 4, faults.Duplicate, "refund.created")
	status, err := json.Marshal(p.Status())
	require.NoError(t, err)
	require.JSONEq(t, `{"seed":3,"rules":[
		{"fault":"duplicate","match":"charge.*","times":1,"delayMs":5,"matched":4,"struck":1},
		{"fault":"server_error","afterWork":true,"matched":0,"struck":0},
		{"fault":"rate_limit","rate":0.25,"retryAfter":2,"matched":0,"struck":0}
	]}`, string(status))
}

func TestNoPlanNeverStrikes(t *testing.T) {
	t.Parallel()
	var p *faults.Plan
	_, ok := p.Strike(faults.Drop, "charge.succeeded")
	require.False(t, ok)
	require.Empty(t, p.Status().Rules)
}

func TestConcurrentSubjectsAreStruckAsOftenAsInARow(t *testing.T) {
	t.Parallel()
	rule := faults.Rule{Fault: faults.Drop, Rate: 0.5}
	want := count(struck(mustPlan(t, 5, rule), 800, faults.Drop, "charge.succeeded"))
	p := mustPlan(t, 5, rule)
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { got.Add(int64(count(struck(p, 100, faults.Drop, "charge.succeeded")))) })
	}
	wg.Wait()
	require.EqualValues(t, want, got.Load())
	require.Equal(t, 800, p.Status().Rules[0].Matched)
}
