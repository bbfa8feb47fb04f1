//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestTwoDaemons runs containers of one name under two containerds which share
// the node's state, policies and pins. They share the profile and the ruleset,
// and one's end, or its shim's, takes nothing from the other.
func TestTwoDaemons(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	second, err := StartDaemon(n.Bin)
	n.must(err)
	defer func() { n.check(second.Stop()) }()

	container := n.Container(n.fixture, "/act/pause")
	container.ID = "same"
	first := n.start(container)
	// runc's root and the cgroup are the second containerd's affair.
	settings, err := os.ReadFile(n.Config)
	n.must(err)
	root := filepath.Join(second.Scratch, "runc")
	apart := container
	apart.Options = &runtimeoptions.Options{ConfigBody: append(fmt.Appendf(nil, "Root = %q\n", root), settings...)}
	apart.Edit = func(s *specs.Spec) { s.Linux.CgroupsPath = filepath.Join("/", n.Namespace, "second") }

	holds := func(when string) {
		t.Helper()
		for _, c := range enforceable() {
			if c.name != "process" && c.name != "network" {
				continue // nothing of the node's is shared for it
			}
			r, err := first.Exec(t.Context(), nil, "/act/"+c.act)
			if err := judge(c, r, err); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
	}
	shared := func(containers int) {
		t.Helper()
		armed, rulesets, err := n.Network()
		if err != nil || len(armed) != containers || len(rulesets) != 1 {
			t.Errorf("of %d containers %d are armed, with rulesets %v, %v", containers, len(armed), rulesets, err)
		}
	}
	start := func() *Task {
		t.Helper()
		task, err := second.Create(t.Context(), apart)
		n.must(err)
		n.must(task.Start(t.Context()))
		return task
	}

	task := start()
	shared(2)
	n.must(task.Delete(t.Context()))
	shared(1)
	holds("after the other containerd's container was deleted")

	task = start()
	shims, err := second.Shims(n.Namespace)
	if err != nil || len(shims) != 1 {
		t.Fatalf("the second containerd has shims %v, %v", shims, err)
	}
	pid, err := strconv.Atoi(shims[0])
	n.must(err)
	n.must(unix.Kill(pid, unix.SIGKILL))
	n.eventually(func() []string {
		armed, _, err := n.Network()
		if err != nil || len(armed) != 1 {
			return append(armed, fmt.Sprint("armed; ", err))
		}
		return nil
	})
	n.must(task.remove(t.Context()))
	holds("after the other containerd's shim was killed")

	// A name that is taken, in runc's root and in the cgroups too.
	task, err = second.Create(t.Context(), container)
	if err == nil {
		t.Error("two containers of one name in one runc root")
		n.check(task.Delete(t.Context()))
	}
	t.Log(err)
	holds("after the other containerd was refused the same name")
}
