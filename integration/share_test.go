//go:build integration

package integration

import (
	"errors"
	"slices"
	"testing"
)

// TestTwoContainersShare runs two containers under one policy: they share one
// profile and one ruleset, which go with the second of them.
func TestTwoContainersShare(t *testing.T) {
	n := armed(t)
	first, second := n.start(n.Container(n.fixture, "/act/pause")), n.start(n.Container(n.fixture, "/act/pause"))
	want := func(containers int) {
		t.Helper()
		armed, rulesets, err := n.Network()
		if err != nil {
			t.Fatal(err)
		}
		profiles, err := Profiles()
		if err != nil {
			t.Fatal(err)
		}
		shared := min(containers, 1)
		guarded, guards, err := n.Guarded()
		n.must(err)
		count := func(by bool, number int) int {
			if by {
				return number
			}
			return 0
		}
		byAppArmor, byGuard := n.byAppArmor(), n.byGuard()
		if len(armed) != count(!byGuard, containers) || len(rulesets) != count(!byGuard, shared) ||
			len(guarded) != count(byGuard, containers) || len(guards) != count(byGuard, shared) || len(profiles) != count(byAppArmor, shared) {
			t.Errorf("%d containers: %d armed, rulesets %v, %d guarded, rulesets %v, profiles %v", containers, len(armed), rulesets, len(guarded), guards, profiles)
		}
	}
	want(2)
	if err := first.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(1)
	for _, c := range enforceable() {
		r, err := second.Exec(t.Context(), nil, "/act/"+c.act)
		if err := judge(c, r, err); err != nil {
			t.Errorf("after the other container went: %v", err)
		}
	}
	if err := second.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(0)
}

// TestCycles creates and deletes containers of one pod again and again: what
// the kernel, the shim and containerd hold does not grow.
func TestCycles(t *testing.T) {
	n := armed(t)
	cycles := 500
	if n.Slow {
		cycles = 50
	}
	pod := n.pod(nil)
	cycle := func() {
		task, err := n.Create(t.Context(), pod.container(n.fixture, "/act/nothing"))
		if err != nil {
			t.Fatal(err)
		}
		if err := task.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		cycle()
	}
	shims, err := n.Shims(n.Namespace)
	if err != nil || len(shims) != 1 {
		t.Fatalf("one pod has shims %v, %v", shims, err)
	}
	before, err := n.Count(shims[0], n.Pid())
	if err != nil {
		t.Fatal(err)
	}
	for range cycles {
		cycle()
	}
	n.eventually(func() []string {
		now, err := n.Count(shims[0], n.Pid())
		if err != nil {
			return []string{err.Error()}
		}
		return before.Grown(now)
	})
	t.Logf("%d cycles, before and after: %v", cycles, before)
}

// TestRefusedStartsLeaveNothing refuses starts again and again.
func TestRefusedStartsLeaveNothing(t *testing.T) {
	n := armed(t, `on_residual = "warn"`)
	n.policy("entrypoint", `
  capabilities:
    matchCapabilities:
    - capability: setpcap
`)
	c := n.Container(n.fixture, "/act/no-such-program")
	n.refused(c)
	n.empty()
	before, err := n.Count(n.Pid())
	if err != nil {
		t.Fatal(err)
	}
	count := 50
	if n.Slow {
		count = 5
	}
	for range count {
		_, err := n.Daemon.Run(t.Context(), c)
		if !errors.As(err, new(*Refusal)) {
			t.Fatalf("got %v, want a refused start", err)
		}
	}
	n.eventually(func() []string {
		now, err := n.Count(n.Pid())
		if err != nil {
			return []string{err.Error()}
		}
		return slices.Concat(before.Grown(now), n.traces())
	})
}
