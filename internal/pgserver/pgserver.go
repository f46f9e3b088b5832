// Package pgserver runs a private Postgres for development and tests. Nothing that ships imports it.
//
// A machine's own Postgres is left alone: ours has its own data directory, its own port and no Unix socket, so the two
// work side by side. Nothing is left behind either. A directory belongs to one process at a time, which holds a lock on
// it; when that process dies, by whatever hand, the kernel stops the server (Linux), or the next Start does (elsewhere).
//
//	Dir/lock            held while the server runs
//	Dir/postgres.log    the last run's log, unless Options.Log takes it
//	Dir/postgres-15     the data; a name per major version, because one cannot read another's files
//	Dir/postgres-15.new a cluster being made, renamed when complete, so that a killed initdb is only started over
//
// Connections are trusted: whoever can reach the loopback address is superuser, and through COPY … PROGRAM can run
// commands as the server's user. That suits a developer's machine and a build container, not a host shared with strangers.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// superuser owns every cluster; database is made in each. Both are what a connection URL in the documentation shows.
const (
	superuser = "twigz"
	database  = "twigz"
)

// Options says where and how to run a cluster.
type Options struct {
	// Dir is the parent of the data directory, made if absent. As root it should be searchable by others, so that
	// the server can run as user postgres; see account.
	Dir string
	// Port on 127.0.0.1. Zero: one that is free, chosen by the kernel.
	Port int
	// Durable keeps what was committed through a power cut. False suits tests: nothing waits for the disk.
	Durable bool
	// Log receives the server's log. Nil: Dir/postgres.log, begun anew at each start.
	Log io.Writer
	// Progress receives a line before each thing that takes long, such as an installation. Nil: nobody is told.
	Progress io.Writer
}

// Server is a running cluster.
type Server struct {
	process *process
	port    int
	done    chan struct{}
}

// Start runs a cluster, made first if Dir has none, with a database called twigz in it. Postgres itself is installed or
// downloaded where the machine has none. ctx bounds the start alone: a started server runs until Stop, or until this
// process ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	dir, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("postgres in %s: %w", dir, err)
	}
	s, err := start(ctx, dir, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	go func() {
		<-s.process.done
		_ = lock.Close() // Nothing was written to it.
		close(s.done)
	}()
	return s, nil
}

// Remove deletes a Dir and what is in it, unless a process still holds it; then it returns ErrInUse. It is for
// directories whose process was killed before it could clean up.
func Remove(dir string) error {
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	defer func() { _ = lock.Close() }()
	clusters, err := filepath.Glob(filepath.Join(dir, "postgres-*"))
	if err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	for _, data := range clusters {
		if err := stopOrphan(data); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// URL is how to connect to a database of this server, as its superuser.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Host:     "127.0.0.1:" + strconv.Itoa(s.port),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port is the one listened to on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// PID is the postmaster's process ID.
func (s *Server) PID() int { return s.process.pid() }

// Done is closed when the server has exited, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server and returns once it has exited: connections are closed and everything is written; should that
// take too long, it exits at once. Stopping a stopped server does nothing.
func (s *Server) Stop() error {
	if err := s.process.end(orderly); err != nil {
		return err
	}
	<-s.done
	return nil
}

// Kill ends the server as a power cut would (SIGKILL): nothing is written any more. It returns when the directory is free
// for the next Start, which recovers what was committed. Killing a server that has exited does nothing.
func (s *Server) Kill() {
	_ = s.process.cmd.Process.Kill() // it may have exited since; then done says so
	<-s.done                         // its backends notice its end, and hold its log open until they are gone
}

// start is Start inside the lock.
func start(ctx context.Context, dir string, o Options) (*Server, error) {
	progress := o.Progress
	if progress == nil {
		progress = io.Discard
	}
	bin, err := binaries(ctx, progress)
	if err != nil {
		return nil, err
	}
	c, err := open(ctx, bin, dir)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, o.Durable, progress); err != nil {
		return nil, err
	}
	return c.run(ctx, o)
}

// createDatabase makes the database that everyone expects, if this is the cluster's first start.
func (s *Server) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the new server: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var exists bool
	const query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
	if err := conn.QueryRow(ctx, query, database).Scan(&exists); err != nil {
		return fmt.Errorf("look for database %s: %w", database, err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		return fmt.Errorf("create database %s: %w", database, err)
	}
	return nil
}

// makeDir makes the directory and returns its one true name: absolute and without links. The server's own notes about
// its data directory are compared with it.
func makeDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("pgserver: Options.Dir is not set")
	}
	// Not writable by others, but searchable: the server's user has to pass through.
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("make the cluster's directory: %w", err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	return abs, nil
}
