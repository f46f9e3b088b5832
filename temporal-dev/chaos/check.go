package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// count is something that must not be.
type count string

// What is counted. All but the last must be 0.
const (
	lost             count = "lost"             // collected, and neither an order, nor the money back, nor a case that a person can see
	doubledOrders    count = "doubledOrders"    // more than one order for a payment
	doubledRefunds   count = "doubledRefunds"   // more given back than is to be, or twice for one wish of ours
	stuck            count = "stuck"            // not where it has to end, or something still to be done
	wrongMoney       count = "wrongMoney"       // rows and Stripe do not agree, or an order is not what was paid
	cartsNotCleared  count = "cartsNotCleared"  // what was bought is still there, or what was not is gone
	wrongStock       count = "wrongStock"       // there is not as much left as was there without what was sold
	mailsMissing     count = "mailsMissing"     // somebody was not told
	mailsUnexpected  count = "mailsUnexpected"  // somebody was told what did not happen
	mailsDoubledByID count = "mailsDoubledById" // somebody was told twice, and no mail program can know
	failedWorkflows  count = "failedWorkflows"  // a workflow ended in another way than well
	mailsDoubledRaw  count = "mailsDoubledRaw"  // the same mail twice under one Message-ID: a crash between sending and noting
)

// allCounts are in the order in which they are told.
var allCounts = []count{
	lost, doubledOrders, doubledRefunds, stuck, wrongMoney, cartsNotCleared, wrongStock,
	mailsMissing, mailsUnexpected, mailsDoubledByID, failedWorkflows, mailsDoubledRaw,
}

// verdict is what the checker has found.
type verdict struct {
	Counts   map[count]int
	Findings []finding
}

// finding is one thing that is not as it has to be.
type finding struct {
	count count
	sale  *sale // nil: it belongs to no payment
	says  string
}

func (f finding) String() string {
	where := "no payment's"
	if f.sale != nil {
		where = fmt.Sprintf("payment %d, %s, %s", f.sale.Number, f.sale.Scenario.name, f.sale.Intent())
	}
	return fmt.Sprintf("%s: %s: %s", f.count, where, f.says)
}

// ok tells whether nothing was found but what is allowed.
func (v verdict) ok() bool { return len(v.Findings) == 0 }

// check looks at a world that has come to rest. It asks nobody: what it says depends on the world alone.
func check(w world) verdict {
	c := newChecker(w)
	for _, s := range w.sales {
		f := c.files[s.Number]
		c.checkOutcome(f)
		c.checkOrder(f)
		c.checkRefunds(f)
		c.checkMoney(f)
		c.checkCart(f)
		c.checkMails(f)
	}
	c.checkStock()
	c.checkStrays()
	c.checkWorkflows()
	c.checkLeftovers()
	return c.verdict
}

// checker is a check under way.
type checker struct {
	world
	files   map[int]*file   // by the sale's number
	open    map[string]bool // workflows, by ID
	owned   map[string]bool // rows of payments that are somebody's, by ID
	verdict verdict

	// Rows and mails by what they are looked up by, filled at the first look.
	carts  map[string][]cartRow
	items  map[string][]itemRow
	copies map[string][]delivered
}

// file is all that is known of one payment.
type file struct {
	sale          *sale
	want          want
	stripe        charged
	payments      []paymentRow
	orders        []orderRow
	refunds       []refundRow
	notifications []notificationRow
	held          bool
}

func newChecker(w world) *checker {
	c := &checker{
		world: w, files: map[int]*file{}, open: map[string]bool{}, owned: map[string]bool{},
		verdict: verdict{Counts: map[count]int{}},
	}
	for _, name := range allCounts {
		c.verdict.Counts[name] = 0
	}
	for _, wf := range w.temporal.Open {
		c.open[wf.ID] = true
	}
	c.openFiles()
	return c
}

// openFiles sorts rows by the payment that they belong to. Orders are sorted by their customer, who pays once: a second row of
// the same payment may have made a second one.
func (c *checker) openFiles() {
	byIntent, byCustomer, byPayment := map[string]*file{}, map[string]*file{}, map[string]*file{}
	for _, s := range c.sales {
		f := &file{sale: s, want: s.Scenario.want(s), stripe: c.stripe[s.Intent()]}
		c.files[s.Number], byIntent[s.Intent()], byCustomer[s.Customer] = f, f, f
	}
	delete(byIntent, "") // whoever has not paid
	for _, p := range c.tables.Payments {
		f := byIntent[p.Intent]
		if f == nil {
			f = byCustomer[p.Customer]
		}
		if f != nil {
			f.payments, byPayment[p.ID], c.owned[p.ID] = append(f.payments, p), f, true
		}
	}
	for _, o := range c.tables.Orders {
		if f := byCustomer[o.Customer]; f != nil {
			f.orders = append(f.orders, o)
		}
	}
	for _, r := range c.tables.Refunds {
		if f := byPayment[r.Payment]; f != nil {
			f.refunds = append(f.refunds, r)
		}
	}
	for _, h := range c.tables.Holds {
		if f := byPayment[h.Payment]; f != nil {
			f.held = f.held || h.Open
		}
	}
	for _, n := range c.tables.Notifications {
		if f := byPayment[n.Payment]; f != nil {
			f.notifications = append(f.notifications, n)
		}
	}
}

// found notes what is not as it has to be. sale is nil for what belongs to no payment.
func (c *checker) found(what count, s *sale, format string, args ...any) {
	c.verdict.Counts[what]++
	c.verdict.Findings = append(c.verdict.Findings, finding{what, s, fmt.Sprintf(format, args...)})
}

// status is what the payment is shown as; none when it is not known.
func (f *file) status() string {
	if len(f.payments) == 0 {
		return none
	}
	return f.payments[0].Status
}

// orderStatus is the order's; none when there is none.
func (f *file) orderStatus() string {
	if len(f.orders) == 0 {
		return none
	}
	return f.orders[0].Status
}

// bought tells whether the goods are, or were, an order's.
func (f *file) bought() bool { return len(f.orders) > 0 }

// checkOutcome looks at where the payment ended, and whether money went nowhere.
func (c *checker) checkOutcome(f *file) {
	if trouble := f.sale.Trouble(); trouble != "" {
		c.found(stuck, f.sale, "could not be played: %s", trouble)
	}
	if f.isLost(c.open) {
		c.found(lost, f.sale, "%d collected, %d given back, order: %s, payment: %s", f.stripe.Received, f.stripe.returned(), f.orderStatus(), f.status())
	}
	switch status := f.status(); {
	case len(f.payments) > 1:
		c.found(stuck, f.sale, "has %d rows, which nobody has brought together", len(f.payments))
	case !slices.Contains(f.want.statuses, status):
		c.found(stuck, f.sale, "payment: want %s, is %s", strings.Join(f.want.statuses, " or "), f.shown())
	case f.held != f.want.held:
		c.found(stuck, f.sale, "hold: want %t, is %t", f.want.held, f.held)
	}
}

// shown is the status with its reason, for people.
func (f *file) shown() string {
	if len(f.payments) > 0 && f.payments[0].Blocked != "" {
		return fmt.Sprintf("%s (%s)", f.payments[0].Status, f.payments[0].Blocked)
	}
	return f.status()
}

// isLost tells whether money was kept for which there is nothing: no order that stands, and no case with somebody behind it.
func (f *file) isLost(open map[string]bool) bool {
	if f.stripe.Status != "succeeded" || f.stripe.returned() >= f.stripe.Received {
		return false
	}
	for _, o := range f.orders {
		if o.Status != "canceled" {
			return false
		}
	}
	for _, p := range f.payments {
		if p.Blocked != "" && open[p.Owner] {
			return false
		}
	}
	return true
}

// checkOrder looks at how many orders there are, and what they say.
func (c *checker) checkOrder(f *file) {
	if len(f.orders) > 1 {
		c.found(doubledOrders, f.sale, "has %d orders", len(f.orders))
	}
	for _, o := range f.orders {
		c.checkItems(f, o)
	}
	if status := f.orderStatus(); !slices.Contains(f.want.orders, status) {
		c.found(stuck, f.sale, "order: want %s, is %s", strings.Join(f.want.orders, " or "), status)
	}
}

// checkRefunds looks at what was given back, and at who asked for it.
func (c *checker) checkRefunds(f *file) {
	var sum int64
	asked := map[string]int{}
	for _, r := range f.stripe.Refunds {
		if !r.counts() {
			continue
		}
		sum += r.Amount
		if r.Ours != "" {
			asked[r.Ours]++
		}
	}
	for row, times := range asked {
		if times > 1 {
			c.found(doubledRefunds, f.sale, "%s was refunded %d times at Stripe", row, times)
		}
	}
	switch {
	case sum > f.want.refunded:
		c.found(doubledRefunds, f.sale, "%d given back, want %d", sum, f.want.refunded)
	case sum < f.want.refunded:
		c.found(stuck, f.sale, "%d given back, want %d", sum, f.want.refunded)
	}
	for _, r := range f.refunds {
		if r.Status == "requested" || r.Status == "pending" {
			c.found(stuck, f.sale, "refund %s is %s", r.ID, r.Status)
		}
	}
}

// checkMoney compares the rows with Stripe, and the order with both.
func (c *checker) checkMoney(f *file) {
	differ := func(what string, ours, theirs any) {
		if ours != theirs {
			c.found(wrongMoney, f.sale, "%s: %v, want %v", what, ours, theirs)
		}
	}
	for _, p := range f.payments {
		if f.stripe.Status != "succeeded" {
			continue
		}
		differ("collected", p.Received, f.stripe.Received)
		differ("given back", p.Refunded, f.stripe.Refunded)
		differ("currency", p.Currency, f.stripe.Currency)
	}
	for _, o := range f.orders {
		differ("order's total", o.Total, f.stripe.Received)
		differ("order's currency", o.Currency, f.stripe.Currency)
		differ("order's subtotal", o.Subtotal, f.sale.subtotal())
		differ("order's delivery fee", o.Fee, f.sale.fee())
	}
}
