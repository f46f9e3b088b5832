package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const unauthorizedBody = `{"error":"Unauthorized"}`

// token signs claims.
func token(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return text
}

// as is the header of a customer's call.
func as(t testing.TB, customerID string) []string {
	t.Helper()
	return bearerOf(token(t, jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"sub": customerID, "exp": time.Now().Add(time.Hour).Unix()}))
}

func bearerOf(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestCustomersTokens(t *testing.T) {
	t.Parallel()
	p := startWhole(t, map[string]string{"AUTH_ISSUER": "https://id.example/", "AUTH_AUDIENCE": "shop"})
	ours := []byte(jwtSecret)
	good := jwt.MapClaims{"sub": "auth0|7", "iss": "https://id.example/", "aud": "shop", "exp": time.Now().Add(time.Hour).Unix()}
	claims := func(changes jwt.MapClaims) jwt.MapClaims {
		changed := jwt.MapClaims{}
		for _, from := range []jwt.MapClaims{good, changes} {
			for name, value := range from {
				changed[name] = value
				if value == nil {
					delete(changed, name)
				}
			}
		}
		return changed
	}
	signed := func(changes jwt.MapClaims) string {
		return "Bearer " + token(t, jwt.SigningMethodHS256, ours, claims(changes))
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	head, rest, _ := strings.Cut(strings.TrimPrefix(signed(nil), "Bearer "), ".")
	payload, mac, _ := strings.Cut(rest, ".")

	for _, test := range []struct {
		name   string
		header string
		ok     bool
	}{
		{"a good one", signed(nil), true},
		{"a good one after a scheme in small letters", "bearer" + strings.TrimPrefix(signed(nil), "Bearer"), true},
		{"one that never expires", signed(jwt.MapClaims{"exp": nil}), true},
		{"one for several, us among them", signed(jwt.MapClaims{"aud": []string{"other", "shop"}}), true},
		{"one that expired within the clocks' difference", signed(jwt.MapClaims{"exp": time.Now().Add(-10 * time.Second).Unix()}), true},
		{"one with a subject of 64 characters", signed(jwt.MapClaims{"sub": strings.Repeat("é", 64)}), true},

		{"none", "", false},
		{"an empty one", "Bearer ", false},
		{"another scheme", "Basic " + strings.TrimPrefix(signed(nil), "Bearer "), false},
		{"no scheme", strings.TrimPrefix(signed(nil), "Bearer "), false},
		{"garbage", "Bearer garbage", false},
		{"two dots", "Bearer ..", false},
		{"support's", "Bearer " + supportToken, false},
		{"one cut off", signed(nil)[:40], false},
		{"one without its signature", "Bearer " + head + "." + payload + ".", false},
		{"one with a signature that was changed", "Bearer " + head + "." + payload + "." + swapped(mac), false},
		{"one signed with another secret", "Bearer " + token(t, jwt.SigningMethodHS256, []byte("another secret, of about the length"), good), false},
		{"one signed with an empty secret", "Bearer " + token(t, jwt.SigningMethodHS256, []byte{}, good), false},
		{"one that says it needs no signature", "Bearer " + token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), false},
		{"RS256", "Bearer " + token(t, jwt.SigningMethodRS256, rsaKey, good), false},
		{"ES256", "Bearer " + token(t, jwt.SigningMethodES256, ecKey, good), false},
		{"HS512 with our secret", "Bearer " + token(t, jwt.SigningMethodHS512, ours, good), false},
		{"one that expired", signed(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}), false},
		{"one that is not valid yet", signed(jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}), false},
		{"one whose time is text", signed(jwt.MapClaims{"exp": "tomorrow"}), false},
		{"another issuer's", signed(jwt.MapClaims{"iss": "https://evil.example/"}), false},
		{"nobody's", signed(jwt.MapClaims{"iss": nil}), false},
		{"one for somebody else", signed(jwt.MapClaims{"aud": "other"}), false},
		{"one for nobody", signed(jwt.MapClaims{"aud": nil}), false},
		{"one without a subject", signed(jwt.MapClaims{"sub": nil}), false},
		{"one with an empty subject", signed(jwt.MapClaims{"sub": ""}), false},
		{"one with a subject of 65 characters", signed(jwt.MapClaims{"sub": strings.Repeat("a", 65)}), false},
		{"one with a control character in its subject", signed(jwt.MapClaims{"sub": "a\nb"}), false},
		{"one with a NUL in its subject", signed(jwt.MapClaims{"sub": "a\x00"}), false},
		{"one whose subject is a number", signed(jwt.MapClaims{"sub": 7}), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := p.call(http.MethodGet, "/orders", "", "Authorization", test.header)
			if test.ok {
				a.is(http.StatusOK, `{"orders":[]}`)
				return
			}
			a.is(http.StatusUnauthorized, unauthorizedBody)
			assert.Equal(t, "Bearer", a.header.Get("WWW-Authenticate"))
		})
	}
}

// swapped is a signature with one letter changed.
func swapped(mac string) string {
	if mac[0] == 'A' {
		return "B" + mac[1:]
	}
	return "A" + mac[1:]
}

func TestIssuerAndAudienceAreFreeUnlessSet(t *testing.T) {
	t.Parallel()
	p := startWhole(t, nil)
	anywhere := token(t, jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"sub": "eve", "iss": "x", "aud": "y"})
	p.call(http.MethodGet, "/orders", "", bearerOf(anywhere)...).is(http.StatusOK, `{"orders":[]}`)
}

func TestEveryCallThatIsNotPublicNeedsItsToken(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for _, call := range []string{
		"GET /cart", "DELETE /cart", "PUT /cart/items/loaf", "DELETE /cart/items/loaf", "GET /orders", "GET /orders/ord_1",
		"GET /payments/pay_1", "GET /payments/pay_1/events",
		"GET /support/api/payments", "GET /support/api/payments/pi_1", "PUT /support/api/stores/bakery", "PUT /support/api/stores/bakery/products/loaf",
	} {
		t.Run(call, func(t *testing.T) {
			method, path, _ := strings.Cut(call, " ")
			wrong := bearerOf(supportToken)
			if strings.Contains(path, "/support/") {
				wrong = as(t, "eve")
			}
			p.call(method, path, "{").is(http.StatusUnauthorized, unauthorizedBody)
			p.call(method, path, "{", wrong...).is(http.StatusUnauthorized, unauthorizedBody)
		})
	}
}

func TestSupportsTokens(t *testing.T) {
	t.Parallel()
	p := startWhole(t, nil)
	for header, ok := range map[string]bool{
		"Bearer " + supportToken: true, "Bearer another-token": true, "bearer another-token": true,
		"": false, "Bearer": false, "Bearer ": false, "Bearer sam": false, "Bearer sam:" + supportToken: false,
		"Bearer " + supportToken + "x": false, "Bearer " + supportToken[1:]: false, "Bearer " + strings.ToUpper(supportToken): false,
		"Basic " + supportToken: false, supportToken: false,
	} {
		t.Run(header, func(t *testing.T) {
			a := p.call(http.MethodGet, "/support/api/payments/pi_1", "", "Authorization", header)
			if ok {
				a.is(http.StatusNotFound, `{"error":"Payment not found"}`)
				return
			}
			a.is(http.StatusUnauthorized, unauthorizedBody)
		})
	}
	t.Run("nobody is support when there are none", func(t *testing.T) {
		closed := start(t, map[string]string{"SUPPORT_TOKENS": ""})
		closed.call(http.MethodGet, "/support/api/payments/pi_1", "", "Authorization", "Bearer ").is(http.StatusUnauthorized, unauthorizedBody)
		assert.Contains(t, closed.logs.String(), "SUPPORT_TOKENS is not set")
	})
}

func TestTokensOfAnIdentityProvider(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	jwk, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "key-1"}})
	require.NoError(t, err)
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		assert.NoError(t, json.NewEncoder(w).Encode(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{jwk.Marshal()}}))
	}))
	t.Cleanup(keys.Close)
	theirs := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"sub": "user_2x", "exp": time.Now().Add(time.Hour).Unix()})
	theirs.Header["kid"] = "key-1"
	text, err := theirs.SignedString(key)
	require.NoError(t, err)

	t.Run("are good alone", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, map[string]string{"AUTH_JWT_SECRET": "", "AUTH_JWKS_URL": keys.URL})
		p.call(http.MethodGet, "/orders", "", bearerOf(text)...).is(http.StatusOK, `{"orders":[]}`)
		p.call(http.MethodGet, "/orders", "", as(t, eve)...).is(http.StatusUnauthorized, unauthorizedBody)
		empty := token(t, jwt.SigningMethodHS256, []byte{}, jwt.MapClaims{"sub": eve})
		p.call(http.MethodGet, "/orders", "", bearerOf(empty)...).is(http.StatusUnauthorized, unauthorizedBody)
	})
	t.Run("are good beside those with our secret", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, map[string]string{"AUTH_JWKS_URL": keys.URL})
		p.call(http.MethodGet, "/orders", "", bearerOf(text)...).is(http.StatusOK, `{"orders":[]}`)
		p.call(http.MethodGet, "/orders", "", as(t, eve)...).is(http.StatusOK, `{"orders":[]}`)
	})
	t.Run("are good once it can be reached, and nothing else waits for that", func(t *testing.T) {
		t.Parallel()
		way := newPassage(t, keys.Listener.Addr().String())
		way.down()
		p := startWhole(t, map[string]string{"AUTH_JWKS_URL": "http://" + way.addr})
		p.call(http.MethodGet, "/orders", "", as(t, eve)...).is(http.StatusOK, `{"orders":[]}`)
		p.call(http.MethodGet, "/orders", "", bearerOf(text)...).is(http.StatusUnauthorized, unauthorizedBody)
		assert.Contains(t, p.logs.String(), "AUTH_JWKS_URL cannot be read")
		way.up()
		require.Eventually(t, func() bool {
			return p.call(http.MethodGet, "/orders", "", bearerOf(text)...).status == http.StatusOK
		}, 30*time.Second, 100*time.Millisecond)
	})
}
