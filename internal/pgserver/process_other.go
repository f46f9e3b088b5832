//go:build !linux

package pgserver

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dieWithParent has no equal here: a server that outlives us is stopped by the next Start in its directory.
func dieWithParent(*syscall.SysProcAttr) {}

// namespace offers nothing: user namespaces are Linux's.
func namespace() []account { return nil }

// arguments are the program and arguments of a living process; none if there is no such process. ps does not say where
// one ends, so a directory with a space in its name is not recognised, and its server left alone.
func arguments(pid int) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}
