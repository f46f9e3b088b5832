package control

import (
	"slices"
	"time"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/wire"
)

func newestFirst(all []wire.Object) {
	slices.SortStableFunc(all, func(a, b wire.Object) int { return int(b.Int("created") - a.Int("created")) })
}

// clock is a time of the ledger's as a list shows it; "" for none.
func clock(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format("2 Jan 15:04:05")
}

// sums are the fields that tell what an object is worth, the first that is there.
var sums = []string{"amount", "amount_total", "total", "unit_amount"}

// amountOf shows an amount as people read it, with what of it was refunded; "" where there is none.
func amountOf(o wire.Object) string {
	currency := models.Currency(o.Text("currency"))
	if currency == "" {
		return ""
	}
	for _, field := range sums {
		if !o.Has(field) || o[field] == nil {
			continue
		}
		shown := currency.Format(o.Int(field))
		if back := o.Int("amount_refunded"); back > 0 {
			shown += ", " + currency.Format(back) + " refunded"
		}
		return shown
	}
	return ""
}
