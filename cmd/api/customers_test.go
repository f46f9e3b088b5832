package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

const (
	eve          = "auth0|7"
	badID        = "Must be 1 to 64 characters without control characters"
	missing      = "Is missing"
	wrongType    = "Is of the wrong type"
	malformed    = `{"error":"Malformed JSON"}`
	emptyBakery  = `{"storeId":"bakery","currency":"usd","items":[],"subtotal":0}`
	someoneElses = `{"error":"Order not found"}`
)

// unfit is the answer to a value that cannot be.
func unfit(field, message string) string { return fields{"error": message, "field": field}.text() }

// startShop is the program with a store that sells loaves and jam.
func startShop(t *testing.T) whole {
	t.Helper()
	w := startWhole(t, nil)
	w.putStore("bakery")
	w.putProduct("bakery", "loaf", 600, new(int64(50)))
	w.putProduct("bakery", "jam", 300, nil)
	return w
}

var seed = models.Cause{Actor: "seed"}

func (w whole) putStore(id string) {
	w.t.Helper()
	_, err := w.db.PutStore(w.t.Context(), models.Store{
		ID: id, Name: "Corner Bakery", Email: "orders@bakery.example", Currency: "usd", DeliveryFee: 399,
		Active: true, OnUnfulfillable: models.RefundWhenUnfulfillable,
	}, seed)
	require.NoError(w.t, err)
}

func (w whole) putProduct(store, id string, price int64, stock *int64) {
	w.t.Helper()
	_, err := w.db.PutProduct(w.t.Context(), models.Product{
		StoreID: store, ID: id, Name: "Fresh " + id, UnitAmount: price, Stock: stock, Active: true,
	}, seed)
	require.NoError(w.t, err)
}

// buy makes an order of quantity loaves, as a worker would.
func (w whole) buy(customerID, intentID string, quantity int64) models.Fulfillment {
	w.t.Helper()
	_, err := w.db.SetCartItem(w.t.Context(), customerID, "bakery", "loaf", quantity)
	require.NoError(w.t, err)
	due := quantity*600 + 399
	f, err := w.db.CreateOrder(w.t.Context(), models.Event{
		ID: "evt_" + intentID, Type: "payment_intent.succeeded", Created: 1_700_000_000, APIVersion: "2024-06-20",
		PaymentIntentID: intentID, ChargeID: "ch_1", Amount: &due, AmountReceived: &due, Currency: "usd", Email: "eve@example.com",
		Metadata: models.Metadata{
			"customerId": customerID, "storeId": "bakery", "deliveryType": "delivery", "deliveryFee": "3.99",
			"deliveryAddress": `{"line1":"1 Mill Lane","city":"Bath","postal_code":"BA1","country":"GB","floor":2}`,
		},
	})
	require.NoError(w.t, err)
	require.Equal(w.t, models.OrderCreated, f.Outcome, f.BlockedDetail)
	return f
}

func TestProducts(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	p.putStore("empty")
	list := func(store string) answer { return p.call(http.MethodGet, "/stores/"+store+"/products", "") }

	t.Run("are listed by name for anybody", func(t *testing.T) {
		list("bakery").is(http.StatusOK, `{"products":[
			{"id":"jam","name":"Fresh jam","unitAmount":300,"currency":"usd","stock":null,"active":true},
			{"id":"loaf","name":"Fresh loaf","unitAmount":600,"currency":"usd","stock":50,"active":true}]}`)
	})
	t.Run("of a store that has none are an empty list", func(t *testing.T) {
		list("empty").is(http.StatusOK, `{"products":[]}`)
	})
	t.Run("of a store that is not there are not found", func(t *testing.T) {
		list("nowhere").is(http.StatusNotFound, `{"error":"Store not found"}`)
	})
	t.Run("of what cannot be a store are refused", func(t *testing.T) {
		for _, id := range []string{"%00", "%FF", "a%0Ab", strings.Repeat("a", 65)} {
			list(id).is(http.StatusUnprocessableEntity, unfit("storeId", badID))
		}
	})
}

func TestIDsMayHoldAnyPrintableCharacter(t *testing.T) {
	t.Parallel()
	p := startWhole(t, nil)
	support := bearerOf(supportToken)
	for _, id := range []string{
		"auth0|7", "a/b", "a+b", "a+b/c", "a b", "100%", "%2F", "a?b=c&d", "#1", "..", "naïve", "山田", "a;b,c", `"<quoted>"`, "a:b@c", strings.Repeat("é", 64),
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for name, inPath := range map[string]string{"escaped as a part of a path": url.PathEscape(id), "escaped wholly": wholly(id)} {
				t.Run(name, func(t *testing.T) {
					store := "/support/api/stores/" + inPath
					a := p.call(http.MethodPut, store, `{"name":"Corner Bakery","email":"orders@bakery.example","currency":"usd"}`, support...)
					require.Equal(t, http.StatusOK, a.status, a.body)
					assert.Equal(t, id, a.object()["id"])
					a = p.call(http.MethodPut, store+"/products/"+inPath, `{"name":"Loaf","unitAmount":600}`, support...)
					require.Equal(t, http.StatusOK, a.status, a.body)
					assert.Equal(t, id, a.object()["id"])

					assert.Equal(t, http.StatusOK, p.call(http.MethodGet, "/stores/"+inPath+"/products", "").status)
					body := fields{"storeId": id, "quantity": 1}.text()
					cart := fields{"storeId": id, "currency": "usd", "subtotal": 600, "items": []fields{
						{"productId": id, "name": "Loaf", "quantity": 1, "unitAmount": 600},
					}}
					customer := as(t, id)
					p.call(http.MethodPut, "/cart/items/"+inPath, body, customer...).is(http.StatusOK, cart.text())
					p.call(http.MethodGet, "/cart?storeId="+url.QueryEscape(id), "", customer...).is(http.StatusOK, cart.text())
					p.call(http.MethodDelete, "/cart/items/"+inPath+"?storeId="+url.QueryEscape(id), "", customer...).
						is(http.StatusOK, cart.with(fields{"items": []fields{}, "subtotal": 0}).text())
				})
			}
		})
	}
}

// wholly escapes every byte, which is as good a way to write a path.
func wholly(id string) string {
	var text strings.Builder
	for _, b := range []byte(id) {
		fmt.Fprintf(&text, "%%%02X", b)
	}
	return text.String()
}

func TestCart(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	p.putStore("other")
	p.putProduct("other", "loaf", 700, nil)
	me := as(t, eve)
	call := func(method, path, body string) answer { return p.call(method, path, body, me...) }
	const two = `{"storeId":"bakery","currency":"usd","subtotal":1200,"items":[{"productId":"loaf","name":"Fresh loaf","quantity":2,"unitAmount":600}]}`

	t.Run("is empty before its first use", func(t *testing.T) {
		call(http.MethodGet, "/cart?storeId=bakery", "").is(http.StatusOK, emptyBakery)
		call(http.MethodDelete, "/cart?storeId=bakery", "").is(http.StatusOK, emptyBakery)
	})
	t.Run("takes a product", func(t *testing.T) {
		call(http.MethodPut, "/cart/items/loaf", `{"storeId":"bakery","quantity":2}`).is(http.StatusOK, two)
	})
	t.Run("takes it again without doubling it", func(t *testing.T) {
		call(http.MethodPut, "/cart/items/loaf", `{"storeId":"bakery","quantity":2}`).is(http.StatusOK, two)
	})
	t.Run("keeps lines in the order they came in", func(t *testing.T) {
		call(http.MethodPut, "/cart/items/jam", `{"storeId":"bakery","quantity":1,"unknown":true}`).is(http.StatusOK,
			`{"storeId":"bakery","currency":"usd","subtotal":1500,"items":[
				{"productId":"loaf","name":"Fresh loaf","quantity":2,"unitAmount":600},
				{"productId":"jam","name":"Fresh jam","quantity":1,"unitAmount":300}]}`)
	})
	t.Run("gives one product up, told which store's in the body or the query", func(t *testing.T) {
		call(http.MethodDelete, "/cart/items/jam", `{"storeId":"bakery"}`).is(http.StatusOK, two)
		call(http.MethodDelete, "/cart/items/jam?storeId=bakery", "").is(http.StatusOK, two)
	})
	t.Run("is one for each store and customer", func(t *testing.T) {
		call(http.MethodGet, "/cart?storeId=other", "").is(http.StatusOK, `{"storeId":"other","currency":"usd","items":[],"subtotal":0}`)
		p.call(http.MethodGet, "/cart?storeId=bakery", "", as(t, "mallory")...).is(http.StatusOK, emptyBakery)
		p.call(http.MethodDelete, "/cart?storeId=bakery", "", as(t, "mallory")...).is(http.StatusOK, emptyBakery)
		call(http.MethodGet, "/cart?storeId=bakery", "").is(http.StatusOK, two)
	})
	t.Run("gives up what is not in it without complaint", func(t *testing.T) {
		for _, product := range []string{"jam", "unheard-of"} {
			call(http.MethodDelete, "/cart/items/"+product+"?storeId=bakery", "").is(http.StatusOK, two)
		}
	})
	t.Run("takes from one to ten thousand of a product", func(t *testing.T) {
		for _, quantity := range []int{1, 10000, 2} {
			a := call(http.MethodPut, "/cart/items/loaf", fields{"storeId": "bakery", "quantity": quantity}.text())
			require.Equal(t, http.StatusOK, a.status, a.body)
			assert.EqualValues(t, quantity*600, a.object()["subtotal"])
		}
	})
	t.Run("is emptied", func(t *testing.T) {
		call(http.MethodDelete, "/cart?storeId=bakery", "").is(http.StatusOK, emptyBakery)
	})
}

func TestCartThatIsFull(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	me := as(t, eve)
	put := func(product string) answer {
		return p.call(http.MethodPut, "/cart/items/"+product, `{"storeId":"bakery","quantity":1}`, me...)
	}
	for i := range models.MaxLines {
		product := fmt.Sprint("bun-", i)
		p.putProduct("bakery", product, 100, nil)
		require.Equal(t, http.StatusOK, put(product).status)
	}
	put("loaf").is(http.StatusConflict, `{"error":"The cart is full"}`)
	assert.Equal(t, http.StatusOK, put("bun-0").status, "what is in it can be changed")
	p.call(http.MethodDelete, "/cart/items/bun-1?storeId=bakery", "", me...)
	assert.Equal(t, http.StatusOK, put("loaf").status)
}

func TestCartErrors(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	_, err := p.db.PutProduct(t.Context(), models.Product{StoreID: "bakery", ID: "gone", Name: "Gone", UnitAmount: 1}, seed)
	require.NoError(t, err)
	_, err = p.db.PutStore(t.Context(), models.Store{
		ID: "closed", Name: "Closed", Email: "orders@closed.example", Currency: "usd", OnUnfulfillable: models.RefundWhenUnfulfillable,
	}, seed)
	require.NoError(t, err)
	p.putProduct("closed", "loaf", 600, nil)
	me := as(t, eve)
	for _, test := range []struct {
		name, call, body string
		status           int
		want             string
	}{
		{"no store", "GET /cart", "", 422, unfit("storeId", badID)},
		{"a store that cannot be", "GET /cart?storeId=%00", "", 422, unfit("storeId", badID)},
		{"a store that is not there", "GET /cart?storeId=nowhere", "", 404, `{"error":"Store not found"}`},
		{"no store to empty", "DELETE /cart", "", 422, unfit("storeId", badID)},
		{"a store to empty that is not there", "DELETE /cart?storeId=nowhere", "", 404, `{"error":"Store not found"}`},
		{"no body", "PUT /cart/items/loaf", "", 400, malformed},
		{"a body cut off", "PUT /cart/items/loaf", `{"storeId":"bakery","quan`, 400, malformed},
		{"a body with something behind it", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":1} x`, 400, malformed},
		{"a list", "PUT /cart/items/loaf", `[]`, 400, malformed},
		{"a text", "PUT /cart/items/loaf", `"x"`, 400, malformed},
		{"null", "PUT /cart/items/loaf", `null`, 422, unfit("storeId", badID)},
		{"no store in the body", "PUT /cart/items/loaf", `{"quantity":1}`, 422, unfit("storeId", badID)},
		{"a store that is a number", "PUT /cart/items/loaf", `{"storeId":7,"quantity":1}`, 422, unfit("storeId", wrongType)},
		{"a store that is damaged text", "PUT /cart/items/loaf", "{\"storeId\":\"a\xff\",\"quantity\":1}", 422, unfit("storeId", badID)},
		{"a store with a NUL", "PUT /cart/items/loaf", `{"storeId":"a\u0000","quantity":1}`, 422, unfit("storeId", badID)},
		{"a store that is not there in the body", "PUT /cart/items/loaf", `{"storeId":"nowhere","quantity":1}`, 404, `{"error":"Store not found"}`},
		{"no quantity", "PUT /cart/items/loaf", `{"storeId":"bakery"}`, 422, unfit("quantity", missing)},
		{"a quantity that is null", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":null}`, 422, unfit("quantity", missing)},
		{"a quantity in text", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":"2"}`, 422, unfit("quantity", wrongType)},
		{"a quantity with decimals", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":1.5}`, 422, unfit("quantity", wrongType)},
		{"a quantity beyond all numbers", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":99999999999999999999}`, 422, unfit("quantity", wrongType)},
		{"a quantity of nothing", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":0}`, 422, unfit("quantity", "Must be between 1 and 10000")},
		{"a negative quantity", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":-1}`, 422, unfit("quantity", "Must be between 1 and 10000")},
		{"a quantity too large", "PUT /cart/items/loaf", `{"storeId":"bakery","quantity":10001}`, 422, unfit("quantity", "Must be between 1 and 10000")},
		{"a product that is not there", "PUT /cart/items/cake", `{"storeId":"bakery","quantity":1}`, 404, `{"error":"Product not found"}`},
		{"a product that cannot be", "PUT /cart/items/%00", `{"storeId":"bakery","quantity":1}`, 422, unfit("productId", badID)},
		{"a product that does not sell", "PUT /cart/items/gone", `{"storeId":"bakery","quantity":1}`, 409, `{"error":"The product is not for sale"}`},
		{"a store that is closed", "PUT /cart/items/loaf", `{"storeId":"closed","quantity":1}`, 409, `{"error":"The store is closed"}`},
		{"a product of another store", "PUT /cart/items/jam", `{"storeId":"closed","quantity":1}`, 404, `{"error":"Product not found"}`},
		{"a product of 65 characters", "PUT /cart/items/" + strings.Repeat("a", 65), `{"storeId":"bakery","quantity":1}`, 422, unfit("productId", badID)},
		{"two things that cannot be, of which the first is told", "PUT /cart/items/%00", `{"storeId":"","quantity":0}`, 422, unfit("productId", badID)},
		{"a body that is too large", "PUT /cart/items/loaf", `{"storeId":"` + strings.Repeat("a", 64<<10) + `"}`, 413, `{"error":"Payload too large"}`},
		{"no store to take from", "DELETE /cart/items/loaf", "", 422, unfit("storeId", badID)},
		{"no store in the body to take from", "DELETE /cart/items/loaf", "{}", 422, unfit("storeId", badID)},
		{"no JSON to take from", "DELETE /cart/items/loaf", "loaf", 400, malformed},
		{"a product to take that cannot be", "DELETE /cart/items/%0A?storeId=bakery", "", 422, unfit("productId", badID)},
		{"a store to take from that is a list", "DELETE /cart/items/loaf", `{"storeId":["bakery"]}`, 422, unfit("storeId", wrongType)},
		{"a body to take from that is too large", "DELETE /cart/items/loaf", `{"storeId":"` + strings.Repeat("a", 64<<10) + `"}`, 413, `{"error":"Payload too large"}`},
		{"a store that is not there to take from", "DELETE /cart/items/loaf?storeId=nowhere", "", 404, `{"error":"Store not found"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.call, " ")
			p.call(method, path, test.body, me...).is(test.status, test.want)
		})
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	me := as(t, eve)
	made := []string{}
	for i := range 5 {
		made = append(made, p.buy(eve, fmt.Sprintf("pi_%d", i), int64(i+1)).OrderID)
	}
	theirs := p.buy("mallory", "pi_theirs", 1).OrderID

	t.Run("one is shown whole", func(t *testing.T) {
		a := p.call(http.MethodGet, "/orders/"+made[1], "", me...)
		order := a.object()
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(order["createdAt"]))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), at, time.Minute)
		a.is(http.StatusOK, fields{
			"id": made[1], "storeId": "bakery", "status": "confirmed", "paymentMethod": "card", "paymentIntentId": "pi_1",
			"items":    []fields{{"productId": "loaf", "name": "Fresh loaf", "quantity": 2, "unitAmount": 600}},
			"subtotal": 1200, "deliveryFee": 399, "total": 1599, "currency": "usd", "deliveryType": "delivery",
			"deliveryAddress": fields{"line1": "1 Mill Lane", "city": "Bath", "postalCode": "BA1", "country": "GB", "floor": 2},
			"createdAt":       order["createdAt"],
		}.text())
	})
	t.Run("another's is as if it were not there", func(t *testing.T) {
		p.call(http.MethodGet, "/orders/"+theirs, "", me...).is(http.StatusNotFound, someoneElses)
		for _, id := range []string{"ord_none", "%00", "%FF", "a%2Fb", strings.Repeat("a", 3000)} {
			p.call(http.MethodGet, "/orders/"+id, "", me...).is(http.StatusNotFound, someoneElses)
		}
	})
	t.Run("all are listed, newest first", func(t *testing.T) {
		ids, next := p.page(me, "/orders")
		assert.Equal(t, []string{made[4], made[3], made[2], made[1], made[0]}, ids)
		assert.Empty(t, next)
	})
	t.Run("pages follow one another without a gap", func(t *testing.T) {
		first, next := p.page(me, "/orders?limit=2")
		second, last := p.page(me, "/orders?limit=2&after="+url.QueryEscape(next))
		third, end := p.page(me, "/orders?limit=2&after="+url.QueryEscape(last))
		assert.Equal(t, [][]string{{made[4], made[3]}, {made[2], made[1]}, {made[0]}}, [][]string{first, second, third})
		assert.Empty(t, end)
	})
	t.Run("pages hold while new orders come", func(t *testing.T) {
		buyer := as(t, "buyer")
		old := []string{}
		for i := range 7 {
			old = append([]string{p.buy("buyer", fmt.Sprint("pi_old_", i), 1).OrderID}, old...)
		}
		seen, next := p.page(buyer, "/orders?limit=2")
		for i := 0; next != ""; i++ {
			p.buy("buyer", fmt.Sprint("pi_new_", i), 1)
			var ids []string
			ids, next = p.page(buyer, "/orders?limit=2&after="+url.QueryEscape(next))
			seen = append(seen, ids...)
		}
		assert.Equal(t, old, seen, "each once, and none of those that came since")
	})
	t.Run("a cursor from before or behind all orders is as good as any", func(t *testing.T) {
		for at, want := range map[string]int{"0000-01-01T00:00:00Z x": 0, "9999-12-31T23:59:59Z x": 5, "9999-12-31T23:59:59-23:59 x": 5, "2024-01-01T00:00:00Z ": 0} {
			ids, next := p.page(me, "/orders?after="+base64.RawURLEncoding.EncodeToString([]byte(at)))
			assert.Len(t, ids, want, at)
			assert.Empty(t, next)
		}
	})
	t.Run("another's cursor leads to nothing of theirs", func(t *testing.T) {
		_, next := p.page(as(t, "buyer"), "/orders?limit=1")
		require.NotEmpty(t, next)
		ids, _ := p.page(me, "/orders?after="+url.QueryEscape(next))
		assert.Subset(t, made, ids)
	})
	t.Run("a limit may be from one to a hundred, and is twenty unless told", func(t *testing.T) {
		for limit, want := range map[string]int{"1": 1, "5": 5, "100": 5, "": 5} {
			ids, _ := p.page(me, "/orders?limit="+limit)
			assert.Len(t, ids, want, limit)
		}
	})
	t.Run("a page that is just full is the last", func(t *testing.T) {
		ids, next := p.page(me, "/orders?limit=5")
		assert.Len(t, ids, 5)
		assert.Empty(t, next)
	})
	t.Run("a page that cannot be is refused", func(t *testing.T) {
		for query, want := range map[string]string{
			"limit=0": unfit("limit", "Must be between 1 and 100"), "limit=101": unfit("limit", "Must be between 1 and 100"),
			"limit=x": unfit("limit", "Must be between 1 and 100"), "limit=1.5": unfit("limit", "Must be between 1 and 100"),
			"after=x":                                unfit("after", "Must be the next value of an earlier answer"),
			"after=%00":                              unfit("after", "Must be the next value of an earlier answer"),
			"after=MjAyNC0wMS0wMQ":                   unfit("after", "Must be the next value of an earlier answer"),
			"after=MjAyNC0wMS0wMVQwMDowMDowMFogYQBi": unfit("after", "Must be the next value of an earlier answer"), // a time, and an ID with a NUL
			"limit=99999999999999999999":             unfit("limit", "Must be between 1 and 100"),
			"after=" + made[0]:                       unfit("after", "Must be the next value of an earlier answer"),
			"limit=-1&after=garbage":                 unfit("limit", "Must be between 1 and 100"),
		} {
			p.call(http.MethodGet, "/orders?"+query, "", me...).is(http.StatusUnprocessableEntity, want)
		}
	})
	t.Run("a customer without any has an empty list", func(t *testing.T) {
		p.call(http.MethodGet, "/orders", "", as(t, "nobody")...).is(http.StatusOK, `{"orders":[]}`)
	})
	t.Run("the cart is what was not bought", func(t *testing.T) {
		p.call(http.MethodGet, "/cart?storeId=bakery", "", me...).is(http.StatusOK, emptyBakery)
	})
}

// page is one page of orders by their IDs, and where the next begins.
func (p *program) page(headers []string, path string) (ids []string, next string) {
	p.t.Helper()
	a := p.call(http.MethodGet, path, "", headers...)
	require.Equal(p.t, http.StatusOK, a.status, a.body)
	body := a.object()
	for _, order := range body["orders"].([]any) {
		ids = append(ids, order.(map[string]any)["id"].(string))
	}
	next, _ = body["next"].(string)
	return ids, next
}

func TestCallsWithoutADatabase(t *testing.T) {
	t.Parallel()
	p := startIngest(t, nil)
	support := bearerOf(supportToken)
	me := as(t, eve)
	for call, with := range map[string][]string{
		"GET /stores/bakery/products": nil, "GET /cart?storeId=bakery": me, "DELETE /cart?storeId=bakery": me,
		"PUT /cart/items/loaf": me, "DELETE /cart/items/loaf": me, "GET /orders": me, "GET /orders/ord_1": me,
		"GET /payments/pay_1": me, "GET /payments/pay_1/events": me,
		"GET /support/api/payments?q=x": support, "GET /support/api/payments/pi_1": support, "PUT /support/api/stores/bakery": support, "PUT /support/api/stores/bakery/products/loaf": support,
	} {
		t.Run(call+" says so and no more", func(t *testing.T) {
			method, path, _ := strings.Cut(call, " ")
			body := `{"storeId":"bakery","quantity":1,"name":"Loaf","unitAmount":1,"email":"orders@bakery.example","currency":"usd"}`
			p.call(method, path, body, with...).is(http.StatusServiceUnavailable, `{"error":"Service temporarily unavailable"}`)
		})
	}
	t.Run("webhooks are taken all the same", func(t *testing.T) {
		e := succeeded()
		p.deliver(e.text()).is(http.StatusOK, received(e.id(), "run-1", false))
	})
	t.Run("the log does not quote the password", func(t *testing.T) {
		assert.Contains(t, p.logs.String(), "database cannot be reached")
		assert.NotContains(t, p.logs.String(), "hunter2")
	})
}
