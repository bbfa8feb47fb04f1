package bpf

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	victimEnv = "PREARM_TEST_VICTIM"
	bpffsEnv  = "PREARM_TEST_BPFFS"
)

// TestMain runs the tests in a mount namespace with a bpffs of their own, so
// that they neither see nor leave pins on the machine.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(victimEnv) != "":
		serve()
	case os.Getenv(bpffsEnv) != "":
		if err := unix.Mount("bpf", os.Getenv(bpffsEnv), "bpf", 0, "mode=1777"); err != nil {
			fmt.Fprintln(os.Stderr, "mount a bpffs (run as root):", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	default:
		os.Exit(isolated())
	}
}

// isolated runs the tests again, in their namespace.
func isolated() int {
	dir, err := os.MkdirTemp("", "prearm-bpf-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.Remove(dir)
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), bpffsEnv+"="+dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// pinDir is a fresh directory for a node's pins, not created yet.
func pinDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(os.Getenv(bpffsEnv), strings.NewReplacer("/", "-", ".", "-").Replace(t.Name()))
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newNode is a node of the test's own.
func newNode(t *testing.T) *Node {
	t.Helper()
	n, err := Open(pinDir(t))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// newCgroup is a cgroup of the test's own, with its descendants removed at
// the end.
func newCgroup(t *testing.T) string {
	t.Helper()
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(mounts[0].point, "prearm-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeCgroups(t, dir) })
	return dir
}

func removeCgroups(t *testing.T, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			removeCgroups(t, filepath.Join(dir, e.Name()))
		}
	}
	if err := deserted(dir); err != nil {
		t.Error(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Error(err)
	}
}

// deserted waits until no process is left in a cgroup: who was killed may
// still be about to end. The kernel says so by an urgent event.
func deserted(dir string) error {
	events, err := unix.Open(filepath.Join(dir, "cgroup.events"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cgroup.events of %s: %w", dir, err)
	}
	defer unix.Close(events)
	text := make([]byte, 256)
	for {
		n, err := unix.Pread(events, text, 0)
		if err != nil || strings.Contains(string(text[:n]), "populated 0") {
			return err
		}
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(events), Events: unix.POLLPRI}}, 30_000)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if ready == 0 && err == nil {
			return fmt.Errorf("%s: processes of it have not ended for half a minute", dir)
		}
	}
}
