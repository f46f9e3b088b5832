package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"twigz/internal/pgserver"
)

// cluster is a server whose directory lives as long as it does.
type cluster struct {
	server *pgserver.Server
	dir    string
}

const dirPattern = "twigz-pgtest-*"

func startCluster(ctx context.Context) (*cluster, error) {
	parent := tempDir()
	sweep(parent)
	dir, err := os.MkdirTemp(parent, dirPattern)
	if err != nil {
		return nil, fmt.Errorf("make a directory for a cluster: %w", err)
	}
	// MkdirTemp keeps others out. For root that includes the user who will run the server; the data has its own lock.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, Progress: os.Stderr})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &cluster{server: server, dir: dir}, nil
}

func (c *cluster) stop() error {
	return errors.Join(c.server.Stop(), os.RemoveAll(c.dir))
}

// tempDir is memory where it is a file system with room, which halves the time of initdb; else the usual place. The room
// is for some 200 databases of 8 MB; containers often have 64 MB in all.
func tempDir() string {
	const memory, room = "/dev/shm", 2 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil || uint64(fs.Bavail)*uint64(fs.Bsize) < room { //nolint:gosec,unconvert // types differ by system
		return os.TempDir()
	}
	probe, err := os.MkdirTemp(memory, dirPattern)
	if err != nil {
		return os.TempDir()
	}
	_ = os.Remove(probe)
	return memory
}

// sweep removes what killed test processes left: their servers are gone, but the files would fill the memory. A directory
// in use is locked; one that is younger than a minute may be about to be.
func sweep(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, dirPattern)) // Its only error is a pattern that is none.
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		_ = pgserver.Remove(dir) // Another process's, or another user's: theirs to remove.
	}
}
