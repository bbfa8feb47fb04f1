//go:build integration

package integration

import (
	"fmt"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// TestCRIInitFirstCall starts init containers whose first system call is
// forbidden, again and again, as a kubelet restarts one that fails. One that
// succeeds once is an escape. The container that comes after them is held too.
func TestCRIInitFirstCall(t *testing.T) {
	k := newKubelet(t)
	k.armed()
	each, _ := k.repeats(100, 1, (20+len(enforceable())-1)/len(enforceable()))
	k.tries(k.pod(HandlerRunc), permitted)
	pod := k.pod(HandlerPrearm)
	attempt := uint32(0)
	for _, c := range enforceable() {
		t.Run(c.name, func(t *testing.T) {
			times(t, each, 1, func() error {
				config := c.container("init")
				config.Metadata.Attempt = attempt
				attempt++
				r, err := pod.Run(t.Context(), config)
				return judge(c, r, err)
			})
		})
	}
	k.tries(pod, denied)
}

// TestCRIContainerName applies a policy to the containers of its names alone:
// those that start with the pod, and one that joins it later, as an ephemeral
// container does.
func TestCRIContainerName(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.apply("KubeArmorPolicy", "named", fmt.Sprintf(`
  namespace: %s
spec:
  selector:
    matchLabels:
      app: test
      kubearmor.io/container.name: "[main,debug]"
  network:
    matchProtocols:
    - protocol: tcp
`, k.namespace))
	pod := k.pod(HandlerPrearm)
	main := k.start(pod, ContainerConfig("main", "/act/pause"))
	sidecar := k.start(pod, ContainerConfig("sidecar", "/act/pause"))
	late := ContainerConfig("debug", script()...)
	late.Linux.SecurityContext.NamespaceOptions = &cri.NamespaceOption{Pid: cri.NamespaceMode_TARGET, TargetId: main.ID}
	k.judge(k.run(pod, late).Stdout, only("network"))
	late.Metadata.Name = "helper"
	k.judge(k.run(pod, late).Stdout, permitted)
	k.judge(k.exec(main, script()...).Stdout, only("network"))
	k.judge(k.exec(sidecar, script()...).Stdout, permitted)
	if shims, err := k.Shims(kubernetes); err != nil || len(shims) != 1 {
		t.Errorf("one pod has shims %v, %v", shims, err)
	}
}

// TestCRIContainersOfOnePod: several containers at once, each with a root file
// system of its own, and all held to the pod's policies.
func TestCRIContainersOfOnePod(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.armed()
	pod := k.pod(HandlerPrearm)
	var containers []*PodContainer
	for i := range 3 {
		containers = append(containers, k.start(pod, ContainerConfig(fmt.Sprintf("c%d", i), "/act/pause")))
	}
	k.must(containers[0].Remove(t.Context()))
	for _, c := range containers[1:] {
		k.judge(k.exec(c, script()...).Stdout, denied)
	}
}
