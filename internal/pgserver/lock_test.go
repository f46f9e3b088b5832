package pgserver

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALockIsGoneWhenItIsClosed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := acquire(path)
	require.NoError(t, err)
	_, err = acquire(path)
	require.ErrorIs(t, err, ErrInUse)

	// As a program that another goroutine is starting has it, for a moment.
	other, err := syscall.Dup(int(held.file.Fd()))
	require.NoError(t, err)
	defer func() { assert.NoError(t, syscall.Close(other)) }()
	require.NoError(t, held.Close())
	again, err := acquire(path)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}
