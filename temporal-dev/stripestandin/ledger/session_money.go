package ledger

import (
	"slices"
	"strings"

	"twigz/models"
	"twigz/temporal-dev/stripestandin/wire"
)

// debits are the bank debits that are served, by the currency in which they can be taken.
var debits = map[string]string{"usd": "us_bank_account"}

// setTypes says with what a session can be paid: with what was asked for, else with all that there is for its currency.
func setTypes(s, params wire.Object) *wire.Error {
	types := params.Texts("payment_method_types")
	debit := debits[s.Text("currency")]
	if len(types) == 0 {
		types = []string{"card"}
		if debit != "" {
			types = append(types, debit)
		}
	}
	for i, kind := range types {
		if kind != "card" && kind != debit {
			return wire.Invalid("", indexed("payment_method_types", i), "The payment method type provided: %s is invalid, or this stand-in for Stripe does not serve it in %s.", kind, s.Text("currency"))
		}
	}
	s["payment_method_types"] = types
	if slices.Contains(types, "card") {
		s["payment_method_options"] = wire.Object{"card": wire.Object{"request_three_d_secure": "automatic"}}
	}
	return nil
}

// least is the least that a payment may be, in minor units, by currency. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
var least = map[string]int64{
	"aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500,
	"inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}

// most is the most that a payment may be, in minor units: eight digits.
const most = 99_999_999

// checkTotal wants a session to come to nothing, or to what can be paid.
func checkTotal(s wire.Object) *wire.Error {
	refusal := checkAmount(s.Int("amount_total"), s.Text("currency"))
	if s.Int("amount_total") == 0 || refusal == nil {
		return nil
	}
	refusal.Param = ""
	refusal.Message = strings.Replace(refusal.Message, "Amount must be", "The Checkout Session's total amount due must add up to", 1)
	return refusal
}

// symbols are how Stripe's messages begin an amount.
var symbols = map[string]string{
	"aud": "$", "cad": "$", "eur": "€", "gbp": "£", "hkd": "$", "inr": "₹", "jpy": "¥", "mxn": "$", "nzd": "$", "ron": "Lei", "sgd": "$", "usd": "$",
}

// spokenAmount is an amount as Stripe's messages have it: $0.50 usd.
func spokenAmount(currency string, minor int64) string {
	number, _, _ := strings.Cut(models.Currency(currency).Format(minor), " ")
	return symbols[currency] + number + " " + currency
}
