package ledger

import (
	"slices"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

// When things happen to a subscription, in seconds before or after what they belong to.
const (
	trialWarning    = 3 * day      // trial_will_end, before the end of the trial
	upcomingWarning = 7 * day      // invoice.upcoming, before the end of the period
	incompleteLife  = 23 * 60 * 60 // how long the first invoice may be unpaid
)

// moment is one thing that is to happen to a subscription.
type moment struct {
	at   int64
	name string // under which _told remembers it; "" where its happening takes it away
	does func(t *Tx, s wire.Object)
}

// moments are what is to happen to a subscription as it is now, in the order in which they come at one time.
func (t *Tx) moments(s wire.Object) (all []moment) {
	if slices.Contains(ended, s.Text("status")) {
		return nil
	}
	add := func(wanted bool, at int64, name string, does func(*Tx, wire.Object)) {
		if wanted && !s.Sub("_told").Bool(name) {
			all = append(all, moment{at, name, does})
		}
	}
	status, end := s.Text("status"), s.Int("current_period_end")
	pause := s.Sub("pause_collection")
	add(status == "incomplete", s.Int("created")+incompleteLife, "", (*Tx).expire)
	add(s["pending_update"] != nil, s.Sub("pending_update").Int("expires_at"), "", (*Tx).dropPending)
	add(pause != nil && pause["resumes_at"] != nil, pause.Int("resumes_at"), "", resumeCollection)
	add(s["cancel_at"] != nil && !s.Bool("cancel_at_period_end"), s.Int("cancel_at"), "", endAsAsked)
	add(status == "trialing", s.Int("trial_end")-trialWarning, "trial_will_end", warnOfTrial)
	add(renews(s) && status != "unpaid", end-upcomingWarning, "upcoming", warnOfInvoice)
	add(slices.Contains(running, status), end, "", (*Tx).renew)
	return all
}

// running are the statuses in which periods follow each other.
var running = []string{"active", "past_due", "trialing", "unpaid"}

// renews tells whether the present period will be followed by another.
func renews(s wire.Object) bool {
	ends := s["cancel_at"] != nil && s.Int("cancel_at") <= s.Int("current_period_end")
	return slices.Contains(running, s.Text("status")) && !ends
}

// schedule notes when the next thing is to happen. Whoever begins a trial of less than three days, or cuts one short, is warned
// of its end at once; of an invoice whose warning would have been due before nobody is warned.
func (t *Tx) schedule(s wire.Object) {
	delete(s, "_due")
	for _, m := range t.moments(s) {
		if m.name == "upcoming" && m.at <= t.Now() {
			told(s, m.name)
			continue
		}
		if !s.Has("_due") || m.at < s.Int("_due") {
			s["_due"] = m.at
		}
	}
}

func told(s wire.Object, name string) {
	if s.Sub("_told") == nil {
		s["_told"] = wire.Object{}
	}
	s.Sub("_told")[name] = true
}

// subscriptionDue does what has become due.
func subscriptionDue(t *Tx, s wire.Object) {
	due := s.Int("_due")
	for _, m := range t.moments(s) {
		if m.at <= due {
			if m.name != "" {
				told(s, m.name)
			}
			m.does(t, s)
			break // what it leaves is seen anew
		}
	}
	t.schedule(s)
	if s.Has("_due") && s.Int("_due") <= due {
		s["_due"] = due + 1 // several things at one time come a second apart
	}
}

func warnOfTrial(t *Tx, s wire.Object) { t.Emit("customer.subscription.trial_will_end", s) }

func warnOfInvoice(t *Tx, s wire.Object) {
	if s.Sub("pause_collection") == nil {
		t.Emit("invoice.upcoming", t.upcoming(s))
	}
}

func endAsAsked(t *Tx, s wire.Object) { t.end(s, "cancellation_requested") }

func resumeCollection(t *Tx, s wire.Object) {
	s["pause_collection"] = nil
	t.Emit("customer.subscription.updated", s)
}

// renew begins the next period, or ends the subscription.
func (t *Tx) renew(s wire.Object) {
	if s.Bool("cancel_at_period_end") {
		t.end(s, "cancellation_requested")
		return
	}
	if s.Text("status") == "trialing" && t.payerOf(s) == nil {
		switch s.Sub("trial_settings").Sub("end_behavior").Text("missing_payment_method") {
		case "pause":
			s["status"] = "paused"
			t.Emit("customer.subscription.updated", s)
			t.Emit("customer.subscription.paused", s)
			return
		case "cancel":
			t.end(s, "cancellation_requested")
			return
		}
	}
	start := s.Int("current_period_end")
	s["_ended_period"] = s["current_period_start"]
	s["current_period_start"], s["current_period_end"] = start, nextPeriod(s, start)
	delete(s, "_told")
	if s.Text("status") == "trialing" {
		s["status"] = "active"
	}
	t.bill(s)
	delete(s, "_ended_period")
}

// nextPeriod is the end of the period that starts then, in seconds since 1970: counted in months and years from the anchor, so
// that 31 January is followed by 28 February and that by 31 March.
func nextPeriod(s wire.Object, start int64) int64 {
	pace := s.List("items")[0].Sub("price").Sub("recurring")
	anchor, count := time.Unix(s.Int("billing_cycle_anchor"), 0).UTC(), int(pace.Int("interval_count"))
	for n := 0; ; n += count {
		if end := after(anchor, n, pace.Text("interval")).Unix(); end > start {
			return end
		}
	}
}

// after is the anchor moved by so many days, weeks, months or years; the last day of a month where the day is not in it.
func after(anchor time.Time, n int, interval string) time.Time {
	switch interval {
	case "day":
		return anchor.AddDate(0, 0, n)
	case "week":
		return anchor.AddDate(0, 0, 7*n)
	case "year":
		n *= 12
	}
	moved := anchor.AddDate(0, n, 0)
	if moved.Day() != anchor.Day() { // it ran over into the next month
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}
