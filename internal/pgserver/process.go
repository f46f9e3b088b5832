package pgserver

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a child that does not outlive us.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has exited
	err  error         // how it exited; to be read once done is closed
}

// startProcess starts the command and waits for it on one operating-system thread. "Parent death", on which Linux sends
// Pdeathsig, is the death of the thread that forked: left to the Go runtime, the server could be stopped in mid-flight.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// run is cmd.Run for a child that does not outlive us.
func run(cmd *exec.Cmd) error {
	p, err := startProcess(cmd)
	if err != nil {
		return err
	}
	<-p.done
	return p.err
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// shutdown is a signal, and how long to wait for its effect before the next one.
type shutdown struct {
	signal syscall.Signal
	wait   time.Duration
}

var (
	// orderly lets the server write its last checkpoint, and should that take too long has it exit at once; the next
	// start then recovers. Postgres itself kills what ignores the latter for five seconds.
	orderly = []shutdown{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, 15 * time.Second}}
	// abandon ends a server whose start did not succeed: there is nothing in it worth a checkpoint.
	abandon = orderly[1:]
)

// end sends the signals in turn until the process has exited.
func (p *process) end(steps []shutdown) error {
	for _, step := range steps {
		select {
		case <-p.done:
			return nil
		default:
		}
		_ = p.cmd.Process.Signal(step.signal) // It may have exited since; then done says so.
		select {
		case <-p.done:
			return nil
		case <-time.After(step.wait):
		}
	}
	return fmt.Errorf("postgres, process %d, does not stop", p.pid())
}
