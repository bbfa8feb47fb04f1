//go:build integration

package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// TestCRIRestarts: a container that a kubelet starts again, in the same
// sandbox or in another after that, is held again, by the policies as they are
// by then.
func TestCRIRestarts(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.armed()
	attempt := func(n uint32) func(*cri.ContainerConfig) {
		return func(c *cri.ContainerConfig) { c.Metadata.Attempt = n }
	}
	pod := k.pod(HandlerPrearm)
	k.tries(pod, denied, attempt(0))
	c := k.start(pod, ContainerConfig("killed", "/act/pause"))
	k.must(c.Stop(t.Context()))
	k.tries(pod, denied, attempt(1))

	k.policy("network", strings.Replace(tcp, "tcp", "udp", 1))
	k.tries(pod, only("process", "file", "capabilities", "syscalls"), attempt(2))
	k.policy("network", tcp)

	k.must(pod.Remove(t.Context()))
	again := k.pod(HandlerPrearm, func(c *cri.PodSandboxConfig) { c.Metadata.Attempt = 1 })
	k.tries(again, denied, attempt(3))
}

// TestCRIRefusedContainer: whoever asks why a container does not start, the
// kubelet, ctr or the user, finds the rule and what to do. The pod's other
// containers go on, and once the policy is gone the next attempt starts.
func TestCRIRefusedContainer(t *testing.T) {
	leaveTo(t, "6.12")
	k := newKubelet(t, `on_unenforceable = "warn"`)
	k.policy("process", classes[0].rule)
	k.policy("tcp", tcp)
	open := k.pod(HandlerRunc)
	k.check(succeeded("victim", k.run(open, ContainerConfig("main", "/bin/victim"))))

	pod := k.pod(HandlerPrearm)
	other := k.start(pod, ContainerConfig("other", "/act/pause"))
	c, words := k.refused(pod, ContainerConfig("main", "/bin/victim"))
	status, err := c.Status(t.Context())
	k.must(err)
	t.Logf("StartContainer: %s\nContainerStatus: %v, exit code %d, %s: %s", words, status.State, status.ExitCode, status.Reason, status.Message)
	if status.State != cri.ContainerState_CONTAINER_EXITED || status.ExitCode == 0 || status.Reason != "StartError" {
		t.Errorf("the container's status is %v", status)
	}
	for _, word := range []string{"prearm: judge: ", "running /bin/victim is denied by ", k.namespace + "/process: process.matchPaths[0]", "change that policy"} {
		for where, words := range map[string]string{"StartContainer": words, "ContainerStatus": status.Message} {
			if !strings.Contains(words, word) {
				t.Errorf("%s does not say %q: %s", where, word, words)
			}
		}
	}
	if r := k.ctr("containers", "ls", "-q"); !strings.Contains(r.Stdout, c.ID) {
		t.Errorf("ctr containers ls does not list it: %+v", r)
	}
	if r := k.ctr("tasks", "ls", "-q"); strings.Contains(r.Stdout, c.ID) || !strings.Contains(r.Stdout, other.ID) {
		t.Errorf("ctr tasks ls should list the other container alone: %+v", r)
	}
	text, exit := k.prearm("explain", "--address", k.Address, "--containerd-namespace", kubernetes, "--container", c.ID)
	if exit != 0 || !strings.Contains(text, k.namespace+"/process: process.matchPaths[0]") || !strings.Contains(text, "does not start") {
		t.Errorf("explain ended with %d: %s", exit, text)
	}
	k.judge(k.exec(other, script()...).Stdout, only("process", "network"))

	k.policy("process", "  network:\n    matchProtocols:\n    - protocol: udp")
	config := ContainerConfig("main", "/bin/victim")
	config.Metadata.Attempt = 1
	k.check(succeeded("victim", k.run(pod, config)))
	k.judge(k.exec(other, script()...).Stdout, only("process", "network"))
}

// TestCRIRefusedPod: a policy file of the pod's namespace that nobody can read
// refuses the sandbox, and names the file; pods elsewhere start.
func TestCRIRefusedPod(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.apply("KubeArmorPolicy", "bad", fmt.Sprintf("  namespace: %s\nspec:\n  selector: {}\n  procces: {}", k.namespace))
	k.pod(HandlerRunc)
	_, err := k.cri.RunPod(t.Context(), HandlerPrearm, k.cri.PodConfig(k.namespace, "pod", nil))
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v; want a refused pod", err)
	}
	for _, word := range []string{"prearm: select: ", "bad.yaml", "procces", "process"} {
		if !strings.Contains(refusal.Message(), word) {
			t.Errorf("the error does not say %q: %s", word, refusal.Message())
		}
	}
	k.pod(HandlerPrearm, func(c *cri.PodSandboxConfig) { c.Metadata.Namespace = "elsewhere" })
}
