//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCRISystemdCgroups gives pods a slice for their parent, as a kubelet does
// whose cgroup driver is systemd's. containerd 1.6 does not pass SystemdCgroup
// on to a runtime other than runc's; that it is meant is read off the path.
// Without a systemd runc refuses, and says the same under each handler: it was
// told to use it. A machine whose cgroups a systemd could have gets one.
func TestCRISystemdCgroups(t *testing.T) {
	leaveTo(t, "6.12")
	unified := exists("/sys/fs/cgroup/cgroup.controllers")
	if unified && !booted() {
		t.Run("with systemd", func(t *testing.T) { underSystemd(t, "TestCRISystemdCgroups") })
	}
	k := newKubelet(t)
	k.armed()
	for handler, must := range map[string]func(class) unix.Errno{
		HandlerRuncSystemd: permitted, HandlerPrearmSystemd: denied, HandlerPrearm: denied,
	} {
		t.Run(handler, func(t *testing.T) {
			k := k.on(t)
			config := k.cri.PodConfig(k.namespace, "pod", map[string]string{"app": "test"})
			slice := fmt.Sprintf("kubepods-pod%d.slice", k.serial.Add(1))
			config.Linux.CgroupParent = "/kubepods.slice/" + slice
			pod, err := k.cri.RunPod(t.Context(), handler, config)
			if !booted() {
				var refusal *Refusal
				if !errors.As(err, &refusal) || !strings.Contains(refusal.Message(), "systemd not running on this host") {
					t.Errorf("got %v; want runc's refusal", err)
				}
				return
			}
			k.must(err)
			k.Cleanup(func() { k.check(pod.Remove(k.Context())) })
			c := k.start(pod, ContainerConfig("main", "/act/pause"))
			k.judge(k.exec(c, script()...).Stdout, must)
			pid, spec, err := c.Info(t.Context())
			k.must(err)
			if want := slice + ":cri-containerd:" + c.ID; spec.Linux.CgroupsPath != want {
				t.Errorf("the spec's cgroups path is %s, want %s", spec.Linux.CgroupsPath, want)
			}
			group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
			k.must(err)
			if !strings.Contains(string(group), slice+"/cri-containerd-"+c.ID+".scope\n") {
				t.Errorf("the container is not in a scope of systemd's: %s", group)
			}
		})
	}
}
