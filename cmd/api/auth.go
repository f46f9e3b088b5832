package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"twigz/models"
)

// Keys under which the middleware leaves who is calling.
const (
	customerKey = "customer_id"
	supportKey  = "support_name"
)

// clockSkew is how far an identity provider's clock may be from ours.
const clockSkew = 30 * time.Second

func (s *server) authenticateCustomer(c *gin.Context) {
	customerID, err := s.customerOf(bearer(c))
	if err != nil {
		unauthorized(c)
		return
	}
	c.Set(customerKey, customerID)
}

// customerOf reads the customer's ID, the subject, from a signed token.
func (s *server) customerOf(token string) (string, error) {
	checks := []jwt.ParserOption{jwt.WithValidMethods([]string{"HS256"}), jwt.WithLeeway(clockSkew)}
	if s.config.jwtIssuer != "" {
		checks = append(checks, jwt.WithIssuer(s.config.jwtIssuer))
	}
	if s.config.jwtAudience != "" {
		checks = append(checks, jwt.WithAudience(s.config.jwtAudience))
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return []byte(s.config.jwtSecret), nil }, checks...)
	if err != nil {
		return "", err
	}
	if !models.ValidID(claims.Subject) {
		return "", errors.New("subject is no customer ID")
	}
	return claims.Subject, nil
}

func (s *server) authenticateSupport(c *gin.Context) {
	name := s.supportName(bearer(c))
	if name == "" {
		unauthorized(c)
		return
	}
	c.Set(supportKey, name)
}

// supportName finds whose token it is, "" when nobody's. Hashes are compared,
// in constant time and all of them, so that timing tells nothing of a token,
// its length included.
func (s *server) supportName(token string) string {
	given, found := sha256.Sum256([]byte(token)), ""
	for known, name := range s.config.supportTokens {
		hash := sha256.Sum256([]byte(known))
		if subtle.ConstantTimeCompare(given[:], hash[:]) == 1 {
			found = name
		}
	}
	return found
}

func bearer(c *gin.Context) string {
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func unauthorized(c *gin.Context) {
	c.Header("WWW-Authenticate", "Bearer")
	c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "Unauthorized"})
}
