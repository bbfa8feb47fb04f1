//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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
// first process does, and at the end ends what is left of them.
func Enclose() (int, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("become a reaper: %w", err)
	}
	runtime.LockOSThread() // whose end would be the child's
	defer runtime.UnlockOSThread()
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), enclosed+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 0, fmt.Errorf("unshare the mount namespace (run as root): %w", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		for s := range signals {
			_ = child.Signal(s) // it may just have ended
		}
	}()
	code, err := reap(child.Pid)
	return code, errors.Join(err, endOrphans())
}

// reap waits for children until the one asked for has ended.
func reap(pid int) (int, error) {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, fmt.Errorf("wait for process %d: %w", pid, err)
		case ended == pid && status.Exited():
			return status.ExitStatus(), nil
		case ended == pid:
			return 128 + int(status.Signal()), nil
		}
	}
}

// endOrphans kills our children until there are none: the orphans among our
// descendants, which become our children, included.
func endOrphans() error {
	for {
		lists, err := filepath.Glob("/proc/self/task/*/children")
		if err != nil {
			return err
		}
		for _, list := range lists {
			pids, err := os.ReadFile(list)
			if err != nil {
				continue // that thread has ended
			}
			for _, field := range strings.Fields(string(pids)) {
				pid, err := strconv.Atoi(field)
				if err != nil {
					return fmt.Errorf("list children: %w", err)
				}
				_ = unix.Kill(pid, unix.SIGKILL) // it may just have ended
			}
		}
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return nil
		} else if err != nil && err != unix.EINTR {
			return fmt.Errorf("end what is left running: %w", err)
		}
	}
}
