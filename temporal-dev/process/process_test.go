package process_test

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
	"time"

	"github.com/stretchr/testify/require"

	"twigz/temporal-dev/process"
)

// TestMain lets the test binary play a parent: it starts a child, says its PID and waits. As a child of make it waits
// for make's end instead.
func TestMain(m *testing.M) {
	switch log := os.Getenv("PROCESS_TEST_LOG"); {
	case log != "":
		p, err := process.Start(process.Options{Name: "child", Path: "/bin/sleep", Args: []string{"600"}, Log: log})
		if err != nil {
			panic(err)
		}
		fmt.Println(p.PID())
		select {}
	case os.Getenv("PROCESS_TEST_MAKE") != "":
		pid, _ := strconv.Atoi(os.Getenv("PROCESS_TEST_MAKE"))
		ctx, cancel := process.WithMake(context.Background(), pid)
		fmt.Println("up")
		<-ctx.Done()
		cancel()
		fmt.Println("told")
	default:
		os.Exit(m.Run())
	}
}

func mustStart(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Options{
		Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log"),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Stop(0) })
	return p
}

func TestAProgramThatEndsSaysHow(t *testing.T) {
	t.Parallel()
	p := mustStart(t, "echo one; echo two >&2; echo three; exit 3")
	<-p.Done()
	require.Equal(t, "exited with status 3", p.Ended())
	require.Equal(t, []string{"two", "three"}, p.Tail(2))
	require.NoError(t, p.Stop(time.Second), "stopping it again does nothing")

	p = mustStart(t, "kill -9 $$")
	<-p.Done()
	require.Equal(t, "was ended by signal: killed", p.Ended())
	require.Empty(t, p.Tail(5))
}

func TestALineOfTheLogIsAwaited(t *testing.T) {
	t.Parallel()
	address := func(line string) (string, bool) {
		return strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	}
	found, err := mustStart(t, "echo up; sleep 0.05; echo listening on 127.0.0.1:7; sleep 600").Await(t.Context(), address)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:7", found)

	_, err = mustStart(t, "echo the port is taken; exit 1").Await(t.Context(), address)
	require.EqualError(t, err, "script exited with status 1:\n  the port is taken")

	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = mustStart(t, "sleep 600").Await(soon, address)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestStopIsPoliteFirst(t *testing.T) {
	t.Parallel()
	p := mustStart(t, `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`)
	require.Eventually(t, func() bool { return len(p.Tail(1)) == 1 }, 5*time.Second, time.Millisecond)
	require.NoError(t, p.Stop(5*time.Second))
	require.Equal(t, []string{"up", "bye"}, p.Tail(5))
	require.Equal(t, "exited with status 0", p.Ended())
}

func TestStopKillsWhatDoesNotListenAndItsChildren(t *testing.T) {
	t.Parallel()
	p := mustStart(t, `trap '' TERM; sleep 600 & echo $!; wait; wait`)
	require.Eventually(t, func() bool { return len(p.Tail(1)) == 1 }, 5*time.Second, time.Millisecond)
	grandchild, err := strconv.Atoi(p.Tail(1)[0])
	require.NoError(t, err)
	require.ErrorContains(t, p.Stop(50*time.Millisecond), "script did not stop within 50ms and was killed")
	require.Eventually(t, func() bool { return !runs(grandchild) }, 5*time.Second, time.Millisecond)
}

func TestAKilledProgramHasNoLastWords(t *testing.T) {
	t.Parallel()
	p := mustStart(t, `trap 'echo bye' TERM EXIT; sleep 600 & echo $!; wait`)
	require.Eventually(t, func() bool { return len(p.Tail(1)) == 1 }, 5*time.Second, time.Millisecond)
	grandchild, err := strconv.Atoi(p.Tail(1)[0])
	require.NoError(t, err)
	p.Kill()
	require.Equal(t, "was ended by signal: killed", p.Ended())
	require.Len(t, p.Tail(5), 1)
	require.Eventually(t, func() bool { return !runs(grandchild) }, 5*time.Second, time.Millisecond)
	p.Kill()
}

func TestAMissingProgramIsSaidPlainly(t *testing.T) {
	t.Parallel()
	_, err := process.Start(process.Options{Name: "api", Path: "/nowhere/api", Log: filepath.Join(t.TempDir(), "log")})
	require.EqualError(t, err, "/nowhere/api is not there: run `make build` first")
}

func TestNoChildOutlivesAKilledParent(t *testing.T) {
	t.Parallel()
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), "PROCESS_TEST_LOG="+filepath.Join(t.TempDir(), "log"))
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.True(t, runs(child))

	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	if runtime.GOOS != "linux" {
		require.NoError(t, syscall.Kill(child, syscall.SIGKILL))
	}
	require.Eventually(t, func() bool { return !runs(child) }, 5*time.Second, time.Millisecond)
}

// TestMakeIsWatched holds against the real make what WithMake's comment says of it.
func TestMakeIsWatched(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("another process's signal handlers can be seen on Linux only")
	}
	for name, signal := range map[string]syscall.Signal{"interrupted": syscall.SIGINT, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			makefile := filepath.Join(t.TempDir(), "Makefile")
			recipe := "dev:\n\t@PROCESS_TEST_MAKE=$$PPID exec " + os.Args[0] + "\n"
			require.NoError(t, os.WriteFile(makefile, []byte(recipe), 0o600))
			gmake := exec.CommandContext(t.Context(), "make", "-f", makefile)
			gmake.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // this may run under a make of its own
			out, err := gmake.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, gmake.Start())
			lines := bufio.NewScanner(out)
			require.True(t, lines.Scan())
			require.Equal(t, "up", lines.Text())

			require.NoError(t, gmake.Process.Signal(signal))
			require.True(t, lines.Scan(), "the recipe's program ends")
			require.Equal(t, "told", lines.Text())
			require.Error(t, gmake.Wait())
		})
	}
}

// runs tells whether a process is there and not merely waiting to be collected.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
