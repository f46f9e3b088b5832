package mail

import (
	"cmp"
	"fmt"
	"net/url"
	"time"

	"twigz/models"
)

// rhythm is how often an amount is charged, and in what currency.
type rhythm struct {
	currency models.Currency
	interval string
	count    int64
}

// costs is "9.00 USD a month" for each rhythm of the items, or nothing at all when
// one of them cannot be told: a part would be taken for the whole. A price that
// goes by use or by tiers has no amount of its own.
func costs(items []models.SubscriptionItem) []string {
	var order []rhythm
	sums := map[rhythm]int64{}
	for _, i := range items {
		r := rhythm{models.Currency(i.Currency), i.Interval, max(i.IntervalCount, 1)}
		sum := i.UnitAmount * i.Quantity
		if sum <= 0 || !r.currency.Valid() || oneLine(r.interval) == "" {
			return nil
		}
		if _, seen := sums[r]; !seen {
			order = append(order, r)
		}
		sums[r] += sum
	}
	var words []string
	for _, r := range order {
		words = append(words, r.currency.Format(sums[r])+" "+r.words())
	}
	return words
}

func (r rhythm) words() string {
	if r.count == 1 {
		return "a " + oneLine(r.interval)
	}
	return fmt.Sprintf("every %d %ss", r.count, oneLine(r.interval))
}

// showCard is "visa ending in 4242".
func showCard(c models.Card) string {
	brand, last4 := inWords(c.Brand), oneLine(c.Last4)
	if last4 == "" {
		return brand
	}
	return cmp.Or(brand, "card") + " ending in " + last4
}

// webLink is "" for what leads anywhere but to a page.
func webLink(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}

// moment is nil for Unix second 0, which is how not told is written.
func moment(seconds int64) *time.Time {
	if seconds <= 0 {
		return nil
	}
	return new(time.Unix(seconds, 0))
}

// day is the date in UTC; "" for a time that was not told.
func day(t *time.Time) string {
	if t == nil || t.Unix() <= 0 {
		return ""
	}
	return t.UTC().Format("2 January 2006")
}

// period is "3 March – 3 April 2027", from the first day to the one on which the
// next begins, as Stripe's invoices have it.
func period(start, end *time.Time) string {
	from, to := day(start), day(end)
	switch {
	case from == "" || to == "":
		return ""
	case from == to:
		return from
	case start.UTC().Year() == end.UTC().Year():
		from = start.UTC().Format("2 January")
	}
	return from + " – " + to
}
