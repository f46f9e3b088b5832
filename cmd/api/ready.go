package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"

	"twigz/internal/temporalclient"
	"twigz/models"
	"twigz/models/migrations"
	"twigz/workflows"
)

// checkTimeout bounds one check of /ready.
const checkTimeout = 2 * time.Second

// readiness remembers what needs no second look.
type readiness struct {
	attributes atomic.Bool // the namespace has every search attribute
	migrated   atomic.Bool // the tables are there
	wasWhole   atomic.Bool // Temporal and Postgres were both well at once
}

// handleReady says whether requests can be served. One of the two going away
// later does not take the process out of service: the other still is of use.
func (s *server) handleReady(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), checkTimeout)
	defer cancel()
	temporalState := make(chan string, 1)
	go func() { temporalState <- s.checkTemporal(ctx) }()
	postgres, temporal := s.checkPostgres(ctx), <-temporalState
	well := 0
	for _, state := range []string{temporal, postgres} {
		if state == "ok" {
			well++
		}
	}
	if well == 2 {
		s.ready.wasWhole.Store(true)
	}
	status, word := http.StatusServiceUnavailable, "down"
	switch {
	case s.draining.Load():
	case well == 2:
		status, word = http.StatusOK, "ok"
	case well == 1 && s.ready.wasWhole.Load():
		status, word = http.StatusOK, "degraded"
	}
	c.JSON(status, gin.H{"status": word, "checks": gin.H{"temporal": temporal, "postgres": postgres}})
}

func (s *server) checkTemporal(ctx context.Context) string {
	if !s.ready.attributes.Load() {
		err := temporalclient.CheckAttributes(ctx, s.temporal, s.config.temporal.Options.Namespace, workflows.SearchAttributes())
		if _, ok := errors.AsType[*temporalclient.MissingAttributesError](err); ok {
			return "search attributes missing"
		}
		s.ready.attributes.Store(err == nil)
	}
	if _, err := s.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return "down"
	}
	if !s.ready.attributes.Load() {
		return "down"
	}
	return "ok"
}

func (s *server) checkPostgres(ctx context.Context) string {
	if err := s.db.Ping(ctx); err != nil {
		return "down"
	}
	if !s.ready.migrated.Load() {
		err := migrations.Check(ctx, s.db.SQL())
		switch {
		case err != nil && (models.Unavailable(err) || ctx.Err() != nil):
			return "down" // it went away between the two questions
		case err != nil:
			return "not migrated"
		}
		s.ready.migrated.Store(true)
	}
	return "ok"
}
