package tokens_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/tokens"
)

const secret = "a secret that is long enough to sign with"

// claims are those of a good token, changed as the test wants it. nil takes one away.
func claims(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "eve", "iss": "https://id.example/", "aud": "shop", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range changes {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// sign makes a token; kid is the key's name in it, "" none.
func sign(t *testing.T, method jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func newRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func newEC(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// issuer is an identity provider that publishes keys.
type issuer struct {
	t    *testing.T
	site *httptest.Server

	mu     sync.Mutex
	answer func(http.ResponseWriter)
	asked  int
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		i.asked++
		answer := i.answer
		i.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(i.site.Close)
	return i
}

func (i *issuer) answers(answer func(http.ResponseWriter)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

// says makes it answer this text.
func (i *issuer) says(status int, text string) {
	i.answers(func(w http.ResponseWriter) { w.WriteHeader(status); _, _ = w.Write([]byte(text)) })
}

// publish makes it answer these public keys, by their names.
func (i *issuer) publish(keys map[string]crypto.PublicKey) {
	i.t.Helper()
	set := jwkset.JWKSMarshal{}
	for kid, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.UseSig}})
		require.NoError(i.t, err)
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	text, err := json.Marshal(set)
	require.NoError(i.t, err)
	i.says(http.StatusOK, string(text))
}

func (i *issuer) requests() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// keys are the issuer's, which may be fetched again after pause.
func (i *issuer) keys(pause time.Duration) (*tokens.Keys, *strings.Builder) {
	said := &strings.Builder{}
	k := tokens.NewKeys(i.site.URL, slog.New(slog.NewTextHandler(said, nil)))
	k.PauseFor(pause)
	return k, said
}

// good and bad say whether a verifier takes tokens.
func good(t *testing.T, v tokens.Verifier, token string) {
	t.Helper()
	subject, err := v.Subject(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, "eve", subject)
}

func bad(t *testing.T, v tokens.Verifier, token string) {
	t.Helper()
	subject, err := v.Subject(t.Context(), token)
	require.Error(t, err)
	assert.Empty(t, subject)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	rsaKey, ecKey, other := newRSA(t), newEC(t), newRSA(t)
	provider := newIssuer(t)
	provider.publish(map[string]crypto.PublicKey{"r": rsaKey.Public(), "e": ecKey.Public()})
	published, _ := provider.keys(time.Minute)
	checks := tokens.Verifier{Issuer: "https://id.example/", Audience: "shop"}
	bySecret, byKeys := checks, checks
	bySecret.Secret, byKeys.Keys = secret, published
	both := bySecret
	both.Keys = published

	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	require.NoError(t, err)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	hs := func(key []byte) string { return sign(t, jwt.SigningMethodHS256, "r", key, claims(nil)) }
	rs := func(changes jwt.MapClaims) string {
		return sign(t, jwt.SigningMethodRS256, "r", rsaKey, claims(changes))
	}
	at := func(from time.Duration) int64 { return time.Now().Add(from).Unix() }

	for _, test := range []struct {
		name, token              string
		bySecret, byKeys, either bool
	}{
		{"HS256", hs([]byte(secret)), true, false, true},
		{"RS256", rs(nil), false, true, true},
		{"ES256", sign(t, jwt.SigningMethodES256, "e", ecKey, claims(nil)), false, true, true},
		{"RS256 whose key is not named", sign(t, jwt.SigningMethodRS256, "", rsaKey, claims(nil)), false, true, true},
		{"one for several, us among them", rs(jwt.MapClaims{"aud": []string{"other", "shop"}}), false, true, true},
		{"one that expired within the clocks' difference", rs(jwt.MapClaims{"exp": at(-10 * time.Second)}), false, true, true},

		{"HS256 with the public key as its secret", hs(asPEM), false, false, false},
		{"HS256 with the public key's bytes as its secret", hs(der), false, false, false},
		{"HS256 with an empty secret", hs([]byte{}), false, false, false},
		{"HS512 with the secret", sign(t, jwt.SigningMethodHS512, "r", []byte(secret), claims(nil)), false, false, false},
		{"none", sign(t, jwt.SigningMethodNone, "r", jwt.UnsafeAllowNoneSignatureType, claims(nil)), false, false, false},
		{"RS512", sign(t, jwt.SigningMethodRS512, "r", rsaKey, claims(nil)), false, false, false},
		{"PS256", sign(t, jwt.SigningMethodPS256, "r", rsaKey, claims(nil)), false, false, false},
		{"RS256 by another's key", sign(t, jwt.SigningMethodRS256, "r", other, claims(nil)), false, false, false},
		{"RS256 by a key whose name nobody knows", sign(t, jwt.SigningMethodRS256, "x", other, claims(nil)), false, false, false},
		{"RS256 that names the other kind's key", sign(t, jwt.SigningMethodRS256, "e", rsaKey, claims(nil)), false, false, false},
		{"one that was changed", rs(nil)[:40] + "A" + rs(nil)[41:], false, false, false},
		{"one that expired", rs(jwt.MapClaims{"exp": at(-time.Minute)}), false, false, false},
		{"one that is not valid yet", rs(jwt.MapClaims{"nbf": at(time.Hour)}), false, false, false},
		{"another issuer's", rs(jwt.MapClaims{"iss": "https://evil.example/"}), false, false, false},
		{"nobody's", rs(jwt.MapClaims{"iss": nil}), false, false, false},
		{"one for somebody else", rs(jwt.MapClaims{"aud": "other"}), false, false, false},
		{"one for nobody", rs(jwt.MapClaims{"aud": nil}), false, false, false},
		{"one that names nobody", rs(jwt.MapClaims{"sub": nil}), false, false, false},
		{"nothing", "", false, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for by, want := range map[*tokens.Verifier]bool{&bySecret: test.bySecret, &byKeys: test.byKeys, &both: test.either} {
				if want {
					good(t, *by, test.token)
				} else {
					bad(t, *by, test.token)
				}
			}
		})
	}
	t.Run("issuer and audience are free unless told", func(t *testing.T) {
		good(t, tokens.Verifier{Keys: published}, rs(jwt.MapClaims{"iss": "x", "aud": nil}))
	})
	assert.LessOrEqual(t, provider.requests(), 1, "known keys are kept")
}

func TestKeysThatChange(t *testing.T) {
	t.Parallel()
	first, second := newRSA(t), newEC(t)
	provider := newIssuer(t)
	provider.publish(map[string]crypto.PublicKey{"1": first.Public()})
	published, _ := provider.keys(time.Millisecond)
	v := tokens.Verifier{Keys: published}
	byFirst := sign(t, jwt.SigningMethodRS256, "1", first, claims(nil))
	bySecond := sign(t, jwt.SigningMethodES256, "2", second, claims(nil))
	good(t, v, byFirst)
	bad(t, v, bySecond)

	provider.publish(map[string]crypto.PublicKey{"1": first.Public(), "2": second.Public()})
	time.Sleep(2 * time.Millisecond)
	var together sync.WaitGroup
	asked := provider.requests()
	for range 20 {
		together.Go(func() {
			_, err := v.Subject(context.Background(), bySecond)
			assert.NoError(t, err, "who comes while the new key is fetched waits for it")
		})
	}
	together.Wait()
	assert.Equal(t, asked+1, provider.requests())

	provider.publish(map[string]crypto.PublicKey{"2": second.Public()})
	good(t, v, byFirst)
	time.Sleep(2 * time.Millisecond)
	bad(t, v, sign(t, jwt.SigningMethodRS256, "3", first, claims(nil)))
	bad(t, v, byFirst) // it was withdrawn, and the keys were read since
	good(t, v, bySecond)
}

func TestTokensWithMadeUpKeysAreNoStorm(t *testing.T) {
	t.Parallel()
	key := newRSA(t)
	provider := newIssuer(t)
	provider.publish(map[string]crypto.PublicKey{"1": key.Public()})
	published, _ := provider.keys(time.Hour)
	v := tokens.Verifier{Keys: published}
	made := make([]string, 200)
	for i := range made {
		made[i] = sign(t, jwt.SigningMethodHS256, fmt.Sprint("made up ", i), []byte("x"), claims(nil))
		if i%2 == 0 {
			made[i] = sign(t, jwt.SigningMethodRS256, fmt.Sprint("made up ", i), key, claims(nil))
		}
	}
	var storm sync.WaitGroup
	for _, token := range made {
		storm.Go(func() {
			_, err := v.Subject(context.Background(), token)
			assert.Error(t, err)
		})
	}
	storm.Wait()
	assert.Equal(t, 1, provider.requests())
	good(t, v, sign(t, jwt.SigningMethodRS256, "1", key, claims(nil)))
}

func TestIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	key := newRSA(t)
	provider := newIssuer(t)
	token := sign(t, jwt.SigningMethodRS256, "1", key, claims(nil))
	unknown := sign(t, jwt.SigningMethodRS256, "2", key, claims(nil))
	provider.says(http.StatusServiceUnavailable, "")
	published, said := provider.keys(time.Millisecond)
	v := tokens.Verifier{Keys: published, Secret: secret}

	t.Run("at first is told, and no token of its is good, but others are", func(t *testing.T) {
		bad(t, v, token)
		good(t, v, sign(t, jwt.SigningMethodHS256, "", []byte(secret), claims(nil)))
		assert.Contains(t, said.String(), "level=WARN msg=\"AUTH_JWKS_URL cannot be read")
	})
	t.Run("is asked again by itself", func(t *testing.T) {
		provider.publish(map[string]crypto.PublicKey{"1": key.Public()})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { published.Run(ctx) })
		require.Eventually(t, func() bool { _, err := v.Subject(t.Context(), token); return err == nil }, 10*time.Second, time.Millisecond)
		stop()
		running.Wait()
		assert.Contains(t, said.String(), "can be read again")
	})
	for name, away := range map[string]func(){
		"answers an error":                         func() { provider.says(http.StatusInternalServerError, `{"keys":[]}`) },
		"answers a page":                           func() { provider.says(http.StatusOK, "<html>we will be back</html>") },
		"answers no keys":                          func() { provider.says(http.StatusOK, `{}`) },
		"answers keys of a kind that is not known": func() { provider.says(http.StatusOK, `{"keys":[{"kty":"new","kid":"1"}]}`) },
		"cuts the connection":                      func() { provider.answers(func(http.ResponseWriter) { panic(http.ErrAbortHandler) }) },
	} {
		t.Run("later leaves good what is known: it "+name, func(t *testing.T) {
			away()
			time.Sleep(2 * time.Millisecond)
			asked := provider.requests()
			bad(t, v, unknown)
			assert.Greater(t, provider.requests(), asked)
			good(t, v, token)
		})
	}
	t.Run("is told of once", func(t *testing.T) {
		assert.Equal(t, 2, strings.Count(said.String(), "cannot be read, only"), said)
	})
}

func TestCallerWhoGoesDoesNotSpoilTheFetchOfOthers(t *testing.T) {
	t.Parallel()
	key := newRSA(t)
	provider := newIssuer(t)
	provider.publish(map[string]crypto.PublicKey{"1": key.Public()})
	provider.mu.Lock()
	publishes := provider.answer
	provider.mu.Unlock()
	going := make(chan struct{})
	provider.answers(func(w http.ResponseWriter) { <-going; publishes(w) })
	published, _ := provider.keys(time.Hour)
	v := tokens.Verifier{Keys: published}
	token := sign(t, jwt.SigningMethodRS256, "1", key, claims(nil))
	ctx, leave := context.WithCancel(t.Context())
	var caller sync.WaitGroup
	caller.Go(func() {
		_, err := v.Subject(ctx, token)
		assert.Error(t, err)
	})
	require.Eventually(t, func() bool { return provider.requests() == 1 }, 10*time.Second, time.Millisecond)
	leave()
	caller.Wait()
	close(going)
	good(t, v, token)
	assert.Equal(t, 1, provider.requests())
}
