package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// ticks are the kernel's units of CPU time a second: on Linux 100, whatever the processor.
const ticks = 100

// usage is what one process has used, from /proc/PID/stat (see proc(5)).
type usage struct {
	pid, parent int
	own         int64 // ticks
	ended       int64 // ticks of its children that have ended
}

// cpuSeconds is the CPU time that a program has used. With its children, it is theirs too, wherever they are in their
// lives: Postgres is a process a connection. Zero where there is no /proc.
func cpuSeconds(pid int, withChildren bool) float64 {
	program, ok := readUsage(pid)
	if !ok {
		return 0
	}
	if !withChildren {
		return float64(program.own) / ticks
	}
	sum := program.own + program.ended
	all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	for _, dir := range all {
		child, _ := strconv.Atoi(filepath.Base(dir))
		if u, ok := readUsage(child); ok && u.parent == pid {
			sum += u.own
		}
	}
	return float64(sum) / ticks
}

func readUsage(pid int) (usage, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, false // it has ended, or there is no /proc
	}
	// The second field is the program's name in parentheses, which may hold anything.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return usage{}, false
	}
	number := func(field int) int64 { // counted from 1, as in proc(5)
		n, _ := strconv.ParseInt(string(fields[field-3]), 10, 64)
		return n
	}
	return usage{pid: pid, parent: int(number(4)), own: number(14) + number(15), ended: number(16) + number(17)}, true
}
