//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/shim"
)

// stall is how long a delayed step waits, in the binaries built for it.
const stall = 200 * time.Millisecond

// faulted is armed, for starts that obey the node's fault file.
func faulted(t *testing.T) *node {
	return armed(t, fmt.Sprintf("prearm = %q", filepath.Join(shared.Bin, "prearm")))
}

// faulty is a container whose start obeys the node's fault file.
func (n *node) faulty(act string) Container {
	c := n.Container(n.fixture, "/act/"+act)
	c.Runtime = filepath.Join(n.BinFaults, "containerd-shim-prearm-v1")
	return c
}

// fault has the next start stall ("delay") or die ("kill") before a step.
func (n *node) fault(what, step string) {
	n.Helper()
	if err := os.WriteFile(filepath.Join(n.State, "fault"), []byte(what+":"+step+"\n"), 0o600); err != nil {
		n.Fatal(err)
	}
}

// faultSteps are the steps that can be stopped: all but the first, which
// finds out where the node's state lies.
func (n *node) faultSteps() []string {
	if n.byGuard() && !n.byAppArmor() {
		return shim.GuardSteps()[1:]
	}
	return shim.Steps()[1:]
}

// TestStalledStart starts containers with a stall before each step: none of
// them runs before its policy is in force.
func TestStalledStart(t *testing.T) {
	n := faulted(t)
	can := enforceable()
	for i, step := range n.faultSteps() {
		t.Run(step, func(t *testing.T) {
			n := n.with(t)
			try := can
			if n.Slow {
				try = can[i%len(can):][:1]
			}
			for _, c := range try {
				n.fault("delay", step)
				began := time.Now()
				r, err := n.Daemon.Run(t.Context(), n.faulty(c.act))
				if err := judge(c, r, err); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took < stall {
					t.Errorf("the start took %v: it did not stall", took)
				}
			}
		})
	}
}

// TestKilledStart kills what runs each step. containerd sees the start fail,
// and its clean-up leaves nothing.
func TestKilledStart(t *testing.T) {
	n := faulted(t)
	for _, step := range n.faultSteps() {
		t.Run(step, func(t *testing.T) {
			n := n.with(t)
			n.fault("kill", step)
			words := n.refused(n.faulty("nothing"))
			if _, err := os.Stat(filepath.Join(n.State, "fault")); err == nil {
				t.Errorf("nothing was killed; the start failed with %q", words)
			}
			n.empty()
			r, err := n.Daemon.Run(t.Context(), n.Container(n.fixture, "/act/"+enforceable()[0].act))
			if err := judge(enforceable()[0], r, err); err != nil {
				t.Errorf("the next start: %v", err)
			}
		})
	}
}

// TestKilledShim kills a shim whose container is created, and one whose
// container runs. containerd's clean-up leaves nothing of either.
func TestKilledShim(t *testing.T) {
	for _, state := range []string{"created", "running"} {
		t.Run(state, func(t *testing.T) {
			n := armed(t)
			task, err := n.Create(t.Context(), n.Container(n.fixture, "/act/pause"))
			if err != nil {
				t.Fatal(err)
			}
			if state == "running" {
				if err := task.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			shims, err := n.Shims(n.Namespace)
			if err != nil || len(shims) != 1 {
				t.Fatalf("shims %v, %v", shims, err)
			}
			pid, err := strconv.Atoi(shims[0])
			n.must(err)
			n.must(unix.Kill(pid, unix.SIGKILL))
			n.empty()
			if err := task.remove(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestKilledHook names the hook in the error of a start whose hook was killed.
func TestKilledHook(t *testing.T) {
	n := faulted(t)
	steps := n.faultSteps()
	n.fault("kill", steps[len(steps)-2]) // the last that the hook does
	if words := n.refused(n.faulty("nothing")); !strings.Contains(words, "hook") {
		t.Errorf("the error does not name the hook: %s", words)
	}
}
