//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/shim"
)

// guarded is a node whose rules, of every class that the guard takes, the
// guard enforces.
func guarded(t *testing.T, settings ...string) *node {
	t.Helper()
	if bpf.LSM() != nil {
		t.Skip("the kernel takes no programs at its security hooks")
	}
	n := newNode(t, append([]string{`enforcer = "bpf"`}, settings...)...)
	for _, c := range guardable() {
		n.policy(c.name, c.rule)
	}
	return n
}

// guardable are the classes of which the guard judges the act.
func guardable() []class {
	var can []class
	for _, c := range classes {
		switch c.name {
		case "process", "file", "network":
			can = append(can, c)
		}
	}
	return can
}

// deniesAll tries each class's act with do, which must fail at the first system
// call.
func deniesAll(t *testing.T, do func(c class) (Result, error)) {
	t.Helper()
	for _, c := range guardable() {
		r, err := do(c)
		if err := judge(c, r, err); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestGuard has the guard alone deny the first system call of a container and
// of what is exec'd into it, and leaves nothing of it.
func TestGuard(t *testing.T) {
	n := guarded(t)
	open := n.start(n.Container(n.fixture, "/act/pause").unprotected())
	for _, c := range guardable() {
		if r := n.exec(open, "/act/"+c.act); r.Exit != 0 {
			t.Fatalf("without the policy, %s failed with %d", c.act, r.Exit)
		}
	}
	deniesAll(t, func(c class) (Result, error) {
		return n.Daemon.Run(t.Context(), n.Container(n.fixture, "/act/"+c.act))
	})
	task, err := n.Create(t.Context(), n.Container(n.fixture, "/act/pause"))
	n.must(err)
	n.must(task.Start(t.Context()))
	if profile, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", task.Pid)); err == nil && strings.Contains(string(profile), "prearm") {
		t.Errorf("the container has an AppArmor profile too: %s", profile)
	}
	if r := n.exec(task, "/act/nothing"); r.Exit != 0 {
		t.Errorf("a program that no rule is about ended with %d: %s", r.Exit, r.Stderr)
	}
	deniesAll(t, func(c class) (Result, error) { return task.Exec(t.Context(), nil, "/act/"+c.act) })
	for _, c := range guardable() {
		if r := n.exec(open, "/act/"+c.act); r.Exit != 0 {
			t.Errorf("%s in a container without policies failed with %d", c.act, r.Exit)
		}
	}
	n.must(task.Delete(t.Context()))
	for _, v := range n.guards() {
		if len(v.Containers) > 0 || v.Rulesets > 0 || !v.Current {
			t.Errorf("left behind: %+v", v)
		}
	}
}

// TestKilledGuardedStart kills what runs each step of a start under the guard.
// Nothing is left, and the next start is as good as any.
func TestKilledGuardedStart(t *testing.T) {
	n := guarded(t, fmt.Sprintf("prearm = %q", filepath.Join(shared.Bin, "prearm")))
	for _, step := range shim.GuardSteps()[1:] {
		t.Run(step, func(t *testing.T) {
			n := n.with(t)
			n.fault("kill", step)
			words := n.refused(n.faulty("nothing"))
			if _, err := os.Stat(filepath.Join(n.State, "fault")); err == nil {
				t.Errorf("nothing was killed; the start failed with %q", words)
			}
			n.empty()
		})
	}
	deniesAll(t, func(c class) (Result, error) {
		return n.Daemon.Run(t.Context(), n.Container(n.fixture, "/act/"+c.act))
	})
}

// guards are the versions of the guard that are pinned.
func (n *node) guards() []bpf.Version {
	n.Helper()
	versions, err := bpf.Pinned(n.BPFFS)
	n.must(err)
	var guards []bpf.Version
	for _, v := range versions {
		if v.Guard {
			guards = append(guards, v)
		}
	}
	return guards
}

// TestTwoGuards has a container of another release beside one of this: each
// stays under its own guard, and the other's goes with its last container.
func TestTwoGuards(t *testing.T) {
	n := guarded(t)
	older, err := n.Create(t.Context(), n.Container(n.fixture, "/act/pause"))
	n.must(err)
	n.must(older.Start(t.Context()))
	guards := n.guards()
	if len(guards) != 1 || len(guards[0].Containers) != 1 {
		t.Fatalf("with one container: %+v", guards)
	}
	other := filepath.Join(n.BPFFS, "guard-0123456789abcdef")
	n.must(os.Rename(filepath.Join(n.BPFFS, guards[0].Name), other))
	newer := n.start(n.Container(n.fixture, "/act/pause"))
	if guards = n.guards(); len(guards) != 2 {
		t.Errorf("with a container of each release: %+v", guards)
	}
	for name, task := range map[string]*Task{"older": older, "newer": newer} {
		if r := n.exec(task, "/act/nothing"); r.Exit != 0 {
			t.Errorf("%s: a program that no rule is about ended with %d: %s", name, r.Exit, r.Stderr)
		}
		deniesAll(t, func(c class) (Result, error) { return task.Exec(t.Context(), nil, "/act/"+c.act) })
	}
	n.must(older.Delete(t.Context()))
	if guards = n.guards(); len(guards) != 1 || !guards[0].Current || len(guards[0].Containers) != 1 {
		t.Errorf("after the older container: %+v", guards)
	}
	deniesAll(t, func(c class) (Result, error) { return newer.Exec(t.Context(), nil, "/act/"+c.act) })
}

// TestGuardUnpinned removes the pins, as a reboot does, while what may outlive
// a reboot is there: the next start builds all of it again. A container that
// lost its guard gets no further process.
func TestGuardUnpinned(t *testing.T) {
	n := guarded(t)
	task := n.start(n.Container(n.fixture, "/act/pause"))
	n.must(os.RemoveAll(n.BPFFS))
	_, err := task.Exec(t.Context(), nil, "/act/nothing")
	if err == nil || !strings.Contains(err.Error(), "its pins were removed") && !strings.Contains(err.Error(), "no programs are pinned") {
		t.Errorf("an exec without the guard: %v", err)
	}
	deniesAll(t, func(c class) (Result, error) {
		return n.Daemon.Run(t.Context(), n.Container(n.fixture, "/act/"+c.act))
	})
}

// TestGuardAdmitsEntrypoint has allow_entrypoint admit a first program into an
// allow-list, and nothing that it executes.
func TestGuardAdmitsEntrypoint(t *testing.T) {
	if bpf.LSM() != nil {
		t.Skip("the kernel takes no programs at its security hooks")
	}
	for _, admit := range []bool{false, true} {
		t.Run(fmt.Sprint(admit), func(t *testing.T) {
			n := newNode(t, `enforcer = "bpf"`, fmt.Sprintf("allow_entrypoint = %v", admit))
			n.policy("list", `
  action: Allow
  process:
    matchPaths:
    - path: /act/nothing
`)
			r, err := n.Daemon.Run(t.Context(), n.Container(n.fixture, "/act/process"))
			if !admit {
				if err == nil {
					t.Errorf("started, and ended with %d", r.Exit)
				}
				return
			}
			if err != nil || r.Exit != int(unix.EACCES) {
				t.Errorf("the entrypoint ended with %d, %v; want %d of what it executes", r.Exit, err, unix.EACCES)
			}
		})
	}
}
