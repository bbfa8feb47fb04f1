//go:build integration

package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"google.golang.org/protobuf/proto"
)

// Annotations that a Kubernetes node's containerd writes.
const (
	criType          = "io.kubernetes.cri.container-type"
	criSandbox       = "io.kubernetes.cri.sandbox-id"
	criSandboxName   = "io.kubernetes.cri.sandbox-name"
	criNamespace     = "io.kubernetes.cri.sandbox-namespace"
	criContainerName = "io.kubernetes.cri.container-name"
	criImageName     = "io.kubernetes.cri.image-name"
)

// pod is a pause container, and how to make the others, as CRI does: the
// pod's labels are on the pause container alone, and its namespace is not
// containerd's.
type pod struct {
	*Task
	node    *node
	options proto.Message
}

// pod starts a pod of app=test in the node's namespace.
func (n *node) pod(options proto.Message) *pod {
	n.Helper()
	p := &pod{node: n, options: options}
	c := n.Container(n.fixture, "/act/pause")
	c.ID = fmt.Sprintf("p%d", n.serial.Add(1))
	c.Annotations = map[string]string{criType: "sandbox", criSandbox: c.ID, criSandboxName: "pod", criNamespace: n.Namespace}
	c.Options = options
	p.Task = n.start(c)
	return p
}

// container is another of the pod's.
func (p *pod) container(root string, args ...string) Container {
	c := p.node.Container(root, args...)
	c.Options = p.options
	c.Labels = map[string]string{"io.kubernetes.container.name": "main"}
	c.Annotations = maps.Clone(p.Annotations)
	c.Annotations[criType] = "container"
	c.Annotations[criContainerName] = "main"
	c.Annotations[criImageName] = "example.org/fixture:1"
	return c
}

// TestPod runs containers of one pod, which share a shim: the pod's labels
// choose the policies, and each container's end is its own.
func TestPod(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	pod := n.pod(nil)
	stays, goes := n.start(pod.container(n.fixture, "/act/pause")), n.start(pod.container(n.fixture, "/act/pause"))
	shims, err := n.Shims(n.Namespace)
	if err != nil || len(shims) != 1 {
		t.Errorf("one pod has shims %v, %v", shims, err)
	}
	for _, c := range enforceable() {
		container := pod.container(n.fixture, "/act/"+c.act)
		if r := n.unprotected(container); r.Exit != 0 {
			t.Errorf("without the policy %s failed with %d", c.act, r.Exit)
		}
		r, err := n.Daemon.Run(t.Context(), container)
		if err := judge(c, r, err); err != nil {
			t.Errorf("a container of the pod: %v", err)
		}
	}
	if err := goes.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range enforceable() {
		r, err := stays.Exec(t.Context(), nil, "/act/"+c.act)
		if err := judge(c, r, err); err != nil {
			t.Errorf("after another container of the pod went: %v", err)
		}
	}
}

// TestPause holds the pause container to the pod's network rules and to no
// others.
func TestPause(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	pod := n.pod(nil)
	for _, c := range enforceable() {
		r := n.exec(pod.Task, "/act/"+c.act)
		denied := r.Exit == int(c.errno)
		if denied != (c.name == "network") {
			t.Errorf("%s in the pause container ended with %d", c.act, r.Exit)
		}
	}
}

// TestContainerName applies a policy to the container of its name alone.
func TestContainerName(t *testing.T) {
	leaveTo(t, native)
	n := newNode(t)
	n.file("named.yaml", fmt.Sprintf(`apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata:
  name: named
  namespace: %s
spec:
  selector:
    matchLabels:
      app: test
      kubearmor.io/container.name: "[main,other]"
  network:
    matchProtocols:
    - protocol: tcp
`, n.Namespace))
	pod := n.pod(nil)
	c := pod.container(n.fixture, "/act/tcp")
	if r := n.run(c); r.Exit == 0 {
		t.Errorf("the named container was not held to the policy")
	}
	c.Annotations[criContainerName] = "sidecar"
	if r := n.run(c); r.Exit != 0 {
		t.Errorf("a container of another name ended with %d", r.Exit)
	}
}

// TestRuntimeOptions hands over the settings in every form that containerd
// has, with what they ask of runc.
func TestRuntimeOptions(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	called := filepath.Join(n.Cache, "runc-was-called")
	wrapper := filepath.Join(n.Cache, "runc-wrapper")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\nexec runc \"$@\"\n", called)
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(n.Config)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(n.Cache, "runc-root")
	runcs := fmt.Sprintf("BinaryName = %q\nRoot = %q\n", wrapper, root)
	for name, options := range map[string]proto.Message{
		"a table":             &runtimeoptions.Options{ConfigBody: append([]byte(runcs), settings...)},
		"a table that points": &runtimeoptions.Options{ConfigBody: []byte(runcs + fmt.Sprintf("ConfigPath = %q\n", n.Config))},
	} {
		t.Run(name, func(t *testing.T) {
			n := n.with(t)
			pod := n.pod(options)
			for _, c := range enforceable() {
				r, err := n.Daemon.Run(t.Context(), pod.container(n.fixture, "/act/"+c.act))
				if err := judge(c, r, err); err != nil {
					t.Error(err)
				}
			}
			if _, err := os.Stat(called); err != nil {
				t.Errorf("BinaryName was not heeded: %v", err)
			}
			if err := os.Remove(called); err != nil {
				t.Error(err)
			}
			if left, err := filepath.Glob(filepath.Join(root, n.Namespace, pod.ID)); err != nil || len(left) != 1 {
				t.Errorf("Root was not heeded: %v, %v", left, err)
			}
		})
	}
	t.Run("an unknown key", func(t *testing.T) {
		c := n.Container(n.fixture, "/act/nothing")
		c.Options = &runtimeoptions.Options{ConfigBody: []byte("polices = \"/nowhere\"\n")}
		words := n.with(t).refused(c)
		t.Log(words)
	})
}
