// Package tokens checks customers' access tokens and says whose they are.
//
// A token is a JWT, signed in one of two ways: with a secret that we share with
// its maker (HS256), or with a private key of an identity provider, who publishes
// the public ones (RS256, ES256; see Keys). Both may be in use at once, and neither
// is ever taken for the other: each algorithm is only checked by keys of its own,
// so that nobody signs with a public key as if it were a secret.
package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// clockSkew is how far an identity provider's clock may be from ours.
const clockSkew = 30 * time.Second

// Verifier says what makes a token good.
type Verifier struct {
	Secret   string // of HS256; "": none such is good
	Keys     *Keys  // of RS256 and ES256; nil: none such is good
	Issuer   string // "": not checked
	Audience string // "": not checked
}

// Subject is whom a good token names. The error of any other is for the log.
func (v Verifier) Subject(ctx context.Context, token string) (string, error) {
	var claims jwt.RegisteredClaims
	key := func(t *jwt.Token) (any, error) { return v.key(ctx, t) }
	if _, err := jwt.ParseWithClaims(token, &claims, key, v.checks()...); err != nil {
		return "", err
	}
	if claims.Subject == "" {
		return "", errors.New("token names nobody")
	}
	return claims.Subject, nil
}

func (v Verifier) checks() []jwt.ParserOption {
	checks := []jwt.ParserOption{jwt.WithValidMethods([]string{"HS256", "RS256", "ES256"}), jwt.WithLeeway(clockSkew)}
	if v.Issuer != "" {
		checks = append(checks, jwt.WithIssuer(v.Issuer))
	}
	if v.Audience != "" {
		checks = append(checks, jwt.WithAudience(v.Audience))
	}
	return checks
}

// key is what the token's signature is to be checked with. It goes by the
// algorithm alone: what else the token says of its key is only a name.
func (v Verifier) key(ctx context.Context, t *jwt.Token) (any, error) {
	alg := t.Method.Alg()
	switch {
	case alg == "HS256" && v.Secret != "":
		return []byte(v.Secret), nil
	case (alg == "RS256" || alg == "ES256") && v.Keys != nil:
		return v.Keys.of(ctx, t)
	default:
		return nil, fmt.Errorf("no key for %s", alg)
	}
}
