package models_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, kept string }{ // kept as JSON; "" no address
		"nothing":                    {"", ""},
		"blanks":                     {" \n", ""},
		"null":                       {"null", ""},
		"an empty object":            {"{}", ""},
		"empty values":               {`{"line1":"","city":" ","country":null}`, ""},
		"line1 alone":                {`{"line1":"1 Mill Lane"}`, `{"line1":"1 Mill Lane"}`},
		"the old postal code":        {`{"postal_code":"BA1"}`, `{"postalCode":"BA1"}`},
		"both postal codes":          {`{"postal_code":"old","postalCode":"new"}`, `{"postalCode":"new"}`},
		"an old postal code of null": {`{"postal_code":null,"line1":"a"}`, `{"line1":"a"}`},
		"unknown keys": {
			`{"line1":"a","floor":2,"gate":{"code":[1,true,null]},"geo":51.381065000000001}`,
			`{"line1":"a","floor":2,"gate":{"code":[1,true,null]},"geo":51.381065000000001}`,
		},
		"numbers over 64 bits": {`{"line1":"a","id":12345678901234567890123}`, `{"line1":"a","id":12345678901234567890123}`},
		"blanks around":        {" {\"line1\":\"a\"}\n", `{"line1":"a"}`},
		"text of other places": {`{"line1":"東京都 🏠","city":"Zürich"}`, `{"line1":"東京都 🏠","city":"Zürich"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, err := models.ParseAddress(c.text)
			require.NoError(t, err)
			if c.kept == "" {
				assert.Nil(t, address)
				return
			}
			got, err := json.Marshal(address)
			require.NoError(t, err)
			assert.JSONEq(t, c.kept, string(got))
			assert.Equal(t, strings.Contains(c.kept, "line1"), address.Deliverable())
		})
	}
}

func TestAddressesThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, why string }{
		"cut off":              {`{"line1":"1 Mill La`, "not a JSON object"},
		"text":                 {`"1 Mill Lane"`, "not a JSON object"},
		"an array":             {`["1 Mill Lane"]`, "not a JSON object"},
		"no JSON":              {`1 Mill Lane`, "not a JSON object"},
		"two":                  {`{"line1":"a"}{"line1":"b"}`, "followed by something else"},
		"something behind":     {`{"line1":"a"} x`, "followed by something else"},
		"line1 a number":       {`{"line1":1}`, "line1 is not text"},
		"the city an object":   {`{"city":{}}`, "city is not text"},
		"a NUL":                {`{"line1":"a\u0000"}`, "nested too deep, or text or numbers that cannot be kept"},
		"a NUL in a key":       {`{"line1":"a","x\u0000":1}`, "nested too deep, or text or numbers that cannot be kept"},
		"half a surrogate":     {`{"line1":"\ud83c"}`, "nested too deep, or text or numbers that cannot be kept"},
		"invalid UTF-8":        {"{\"line1\":\"\xff\"}", "nested too deep, or text or numbers that cannot be kept"},
		"damaged text deep":    {`{"a":[{"b":"\ud83c"}]}`, "nested too deep, or text or numbers that cannot be kept"},
		"five levels":          {`{"a":{"b":{"c":{"d":{"e":{}}}}}}`, "nested too deep, or text or numbers that cannot be kept"},
		"a thousand levels":    {`{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "nested too deep, or text or numbers that cannot be kept"},
		"a million levels":     {`{"a":` + strings.Repeat("[", 1_000_000), "not a JSON object"},
		"a number of no end":   {`{"a":1e1000}`, "nested too deep, or text or numbers that cannot be kept"},
		"a number of no size":  {`{"a":1E-1000}`, "nested too deep, or text or numbers that cannot be kept"},
		"a number of no shape": {`{"a":` + strings.Repeat("1", 101) + `}`, "nested too deep, or text or numbers that cannot be kept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, err := models.ParseAddress(c.text)
			require.EqualError(t, err, c.why)
			assert.Nil(t, address)
		})
	}
}

func TestAddressInALargerDocument(t *testing.T) {
	t.Parallel()
	var body struct {
		DeliveryAddress models.Address `json:"deliveryAddress"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"deliveryAddress":{"line1":"a","postal_code":"b","n":12345678901234567890}}`), &body))
	assert.Equal(t, models.Address{"line1": "a", "postalCode": "b", "n": json.Number("12345678901234567890")}, body.DeliveryAddress)
	for _, none := range []string{`{}`, `{"deliveryAddress":null}`, `{"deliveryAddress":{}}`} {
		body.DeliveryAddress = nil
		require.NoError(t, json.Unmarshal([]byte(none), &body))
		assert.Nil(t, body.DeliveryAddress)
	}
	for _, bad := range []string{`{"deliveryAddress":"a"}`, `{"deliveryAddress":{"line1":5}}`, `{"deliveryAddress":{"n":1e999}}`} {
		err := json.Unmarshal([]byte(bad), &body)
		require.ErrorContains(t, err, "address: ")
	}
}

func TestAddressLines(t *testing.T) {
	t.Parallel()
	full := models.Address{
		"line1": " 1 Mill Lane ", "line2": "Flat 2", "postalCode": "BA1", "city": "Bath", "state": "Somerset", "country": "GB", "gate": "1234",
	}
	assert.Equal(t, []string{"1 Mill Lane", "Flat 2", "BA1 Bath", "Somerset", "GB"}, full.Lines())
	assert.Equal(t, []string{"Bath"}, models.Address{"city": "Bath"}.Lines())
	assert.Empty(t, models.Address(nil).Lines())
	assert.False(t, models.Address(nil).Deliverable())
}

func TestAddressesComeBackFromTheDatabaseAsTheyWere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	text := `{"line1":"1 Mill Lane","n":12345678901234567890123,"tiny":1e-99,"huge":9e99,"exact":1.10,"list":[1,"<&>",null,{"a":true}]}`
	f := s.mustOrder(paid("pi_1", with(models.KeyDeliveryAddress, text)))
	address := s.order(f.OrderID).DeliveryAddress
	assert.Equal(t, json.Number("12345678901234567890123"), address["n"])
	assert.Equal(t, json.Number("1.10"), address["exact"])
	assert.Equal(t, []any{json.Number("1"), "<&>", nil, map[string]any{"a": true}}, address["list"])

	var scanned models.Address
	require.Error(t, scanned.Scan(5))
	require.Error(t, scanned.Scan("{"))
	require.NoError(t, scanned.Scan(`{"line1":"a"}`))
	require.NoError(t, scanned.Scan(nil))
	assert.Nil(t, scanned)
}
