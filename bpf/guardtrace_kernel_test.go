//go:build kernel

package bpf

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
)

// programs are copies of this one, at paths that rules can name.
func programs(t *testing.T, names ...string) (paths []string) {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, self, 0o755); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// Who traces another acts as that one, so it may trace its equals alone.
func TestKernelGuardTrace(t *testing.T) {
	p := programs(t, "a", "b")
	a, b := p[0], p[1]
	sourced := build(t, model.Rule{Class: policy.Network, Action: policy.Block, Object: policy.Object{Kind: policy.Protocol, Name: "tcp"}, Sources: []string{a}})
	plain := build(t, model.Rule{Class: policy.Network, Action: policy.Block, Object: policy.Object{Kind: policy.Protocol, Name: "tcp"}})
	memory := func(pid int) act { return act{Call: "open", Path: fmt.Sprintf("/proc/%d/mem", pid)} }
	seize := func(pid int) act { return act{Call: "seize", FD: pid} }

	t.Run("sources", func(t *testing.T) {
		c := armed(t, sourced)
		va, vb, other := startAs(t, a, c.cgroup), startAs(t, b, c.cgroup), startAs(t, b, c.cgroup)
		outside := start(t, newCgroup(t))
		expect(t, vb.do(memory(other.pid), seize(other.pid), memory(vb.pid)))
		if events := c.events(t); len(events) != 0 {
			t.Errorf("events of what is permitted: %v", events)
		}
		expect(t, va.do(memory(vb.pid), seize(vb.pid)), unix.EACCES, unix.EACCES)
		expect(t, vb.do(memory(va.pid), seize(va.pid)), unix.EACCES, unix.EACCES)
		expect(t, vb.do(memory(outside.pid), seize(outside.pid)), unix.EACCES, unix.EACCES)
		expect(t, outside.do(memory(va.pid), seize(va.pid)))
		events := c.events(t)
		if len(events) != 6 {
			t.Fatalf("%d events: %v", len(events), events)
		}
		for i, want := range []int{vb.pid, vb.pid, va.pid, va.pid, outside.pid, outside.pid} {
			if e := events[i]; e.Hook != GuardTrace || int(e.Other) != want || e.Verdict.Reason != image.ByTrace || e.Verdict.Action != policy.Block || e.Verdict.Rule != -1 {
				t.Errorf("event %d: %v", i, e)
			}
		}
	})
	t.Run("exec", func(t *testing.T) {
		c := armed(t, sourced)
		v := startAs(t, b, c.cgroup)
		expect(t, v.do(act{Call: "traced child", Path: b}, act{Call: "traced child", Path: a}), nil, unix.EACCES)
		expect(t, v.do(act{Call: "exec with child", Path: b, To: a}), unix.EACCES)
		events := c.events(t)
		if len(events) != 2 || events[0].Hook != GuardTracedExec || events[1].Hook != GuardTracedExec {
			t.Errorf("events: %v", events)
		}
	})
	t.Run("no sources", func(t *testing.T) {
		c := armed(t, plain)
		va, vb := startAs(t, a, c.cgroup), startAs(t, b, c.cgroup)
		expect(t, va.do(memory(vb.pid), seize(vb.pid), act{Call: "traced child", Path: b}))
		expect(t, va.do(memory(os.Getpid())), unix.EACCES)
		expect(t, start(t, newCgroup(t)).do(memory(os.Getpid())))
	})
}
