package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"twigz/models"
)

const (
	// scrapeTimeout bounds what one scrape may wait for Postgres, far below the ten
	// seconds after which Prometheus gives up all of our metrics.
	scrapeTimeout = 2 * time.Second
	// settlingTime is how long a payment may be without an outcome before somebody
	// ought to look.
	settlingTime = 5 * time.Minute
)

var (
	inboxEvents = prometheus.NewDesc("twigz_inbox_events",
		"Workflows that wait in Postgres to be started at Temporal.", nil, nil)
	inboxOldest = prometheus.NewDesc("twigz_inbox_oldest_seconds",
		"How long the oldest of them has waited; 0 when none waits.", nil, nil)
	withoutOutcome = prometheus.NewDesc("twigz_paid_without_outcome",
		"Payments collected over five minutes ago that have no order, no refund and no open case.", nil, nil)
)

// backlog is what is left to do by the rows, counted when it is asked for. What
// cannot be counted is absent: a zero would say that all is well.
type backlog struct{ db *models.DB }

// Describe names the gauges.
func (b backlog) Describe(to chan<- *prometheus.Desc) {
	for _, gauge := range []*prometheus.Desc{inboxEvents, inboxOldest, withoutOutcome} {
		to <- gauge
	}
}

// Collect counts.
func (b backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	gauge := func(of *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value)
	}
	if count, oldest, err := b.db.InboxState(ctx); err == nil {
		gauge(inboxEvents, float64(count))
		gauge(inboxOldest, oldest.Seconds())
	}
	if count, err := b.db.PaidWithoutOutcome(ctx, settlingTime); err == nil {
		gauge(withoutOutcome, float64(count))
	}
}
