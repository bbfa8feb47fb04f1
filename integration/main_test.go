//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside marks the suite's second process, which has a mount namespace of its
// own: nothing that is mounted outlives it, whatever happens to it.
const inside = "PREARM_INTEGRATION_INSIDE"

// suite is what all tests share.
type suite struct {
	Surroundings
	*Daemon
	fixture string // image
	busybox string // image
}

var shared *suite

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" {
		os.Exit(enter())
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// enter runs the suite again in a new mount namespace. It stays behind to reap
// the shims that outlive whoever started them, as a host's first process does.
func enter() int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "integration: become a reaper:", err)
		return 1
	}
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), inside+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration: unshare the mount namespace (run the suite as root):", err)
		return 1
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			fmt.Fprintln(os.Stderr, "integration: wait for the suite:", err)
			return 1
		case pid == child.Pid && status.Exited():
			return status.ExitStatus()
		case pid == child.Pid:
			return 128 + int(status.Signal())
		}
	}
}

func run(m *testing.M) (code int, err error) {
	s := new(suite)
	if s.Surroundings, err = Look(); err != nil {
		return 1, err
	}
	if s.Daemon, err = StartDaemon(s.Bin); err != nil {
		return 1, err
	}
	defer func() {
		if e := s.Stop(); err == nil {
			err = e
		}
	}()
	s.fixture = filepath.Join(s.Scratch, "images/fixture")
	if err := FixtureImage(s.Fixture, s.fixture); err != nil {
		return 1, err
	}
	s.busybox = filepath.Join(s.Scratch, "images/busybox")
	if err := BusyboxImage(s.Fixture, s.busybox); err != nil {
		return 1, err
	}
	shared = s
	return m.Run(), nil
}
