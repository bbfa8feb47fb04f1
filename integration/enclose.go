//go:build integration

package integration

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// enclosed marks a process that has a mount namespace of its own.
const enclosed = "PREARM_INTEGRATION_ENCLOSED"

// Enclosed says whether this process is the one that Enclose began.
func Enclosed() bool { return os.Getenv(enclosed) != "" }

// Enclose runs this program again in a mount namespace of its own, so that
// nothing which is mounted outlives it, and returns its exit code. It stays
// behind to reap the shims that outlive whoever started them, as a host's
// first process does.
func Enclose() (int, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("become a reaper: %w", err)
	}
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), enclosed+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS},
	})
	if err != nil {
		return 0, fmt.Errorf("unshare the mount namespace (run as root): %w", err)
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, fmt.Errorf("wait for process %d: %w", child.Pid, err)
		case pid == child.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == child.Pid:
			return 128 + int(status.Signal()), nil
		}
	}
}
