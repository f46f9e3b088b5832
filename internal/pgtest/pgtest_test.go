package pgtest

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgserver"
)

// childMode is set for the process that TestNothingIsLeftBehind starts.
const childMode = "TWIGZ_PGTEST_CHILD"

func TestMain(m *testing.M) { Main(m) }

func TestDatabasesAreMigratedAndSeparate(t *testing.T) {
	t.Parallel()
	one, two := open(t, NewURL(t)), open(t, NewURL(t))
	const migrations = "SELECT count(*) FROM goose_db_version WHERE version_id > 0"
	assert.Positive(t, count(t, one, migrations))
	assert.Equal(t, count(t, one, migrations), count(t, two, migrations))

	_, err := one.ExecContext(t.Context(), "CREATE TABLE only_here (n int)")
	require.NoError(t, err)
	const here = "SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'"
	assert.Equal(t, 1, count(t, one, here))
	assert.Equal(t, 0, count(t, two, here))
}

func TestDatabasesMayBeMadeAtOnce(t *testing.T) {
	t.Parallel()
	const n = 8
	var wg sync.WaitGroup
	urls := make([]string, n)
	for i := range n {
		wg.Go(func() { urls[i] = NewURL(t) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, url := range urls {
		assert.Equal(t, 1, count(t, open(t, url), "SELECT 1"))
		seen[url] = true
	}
	assert.Len(t, seen, n)
}

func TestGivenServerIsUsedAndLeftAsItWas(t *testing.T) {
	server := NewURL(t)
	t.Setenv("TEST_DATABASE_URL", server)
	db := open(t, server)
	const databases = "SELECT count(*) FROM pg_database WHERE datname LIKE $1"

	src, err := newSource(t.Context())
	require.NoError(t, err)
	url, err := src.newDatabase(t.Context())
	require.NoError(t, err)
	assert.Positive(t, count(t, open(t, url), "SELECT count(*) FROM goose_db_version"))
	assert.Equal(t, 2, count(t, db, databases, src.prefix+"%"), "the template and one copy")

	require.NoError(t, src.close())
	assert.Equal(t, 0, count(t, db, databases, src.prefix+"%"), "all dropped, though one was still connected to")
}

func TestUnusableServerIsOneError(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "host=localhost dbname=x")
	_, err := newSource(t.Context())
	require.EqualError(t, err, "TEST_DATABASE_URL is not of the form postgres://user:password@host:port/database")

	t.Setenv("TEST_DATABASE_URL", "postgres://me:secret@127.0.0.1:1/x?sslmode=disable")
	_, err = newSource(t.Context())
	require.ErrorContains(t, err, "connect to postgres://me:xxxxx@127.0.0.1:1/x")
	assert.NotContains(t, err.Error(), "secret")
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	if os.Getenv(childMode) != "" {
		var data string
		db := open(t, NewURL(t))
		require.NoError(t, db.QueryRowContext(t.Context(), "SHOW data_directory").Scan(&data))
		fmt.Println("data directory:", data)
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestNothingIsLeftBehind$")
	child.Env = append(os.Environ(), childMode+"=1", "TEST_DATABASE_URL=")
	out, err := child.Output()
	require.NoError(t, err, string(out))
	_, rest, found := strings.Cut(string(out), "data directory: ")
	require.True(t, found, string(out))
	data, _, _ := strings.Cut(rest, "\n")
	require.True(t, filepath.IsAbs(data), data)
	assert.NoDirExists(t, filepath.Dir(data))
}

func TestSweepRemovesOnlyWhatIsDead(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	mkdir := func(name string, age time.Duration) string {
		dir := filepath.Join(parent, "twigz-pgtest-"+name)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "postgres-15", "base"), 0o755))
		then := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(dir, then, then))
		return dir
	}
	dead, young := mkdir("dead", time.Hour), mkdir("young", 0)
	used := mkdir("used", 0)
	require.NoError(t, os.RemoveAll(filepath.Join(used, "postgres-15")))
	s, err := pgserver.Start(t.Context(), pgserver.Options{Dir: used})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Stop()) })
	then := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(used, then, then))

	sweep(parent)
	assert.NoDirExists(t, dead)
	assert.DirExists(t, young)
	assert.FileExists(t, filepath.Join(used, "postgres.log"))
}

func TestForgottenMainIsOneError(t *testing.T) {
	t.Parallel()
	var s shared
	_, err := s.get()
	require.ErrorContains(t, err, "has no TestMain that calls pgtest.Main")
	require.NoError(t, s.close())
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	require.NoError(t, db.PingContext(t.Context()))
	return db
}

func count(t *testing.T, db *sql.DB, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}
