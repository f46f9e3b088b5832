package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"twigz/temporal-dev/stripestandin/wire"
)

// journal is a file to which every change adds a line, so that a process that is killed has lost nothing.
type journal struct {
	file *os.File
	err  error // the first thing that went wrong; told at close
}

// entry is one line: the objects that a change has made or replaced (null: taken away), by ID in the order of IDs, and by
// how much the clock is ahead then, in nanoseconds.
type entry struct {
	Offset  time.Duration              `json:"offset"`
	IDs     []string                   `json:"ids,omitempty"`
	Objects map[string]json.RawMessage `json:"objects,omitempty"`
}

// write adds a line. Without a journal it does nothing.
func (j *journal) write(offset time.Duration, ids []string, objects map[string]wire.Object) {
	if j == nil || j.err != nil {
		return
	}
	e := entry{Offset: offset, IDs: ids, Objects: make(map[string]json.RawMessage, len(ids))}
	for _, id := range ids {
		e.Objects[id] = []byte("null")
		if o := objects[id]; o != nil {
			e.Objects[id] = o.Encode()
		}
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	j.err = err
}

func (j *journal) close() error { return errors.Join(j.err, j.file.Close()) }

// restore reads the file, and writes it anew without what has been replaced since.
func (l *Ledger) restore(path string) error {
	if err := l.read(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s (delete it to begin afresh): %w", path, err)
	}
	fresh, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return fmt.Errorf("keep Stripe's objects: %w", err)
	}
	l.journal = &journal{file: fresh}
	for _, ids := range l.order {
		for _, id := range ids {
			l.journal.write(l.offset, []string{id}, l.objects)
		}
	}
	if err := errors.Join(l.journal.err, os.Rename(path+".new", path)); err != nil {
		return fmt.Errorf("keep Stripe's objects: %w", err)
	}
	return nil
}

// lineLimit is more than any change writes.
const lineLimit = 64 << 20

func (l *Ledger) read(path string) error {
	file, err := os.Open(path) //nolint:gosec // a file of ours
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, lineLimit)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil // the last line, cut short when the process was killed: nobody was told of that change
		}
		if err := l.replay(e); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (l *Ledger) replay(e entry) error {
	l.offset = e.Offset
	for _, id := range e.IDs {
		if string(e.Objects[id]) == "null" {
			l.replace(id, nil)
			continue
		}
		o, err := wire.Decode(e.Objects[id])
		if err != nil {
			return err
		}
		l.replace(id, o)
	}
	return nil
}
