package migrations_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models/migrations"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// empty makes a database in which nothing was done, and returns its address.
func empty(t *testing.T) string {
	t.Helper()
	migrated := pgtest.NewURL(t)
	at, err := url.Parse(migrated)
	require.NoError(t, err)
	name := strings.TrimPrefix(at.Path, "/") + "_empty"
	_, err = open(t, migrated).ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0")
	require.NoError(t, err)
	at.Path = "/" + name
	t.Cleanup(func() {
		_, err := open(t, migrated).ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		require.NoError(t, err)
	})
	return at.String()
}

func open(t *testing.T, at string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", at)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func count(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

func TestUp(t *testing.T) {
	t.Parallel()
	at := empty(t)
	require.ErrorContains(t, migrations.Check(t.Context(), open(t, at)), "run `worker migrate`")

	began := time.Now()
	var wg sync.WaitGroup
	for range 5 {
		db := open(t, at) // as five processes would
		wg.Go(func() { assert.NoError(t, migrations.Up(t.Context(), db)) })
	}
	wg.Wait()
	assert.Less(t, time.Since(began), 30*time.Second, "waiting for the one that migrates is looked at every second")
	db := open(t, at)
	require.NoError(t, migrations.Check(t.Context(), db))
	assert.Equal(t, 1, count(t, db, "SELECT count(*) FROM goose_db_version WHERE version_id = 1"), "applied once")
	require.NoError(t, migrations.Up(t.Context(), db), "there is nothing to do")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.NewURL(t))
	_, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	require.NoError(t, err)
	require.NoError(t, migrations.Check(t.Context(), db), "a newer schema is fine")

	away := open(t, "postgres://twigz:hunter2@127.0.0.1:1/twigz?sslmode=disable")
	err = migrations.Check(t.Context(), away)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
	require.Error(t, migrations.Up(t.Context(), away))
}

func TestDownLeavesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, empty(t))
	require.NoError(t, migrations.Up(t.Context(), db))
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files)
	require.NoError(t, err)
	_, err = provider.DownTo(t.Context(), 0)
	require.NoError(t, err)
	assert.Zero(t, count(t, db, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'goose%'"))
	assert.Zero(t, count(t, db, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"))
	assert.Zero(t, count(t, db, "SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'd'"))
	require.NoError(t, migrations.Up(t.Context(), db))
	require.NoError(t, migrations.Check(t.Context(), db))
}
