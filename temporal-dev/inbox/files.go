package inbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const fileEnding = ".eml"

// save writes a message's file, whole or not at all.
func (b *Inbox) save(m Message) error {
	if b.options.Dir == "" {
		return nil
	}
	path := filepath.Join(b.options.Dir, m.ID+fileEnding)
	if err := os.WriteFile(path+".new", m.Raw, 0o600); err != nil {
		return fmt.Errorf("keep message %s: %w", m.ID, err)
	}
	return os.Rename(path+".new", path)
}

// load reads the messages that an earlier run kept.
func (b *Inbox) load() error {
	if b.options.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(b.options.Dir, 0o700); err != nil {
		return fmt.Errorf("make the inbox's directory: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(b.options.Dir, "*"+fileEnding))
	if err != nil {
		return fmt.Errorf("list %s: %w", b.options.Dir, err)
	}
	slices.Sort(files)
	for _, file := range files {
		raw, err := os.ReadFile(file) //nolint:gosec // in a directory of ours
		if err != nil {
			return fmt.Errorf("read a kept message: %w", err)
		}
		b.messages = append(b.messages, parse(strings.TrimSuffix(filepath.Base(file), fileEnding), raw))
	}
	return nil
}
