package bench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// TestASmallBench runs all of it on the real programs, with sizes that say nothing of speed.
func TestASmallBench(t *testing.T) {
	o := Options{
		API: os.Getenv("TWIGZ_API"), Worker: os.Getenv("TWIGZ_WORKER"), Self: os.Getenv("TWIGZ_TEMPORAL_DEV"),
		Rounds: 1, Starts: 8, Orders: 4, Old: 50,
	}
	if o.API == "" || o.Worker == "" || o.Self == "" {
		t.Skip("make test builds the programs and says where they are")
	}
	t.Chdir(t.TempDir())
	var out strings.Builder
	require.NoError(t, Run(t.Context(), o, &out), out.String())

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last report
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	require.Len(t, last.Acknowledge, 2)
	require.Len(t, last.Fulfill, 2)
	for _, c := range append(last.Acknowledge, last.Fulfill...) {
		require.Len(t, c.Subjects, 3)
		for name, f := range c.Subjects {
			require.Positive(t, f.PerSecond, name)
			require.GreaterOrEqual(t, f.P99, f.P50, name)
		}
	}
	require.EqualValues(t, 13, last.History.Events)
	require.Positive(t, last.History.Bytes)
	require.NotEmpty(t, last.Goals)
	require.NotEmpty(t, last.Versions.Temporal)
	left, err := filepath.Glob(".bench-*")
	require.NoError(t, err)
	require.Empty(t, left, "nothing stays")
}

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("makes each call once, by as many clients as are asked for", func(t *testing.T) {
		t.Parallel()
		made, together := make([]int, 40), make(chan struct{}, 4)
		f, err := load(t.Context(), 4, len(made), func(_ context.Context, _, i int) error {
			together <- struct{}{}
			time.Sleep(time.Millisecond)
			<-together
			made[i]++
			return nil
		})
		require.NoError(t, err)
		for _, n := range made {
			require.Equal(t, 1, n)
		}
		require.GreaterOrEqual(t, f.P50, 1.0, "milliseconds")
		require.LessOrEqual(t, f.PerSecond, 4000.0)
	})
	t.Run("ends with the first error", func(t *testing.T) {
		t.Parallel()
		refused := errors.New("refused")
		_, err := load(t.Context(), 2, 1_000_000, func(_ context.Context, _, i int) error {
			if i == 7 {
				return refused
			}
			return nil
		})
		require.ErrorIs(t, err, refused)
		require.ErrorContains(t, err, "call 8 of 1000000")
	})
	t.Run("ends when it is told to", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := load(ctx, 2, 10, func(context.Context, int, int) error { return nil })
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	took := make([]time.Duration, 101)
	for i := range took {
		took[100-i] = time.Duration(i) * time.Millisecond
	}
	require.Equal(t, figures{PerSecond: 50.5, P50: 50, P99: 99}, summarize(took, 2*time.Second))

	one := func(f figures, seconds float64) sample { return sample{f, map[string]float64{"api": seconds}} }
	require.Equal(t, one(figures{2, 3, 4}, 5), mean(one(figures{1, 2, 3}, 4), one(figures{3, 4, 5}, 6)))

	m := measurements{}
	for _, p50s := range [][2]float64{{2, 1}, {30, 10}, {3, 2}} {
		m.add("a", 1, one(figures{P50: p50s[0]}, 1))
		m.add("b", 1, one(figures{P50: p50s[1]}, 2))
	}
	require.InDelta(t, 2, m.ratio("a", "b", 1, p50), 1e-9, "the median of 2, 3 and 1.5")
	require.InDelta(t, 3, m.comparisons("a")[0].Subjects["a"].P50, 1e-9, "the median of 2, 30 and 3")
}

func TestGoals(t *testing.T) {
	t.Parallel()
	require.True(t, most("", 1.15, 1.15).Met)
	require.True(t, most("", 1.15, 1.1504).Met, "as it is printed")
	require.False(t, most("", 1.15, 1.151).Met)
	require.True(t, least("", 0.8, 0.8).Met)
	require.False(t, least("", 0.8, 0.799).Met)
}

func TestSameShape(t *testing.T) {
	t.Parallel()
	scheduled := func(timeout time.Duration, id string) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{
			EventType: enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
			Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
				ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
					ActivityId: id, StartToCloseTimeout: durationpb.New(timeout),
				},
			},
		}
	}
	marker := &historypb.HistoryEvent{EventType: enums.EVENT_TYPE_MARKER_RECORDED}
	type events = []*historypb.HistoryEvent
	order := events{marker, scheduled(time.Minute, "8")}
	require.NoError(t, sameShape(order, events{marker, scheduled(time.Minute, "9")}))
	require.ErrorContains(t, sameShape(order, events{marker}), "has 1 events of history, an order has 2")
	require.ErrorContains(t, sameShape(order, events{scheduled(time.Minute, "8"), marker}), "event 1")
	require.ErrorContains(t, sameShape(order, events{marker, scheduled(time.Hour, "8")}), "other options")
}

func TestCPUSecondsAreCounted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	before := cpuSeconds(os.Getpid(), false)
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
	}
	require.Greater(t, cpuSeconds(os.Getpid(), false), before)
	require.GreaterOrEqual(t, cpuSeconds(os.Getppid(), true), 0.0)
	require.Zero(t, cpuSeconds(1<<30, false), "there is no such process")
}

func TestASignedEventIsWhatTheAPIWants(t *testing.T) {
	t.Parallel()
	p, err := newPurchase("127.0.0.1:1", 3)
	require.NoError(t, err)
	require.Equal(t, "payment_intent.succeeded", p.event.Type)
	require.EqualValues(t, cartTotal, *p.event.AmountReceived)
	require.Equal(t, storeID(3), p.event.Metadata["storeId"])
	require.Empty(t, p.event.MetadataProblem)
	require.Contains(t, string(p.request), p.event.ID)
}
