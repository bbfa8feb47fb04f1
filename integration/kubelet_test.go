//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// kubelet is what one test asks of the suite's CRI, in a Kubernetes namespace
// of its own. At the test's end nothing may be left of its pods.
type kubelet struct {
	*node
	cri       *CRI
	namespace string
}

// newKubelet starts the CRI for the first test; settings are further lines of
// the node's config.toml.
func newKubelet(t *testing.T, settings ...string) *kubelet {
	t.Helper()
	if shared.cri == nil {
		c, err := StartCRI(shared.busybox, shared.Bin)
		if err != nil {
			t.Fatal(err)
		}
		shared.cri = c
	}
	c := shared.cri
	own := *shared
	own.Daemon = c.Daemon
	k := &kubelet{
		node:      &node{T: t, suite: &own, Node: c.Node},
		cri:       c,
		namespace: fmt.Sprintf("ns%d", shared.serial.Add(1)),
	}
	c.Node.Enforcer = shared.Surroundings.Enforcer
	k.must(c.Node.Configure(settings...))
	began := c.LogEnd()
	t.Cleanup(func() {
		if t.Failed() {
			log := c.Log(began)
			t.Logf("containerd's log:\n%s", log[max(0, len(log)-8000):])
		}
		k.empty()
		policies, err := filepath.Glob(filepath.Join(c.Node.Policies, "*"))
		k.check(err)
		for _, file := range policies {
			k.check(os.Remove(file))
		}
	})
	return k
}

// on is the same kubelet in a subtest.
func (k *kubelet) on(t *testing.T) *kubelet {
	sub := *k
	sub.node = k.node.with(t)
	return &sub
}

// apply puts a policy of a kind into force; body is metadata, but for the
// name, and spec.
func (k *kubelet) apply(kind, name, body string) {
	k.Helper()
	k.file(name+".yaml", fmt.Sprintf("apiVersion: security.kubearmor.com/v1\nkind: %s\nmetadata:\n  name: %s\n%s\n", kind, name, strings.Trim(body, "\n")))
}

// policy puts a policy for app=test in the kubelet's namespace into force.
func (k *kubelet) policy(name, spec string) {
	k.Helper()
	k.apply("KubeArmorPolicy", name, fmt.Sprintf(`
  namespace: %s
  annotations:
    prearm.dev/syscalls: enforce
spec:
  selector:
    matchLabels:
      app: test
%s`, k.namespace, strings.Trim(spec, "\n")))
}

// armed puts policies into force by which every enforceable class denies its
// act.
func (k *kubelet) armed() {
	k.Helper()
	for _, c := range enforceable() {
		k.policy(c.name, c.rule)
	}
}

// pod runs a pod of app=test under a runtime handler; change may change what
// is asked for. It is removed when the test ends.
func (k *kubelet) pod(handler string, change ...func(*cri.PodSandboxConfig)) *Pod {
	k.Helper()
	config := k.cri.PodConfig(k.namespace, "pod", map[string]string{"app": "test"})
	for _, change := range change {
		change(config)
	}
	p, err := k.cri.RunPod(k.Context(), handler, config)
	k.must(err)
	k.Cleanup(func() { k.check(p.Remove(k.Context())) })
	return p
}

// run runs a container to its end and fails the test if it does not start.
func (k *kubelet) run(p *Pod, config *cri.ContainerConfig) Result {
	k.Helper()
	r, err := p.Run(k.Context(), config)
	if err != nil {
		k.Fatalf("run %q: %v", config.Command, err)
	}
	return r
}

// start starts a container that goes with its pod.
func (k *kubelet) start(p *Pod, config *cri.ContainerConfig) *PodContainer {
	k.Helper()
	c, err := p.Create(k.Context(), config)
	k.must(err)
	k.must(c.Start(k.Context()))
	return c
}

// refused creates and starts a container, which must fail in Start, and
// returns it with the words.
func (k *kubelet) refused(p *Pod, config *cri.ContainerConfig) (*PodContainer, string) {
	k.Helper()
	c, err := p.Create(k.Context(), config)
	k.must(err)
	var refusal *Refusal
	if err := c.Start(k.Context()); !errors.As(err, &refusal) {
		k.Fatalf("start %q: got %v; want a refused start", config.Command, err)
	}
	return c, refusal.Message()
}

// exec runs a command in a container and fails the test if it does not start.
func (k *kubelet) exec(c *PodContainer, args ...string) Result {
	k.Helper()
	r, err := c.ExecSync(k.Context(), args...)
	if err != nil {
		k.Fatalf("exec %q: %v", args, err)
	}
	return r
}

// container is one whose first system call is the class's act.
func (c class) container(name string) *cri.ContainerConfig {
	return ContainerConfig(name, "/act/"+c.act)
}

// script tries the acts of all classes that this machine can enforce, and
// prints a line for each: act and exit status.
func script() []string {
	var acts []string
	for _, c := range enforceable() {
		acts = append(acts, c.act)
	}
	return []string{"/bin/sh", "-c", "for act in " + strings.Join(acts, " ") + "; do /act/$act; echo $act $?; rm -rf /made; done; echo done"}
}

// What a class's act must end with.
func denied(c class) unix.Errno  { return c.errno }
func permitted(class) unix.Errno { return 0 }

// only denies the acts of the classes named.
func only(names ...string) func(class) unix.Errno {
	return func(c class) unix.Errno {
		if slices.Contains(names, c.name) {
			return c.errno
		}
		return 0
	}
}

// judge fails the test unless the script printed that the acts ended as they
// must.
func (k *kubelet) judge(output string, must func(class) unix.Errno) {
	k.Helper()
	for _, c := range enforceable() {
		_, rest, found := strings.Cut("\n"+output, "\n"+c.act+" ")
		text, _, ended := strings.Cut(rest, "\n")
		exit, err := strconv.Atoi(text)
		switch {
		case !found || !ended || err != nil:
			k.Errorf("%s was not tried: %q", c.act, output)
		case exit != int(must(c)):
			k.Errorf("%s ended with %d (%v), want %d", c.act, exit, unix.Errno(exit), must(c))
		}
	}
}

// tries runs a container of the pod that tries everything, and judges it.
func (k *kubelet) tries(p *Pod, must func(class) unix.Errno, change ...func(*cri.ContainerConfig)) {
	k.Helper()
	config := ContainerConfig("main", script()...)
	for _, change := range change {
		change(config)
	}
	r := k.run(p, config)
	if r.Stderr != "" {
		k.T.Log(r.Stderr)
	}
	k.judge(r.Stdout, must)
}

// succeeded says what is wrong about the end of a process that may do an act.
func succeeded(act string, r Result) error {
	if r.Exit != 0 {
		return fmt.Errorf("%s ended with %d (%s); stderr %q", act, r.Exit, unix.Errno(r.Exit).Error(), r.Stderr)
	}
	return nil
}
