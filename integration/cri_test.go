//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// TestCRISelects: the pod's namespace and labels choose its policies.
func TestCRISelects(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.armed()
	for name, test := range map[string]struct {
		handler string
		change  func(*cri.PodSandboxConfig)
		must    func(class) unix.Errno
	}{
		"under runc":        {HandlerRunc, func(*cri.PodSandboxConfig) {}, permitted},
		"selected":          {HandlerPrearm, func(*cri.PodSandboxConfig) {}, denied},
		"another namespace": {HandlerPrearm, func(c *cri.PodSandboxConfig) { c.Metadata.Namespace = "elsewhere" }, permitted},
		// Neither an annotation nor a container's own label is the pod's label.
		"another label": {HandlerPrearm, func(c *cri.PodSandboxConfig) {
			c.Labels["app"], c.Annotations = "other", map[string]string{"app": "test"}
		}, permitted},
	} {
		t.Run(name, func(t *testing.T) {
			k := k.on(t)
			k.tries(k.pod(test.handler, test.change), test.must, func(c *cri.ContainerConfig) {
				c.Labels = map[string]string{"app": "test"}
			})
		})
	}
}

// TestCRIClusterPolicy: a cluster policy chooses namespaces, one that a
// namespaced policy cannot loosen.
func TestCRIClusterPolicy(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.apply("KubeArmorClusterPolicy", "cluster", fmt.Sprintf(`
spec:
  selector:
    matchExpressions:
    - key: namespace
      operator: In
      values: [%s, other-%s]
  network:
    matchProtocols:
    - protocol: tcp
`, k.namespace, k.namespace))
	k.policy("looser", strings.Replace(tcp, "tcp", "tcp\n      action: Allow", 1))
	for namespace, must := range map[string]func(class) unix.Errno{
		k.namespace: only("network"), "elsewhere": permitted,
	} {
		t.Run(namespace, func(t *testing.T) {
			k := k.on(t)
			k.tries(k.pod(HandlerPrearm, func(c *cri.PodSandboxConfig) { c.Metadata.Namespace = namespace }), must)
		})
	}
}

// TestCRIPause: the pause container runs, with an address, and is held to the
// network rules alone. containerd's own client gets into it; the CRI does not.
func TestCRIPause(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.armed()
	for handler, must := range map[string]func(class) unix.Errno{HandlerRunc: permitted, HandlerPrearm: only("network")} {
		t.Run(handler, func(t *testing.T) {
			k := k.on(t)
			pod := k.pod(handler)
			status, err := pod.Status(t.Context())
			k.must(err)
			if status.State != cri.PodSandboxState_SANDBOX_READY || status.Network.GetIp() == "" || status.RuntimeHandler != handler {
				t.Errorf("the sandbox is not as asked for: %v", status)
			}
			r := k.ctr(append([]string{"tasks", "exec", "--exec-id", "acts", pod.ID}, script()...)...)
			k.judge(r.Stdout, func(c class) unix.Errno {
				if c.act == "mkdir" {
					return unix.EROFS
				}
				return must(c)
			})
		})
	}
}
