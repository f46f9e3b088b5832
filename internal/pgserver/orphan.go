package pgserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// note is what a postmaster leaves in its data directory while it runs: postmaster.pid.
type note struct {
	pid   int
	data  string // the data directory, as the server knows it
	ready bool   // it answers connections
}

// readNote reads the lines of postmaster.pid that we need; their order is fixed by Postgres's miscadmin.h.
func readNote(data string) (note, error) {
	text, err := os.ReadFile(notePath(data))
	if err != nil {
		return note{}, err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 2 {
		return note{}, errors.New("postmaster.pid is not complete")
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil || pid <= 1 {
		return note{}, fmt.Errorf("postmaster.pid names process %q", lines[0])
	}
	ready := len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
	return note{pid: pid, data: lines[1], ready: ready}, nil
}

func notePath(data string) string { return filepath.Join(data, "postmaster.pid") }

// stopOrphan stops the server that a killed process left running on this data directory. The caller holds the directory's
// lock, so it is nobody's. A note whose number has since been given to another program, be it the server of another
// directory, is removed: Postgres would refuse to start because of it. In doubt nothing is touched and Postgres judges.
func stopOrphan(data string) error {
	n, err := readNote(data)
	if err != nil {
		return nil //nolint:nilerr // No server, or one that never got far; if not, Postgres itself will say so.
	}
	args := arguments(n.pid)
	if len(args) == 0 {
		return nil
	}
	ours, certain := serves(args, data)
	switch {
	case ours && n.data == data:
		return stopForeign(n.pid, args)
	case !ours && certain:
		return removeNote(data)
	default:
		return nil
	}
}

// serves says whether a process with these arguments is the server of a data directory, and whether that is certain.
func serves(args []string, data string) (ours, certain bool) {
	if filepath.Base(args[0]) != "postgres" {
		return false, true
	}
	flag := slices.Index(args, "-D")
	if flag < 0 || flag+1 == len(args) {
		return false, false
	}
	its, err := os.Stat(args[flag+1])
	if err != nil {
		return false, false
	}
	here, err := os.Stat(data)
	return err == nil && os.SameFile(its, here), err == nil
}

func removeNote(data string) error {
	if err := os.Remove(notePath(data)); err != nil {
		return fmt.Errorf("remove a stale note: %w", err)
	}
	return nil
}

// stopForeign is Server.Stop for a process that is not our child: all we can do is look whether it is still there.
func stopForeign(pid int, args []string) error {
	for _, step := range orderly {
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the server left running, process %d: %w", pid, err)
		}
		for end := time.Now().Add(step.wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if !slices.Equal(arguments(pid), args) {
				return nil
			}
		}
	}
	return fmt.Errorf("the server left running, process %d, does not stop", pid)
}
