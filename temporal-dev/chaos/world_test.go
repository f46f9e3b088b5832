package chaos

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twigz/models"
)

// testWorld is a world in which every scenario came out as it should, to be spoiled.
type testWorld struct {
	world
	t    *testing.T
	made int // notifications so far
}

// newWorld makes a clean one, in which each scenario has been played once.
func newWorld(t *testing.T) *testWorld {
	t.Helper()
	plan, err := newPlan(7, len(scenarios), 4, nil)
	require.NoError(t, err)
	w := &testWorld{t: t, world: world{sales: plan, stripe: map[string]charged{}}}
	for _, s := range stores {
		for _, p := range goods {
			if p.Stock != nil {
				w.tables.Products = append(w.tables.Products, productRow{s.ID, p.ID, *p.Stock})
			}
		}
	}
	for _, s := range plan {
		w.settle(s)
	}
	return w
}

// settle adds what a sale that came out well leaves behind.
func (w *testWorld) settle(s *sale) {
	want := s.Scenario.want(s)
	s.setIntent(fmt.Sprintf("pi_%d", s.Number))
	p := paymentRow{
		ID: fmt.Sprintf("pay_%d", s.Number), Intent: s.Intent(), Customer: s.Customer, Status: want.statuses[0],
		Currency: string(s.Store.Currency),
	}
	c := charged{Status: "succeeded", Received: s.Paid, Currency: p.Currency}
	switch p.Status {
	case "failed":
		c = charged{Status: "requires_payment_method", Failures: 1}
	case "canceled":
		c = charged{Status: "canceled"}
	case "needs_attention":
		p.Blocked, p.Owner = "amount_mismatch", fmt.Sprintf("evt_%d", s.Number)
		w.openWorkflow(p.Owner)
	case "disputed":
		w.addDispute(p, &c, "needs_response")
	case "charged_back":
		w.addDispute(p, &c, "lost")
	}
	p.Received = c.Received
	w.stripe[s.Intent()] = c
	w.tables.Payments = append(w.tables.Payments, p)
	if want.refunded > 0 {
		w.addRefund(s, want.refunded, fmt.Sprintf("rfd_%d", s.Number))
	}
	if want.held {
		w.tables.Holds = append(w.tables.Holds, holdRow{p.ID, true})
	}
	w.fill(s, want)
	for _, m := range want.mails {
		w.tell(s, m.kind, m.to, "once")
	}
}

// fill adds what the sale's goods came to: an order, or a cart that is as it was.
func (w *testWorld) fill(s *sale, want want) {
	if s.Rare != nil {
		stock := *s.Rare.Stock
		if s.Scenario.restocks {
			stock = s.restocked()
		}
		w.tables.Products = append(w.tables.Products, productRow{s.Store.ID, s.Rare.ID, stock})
	}
	if s.Beside != nil {
		w.tables.CartItems = append(w.tables.CartItems, cartRow{s.Customer, s.BesideIn, s.Beside.ProductID, s.Beside.Quantity, ""})
	}
	if want.orders[0] != none {
		w.addOrder(fmt.Sprintf("ord_%d", s.Number), s, orderRow{
			Payment: fmt.Sprintf("pay_%d", s.Number), Customer: s.Customer, Store: s.Store.ID, Status: want.orders[0],
			Currency: string(s.Store.Currency), Subtotal: s.subtotal(), Fee: s.fee(), Total: s.Paid,
		})
		return
	}
	for _, line := range s.Lines {
		w.addToCart(s, "", line.ProductID)
	}
}

// addOrder adds an order with its lines, which it takes from the stock unless it is canceled.
func (w *testWorld) addOrder(id string, s *sale, o orderRow) {
	o.ID = id
	w.tables.Orders = append(w.tables.Orders, o)
	for _, line := range s.Lines {
		w.tables.OrderItems = append(w.tables.OrderItems, itemRow{id, line.ProductID, line.Quantity})
		for i, p := range w.tables.Products {
			if o.taken() && p.Store == s.Store.ID && p.ID == line.ProductID {
				w.tables.Products[i].Stock -= line.Quantity
			}
		}
	}
}

// addRefund adds one on which rows and Stripe agree.
func (w *testWorld) addRefund(s *sale, amount int64, ours string) {
	c := w.stripe[s.Intent()]
	c.Refunded += amount
	c.Refunds = append(c.Refunds, stripeRefund{fmt.Sprintf("re_%d", len(w.tables.Refunds)), ours, "succeeded", amount})
	w.stripe[s.Intent()] = c
	for i := range w.tables.Payments {
		if w.tables.Payments[i].Intent == s.Intent() {
			w.tables.Payments[i].Refunded += amount
		}
	}
}

func (w *testWorld) addDispute(p paymentRow, c *charged, status string) {
	id := "du_" + p.ID
	c.Disputes = append(c.Disputes, stripeDispute{id, status, c.Received})
	d := disputeRow{ID: id, Payment: p.ID, Status: status}
	if models.DisputeStatus(status).Open() {
		d.Owner = "evt_" + id
		w.openWorkflow(d.Owner)
	}
	w.tables.Disputes = append(w.tables.Disputes, d)
}

func (w *testWorld) addToCart(s *sale, order, product string) {
	w.tables.CartItems = append(w.tables.CartItems, cartRow{s.Customer, s.Store.ID, product, s.quantity(product), order})
}

func (w *testWorld) emptyCart(s *sale, store string) {
	w.tables.CartItems = slices.DeleteFunc(w.tables.CartItems, func(row cartRow) bool {
		return row.Customer == s.Customer && row.Store == store
	})
}

// addNotification adds one that is sent, and no mail.
func (w *testWorld) addNotification(s *sale, kind models.NotificationKind, to models.Recipient, occasion string) *notificationRow {
	w.made++
	w.tables.Notifications = append(w.tables.Notifications, notificationRow{
		ID: fmt.Sprintf("ntf_%d", w.made), Payment: fmt.Sprintf("pay_%d", s.Number), Kind: string(kind), Recipient: string(to),
		Occasion: occasion, Status: "sent",
	})
	return &w.tables.Notifications[len(w.tables.Notifications)-1]
}

// tell adds a notification and its mail.
func (w *testWorld) tell(s *sale, kind models.NotificationKind, to models.Recipient, occasion string) {
	n := w.addNotification(s, kind, to, occasion)
	address := s.Email
	if to == models.ToStore {
		address = s.Store.Email
	}
	w.mails = append(w.mails, delivered{n.ID + "@stores.example", []string{address}})
}

// untell takes a notification away, and its mail.
func (w *testWorld) untell(s *sale, kind models.NotificationKind, to models.Recipient) {
	i := slices.IndexFunc(w.tables.Notifications, func(n notificationRow) bool {
		return n.Payment == fmt.Sprintf("pay_%d", s.Number) && n.Kind == string(kind) && n.Recipient == string(to)
	})
	id := w.tables.Notifications[i].ID
	w.tables.Notifications = slices.Delete(w.tables.Notifications, i, i+1)
	w.mails = slices.DeleteFunc(w.mails, func(m delivered) bool { return m.MessageID == id+"@stores.example" })
}

func (w *testWorld) openWorkflow(id string) {
	w.temporal.Open = append(w.temporal.Open, workflow{ID: id, Type: "FulfillOrder", Status: "Running", Queue: taskQueue})
}

func (w *testWorld) close(id string) {
	w.temporal.Open = slices.DeleteFunc(w.temporal.Open, func(wf workflow) bool { return wf.ID == id })
}

// sale is the one of a scenario.
func (w *testWorld) sale(scenario string) *sale {
	i := slices.IndexFunc(w.sales, func(s *sale) bool { return s.Scenario.name == scenario })
	require.GreaterOrEqual(w.t, i, 0, scenario)
	return w.sales[i]
}

func (w *testWorld) payment(scenario string) *paymentRow {
	i := slices.IndexFunc(w.tables.Payments, func(p paymentRow) bool { return p.Intent == w.sale(scenario).Intent() })
	require.GreaterOrEqual(w.t, i, 0, scenario)
	return &w.tables.Payments[i]
}

func (w *testWorld) order(scenario string) *orderRow {
	i := slices.IndexFunc(w.tables.Orders, func(o orderRow) bool { return o.Customer == w.sale(scenario).Customer })
	require.GreaterOrEqual(w.t, i, 0, scenario)
	return &w.tables.Orders[i]
}

// product is the sale's rare one.
func (w *testWorld) product(s *sale) *productRow {
	i := slices.IndexFunc(w.tables.Products, func(p productRow) bool { return p.ID == s.Rare.ID })
	require.GreaterOrEqual(w.t, i, 0, s.Scenario.name)
	return &w.tables.Products[i]
}
