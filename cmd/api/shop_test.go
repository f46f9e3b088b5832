package main

import (
	"io/fs"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// demo is what make dev tells the API of its customer.
var demo = map[string]string{"DEMO_CUSTOMER_TOKEN": "token-of-the-demo-customer", "DEMO_STORE_ID": "store_demo"}

// shopPaths are all that the shop consists of.
func shopPaths(t *testing.T) []string {
	t.Helper()
	paths := []string{"/shop", "/shop/success", "/shop/config.json"}
	files, err := fs.ReadDir(shopFiles, "shop")
	require.NoError(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".html") {
			paths = append(paths, "/shop/"+f.Name())
		}
	}
	return paths
}

func TestShop(t *testing.T) {
	t.Parallel()
	p := start(t, demo)

	t.Run("is all there, held to its own files and calls", func(t *testing.T) {
		for _, path := range shopPaths(t) {
			a := p.call(http.MethodGet, path, "", "Origin", "https://other.example")
			assert.Equal(t, http.StatusOK, a.status, path)
			policy := a.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "form-action 'none'", "frame-ancestors 'none'"} {
				assert.Contains(t, policy, part, path)
			}
			assert.NotContains(t, policy, "unsafe", path)
			assert.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
			assert.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"), path)
			assert.Empty(t, a.header.Get("Access-Control-Allow-Origin"), "another page must not read %s", path)
		}
	})
	t.Run("has each file under its type, or browsers would not run it", func(t *testing.T) {
		for path, want := range map[string]string{
			"/shop": "text/html; charset=utf-8", "/shop/success": "text/html; charset=utf-8", "/shop/shop.css": "text/css; charset=utf-8",
			"/shop/shop.js": "text/javascript; charset=utf-8", "/shop/icon.svg": "image/svg+xml", "/shop/config.json": "application/json; charset=utf-8",
		} {
			assert.Equal(t, want, p.call(http.MethodGet, path, "").header.Get("Content-Type"), path)
		}
	})
	t.Run("signs in as the demo customer", func(t *testing.T) {
		a := p.call(http.MethodGet, "/shop/config.json", "")
		a.is(http.StatusOK, `{"token":"token-of-the-demo-customer","storeId":"store_demo","publishableKey":"pk_test_key"}`)
		assert.Equal(t, "no-store", a.header.Get("Cache-Control"))
	})
	t.Run("tells what there is to subscribe to", func(t *testing.T) {
		env := maps.Clone(demo)
		env["DEMO_PRICE_ID"], env["DEMO_PRICE_LABEL"] = "price_club", "Crumb Club, 9.00 USD a month"
		start(t, env).call(http.MethodGet, "/shop/config.json", "").is(http.StatusOK, `{"token":"token-of-the-demo-customer","storeId":"store_demo",
			"plan":{"priceId":"price_club","label":"Crumb Club, 9.00 USD a month"},"publishableKey":"pk_test_key"}`)
	})
	t.Run("has no file that is not asked for by name", func(t *testing.T) {
		for _, path := range []string{"/shop/", "/shop/index.html", "/shop/success.html", "/shop/nothing", "/shop/..%2Fmain.go"} {
			p.call(http.MethodGet, path, "").is(http.StatusNotFound, `{"error":"Not found"}`)
		}
	})
	t.Run("asks for nothing that the policy forbids", func(t *testing.T) {
		links := regexp.MustCompile(`(?:href|src|from)=?\s*["']([^"'#]+)["']`)
		own := shopPaths(t)
		for _, path := range own {
			body := p.call(http.MethodGet, path, "").body
			assert.NotRegexp(t, `\son[a-z]+=|\sstyle=|<style|innerHTML`, body, path)
			if !strings.HasSuffix(path, ".js") && !strings.HasSuffix(path, ".svg") {
				for _, link := range links.FindAllStringSubmatch(body, -1) {
					assert.Contains(t, own, link[1], path)
				}
			}
		}
	})
}

func TestThereIsNoShop(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]map[string]string{
		"without a demo customer":              {"DEMO_CUSTOMER_TOKEN": ""},
		"without a demo store":                 {"DEMO_STORE_ID": ""},
		"without either":                       {"DEMO_CUSTOMER_TOKEN": "", "DEMO_STORE_ID": ""},
		"with a live key":                      {"STRIPE_SECRET_KEY": "sk_live_key"},
		"with a restricted live key":           {"STRIPE_SECRET_KEY": "rk_live_key"},
		"with a live key in test mode":         {"STRIPE_SECRET_KEY": "sk_live_key", "STRIPE_LIVEMODE": "false"},
		"with a test key in live mode":         {"STRIPE_LIVEMODE": "true"},
		"with a live key for customers' pages": {"STRIPE_PUBLISHABLE_KEY": "pk_live_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(demo)
			maps.Copy(env, changes)
			p := start(t, env)
			for _, path := range shopPaths(t) {
				p.call(http.MethodGet, path, "").is(http.StatusNotFound, `{"error":"Not found"}`)
			}
		})
	}
}

func TestADemoCustomerInLiveModeIsWarnedOf(t *testing.T) {
	t.Parallel()
	env := maps.Clone(demo)
	env["STRIPE_SECRET_KEY"] = "sk_live_key"
	p := start(t, env)
	assert.Contains(t, p.logs.String(), "DEMO_CUSTOMER_TOKEN is set and stripe is live")
	assert.NotContains(t, p.logs.String(), demo["DEMO_CUSTOMER_TOKEN"])
}
