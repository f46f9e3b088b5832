package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v79/webhook"

	"twigz/internal/webhook"
	"twigz/models"
)

// webhookSecret signs the bench's events.
const webhookSecret = "whsec_bench" //nolint:gosec // nobody else's

// purchase is one payment that is going to be told of: its event in each form that it is needed in, made before anything
// is measured.
type purchase struct {
	customer string
	store    string
	request  []byte       // the whole HTTP request of a webhook, signed
	event    models.Event // what the API makes of it
}

// newPurchase pays what fillCarts puts into a cart. Everything in the payload that Twigz does not read is there as well,
// because it has to be read over.
func newPurchase(host string, i int) (purchase, error) {
	p := purchase{customer: "buyer_" + rand.Text(), store: storeID(i % stores)}
	payload, err := p.payload()
	if err != nil {
		return p, err
	}
	signed := stripewebhook.GenerateTestSignedPayload(&stripewebhook.UnsignedPayload{
		Payload: payload, Secret: webhookSecret, Timestamp: time.Now(),
	})
	p.request = fmt.Appendf(nil, "POST /stripe/webhook HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Stripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s", host, signed.Header, len(payload), payload)
	delivery, err := webhook.Decode(payload)
	p.event = delivery.Event
	return p, err
}

func newPurchases(host string, n int) ([]purchase, error) {
	all := make([]purchase, n)
	for i := range all {
		var err error
		if all[i], err = newPurchase(host, i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p purchase) payload() ([]byte, error) {
	address, err := json.Marshal(map[string]string{
		"line1": "1 Example Street", "city": "Springfield", "state": "IL", "postalCode": "62701", "country": "US",
	})
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(rand.Text())
	return json.MarshalIndent(map[string]any{ // indented, as Stripe sends it
		"id": "evt_3" + name, "object": "event", "api_version": "2024-06-20", "created": time.Now().Unix(),
		"livemode": false, "pending_webhooks": 1, "type": "payment_intent.succeeded",
		"request": map[string]any{"id": "req_" + name[:14], "idempotency_key": "key-" + name},
		"data": map[string]any{"object": map[string]any{
			"id": "pi_3" + name, "object": "payment_intent", "amount": cartTotal, "amount_capturable": 0,
			"amount_details": map[string]any{"tip": map[string]any{}}, "amount_received": cartTotal,
			"application": nil, "application_fee_amount": nil, "automatic_payment_methods": map[string]any{"enabled": true},
			"canceled_at": nil, "cancellation_reason": nil, "capture_method": "automatic",
			"client_secret": "pi_3" + name + "_secret_" + name, "confirmation_method": "automatic",
			"created": time.Now().Unix(), "currency": "usd", "customer": nil, "description": "Benchmark",
			"invoice": nil, "last_payment_error": nil, "latest_charge": "ch_3" + name, "livemode": false,
			"metadata": map[string]string{
				models.KeyCustomerID: p.customer, models.KeyStoreID: p.store, models.KeyDeliveryType: "delivery",
				models.KeyDeliveryFee: "3.99", models.KeyDeliveryAddress: string(address),
			},
			"next_action": nil, "on_behalf_of": nil, "payment_method": "pm_1" + name,
			"payment_method_options": map[string]any{"card": map[string]any{"request_three_d_secure": "automatic"}},
			"payment_method_types":   []string{"card"}, "processing": nil, "receipt_email": p.customer + "@example.com",
			"review": nil, "setup_future_usage": nil, "shipping": nil, "source": nil, "statement_descriptor": nil,
			"status": "succeeded", "transfer_data": nil, "transfer_group": nil,
		}},
	}, "", "  ")
}

// caller posts prepared requests over one kept connection. It does as little as can be done, since the sender of
// webhooks is another machine's work, and this one is measured.
type caller struct {
	conn    net.Conn
	answers *bufio.Reader
}

func dial(ctx context.Context, host string) (*caller, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return &caller{conn, bufio.NewReader(conn)}, nil
}

func dialAll(ctx context.Context, host string, n int) ([]*caller, error) {
	all := make([]*caller, n)
	for i := range all {
		var err error
		if all[i], err = dial(ctx, host); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func hangUp(all []*caller) error {
	var err error
	for _, c := range all {
		err = errors.Join(err, c.conn.Close())
	}
	return err
}

// post sends a webhook and wants it to start a workflow.
func (c *caller) post(ctx context.Context, request []byte) error {
	deadline, _ := ctx.Deadline() // none: never
	if err := c.conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read to its end
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"duplicate":false`)) {
		return fmt.Errorf("webhook answered %d %s", answer.StatusCode, body)
	}
	return nil
}
