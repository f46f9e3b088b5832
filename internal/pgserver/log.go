package pgserver

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// tail passes a log on and remembers its end, so that an error can say what Postgres said last.
type tail struct {
	to    io.Writer
	close func() error // nil: to is not ours to close

	mu   sync.Mutex
	last []byte
}

// openLog is where the server's output goes: to w, or to a file in the cluster's directory.
func (c *cluster) openLog(w io.Writer) (*tail, error) {
	if w != nil {
		return &tail{to: w}, nil
	}
	f, err := os.Create(filepath.Join(c.dir, "postgres.log"))
	if err != nil {
		return nil, fmt.Errorf("open postgres's log: %w", err)
	}
	return &tail{to: f, close: f.Close}, nil
}

// Write never fails: a full disk must not end the server through its log.
func (t *tail) Write(p []byte) (int, error) {
	const keep = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if extra := len(t.last) - keep; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	_, _ = t.to.Write(p)
	return len(p), nil
}

// String is the end of the log on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(t.last)), " ")
}

// explain adds what was said last to the error of the program that said it.
func (t *tail) explain(err error) error {
	if said := t.String(); said != "" {
		return fmt.Errorf("%w: %s", err, said)
	}
	return err
}

// and is errors.Join on one line, for errors that people read as a sentence.
func and(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// Close closes what openLog opened.
func (t *tail) Close() error {
	if t.close == nil {
		return nil
	}
	return t.close()
}
