//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFixture watches each of the fixture's programs: its first system call is
// the act, and what follows is nothing but the exit.
func TestFixture(t *testing.T) {
	for act, call := range map[string]uint64{
		"file":    unix.SYS_OPENAT,
		"write":   unix.SYS_OPENAT,
		"process": unix.SYS_EXECVE,
		"tcp":     unix.SYS_SOCKET,
		"udp":     unix.SYS_SOCKET,
		"raw":     unix.SYS_SOCKET,
		"packet":  unix.SYS_SOCKET,
		"chroot":  unix.SYS_CHROOT,
		"mkdir":   unix.SYS_MKDIRAT,
		"nothing": unix.SYS_EXIT_GROUP,
		"pause":   unix.SYS_PPOLL,
	} {
		t.Run(act, func(t *testing.T) {
			if got := firstCall(t, filepath.Join(shared.Fixture, act)); got != call {
				t.Errorf("the first system call is number %d, want %d", got, call)
			}
		})
	}
}

// firstCall runs a program up to its first system call and returns its number.
func firstCall(t *testing.T, program string) uint64 {
	t.Helper()
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	cmd := exec.Command(program)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Chroot: cmd.Dir, Pdeathsig: syscall.SIGKILL}
	if err := os.Link(program, filepath.Join(cmd.Dir, "act")); err != nil {
		if err := copyFile(program, filepath.Join(cmd.Dir, "act")); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Path, cmd.Dir = "/act", "/"
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	defer func() {
		// It is still traced: nothing but a kill ends it.
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the program ended before it was killed")
		}
	}()
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
		t.Fatalf("after its start: %v, %v", status, err)
	}
	if err := unix.PtraceSyscall(pid, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
		t.Fatalf("at its first system call: %v, %v", status, err)
	}
	return callNumber(t, pid)
}
