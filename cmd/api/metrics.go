package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"twigz/internal/paymentfeed"
	"twigz/internal/webhook"
	"twigz/models"
)

// metrics is what Prometheus may ask.
type metrics struct {
	registry *prometheus.Registry
	count    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(db *models.DB, payments *paymentfeed.Feed) *metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), backlog{db})
	make := promauto.With(registry)
	make.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "twigz_payment_streams",
		Help: "Streams of changes, of payments and subscriptions, that this process keeps open for customers.",
	}, func() float64 { return float64(payments.Streams()) })
	labels := []string{"event_type", "outcome"}
	return &metrics{
		registry: registry,
		count: make.NewCounterVec(prometheus.CounterOpts{
			Name: "twigz_webhook_requests_total",
			Help: "Webhook requests, by the event's type and what became of it.",
		}, labels),
		duration: make.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "twigz_webhook_duration_seconds",
			Help:    "Time to answer a webhook request.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}, labels),
	}
}

// webhook counts one request. Types we do not know share a label: the sender
// must not decide how many time series there are.
func (m *metrics) webhook(eventType, outcome string, took time.Duration) {
	switch {
	case eventType == "":
		eventType = "unknown"
	case !webhook.Handled(eventType):
		eventType = "other"
	}
	m.count.WithLabelValues(eventType, outcome).Inc()
	m.duration.WithLabelValues(eventType, outcome).Observe(took.Seconds())
}

func (m *metrics) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
