//go:build kernel

package bpf

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
)

// onTmpfs is a folder on a tmpfs of its own.
func onTmpfs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func file(t *testing.T, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// count gives how many of the events are of a hook and a capability.
func count(events []GuardEvent, hook GuardHook, capability int, action policy.Action, rule int) (n int) {
	for _, e := range events {
		if e.Hook == hook && e.Capability == capability && e.Verdict.Action == action && e.Verdict.Rule == rule {
			n++
		}
	}
	return n
}

func TestKernelGuardCapabilities(t *testing.T) {
	path := file(t, t.TempDir(), "f")
	acts := []act{{Call: "chown", Path: path}, {Call: "hostname"}}
	expect(t, start(t, newCgroup(t)).do(acts...))

	c := confine(t, rules{capabilities: map[int]uint64{unix.CAP_CHOWN: by(0, 1), unix.CAP_SYS_ADMIN: by(1, 2)}}.cells())
	expect(t, c.do(acts...), unix.EPERM, nil)
	events := c.events(t)
	if count(events, GuardCapable, unix.CAP_CHOWN, policy.Block, 1) == 0 || count(events, GuardCapable, unix.CAP_SYS_ADMIN, policy.Audit, 2) == 0 {
		t.Errorf("events: %v", events)
	}
	for _, e := range events {
		if e.Hook != GuardCapable || e.Capability != unix.CAP_CHOWN && e.Capability != unix.CAP_SYS_ADMIN || int(e.PID) != c.pid {
			t.Errorf("unexpected %v", e)
		}
	}
}

// What a process may do in a user namespace that it has made is its own affair.
func TestKernelGuardOwnUserNamespace(t *testing.T) {
	c := armed(t, rules{capabilities: map[int]uint64{unix.CAP_SYS_ADMIN: by(0, 1)}}.cells())
	c.victim = startWith(t, c.cgroup, func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWUTS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{Size: math.MaxInt32 + 1}} // as many as victims let ping
	})
	expect(t, c.do(act{Call: "hostname"}))
	if events := c.events(t); len(events) != 0 {
		t.Errorf("events: %v", events)
	}
}

// everyCapability blocks all but those, which victims need to begin.
func everyCapability(but ...int) map[int]uint64 {
	all := make(map[int]uint64)
	for n := range 64 {
		if !slices.Contains(but, n) {
			all[n] = by(0, n)
		}
	}
	return all
}

// Overlayfs acts on its layers as who mounted it, with capabilities that are
// not the container's.
func TestKernelGuardMounterIsNotJudged(t *testing.T) {
	dir := onTmpfs(t)
	for _, d := range []string{"lower", "lower/d", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file(t, dir, "lower/f")
	file(t, dir, "lower/d/g")
	merged := filepath.Join(dir, "merged")
	options := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(merged, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	c := confine(t, rules{capabilities: everyCapability(unix.CAP_SETPCAP, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW)}.cells())
	expect(t, c.do(
		act{Call: "drop", FD: unix.CAP_SYS_ADMIN},
		act{Call: "write", Path: merged + "/f"},
		act{Call: "unlink", Path: merged + "/d/g"},
		act{Call: "mkdir", Path: merged + "/d/h"},
		act{Call: "chown", Path: merged + "/f"},
	), nil, nil, nil, nil, unix.EPERM)
	for _, e := range c.events(t) {
		if e.Capability != unix.CAP_CHOWN {
			t.Errorf("unexpected %v", e)
		}
	}
}

// Nor does a process get out by taking on credentials that it has put aside.
func TestKernelGuardPersonality(t *testing.T) {
	path := file(t, t.TempDir(), "f")
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 1, 1); err != nil {
		t.Fatal(err)
	}
	acts := []act{{Call: "drop", FD: unix.CAP_SYS_ADMIN}, {Call: "open", Path: path}, {Call: "personality", Path: path}}
	expect(t, start(t, newCgroup(t)).do(acts...))

	c := confine(t, rules{capabilities: map[int]uint64{unix.CAP_DAC_OVERRIDE: by(0, 4)}}.cells())
	expect(t, c.do(acts[:2]...), nil, unix.EACCES)
	if n := count(c.events(t), GuardCapable, unix.CAP_DAC_OVERRIDE, policy.Block, 4); n == 0 {
		t.Error("no event of the open")
	}
	expect(t, c.do(acts[2]), unix.EACCES)
	if n := count(c.events(t), GuardCapable, unix.CAP_DAC_OVERRIDE, policy.Block, 4); n == 0 {
		t.Error("no event of the personality's open")
	}
}

// Where the kernel only wants to know, nothing is reported.
func TestKernelGuardQuietCapability(t *testing.T) {
	path := file(t, onTmpfs(t), "f")
	if err := unix.Setxattr(path, "trusted.x", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	list := act{Call: "listxattr", Path: path}
	without := start(t, newCgroup(t)).do(list)[0]
	c := confine(t, rules{capabilities: map[int]uint64{unix.CAP_SYS_ADMIN: by(0, 4)}}.cells())
	with := c.do(list)[0]
	if with.Errno != 0 || without.Errno != 0 || with.FD != without.FD-len("trusted.x")-1 {
		t.Errorf("attributes of %d bytes (%v), without rules %d (%v)", with.FD, with.Errno, without.FD, without.Errno)
	}
	if events := c.events(t); len(events) != 0 {
		t.Errorf("events: %v", events)
	}
}
