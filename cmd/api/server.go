package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"

	"twigz/internal/ingest"
	"twigz/internal/paymentfeed"
	"twigz/internal/tokens"
	"twigz/internal/webhook"
	"twigz/models"
)

// server holds what handlers need.
type server struct {
	config   config
	log      *slog.Logger
	db       *models.DB
	temporal client.Client
	verifier webhook.Verifier
	outage   *ingest.Outage
	inbox    *ingest.Dispatcher
	tokens   tokens.Verifier
	payments *paymentfeed.Feed
	streams  streamTimes
	metrics  *metrics
	ready    readiness
	draining atomic.Bool // told to stop: no new requests, please
}

func newServer(c config, log *slog.Logger, db *models.DB, temporal client.Client) *server {
	outage := &ingest.Outage{}
	payments := paymentfeed.New(c.databaseURL, log)
	return &server{
		config: c, log: log, db: db, temporal: temporal,
		verifier: webhook.Verifier{Secrets: c.webhookSecrets},
		outage:   outage,
		inbox:    ingest.NewDispatcher(db, temporal, c.temporal.TaskQueue, log, outage),
		tokens:   c.verifier(log),
		payments: payments, streams: usualStreamTimes,
		metrics: newMetrics(db, payments),
	}
}

// routes is the whole outside of the API.
func (s *server) routes() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	// An ID may hold any character, a slash too. It is unescaped by pathValue:
	// gin would do it as in a query, where a + is a blank.
	r.UseEscapedPath, r.UnescapePathValues = true, false
	r.RedirectTrailingSlash = false
	r.HandleMethodNotAllowed = true
	r.Use(s.requestID, s.accessLog, s.recovered, s.cors)
	r.NoRoute(fail(http.StatusNotFound, "Not found"))
	r.NoMethod(fail(http.StatusMethodNotAllowed, "Method not allowed"))

	r.GET("/health", func(c *gin.Context) { c.String(http.StatusOK, "Twigz Backend is healthy!") })
	r.GET("/ready", s.handleReady)
	r.GET("/stripe/config", s.answer(func(*gin.Context) (any, error) {
		return gin.H{"publishableKey": s.config.publishableKey}, nil
	}))
	r.POST("/stripe/webhook", s.handleWebhook)
	r.GET("/stores/:storeId/products", s.answer(s.listProducts))

	customer := r.Group("", s.authenticateCustomer)
	customer.GET("/cart", s.answer(s.getCart))
	customer.DELETE("/cart", s.answer(s.emptyCart))
	customer.PUT("/cart/items/:productId", s.answer(s.setCartItem))
	customer.DELETE("/cart/items/:productId", s.answer(s.removeCartItem))
	customer.GET("/payments/:paymentId", s.answer(s.paymentOf))
	customer.GET("/payments/:paymentId/events", s.paymentEvents)
	customer.POST("/checkout/payment-intent", s.answer(s.checkOutByIntent))
	customer.POST("/checkout/session", s.answer(s.checkOutBySession))
	customer.GET("/subscription", s.answer(s.subscriptionOf))
	customer.GET("/subscription/events", s.subscriptionEvents)
	customer.POST("/billing/portal", s.answer(s.openPortal))
	customer.POST("/customers", s.answer(s.putCustomer))
	customer.DELETE("/customers/me", s.answer(s.forgetCustomer))
	customer.GET("/orders", s.answer(s.listOrders))
	customer.GET("/orders/:orderId", s.answer(s.getOrder))

	support := r.Group("/support/api", s.authenticateSupport)
	support.GET("/payments", s.answer(s.listPayments))
	support.GET("/payments/:id", s.answer(s.getPayment))
	support.POST("/payments/:id/actions", s.answer(s.postAction))
	support.GET("/subscriptions", s.answer(s.listSubscriptions))
	support.GET("/customers/:id", s.answer(s.getCustomer))
	support.POST("/customers/:id/actions", s.answer(s.postCustomerAction))
	support.PUT("/stores/:storeId", s.answer(s.putStore))
	support.PUT("/stores/:storeId/products/:productId", s.answer(s.putProduct))

	if s.config.hasShop() {
		s.shopRoutes(r)
	}
	return r
}

// requestContext bounds what a customer's or support's call may take, a slow
// database included.
func requestContext(c *gin.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Request.Context(), callTimeout)
}
