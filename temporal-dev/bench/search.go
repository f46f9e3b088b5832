package bench

import (
	"context"
	"fmt"
	"math/rand/v2"

	"twigz/models"
)

// pageSize is as many payments as the API shows unless told.
const pageSize = 20

// search is one kind of search, as support makes it.
type search struct {
	name   string
	text   func(id string, customer int) string // by an old order's ID and its customer's number
	every  int                                  // one of so many old orders is such a one …
	from   int                                  // … the first of which is this
	status string
	none   bool // nothing is found
	grows  bool // takes the longer the more payments, or customers, have the text
	deep   bool // there are so many that the hundredth page is measured too
}

func only(text string) func(string, int) string { return func(string, int) string { return text } }

func prefix(text string) func(string, int) string {
	return func(id string, _ int) string { return text + id }
}

var searches = []search{
	{name: "all", text: only(""), deep: true},
	{name: "status", text: only(""), status: "refunded", deep: true},
	{name: "our ID", text: prefix("pay_"), every: 1},
	{name: "payment intent", text: prefix("pi_"), every: 1},
	{name: "session", text: prefix("cs_"), every: 1},
	{name: "charge", text: prefix("ch_"), every: 1},
	{name: "event", text: prefix("evt_"), every: 1},
	{name: "order", text: func(id string, _ int) string { return "ord_" + id[:24] }, every: 1},
	{name: "refund", text: prefix("re_"), every: 50, from: 3},
	{name: "dispute", text: prefix("du_"), every: 1000, from: 5},
	{name: "customer", text: func(_ string, customer int) string { return fmt.Sprintf("old_%d", customer) }, every: 10, from: 4},
	{name: "customer with a tenth of all", text: only(regular), deep: true},
	{name: "the same, a status none has", text: only(regular), status: "failed", none: true, grows: true},
	{name: "address", text: func(_ string, customer int) string { return fmt.Sprintf("OLD_%d@example.com", customer) }, every: 10, from: 4},
	{name: "address of a tenth of all", text: only(frontDesk), deep: true},
	{name: "address of many customers", text: only(family), deep: true, grows: true},
	{name: "nobody", text: only("nobody"), none: true},
}

// pages are the pages of a search that are measured.
func (s search) pages() []int {
	if s.deep {
		return []int{1, 100}
	}
	return []int{1}
}

func (s search) subject(page int, shop string) string {
	return fmt.Sprintf("%s, page %d, %s", s.name, page, shop)
}

// query is the search for one of n old orders, chosen by chance.
func (s search) query(n int) models.SearchQuery {
	which := s.from
	if s.every > 0 {
		which += s.every * rand.N(max(1, (n-s.from)/s.every))
	}
	which = max(which, 1)
	return models.SearchQuery{Text: s.text(oldID(which), which%customersOf(n)), Status: s.status, Limit: pageSize}
}

// The shops that are searched: one with a past, and one with a part of it.
const (
	searchFew = "few"
	searchOld = "old"
	part      = 20 // one has so many times the other's payments
)

// search measures how fast support finds payments, in a shop with many and in one with few. It asks as the API's handler
// does, one at a time: support is few people.
func (r *rig) search(ctx context.Context) (measurements, error) {
	few := max(1, r.options.Old/part)
	r.say("\npayments searched\nwriting %d old orders into the tables of a third shop", few)
	if _, err := r.shops[0].db.SQL().ExecContext(ctx, "CREATE DATABASE few"); err != nil {
		return nil, err
	}
	if err := r.openShop(ctx, searchFew, "few"); err != nil {
		return nil, err
	}
	small, large := searched{r.shops[2], few, map[string]string{}}, searched{r.shops[1], r.options.Old, map[string]string{}}
	if err := seedOld(ctx, small.db.SQL(), few); err != nil {
		return nil, err
	}
	if r.options.Plans {
		if err := r.printPlans(ctx, large); err != nil {
			return nil, err
		}
	}
	found := measurements{}
	for round := range r.options.Rounds {
		r.say("round %d of %d", round+1, r.options.Rounds)
		for _, s := range searches {
			for _, page := range s.pages() {
				if err := r.searchOnce(ctx, s, page, small, large, found); err != nil {
					return nil, fmt.Errorf("search for %s, page %d: %w", s.name, page, err)
				}
			}
		}
	}
	return found, nil
}

// searched is a shop with n old orders.
type searched struct {
	*shop
	n      int
	turned map[string]string // cursors found before, by subject
}

// searchOnce makes a block of searches of one kind in each shop, half of it there and half back.
func (r *rig) searchOnce(ctx context.Context, s search, page int, small, large searched, found measurements) error {
	var blocks [4]sample
	for i, in := range []searched{small, large, large, small} {
		queries, err := s.queries(ctx, in, page, max(1, r.options.Searches/2))
		if err != nil {
			return err
		}
		blocks[i].figures, err = load(ctx, 1, len(queries), func(ctx context.Context, _, i int) error {
			payments, _, err := in.db.SearchPayments(ctx, queries[i])
			if err == nil && (len(payments) == 0) != s.none {
				err = fmt.Errorf("%d payments are found by %+v", len(payments), queries[i])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	few, old := mean(blocks[0], blocks[3]), mean(blocks[1], blocks[2])
	r.say("  %-32s page %3d   p50 %6.2f ms   p99 %6.2f ms   of few   p50 %6.2f ms   p99 %6.2f ms", s.name, page, old.P50, old.P99, few.P50, few.P99)
	found.add(s.subject(page, searchFew), 1, few)
	found.add(s.subject(page, searchOld), 1, old)
	return nil
}

// queries are so many searches of one kind, each for another payment where there are others, turned to a page.
func (s search) queries(ctx context.Context, in searched, page, count int) ([]models.SearchQuery, error) {
	after, err := in.turnTo(ctx, s, page)
	queries := make([]models.SearchQuery, count)
	for i := range queries {
		queries[i] = s.query(in.n)
		queries[i].After = after
	}
	return queries, err
}

// turnTo is the cursor of a page, or of the last one if there are fewer. It is found once: there are many pages to turn.
func (in searched) turnTo(ctx context.Context, s search, page int) (string, error) {
	name := s.subject(page, in.name)
	if after, known := in.turned[name]; known {
		return after, nil
	}
	q := s.query(in.n)
	for range page - 1 {
		_, next, err := in.db.SearchPayments(ctx, q)
		if err != nil {
			return "", err
		}
		if next == "" {
			break
		}
		q.After = next
	}
	in.turned[name] = q.After
	return q.After, nil
}
