package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/activities"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

// These tests hold the stand-in against the official stripe-mock, which knows every call and every object of Stripe's, though
// nothing of what they do: whatever is asked of the stand-in is asked of it too, and both answers must look alike.

// mustStartOfficial builds and starts stripe-mock, and returns its address.
func mustStartOfficial(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stripe-mock")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/stripe/stripe-mock").CombinedOutput()
	require.NoError(t, err, string(output))
	ctx, stop := context.WithCancel(context.Background())
	mock := exec.CommandContext(ctx, program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := mock.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, mock.Start())
	t.Cleanup(func() { stop(); _ = mock.Wait() })
	lines := bufio.NewScanner(out)
	listening := regexp.MustCompile(`Listening for HTTP at address: (\S+)`)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }() // it prints a line for each request
			return "http://" + found[1]
		}
	}
	t.Fatal("stripe-mock does not say where it listens")
	return ""
}

// exchange is one request and what the stand-in answered.
type exchange struct {
	method, path, query, form string
	status                    int
	answer                    wire.Object
}

func (e exchange) String() string { return e.method + " " + e.path }

// recorder passes requests on to the stand-in and writes them down.
type recorder struct {
	*httptest.Server
	mu  sync.Mutex
	all []exchange
}

func mustRecord(t *testing.T, to string) *recorder {
	t.Helper()
	target, err := url.Parse(to)
	require.NoError(t, err)
	r := &recorder{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		form, _ := io.ReadAll(q.Body)
		q.Body = io.NopCloser(strings.NewReader(string(form)))
		kept := httptest.NewRecorder()
		proxy.ServeHTTP(kept, q)
		answer, _ := wire.Decode(kept.Body.Bytes())
		r.mu.Lock()
		r.all = append(r.all, exchange{q.Method, q.URL.Path, q.URL.RawQuery, string(form), kept.Code, answer})
		r.mu.Unlock()
		maps.Copy(w.Header(), kept.Header())
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	}))
	t.Cleanup(r.Close)
	return r
}

// ask sends a request as it was sent before, to another address.
func (e exchange) ask(t *testing.T, base string) (int, wire.Object) {
	t.Helper()
	target := base + e.path
	if e.query != "" {
		target += "?" + e.query
	}
	q, err := http.NewRequestWithContext(t.Context(), e.method, target, strings.NewReader(e.form))
	require.NoError(t, err)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.SetBasicAuth(key, "")
	answer, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	made, err := wire.Decode(body)
	require.NoError(t, err, string(body))
	return answer.StatusCode, made
}

// walk goes through the life of an account by raw calls. Names in braces in a path and after $ in a form stand for the IDs of
// what earlier calls made.
type walk struct {
	*testing.T
	base   string
	ids    map[string]string
	ledger *ledger.Ledger
	done   map[string]bool // patterns that were called
}

var reference = regexp.MustCompile(`\$(\w+)`)

// call makes a call by its pattern, refers to the IDs it needs by the names in the pattern's braces, and keeps the made
// object's ID under the name it is given.
func (w *walk) call(name, pattern string, pairs ...string) wire.Object {
	w.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	path = regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(path, func(variable string) string {
		id := w.ids[strings.Trim(variable, "{}")]
		require.NotEmpty(w, id, "%s needs %s", pattern, variable)
		return id
	})
	form := url.Values{}
	for _, pair := range pairs {
		field, value, _ := strings.Cut(pair, "=")
		form.Add(field, reference.ReplaceAllStringFunc(value, func(r string) string {
			require.NotEmpty(w, w.ids[r[1:]], "%s needs %s", pattern, r)
			return w.ids[r[1:]]
		}))
	}
	e := exchange{method: method, path: path, form: form.Encode()}
	if method == http.MethodGet {
		e.query, e.form = e.form, ""
	}
	status, made := e.ask(w.T, w.base)
	require.Equal(w, http.StatusOK, status, "%s %v: %s", pattern, pairs, made.Encode())
	w.done[pattern] = true
	if name != "" {
		w.ids[name] = made.ID()
	}
	return made
}

// act has something happen outside.
func (w *walk) act(change func(*ledger.Tx) *wire.Error) {
	w.Helper()
	require.Nil(w, w.ledger.Do(ledger.Cause{}, change))
}

func TestTheOfficialMockAcceptsWhatIsAskedAndAnswersAlike(t *testing.T) {
	t.Parallel()
	a := open(t)
	through := mustRecord(t, a.url)
	w := &walk{T: t, base: through.URL, ids: map[string]string{}, ledger: a.ledger, done: map[string]bool{}}
	w.liveAYear()
	w.askAsTheProjectDoes(through.URL)
	for pattern := range ledger.Calls() {
		assert.True(t, w.done[pattern], "%s is never called here", pattern)
	}

	official := mustStartOfficial(t)
	for i, e := range through.all {
		t.Run(fmt.Sprintf("%d %s", i, e), func(t *testing.T) {
			t.Parallel()
			status, sample := e.ask(t, official)
			require.Equal(t, http.StatusOK, status, "%s %s: %s", e.query, e.form, sample.Encode())
			assert.Empty(t, differences(e.answer, sample, ""))
			for _, o := range listed(e.answer) {
				if !o.Bool("deleted") {
					require.NoError(t, wire.Check(o))
				}
			}
		})
	}
}

// askAsTheProjectDoes makes the calls of the project's own code.
func (w *walk) askAsTheProjectDoes(base string) {
	w.Helper()
	ours := activities.NewStripe(key, base)
	view, err := ours.ViewPaymentIntent(w.Context(), activities.PaymentIntentInput{PaymentIntentID: w.ids["intent"]})
	require.NoError(w, err)
	require.True(w, view.Found)
	_, err = ours.FindBillingEmail(w.Context(), activities.ChargeInput{ChargeID: view.ChargeID})
	require.NoError(w, err)
}

func listed(o wire.Object) []wire.Object {
	if o.Kind() == "list" {
		return o.List("data")
	}
	return []wire.Object{o}
}

// differences are the keys that one has and the other has not, and the values whose types differ. Null goes with everything
// (wire.Check knows where it may be), as do things that Stripe has one of by the kind of payment.
func differences(ours, theirs any, at string) (all []string) {
	a, isObject := ours.(wire.Object)
	b, alike := theirs.(wire.Object)
	if isObject && alike {
		return objectDifferences(a, b, at)
	}
	x, isList := ours.([]any)
	y, alike := theirs.([]any)
	if isList && alike && len(x) > 0 && len(y) > 0 {
		return differences(x[0], y[0], at+"[]")
	}
	if ours != nil && theirs != nil && fmt.Sprintf("%T", ours) != fmt.Sprintf("%T", theirs) {
		return []string{fmt.Sprintf("%s is %T here and %T there", at, ours, theirs)}
	}
	return nil
}

// free are the objects whose keys depend on what was bought, paid with or asked for.
var free = regexp.MustCompile(`(metadata|payment_method_details|payment_method_options|previous_attributes|data\.object|card|next_action|evidence)$`)

func objectDifferences(ours, theirs wire.Object, at string) (all []string) {
	if free.MatchString(at) {
		return nil
	}
	for _, field := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(ours.Keys(), theirs.Keys())))) {
		switch name := ours.Kind() + "." + field; {
		case now[name] != "":
		case !theirs.Has(field):
			all = append(all, at+"."+field+" is only here")
		case !ours.Has(field):
			all = append(all, at+"."+field+" is only there")
		default:
			all = append(all, differences(ours[field], theirs[field], at+"."+field)...)
		}
	}
	return all
}

// now are the fields that Stripe sends now and then, with when that is. Both may be right and differ.
var now = map[string]string{
	"charge.refunds":              "when it is asked for, since 2022-11-15",
	"invoice.id":                  "when it is not one that is still to come",
	"line_item.invoice_item":      "when the line is not a subscription's own",
	"line_item.plan":              "until basil, though it is not described",
	"line_item.subscription_item": "when the line is a subscription's",
	"review.payment_intent":       "when the payment has one",
	"subscription_item.plan":      "always, though it is not described",
	"webhook_endpoint.secret":     "when the endpoint is made",
	".previous_attributes":        "when something was updated",
}

// liveAYear makes every call that the stand-in has.
func (w *walk) liveAYear() {
	w.Helper()
	w.manageEndpoints()
	w.sell()
	w.takePayments()
	w.giveBack()
	w.bill()
	w.call("", "GET /v1/events", "limit=100", "types[]=charge.refunded", "types[]=payment_intent.succeeded", "delivery_success=true")
	events := w.call("", "GET /v1/events", "limit=1").List("data")
	w.ids["id"] = events[0].ID()
	w.call("", "GET /v1/events/{id}")
}

func (w *walk) manageEndpoints() {
	w.Helper()
	w.call("webhook_endpoint", "POST /v1/webhook_endpoints", "url=https://shop.example/hook", "enabled_events[]=invoice.paid", "api_version=2024-06-20")
	w.call("", "POST /v1/webhook_endpoints/{webhook_endpoint}", "disabled=true")
	w.call("", "GET /v1/webhook_endpoints/{webhook_endpoint}")
	w.call("", "GET /v1/webhook_endpoints", "limit=3")
	w.call("", "DELETE /v1/webhook_endpoints/{webhook_endpoint}")
}

func (w *walk) sell() {
	w.Helper()
	w.call("product", "POST /v1/products", "name=Bread club", "metadata[tier]=gold")
	w.ids["id"] = w.ids["product"]
	w.call("", "GET /v1/products/{id}")
	w.call("", "POST /v1/products/{id}", "description=A loaf a week")
	w.call("", "GET /v1/products", "active=true")
	w.call("price", "POST /v1/prices", "product=$product", "currency=usd", "unit_amount=1200", "recurring[interval]=month")
	w.call("dearer", "POST /v1/prices", "product=$product", "currency=usd", "unit_amount=2400", "recurring[interval]=month")
	w.call("", "GET /v1/prices/{price}")
	w.call("", "POST /v1/prices/{price}", "nickname=Monthly")
	w.call("", "GET /v1/prices", "product=$product")
	w.call("spare", "POST /v1/products", "name=Never sold")
	w.ids["id"] = w.ids["spare"]
	w.call("", "DELETE /v1/products/{id}")
}

func (w *walk) takePayments() {
	w.Helper()
	w.call("customer", "POST /v1/customers", "email=customer@example.com", "name=A Customer", "metadata[customerId]=user_1")
	w.call("", "GET /v1/customers/{customer}")
	w.call("", "POST /v1/customers/{customer}", "phone=+15555550100")
	w.call("", "GET /v1/customers", "email=customer@example.com")

	w.call("intent", "POST /v1/payment_intents", "amount=2349", "currency=usd", "customer=$customer", "metadata[paymentId]=5", "automatic_payment_methods[enabled]=true")
	w.call("", "GET /v1/payment_intents/{intent}")
	w.call("", "POST /v1/payment_intents/{intent}", "description=An order")
	w.call("", "POST /v1/payment_intents/{intent}/confirm", "payment_method=pm_card_visa", "return_url=https://shop.example/done")
	w.call("", "GET /v1/payment_intents/{intent}", "expand[]=latest_charge")
	w.call("", "GET /v1/payment_intents", "customer=$customer")
	paid := w.ids["intent"]
	w.call("intent", "POST /v1/payment_intents", "amount=900", "currency=usd", "capture_method=manual", "payment_method=pm_card_visa", "confirm=true", "payment_method_types[]=card")
	w.call("", "POST /v1/payment_intents/{intent}/capture", "amount_to_capture=800")
	w.call("intent", "POST /v1/payment_intents", "amount=900", "currency=usd")
	w.call("", "POST /v1/payment_intents/{intent}/cancel", "cancellation_reason=abandoned")
	w.ids["intent"] = paid

	line := []string{"line_items[0][quantity]=2", "line_items[0][price_data][currency]=usd", "line_items[0][price_data][unit_amount]=650", "line_items[0][price_data][product_data][name]=Loaf"}
	session := append([]string{"mode=payment", "success_url=https://shop.example/done", "metadata[paymentId]=5", "payment_intent_data[metadata][paymentId]=5"}, line...)
	w.call("session", "POST /v1/checkout/sessions", session...)
	w.act(func(t *ledger.Tx) *wire.Error {
		_, refusal := t.CompleteSession(w.ids["session"], ledger.SessionPayment{BillingDetails: ledger.BillingDetails{Email: "customer@example.com"}})
		return refusal
	})
	w.call("", "GET /v1/checkout/sessions/{session}", "expand[]=payment_intent")
	w.call("", "POST /v1/checkout/sessions/{session}", "metadata[a]=b")
	w.call("", "GET /v1/checkout/sessions/{session}/line_items")
	w.call("", "GET /v1/checkout/sessions", "limit=3")
	w.call("session", "POST /v1/checkout/sessions", session...)
	w.call("", "POST /v1/checkout/sessions/{session}/expire")
	w.call("", "POST /v1/checkout/sessions", "mode=subscription", "customer=$customer", "line_items[0][price]=$price", "line_items[0][quantity]=1",
		"success_url=https://shop.example/done", "cancel_url=https://shop.example/", "metadata[customerId]=user_1", "subscription_data[metadata][customerId]=user_1")
}

func (w *walk) giveBack() {
	w.Helper()
	charge := w.call("charge", "GET /v1/charges", "payment_intent=$intent").List("data")[0]
	w.ids["charge"] = charge.ID()
	w.call("", "GET /v1/charges/{charge}", "expand[]=payment_intent")
	w.call("", "POST /v1/charges/{charge}", "metadata[a]=b")
	w.call("refund", "POST /v1/refunds", "payment_intent=$intent", "amount=100", "reason=requested_by_customer", "metadata[paymentId]=5")
	w.call("", "GET /v1/refunds/{refund}")
	w.call("", "POST /v1/refunds/{refund}", "metadata[a]=b")
	w.call("", "GET /v1/refunds", "payment_intent=$intent")
	w.act(func(t *ledger.Tx) *wire.Error { return t.SetRefundOutcome(w.ids["intent"], "pending") })
	w.call("refund", "POST /v1/refunds", "charge=$charge", "amount=100")
	w.call("", "POST /v1/refunds/{refund}/cancel")

	w.act(func(t *ledger.Tx) *wire.Error { _, refusal := t.OpenReview(w.ids["intent"], "rule"); return refusal })
	w.ids["review"] = w.call("", "GET /v1/reviews").List("data")[0].ID()
	w.call("", "GET /v1/reviews/{review}")
	w.call("", "POST /v1/reviews/{review}/approve")

	w.act(func(t *ledger.Tx) *wire.Error {
		_, refusal := t.OpenDispute(w.ids["intent"], 0, "fraudulent", false)
		return refusal
	})
	w.ids["dispute"] = w.call("", "GET /v1/disputes", "payment_intent=$intent").List("data")[0].ID()
	w.call("", "GET /v1/disputes/{dispute}")
	w.call("", "POST /v1/disputes/{dispute}", "evidence[product_description]=Bread", "submit=false")
	w.call("", "POST /v1/disputes/{dispute}/close")
}

func (w *walk) bill() {
	w.Helper()
	const one = "GET /v1/subscriptions/{subscription_exposed_id}"
	w.ids["payment_method"] = "pm_card_visa"
	w.call("payment_method", "POST /v1/payment_methods/{payment_method}/attach", "customer=$customer")
	w.call("", "GET /v1/payment_methods/{payment_method}")
	w.call("", "GET /v1/payment_methods", "customer=$customer", "type=card")
	w.call("", "GET /v1/customers/{customer}/payment_methods")
	w.call("", "POST /v1/customers/{customer}", "invoice_settings[default_payment_method]=$payment_method")
	s := w.call("subscription_exposed_id", "POST /v1/subscriptions", "customer=$customer", "items[0][price]=$price", "items[0][quantity]=2", "metadata[customerId]=user_1")
	w.ids["item"], w.ids["invoice"] = s.List("items")[0].ID(), s.Text("latest_invoice")
	w.call("", one, "expand[]=latest_invoice.payment_intent")
	w.call("", "GET /v1/subscriptions", "customer=$customer", "status=all")
	w.call("", "GET /v1/subscription_items", "subscription=$subscription_exposed_id")
	w.call("", "GET /v1/subscription_items/{item}")
	w.call("", "GET /v1/customers/{customer}", "expand[]=subscriptions", "expand[]=invoice_settings.default_payment_method")
	w.call("", "GET /v1/subscriptions", "customer=$customer", "status=all", "limit=100", "expand[]=data.default_payment_method")
	w.call("", "GET /v1/invoices", "customer=$customer", "limit=100", "expand[]=data.payment_intent")
	w.call("", "POST /v1/billing_portal/sessions", "customer=$customer", "return_url=https://shop.example/account")
	w.call("", "POST /v1/subscriptions/{subscription_exposed_id}", "items[0][id]=$item", "items[0][price]=$dearer", "proration_behavior=always_invoice")
	w.call("", "POST /v1/subscriptions/{subscription_exposed_id}", "cancel_at_period_end=true")
	w.call("", "POST /v1/subscriptions/{subscription_exposed_id}", "cancel_at_period_end=false", "pause_collection[behavior]=keep_as_draft")
	w.call("", "POST /v1/customers/{customer}", "address[country]=US", "address[postal_code]=94103")
	w.call("", "POST /v1/subscriptions/{subscription_exposed_id}", "automatic_tax[enabled]=true")
	w.call("", "GET /v1/invoices/{invoice}", "expand[]=charge", "expand[]=payment_intent")
	w.call("", "GET /v1/invoices/{invoice}/lines", "limit=100")
	w.call("", "GET /v1/invoices", "subscription=$subscription_exposed_id")
	w.call("", "GET /v1/invoices/upcoming", "subscription=$subscription_exposed_id")
	w.ledger.Advance(32 * 24 * time.Hour)
	w.ids["invoice"] = w.call("", "GET /v1/invoices", "status=draft").List("data")[0].ID()
	w.call("", "POST /v1/invoices/{invoice}", "metadata[a]=b")
	w.call("", "POST /v1/invoices/{invoice}/finalize")
	w.call("", "POST /v1/invoices/{invoice}/mark_uncollectible")
	w.call("", "POST /v1/invoices/{invoice}/pay")
	w.ledger.Advance(31 * 24 * time.Hour)
	w.ids["invoice"] = w.call("", "GET /v1/invoices", "status=draft").List("data")[0].ID()
	w.call("", "POST /v1/invoices/{invoice}/finalize")
	w.call("", "POST /v1/invoices/{invoice}/void")
	w.call("", "DELETE /v1/subscriptions/{subscription_exposed_id}")

	w.call("customer", "POST /v1/customers", "email=trial@example.com")
	w.call("subscription", "POST /v1/subscriptions", "customer=$customer", "items[0][price]=$price", "trial_period_days=7", "trial_settings[end_behavior][missing_payment_method]=pause")
	w.ledger.Advance(8 * 24 * time.Hour)
	w.ids["payment_method"] = "pm_card_visa"
	w.call("payment_method", "POST /v1/payment_methods/{payment_method}/attach", "customer=$customer")
	w.call("", "POST /v1/customers/{customer}", "invoice_settings[default_payment_method]=$payment_method")
	w.call("", "POST /v1/subscriptions/{subscription}/resume", "billing_cycle_anchor=now")
	w.call("", "POST /v1/payment_methods/{payment_method}/detach")
	w.call("", "DELETE /v1/customers/{customer}")
	w.call("", "GET /v1/subscriptions", "customer=$customer", "status=all")
	w.ids["id"] = w.call("", "GET /v1/balance_transactions", "limit=1").List("data")[0].ID()
	w.call("", "GET /v1/balance_transactions/{id}")
	w.call("", "GET /v1/charges/{charge}/refunds")
}
