package faults

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// Faults of deliveries. Their subject is an event's type.
const (
	// Duplicate delivers the same event once more, also where the first delivery was answered 2xx.
	Duplicate Kind = "duplicate"
	// Twin tells of the same change in a second event, of another ID. Whoever makes the events makes it.
	Twin Kind = "twin"
	// Reorder holds an event back until the next one to that endpoint has gone out, or for a bounded time.
	Reorder Kind = "reorder"
	// Delay holds an event back.
	Delay Kind = "delay"
	// Drop never delivers, as if Stripe had lost the event, until somebody resends it.
	Drop Kind = "drop"
	// BadSignature signs one attempt with a secret that nobody has.
	BadSignature Kind = "bad_signature"
)

// Faults of calls. Their subject is the call, METHOD /path.
const (
	Conflict    Kind = "conflict"     // 409
	RateLimit   Kind = "rate_limit"   // 429 with Retry-After
	ServerError Kind = "server_error" // 500, before the work or after it
	Timeout     Kind = "timeout"      // no answer, and the work not done
	LostAnswer  Kind = "lost_answer"  // the work done, and the connection cut
)

// Rule says what goes wrong, with what and how often.
type Rule struct {
	Fault Kind `json:"fault"`
	// Match is a glob on the subject: payment_intent.*, POST /v1/refunds, GET /v1/payment_intents/*. As path.Match has it,
	// but * and ? cross slashes. Empty: every subject of the fault.
	Match string `json:"match,omitempty"`
	// Rate is the share of matches that are struck, from 0 to 1. Zero: all of them.
	Rate float64 `json:"rate,omitempty"`
	// Times is how often the rule strikes before it rests. Zero: without end.
	Times int `json:"times,omitempty"`
	// DelayMS is milliseconds: how long a delay lasts, how much later a duplicate goes out (zero: with the first), for how
	// long at most reorder or timeout holds on (zero: as long as whoever does it thinks right).
	DelayMS int `json:"delayMs,omitempty"`
	// RetryAfter is what rate_limit answers, in seconds. Zero: whatever the API thinks right.
	RetryAfter int `json:"retryAfter,omitempty"`
	// AfterWork lets server_error do the work first. False: the work is not done.
	AfterWork bool `json:"afterWork,omitempty"`
}

// waitMost is the longest DelayMS: no test waits for longer than a day.
const waitMost = 24 * time.Hour

// trait is what there is to know of a kind: what it befalls, and which of a rule's fields mean something to it.
type trait struct {
	kind                      Kind
	call                      bool
	waits, answers, afterWork bool
}

var traits = []trait{
	{kind: Duplicate, waits: true},
	{kind: Twin},
	{kind: Reorder, waits: true},
	{kind: Delay, waits: true},
	{kind: Drop},
	{kind: BadSignature},
	{kind: Conflict, call: true},
	{kind: RateLimit, call: true, answers: true},
	{kind: ServerError, call: true, afterWork: true},
	{kind: Timeout, call: true, waits: true},
	{kind: LostAnswer, call: true},
}

// calls is how every call to Stripe begins.
var calls = []string{"GET /", "POST /", "DELETE /"}

// Kinds lists all faults, those of deliveries first.
func Kinds() []Kind {
	all := make([]Kind, len(traits))
	for i, t := range traits {
		all[i] = t.kind
	}
	return all
}

// OfCalls tells whether the fault befalls calls, rather than deliveries.
func (k Kind) OfCalls() bool { return k.trait().call }

// trait is the zero trait for a kind that is not known.
func (k Kind) trait() trait {
	if i := slices.IndexFunc(traits, func(t trait) bool { return t.kind == k }); i >= 0 {
		return traits[i]
	}
	return trait{}
}

// Wait is DelayMS as a duration.
func (r Rule) Wait() time.Duration { return time.Duration(r.DelayMS) * time.Millisecond }

func (r Rule) rate() float64 { return cmp.Or(r.Rate, 1) }

// check tells each field that cannot be. A field that means nothing to the fault is refused as well: who sets it expects
// something of it that will not happen.
func (r Rule) check() []error {
	t := r.Fault.trait()
	if t.kind == "" {
		return []error{fmt.Errorf("fault: no fault is called %q", r.Fault)}
	}
	var wrong []error
	refuse := func(is bool, format string, a ...any) {
		if is {
			wrong = append(wrong, fmt.Errorf(format, a...))
		}
	}
	refuse(badGlob(r.Match), "match: %q is not a glob", r.Match)
	refuse(t.call && !mayBeCall(r.Match), "match: %q is no call: GET, POST or DELETE, a blank, and a path", r.Match)
	refuse(!t.call && !mayBeType(r.Match), "match: %q is no event type", r.Match)
	refuse(!(r.Rate >= 0 && r.Rate <= 1), "rate: %v is not from 0 to 1", r.Rate) // so written, it refuses NaN
	refuse(r.Times < 0, "times: %d is negative", r.Times)
	refuse(r.DelayMS < 0, "delayMs: %d is negative", r.DelayMS)
	refuse(int64(r.DelayMS) > waitMost.Milliseconds(), "delayMs: %d is more than a day", r.DelayMS)
	refuse(r.DelayMS == 0 && r.Fault == Delay, "delayMs: missing, or nothing is delayed")
	refuse(r.DelayMS != 0 && !t.waits, "delayMs: means nothing to %s", r.Fault)
	refuse(r.RetryAfter < 0, "retryAfter: %d is negative", r.RetryAfter)
	refuse(r.RetryAfter != 0 && !t.answers, "retryAfter: means nothing to %s", r.Fault)
	refuse(r.AfterWork && !t.afterWork, "afterWork: means nothing to %s", r.Fault)
	return wrong
}

func (r Rule) matches(subject string) bool {
	if r.Match == "" {
		return true
	}
	ok, _ := path.Match(flat(r.Match), flat(subject)) // a bad glob was refused when the rule was set
	return ok
}

func badGlob(glob string) bool {
	_, err := path.Match(flat(glob), "")
	return err != nil
}

// flat takes the slashes out, which path.Match would not let a * cross.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// mayBeCall tells whether any call can match the glob, as far as its beginning says.
func mayBeCall(glob string) bool {
	literal, open := glob, glob == ""
	if i := strings.IndexAny(glob, `*?[\`); i >= 0 {
		literal, open = glob[:i], true
	}
	return slices.ContainsFunc(calls, func(call string) bool {
		return strings.HasPrefix(literal, call) || open && strings.HasPrefix(call, literal)
	})
}

// mayBeType tells whether any event type can match the glob: a type has neither blanks nor slashes.
func mayBeType(glob string) bool { return !strings.ContainsAny(glob, " /") }
