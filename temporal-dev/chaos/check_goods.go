package chaos

import (
	"fmt"
	"maps"
	"slices"
)

// checkCart looks at what is left in the customer's carts: nothing of what an order bought, and all of what none did. An order
// that was canceled may have given it back.
func (c *checker) checkCart(f *file) {
	left, claimed := map[string]int64{}, 0
	for _, item := range c.cartOf(f.sale.Customer) {
		left[item.Store+"/"+item.Product] += item.Quantity
		if item.Order != "" {
			claimed++
		}
	}
	if claimed > 0 {
		c.found(cartsNotCleared, f.sale, "%d lines that were bought are still in the cart", claimed)
		return
	}
	full, empty := map[string]int64{}, map[string]int64{}
	if f.sale.Beside != nil {
		empty[f.sale.BesideIn+"/"+f.sale.Beside.ProductID] = f.sale.Beside.Quantity
	}
	maps.Copy(full, empty)
	for _, line := range f.sale.Lines {
		full[f.sale.Store.ID+"/"+line.ProductID] += line.Quantity
	}
	wanted := []map[string]int64{full}
	if f.bought() {
		wanted = []map[string]int64{empty}
		if !f.orders[0].taken() {
			wanted = append(wanted, full)
		}
	}
	if !slices.ContainsFunc(wanted, func(want map[string]int64) bool { return maps.Equal(want, left) }) {
		c.found(cartsNotCleared, f.sale, "in the carts: %v, want %v", left, wanted[0])
	}
}

// cartOf are the rows of a customer's carts.
func (c *checker) cartOf(customer string) []cartRow {
	if c.carts == nil {
		c.carts = map[string][]cartRow{}
		for _, row := range c.tables.CartItems {
			c.carts[row.Customer] = append(c.carts[row.Customer], row)
		}
	}
	return c.carts[customer]
}

// checkStock compares what is left of what is counted with what orders took of it.
func (c *checker) checkStock() {
	want, owner := c.stockLeft()
	for _, p := range c.tables.Products {
		key := p.Store + "/" + p.ID
		if p.Stock != want[key] {
			c.found(wrongStock, owner[key], "%s: %d left, want %d", key, p.Stock, want[key])
		}
		delete(want, key)
	}
	for key := range want {
		c.found(wrongStock, owner[key], "%s: is gone", key)
	}
}

// stockLeft is how much has to be left of each counted product, and whose those are that one payment alone wants.
func (c *checker) stockLeft() (want map[string]int64, owner map[string]*sale) {
	want, owner = map[string]int64{}, map[string]*sale{}
	for _, s := range stores {
		for _, p := range goods {
			if p.Stock != nil {
				want[s.ID+"/"+p.ID] = *p.Stock
			}
		}
	}
	for _, s := range c.sales {
		if s.Rare != nil {
			key := s.Store.ID + "/" + s.Rare.ID
			want[key], owner[key] = *s.Rare.Stock, s
			if s.Scenario.restocks {
				want[key] = s.restocked()
			}
		}
		for _, o := range c.files[s.Number].orders {
			for _, line := range s.Lines {
				if o.taken() && line.ProductID != untracked {
					want[o.Store+"/"+line.ProductID] -= line.Quantity
				}
			}
		}
	}
	return want, owner
}

// checkItems holds an order's lines against what was paid for.
func (c *checker) checkItems(f *file, o orderRow) {
	got, want := map[string]int64{}, map[string]int64{}
	for _, item := range c.itemsOf(o.ID) {
		got[item.Product] += item.Quantity
	}
	for _, line := range f.sale.Lines {
		want[line.ProductID] += line.Quantity
	}
	if !maps.Equal(got, want) {
		c.found(wrongMoney, f.sale, "order %s is of %v, want %v", o.ID, got, want)
	}
}

func (c *checker) itemsOf(order string) []itemRow {
	if c.items == nil {
		c.items = map[string][]itemRow{}
		for _, row := range c.tables.OrderItems {
			c.items[row.Order] = append(c.items[row.Order], row)
		}
	}
	return c.items[order]
}

// checkLeftovers looks at what belongs to no payment and is still to be done.
func (c *checker) checkLeftovers() {
	for _, p := range c.tables.Payments {
		if !c.owned[p.ID] {
			c.found(stuck, nil, "row %s (%s, %s) is no payment's", p.ID, p.Intent, p.Status)
		}
	}
	for _, row := range c.tables.Inbox {
		c.found(stuck, nil, "%s is still in the inbox %s", row.ID, row.Error)
	}
	for _, event := range c.undelivered {
		c.found(stuck, nil, "%s", event)
	}
}

// checkWorkflows looks at those that did not end well, and at those that did not end although nobody has to be waited for.
func (c *checker) checkWorkflows() {
	for _, wf := range c.temporal.Failed {
		c.found(failedWorkflows, nil, "%s", wf)
	}
	for _, wf := range c.restless() {
		c.found(stuck, nil, "%s waits for nobody", wf)
	}
}

func (w workflow) String() string {
	return fmt.Sprintf("%s %s on %s is %s", w.Type, w.ID, w.Queue, w.Status)
}
