// Package faults decides when something goes wrong, and decides the same again when it is asked to.
//
// Stripe delivers twice, late, in the wrong order or not at all, and answers 409, 429, 500 or nothing. Code that was never met by
// any of it is not known to survive it; code that was met by it at random cannot be mended, because the fault will not come
// back. So faults are rules, and what a rule does is drawn from its seed:
//
//	Strike(drop, "charge.succeeded") ──▶ rule 0  delay  *           not this fault: not asked
//	                                     rule 1  drop   charge.*    its 3rd match: takes the 3rd draw of (seed, 1) … spared
//	                                     rule 2  drop   *           its 7th match: takes the 7th draw of (seed, 2) … struck
//
// The nth match of a rule meets the nth draw of a sequence that depends on the seed and the rule's position only. The same
// seed, the same rules and the same order of subjects therefore give the same faults; where subjects come concurrently, their
// order is the only thing left to chance. A higher rate strikes all that a lower one does, and more.
//
// The package knows neither events nor calls: the courier asks it about deliveries, the API about calls, and each does what
// the fault is called.
package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Plan is the rules in force, and how far each has come. It is safe for concurrent use. A nil Plan never strikes.
type Plan struct {
	mu    sync.Mutex
	seed  uint64
	rules []*rule
}

// rule is a Rule at work.
type rule struct {
	Rule
	draws           *rand.Rand
	matched, struck int
}

// Status is a plan as it stands, to be shown.
type Status struct {
	Seed  uint64       `json:"seed"`
	Rules []RuleStatus `json:"rules"` // in the order in which they were given; never nil
}

// RuleStatus is a rule and what it has done since it was set.
type RuleStatus struct {
	Rule
	Matched int `json:"matched"` // how often it was asked, that is, its fault and subject fitted
	Struck  int `json:"struck"`
}

// New makes a plan. Its error is Set's.
func New(seed uint64, rules ...Rule) (*Plan, error) {
	p := &Plan{}
	if err := p.Set(seed, rules); err != nil {
		return nil, err
	}
	return p, nil
}

// Set replaces all rules and begins counting and drawing anew. Where a rule cannot be, it changes nothing, and the error names
// each wrong field as rules[position].field.
func (p *Plan) Set(seed uint64, rules []Rule) error {
	fresh := make([]*rule, len(rules))
	var wrong []error
	for i, r := range rules {
		fresh[i] = &rule{Rule: r, draws: rand.New(rand.NewPCG(seed, uint64(i)))}
		for _, err := range r.check() {
			wrong = append(wrong, fmt.Errorf("rules[%d].%w", i, err))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seed, p.rules = seed, fresh
	return nil
}

// Strike tells whether the fault befalls the subject (an event type, or a call as METHOD /path) this time, and by which rule.
// Rules are asked in their order, and the first that strikes ends the asking.
func (p *Plan) Strike(kind Kind, subject string) (Rule, bool) {
	if p == nil {
		return Rule{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rules {
		if r.Fault == kind && r.matches(subject) && r.decide() {
			return r.Rule, true
		}
	}
	return Rule{}, false
}

// Status tells the seed and what each rule has done.
func (p *Plan) Status() Status {
	s := Status{Rules: []RuleStatus{}}
	if p == nil {
		return s
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Seed = p.seed
	for _, r := range p.rules {
		s.Rules = append(s.Rules, RuleStatus{Rule: r.Rule, Matched: r.matched, Struck: r.struck})
	}
	return s
}

// decide counts a match and takes its draw. Draws go on after the last strike, or how often a rule may strike would change
// what it strikes once that number is raised.
func (r *rule) decide() bool {
	r.matched++
	if drawn := r.draws.Float64(); drawn >= r.rate() || r.spent() {
		return false
	}
	r.struck++
	return true
}

func (r *rule) spent() bool { return r.Times > 0 && r.struck >= r.Times }
