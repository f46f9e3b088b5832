package models_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestParseMajor(t *testing.T) {
	t.Parallel()
	const refused = int64(-1)
	for currency, cases := range map[models.Currency]map[string]int64{
		"usd": {
			"3.99": 399, "0": 0, "0.0": 0, "0.00": 0, "4": 400, "4.5": 450, "00012.30": 1230,
			"9999999999.99": models.MaxAmount, "10000000000.00": refused, "99999999999999999999.99": refused,
			"": refused, ".": refused, "3.": refused, ".5": refused, "-1": refused, "-0": refused, "+1": refused, "3.999": refused,
			"3.990": refused, " 3.99": refused, "3.99 ": refused, "3.99\n": refused, "3,99": refused, "1e2": refused, "0x10": refused,
			"1_000": refused, "1.2.3": refused, "NaN": refused, "Inf": refused, "٣": refused, "３": refused, "$3": refused, "3\x00": refused,
			strings.Repeat("0", 400) + "3.99": 399,
		},
		"jpy": {"4": 4, "400": 400, "400.": refused, "400.0": refused, "999999999999": models.MaxAmount, "1000000000000": refused},
		"kwd": {"0.500": 500, "0.5": 500, "1": 1000, "0.5000": refused},
		"isk": {"5": 500, "5.0": refused, "5.00": refused},
		"ugx": {"1000": 100_000, "0.5": refused},
	} {
		for text, want := range cases {
			t.Run(string(currency)+" "+text, func(t *testing.T) {
				t.Parallel()
				got, err := currency.ParseMajor(text)
				if want == refused {
					require.Error(t, err)
					if len(text) > 2 {
						assert.NotContains(t, err.Error(), text, "it is from outside")
					}
					return
				}
				require.NoError(t, err)
				assert.Equal(t, want, got)
			})
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		currency models.Currency
		minor    int64
	}{
		"12.50 USD":                 {"usd", 1250},
		"0.00 USD":                  {"usd", 0},
		"0.05 EUR":                  {"eur", 5},
		"-0.05 EUR":                 {"eur", -5},
		"400 JPY":                   {"jpy", 400},
		"0.500 KWD":                 {"kwd", 500},
		"5 ISK":                     {"isk", 500},
		"5.01 ISK":                  {"isk", 501},
		"-92233720368547758.08 USD": {"usd", math.MinInt64},
		"92233720368547758.07 USD":  {"usd", math.MaxInt64},
		"-9223372036854775808 JPY":  {"jpy", math.MinInt64},
		"-9223372036854775.808 BHD": {"bhd", math.MinInt64},
		"-92233720368547758.08 UGX": {"ugx", math.MinInt64},
	} {
		assert.Equal(t, want, c.currency.Format(c.minor))
	}
}

func TestWhatIsFormattedCanBeParsed(t *testing.T) {
	t.Parallel()
	for _, currency := range []models.Currency{"usd", "jpy", "kwd"} {
		for _, minor := range []int64{0, 1, 9, 10, 99, 100, 101, 999, 1000, 123_456, models.MaxAmount} {
			text, _, _ := strings.Cut(currency.Format(minor), " ")
			got, err := currency.ParseMajor(text)
			require.NoError(t, err)
			assert.Equal(t, minor, got)
		}
	}
}

func TestValidCurrencies(t *testing.T) {
	t.Parallel()
	for currency, valid := range map[models.Currency]bool{
		"usd": true, "xyz": true, "USD": false, "us": false, "usdc": false, "": false, "u5d": false, "us ": false, "é1": false,
	} {
		assert.Equal(t, valid, currency.Valid(), currency)
	}
}
