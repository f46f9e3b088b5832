package models

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxAmount bounds one price or fee in minor units: twelve digits, the most
// that Stripe takes in any currency. With MaxQuantity and MaxLines it keeps
// every sum far from overflowing 64 bits.
const MaxAmount = 999_999_999_999

// Currency is a lower-case ISO 4217 code such as "usd".
type Currency string

// Stripe's special currencies, https://docs.stripe.com/currencies. All others
// have two decimals.
var (
	zeroDecimal  = currencySet("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	threeDecimal = currencySet("bhd jod kwd omr tnd")
	// paddedZeroDecimal have no decimals in the world, yet Stripe counts them
	// in hundredths: ISK 5 is amount 500.
	paddedZeroDecimal = currencySet("isk ugx")
)

func currencySet(codes string) map[Currency]bool {
	set := map[Currency]bool{}
	for code := range strings.FieldsSeq(codes) {
		set[Currency(code)] = true
	}
	return set
}

// Valid says whether c has the form of a currency code. Which codes an account
// may charge in is Stripe's knowledge, not ours.
func (c Currency) Valid() bool {
	if len(c) != 3 {
		return false
	}
	for _, r := range c {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return true
}

// exponent is the power of ten between c's major unit and Stripe's minor unit.
func (c Currency) exponent() int {
	switch {
	case zeroDecimal[c]:
		return 0
	case threeDecimal[c]:
		return 3
	default:
		return 2
	}
}

// decimals is how many digits people write after the point in c.
func (c Currency) decimals() int {
	if paddedZeroDecimal[c] {
		return 0
	}
	return c.exponent()
}

// errNotDecimal deliberately does not quote its input, which comes from outside.
var errNotDecimal = errors.New("not a non-negative decimal amount")

// ParseMajor reads a decimal string in major units ("3.99", JPY "4", KWD
// "0.500") exactly, never through a float, and returns minor units. It refuses
// signs, exponents, and more decimals than the currency has.
func (c Currency) ParseMajor(s string) (int64, error) {
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" || !digits(whole) || !digits(fraction) || point && fraction == "" {
		return 0, errNotDecimal
	}
	if len(fraction) > c.decimals() {
		return 0, fmt.Errorf("more than %d decimals for %s", c.decimals(), c)
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", c.exponent()-len(fraction)), 10, 64)
	if err != nil || minor > MaxAmount {
		return 0, fmt.Errorf("more than %d minor units", int64(MaxAmount))
	}
	return minor, nil
}

// Format writes an amount of minor units for people: "12.50 USD", "400 JPY".
func (c Currency) Format(minor int64) string {
	sign, magnitude := "", uint64(minor) //nolint:gosec // a negative one is replaced below
	if minor < 0 {
		sign, magnitude = "-", uint64(-(minor+1))+1 //nolint:gosec // math.MinInt64 has no positive twin
	}
	exponent, decimals := c.exponent(), c.decimals()
	unit := uint64(1)
	for range exponent {
		unit *= 10
	}
	whole, fraction := magnitude/unit, magnitude%unit
	if decimals == 0 && fraction != 0 {
		decimals = exponent // hundredths of a króna: odd, but never rounded away
	}
	text := strconv.FormatUint(whole, 10)
	if decimals > 0 {
		text += fmt.Sprintf(".%0*d", decimals, fraction)
	}
	return sign + text + " " + strings.ToUpper(string(c))
}

func digits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
