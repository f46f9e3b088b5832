// Package pgtest gives each test a Postgres database of its own, with the migrations applied.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestOrders(t *testing.T) {
//		db := open(t, pgtest.NewURL(t))
//
// The first NewURL of a test process starts a cluster and migrates one database, about half a second; each further
// database is a copy of that one, about 10 ms. Databases are not dropped while tests run, which would cost ten times as
// much: they go with the cluster.
//
// TEST_DATABASE_URL names a server to use instead; it must let us create databases. Those are dropped at the end.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// shared is what the tests of one process have in common. Its zero value starts nothing.
type shared struct {
	mu   sync.Mutex
	main bool    // Main runs the tests, so somebody will clean up
	src  *source // nil until the first NewURL
	err  error   // why there is no source; every later test gets it at once
}

var suite shared

// Main is a package's TestMain: it runs the tests, then stops what they started, and exits. m is the *testing.M, or
// something around it that has more to clean up.
func Main(m interface{ Run() int }) {
	suite.main = true
	code := m.Run()
	if err := suite.close(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// NewURL is how to connect to a new database, in which every migration has been applied and nothing else was done. It
// ends the test when there is no server to be had.
func NewURL(t testing.TB) string {
	t.Helper()
	src, err := suite.get()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	url, err := src.newDatabase(t.Context())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return url
}

// get starts the source when it is first needed.
func (s *shared) get() (*source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.main {
		return nil, fmt.Errorf("%s has no TestMain that calls pgtest.Main", os.Args[0])
	}
	if s.src == nil && s.err == nil {
		// Longer than a start ever takes: Postgres may have to be installed first. Not the test's context, which ends
		// with that test.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		s.src, s.err = newSource(ctx)
	}
	return s.src, s.err
}

func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.src == nil {
		return nil
	}
	return s.src.close()
}
