package control

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// clockEntered is what was entered on the page of the clock and refused. Its zero value is nothing.
type clockEntered struct {
	clock, faults string // why it was refused, by form
	values        map[string]string
}

// coming is something that time will bring.
type coming struct {
	row
	When, In string // when, and how long that is from now
	At       int64  // in seconds since 1970
}

// clockPage shows the time, what it will bring, and what goes wrong on purpose.
func (k *control) clockPage(w http.ResponseWriter, r *http.Request, left clockEntered) {
	status := k.Faults.Status()
	now := k.Ledger.Now()
	body := struct {
		Now                         string
		Steps                       []step
		Coming                      []coming
		Faults                      faults.Status
		Deliveries, Calls           []faults.Kind
		ClockProblem, FaultsProblem string
		Entered                     map[string]string
		Rules                       string
	}{
		Now: now.Format("Monday, 2 January 2006, 15:04:05 MST"), Steps: steps, Coming: k.coming(), Faults: status,
		ClockProblem: left.clock, FaultsProblem: left.faults, Entered: left.values,
		Rules: cmp.Or(left.values["rules"], rulesText(status)),
	}
	for _, kind := range faults.Kinds() {
		if kind.OfCalls() {
			body.Calls = append(body.Calls, kind)
		} else {
			body.Deliveries = append(body.Deliveries, kind)
		}
	}
	code := http.StatusOK
	if left.clock+left.faults != "" {
		code = http.StatusUnprocessableEntity
	}
	k.write(w, r, code, "clock", view{Title: "Clock and faults", Here: "clock", Body: body})
}

// step is by how much a button sets the clock ahead.
type step struct {
	Says  string
	Hours int
}

var steps = []step{{"1 hour", 1}, {"1 day", 24}, {"1 week", 7 * 24}, {"31 days", 31 * 24}}

// timed are the kinds of objects to which time does something that people wait for.
var timed = []string{"payment_intent", "checkout.session", "subscription", "invoice", "refund", "dispute", "webhook_endpoint"}

// coming are the next things that time will bring, the first first.
func (k *control) coming() (all []coming) {
	const shown = 8
	k.Ledger.View(func(t *ledger.Tx) {
		due := slices.DeleteFunc(newest(t, timed), func(o wire.Object) bool { return !o.Has("_due") })
		slices.SortStableFunc(due, func(a, b wire.Object) int { return cmp.Compare(a.Int("_due"), b.Int("_due")) })
		for _, o := range due[:min(shown, len(due))] {
			at := o.Int("_due")
			all = append(all, coming{newRow(t, o, nil), clock(at), span(time.Unix(at, 0).Sub(t.Time())), at})
		}
	})
	return all
}

// clockForm sets the clock ahead: by hours, by days, or to the second "to".
func (k *control) clockForm(w http.ResponseWriter, r *http.Request) {
	hours, err1 := strconv.ParseInt("0"+r.PostFormValue("hours"), 10, 32)
	days, err2 := strconv.ParseInt("0"+r.PostFormValue("days"), 10, 32)
	to, err3 := strconv.ParseInt("0"+r.PostFormValue("to"), 10, 64)
	by := time.Duration(min(hours, 24*mostDays+1))*time.Hour + time.Duration(min(days, mostDays+1))*day
	if to != 0 {
		by = time.Unix(to, 0).Sub(k.Ledger.Now())
	}
	if err1 != nil || err2 != nil || err3 != nil || !k.advance(by) {
		k.clockPage(w, r, clockEntered{
			clock: onlyForward + " Say for how many days or hours.", values: map[string]string{"days": r.PostFormValue("days"), "hours": r.PostFormValue("hours")},
		})
		return
	}
	done(w, r, "/clock", "clock", 0)
}

// faultsForm changes what goes wrong: it adds one rule, takes one away, or replaces them all.
func (k *control) faultsForm(w http.ResponseWriter, r *http.Request) {
	seed, rules, err := k.rulesAsked(r)
	if err == nil {
		err = k.Faults.Set(seed, rules)
	}
	if err != nil {
		values := map[string]string{}
		for name := range r.PostForm {
			values[name] = r.PostForm.Get(name)
		}
		k.clockPage(w, r, clockEntered{faults: err.Error(), values: values})
		return
	}
	done(w, r, "/clock", "faults", len(rules))
}

// rulesAsked are the rules as a form wants them.
func (k *control) rulesAsked(r *http.Request) (seed uint64, rules []faults.Rule, err error) {
	status := k.Faults.Status()
	for _, rule := range status.Rules {
		rules = append(rules, rule.Rule)
	}
	switch r.PostFormValue("do") {
	case "add":
		rule, err := ruleAsked(r)
		return status.Seed, append(rules, rule), err
	case "remove":
		i, err := strconv.Atoi(r.PostFormValue("rule"))
		if err == nil && i >= 0 && i < len(rules) {
			rules = slices.Delete(rules, i, i+1)
		}
		return status.Seed, rules, err
	}
	if seed, err = strconv.ParseUint(r.PostFormValue("seed"), 10, 64); err != nil {
		return 0, nil, err
	}
	d := json.NewDecoder(strings.NewReader(r.PostFormValue("rules")))
	d.DisallowUnknownFields()
	rules = nil
	err = d.Decode(&rules)
	return seed, rules, err
}

// ruleAsked is the rule that a form describes.
func ruleAsked(r *http.Request) (rule faults.Rule, err error) {
	rule.Fault, rule.Match = faults.Kind(r.PostFormValue("fault")), strings.TrimSpace(r.PostFormValue("match"))
	rule.AfterWork = r.PostFormValue("afterWork") != ""
	for name, into := range map[string]*int{"times": &rule.Times, "delayMs": &rule.DelayMS, "retryAfter": &rule.RetryAfter} {
		if said := r.PostFormValue(name); said != "" && err == nil {
			*into, err = strconv.Atoi(said)
		}
	}
	if said := r.PostFormValue("rate"); said != "" && err == nil {
		rule.Rate, err = strconv.ParseFloat(said, 64)
	}
	return rule, err
}

// rulesText are the rules in force as JSON.
func rulesText(status faults.Status) string {
	plain := []faults.Rule{}
	for _, rule := range status.Rules {
		plain = append(plain, rule.Rule)
	}
	text, _ := json.MarshalIndent(plain, "", "  ") // rules hold nothing but words and numbers
	return string(text)
}
