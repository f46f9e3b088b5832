package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inProcess is a server whose routes a test calls without a listener.
func inProcess(t testing.TB, temporal *frontend, stdout io.Writer) *server {
	t.Helper()
	if stdout == nil {
		stdout = io.Discard
	}
	env := settingsOf(map[string]string{"TEMPORAL_ADDRESS": temporal.addr})
	config, err := readConfig(func(name string) string { return env[name] })
	require.NoError(t, err)
	log := slog.New(slog.NewJSONHandler(stdout, nil))
	client, err := config.temporal.New(log)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return newServer(config, log, nil, client)
}

func TestHandlerThatPanicsAnswers500AndTheProcessLives(t *testing.T) {
	t.Parallel()
	out := &logs{}
	s := inProcess(t, newFrontend(t), out)
	routes := s.routes().(*gin.Engine)
	routes.GET("/panic", func(*gin.Context) { panic("told you") })
	site := httptest.NewServer(routes)
	defer site.Close()
	get := func(path string) answer {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL+path, http.NoBody)
		require.NoError(t, err)
		response, err := site.Client().Do(request)
		require.NoError(t, err)
		return read(t, response)
	}
	get("/panic").is(http.StatusInternalServerError, `{"error":"Internal error"}`)
	assert.Equal(t, http.StatusOK, get("/health").status)
	lines := out.lines(t)
	require.Len(t, lines, 1)
	assert.Equal(t, "handler panicked", lines[0]["msg"])
	assert.Equal(t, "told you", lines[0]["error"])
	assert.Contains(t, lines[0]["stack"], "server_test.go", "it can be found")
}

func TestRoutesThatAreNotThere(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{http.MethodGet, "/", http.StatusNotFound, `{"error":"Not found"}`},
		{http.MethodGet, "/nowhere", http.StatusNotFound, `{"error":"Not found"}`},
		{http.MethodPost, "/stripe/webhook/", http.StatusNotFound, `{"error":"Not found"}`},
		{http.MethodGet, "/orders/a/b", http.StatusNotFound, `{"error":"Not found"}`},
		{http.MethodGet, "/support/api/nothing", http.StatusNotFound, `{"error":"Not found"}`},
		{http.MethodGet, "/metrics", http.StatusNotFound, `{"error":"Not found"}`},
		{http.MethodGet, "/stripe/webhook", http.StatusMethodNotAllowed, `{"error":"Method not allowed"}`},
		{http.MethodPost, "/health", http.StatusMethodNotAllowed, `{"error":"Method not allowed"}`},
		{http.MethodPatch, "/cart", http.StatusMethodNotAllowed, `{"error":"Method not allowed"}`},
		{http.MethodDelete, "/support/api/stores/bakery", http.StatusMethodNotAllowed, `{"error":"Method not allowed"}`},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			a := p.call(test.method, test.path, "")
			a.is(test.status, test.body)
			assert.Equal(t, test.status == http.StatusMethodNotAllowed, a.header.Get("Allow") != "")
		})
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	t.Run("a caller's own is kept", func(t *testing.T) {
		assert.Equal(t, "req-1:a.b_C", p.call(http.MethodGet, "/health", "", "X-Request-Id", "req-1:a.b_C").header.Get("X-Request-Id"))
	})
	t.Run("one that would write into logs is replaced", func(t *testing.T) {
		for _, bad := range []string{"", `a"b`, "a b", "ä", "<script>", strings.Repeat("a", 101)} {
			id := p.call(http.MethodGet, "/health", "", "X-Request-Id", bad).header.Get("X-Request-Id")
			assert.NotEqual(t, bad, id)
			assert.Regexp(t, `^req_[A-Z0-9]{20,}$`, id)
		}
	})
	t.Run("no two are alike", func(t *testing.T) {
		one, two := p.call(http.MethodGet, "/health", ""), p.call(http.MethodGet, "/health", "")
		assert.NotEqual(t, one.header.Get("X-Request-Id"), two.header.Get("X-Request-Id"))
	})
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const shop, other = "https://shop.example", "https://other.example"
	anyone := start(t, nil)
	few := start(t, map[string]string{"CORS_ORIGINS": shop + ", https://Admin.example:8443"})

	t.Run("every preflight is answered with everything there is", func(t *testing.T) {
		for _, path := range []string{"/stripe/webhook", "/cart", "/cart/items/loaf", "/support/api/payments/pi_1", "/nowhere"} {
			a := anyone.call(http.MethodOptions, path, "", "Origin", shop, "Access-Control-Request-Method", "PUT")
			assert.Equal(t, http.StatusNoContent, a.status, path)
			assert.Empty(t, a.body)
			assert.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "GET, POST, PUT, DELETE, OPTIONS", a.header.Get("Access-Control-Allow-Methods"))
			assert.Equal(t, "Content-Type, Authorization, stripe-signature, Idempotency-Key", a.header.Get("Access-Control-Allow-Headers"))
		}
	})
	t.Run("errors have the header, or browsers would hide them", func(t *testing.T) {
		for _, path := range []string{"/nowhere", "/cart", "/stripe/webhook", "/health"} {
			assert.Equal(t, "*", anyone.call(http.MethodGet, path, "", "Origin", shop).header.Get("Access-Control-Allow-Origin"), path)
		}
		assert.Equal(t, "*", anyone.post("{}", "").header.Get("Access-Control-Allow-Origin"))
	})
	t.Run("named origins are let in, others are not", func(t *testing.T) {
		for origin, want := range map[string]string{shop: shop, "https://admin.example:8443": "https://admin.example:8443", other: "", "null": "", "": ""} {
			for _, method := range []string{http.MethodGet, http.MethodOptions} {
				a := few.call(method, "/health", "", "Origin", origin)
				assert.Equal(t, want, a.header.Get("Access-Control-Allow-Origin"), origin)
				assert.Equal(t, "Origin", a.header.Get("Vary"), "caches must not mix them up")
			}
		}
	})
}
