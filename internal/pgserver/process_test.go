package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// helper is a program that starts a server, says so and waits to be killed.
func helper(dir string) {
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.PID(), s.URL(database))
	<-s.Done()
	os.Exit(0)
}

// startHelper runs helper in a process of its own and returns it, its server's process ID and URL.
func startHelper(t *testing.T, program, dir string, attr *syscall.SysProcAttr) (cmd *exec.Cmd, pid int, url string) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.SysProcAttr = attr
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	number, url, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err = strconv.Atoi(number)
	require.NoError(t, err, line)
	return cmd, pid, url
}

func TestKilledParentLeavesNoServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a child that its parent died; elsewhere the next Start stops the server")
	}
	dir := openDir(t)
	self, err := os.Executable()
	require.NoError(t, err)
	parent, pid, url := startHelper(t, self, dir, nil)
	idle := connect(t, url) // A client that stays does not hold it up.
	require.NoError(t, idle.Ping(t.Context()))

	require.NoError(t, parent.Process.Kill())
	eventually(t, "the server has exited", func() bool { return len(arguments(pid)) == 0 })

	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	require.NoError(t, err)
	assert.Contains(t, string(log), "ready to accept connections")
	mustStart(t, Options{Dir: dir})
}

func TestServerLeftRunningIsStoppedFirst(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	orphan := startUnlocked(t, dir)
	s := mustStart(t, Options{Dir: dir})
	assertClosed(t, orphan.process.done)
	assert.NotEqual(t, orphan.PID(), s.PID())
	assert.Equal(t, "1", ask(t, s, "SELECT '1'"))
}

func TestRemoveStopsAServerLeftRunning(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	orphan := startUnlocked(t, dir)
	require.NoError(t, Remove(dir))
	assertClosed(t, orphan.process.done)
}

func TestStaleNoteHarmsNobody(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir})
	data := ask(t, s, "SHOW data_directory")
	require.NoError(t, s.Stop())

	t.Run("its number belongs to another program now", func(t *testing.T) {
		sleep := exec.CommandContext(t.Context(), "sleep", "3600")
		require.NoError(t, sleep.Start())
		defer func() { _, _ = sleep.Process.Kill(), sleep.Wait() }()
		writeNote(t, data, sleep.Process.Pid)
		require.NoError(t, mustStart(t, Options{Dir: dir}).Stop())
		assert.NotEmpty(t, arguments(sleep.Process.Pid), "the other program is gone")
	})

	t.Run("its number belongs to another directory's server now", func(t *testing.T) {
		other := mustStart(t, Options{Dir: openDir(t)})
		writeNote(t, data, other.PID())
		require.NoError(t, mustStart(t, Options{Dir: dir}).Stop())
		assert.Equal(t, "1", ask(t, other, "SELECT '1'"), "the other server runs on")
	})

	t.Run("its number belongs to nobody", func(t *testing.T) {
		writeNote(t, data, s.PID())
		mustStart(t, Options{Dir: dir})
	})

	t.Run("it is not a note", func(t *testing.T) {
		require.NoError(t, stopOrphan(t.TempDir()))
	})
}

// startUnlocked leaves a server as a killed parent would, where nothing stops it: running, and its directory's lock gone.
func startUnlocked(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := start(t.Context(), dir, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.process.end(abandon)) })
	return s
}

// writeNote writes the postmaster.pid of a server that was cut off.
func writeNote(t *testing.T, data string, pid int) {
	t.Helper()
	text := fmt.Sprintf("%d\n%s\n1700000000\n5432\n\n127.0.0.1\n  1234567     98765\nready   \n", pid, data)
	require.NoError(t, os.WriteFile(notePath(data), []byte(text), 0o600))
	info, err := os.Stat(data)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	require.NoError(t, os.Chown(notePath(data), int(owner.Uid), int(owner.Gid)))
}
