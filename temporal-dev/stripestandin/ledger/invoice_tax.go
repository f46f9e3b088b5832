package ledger

import (
	"strconv"

	"twigz/temporal-dev/stripestandin/wire"
)

// Automatic tax on subscriptions: TaxPercent on each line of their invoices, as on the lines of a session, once it is known where
// the customer is. An invoice of one who has moved to nowhere has none, and says that it waits for their address; Stripe would
// not finalize it.

// setTax turns automatic tax of a subscription on or off.
func setTax(t *Tx, s, params wire.Object) *wire.Error {
	given := params.Sub("automatic_tax")
	if given == nil {
		return nil
	}
	tax := wire.Object{"enabled": given.Bool("enabled"), "liability": nil}
	if given.Bool("enabled") {
		if !t.isLocated(s) {
			return wire.Invalid("customer_tax_location_invalid", "", "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.")
		}
		tax["liability"] = wire.Object{"type": "self"}
	}
	s["automatic_tax"] = tax
	return nil
}

func (t *Tx) isLocated(s wire.Object) bool {
	return located(t.Read(s.Text("customer")).Sub("address"))
}

// taxInvoice writes into an invoice what its lines come to with their taxes.
func (t *Tx) taxInvoice(in, s wire.Object, lines []wire.Object) {
	automatic := s.Sub("automatic_tax").Bool("enabled")
	taxed := automatic && t.isLocated(s)
	var subtotal, included, added int64
	for _, line := range lines {
		subtotal += line.Int("amount")
		line["tax_amounts"] = []any{} // a proration may have waited since tax was turned off
		if !taxed {
			continue
		}
		if tax := t.taxLine(line); tax.Bool("inclusive") {
			included += tax.Int("amount")
		} else {
			added += tax.Int("amount")
		}
	}
	in["subtotal"], in["subtotal_excluding_tax"] = subtotal, subtotal-included
	in["total"], in["total_excluding_tax"] = subtotal+added, subtotal-included
	if automatic {
		status := map[bool]string{true: "complete", false: "requires_location_inputs"}[taxed]
		in["automatic_tax"] = wire.Object{"enabled": true, "liability": wire.Object{"type": "self"}, "status": status}
	}
	if taxed {
		in["tax"], in["total_tax_amounts"] = included+added, summedTaxes(lines)
	}
}

// taxLine taxes one line of an invoice.
func (t *Tx) taxLine(line wire.Object) wire.Object {
	net, step := line.Int("amount"), max(steps[line.Text("currency")], 1)
	sign, inclusive := int64(1), line.Sub("price").Text("tax_behavior") == "inclusive"
	if net < 0 { // what is credited is rounded as what was charged
		sign, net = -1, -net
	}
	amount := sign * share(net, 100, step)
	taxable := sign * net
	if inclusive {
		amount = sign * share(net, 100+TaxPercent, step)
		taxable -= amount
		line["amount_excluding_tax"] = taxable
		if quantity := line.Int("quantity"); quantity > 0 {
			line["unit_amount_excluding_tax"] = strconv.FormatInt(taxable/quantity, 10)
		}
	}
	tax := wire.Object{
		"amount": amount, "inclusive": inclusive, "tax_rate": t.taxRate(inclusive), "taxability_reason": "standard_rated", "taxable_amount": taxable,
	}
	line["tax_amounts"] = []any{tax}
	return tax
}

// summedTaxes are the taxes of an invoice's lines, added up by rate.
func summedTaxes(lines []wire.Object) (sums []wire.Object) {
	byRate := map[string]wire.Object{}
	for _, line := range lines {
		for _, tax := range line.List("tax_amounts") {
			sum := byRate[tax.Text("tax_rate")]
			if sum == nil {
				sum = tax.Clone()
				byRate[tax.Text("tax_rate")] = sum
				sums = append(sums, sum)
				continue
			}
			sum["amount"], sum["taxable_amount"] = sum.Int("amount")+tax.Int("amount"), sum.Int("taxable_amount")+tax.Int("taxable_amount")
		}
	}
	return sums
}

// taxRate is the ID of the rate that automatic tax goes by, of which there is one for prices that include it and one for others.
func (t *Tx) taxRate(inclusive bool) string {
	if rate := t.First("tax_rate", "inclusive", inclusive); rate != nil {
		return rate.ID()
	}
	rate := t.Make("tax_rate", "txr")
	rate["active"], rate["display_name"], rate["tax_type"] = false, "Tax", "sales_tax"
	rate["percentage"], rate["effective_percentage"], rate["inclusive"] = int64(TaxPercent), int64(TaxPercent), inclusive
	return rate.ID()
}
