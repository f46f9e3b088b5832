package pgserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// helperDir makes this test binary a program that runs a server there until it is killed; see startHelper.
const helperDir = "TWIGZ_PGSERVER_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		helper(dir)
	}
	os.Exit(m.Run())
}

func TestRestartKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir, Durable: true})
	execute(t, s, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "stopping twice")
	assertClosed(t, s.Done())
	assert.Empty(t, arguments(s.PID()), "the server's process is still there")

	again := mustStart(t, Options{Dir: dir, Durable: true})
	assert.Equal(t, "7", ask(t, again, "SELECT n::text FROM kept"))
}

func TestAKilledServerKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir, Durable: true})
	execute(t, s, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	busy, err := pgx.Connect(t.Context(), s.URL("twigz"))
	require.NoError(t, err)
	_, err = busy.Exec(t.Context(), "BEGIN; INSERT INTO kept VALUES (8)")
	require.NoError(t, err)
	s.Kill()
	assertClosed(t, s.Done())
	s.Kill()
	require.NoError(t, s.Stop())

	again := mustStart(t, Options{Dir: dir, Durable: true, Port: s.Port()})
	assert.Equal(t, "7", ask(t, again, "SELECT string_agg(n::text, ' ') FROM kept"))
}

func TestClusterIsTheSameOnEveryMachine(t *testing.T) {
	t.Parallel()
	s := mustStart(t, Options{Dir: openDir(t)})
	for query, want := range map[string]string{
		"SELECT current_user::text":       "twigz",
		"SELECT current_database()":       "twigz",
		"SHOW server_encoding":            "UTF8",
		"SHOW timezone":                   "UTC",
		"SHOW listen_addresses":           "127.0.0.1",
		"SHOW unix_socket_directories":    "",
		"SHOW max_connections":            "200",
		"SHOW fsync":                      "off",
		"SHOW full_page_writes":           "off",
		"SHOW synchronous_commit":         "on",
		"SELECT lower('É') || upper('ß')": "éß",
	} {
		if runtime.GOOS != "linux" && query == "SELECT lower('É') || upper('ß')" {
			continue // An old Postgres there has no C.UTF-8.
		}
		assert.Equal(t, want, ask(t, s, query), query)
	}
}

func TestDurableServerWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	s := mustStart(t, Options{Dir: openDir(t), Durable: true})
	assert.Equal(t, "on", ask(t, s, "SHOW fsync"))
	assert.Equal(t, "on", ask(t, s, "SHOW full_page_writes"))
}

func TestTwoClustersSideBySide(t *testing.T) {
	t.Parallel()
	one, two := mustStart(t, Options{Dir: openDir(t)}), mustStart(t, Options{Dir: openDir(t)})
	assert.NotEqual(t, one.Port(), two.Port())
	require.NoError(t, one.Stop())
	assert.Equal(t, "1", ask(t, two, "SELECT '1'"), "stopping one left the other alone")
}

func TestTakenPortIsOneClearError(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	port := l.Addr().(*net.TCPAddr).Port
	dir := openDir(t)

	_, err = Start(t.Context(), Options{Dir: dir, Port: port})
	want := fmt.Sprintf("start postgres on 127.0.0.1:%d: another program listens on this port", port)
	require.EqualError(t, err, want)

	mustStart(t, Options{Dir: dir}) // The failed start holds nothing back.
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir})
	_, err := Start(t.Context(), Options{Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorIs(t, Remove(dir), ErrInUse)
	assert.Equal(t, "1", ask(t, s, "SELECT '1'"), "the first server runs on")

	require.NoError(t, s.Stop())
	require.NoError(t, Remove(dir))
	assert.NoDirExists(t, dir)
}

func TestDoneTellsOfAServerThatSomebodyElseEnded(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir})
	process, err := os.FindProcess(s.PID())
	require.NoError(t, err)
	require.NoError(t, process.Kill())
	assertClosed(t, s.Done())
	require.NoError(t, s.Stop())

	mustStart(t, Options{Dir: dir}) // It recovers, and the directory is free.
}

func TestInterruptedInitdbIsStartedOver(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		// As soon as initdb is under way.
		for !half(dir) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := Start(ctx, Options{Dir: dir})
	require.Error(t, err)

	s := mustStart(t, Options{Dir: dir})
	assert.Equal(t, "1", ask(t, s, "SELECT '1'"))
	assert.False(t, half(dir), "the half-made cluster is gone")
}

func TestServersLogIsInTheDirectoryUnlessTaken(t *testing.T) {
	t.Parallel()
	dir, taken := openDir(t), &tail{to: t.Output()}
	require.NoError(t, mustStart(t, Options{Dir: dir}).Stop())
	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	require.NoError(t, err)
	assert.Contains(t, string(log), "ready to accept connections")

	require.NoError(t, mustStart(t, Options{Dir: dir, Log: taken}).Stop())
	assert.Contains(t, taken.String(), "database system is shut down")
}

func TestMissingDirIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{})
	require.ErrorContains(t, err, "Options.Dir is not set")
}

// half says whether initdb has begun to fill a directory.
func half(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "postgres-*.new", "PG_VERSION"))
	return len(found) > 0
}

// openDir is a temporary directory that other users may enter, which t.TempDir is not.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-*") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// mustStart starts a server that ends with the test.
func mustStart(t *testing.T, o Options) *Server {
	t.Helper()
	o.Progress = t.Output()
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Stop()) })
	return s
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, s *Server, statements string) {
	t.Helper()
	_, err := connect(t, s.URL(database)).Exec(t.Context(), statements)
	require.NoError(t, err)
}

func ask(t *testing.T, s *Server, query string) string {
	t.Helper()
	var answer string
	require.NoError(t, connect(t, s.URL(database)).QueryRow(t.Context(), query).Scan(&answer))
	return answer
}

// patience is far more than anything here takes, for machines that are busy with other things.
const patience = 2 * time.Minute

func assertClosed(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the server has not exited")
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
