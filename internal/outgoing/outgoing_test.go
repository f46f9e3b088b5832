package outgoing_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/outgoing"
)

// secretOf is a secret whose key is as many bytes long.
func secretOf(letter string, length int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, length)))
}

var oldSecret, newSecret = secretOf("a", 24), secretOf("b", 64)

// received is one attempt as it came.
type received struct {
	method string
	header http.Header
	body   []byte
}

// service is an endpoint that answers in one way, and what it received.
func service(t *testing.T, answer http.HandlerFunc) (string, *[]received) {
	t.Helper()
	var all []received
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		all = append(all, received{r.Method, r.Header, body})
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hooks/?token=hunter2", &all
}

func send(t *testing.T, url string, secrets ...string) (outgoing.Answer, error) {
	t.Helper()
	e, err := outgoing.New(url, secrets)
	require.NoError(t, err)
	return e.Send(t.Context(), "msg_1", time.Now(), []byte(`{"type":"subscription.changed"}`))
}

func TestAMessageIsSignedByEachSecret(t *testing.T) {
	t.Parallel()
	url, got := service(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	answer, err := send(t, url, oldSecret, newSecret)
	require.NoError(t, err)
	assert.Equal(t, outgoing.Answer{Status: http.StatusNoContent}, answer)
	require.Len(t, *got, 1)
	one := (*got)[0]
	assert.Equal(t, http.MethodPost, one.method)
	assert.JSONEq(t, `{"type":"subscription.changed"}`, string(one.body))
	assert.Equal(t, "application/json", one.header.Get("Content-Type"))
	assert.Equal(t, "Twigz", one.header.Get("User-Agent"))
	assert.Equal(t, "msg_1", one.header.Get("Webhook-Id"))
	assert.Len(t, strings.Split(one.header.Get("Webhook-Signature"), " "), 2)

	verify := func(secret string, body []byte) error {
		receiver, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		return receiver.Verify(body, one.header)
	}
	require.NoError(t, verify(oldSecret, one.body))
	require.NoError(t, verify(newSecret, one.body))
	require.Error(t, verify(secretOf("c", 32), one.body), "nobody else signed it")
	require.Error(t, verify(oldSecret, append(one.body, ' ')), "it is signed to the byte")
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	inAMinute := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		name        string
		status      int
		retryAfter  string
		least, most time.Duration
	}{
		{"one that takes it", 200, "", 0, 0},
		{"one that is elsewhere is not followed", 307, "", 0, 0},
		{"one that is gone", 410, "", 0, 0},
		{"one that is busy for a while", 429, "90", 90 * time.Second, 90 * time.Second},
		{"one that is away until a date", 503, inAMinute, 50 * time.Second, time.Minute},
		{"one that was away until a date", 503, "Thu, 01 Jan 1970 00:00:00 GMT", 0, 0},
		{"one that says nothing of use", 503, "soon", 0, 0},
		{"one that counts backwards", 503, "-5", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, got := service(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", c.retryAfter)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
			})
			answer, err := send(t, url, oldSecret)
			require.NoError(t, err)
			assert.Equal(t, c.status, answer.Status)
			assert.True(t, c.least <= answer.RetryAfter && answer.RetryAfter <= c.most, answer.RetryAfter)
			assert.Len(t, *got, 1)
		})
	}
}

func TestNoAnswerIsAnErrorThatNamesNoURL(t *testing.T) {
	t.Parallel()
	hangsUp, _ := service(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, url := range map[string]string{"nobody listens": "http://127.0.0.1:1/?token=hunter2", "it hangs up": hangsUp} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := send(t, url, oldSecret)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
	t.Run("its time is over", func(t *testing.T) {
		t.Parallel()
		url, _ := service(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		e, err := outgoing.New(url, []string{oldSecret})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = e.Send(ctx, "msg_1", time.Now(), []byte("{}"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestEndpointsThatCannotBe(t *testing.T) {
	t.Parallel()
	const url = "https://shop.example/hooks"
	for name, c := range map[string]struct {
		url     string
		secrets []string
	}{
		"no URL":                       {"", []string{oldSecret}},
		"a URL of another scheme":      {"ftp://hunter2.example", []string{oldSecret}},
		"a URL without a host":         {"https:///hunter2", []string{oldSecret}},
		"a URL that is none":           {"https://hunter2 .example", []string{oldSecret}},
		"no secret":                    {url, nil},
		"a secret without its prefix":  {url, []string{strings.TrimPrefix(oldSecret, "whsec_")}},
		"a secret that is no base64":   {url, []string{"whsec_hunter2!"}},
		"a secret that is too short":   {url, []string{secretOf("a", 23)}},
		"a secret that is too long":    {url, []string{secretOf("a", 65)}},
		"one good secret and one else": {url, []string{oldSecret, "whsec_hunter2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := outgoing.New(c.url, c.secrets)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}
