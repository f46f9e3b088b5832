package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrInUse is returned for a directory whose server another process runs.
var ErrInUse = errors.New("in use by another process")

// fileLock is a locked file.
type fileLock struct{ file *os.File }

// Close unlocks the file. Closing alone would not: a program that is being started at this moment, for anything, has the
// file open as well until it is on its way, and the lock with it.
func (l fileLock) Close() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// acquire locks a file until it is closed or this process dies. What it guards needs no clean-up after a kill, and a
// server found without its lock is known to be nobody's.
func acquire(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a path of ours
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fileLock{f}, nil
}

// await acquires the lock as soon as its holder lets go.
func await(ctx context.Context, path string) (*fileLock, error) {
	for {
		f, err := acquire(path)
		if !errors.Is(err, ErrInUse) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
