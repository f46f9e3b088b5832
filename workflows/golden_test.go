package workflows_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what is into testdata/golden, to be looked at before it is kept")

const goldenDir = "testdata/golden"

// golden compares a value with testdata/golden/<name>.json. Replay does not
// notice when an activity is given another input or other options, and with
// them another idempotency key or another patience: this does.
func golden(t *testing.T, name string, got any) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(got))
	path := filepath.Join(goldenDir, name+".json")
	if *update {
		require.NoError(t, os.WriteFile(path, text.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String(), "run the tests with -update if this is meant, for workflows that are open too")
}

func TestGoldenFilesAllBelongToAStory(t *testing.T) {
	t.Parallel()
	want := []string{"dialogs.json", "options.json"}
	for _, stories := range every() {
		for _, told := range stories {
			want = append(want, told.file+".json")
		}
	}
	slices.Sort(want)
	entries, err := os.ReadDir(goldenDir)
	require.NoError(t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	assert.Equal(t, want, got)
}

// TestActivityOptions holds the timeouts, retry policy, task queue and summary
// that every step calls its activity with, wherever the step is.
func TestActivityOptions(t *testing.T) {
	t.Parallel()
	options := map[string]map[string]string{}
	for workflowType, stories := range every() {
		for _, told := range stories {
			s := newStage(t)
			_, err := told.play(s, workflowType)
			require.NoError(t, err, told.name)
			for _, r := range s.asked {
				if !strings.HasSuffix(r.Do, "activity") {
					continue
				}
				step := r.String() + ": " + r.options["Summary"]
				if before, ok := options[step]; ok {
					assert.True(t, maps.Equal(before, r.options), "%s is called with other options in %q", r, told.name)
				}
				options[step] = r.options
			}
		}
	}
	golden(t, "options", options)
}
