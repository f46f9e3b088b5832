package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v79/webhook"
)

// fields is a JSON object.
type fields map[string]any

func (f fields) text() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// with is a copy with some members changed.
func (f fields) with(changes fields) fields {
	changed := maps.Clone(f)
	maps.Copy(changed, changes)
	return changed
}

var serial atomic.Int64

// event is an event that no other call makes, about an object.
func event(eventType string, object fields) fields {
	return fields{
		"id": fmt.Sprintf("evt_%d", serial.Add(1)), "object": "event", "type": eventType, "created": 1_700_000_000,
		"livemode": false, "api_version": "2024-06-20", "data": fields{"object": object},
	}
}

func (f fields) id() string { return f["id"].(string) }

// metadata is what another client's payment carries.
var metadata = fields{
	"customerId": "auth0|7", "storeId": "bakery", "deliveryType": "delivery", "deliveryFee": "3.99",
	"deliveryAddress": `{"line1":"1 Mill Lane","city":"Bath","country":"GB"}`,
}

// intent is a payment intent that was paid.
var intent = fields{
	"id": "pi_1", "object": "payment_intent", "amount": 1599, "amount_received": 1599, "currency": "usd",
	"latest_charge": "ch_1", "receipt_email": "eve@example.com", "metadata": metadata,
}

// session is a checkout session that was paid.
var session = fields{
	"id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
	"amount_total": 1599, "currency": "usd", "customer_details": fields{"email": "eve@example.com"}, "metadata": metadata,
}

// subscribed is a checkout session by which somebody subscribed.
var subscribed = fields{
	"id": "cs_sub", "object": "checkout.session", "mode": "subscription", "payment_status": "paid",
	"customer": "cus_1", "subscription": "sub_1", "invoice": "in_1", "amount_total": 900, "currency": "usd",
}

// subscription is one that goes on.
var subscription = fields{
	"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "latest_invoice": "in_1",
	"metadata": fields{"customerId": "auth0|7"},
}

// invoice is one of the subscription.
var invoice = fields{
	"id": "in_1", "object": "invoice", "customer": "cus_1", "subscription": "sub_1", "amount_due": 900, "total": 900,
	"currency": "usd", "status": "paid",
}

func succeeded() fields { return event("payment_intent.succeeded", intent) }

// signature is the header that Stripe sends with body.
func signature(body, secret string, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(stripewebhook.ComputeSignature(at, []byte(body), secret)))
}

// deliver posts body as Stripe does, honestly signed.
func (p *program) deliver(body string) answer {
	p.t.Helper()
	return p.post(body, signature(body, webhookSecret, time.Now()))
}

// post posts body with a signature header, "" for none.
func (p *program) post(body, header string) answer {
	p.t.Helper()
	headers := []string{"Content-Type", "application/json; charset=utf-8"}
	if header != "" {
		headers = append(headers, "Stripe-Signature", header)
	}
	return p.send(http.MethodPost, "/stripe/webhook", strings.NewReader(body), headers...)
}

// received is the answer to an event whose workflow runs.
func received(eventID, runID string, duplicate bool) string {
	return fields{"received": true, "eventId": eventID, "workflowId": eventID, "runId": runID, "duplicate": duplicate}.text()
}
