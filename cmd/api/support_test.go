package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

func TestStoresAreMadeAndChanged(t *testing.T) {
	t.Parallel()
	p := startWhole(t, nil)
	put := func(body string) answer {
		return p.call(http.MethodPut, "/support/api/stores/bakery", body, bearerOf(supportToken)...)
	}
	plain := fields{
		"id": "bakery", "name": "Corner Bakery", "email": "orders@bakery.example", "currency": "kwd",
		"deliveryFee": 0, "active": true, "automaticTax": false, "onUnfulfillable": "refund",
	}

	t.Run("what is absent is its default", func(t *testing.T) {
		put(`{"name":"Corner Bakery","email":"orders@bakery.example","currency":"kwd"}`).is(http.StatusOK, plain.text())
		put(`{"name":"Corner Bakery","email":"orders@bakery.example","currency":"kwd","active":null,"deliveryFee":null,"onUnfulfillable":null}`).is(http.StatusOK, plain.text())
	})
	t.Run("everything may be told", func(t *testing.T) {
		whole := fields{
			"id": "bakery", "name": "Boulangerie «山田»", "email": "new@bakery.example", "currency": "jpy",
			"deliveryFee": 400, "active": false, "automaticTax": true, "onUnfulfillable": "hold",
		}
		put(whole.text()).is(http.StatusOK, whole.text())
	})
	t.Run("each change is in the audit trail under the name of who made it", func(t *testing.T) {
		var entries []models.AuditEntry
		rows, err := p.db.SQL().QueryContext(t.Context(), "SELECT actor, action, subject_id FROM audit_entries ORDER BY id")
		require.NoError(t, err)
		defer rows.Close() //nolint:errcheck // it is read to its end
		for rows.Next() {
			var e models.AuditEntry
			require.NoError(t, rows.Scan(&e.Actor, &e.Action, &e.SubjectID))
			entries = append(entries, e)
		}
		require.NoError(t, rows.Err())
		assert.Equal(t, []models.AuditEntry{
			{Actor: "sam", Action: "store_made", SubjectID: "bakery"},
			{Actor: "sam", Action: "store_changed", SubjectID: "bakery"},
			{Actor: "sam", Action: "store_changed", SubjectID: "bakery"},
		}, entries)
	})
}

func TestProductsAreMadeAndChanged(t *testing.T) {
	t.Parallel()
	p := startWhole(t, nil)
	p.putStore("bakery")
	put := func(body string) answer {
		return p.call(http.MethodPut, "/support/api/stores/bakery/products/loaf", body, bearerOf(supportToken)...)
	}
	put(`{"name":"Loaf","unitAmount":600}`).is(http.StatusOK, `{"id":"loaf","name":"Loaf","unitAmount":600,"stock":null,"active":true}`)
	put(`{"name":"Loaf","unitAmount":0,"stock":0,"active":false}`).is(http.StatusOK, `{"id":"loaf","name":"Loaf","unitAmount":0,"stock":0,"active":false}`)
	put(`{"name":"Loaf","unitAmount":999999999999,"stock":null}`).is(http.StatusOK, `{"id":"loaf","name":"Loaf","unitAmount":999999999999,"stock":null,"active":true}`)

	t.Run("and keep their store's currency", func(t *testing.T) {
		p.call(http.MethodPut, "/support/api/stores/bakery", `{"name":"Corner Bakery","email":"orders@bakery.example","currency":"eur"}`, bearerOf(supportToken)...).
			is(http.StatusConflict, `{"error":"The currency of a store that has products cannot change"}`)
	})
}

func TestStoreAndProductErrors(t *testing.T) {
	t.Parallel()
	p := startWhole(t, nil)
	p.putStore("bakery")
	store := func(changes fields) string {
		return fields{"name": "Corner Bakery", "email": "orders@bakery.example", "currency": "usd"}.with(changes).text()
	}
	product := func(changes fields) string { return fields{"name": "Loaf", "unitAmount": 600}.with(changes).text() }
	const (
		stores   = "/support/api/stores/"
		loaf     = stores + "bakery/products/loaf"
		currency = "Must be a three-letter lower-case currency code"
		name     = "Must be 1 to 200 characters"
		amount   = "Must be between 0 and 999999999999"
	)
	for _, test := range []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"no body", stores + "bakery", "", 400, malformed},
		{"no JSON", stores + "bakery", "name=x", 400, malformed},
		{"a body too large", stores + "bakery", store(fields{"name": strings.Repeat("a", 64<<10)}), 413, `{"error":"Payload too large"}`},
		{"a store that cannot be", stores + "%00", store(nil), 422, unfit("storeId", badID)},
		{"a store's ID too long", stores + strings.Repeat("a", 65), store(nil), 422, unfit("storeId", badID)},
		{"no name", stores + "bakery", store(fields{"name": ""}), 422, unfit("name", name)},
		{"a blank name", stores + "bakery", store(fields{"name": "  "}), 422, unfit("name", name)},
		{"a name of two lines", stores + "bakery", store(fields{"name": "a\nb"}), 422, unfit("name", name)},
		{"a name that is a number", stores + "bakery", store(fields{"name": 7}), 422, unfit("name", wrongType)},
		{"no address", stores + "bakery", store(fields{"email": nil}), 422, unfit("email", "Must be a mail address")},
		{"an address with a name", stores + "bakery", store(fields{"email": "Bob <b@b.example>"}), 422, unfit("email", "Must be a mail address")},
		{"no currency", stores + "bakery", store(fields{"currency": nil}), 422, unfit("currency", currency)},
		{"a currency in capitals", stores + "bakery", store(fields{"currency": "USD"}), 422, unfit("currency", currency)},
		{"a negative fee", stores + "bakery", store(fields{"deliveryFee": -1}), 422, unfit("deliveryFee", amount)},
		{"a fee with decimals", stores + "bakery", store(fields{"deliveryFee": 3.99}), 422, unfit("deliveryFee", wrongType)},
		{"a fee in text", stores + "bakery", store(fields{"deliveryFee": "399"}), 422, unfit("deliveryFee", wrongType)},
		{"activity in text", stores + "bakery", store(fields{"active": "yes"}), 422, unfit("active", wrongType)},
		{"a wish that nobody knows", stores + "bakery", store(fields{"onUnfulfillable": "cry"}), 422, unfit("onUnfulfillable", "Must be refund or hold")},

		{"a product without a body", loaf, "", 400, malformed},
		{"a product of a store that is not there", stores + "nowhere/products/loaf", product(nil), 404, `{"error":"Store not found"}`},
		{"a product of a store that cannot be", stores + "%00/products/loaf", product(nil), 422, unfit("storeId", badID)},
		{"a product that cannot be", stores + "bakery/products/%7F", product(nil), 422, unfit("productId", badID)},
		{"a product without a name", loaf, product(fields{"name": nil}), 422, unfit("name", name)},
		{"a product without a price", loaf, `{"name":"Loaf"}`, 422, unfit("unitAmount", missing)},
		{"a product's price in text", loaf, product(fields{"unitAmount": "600"}), 422, unfit("unitAmount", wrongType)},
		{"a product's price below nothing", loaf, product(fields{"unitAmount": -1}), 422, unfit("unitAmount", amount)},
		{"a product's price too high", loaf, product(fields{"unitAmount": 1_000_000_000_000}), 422, unfit("unitAmount", amount)},
		{"a product's stock below nothing", loaf, product(fields{"stock": -1}), 422, unfit("stock", "Must not be negative")},
		{"a product's stock with decimals", loaf, product(fields{"stock": 1.5}), 422, unfit("stock", wrongType)},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.call(http.MethodPut, test.path, test.body, bearerOf(supportToken)...).is(test.status, test.want)
		})
	}
}

func TestPaymentDetail(t *testing.T) {
	t.Parallel()
	p := startShop(t)
	f := p.buy(eve, "pi_1", 2)
	get := func(id string) answer {
		return p.call(http.MethodGet, "/support/api/payments/"+id, "", bearerOf(supportToken)...)
	}

	t.Run("is whole, found by our ID or the payment intent", func(t *testing.T) {
		for _, id := range []string{f.PaymentID, "pi_1"} {
			a := get(id)
			body := a.object()
			// Times are the database's.
			created := body["payment"].(map[string]any)["createdAt"]
			ordered := body["order"].(map[string]any)["createdAt"]
			audit := body["audit"].([]any)
			require.Len(t, audit, 2)
			at := func(i int) any { return audit[i].(map[string]any)["at"] }
			a.is(http.StatusOK, fields{
				"payment": fields{
					"paymentId": f.PaymentID, "paymentIntentId": "pi_1", "checkoutSessionId": nil, "status": "paid",
					"amount": 1599, "amountReceived": 1599, "amountRefunded": 0, "currency": "usd", "customerId": eve,
					"storeId": "bakery", "blockedReason": nil, "createdAt": created,
				},
				"order": fields{
					"id": f.OrderID, "storeId": "bakery", "status": "confirmed", "paymentMethod": "card", "paymentIntentId": "pi_1",
					"items":    []fields{{"productId": "loaf", "name": "Fresh loaf", "quantity": 2, "unitAmount": 600}},
					"subtotal": 1200, "deliveryFee": 399, "total": 1599, "currency": "usd", "deliveryType": "delivery",
					"deliveryAddress": fields{"line1": "1 Mill Lane", "city": "Bath", "postalCode": "BA1", "country": "GB", "floor": 2},
					"createdAt":       ordered,
				},
				"holds": []any{}, "refunds": []any{}, "disputes": []any{}, "reviews": []any{},
				"notifications": []fields{
					{"recipient": "customer", "kind": "order_confirmed", "status": "pending", "sentAt": nil},
					{"recipient": "store", "kind": "order_received", "status": "pending", "sentAt": nil},
				},
				"events": []fields{{
					"eventId": "evt_pi_1", "type": "payment_intent.succeeded", "workflowId": "evt_pi_1", "outcome": "order_created",
					"workflowUrl": "http://127.0.0.1:8233/namespaces/default/workflows/evt_pi_1",
				}},
				"audit": []fields{
					{"at": at(0), "actor": "stripe", "action": "payment_paid", "subject": "payment", "subjectId": f.PaymentID, "before": "pending", "after": "paid", "reason": "evt_pi_1"},
					{"at": at(1), "actor": "stripe", "action": "order_confirmed", "subject": "order", "subjectId": f.OrderID, "after": "confirmed", "reason": "evt_pi_1"},
				},
			}.text())
		}
	})

	t.Run("of a payment without an order has null for it, and no null lists", func(t *testing.T) {
		recorded, err := p.db.RecordPaymentState(t.Context(), models.Event{
			ID: "evt_lone", Type: "checkout.session.expired", CheckoutSessionID: "cs_lone", Currency: "usd",
		}, models.PaymentCanceled)
		require.NoError(t, err)
		body := get("cs_lone").object()
		assert.Equal(t, recorded.PaymentID, body["payment"].(map[string]any)["paymentId"])
		assert.Equal(t, "unmatched", body["payment"].(map[string]any)["status"])
		assert.Nil(t, body["order"])
		for _, list := range []string{"holds", "refunds", "disputes", "notifications", "events", "audit"} {
			assert.IsType(t, []any{}, body[list], list)
		}
	})

	t.Run("of a payment that is not there is not found", func(t *testing.T) {
		for _, id := range []string{"pi_none", "%00", "%FF", "a%2Fb", "%27%3B--", strings.Repeat("a", 3000)} {
			get(id).is(http.StatusNotFound, `{"error":"Payment not found"}`)
		}
	})
}
