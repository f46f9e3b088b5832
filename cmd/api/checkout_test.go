package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twigz/models"
	"twigz/workflows"
)

// pickup is a checkout of what is in the cart, without an address.
var pickup = fields{"storeId": "bakery", "deliveryType": "pickup"}

// startTill is a shop whose customer eve has a loaf in the cart, and whose workflows
// have Stripe make everything at once.
func startTill(t *testing.T, changes map[string]string) whole {
	t.Helper()
	w := startWhole(t, changes)
	w.putStore("bakery")
	w.putProduct("bakery", "loaf", 600, new(int64(50)))
	w.fill(eve, 1)
	w.temporal.works(w.prepares)
	return w
}

func (w whole) fill(customerID string, quantity int64) {
	w.t.Helper()
	_, err := w.db.SetCartItem(w.t.Context(), customerID, "bakery", "loaf", quantity)
	require.NoError(w.t, err)
}

// prepares does what a worker would: it keeps what Stripe made.
func (w whole) prepares(ctx context.Context, workflowID string) (any, error) {
	id := strings.TrimPrefix(workflowID, "checkout-")
	purchase, err := w.db.PurchaseOf(ctx, id)
	if err != nil {
		return nil, err
	}
	made := models.Prepared{PaymentID: id, PaymentIntentID: "pi_" + id, ClientSecret: "pi_" + id + "_secret"}
	if purchase.Way == models.BySession {
		made = models.Prepared{PaymentID: id, CheckoutSessionID: "cs_" + id, URL: "https://checkout.stripe.com/c/pay/cs_" + id}
	}
	return made, w.db.KeepPrepared(ctx, made)
}

func (w whole) checkOut(way string, body fields, headers ...string) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/checkout/"+way, body.text(), append(headers, as(w.t, eve)...)...)
}

func keyed(key string) []string { return []string{"Idempotency-Key", key} }

func TestCheckoutByPaymentIntent(t *testing.T) {
	t.Parallel()
	w := startTill(t, nil)
	a := w.checkOut("payment-intent", fields{"storeId": "bakery", "deliveryType": "delivery", "deliveryAddress": fields{"line1": "1 Mill Lane", "postal_code": "BA1", "floor": 2}})
	require.Equal(t, http.StatusOK, a.status, a.body)
	id, _ := a.object()["paymentId"].(string)
	require.NotEmpty(t, id)
	a.is(http.StatusOK, fields{
		"paymentId": id, "clientSecret": "pi_" + id + "_secret", "publishableKey": "pk_test_key", "amount": 999, "currency": "usd",
	}.text())

	started := w.temporal.started()
	require.Len(t, started, 1)
	assert.Equal(t, "checkout-"+id, started[0].GetWorkflowId())
	assert.Equal(t, "Checkout", started[0].GetWorkflowType().GetName())
	assert.Equal(t, "fulfillment", started[0].GetTaskQueue().GetName())
	assert.Equal(t, map[string]any{"CustomerID": eve, "StoreID": "bakery"}, decoded(t, started[0].GetSearchAttributes().GetIndexedFields()))
}

func TestCheckoutBySession(t *testing.T) {
	t.Parallel()
	w := startTill(t, map[string]string{"PUBLIC_URL": "https://shop.example", "CORS_ORIGINS": "https://app.example:8443, *"})
	for _, c := range []struct {
		name                 string
		success, cancel      any
		wantSuccess, wantEnd string
	}{
		{"leads back to our own page", nil, nil, "https://shop.example/shop/success?paymentId=OURS", "https://shop.example/shop"},
		{
			"leads back to a page of the shop's", "https://shop.example/thanks", "https://shop.example/basket?x=1",
			"https://shop.example/thanks?paymentId=OURS", "https://shop.example/basket?x=1",
		},
		{
			"keeps what else is in the query, templates of Stripe's too", "https://App.example:8443/ok?a=1&paymentId=old&s={CHECKOUT_SESSION_ID}#top", nil,
			"https://App.example:8443/ok?a=1&s={CHECKOUT_SESSION_ID}&paymentId=OURS#top", "https://shop.example/shop",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := pickup.with(fields{})
			if c.success != nil {
				body["successUrl"] = c.success
			}
			if c.cancel != nil {
				body["cancelUrl"] = c.cancel
			}
			a := w.checkOut("session", body)
			require.Equal(t, http.StatusOK, a.status, a.body)
			id, _ := a.object()["paymentId"].(string)
			a.is(http.StatusOK, fields{"paymentId": id, "url": "https://checkout.stripe.com/c/pay/cs_" + id}.text())
			purchase, err := w.db.PurchaseOf(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, strings.ReplaceAll(c.wantSuccess, "OURS", id), purchase.SuccessURL)
			assert.Equal(t, c.wantEnd, purchase.CancelURL)
		})
	}
}

func TestCheckoutsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := startTill(t, map[string]string{"PUBLIC_URL": "https://shop.example", "CORS_ORIGINS": "*"})
	const notURL, foreign = "Must be an absolute http or https URL of at most 2000 characters", "Must be of the origin of PUBLIC_URL or one of CORS_ORIGINS"
	const badKey = "Must be 1 to 255 printable ASCII characters"
	for _, c := range []struct {
		name    string
		change  fields
		headers []string
		status  int
		body    string
	}{
		{"a store that cannot be", fields{"storeId": ""}, nil, 422, unfit("storeId", badID)},
		{"a store that is not there", fields{"storeId": "nowhere"}, nil, 404, `{"error":"Store not found"}`},
		{"no way of delivery", fields{"deliveryType": nil}, nil, 422, unfit("deliveryType", "Must be delivery or pickup")},
		{"a way of delivery that is none", fields{"deliveryType": "drone"}, nil, 422, unfit("deliveryType", "Must be delivery or pickup")},
		{"a way of delivery that is no text", fields{"deliveryType": 1}, nil, 422, unfit("deliveryType", wrongType)},
		{"an address that is a text", fields{"deliveryAddress": "1 Mill Lane"}, nil, 422, unfit("deliveryAddress", "Must be an object whose known keys are text")},
		{"an address whose street is a number", fields{"deliveryAddress": fields{"line1": 1}}, nil, 422, unfit("deliveryAddress", "Must be an object whose known keys are text")},
		{"a delivery to nowhere", fields{"deliveryType": "delivery", "deliveryAddress": nil}, nil, 422, unfit("deliveryAddress", "Must have line1")},
		{"a page that is no URL", fields{"successUrl": "thanks"}, nil, 422, unfit("successUrl", notURL)},
		{"a page of a program's", fields{"successUrl": "javascript:alert(1)"}, nil, 422, unfit("successUrl", notURL)},
		{"a page without a host", fields{"cancelUrl": "https:///shop"}, nil, 422, unfit("cancelUrl", notURL)},
		{"a page with a password", fields{"cancelUrl": "https://shop.example@evil.example/"}, nil, 422, unfit("cancelUrl", notURL)},
		{"a page that is too long", fields{"successUrl": "https://shop.example/" + strings.Repeat("a", 2000)}, nil, 422, unfit("successUrl", notURL)},
		{"another's page, although any origin may call", fields{"successUrl": "https://evil.example/"}, nil, 422, unfit("successUrl", foreign)},
		{"a page of another port", fields{"cancelUrl": "https://shop.example:8443/"}, nil, 422, unfit("cancelUrl", foreign)},
		{"a page of another scheme", fields{"cancelUrl": "http://shop.example/"}, nil, 422, unfit("cancelUrl", foreign)},
		{"an empty key", nil, keyed(""), 422, unfit("Idempotency-Key", badKey)},
		{"a key that is too long", nil, keyed(strings.Repeat("k", 256)), 422, unfit("Idempotency-Key", badKey)},
		{"a key that is not ASCII", nil, keyed("schlüssel"), 422, unfit("Idempotency-Key", badKey)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.checkOut("session", pickup.with(c.change), c.headers...).is(c.status, c.body)
		})
	}
	t.Run("a body that is none", func(t *testing.T) {
		w.call(http.MethodPost, "/checkout/session", "{", as(t, eve)...).is(http.StatusBadRequest, malformed)
	})
	t.Run("an empty cart", func(t *testing.T) {
		w.call(http.MethodPost, "/checkout/session", pickup.text(), as(t, "adam")...).is(http.StatusConflict, `{"error":"The cart is empty"}`)
	})
	t.Run("nobody's", func(t *testing.T) {
		for _, way := range []string{"session", "payment-intent"} {
			assert.Equal(t, http.StatusUnauthorized, w.call(http.MethodPost, "/checkout/"+way, pickup.text()).status)
		}
	})
	assert.Empty(t, w.temporal.started(), "no workflow was started for any of them")
}

func TestTheSameKeyIsTheSameCheckout(t *testing.T) {
	t.Parallel()
	w := startTill(t, nil)

	t.Run("for two clicks at once, and later", func(t *testing.T) {
		answers := make([]string, 4)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = w.checkOut("payment-intent", pickup, keyed("click-1")...).body })
		}
		all.Wait()
		w.fill(eve, 7)
		answers = append(answers, w.checkOut("payment-intent", pickup, keyed("click-1")...).body)
		for _, got := range answers {
			assert.Equal(t, answers[0], got)
		}
		assert.Contains(t, answers[0], `"amount":600`)
		assert.Len(t, w.temporal.started(), 1)
	})
	t.Run("and for something else it is refused", func(t *testing.T) {
		a := w.checkOut("session", pickup, keyed("click-1")...)
		assert.Equal(t, http.StatusConflict, a.status, a.body)
	})
	t.Run("and without one each is its own", func(t *testing.T) {
		one, two := w.checkOut("payment-intent", pickup), w.checkOut("payment-intent", pickup)
		assert.NotEqual(t, one.object()["paymentId"], two.object()["paymentId"])
	})
}

func TestACheckoutThatIsNotPreparedInTime(t *testing.T) {
	t.Parallel()
	again := `{"error":"Service temporarily unavailable","retryAfter":5}`
	is503 := func(t *testing.T, a answer) {
		t.Helper()
		a.is(http.StatusServiceUnavailable, again)
		assert.Equal(t, "5", a.header.Get("Retry-After"))
	}

	t.Run("is prepared when the same key comes again", func(t *testing.T) {
		t.Parallel()
		w := startTill(t, nil)
		w.temporal.works(func(ctx context.Context, _ string) (any, error) { // Stripe is away
			<-ctx.Done()
			return nil, ctx.Err()
		})
		began := time.Now()
		is503(t, w.checkOut("payment-intent", pickup, keyed("click")...))
		assert.Less(t, time.Since(began), callTimeout, "the customer is told in time")
		w.temporal.works(w.prepares)
		a := w.checkOut("payment-intent", pickup, keyed("click")...)
		assert.Equal(t, http.StatusOK, a.status, a.body)
		assert.Len(t, w.temporal.started(), 1)
	})
	t.Run("because Temporal is away, is kept and found", func(t *testing.T) {
		t.Parallel()
		w := startTill(t, nil)
		w.temporal.down()
		is503(t, w.checkOut("session", pickup, keyed("click")...))
		w.temporal.up()
		a := w.checkOut("session", pickup, keyed("click")...)
		assert.Equal(t, http.StatusOK, a.status, a.body)
	})
	t.Run("because somebody canceled its workflow, may be asked for again", func(t *testing.T) {
		t.Parallel()
		w := startTill(t, nil)
		w.temporal.works(func(context.Context, string) (any, error) { return nil, temporal.NewCanceledError() })
		is503(t, w.checkOut("session", pickup))
	})
	t.Run("because of something that nobody foresaw, is our fault", func(t *testing.T) {
		t.Parallel()
		w := startTill(t, nil)
		w.temporal.works(func(context.Context, string) (any, error) { return nil, errors.New("eve@example.com") })
		w.checkOut("session", pickup).is(http.StatusInternalServerError, `{"error":"Internal error"}`)
	})
	for outcome, want := range map[models.Outcome]string{
		workflows.CheckoutRefused: "Stripe does not take this payment", workflows.CheckoutExpired: "This checkout has expired",
	} {
		t.Run(fmt.Sprintf("because it is %s, is a conflict", outcome), func(t *testing.T) {
			t.Parallel()
			w := startTill(t, nil)
			w.temporal.works(func(context.Context, string) (any, error) {
				return nil, temporal.NewNonRetryableApplicationError("the checkout cannot be paid", string(outcome), nil)
			})
			w.checkOut("session", pickup).is(http.StatusConflict, fields{"error": want}.text())
		})
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:3000": "http://127.0.0.1:3000", ":3000": "http://127.0.0.1:3000", "0.0.0.0:3000": "http://127.0.0.1:3000",
		"[::]:3000": "http://127.0.0.1:3000", "shop.internal:80": "http://shop.internal:80", "[::1]:3000": "http://[::1]:3000",
	} {
		env := settingsOf(map[string]string{"API_ADDR": addr})
		c, err := readConfig(func(name string) string { return env[name] })
		require.NoError(t, err)
		assert.Equal(t, want, c.publicURL, addr)
	}
	env := settingsOf(map[string]string{"PUBLIC_URL": "https://shop.example/"})
	c, err := readConfig(func(name string) string { return env[name] })
	require.NoError(t, err)
	assert.Equal(t, "https://shop.example", c.publicURL)
	assert.Contains(t, faults(map[string]string{"PUBLIC_URL": "shop.example"}), "PUBLIC_URL must be a URL starting with http:// or https://")
}
