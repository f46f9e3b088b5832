package models_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/models"
)

// keep puts a workflow into the inbox that came so many seconds ago.
func (s shop) keep(id string, ago int) {
	s.t.Helper()
	fresh, err := s.KeepStart(s.t.Context(), models.PendingStart{
		WorkflowID: id, WorkflowType: "FulfillOrder", Input: json.RawMessage(`{"id":"` + id + `"}`),
	})
	require.NoError(s.t, err)
	require.True(s.t, fresh)
	s.exec("UPDATE inbox SET received_at = now() - make_interval(secs => $2) WHERE workflow_id = $1", id, ago)
}

// errAway is what start says when Temporal is away.
var errAway = errors.New("away")

func away(err error) bool { return errors.Is(err, errAway) }

// starts collects what was started, and refuses what it is told to.
type starts struct {
	mu      sync.Mutex
	started []string
	refuse  map[string]error // by workflow ID
}

func (s *starts) start(_ context.Context, p models.PendingStart) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse[p.WorkflowID]; err != nil {
		return err
	}
	s.started = append(s.started, p.WorkflowID)
	return nil
}

func (s shop) inbox() []string {
	s.t.Helper()
	rows, err := s.SQL().QueryContext(s.t.Context(), "SELECT workflow_id FROM inbox ORDER BY received_at")
	require.NoError(s.t, err)
	defer rows.Close() //nolint:errcheck // it is read to its end
	var ids []string
	for rows.Next() {
		var id string
		require.NoError(s.t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(s.t, rows.Err())
	return ids
}

func TestKeepStart(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	odd := models.PendingStart{WorkflowID: "evt_1", WorkflowType: "FulfillOrder", Input: json.RawMessage(`{"id": "evt_1", "amount": 9007199254740993, "email": "\ufffd山"}`)}
	for i, want := range []bool{true, false, false} {
		fresh, err := s.KeepStart(t.Context(), odd)
		require.NoError(t, err)
		assert.Equal(t, want, fresh, "time %d", i+1)
	}
	var got models.PendingStart
	n, err := s.DispatchStarts(t.Context(), 10, func(_ context.Context, p models.PendingStart) error { got = p; return nil }, away)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, "FulfillOrder", got.WorkflowType)
	assert.JSONEq(t, string(odd.Input), string(got.Input))
	assert.Contains(t, string(got.Input), "9007199254740993", "no number went through a float")
	assert.Empty(t, s.inbox())
}

func TestDispatchStarts(t *testing.T) {
	t.Parallel()

	t.Run("goes from the oldest to the newest, as far as the limit", func(t *testing.T) {
		t.Parallel()
		s, temporal := shop{open(t), t}, &starts{}
		s.keep("evt_b", 20)
		s.keep("evt_c", 10)
		s.keep("evt_a", 30)
		n, err := s.DispatchStarts(t.Context(), 2, temporal.start, away)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, []string{"evt_a", "evt_b"}, temporal.started)
		assert.Equal(t, []string{"evt_c"}, s.inbox())
	})

	t.Run("ends when Temporal is away, and the row stays first", func(t *testing.T) {
		t.Parallel()
		s, temporal := shop{open(t), t}, &starts{refuse: map[string]error{"evt_b": fmt.Errorf("start: %w", errAway)}}
		s.keep("evt_a", 30)
		s.keep("evt_b", 20)
		s.keep("evt_c", 10)
		n, err := s.DispatchStarts(t.Context(), 10, temporal.start, away)
		require.ErrorIs(t, err, errAway)
		assert.Equal(t, 1, n)
		assert.Equal(t, []string{"evt_b", "evt_c"}, s.inbox())
		assert.Zero(t, ask[int](s, "SELECT attempts FROM inbox WHERE workflow_id = 'evt_b'"), "it was not the row's fault")

		temporal.refuse = nil
		n, err = s.DispatchStarts(t.Context(), 10, temporal.start, away)
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, []string{"evt_a", "evt_b", "evt_c"}, temporal.started)
	})

	t.Run("passes by a row that Temporal refuses, and comes back to it later and later", func(t *testing.T) {
		t.Parallel()
		s, temporal := shop{open(t), t}, &starts{refuse: map[string]error{"evt_bad": errors.New("no\x00pe")}}
		s.keep("evt_bad", 30)
		s.keep("evt_b", 20)
		n, err := s.DispatchStarts(t.Context(), 10, temporal.start, away)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		assert.Equal(t, []string{"evt_b"}, temporal.started)
		assert.Equal(t, "no\uFFFDpe", ask[string](s, "SELECT error FROM inbox"))

		const pause = "SELECT extract(epoch FROM not_before - now())::float8 FROM inbox"
		for attempt, seconds := range []float64{2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			assert.Equal(t, attempt+1, ask[int](s, "SELECT attempts FROM inbox"))
			assert.InDelta(t, seconds, ask[float64](s, pause), 1.9, "after attempt %d", attempt+1)
			n, err = s.DispatchStarts(t.Context(), 10, temporal.start, away)
			require.NoError(t, err)
			require.Zero(t, n, "its time has not come")
			s.exec("UPDATE inbox SET not_before = now()")
			_, err = s.DispatchStarts(t.Context(), 10, temporal.start, away)
			require.NoError(t, err)
		}
		s.exec("UPDATE inbox SET not_before = now(), attempts = 2000000000")
		_, err = s.DispatchStarts(t.Context(), 10, temporal.start, away)
		require.NoError(t, err)
		assert.InDelta(t, 300, ask[float64](s, pause), 1.9)

		s.exec("UPDATE inbox SET not_before = now()")
		temporal.refuse = nil
		n, err = s.DispatchStarts(t.Context(), 10, temporal.start, away)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
	})

	t.Run("shares the rows between those who do it at once: each is started once", func(t *testing.T) {
		t.Parallel()
		s, temporal := shop{open(t), t}, &starts{}
		const rows = 60
		for i := range rows {
			s.keep(fmt.Sprintf("evt_%d", i), rows-i)
		}
		counts := make([]int, 3)
		var wg sync.WaitGroup
		for i := range counts {
			wg.Go(func() {
				slow := func(ctx context.Context, p models.PendingStart) error {
					time.Sleep(2 * time.Millisecond)
					return temporal.start(ctx, p)
				}
				var err error
				counts[i], err = s.DispatchStarts(t.Context(), rows, slow, away)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		total := 0
		for i, n := range counts {
			assert.Positive(t, n, "number %d did nothing", i)
			total += n
		}
		assert.Equal(t, rows, total)
		assert.Len(t, temporal.started, rows)
		assert.Empty(t, s.inbox())
		once := map[string]bool{}
		for _, id := range temporal.started {
			assert.False(t, once[id], "%s was started twice", id)
			once[id] = true
		}
	})

	t.Run("does not wait behind another's row", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.keep("evt_a", 20)
		s.keep("evt_b", 10)
		reached, goOn := make(chan struct{}), make(chan struct{})
		done := make(chan error, 1)
		go func() {
			_, err := s.DispatchStarts(t.Context(), 1, func(context.Context, models.PendingStart) error { close(reached); <-goOn; return errAway }, away)
			done <- err
		}()
		<-reached
		other := &starts{}
		n, err := s.DispatchStarts(t.Context(), 10, other.start, away)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		assert.Equal(t, []string{"evt_b"}, other.started)
		close(goOn)
		require.ErrorIs(t, <-done, errAway)
		assert.Equal(t, []string{"evt_a"}, s.inbox())
	})

	t.Run("gives a start that hangs a few seconds, and the connection back", func(t *testing.T) {
		t.Parallel()
		s := shop{open(t), t}
		s.keep("evt_a", 20)
		began := time.Now()
		_, err := s.DispatchStarts(t.Context(), 10,
			func(ctx context.Context, _ models.PendingStart) error { <-ctx.Done(); return ctx.Err() },
			func(err error) bool { return errors.Is(err, context.DeadlineExceeded) })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(began), 8*time.Second)
		assert.Equal(t, []string{"evt_a"}, s.inbox())
		assert.Zero(t, s.SQL().Stats().InUse)
	})

	t.Run("starts again what was started by a process that died before it could say so", func(t *testing.T) {
		t.Parallel()
		s, temporal := shop{open(t), t}, &starts{}
		s.keep("evt_a", 20)
		dying, die := context.WithCancel(t.Context())
		_, err := s.DispatchStarts(dying, 1, func(ctx context.Context, p models.PendingStart) error {
			defer die()
			return temporal.start(ctx, p)
		}, away)
		require.Error(t, err)
		assert.Equal(t, []string{"evt_a"}, s.inbox())
		_, err = s.DispatchStarts(t.Context(), 1, temporal.start, away)
		require.NoError(t, err)
		assert.Equal(t, []string{"evt_a", "evt_a"}, temporal.started)
		assert.Empty(t, s.inbox())
	})
}

func TestInboxState(t *testing.T) {
	t.Parallel()
	s := shop{open(t), t}
	state := func() (int64, time.Duration) {
		count, oldest, err := s.InboxState(t.Context())
		require.NoError(t, err)
		return count, oldest
	}
	count, oldest := state()
	assert.Zero(t, count)
	assert.Zero(t, oldest)
	s.keep("evt_a", 90)
	s.keep("evt_b", 30)
	count, oldest = state()
	assert.EqualValues(t, 2, count)
	assert.InDelta(t, 90, oldest.Seconds(), 5)
}
