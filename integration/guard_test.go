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

// deniesStarts tries each class's act as a container's first system call.
func (n *node) deniesStarts() {
	n.Helper()
	for _, c := range guardable() {
		r, err := n.Daemon.Run(n.Context(), n.Container(n.fixture, "/act/"+c.act))
		n.check(judge(c, r, err))
	}
}

// deniesExecs does the same with processes that join a container, in which what
// no rule is about works.
func (n *node) deniesExecs(task *Task) {
	n.Helper()
	if r := n.exec(task, "/act/nothing"); r.Exit != 0 {
		n.Errorf("a program that no rule is about ended with %d: %s", r.Exit, r.Stderr)
	}
	for _, c := range guardable() {
		r, err := task.Exec(n.Context(), nil, "/act/"+c.act)
		n.check(judge(c, r, err))
	}
}

// TestGuard has the guard alone enforce rules. It is one node, because loading
// the guard takes most of a minute in an emulated machine.
func TestGuard(t *testing.T) {
	n := guarded(t)
	for _, part := range []struct {
		name string
		try  func(*node)
	}{
		{"first call", guardsFirstCall},
		{"two versions", guardsSideBySide},
		{"entrypoint", guardAdmitsEntrypoint},
		{"unpinned", guardUnpinned},
	} {
		t.Run(part.name, func(t *testing.T) { part.try(n.with(t)) })
	}
}

// guardsFirstCall: the guard denies the first system call of a container and of
// what is exec'd into it, and leaves nothing of it.
func guardsFirstCall(n *node) {
	open := n.start(n.Container(n.fixture, "/act/pause").unprotected())
	for _, c := range guardable() {
		if r := n.exec(open, "/act/"+c.act); r.Exit != 0 {
			n.Fatalf("without the policy, %s failed with %d", c.act, r.Exit)
		}
	}
	n.deniesStarts()
	task, err := n.Create(n.Context(), n.Container(n.fixture, "/act/pause"))
	n.must(err)
	n.must(task.Start(n.Context()))
	if profile, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", task.Pid)); err == nil && strings.Contains(string(profile), "prearm") {
		n.Errorf("the container has an AppArmor profile too: %s", profile)
	}
	n.deniesExecs(task)
	for _, c := range guardable() {
		if r := n.exec(open, "/act/"+c.act); r.Exit != 0 {
			n.Errorf("%s in a container without policies failed with %d", c.act, r.Exit)
		}
	}
	n.must(task.Delete(n.Context()))
	for _, v := range n.guards() {
		if len(v.Containers) > 0 || v.Rulesets > 0 || !v.Current {
			n.Errorf("left behind: %+v", v)
		}
	}
}

// guardsSideBySide: a container of another release runs beside one of this. Each
// stays under its own guard, and the other's goes with its last container.
func guardsSideBySide(n *node) {
	leaveTo(n.T, "6.12")
	older, err := n.Create(n.Context(), n.Container(n.fixture, "/act/pause"))
	n.must(err)
	n.must(older.Start(n.Context()))
	guards := n.guards()
	if len(guards) != 1 || len(guards[0].Containers) != 1 {
		n.Fatalf("with one container: %+v", guards)
	}
	n.must(os.Rename(filepath.Join(n.BPFFS, guards[0].Name), filepath.Join(n.BPFFS, "guard-0123456789abcdef")))
	newer := n.start(n.Container(n.fixture, "/act/pause"))
	if guards = n.guards(); len(guards) != 2 {
		n.Errorf("with a container of each release: %+v", guards)
	}
	n.deniesExecs(older)
	n.deniesExecs(newer)
	n.must(older.Delete(n.Context()))
	if guards = n.guards(); len(guards) != 1 || !guards[0].Current || len(guards[0].Containers) != 1 {
		n.Errorf("after the older container: %+v", guards)
	}
	n.deniesExecs(newer)
}

// guardAdmitsEntrypoint: allow_entrypoint admits a first program into an
// allow-list, and nothing that it executes.
func guardAdmitsEntrypoint(n *node) {
	n.must(os.Remove(filepath.Join(n.Policies, "process.yaml")))
	n.policy("list", `
  action: Allow
  process:
    matchPaths:
    - path: /act/nothing
`)
	if words := n.refused(n.Container(n.fixture, "/act/process")); !strings.Contains(words, "/act/process") {
		n.Errorf("refused with %q", words)
	}
	n.must(n.Configure(`enforcer = "bpf"`, "allow_entrypoint = true"))
	if r := n.run(n.Container(n.fixture, "/act/process")); r.Exit != int(unix.EACCES) {
		n.Errorf("the entrypoint ended with %d; want %d of what it executes", r.Exit, unix.EACCES)
	}
	n.must(n.Configure(`enforcer = "bpf"`))
	n.must(os.Remove(filepath.Join(n.Policies, "list.yaml")))
	n.policy("process", guardable()[0].rule)
}

// guardUnpinned removes the pins, as a reboot does, while what may outlive a
// reboot is there: the next start builds all of it again. A container that lost
// its guard gets no further process.
func guardUnpinned(n *node) {
	leaveTo(n.T, "6.12")
	task := n.start(n.Container(n.fixture, "/act/pause"))
	n.must(os.RemoveAll(n.BPFFS))
	_, err := task.Exec(n.Context(), nil, "/act/nothing")
	if err == nil || !strings.Contains(err.Error(), "its pins were removed") && !strings.Contains(err.Error(), "no programs are pinned") {
		n.Errorf("an exec without the guard: %v", err)
	}
	n.deniesStarts()
}

// TestKilledGuardedStart kills what runs each step of a start under the guard.
// Nothing is left, and the next start is as good as any.
func TestKilledGuardedStart(t *testing.T) {
	leaveTo(t, "6.1")
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
	n.deniesStarts()
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
