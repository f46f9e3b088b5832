package chaos

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNothingIsFoundInACleanWorld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := check(w.world)
	assert.Empty(t, v.Findings)
	assert.True(t, v.ok())
	for _, name := range allCounts {
		n, told := v.Counts[name]
		assert.True(t, told, name)
		assert.Zero(t, n, name)
	}
	assert.Empty(t, w.busy())
}

// Each fault is planted into a world of its own, and moves its own count and no other.
func TestEachKindOfFaultIsFound(t *testing.T) {
	t.Parallel()
	planted := map[count]bool{}
	for _, c := range []struct {
		name  string
		count count
		plant func(*testWorld)
	}{
		{"a blocked payment behind which nobody stands", lost, func(w *testWorld) {
			w.close(w.payment("mismatch_waits").Owner)
		}},
		{"a blocked payment whose workflow is not named", lost, func(w *testWorld) {
			p := w.payment("out_of_stock_waits")
			w.close(p.Owner)
			p.Owner = ""
		}},
		{"a second order, of a second row of the same payment", doubledOrders, func(w *testWorld) {
			again := *w.order("paid")
			w.addOrder(again.ID+"_again", w.sale("paid"), again)
		}},
		{"a refund that was made twice", doubledRefunds, func(w *testWorld) {
			w.addRefund(w.sale("refunded_in_part"), 10, "")
		}},
		{"a refund of something that was to be kept", doubledRefunds, func(w *testWorld) {
			w.addRefund(w.sale("held_and_released"), 10, "")
		}},
		{"two refunds for one wish", doubledRefunds, func(w *testWorld) {
			c := w.stripe[w.sale("out_of_stock_refunded").Intent()]
			half := c.Refunds[0]
			half.Amount = 10
			c.Refunds[0].Amount -= 10
			c.Refunds = append(c.Refunds, half)
			w.stripe[w.sale("out_of_stock_refunded").Intent()] = c
		}},
		{"a payment that did not get to its end", stuck, func(w *testWorld) { w.payment("paid").Status = "processing" }},
		{"a hold that was left", stuck, func(w *testWorld) {
			w.tables.Holds = append(w.tables.Holds, holdRow{w.payment("dispute_won").ID, true})
		}},
		{"an order that still stands", stuck, func(w *testWorld) { w.order("refunded").Status = "confirmed" }},
		{"a payment in two rows", stuck, func(w *testWorld) {
			second := *w.payment("session")
			second.ID, second.Intent = "pay_second", ""
			w.tables.Payments = append(w.tables.Payments, second)
		}},
		{"a row of a payment that nobody made", stuck, func(w *testWorld) {
			w.tables.Payments = append(w.tables.Payments, paymentRow{ID: "pay_stray", Intent: "pi_stray", Status: "unmatched"})
		}},
		{"a refund that Stripe was never asked for", stuck, func(w *testWorld) {
			w.tables.Refunds = append(w.tables.Refunds, refundRow{ID: "rfd_1", Payment: w.payment("paid").ID, Status: "requested"})
		}},
		{"a mail that waits", stuck, func(w *testWorld) {
			w.addNotification(w.sale("paid"), "payment_blocked", "support", "x").Status = "pending"
		}},
		{"a workflow that waits in the inbox", stuck, func(w *testWorld) {
			w.tables.Inbox = append(w.tables.Inbox, inboxRow{ID: "evt_1"})
		}},
		{"a workflow that waits for nobody", stuck, func(w *testWorld) { w.openWorkflow("evt_2") }},
		{"an event that never arrived", stuck, func(w *testWorld) { w.undelivered = append(w.undelivered, "evt_3 is given_up") }},
		{"a step of the plan that could not be played", stuck, func(w *testWorld) {
			w.sale("canceled_by_staff").setTrouble(errors.New("cancel: answered 409"))
		}},
		{"less collected than Stripe says", wrongMoney, func(w *testWorld) { w.payment("paid").Received-- }},
		{"more given back than Stripe says", wrongMoney, func(w *testWorld) { w.payment("refunded_in_part").Refunded++ }},
		{"another currency", wrongMoney, func(w *testWorld) { w.payment("paid").Currency = "gbp" }},
		{"an order that is not worth what was paid", wrongMoney, func(w *testWorld) { w.order("mismatch_accepted").Total++ }},
		{"an order of something else", wrongMoney, func(w *testWorld) { w.tables.OrderItems[0].Quantity++ }},
		{"a line that was bought and is still there", cartsNotCleared, func(w *testWorld) {
			w.addToCart(w.sale("paid"), "", w.sale("paid").Lines[0].ProductID)
		}},
		{"a line that is claimed and still there", cartsNotCleared, func(w *testWorld) {
			w.addToCart(w.sale("paid"), w.order("paid").ID, w.sale("paid").Lines[0].ProductID)
		}},
		{"a cart that is gone though nothing was bought", cartsNotCleared, func(w *testWorld) {
			w.emptyCart(w.sale("declined"), w.sale("declined").Store.ID)
		}},
		{"something beside it that is gone", cartsNotCleared, func(w *testWorld) {
			i := slices.IndexFunc(w.sales, func(s *sale) bool { return s.Beside != nil })
			w.emptyCart(w.sales[i], w.sales[i].BesideIn)
		}},
		{"one sold twice", wrongStock, func(w *testWorld) { w.tables.Products[0].Stock-- }},
		{"one never put back", wrongStock, func(w *testWorld) { w.product(w.sale("out_of_stock")).Stock-- }},
		{"a product that is gone", wrongStock, func(w *testWorld) { w.tables.Products = w.tables.Products[1:] }},
		{"a mail that was sent and did not come", mailsMissing, func(w *testWorld) { w.mails = w.mails[1:] }},
		{"a mail that was given up", mailsMissing, func(w *testWorld) {
			w.addNotification(w.sale("declined_then_paid"), "payment_failed", "customer", "ch_1").Status = "failed"
		}},
		{"nobody told of a compensation", mailsMissing, func(w *testWorld) { w.untell(w.sale("out_of_stock"), "order_unfulfillable", "store") }},
		{"told of an order that there is not", mailsUnexpected, func(w *testWorld) {
			w.tell(w.sale("canceled"), "order_confirmed", "customer", "ord_x")
		}},
		{"told of a failure that never was", mailsUnexpected, func(w *testWorld) {
			w.tell(w.sale("paid"), "payment_failed", "customer", "ch_x")
		}},
		{"a mail that no notification stands for", mailsUnexpected, func(w *testWorld) {
			w.mails = append(w.mails, delivered{"ntf_unknown@stores.example", []string{"customer-0001@mail.example"}})
		}},
		{"a mail to somebody else", mailsUnexpected, func(w *testWorld) { w.mails[0].To = []string{"somebody@mail.example"} }},
		{"told of an order twice, on two occasions", mailsDoubledByID, func(w *testWorld) {
			w.tell(w.sale("paid"), "order_confirmed", "customer", "evt_sibling")
		}},
		{"told of a failure twice that happened once", mailsDoubledByID, func(w *testWorld) {
			w.tell(w.sale("declined"), "payment_failed", "customer", "evt_twin")
		}},
		{"a workflow that failed", failedWorkflows, func(w *testWorld) {
			w.temporal.Failed = append(w.temporal.Failed, workflow{ID: "evt_4", Type: "FulfillOrder", Status: "Failed", Queue: "chaos"})
		}},
		{"the same mail twice", mailsDoubledRaw, func(w *testWorld) { w.mails = append(w.mails, w.mails[0]) }},
	} {
		planted[c.count] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.plant(w)
			v := check(w.world)
			want := map[count]int{}
			for _, name := range allCounts {
				want[name] = 0
			}
			want[c.count] = 1
			assert.Equal(t, want, v.Counts, "%v", v.Findings)
			assert.Equal(t, c.count == mailsDoubledRaw, v.ok(), "only the same mail twice is allowed")
		})
	}
	for _, name := range allCounts {
		assert.True(t, planted[name], "no fault of the kind %s is planted", name)
	}
}

func TestAFindingSaysWhichPaymentAndWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.payment("paid").Status = "processing"
	s := w.sale("paid")
	require.Len(t, check(w.world).Findings, 1)
	assert.Equal(t, fmt.Sprintf("stuck: payment %d, paid, pi_%d: payment: want paid, is processing", s.Number, s.Number),
		check(w.world).Findings[0].String())
}
