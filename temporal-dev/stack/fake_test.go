package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/webhook"
)

// TestMain lets the test binary play API and worker, under whose names the tests link to it.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "api":
		playAPI()
	case "worker":
		playWorker()
	default:
		os.Exit(m.Run())
	}
}

func playWorker() {
	fmt.Println("worker of the test, pid", os.Getpid())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
}

// fakeAPI answers as the contract says, for one customer and one store, and fulfills what it is told was paid.
type fakeAPI struct {
	mu       sync.Mutex
	products map[string]product
	cart     cart
	payments map[string]detail
	born     time.Time
}

func playAPI() {
	a := &fakeAPI{products: map[string]product{}, payments: map[string]detail{}, cart: cart{Items: []line{}}, born: time.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", a.ready)
	mux.HandleFunc("PUT /support/api/stores/{store}", a.support(func(*http.Request) (any, int) { return nil, 200 }))
	mux.HandleFunc("PUT /support/api/stores/{store}/products/{id}", a.support(a.putProduct))
	mux.HandleFunc("GET /support/api/payments/{id}", a.support(a.payment))
	mux.HandleFunc("DELETE /cart", a.handle(func(*http.Request) (any, int) { a.cart = cart{Items: []line{}}; return a.cart, 200 }))
	mux.HandleFunc("GET /cart", a.handle(func(*http.Request) (any, int) { return a.cart, 200 }))
	mux.HandleFunc("PUT /cart/items/{id}", a.handle(a.putItem))
	mux.HandleFunc("GET /shop/config.json", a.handle(func(*http.Request) (any, int) {
		return []string{
			os.Getenv("DEMO_STORE_ID"), os.Getenv("DEMO_CUSTOMER_TOKEN"), os.Getenv("DEMO_PRICE_ID"), os.Getenv("DEMO_PRICE_LABEL"),
		}, 200
	}))
	mux.HandleFunc("POST /stripe/webhook", a.handle(a.webhook))
	server := &http.Server{Addr: os.Getenv("API_ADDR"), Handler: mux, ReadHeaderTimeout: time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Println(server.ListenAndServe())
}

func (a *fakeAPI) handle(f func(*http.Request) (any, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		answer, status := f(r)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (a *fakeAPI) support(f func(*http.Request) (any, int)) http.HandlerFunc {
	return a.handle(func(r *http.Request) (any, int) {
		if "dev:"+r.Header.Get("Authorization")[len("Bearer "):] != os.Getenv("SUPPORT_TOKENS") {
			return map[string]string{"error": "unauthorized"}, 401
		}
		return f(r)
	})
}

// ready is down at first, as the real one is while the worker migrates.
func (a *fakeAPI) ready(w http.ResponseWriter, _ *http.Request) {
	if time.Since(a.born) < 100*time.Millisecond {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, `{"status":"ok","checks":{}}`)
}

func (a *fakeAPI) putProduct(r *http.Request) (any, int) {
	var p product
	_ = json.NewDecoder(r.Body).Decode(&p)
	a.products[r.PathValue("id")] = p
	return p, 200
}

func (a *fakeAPI) putItem(r *http.Request) (any, int) {
	var in struct{ Quantity int64 }
	_ = json.NewDecoder(r.Body).Decode(&in)
	p := a.products[r.PathValue("id")]
	a.cart.Currency = "usd"
	a.cart.Items = append(a.cart.Items, line{Name: p.Name, Quantity: in.Quantity, UnitAmount: p.UnitAmount})
	a.cart.Subtotal += in.Quantity * p.UnitAmount
	return a.cart, 200
}

func (a *fakeAPI) payment(r *http.Request) (any, int) {
	d, ok := a.payments[r.PathValue("id")]
	if !ok {
		return map[string]string{"error": "not found"}, 404
	}
	return d, 200
}

func (a *fakeAPI) webhook(r *http.Request) (any, int) {
	body, _ := io.ReadAll(r.Body)
	event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), os.Getenv("STRIPE_WEBHOOK_SECRET"))
	if err != nil || os.Getenv("MAIL_FROM") == "refuse" {
		return map[string]string{"error": "Invalid webhook signature"}, 400
	}
	if event.Type != stripe.EventTypePaymentIntentSucceeded {
		return map[string]string{"message": "Event type not supported"}, 200
	}
	var intent stripe.PaymentIntent
	_ = json.Unmarshal(event.Data.Raw, &intent)
	d := detail{Order: &order{
		ID: "ord_1", Status: "confirmed", Items: a.cart.Items, Subtotal: a.cart.Subtotal, DeliveryFee: 399,
		Total: a.cart.Subtotal + 399, Currency: "usd",
	}}
	d.Payment.Status = "paid"
	_ = json.Unmarshal([]byte(`[{"recipient":"customer","status":"sent"},{"recipient":"store","status":"sent"}]`), &d.Notifications)
	_ = json.Unmarshal([]byte(`[{"eventId":"`+event.ID+`"}]`), &d.Events)
	if intent.AmountReceived != d.Order.Total {
		d.Payment.Status, d.Payment.BlockedReason = "needs_attention", "amount_mismatch"
	}
	a.payments[intent.ID] = d
	a.cart = cart{Items: []line{}}
	return map[string]bool{"received": true}, 200
}
