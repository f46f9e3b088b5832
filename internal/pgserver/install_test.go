package pgserver

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDownloadKeepsOnlyThePrograms(t *testing.T) {
	t.Parallel()
	archive := archiveOfPrograms(t)
	var requests atomic.Int32
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(archive)
	}))
	defer repository.Close()
	cache := t.TempDir()

	bin, err := download(cache, repository.URL, t.Output())
	require.NoError(t, err)
	got, ok := home(bin)
	assert.True(t, ok)
	assert.Equal(t, bin, got)

	before := requests.Load()
	again, err := download(cache, repository.URL, t.Output())
	require.NoError(t, err)
	assert.Equal(t, bin, again)
	assert.Equal(t, before, requests.Load(), "the second time asks nobody")
}

func TestFailedDownloadLeavesNothingToTakeForPrograms(t *testing.T) {
	t.Parallel()
	repository := httptest.NewServer(http.NotFoundHandler())
	defer repository.Close()
	cache := t.TempDir()
	_, err := download(cache, repository.URL, t.Output())
	require.ErrorContains(t, err, "download postgres")
	found, err := filepath.Glob(filepath.Join(cache, "postgres-*"))
	require.NoError(t, err)
	assert.Empty(t, found)
}

// archiveOfPrograms is what the repository holds: a zip with a tar.xz in it. Its initdb, like the real one, refuses the
// superuser we name.
func archiveOfPrograms(t *testing.T) []byte {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "bin", "postgres"), "#!/bin/sh\n")
	write(t, filepath.Join(root, "bin", "pg_ctl"), "#!/bin/sh\necho must not be called >&2; exit 1\n")
	write(t, filepath.Join(root, "bin", "initdb"), "#!/bin/sh\nexit 1\n")
	out, err := exec.CommandContext(t.Context(), "tar", "-C", root, "-cJf", filepath.Join(root, "all.txz"), "bin").CombinedOutput()
	if err != nil {
		t.Skipf("this machine's tar makes no .tar.xz: %v %s", err, out)
	}
	programs, err := os.ReadFile(filepath.Join(root, "all.txz"))
	require.NoError(t, err)
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	entry, err := z.Create("postgres.txz")
	require.NoError(t, err)
	_, err = entry.Write(programs)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return jar.Bytes()
}
