//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"golang.org/x/sys/unix"
)

// TestRuncCannotDelete kills the shim of a container that runc fails to end.
// Its rules stay in force while it lives, and go when it can be ended.
func TestRuncCannotDelete(t *testing.T) {
	leaveTo(t, "6.1")
	n := armed(t)
	broken, wrapper := filepath.Join(n.Cache, "broken"), filepath.Join(n.Cache, "runc-wrapper")
	script := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *\" delete \"*) [ ! -e %s ] || exit 1 ;; esac\nexec runc \"$@\"\n", broken)
	n.must(os.WriteFile(wrapper, []byte(script), 0o755))
	settings, err := os.ReadFile(n.Config)
	n.must(err)
	c := n.Container(n.fixture, "/act/pause")
	c.Options = &runtimeoptions.Options{ConfigBody: append(fmt.Appendf(nil, "BinaryName = %q\n", wrapper), settings...)}
	task, err := n.Create(t.Context(), c)
	n.must(err)
	n.must(task.Start(t.Context()))
	profile := n.confinement(t, task.Pid)["profile"]

	n.must(os.WriteFile(broken, nil, 0o600))
	began := n.LogEnd()
	shims, err := n.Shims(n.Namespace)
	if err != nil || len(shims) != 1 {
		t.Fatalf("shims %v, %v", shims, err)
	}
	pid, err := strconv.Atoi(shims[0])
	n.must(err)
	n.must(unix.Kill(pid, unix.SIGKILL))
	n.eventually(func() []string {
		if log := n.Daemon.Log(began); !strings.Contains(log, "failed to delete") {
			return []string{"a log without the failure: " + log}
		}
		return nil
	})
	if now := n.confinement(t, task.Pid)["profile"]; now != profile {
		t.Errorf("the container's profile was %s and is %s", profile, now)
	}
	if armed, _, err := n.Network(); err != nil || len(armed) != 1 {
		t.Errorf("armed: %v, %v", armed, err)
	}

	// containerd tries again when it is restarted.
	n.must(os.Remove(broken))
	bundle := filepath.Join(n.Scratch, "state/io.containerd.runtime.v2.task", n.Namespace, task.ID)
	again := exec.CommandContext(t.Context(), filepath.Join(n.Bin, "containerd-shim-prearm-v1"),
		"-namespace", n.Namespace, "-address", n.Address, "-publish-binary", "containerd", "-id", task.ID, "-bundle", bundle, "delete")
	again.Dir = bundle
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("deleting again: %v: %s", err, out)
	}
	n.eventually(func() []string {
		return slices.DeleteFunc(n.traces(), func(trace string) bool { return strings.HasPrefix(trace, "bundle ") })
	})
	n.must(os.RemoveAll(bundle))
	n.must(task.remove(t.Context()))
}
