package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v79"
	"github.com/stripe/stripe-go/v79/client"

	"twigz/temporal-dev/stripestandin/api"
	"twigz/temporal-dev/stripestandin/faults"
	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const key = "sk_test_standin1234"

// account is an API with its ledger and its faults.
type account struct {
	*testing.T
	ledger *ledger.Ledger
	faults *faults.Plan
	url    string
}

func open(t *testing.T, rules ...faults.Rule) *account {
	t.Helper()
	l, err := ledger.Open(ledger.Config{})
	require.NoError(t, err)
	plan, err := faults.New(1, rules...)
	require.NoError(t, err)
	s := httptest.NewServer(api.Handler(api.Config{Ledger: l, SecretKey: key, Faults: plan}))
	t.Cleanup(s.Close)
	return &account{t, l, plan, s.URL}
}

// client is stripe-go as it ships, pointed at the account and without retries of its own.
func (a *account) client(key string) *client.API {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: &a.url, MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
	})
	return client.New(key, &stripe.Backends{API: backend})
}

func endpoint(url string) *stripe.WebhookEndpointParams {
	return &stripe.WebhookEndpointParams{URL: &url, EnabledEvents: []*string{new("*")}}
}

func keyed(key, url string) *stripe.WebhookEndpointParams {
	p := endpoint(url)
	p.SetIdempotencyKey(key)
	return p
}

// refused is the error of Stripe's that a call was answered with.
func refused(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var answer *stripe.Error
	require.ErrorAs(t, err, &answer)
	return answer
}

// send makes a call without stripe-go, which cannot be brought to make a wrong one.
func (a *account) send(method, path, form string, change func(*http.Request)) (reply, string) {
	a.Helper()
	r, err := http.NewRequestWithContext(a.Context(), method, a.url+path, strings.NewReader(form))
	require.NoError(a, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(key, "")
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(a, err)
	defer answer.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(answer.Body)
	require.NoError(a, err)
	return reply{answer.StatusCode, answer.Header}, string(body)
}

// reply is an answer without its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

func (a *account) endpoints() (n int) {
	a.ledger.View(func(t *ledger.Tx) {
		for range t.Every("webhook_endpoint") {
			n++
		}
	})
	return n
}

func TestStripeGoTalksToIt(t *testing.T) {
	t.Parallel()
	a := open(t)
	made, err := a.client(key).WebhookEndpoints.New(endpoint("http://a.example/hook"))
	require.NoError(t, err)
	assert.NotEmpty(t, made.Secret)
	assert.NotEmpty(t, made.LastResponse.RequestID)
	assert.Equal(t, "2024-06-20", made.LastResponse.Header.Get("Stripe-Version"))

	got, err := a.client(key).WebhookEndpoints.Get(made.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, "http://a.example/hook", got.URL)
	list := a.client(key).WebhookEndpoints.List(nil)
	require.True(t, list.Next())
	assert.Equal(t, made.ID, list.WebhookEndpoint().ID)
}

func TestOnlyTheRightKeyIsLetIn(t *testing.T) {
	t.Parallel()
	a := open(t)
	_, err := a.client("sk_test_another_key").WebhookEndpoints.Get("we_1", nil)
	answer := refused(t, err)
	assert.Equal(t, http.StatusUnauthorized, answer.HTTPStatusCode)
	assert.Equal(t, "Invalid API Key provided: sk_test_*******_key", answer.Msg, "most of it is hidden")
	for name, change := range map[string]func(*http.Request){
		"no key":              func(r *http.Request) { r.Header.Del("Authorization") },
		"a short one":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer sk") },
		"a connected account": func(r *http.Request) { r.Header.Set("Stripe-Account", "acct_1") },
		"an unknown version":  func(r *http.Request) { r.Header.Set("Stripe-Version", "yesterday") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, body := open(t).send(http.MethodGet, "/v1/webhook_endpoints", "", change)
			assert.GreaterOrEqual(t, answer.StatusCode, 400)
			assert.Less(t, answer.StatusCode, 404)
			assert.Contains(t, body, `"type": "invalid_request_error"`)
			assert.NotEmpty(t, answer.Header.Get("Request-Id"))
		})
	}
	let, _ := a.send(http.MethodGet, "/v1/webhook_endpoints", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) })
	assert.Equal(t, http.StatusOK, let.StatusCode)
}

func TestWhatThereIsNotIsA404(t *testing.T) {
	t.Parallel()
	a := open(t)
	for _, call := range []string{"GET /v1/balance", "PUT /v1/webhook_endpoints", "GET /v1/webhook_endpoints/we_unknown", "GET /v1", "DELETE /v1/events/evt_1"} {
		method, path, _ := strings.Cut(call, " ")
		answer, body := a.send(method, path, "", nil)
		assert.Equal(t, http.StatusNotFound, answer.StatusCode, call)
		assert.Contains(t, body, `"invalid_request_error"`, call)
	}
}

func TestTheSameKeyIsAnsweredTheSame(t *testing.T) {
	t.Parallel()
	a := open(t)
	first, err := a.client(key).WebhookEndpoints.New(keyed("k1", "http://a.example/hook"))
	require.NoError(t, err)
	again, err := a.client(key).WebhookEndpoints.New(keyed("k1", "http://a.example/hook"))
	require.NoError(t, err)
	assert.Equal(t, first.ID, again.ID)
	assert.Equal(t, first.Secret, again.Secret)
	assert.Equal(t, "true", again.LastResponse.Header.Get("Idempotent-Replayed"))
	assert.Empty(t, first.LastResponse.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, 1, a.endpoints())

	t.Run("but not with other parameters", func(t *testing.T) {
		_, err := a.client(key).WebhookEndpoints.New(keyed("k1", "http://b.example/hook"))
		answer := refused(t, err)
		assert.Equal(t, http.StatusBadRequest, answer.HTTPStatusCode)
		assert.Equal(t, stripe.ErrorTypeIdempotency, answer.Type)
		assert.Equal(t, 1, a.endpoints())
	})
	t.Run("nor for another call", func(t *testing.T) {
		_, err := a.client(key).WebhookEndpoints.Update(first.ID, keyed("k1", "http://a.example/hook"))
		assert.Equal(t, stripe.ErrorTypeIdempotency, refused(t, err).Type)
	})
	t.Run("and is forgotten after a day", func(t *testing.T) {
		a.ledger.Advance(24*time.Hour - time.Minute)
		again, err := a.client(key).WebhookEndpoints.New(keyed("k1", "http://a.example/hook"))
		require.NoError(t, err)
		assert.Equal(t, first.ID, again.ID)
		a.ledger.Advance(2 * time.Minute)
		other, err := a.client(key).WebhookEndpoints.New(keyed("k1", "http://b.example/hook"))
		require.NoError(t, err)
		assert.NotEqual(t, first.ID, other.ID)
	})
}

func TestAnErrorOfTheCallIsKeptUnderItsKeyTooButNotOneBeforeIt(t *testing.T) {
	t.Parallel()
	a := open(t)
	api := a.client(key)
	_, err := api.WebhookEndpoints.New(keyed("k1", "nowhere"))
	assert.Equal(t, stripe.ErrorCodeURLInvalid, refused(t, err).Code)
	again, body := a.send(http.MethodPost, "/v1/webhook_endpoints", "url=nowhere&enabled_events[0]=*", func(r *http.Request) { r.Header.Set("Idempotency-Key", "k1") })
	assert.Contains(t, body, "url_invalid")
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))

	_, body = a.send(http.MethodPost, "/v1/webhook_endpoints", "ulr=x", func(r *http.Request) { r.Header.Set("Idempotency-Key", "k2") })
	assert.Contains(t, body, "parameter_unknown")
	_, err = api.WebhookEndpoints.New(keyed("k2", "http://a.example/hook"))
	require.NoError(t, err, "the key has not been used yet")

	long, _ := a.send(http.MethodPost, "/v1/webhook_endpoints", "url=http://a.example&enabled_events[]=*", func(r *http.Request) { r.Header.Set("Idempotency-Key", strings.Repeat("k", 256)) })
	assert.Equal(t, http.StatusBadRequest, long.StatusCode)
}

func TestFaultsOfTheAPI(t *testing.T) {
	t.Parallel()
	create := func(kind faults.Kind, afterWork bool) faults.Rule {
		rule := faults.Rule{Fault: kind, Match: "POST /v1/webhook_endpoints", Times: 1, AfterWork: afterWork}
		if kind == faults.RateLimit {
			rule.RetryAfter = 7
		}
		return rule
	}
	post := func(a *account, key1 string) (*stripe.WebhookEndpoint, error) {
		return a.client(key).WebhookEndpoints.New(keyed(key1, "http://a.example/hook"))
	}

	t.Run("a rate limit says when to come back, and keeps nothing", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.RateLimit, false))
		_, err := post(a, "k1")
		answer := refused(t, err)
		assert.Equal(t, http.StatusTooManyRequests, answer.HTTPStatusCode)
		assert.Equal(t, "7", answer.LastResponse.Header.Get("Retry-After"))
		_, err = post(a, "k1")
		require.NoError(t, err)
	})
	t.Run("a conflict keeps nothing either", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.Conflict, false))
		_, err := post(a, "k1")
		assert.Equal(t, stripe.ErrorCodeLockTimeout, refused(t, err).Code)
		_, err = post(a, "k1")
		require.NoError(t, err)
	})
	t.Run("a 500 before the work is given again, and the work never done", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.ServerError, false))
		for range 2 {
			_, err := post(a, "k1")
			assert.Equal(t, http.StatusInternalServerError, refused(t, err).HTTPStatusCode)
			assert.Equal(t, stripe.ErrorTypeAPI, refused(t, err).Type)
		}
		assert.Zero(t, a.endpoints())
		_, err := post(a, "k2")
		require.NoError(t, err)
	})
	t.Run("a 500 after the work is given again, and the work is done", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.ServerError, true))
		for range 2 {
			_, err := post(a, "k1")
			assert.Equal(t, http.StatusInternalServerError, refused(t, err).HTTPStatusCode)
		}
		assert.Equal(t, 1, a.endpoints())
	})
	t.Run("an answer that is lost is had by asking again", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.LostAnswer, false))
		_, err := post(a, "k1")
		require.Error(t, err)
		assert.Equal(t, 1, a.endpoints())
		_, err = post(a, "k1")
		require.NoError(t, err)
		assert.Equal(t, 1, a.endpoints())
	})
	t.Run("a request that is never answered has done nothing", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.Timeout, false))
		impatient := http.Client{Timeout: 50 * time.Millisecond}
		form := url.Values{"url": {"http://a.example/hook"}, "enabled_events[]": {"*"}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/v1/webhook_endpoints", strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(key, "")
		_, err = impatient.Do(r) //nolint:bodyclose // there is no answer
		require.Error(t, err)
		assert.Zero(t, a.endpoints())
		_, err = post(a, "k1")
		require.NoError(t, err)
	})
	t.Run("other calls are left alone", func(t *testing.T) {
		t.Parallel()
		a := open(t, create(faults.ServerError, false))
		require.NoError(t, a.client(key).WebhookEndpoints.List(nil).Err())
	})
}

func TestTwoRequestsWithOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	a := open(t)
	busy, free := make(chan struct{}), make(chan struct{})
	go func() { // holds the ledger, so that the first request stays under way
		_ = a.ledger.Do(ledger.Cause{}, func(*ledger.Tx) *wire.Error { close(busy); <-free; return nil })
	}()
	<-busy
	var done sync.WaitGroup
	statuses := make(chan int, 2)
	for range 2 {
		done.Go(func() {
			answer, _ := a.send(http.MethodPost, "/v1/webhook_endpoints", "url=http://a.example&enabled_events[]=*", func(r *http.Request) { r.Header.Set("Idempotency-Key", "k1") })
			statuses <- answer.StatusCode
		})
	}
	assert.Equal(t, http.StatusConflict, <-statuses, "the one that finds the other under way")
	close(free)
	done.Wait()
	assert.Equal(t, http.StatusOK, <-statuses)
	assert.Equal(t, 1, a.endpoints())
}
