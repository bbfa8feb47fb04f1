//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
)

// podman is the Podman of one test, whose node is in the namespace of podman's
// containers, with the hook installed.
type podman struct {
	*node
	*Podman
}

func newPodman(t *testing.T, settings ...string) *podman {
	t.Helper()
	n := newNodeIn(t, "podman", settings...)
	runtime := "crun"
	if !unified() {
		runtime = "runc" // crun knows only the one hierarchy
	}
	p, err := n.Node.Podman(runtime)
	n.must(err)
	t.Cleanup(func() { n.check(p.Remove(t.Context())) })
	if text, exit := n.prearm("hook", "install", "--dir", p.Hooks); exit != 0 {
		t.Fatalf("hook install ended with %d: %s", exit, text)
	}
	return &podman{n, p}
}

// withoutGuard is the setting for what hooks do where there is no guard.
const withoutGuard = `enforcer = "apparmor"`

// unified says whether the machine has cgroups of version 2 alone.
func unified() bool {
	var st unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

func (p *podman) do(args ...string) Result {
	p.Helper()
	r, err := p.Do(p.Context(), args...)
	p.must(err)
	return r
}

// args of a container that the node's policies apply to, with more flags.
func (p *podman) args(command string, flags ...string) []string {
	return slices.Concat([]string{command}, p.Flags(), []string{"--annotation", "app=test"}, flags)
}

// runs is a container that runs an act of the fixture.
func (p *podman) runs(act string, flags ...string) Result {
	p.Helper()
	return p.do(append(p.args("run", flags...), "--rm", "--rootfs", p.fixture, "/act/"+act)...)
}

// open is the same container, to which no policy applies.
func (p *podman) open(act string, flags ...string) Result {
	p.Helper()
	return p.runs(act, append(flags, "--annotation", "app=other")...)
}

// TestPodman runs a container under podman with the hook alone: its network
// rule holds from the first instruction on, for what is exec'd too, again when
// it is started again, and nothing of it is left in the end.
func TestPodman(t *testing.T) {
	leaveTo(t, "6.12")
	p := newPodman(t, withoutGuard)
	p.policy("tcp", tcp)
	denied := int(unix.EACCES)
	if r := p.open("tcp"); r.Exit != 0 {
		t.Fatalf("without the policy the act ended with %d: %s", r.Exit, r.Stderr)
	}
	if r := p.runs("tcp"); r.Exit != denied {
		t.Errorf("the first call ended with %d: %s", r.Exit, r.Stderr)
	}
	if r := p.runs("nothing"); r.Exit != 0 {
		t.Errorf("an innocent program ended with %d: %s", r.Exit, r.Stderr)
	}
	p.empty()
	if r := p.do(append(p.args("create", "--name", "again"), "--rootfs", p.fixture, "/act/pause")...); r.Exit != 0 {
		t.Fatalf("create ended with %d: %s", r.Exit, r.Stderr)
	}
	again := 2
	if p.Slow {
		again = 1
	}
	for range again {
		if r := p.do("start", "again"); r.Exit != 0 {
			t.Fatalf("start ended with %d: %s", r.Exit, r.Stderr)
		}
		if r := p.do("exec", "again", "/act/tcp"); r.Exit != denied {
			t.Errorf("the first call of an exec ended with %d: %s", r.Exit, r.Stderr)
		}
		if r := p.do("exec", "again", "/act/nothing"); r.Exit != 0 {
			t.Errorf("an innocent exec ended with %d: %s", r.Exit, r.Stderr)
		}
		if r := p.do("stop", "--time", "0", "again"); r.Exit != 0 {
			t.Errorf("stop ended with %d: %s", r.Exit, r.Stderr)
		}
		p.empty()
	}
}

// TestPodmanGuard: where the kernel loads the guard, a hook can enforce rules on
// processes and files.
func TestPodmanGuard(t *testing.T) {
	leaveTo(t, "6.12")
	if bpf.LSM() != nil {
		t.Skip("the kernel takes no programs at its security hooks")
	}
	p := newPodman(t, `enforcer = "bpf"`)
	// As at boot: an emulated machine takes longer than a hook may.
	if text, exit := p.prearm("bpf", "load"); exit != 0 || len(p.guards()) != 1 {
		t.Fatalf("bpf load ended with %d: %s", exit, text)
	}
	for _, c := range guardable() {
		p.policy(c.name, c.rule)
		if r := p.open(c.act); r.Exit != 0 {
			t.Fatalf("without the policy %s ended with %d: %s", c.act, r.Exit, r.Stderr)
		}
		if r := p.runs(c.act); r.Exit != int(c.errno) {
			t.Errorf("%s ended with %d: %s", c.act, r.Exit, r.Stderr)
		}
	}
	p.empty()
	if r := p.do(append(p.args("run", "--detach", "--rm", "--name", "held"), "--rootfs", p.fixture, "/act/pause")...); r.Exit != 0 {
		t.Fatalf("run ended with %d: %s", r.Exit, r.Stderr)
	}
	for _, c := range guardable() {
		if r := p.do("exec", "held", "/act/"+c.act); r.Exit != int(c.errno) {
			t.Errorf("an exec of %s ended with %d: %s", c.act, r.Exit, r.Stderr)
		}
	}
	if r := p.do("exec", "held", "/act/nothing"); r.Exit != 0 {
		t.Errorf("an innocent exec ended with %d: %s", r.Exit, r.Stderr)
	}
	if r := p.do("stop", "--time", "0", "held"); r.Exit != 0 {
		t.Errorf("stop ended with %d: %s", r.Exit, r.Stderr)
	}
	p.empty()
}

// TestPodmanRefuses: a rule that takes more than a hook refuses the start, in
// the words that explain has for it, and so does a policy that nobody can
// read.
func TestPodmanRefuses(t *testing.T) {
	leaveTo(t, "6.12")
	p := newPodman(t, withoutGuard)
	for _, c := range classes {
		if c.name == "network" || p.Slow && c.name != "process" {
			continue
		}
		p.policy(c.name, c.rule)
		r := p.runs("nothing")
		if r.Exit == 0 {
			t.Errorf("%s: the container ran", c.name)
		}
		_, words, _ := strings.Cut(r.Stderr, "prearm: judge: ")
		words, _, _ = strings.Cut(words, "\n")
		text, _ := p.prearm("explain", "--runtime", "hook", "--namespace", "podman", "--label", "app=test")
		if words == "" || !strings.Contains(words, "podman/"+c.name+": ") || !strings.Contains(text, words) {
			t.Errorf("%s: refused with %q, explain says %s", c.name, r.Stderr, text)
		}
		t.Log(words)
		if r := p.open("nothing"); r.Exit != 0 {
			t.Errorf("%s: a container that no policy selects ended with %d: %s", c.name, r.Exit, r.Stderr)
		}
		p.must(os.Remove(filepath.Join(p.Policies, c.name+".yaml")))
	}
	p.file("bad.yaml", "[")
	if r := p.open("nothing"); r.Exit == 0 || !strings.Contains(r.Stderr, "prearm: select: ") {
		t.Errorf("with a file that nobody can read the container ended with %d: %s", r.Exit, r.Stderr)
	}
	p.must(os.RemoveAll(p.Policies))
	if r := p.open("nothing"); r.Exit == 0 || !strings.Contains(r.Stderr, "prearm: select: ") {
		t.Errorf("without a policy folder the container ended with %d: %s", r.Exit, r.Stderr)
	}
}

// TestPodmanWarns: with on_unenforceable = "warn" what a hook can do is done.
func TestPodmanWarns(t *testing.T) {
	p := newPodman(t, `on_unenforceable = "warn"`)
	if p.Slow {
		t.Skip("nothing in this is a matter of the kernel")
	}
	for _, c := range classes {
		p.policy(c.name, c.rule)
	}
	if r := p.runs("tcp"); r.Exit != int(unix.EACCES) {
		t.Errorf("tcp ended with %d: %s", r.Exit, r.Stderr)
	}
	if r := p.runs("mkdir"); r.Exit != 0 {
		t.Errorf("mkdir ended with %d: %s", r.Exit, r.Stderr)
	}
}

// TestPodmanImage: podman gives the annotations of an image's manifest to the
// container. The image neither chooses a policy by them nor takes one away.
func TestPodmanImage(t *testing.T) {
	p := newPodman(t)
	if p.Slow {
		t.Skip("nothing in this is a matter of the kernel")
	}
	p.policy("tcp", tcp)
	archive := filepath.Join(p.Cache, "image.tar")
	p.must(WriteImage(archive, "example.org/annotated:1", p.fixture, ImageConfig{Annotations: map[string]string{"app": "test"}}))
	image, err := p.Pull(t.Context(), archive)
	p.must(err)
	run := func(annotations ...string) Result {
		args := slices.Concat([]string{"run", "--rm"}, p.Flags())
		for _, a := range annotations {
			args = append(args, "--annotation", a)
		}
		return p.do(append(args, image, "/act/tcp")...)
	}
	for _, annotations := range [][]string{nil, {"app=test"}} {
		if r := run(annotations...); r.Exit == int(unix.EACCES) || !strings.Contains(r.Stderr, `"app=test"`) {
			t.Errorf("annotations %v: ended with %d: %s", annotations, r.Exit, r.Stderr)
		}
	}
	if r := run("app=other"); r.Exit != 0 {
		t.Errorf("the user's annotation did not stand: ended with %d: %s", r.Exit, r.Stderr)
	}
	p.file("mine.yaml", "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: mine, namespace: podman}\n"+
		"spec:\n  selector: {matchLabels: {mine: \"yes\"}}\n"+strings.Trim(tcp, "\n")+"\n")
	if r := run("app=other", "mine=yes"); r.Exit != int(unix.EACCES) {
		t.Errorf("by an annotation of the user's own: ended with %d: %s", r.Exit, r.Stderr)
	}
}

// TestPodmanForgets: what is left of a container whose end no hook was told of
// goes with the next start.
func TestPodmanForgets(t *testing.T) {
	p := newPodman(t)
	if p.Slow {
		t.Skip("nothing in this is a matter of the kernel")
	}
	p.policy("tcp", tcp)
	path := filepath.Join(p.Hooks, "zz-prearm.json")
	text, err := os.ReadFile(path)
	p.must(err)
	deaf := strings.Replace(string(text), "    \"createRuntime\",\n    \"poststop\"\n", "    \"createRuntime\"\n", 1)
	p.must(os.WriteFile(path, []byte(deaf), 0o644))
	if r := p.runs("tcp"); r.Exit != int(unix.EACCES) {
		t.Errorf("tcp ended with %d: %s", r.Exit, r.Stderr)
	}
	if len(p.traces()) == 0 {
		t.Fatal("nothing was left: this test shows nothing")
	}
	if r := p.open("nothing"); r.Exit != 0 {
		t.Errorf("the next start ended with %d: %s", r.Exit, r.Stderr)
	}
	p.empty()
}

// TestPodmanResidual: raw sockets are denied, and packet sockets, which the
// rule means too, are not. Under the shim both are.
func TestPodmanResidual(t *testing.T) {
	p := newPodman(t)
	if p.Slow {
		t.Skip("nothing in this is a matter of the kernel")
	}
	p.policy("raw", strings.ReplaceAll(tcp, "tcp", "raw"))
	for _, act := range []string{"raw", "packet"} {
		if r := p.open(act, "--cap-add", "net_raw"); r.Exit != 0 {
			t.Fatalf("without the policy %s ended with %d: %s", act, r.Exit, r.Stderr)
		}
	}
	if r := p.runs("raw", "--cap-add", "net_raw"); r.Exit != int(unix.EACCES) {
		t.Errorf("raw ended with %d: %s", r.Exit, r.Stderr)
	}
	if r := p.runs("packet", "--cap-add", "net_raw"); r.Exit != 0 {
		t.Errorf("packet, which the residual hook-families names, ended with %d: %s", r.Exit, r.Stderr)
	}
}
