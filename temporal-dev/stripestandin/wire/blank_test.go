package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/stripestandin/wire"
)

func TestABlankObjectHasEveryKeyAndSaysNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{
		"balance_transaction", "charge", "checkout.session", "customer", "dispute", "event", "invoice", "item", "line_item",
		"payment_intent", "payment_method", "plan", "price", "product", "refund", "review", "subscription", "subscription_item",
		"webhook_endpoint",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := wire.Blank(kind)
			o["object"] = kind
			require.NoError(t, wire.Check(o))
			assert.Empty(t, o.ID())
			for key, value := range o {
				_, isNumber := value.(int64)
				assert.False(t, isNumber && value != int64(0), "%s is %v", key, value)
			}
		})
	}
	assert.Panics(t, func() { wire.Blank("unicorn") })
}

func TestAPartOfAnObjectCanBeMade(t *testing.T) {
	t.Parallel()
	details := wire.Part("checkout.session", "customer_details")
	assert.Equal(t, []string{"address", "email", "name", "phone", "tax_exempt", "tax_ids"}, details.Keys())
	outcome := wire.Part("charge", "outcome")
	assert.Contains(t, outcome.Keys(), "seller_message", "it is null in the sample")
	assert.Panics(t, func() { wire.Part("charge", "amount") })
}

func TestAnObjectThatIsNotAsStripeDescribesItIsFound(t *testing.T) {
	t.Parallel()
	right := func() wire.Object {
		o := wire.Blank("refund")
		o["object"], o["id"], o["currency"], o["status"] = "refund", "re_1", "usd", "succeeded"
		return o
	}
	require.NoError(t, wire.Check(right()))
	for name, c := range map[string]struct {
		change func(wire.Object)
		says   string
	}{
		"a key that there is not":    {func(o wire.Object) { o["amout"] = int64(1) }, "refund.amout is no field"},
		"one that is missing":        {func(o wire.Object) { delete(o, "amount") }, "refund.amount is missing"},
		"another type":               {func(o wire.Object) { o["amount"] = "5" }, "refund.amount is 5, no integer"},
		"null where that cannot be":  {func(o wire.Object) { o["currency"] = nil }, "refund.currency is <nil>, no string"},
		"metadata that is not text":  {func(o wire.Object) { o["metadata"] = wire.Object{"a": int64(1)} }, "refund.metadata.a is 1, no string"},
		"an object of another kind":  {func(o wire.Object) { o["charge"] = wire.Object{"object": "refund"} }, "refund.charge"},
		"a list in place of a value": {func(o wire.Object) { o["amount"] = []any{} }, "refund.amount is [], no integer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := right()
			c.change(o)
			require.ErrorContains(t, wire.Check(o), c.says)
		})
	}
	require.ErrorContains(t, wire.Check(wire.Object{"object": "unicorn"}), `no object of Stripe's is a "unicorn"`)
}
