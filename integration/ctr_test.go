//go:build integration

package integration

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusalAsCtrPrintsIt: one line on stderr says who refuses, at which
// step, because of which rule, and ctr fails.
func TestRefusalAsCtrPrintsIt(t *testing.T) {
	leaveTo(t, native)
	n := newNode(t, `on_unenforceable = "warn"`)
	n.policy("process", classes[0].rule)
	run := func(program string) (string, int) {
		r := n.ctr("run", "--rm", "--runtime", Prearm, "--runtime-config-path", n.Config,
			"--label", "app=test", "--rootfs", n.fixture, "by-ctr", program)
		return r.Stderr, r.Exit
	}
	if stderr, exit := run("/act/nothing"); exit != 0 {
		t.Errorf("an innocent program ended with %d: %s", exit, stderr)
	}
	stderr, exit := run("/bin/victim")
	t.Log(stderr)
	if exit != 1 {
		t.Errorf("ctr ended with %d", exit)
	}
	for _, word := range []string{"ctr: ", "prearm: judge: ", "/bin/victim", n.Namespace + "/process: process.matchPaths[0]"} {
		if !strings.Contains(stderr, word) {
			t.Errorf("the error does not say %q: %s", word, stderr)
		}
	}
	if lines := strings.Count(strings.TrimSpace(stderr), "\n") + 1; lines != 1 {
		t.Errorf("the error has %d lines: %s", lines, stderr)
	}
}

// TestExitAsCtrPassesIt: what was denied is the program's affair, and its exit
// status and output come through.
func TestExitAsCtrPassesIt(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	image := n.image(func(string) error { return nil })
	for _, c := range enforceable() {
		r := n.ctr("run", "--rm", "--runtime", Prearm, "--runtime-config-path", n.Config,
			"--label", "app=test", "--rootfs", image, "by-ctr", "/act/"+c.act)
		if r.Exit != int(c.errno) {
			t.Errorf("%s ended with %d: %s", c.act, r.Exit, r.Stderr)
		}
	}
}

// TestImageLabels: ctr gives the image's labels to the container. They neither
// choose a policy nor take away one that the user chose: the start is refused
// if it hangs on them, and says so. Other labels of the user's are not
// affected.
func TestImageLabels(t *testing.T) {
	leaveTo(t, native)
	n := newNode(t)
	n.policy("tcp", tcp)
	archive := filepath.Join(n.Cache, "image.tar")
	if err := WriteImage(archive, "example.org/labelled:1", n.fixture, ImageConfig{Labels: map[string]string{"app": "test"}}); err != nil {
		t.Fatal(err)
	}
	if r := n.ctr("images", "import", archive); r.Exit != 0 {
		t.Fatalf("import the image: %s", r.Stderr)
	}
	run := func(labels ...string) (string, int) {
		args := []string{"run", "--rm", "--runtime", Prearm, "--runtime-config-path", n.Config}
		for _, label := range labels {
			args = append(args, "--label", label)
		}
		r := n.ctr(append(args, "example.org/labelled:1", "by-ctr", "/act/tcp")...)
		return r.Stderr, r.Exit
	}
	for _, labels := range [][]string{nil, {"app=test"}} {
		if stderr, exit := run(labels...); exit == 0 || !strings.Contains(stderr, `"app=test"`) {
			t.Errorf("labels %v: ended with %d: %s", labels, exit, stderr)
		}
	}
	if stderr, exit := run("app=other"); exit != 0 {
		t.Errorf("the user's label did not stand: ended with %d: %s", exit, stderr)
	}
	if r := n.ctr("images", "rm", "--sync", "example.org/labelled:1"); r.Exit != 0 {
		t.Errorf("remove the image: %s", r.Stderr)
	}
}
