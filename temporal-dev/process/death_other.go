//go:build !linux

package process

import "syscall"

// dieWithParent has no equal here: a child stays when its parent is killed.
func dieWithParent(*syscall.SysProcAttr) {}

// catchesInterrupt cannot be known here.
func catchesInterrupt(int) bool { return false }
