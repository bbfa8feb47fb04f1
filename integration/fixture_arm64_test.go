//go:build integration

package integration

import (
	"testing"

	"golang.org/x/sys/unix"
)

// callNumber is the system call that a stopped process has entered.
func callNumber(t *testing.T, pid int) uint64 {
	t.Helper()
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		t.Fatal(err)
	}
	return regs.Regs[8]
}
