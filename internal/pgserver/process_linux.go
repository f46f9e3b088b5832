package pgserver

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// dieWithParent has the kernel stop the server as Ctrl-C would, should we be killed.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// namespace is the account for directories that only root may enter. Inside a user namespace the process has a number
// other than 0, which is all that Postgres asks for, and outside it is still root, so files need no other owner. It has
// none of root's other powers, and a kernel or a container may refuse to make one.
func namespace() []account {
	const inside = 1000 // any but 0
	one := func(outside int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: inside, HostID: outside, Size: 1}}
	}
	attr := syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: one(0),
		GidMappings: one(0),
	}
	return []account{{name: "root in a user namespace", root: true, attr: attr}}
}

// arguments are the program and arguments of a living process; none if there is no such process.
func arguments(pid int) []string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(line) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
}
