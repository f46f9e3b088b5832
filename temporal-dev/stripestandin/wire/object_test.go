package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/wire"
)

func TestAnObjectIsReadByField(t *testing.T) {
	t.Parallel()
	o, err := wire.Decode([]byte(`{"id":"pi_1","object":"payment_intent","amount":9007199254740993,"tax":0.25,"livemode":true,
		"canceled_at":null,"metadata":{"a":"b"},"payment_method_types":["card",1],"items":{"object":"list","data":[{"id":"si_1"}]}}`))
	require.NoError(t, err)
	assert.Equal(t, "pi_1", o.ID())
	assert.Equal(t, "payment_intent", o.Kind())
	assert.Equal(t, int64(9007199254740993), o.Int("amount"), "no float has rounded it")
	assert.InDelta(t, 0.25, o["tax"], 0)
	assert.True(t, o.Bool("livemode"))
	assert.Equal(t, "b", o.Sub("metadata").Text("a"))
	assert.Equal(t, []string{"card"}, o.Texts("payment_method_types"))
	assert.Equal(t, "si_1", o.List("items")[0].ID())
	assert.True(t, o.Has("canceled_at"))

	t.Run("and what is not there, or is something else, is nothing", func(t *testing.T) {
		t.Parallel()
		for _, field := range []string{"nothing", "canceled_at", "metadata"} {
			assert.Empty(t, o.Text(field))
			assert.Zero(t, o.Int(field))
			assert.False(t, o.Bool(field))
			assert.Empty(t, o.List(field))
			assert.Empty(t, o.Texts(field))
		}
		assert.Nil(t, o.Sub("amount"))
		assert.Empty(t, o.Sub("amount").Text("deeper"))
		assert.Nil(t, wire.Object(nil).Clone())
	})
}

func TestACopyIsACopyAllTheWayDown(t *testing.T) {
	t.Parallel()
	o := wire.Object{"metadata": wire.Object{"a": "b"}, "items": []wire.Object{{"id": "si_1"}}, "n": 1, "rate": 2.0, "half": 0.5}
	twin := o.Clone()
	twin.Sub("metadata")["a"] = "c"
	twin.List("items")[0]["id"] = "si_2"
	assert.Equal(t, "b", o.Sub("metadata").Text("a"))
	assert.Equal(t, "si_1", o.List("items")[0].ID())
	assert.Equal(t, int64(1), twin["n"])
	assert.Equal(t, int64(2), twin["rate"], "a whole number is one")
	assert.InDelta(t, 0.5, twin["half"], 0)
	assert.Panics(t, func() { wire.Normalize(wire.Object{"f": func() {}}) })
}

func TestWhatIsThereWhileAnObjectIsMadeCanBeReadAtOnce(t *testing.T) {
	t.Parallel()
	o := wire.Object{"amount": 5, "items": []wire.Object{{"id": "si_1"}}, "types": []string{"card"}}
	assert.Equal(t, int64(5), o.Int("amount"))
	assert.Equal(t, "si_1", o.List("items")[0].ID())
	assert.Equal(t, []string{"card"}, o.Texts("types"))
}

func TestWhatIsPrivateIsNotPublic(t *testing.T) {
	t.Parallel()
	o := wire.Object{"id": "cs_1", "_due": 5}
	assert.Equal(t, wire.Object{"id": "cs_1"}, o.Public())
	assert.True(t, o.Has("_due"), "the object itself keeps it")
}

func TestJSONIsWrittenAsStripeDoes(t *testing.T) {
	t.Parallel()
	text := string(wire.Normalize(map[string]any{"b": []any{}, "a": nil}).Encode())
	assert.Equal(t, "{\n  \"a\": null,\n  \"b\": []\n}", text) //nolint:testifylint // the blanks are what it is about
	_, err := wire.Decode([]byte(`[1]`))
	require.Error(t, err)
}

func TestAListIsStripesList(t *testing.T) {
	t.Parallel()
	l := wire.List("/v1/refunds", true, []wire.Object{{"id": "re_1"}})
	assert.Equal(t, wire.Object{"object": "list", "url": "/v1/refunds", "has_more": true, "data": []any{wire.Object{"id": "re_1"}}}, l)
	assert.Equal(t, []any{}, wire.List("/v1/refunds", false, nil)["data"], "never null")
}
