package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// cluster is a data directory with the programs and the account that run it.
type cluster struct {
	account
	bin   string // the directory of postgres and initdb
	major int    // version
	dir   string // Options.Dir, absolute
	data  string // the data directory, under dir
}

// open finds out who can run the programs for a directory, and which version they are.
func open(ctx context.Context, bin, dir string) (*cluster, error) {
	acct, major, err := chooseAccount(ctx, bin, dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, fmt.Sprintf("postgres-%d", major))
	return &cluster{account: acct, bin: bin, major: major, dir: dir, data: data}, nil
}

// prepare leaves a data directory that is complete, ours and in nobody's use.
func (c *cluster) prepare(ctx context.Context, durable bool, progress io.Writer) error {
	if _, err := os.Stat(c.data); errors.Is(err, os.ErrNotExist) {
		_, _ = fmt.Fprintf(progress, "making a Postgres %d cluster in %s\n", c.major, c.data)
		return c.initdb(ctx, durable)
	}
	if err := stopOrphan(c.data); err != nil {
		return err
	}
	return c.own(c.data)
}

// initdb makes the data directory under a passing name: one that was interrupted must not be taken for a cluster.
func (c *cluster) initdb(ctx context.Context, durable bool) error {
	made := c.data + ".new"
	if err := os.RemoveAll(made); err != nil {
		return fmt.Errorf("clear a half-made cluster: %w", err)
	}
	if err := os.Mkdir(made, 0o700); err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	if err := c.own(made); err != nil {
		return err
	}
	args := []string{"--pgdata", made, "--username", superuser, "--auth", "trust", "--encoding", "UTF8"}
	args = append(args, locale(runtime.GOOS, c.major)...)
	if !durable {
		args = append(args, "--no-sync")
	}
	cmd := c.command(ctx, "initdb", args...)
	log := &tail{to: io.Discard}
	cmd.Stdout, cmd.Stderr = log, log
	if err := run(cmd); err != nil {
		return fmt.Errorf("initdb in %s: %w", c.dir, log.explain(err))
	}
	return os.Rename(made, c.data)
}

// locale asks for C.UTF-8 everywhere: text sorts by code point, and case mapping knows Unicode. Systems that may lack it
// (macOS) use Postgres's own from version 17 on, and before that do without case mapping beyond ASCII.
func locale(goos string, major int) []string {
	switch {
	case goos == "linux":
		return []string{"--locale", "C.UTF-8"}
	case major >= 17:
		return []string{"--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"}
	default:
		return []string{"--locale", "C"}
	}
}

// run starts the server and waits until it can be used. A port the kernel chose may be gone by the time Postgres wants
// it: then another is asked for.
func (c *cluster) run(ctx context.Context, o Options) (*Server, error) {
	for attempt := 1; ; attempt++ {
		s, err := c.runOnce(ctx, o)
		if err == nil || o.Port != 0 || attempt == 20 || !errors.Is(err, errPortTaken) {
			return s, err
		}
	}
}

func (c *cluster) runOnce(ctx context.Context, o Options) (*Server, error) {
	port, err := choosePort(ctx, o.Port)
	if err != nil {
		return nil, err
	}
	log, err := c.openLog(o.Log)
	if err != nil {
		return nil, err
	}
	s, err := c.launch(ctx, port, o.Durable, log)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		<-s.process.done
		_ = log.Close() // The log of a server that is gone: nobody is left to tell.
	}()
	if err := s.createDatabase(ctx); err != nil {
		return nil, errors.Join(err, s.process.end(abandon))
	}
	return s, nil
}

// launch starts the postmaster and waits until it answers.
func (c *cluster) launch(ctx context.Context, port int, durable bool, log *tail) (*Server, error) {
	args := append([]string{"-D", c.data}, settings(port, durable)...)
	// Not ctx: it ends with the start, the server must not.
	cmd := c.command(context.WithoutCancel(ctx), "postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := startProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("start postgres in %s: %w", c.dir, err)
	}
	if err := c.awaitReady(ctx, p); err != nil {
		if strings.Contains(log.String(), "Address already in use") {
			return nil, fmt.Errorf("start postgres on 127.0.0.1:%d: %w", port, errPortTaken)
		}
		return nil, fmt.Errorf("start postgres in %s: %w", c.dir, log.explain(err))
	}
	return &Server{process: p, port: port, done: make(chan struct{})}, nil
}

// awaitReady watches the postmaster's note in its data directory rather than the port, which might be another server's.
func (c *cluster) awaitReady(ctx context.Context, p *process) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("ended at once: %w", p.err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), p.end(abandon))
		case <-tick.C:
		}
		if note, err := readNote(c.data); err == nil && note.pid == p.pid() && note.ready {
			return nil
		}
	}
}

// command runs one of Postgres's programs as the cluster's account. The working directory is one that the account can
// enter, which ours may not be; variables that Postgres would read (PGDATA, PGTZ…) stay out.
func (c *cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...) //nolint:gosec // our own programs
	cmd.Dir = c.dir
	cmd.Env = environment(os.Environ())
	cmd.SysProcAttr = c.attributes()
	cmd.WaitDelay = 5 * time.Second // A surviving backend must not keep us waiting for the end of the log.
	return cmd
}

// environment drops what would change how Postgres works. Messages stay English, because we read some of them.
func environment(from []string) []string {
	var env []string
	for _, v := range from {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "TZ=") {
			env = append(env, v)
		}
	}
	return append(env, "LC_ALL=C", "TZ=UTC")
}

// settings are given on the command line, so that an old data directory gets today's.
func settings(port int, durable bool) []string {
	values := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=", // A path over 107 bytes would stop the start.
		"max_connections=200",      // Packages' parallel tests, each with a pool of its own.
		"timezone=UTC",             // What is read back does not depend on the machine.
		"log_timezone=UTC",
		"lc_messages=C",         // launch reads them.
		"synchronous_commit=on", // Off loses acknowledged rows on a kill, even in tests.
	}
	if !durable {
		values = append(values, "fsync=off", "full_page_writes=off")
	}
	var args []string
	for _, v := range values {
		args = append(args, "-c", v)
	}
	return args
}

// errPortTaken is the one reason to try another port.
var errPortTaken = errors.New("another program listens on this port")

// choosePort returns the wanted port, or for zero one that was free a moment ago.
func choosePort(ctx context.Context, want int) (int, error) {
	if want != 0 {
		return want, nil
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("choose a port for postgres: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
