package control

import (
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// kinds are those of the objects that can be listed.
var kinds = []string{
	"payment_intent", "checkout.session", "customer", "subscription", "invoice", "refund", "dispute", "review", "product", "price",
	"webhook_endpoint", "charge", "payment_method", "balance_transaction", "billing_portal.session", "event",
}

// list is a page of the objects of some kinds in which a text occurs, the newest first, from behind the one named after ("":
// from the start).
func list(t *ledger.Tx, kinds []string, query, after string, limit int) (page []wire.Object, more bool) {
	for _, o := range behind(newest(t, kinds), after) {
		switch {
		case !matches(o, query):
		case len(page) == limit:
			return page, true
		default:
			page = append(page, o)
		}
	}
	return page, false
}

// newest are all objects of some kinds, the newest first.
func newest(t *ledger.Tx, kinds []string) (all []wire.Object) {
	for _, kind := range kinds {
		all = slices.AppendSeq(all, t.Every(kind))
	}
	if len(kinds) > 1 {
		slices.SortStableFunc(all, func(a, b wire.Object) int { return int(b.Int("created") - a.Int("created")) })
	}
	return all
}

func behind(all []wire.Object, after string) []wire.Object {
	i := slices.IndexFunc(all, func(o wire.Object) bool { return after != "" && o.ID() == after })
	return all[i+1:]
}

// matches tells whether a text occurs in an object that anybody may see, whatever its case.
func matches(o wire.Object, query string) bool {
	query = strings.ToLower(strings.TrimSpace(query))
	return query == "" || holds(o, func(text string) bool { return strings.Contains(strings.ToLower(text), query) })
}

// holds tells whether a value, or what is in it, is a text that fits.
func holds(value any, fits func(string) bool) bool {
	switch v := value.(type) {
	case string:
		return fits(v)
	case wire.Object:
		for name, field := range v {
			if !strings.HasPrefix(name, "_") && holds(field, fits) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(each any) bool { return holds(each, fits) })
	}
	return false
}

// names tells whether an object, but for what is in it, names another.
func names(o wire.Object, id string) bool {
	for _, value := range o {
		if value == id {
			return true
		}
	}
	return false
}

// relatives are the kinds that are worth a look beside an object that they name, or that names them.
var relatives = []string{"billing_portal.session", "payment_intent", "charge", "checkout.session", "refund", "dispute", "review", "customer", "subscription", "invoice", "price", "product"}

// relatedAmong is how many of each kind, the newest, are looked through: this is a page to look at, not a report.
const relatedAmong = 5000

// related are the objects that name an object or that it names, the kinds in the order above.
func related(t *ledger.Tx, o wire.Object) (all []wire.Object) {
	named := map[string]bool{}
	holds(o, func(text string) bool { named[text] = true; return false })
	for _, kind := range relatives {
		seen := 0
		for other := range t.Every(kind) {
			if seen++; seen > relatedAmong || len(all) == pageLength {
				break
			}
			if other.ID() != o.ID() && (named[other.ID()] || names(other, o.ID())) {
				all = append(all, other)
			}
		}
	}
	return all
}

// eventsAbout are the latest events that tell of an object, or of one that names it: of a payment's refunds, say.
func eventsAbout(t *ledger.Tx, id string) (found []wire.Object) {
	for e := range t.Every("event") {
		if told := e.Sub("data").Sub("object"); len(found) < pageLength && names(told, id) {
			found = append(found, e)
		}
	}
	return found
}
