package main

import (
	"crypto/rand"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
)

const requestIDKey = "request_id"

// requestIDShape is what we take over from a caller or a proxy; anything else
// is replaced, so that nobody writes into our logs.
var requestIDShape = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,100}$`)

func (s *server) requestID(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !requestIDShape.MatchString(id) {
		id = "req_" + rand.Text()
	}
	c.Set(requestIDKey, id)
	c.Header("X-Request-Id", id)
	c.Next()
}

// accessLog writes a line a request, with the route and not the path: paths
// name customers' things.
func (s *server) accessLog(c *gin.Context) {
	start := time.Now()
	c.Next()
	s.log.DebugContext(c, "request answered", "method", c.Request.Method, "route", c.FullPath(),
		"status", c.Writer.Status(), "duration_ms", time.Since(start).Milliseconds(), "request_id", c.GetString(requestIDKey))
}

// recovered answers 500 where a handler panicked, and the process lives on.
func (s *server) recovered(c *gin.Context) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.ErrorContext(c, "handler panicked", "route", c.FullPath(), "request_id", c.GetString(requestIDKey),
				"error", cause, "stack", string(debug.Stack()))
			c.AbortWithStatusJSON(http.StatusInternalServerError, gin.H{"error": "Internal error"})
		}
	}()
	c.Next()
}

// cors lets browsers of the configured origins in. Every preflight is answered
// with everything that there is, because the answer is the same for all routes.
func (s *server) cors(c *gin.Context) {
	if allowed := s.allowedOrigin(c.GetHeader("Origin")); allowed != "" {
		c.Header("Access-Control-Allow-Origin", allowed)
		c.Header("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
	}
	if !slices.Contains(s.config.corsOrigins, "*") {
		c.Header("Vary", "Origin")
	}
	if c.Request.Method != http.MethodOptions {
		c.Next()
		return
	}
	c.Header("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
	c.Header("Access-Control-Allow-Headers", "Content-Type, Authorization, stripe-signature, Idempotency-Key")
	c.Header("Access-Control-Max-Age", "600")
	c.AbortWithStatus(http.StatusNoContent)
}

func (s *server) allowedOrigin(origin string) string {
	switch {
	case slices.Contains(s.config.corsOrigins, "*"):
		return "*"
	case slices.Contains(s.config.corsOrigins, origin):
		return origin
	default:
		return ""
	}
}
