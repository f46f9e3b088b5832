package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/temporal-dev/inbox"
	"twigz/temporal-dev/process"
	"twigz/temporal-dev/stripestandin"
)

const (
	webhookSecret = "whsec_end_to_end"
	jwtSecret     = "a secret of more than thirty-two bytes for tests"
	supportToken  = "support-token-of-ada"
	storeID       = "bakery"
	customerID    = "auth0|7"
	customerEmail = "eve.customer@mail.example"
	storeEmail    = "orders@bakery.example"
	street        = "17 Hidden Lane"
	patience      = 120 * time.Second // generous: machines are slow and shared
)

var quiet = slog.New(slog.DiscardHandler)

// world is everything that one test needs, running.
type world struct {
	*testing.T
	dir       string
	api       string // base URL
	metrics   string // base URL
	database  string // URL
	taskQueue string
	temporal  string // address; "": the server that all tests share
	mails     *inbox.Inbox
	stripe    *stripestandin.Server
	env       []string
	more      []string // settings of this test's own
	worker    *process.Process
	reject    func(recipient string) *smtp.SMTPError // nil: every recipient is welcome
}

// newWorld starts one, with a store that sells loaves for 4.50 (ten in stock)
// and jam for 3.00, delivers for 3.99, and a customer with two loaves and a jam
// in the cart.
func newWorld(t *testing.T, change ...func(*world)) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), database: pgtest.NewURL(t), taskQueue: "e2e-" + t.Name()}
	for _, c := range change {
		c(w)
	}
	var err error
	w.mails, err = inbox.Start(inbox.Options{Reject: func(to string) *smtp.SMTPError {
		if w.reject == nil {
			return nil
		}
		return w.reject(to)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.mails.Close() })
	w.startStripe()
	w.env = append(os.Environ(),
		"API_ADDR=127.0.0.1:0", "METRICS_ADDR=127.0.0.1:0", // any free port; the log tells which
		"DATABASE_URL="+w.database,
		"TEMPORAL_ADDRESS="+cmp.Or(w.temporal, built.temporal.FrontendHostPort()), "TEMPORAL_TASK_QUEUE="+w.taskQueue,
		"STRIPE_SECRET_KEY=sk_test_e2e", "STRIPE_PUBLISHABLE_KEY=pk_test_e2e", "STRIPE_WEBHOOK_SECRET="+webhookSecret,
		"STRIPE_API_BASE="+w.stripe.URL(),
		"SMTP_URL="+w.mails.SMTPURL(), "MAIL_FROM=Twigz <shop@twigz.example>",
		"AUTH_JWT_SECRET="+jwtSecret, "SUPPORT_TOKENS=ada:"+supportToken, "LOG_LEVEL=debug",
		"TEMPORAL_UI_URL="+built.temporalUI,
	)
	w.env = append(w.env, w.more...)
	w.startWorker()
	w.start("api", built.api)
	w.api, w.metrics = w.listening("API_ADDR"), w.listening("METRICS_ADDR")
	w.until("the API is ready", func() bool {
		status, _ := w.call(http.MethodGet, "/ready", "", nil)
		return status == http.StatusOK
	})
	w.putStore(nil)
	w.putProduct("loaf", 450, 10)
	w.putProduct("jam", 300, nil)
	w.fill("loaf", 2)
	w.fill("jam", 1)
	return w
}

func (w *world) startStripe() {
	w.Helper()
	var err error
	w.stripe, err = stripestandin.New(stripestandin.Config{})
	require.NoError(w, err)
	require.NoError(w, w.stripe.Start("127.0.0.1:0"))
	w.Cleanup(func() { _ = w.stripe.Close() })
}

func (w *world) start(name, path string) *process.Process {
	w.Helper()
	p, err := process.Start(process.Options{Name: name, Path: path, Env: w.env, Log: filepath.Join(w.dir, fmt.Sprintf("%s-%d.log", name, time.Now().UnixNano()))})
	require.NoError(w, err)
	w.Cleanup(func() {
		if w.Failed() {
			w.Logf("%s ended with:\n%s", name, strings.Join(p.Tail(40), "\n"))
		}
		_ = p.Stop(30 * time.Second)
	})
	return p
}

func (w *world) startWorker() { w.worker = w.start("worker", built.worker) }

// killWorker ends the worker as a power cut would.
func (w *world) killWorker() {
	w.Helper()
	victim, err := os.FindProcess(w.worker.PID())
	require.NoError(w, err)
	require.NoError(w, victim.Kill())
	<-w.worker.Done()
}

// logs is everything that the API and the worker have printed.
func (w *world) logs() string {
	w.Helper()
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join(w.dir, "*.log"))
	require.NoError(w, err)
	require.NotEmpty(w, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(w, err)
		all.Write(text)
	}
	return all.String()
}

// listening is where the API says it listens for a setting, as a base URL.
func (w *world) listening(setting string) string {
	w.Helper()
	var addr string
	w.until("the API listens for "+setting, func() bool {
		for line := range strings.Lines(w.logs()) {
			var entry struct{ Msg, Setting, Addr string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" && entry.Setting == setting {
				addr = entry.Addr
			}
		}
		return addr != ""
	})
	return "http://" + addr
}

// until waits for something to come true.
func (w *world) until(what string, is func() bool) {
	w.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if is() {
			return
		}
	}
	w.Fatalf("%s: not within %s", what, patience)
}

// call makes one HTTP call and decodes the JSON it answers, if it is any.
func (w *world) call(method, path, token string, body any) (int, map[string]any) {
	w.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(w, err)
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, w.api+path, reader)
	require.NoError(w, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return w.do(request)
}

func (w *world) do(request *http.Request) (int, map[string]any) {
	w.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil // not listening yet, or not any more
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	var answer map[string]any
	_ = json.Unmarshal(text, &answer) // /health is text
	return response.StatusCode, answer
}

func (w *world) must(method, path, token string, body any) map[string]any {
	w.Helper()
	status, answer := w.call(method, path, token, body)
	require.Equal(w, http.StatusOK, status, "%s %s: %v", method, path, answer)
	return answer
}

func (w *world) putStore(more map[string]any) {
	w.Helper()
	store := map[string]any{"name": "Corner Bakery", "email": storeEmail, "currency": "usd", "deliveryFee": 399}
	maps.Copy(store, more)
	w.must(http.MethodPut, "/support/api/stores/"+storeID, supportToken, store)
}

func (w *world) putProduct(id string, price int, stock any) {
	w.Helper()
	w.must(http.MethodPut, "/support/api/stores/"+storeID+"/products/"+id, supportToken,
		map[string]any{"name": "Fresh " + id, "unitAmount": price, "stock": stock})
}

func (w *world) fill(product string, quantity int) {
	w.Helper()
	w.fillFor(customerID, product, quantity)
}

func (w *world) fillFor(customer, product string, quantity int) {
	w.Helper()
	w.must(http.MethodPut, "/cart/items/"+product, tokenOf(w.T, customer), map[string]any{"storeId": storeID, "quantity": quantity})
}

func (w *world) stock(product string) int64 {
	w.Helper()
	for _, p := range w.must(http.MethodGet, "/stores/"+storeID+"/products", "", nil)["products"].([]any) {
		if row := p.(map[string]any); row["id"] == product {
			return int64(row["stock"].(float64))
		}
	}
	w.Fatalf("no product %s", product)
	return 0
}

func (w *world) cart() []any {
	w.Helper()
	items, _ := w.must(http.MethodGet, "/cart?storeId="+storeID, customerToken(w.T), nil)["items"].([]any)
	return items
}

func (w *world) orders() []any {
	w.Helper()
	orders, _ := w.must(http.MethodGet, "/orders", customerToken(w.T), nil)["orders"].([]any)
	return orders
}

func customerToken(t *testing.T) string {
	t.Helper()
	return tokenOf(t, customerID)
}

func tokenOf(t *testing.T, customer string) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": customer, "exp": time.Now().Add(time.Hour).Unix()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(jwtSecret))
	require.NoError(t, err)
	return token
}

// detail is what support sees of a payment, nil while there is none.
func (w *world) detail(id string) map[string]any {
	w.Helper()
	status, answer := w.call(http.MethodGet, "/support/api/payments/"+id, supportToken, nil)
	if status == http.StatusNotFound {
		return nil
	}
	require.Equal(w, http.StatusOK, status, answer)
	return answer
}

// status is the payment's, "" while there is none.
func (w *world) status(id string) string {
	w.Helper()
	payment, _ := w.detail(id)["payment"].(map[string]any)
	status, _ := payment["status"].(string)
	return status
}

// metadata is what a client puts on a payment for the world's cart.
func metadata() map[string]any {
	return map[string]any{
		"customerId": customerID, "storeId": storeID, "deliveryType": "delivery", "deliveryFee": "3.99",
		"deliveryAddress": `{"line1":"` + street + `","city":"Bath","postalCode":"BA1 1AA"}`,
	}
}

// intent is a payment intent that pays the world's cart, as Stripe shows it.
func intent(id string, change func(map[string]any)) map[string]any {
	o := map[string]any{
		"id": id, "object": "payment_intent", "amount": 1599, "amount_received": 1599, "currency": "usd",
		"latest_charge": "ch_" + id, "receipt_email": customerEmail, "status": "succeeded", "metadata": metadata(),
	}
	if change != nil {
		change(o)
	}
	return o
}

// session is the completed checkout session of an intent.
func session(id, intentID string, change func(map[string]any)) map[string]any {
	o := map[string]any{
		"id": id, "object": "checkout.session", "mode": "payment", "payment_status": "paid", "payment_intent": intentID,
		"amount_total": 1599, "currency": "usd", "customer_details": map[string]any{"email": customerEmail}, "metadata": metadata(),
	}
	if change != nil {
		change(o)
	}
	return o
}

func withoutMetadata(o map[string]any) { delete(o, "metadata") }

// send delivers a signed event and returns the answer.
func (w *world) send(eventID, eventType string, object map[string]any) (int, map[string]any) {
	w.Helper()
	payload, err := json.Marshal(map[string]any{
		"id": eventID, "object": "event", "api_version": "2024-06-20", "created": time.Now().Unix(), "livemode": false,
		"type": eventType, "data": map[string]any{"object": object},
	})
	require.NoError(w, err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.api+"/stripe/webhook", bytes.NewReader(payload))
	require.NoError(w, err)
	request.Header.Set("Stripe-Signature", sign(payload))
	return w.do(request)
}

// accept delivers a signed event that must be accepted.
func (w *world) accept(eventID, eventType string, object map[string]any) map[string]any {
	w.Helper()
	status, answer := w.send(eventID, eventType, object)
	require.Equal(w, http.StatusOK, status, answer)
	require.Equal(w, eventID, answer["workflowId"], answer)
	return answer
}

// sign is written out here, because a library that both sides used could be
// wrong on both sides alike.
func sign(payload []byte) string {
	at := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	_, _ = fmt.Fprintf(mac, "%d.%s", at, payload)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}

// ids returns a function that makes IDs of one test, unlike any other test's:
// the Temporal server is shared, and a workflow's ID is the event's.
func ids(t *testing.T) func(prefix string) string {
	t.Helper()
	clean := strings.NewReplacer("/", "_", "-", "_", ",", "", "#", "").Replace(t.Name())
	return func(prefix string) string { return prefix + "_" + clean }
}
