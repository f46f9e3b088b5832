package pgserver

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRootHasAnotherUserRunTheServer(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := openDir(t)
	mustStart(t, Options{Dir: dir})
	assert.Equal(t, accounts()[0].uid, owner(t, dir), "the data belongs to the user who runs the server")
	assert.NotZero(t, owner(t, dir))
}

func TestRootRunsTheServerInAClosedDirectory(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	dir := filepath.Join(t.TempDir(), "dev")
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o700))
	s := mustStart(t, Options{Dir: dir})
	assert.Equal(t, "1", ask(t, s, "SELECT '1'"))
	assert.Zero(t, owner(t, dir), "the data stays root's")
}

func TestDirectoryMayBeClosedAndOpenedBetweenRuns(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir})
	execute(t, s, "CREATE TABLE runs (n int)")
	require.NoError(t, s.Stop())
	for _, mode := range []os.FileMode{0o700, 0o755, 0o700} {
		require.NoError(t, os.Chmod(dir, mode))
		s := mustStart(t, Options{Dir: dir})
		execute(t, s, "INSERT INTO runs VALUES (1); CHECKPOINT")
		require.NoError(t, s.Stop())
	}
	s = mustStart(t, Options{Dir: dir})
	assert.Equal(t, "3", ask(t, s, "SELECT count(*)::text FROM runs"))
}

func TestOrdinaryUserRunsTheServer(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody, ok := lookup("nobody")
	if !ok {
		t.Skip("this machine has no user nobody")
	}
	program := copyOfSelf(t)
	dir := openDir(t)
	require.NoError(t, os.Chown(dir, nobody.uid, nobody.gid))
	_, pid, url := startHelper(t, program, dir, &nobody.attr)
	require.NoError(t, connect(t, url).Ping(t.Context()))
	assert.NotEmpty(t, arguments(pid))
	assert.Equal(t, nobody.uid, owner(t, dir))
}

func TestNoAccountIsOneErrorThatNamesTheClosedDirectory(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	inside := filepath.Join(dir, "a", "b")
	require.NoError(t, os.MkdirAll(inside, 0o755))
	assert.Empty(t, closedDir(inside))
	require.NoError(t, os.Chmod(filepath.Join(dir, "a"), 0o700))
	assert.Equal(t, filepath.Join(dir, "a"), closedDir(inside))

	err := noAccount("/nowhere/bin", inside, errors.New("as nobody: permission denied"))
	require.ErrorContains(t, err, "as nobody: permission denied")
	if os.Geteuid() == 0 {
		require.ErrorContains(t, err, filepath.Join(dir, "a")+" is closed to the users")
		require.ErrorContains(t, err, "DEV_DIR")
	}
}

// owner is the user who owns the data directory below dir.
func owner(t *testing.T, dir string) int {
	t.Helper()
	data, err := filepath.Glob(filepath.Join(dir, "postgres-*", "PG_VERSION"))
	require.NoError(t, err)
	require.Len(t, data, 1)
	info, err := os.Stat(data[0])
	require.NoError(t, err)
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// copyOfSelf is this test binary where every user may run it; the go command keeps it to itself.
func copyOfSelf(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	text, err := os.ReadFile(self)
	require.NoError(t, err)
	program := filepath.Join(openDir(t), "helper")
	require.NoError(t, os.WriteFile(program, text, 0o755))
	return program
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can change users")
	}
	if len(accounts()) == len(namespace()) {
		t.Skip("this machine has neither a user postgres nor nobody")
	}
}

func needNamespaces(t *testing.T) {
	t.Helper()
	needRoot(t)
	if runtime.GOOS != "linux" {
		t.Skip("user namespaces are Linux's")
	}
	bin, ok := find(os.Getenv("PATH"), installed)
	require.True(t, ok)
	if _, err := namespace()[0].version(t.Context(), bin, t.TempDir()); err != nil {
		t.Skipf("this machine refuses user namespaces: %v", err)
	}
}
