//go:build kernel

package bpf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
)

func TestKernelGuardMountHooks(t *testing.T) {
	dir := onTmpfs(t)
	if err := unix.Mount("", dir, "", unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"new", "there", "bound", "moved", "attached"} {
		if err := os.Mkdir(at(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("none", at("there"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	acts := []struct {
		act
		hook GuardHook
		path string // of the event
	}{
		{act{Call: "mount", Path: at("new")}, GuardMount, at("new")},
		{act{Call: "bind mount", Path: at("there"), To: at("bound")}, GuardMount, at("bound")},
		{act{Call: "move_mount", Path: at("there"), To: at("attached")}, GuardMoveMount, at("attached")},
		{act{Call: "propagation", Path: at("there")}, GuardMount, at("there")},
		{act{Call: "remount", Path: at("there")}, GuardMount, at("there")},
		{act{Call: "fspick", Path: at("there")}, GuardRemount, ""},
		{act{Call: "fsconfig"}, GuardFSConfig, ""},
		{act{Call: "move mount", Path: at("there"), To: at("moved")}, GuardMount, at("moved")},
		{act{Call: "umount", Path: dir}, GuardUmount, dir},
	}
	perform := func(v *victim) (outcomes []outcome) {
		for _, a := range acts {
			outcomes = append(outcomes, v.do(a.act)...)
		}
		return outcomes
	}
	pivot, attributes := act{Call: "pivot_root", Path: at("new")}, act{Call: "mount_setattr", Path: dir}

	c := confine(t, rules{mount: by(0, 7)}.cells())
	expect(t, perform(c.victim), unix.EACCES, unix.EACCES, unix.EACCES, unix.EACCES, unix.EACCES, unix.EACCES, unix.EACCES, unix.EACCES, unix.EACCES)
	expect(t, c.do(pivot, attributes), unix.EACCES, nil)
	events := c.events(t)
	if len(events) != len(acts)+1 {
		t.Fatalf("%d events, want %d: %v", len(events), len(acts)+1, events)
	}
	for i, e := range events[:len(acts)] {
		if e.Hook != acts[i].hook || e.Path != acts[i].path || e.Detached || e.Verdict.Rule != 7 || e.Verdict.Action != policy.Block {
			t.Errorf("event %v, want %v of %q", e, acts[i].hook, acts[i].path)
		}
	}
	if e := events[len(acts)]; e.Hook != GuardPivotRoot || e.Path != at("new") {
		t.Errorf("event %v", e)
	}

	free := armedAs(t, t.Name()+" free", rules{}.cells())
	free.victim = start(t, free.cgroup)
	expect(t, free.do(pivot), unix.EINVAL) // it is no mount, which the kernel sees after it has asked
	expect(t, perform(free.victim))
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil { // which onTmpfs takes away
		t.Fatal(err)
	}
	if events := free.events(t); len(events) != 0 {
		t.Errorf("events of what is permitted: %v", events)
	}
}

// A path longer than an event holds is cut on the side of the root.
func TestKernelGuardLongPath(t *testing.T) {
	dir := onTmpfs(t)
	deep := dir
	for range 8 {
		deep = filepath.Join(deep, strings.Repeat("x", 255))
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	c := confine(t, rules{mount: by(0, 7)}.cells())
	expect(t, c.do(act{Call: "mount", Path: deep}), unix.EACCES)
	events := c.events(t)
	if len(events) != 1 {
		t.Fatalf("events: %v", events)
	}
	if got := events[0].Path; len(got) < 768 || got[0] == '/' || deep[len(deep)-len(got):] != got || events[0].Detached {
		t.Errorf("%d bytes of path: %q", len(got), got)
	}
}
