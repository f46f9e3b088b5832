package ledger

import (
	"slices"
	"strings"

	"twigz/temporal-dev/stripestandin/wire"
)

// currencies are those that Stripe takes payments in, in the order in which its message lists them.
const currencies = "usd, aed, afn, all, amd, ang, aoa, ars, aud, awg, azn, bam, bbd, bdt, bgn, bhd, bif, bmd, bnd, bob, brl, bsd, bwp, byn, bzd, cad, cdf, chf, clp, cny, cop, crc, cve, czk, djf, dkk, dop, dzd, egp, etb, eur, fjd, fkp, gbp, gel, gip, gmd, gnf, gtq, gyd, hkd, hnl, hrk, htg, huf, idr, ils, inr, isk, jmd, jod, jpy, kes, kgs, khr, kmf, krw, kwd, kyd, kzt, lak, lbp, lkr, lrd, lsl, mad, mdl, mga, mkd, mmk, mnt, mop, mur, mvr, mwk, mxn, myr, mzn, nad, ngn, nio, nok, npr, nzd, omr, pab, pen, pgk, php, pkr, pln, pyg, qar, ron, rsd, rub, rwf, sar, sbd, scr, sek, sgd, shp, sle, sos, srd, std, szl, thb, tjs, tnd, top, try, ttd, twd, tzs, uah, ugx, uyu, uzs, vnd, vuv, wst, xaf, xcd, xof, xpf, yer, zar, zmw, usdc, btn, ghs, eek, lvl, svc, vef, ltl, sll, mro"

var known = strings.Split(currencies, ", ")

// mostRupiah is the most that a payment in idr may be, which alone may have twelve digits, in minor units.
const mostRupiah = 999_999_999_999

// steps are what an amount must be a multiple of, in minor units, where not every one will do: three-decimal currencies end
// in 0, and those that have lost their decimals in 00. https://docs.stripe.com/currencies#special-cases
var steps = map[string]int64{"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10, "isk": 100, "ugx": 100}

// checkCurrency refuses what is no currency of Stripe's. Upper case is taken too.
func checkCurrency(currency string) *wire.Error {
	if !slices.Contains(known, strings.ToLower(currency)) {
		return wire.Invalid("", "currency", "Invalid currency: %s. Stripe currently supports these currencies: %s", strings.ToLower(currency), currencies)
	}
	return nil
}

// checkAmount refuses a payment that is too small, too large or impossible in its currency, which is in lower case.
func checkAmount(amount int64, currency string) *wire.Error {
	limit := int64(most)
	if currency == "idr" {
		limit = mostRupiah
	}
	switch step := max(steps[currency], 1); {
	case amount < 1:
		return wire.Invalid("parameter_invalid_integer", "amount", "The amount must be greater than or equal to the minimum charge amount allowed for your account and the currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to save a Payment Method for future use without an immediate payment, use a Setup Intent instead: https://docs.stripe.com/payments/setup-intents")
	case amount > limit:
		return wire.Invalid("amount_too_large", "amount", "Amount must be no more than %s", spokenAmount(currency, limit))
	case amount%step != 0:
		return wire.Invalid("", "amount", "Invalid amount: in %s it must be a multiple of %d.", currency, step)
	case amount < least[currency]:
		return wire.Invalid("amount_too_small", "amount", "Amount must be at least %s", spokenAmount(currency, least[currency]))
	}
	return nil
}
