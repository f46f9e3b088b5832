// Package process runs child programs that never outlive their parent.
//
// A child has a process group of its own, so that Ctrl-C in a terminal reaches the parent alone, which then stops its
// children in the order it wants. Should the parent be killed outright, the kernel ends the child (Linux; elsewhere such
// a child stays). What it prints goes to a file.
package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Options says what to run.
type Options struct {
	// Name is what messages call it.
	Name string
	// Path is the program's file, Args what follows its name.
	Path string
	Args []string
	// Env is the whole environment. Nil: the parent's.
	Env []string
	// Log is the file that takes the program's output, begun anew at each start.
	Log string
}

// Process is a running, or ended, program.
type Process struct {
	options Options
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // how it ended, to be read once done is closed
}

// Start runs a program. It returns once the program runs or cannot be run.
func Start(o Options) (*Process, error) {
	log, err := os.OpenFile(o.Log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", o.Name, err)
	}
	defer log.Close() //nolint:errcheck // nothing was written to it: the child has its own copy
	p := &Process{options: o, done: make(chan struct{})}
	p.cmd = exec.Command(o.Path, o.Args...) //nolint:gosec,noctx // the caller says what to run, and Stop ends it
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = o.Env, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(p.cmd.SysProcAttr)

	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, startError(o, err)
	}
	return p, nil
}

// run starts the program and waits for its end, both on one operating-system thread that does nothing else: Linux takes
// the end of the thread that started a child for the end of its parent.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

func startError(o Options, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not there: run `make build` first", o.Path)
	}
	return fmt.Errorf("start %s: %w", o.Name, err)
}

// Name is what messages call it.
func (p *Process) Name() string { return p.options.Name }

// PID is its process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Await returns what find reads in the first line of its log that it accepts, such as the address it listens on.
func (p *Process) Await(ctx context.Context, find func(line string) (found string, ok bool)) (string, error) {
	for {
		over := p.Ended() != "" // looked at first: its last words are in the log by then
		log, err := os.ReadFile(p.options.Log)
		if err != nil {
			return "", fmt.Errorf("log of %s: %w", p.options.Name, err)
		}
		for line := range strings.Lines(string(log)) {
			if found, ok := find(line); ok {
				return found, nil
			}
		}
		if over {
			return "", fmt.Errorf("%s %s:\n  %s", p.options.Name, p.Ended(), strings.Join(p.Tail(10), "\n  "))
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for %s: %w", p.options.Name, context.Cause(ctx))
		case <-time.After(awaitPause):
		}
	}
}

// awaitPause is how long Await waits before it reads the log again.
const awaitPause = 20 * time.Millisecond

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended tells how it ended, for people: "exited with status 1". Empty while it runs.
func (p *Process) Ended() string {
	select {
	case <-p.done:
	default:
		return ""
	}
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return "exited with status 0"
	case errors.As(p.err, &exit) && exit.Exited():
		return fmt.Sprintf("exited with status %d", exit.ExitCode())
	}
	return "was ended by " + p.err.Error() // "signal: killed"
}

// Stop asks it to end (SIGTERM), and after grace makes it and its own children end (SIGKILL). Stopping what has ended
// already does nothing.
func (p *Process) Stop(grace time.Duration) error {
	if p.Ended() != "" {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended since; then done says so
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
	}
	p.Kill()
	return fmt.Errorf("%s did not stop within %s and was killed", p.options.Name, grace)
}

// Kill ends it and its own children as a power cut would (SIGKILL), and returns when it is gone. Killing what has ended
// already does nothing.
func (p *Process) Kill() {
	if p.Ended() != "" {
		return
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// tailBytes is how much of the log's end is looked at for its last lines.
const tailBytes = 16 << 10

// Tail is the last lines of its log, at most n.
func (p *Process) Tail(n int) []string { return Tail(p.options.Log, n) }

// Tail is the last lines of a file, at most n; none if it cannot be read.
func Tail(path string, n int) []string {
	f, err := os.Open(path) //nolint:gosec // a log that the caller names
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-tailBytes)
	b := make([]byte, info.Size()-from)
	read, _ := f.ReadAt(b, from) // a file that shrank meanwhile gives less, which is as good
	lines := strings.Split(strings.TrimRight(string(b[:read]), "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines[max(0, len(lines)-n):]
}
