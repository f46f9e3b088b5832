package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"twigz/models"
)

func TestBacklogGauges(t *testing.T) {
	t.Parallel()
	value := func(p *program, gauge string) (string, bool) {
		for line := range strings.Lines(scrape(t, p)) {
			if text, ok := strings.CutPrefix(line, gauge+" "); ok {
				return strings.TrimSpace(text), true
			}
		}
		return "", false
	}
	gauges := []string{"twigz_inbox_events", "twigz_inbox_oldest_seconds", "twigz_paid_without_outcome"}

	t.Run("are zero when nothing is left to do", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, nil)
		for _, gauge := range gauges {
			text, ok := value(p.program, gauge)
			assert.True(t, ok, gauge)
			assert.Equal(t, "0", text, gauge)
		}
	})

	t.Run("count what waits, and since when", func(t *testing.T) {
		t.Parallel()
		p := startWhole(t, nil)
		p.temporal.refuseWith(codes.Unavailable)
		for _, id := range []string{"evt_a", "evt_b"} {
			_, err := p.db.KeepStart(t.Context(), models.PendingStart{WorkflowID: id, WorkflowType: "FulfillOrder", Input: []byte(`{"id":"` + id + `"}`)})
			require.NoError(t, err)
		}
		text, _ := value(p.program, "twigz_inbox_events")
		assert.Equal(t, "2", text)
		require.Eventually(t, func() bool {
			text, _ := value(p.program, "twigz_inbox_oldest_seconds")
			return text != "0" && !strings.HasPrefix(text, "0.0")
		}, 10*time.Second, 50*time.Millisecond)
	})

	t.Run("are absent, not zero, when Postgres cannot be asked, and the others are there in time", func(t *testing.T) {
		t.Parallel()
		for _, database := range []string{nowhere, newSilence(t)} {
			p := start(t, map[string]string{"DATABASE_URL": "postgres://nobody:hunter2@" + database + "/none?sslmode=disable"})
			began := time.Now()
			for _, gauge := range gauges {
				_, ok := value(p, gauge)
				assert.False(t, ok, gauge)
			}
			assert.Contains(t, scrape(t, p), "go_goroutines")
			assert.Less(t, time.Since(began), 4*5*time.Second)
		}
	})
}
