//go:build integration

package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/translate"
)

// bashMayNot keeps bash from executing sleep.
const bashMayNot = `
  process:
    matchPaths:
    - path: /bin/sleep
      fromSource:
      - path: /bin/bash
`

// sourceNode is a node that tells sources apart, and a container of an image with shells.
func sourceNode(t *testing.T, args ...string) (*node, Container) {
	n := newNode(t)
	if !n.paths() {
		n.policy("source", bashMayNot)
		if words := n.refused(n.Container(n.busybox, "/bin/busybox", "true")); !strings.Contains(words, "AppArmor") {
			t.Errorf("the refusal does not say why: %s", words)
		}
		t.Skip("sources need AppArmor or the guard, which this kernel lacks; the start is refused")
	}
	return n, n.Container(filepath.Join(n.Images, "multiubuntu"), args...)
}

// ends runs c and says whether it ended well.
func (n *node) ends(c Container) bool { n.Helper(); return n.run(c).Exit == 0 }

// TestScriptsSourceIsItsInterpreter: the first program of a start or an exec
// acts as its interpreter.
func TestScriptsSourceIsItsInterpreter(t *testing.T) {
	n, c := sourceNode(t, "/scripts/bash")
	dir := t.TempDir()
	for name, interpreter := range map[string]string{"bash": "/bin/bash", "dash": "/bin/dash", "link": "/bin/bash"} {
		n.must(os.WriteFile(filepath.Join(dir, name), []byte("#!"+interpreter+"\n/bin/sleep 0\nexit $?\n"), 0o755))
	}
	n.must(os.Chmod(dir, 0o755))
	c.Edit = func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/scripts", Type: "bind", Source: dir, Options: []string{"bind", "ro"}})
	}
	if !n.ends(c.unprotected()) {
		t.Fatal("without the policy the script fails")
	}
	n.policy("source", bashMayNot)
	pause := c
	pause.Args = []string{"/bin/sleep", "1000"}
	task := n.start(pause)
	for name, want := range map[string]bool{"bash": false, "dash": true, "link": false} {
		c.Args = []string{"/scripts/" + name}
		if got := n.ends(c); got != want {
			t.Errorf("the entrypoint %s may execute sleep: %v", name, got)
		}
		if got := n.exec(task, c.Args...).Exit == 0; got != want {
			t.Errorf("%s, exec'd, may execute sleep: %v", name, got)
		}
	}
}

// TestSourcesWithAndWithoutNewPrivileges: what only narrows holds either way;
// with no_new_privs, it also holds for what a source executes.
func TestSourcesWithAndWithoutNewPrivileges(t *testing.T) {
	leaveTo(t, "6.12")
	n, c := sourceNode(t)
	n.policy("source", bashMayNot)
	for _, privileges := range []bool{false, true} {
		c.Privileges = privileges
		for _, try := range []struct {
			args []string
			ends bool
		}{
			{[]string{"/bin/bash", "-c", "/bin/sleep 0; exit $?"}, false},
			{[]string{"/usr/bin/env", "/bin/bash", "-c", "/bin/sleep 0; exit $?"}, false},
			{[]string{"/usr/bin/env", "/bin/sleep", "0"}, true},
			{[]string{"/bin/dash", "-c", "/bin/bash -c true; /bin/sleep 0"}, true},
			{[]string{"/bin/bash", "-c", "/usr/bin/env /bin/sleep 0; exit $?"}, privileges || !n.byAppArmor()}, // apparmor-source-stacked
			{[]string{"/bin/bash", "-c", "/bin/ls / >/dev/null; exit $?"}, true},
		} {
			c.Args = try.args
			if got := n.ends(c); got != try.ends {
				t.Errorf("%q, with new privileges %v: ended well: %v", try.args, privileges, got)
			}
		}
	}
}

// TestSourcesUnderAProfile: a container's own profile stays in force beside
// those of all its domains, and all of them go with the container.
func TestSourcesUnderAProfile(t *testing.T) {
	leaveTo(t, "6.1")
	needsAppArmor(t)
	n, c := sourceNode(t, "/bin/bash", "-c", "read -r profile < /proc/self/attr/current; echo $profile; /bin/sleep 0 || exec /usr/bin/head -c 400 /proc/self/attr/current")
	n.Enforcer = translate.EnforcerAppArmor
	n.must(n.Configure())
	n.policy("source", bashMayNot)
	name := n.ownProfile("file, network, capability, signal, ptrace, audit deny /secret.txt r,")
	c.Privileges = true
	c.Edit = func(s *specs.Spec) { s.Process.ApparmorProfile = name }
	r := n.run(c)
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	if r.Exit != 0 || len(lines) != 2 || !strings.Contains(r.Stderr, "Permission denied") {
		t.Fatalf("got %+v", r)
	}
	for i, line := range lines {
		label, _, _ := strings.Cut(line, " ")
		parts := strings.Split(label, "//&")
		ours := 0
		for _, part := range parts {
			if strings.HasPrefix(part, "prearm-") {
				ours++
			}
		}
		if !slices.Contains(parts, name) || ours != 2-i {
			t.Errorf("confined by %s", line)
		}
	}
	c.Args = []string{"/bin/cat", "/secret.txt"}
	if n.ends(c) {
		t.Error("the container's own profile is not in force")
	}
	left, err := Profiles()
	n.must(err)
	if len(left) > 0 {
		t.Errorf("profiles that are left: %v", left)
	}
}

// ownProfile loads an AppArmor profile of these rules until the test ends.
func (n *node) ownProfile(rules string) string {
	n.Helper()
	name := "integration-" + n.Namespace
	parse := func(option string) {
		n.Helper()
		cmd := exec.CommandContext(context.WithoutCancel(n.Context()), "apparmor_parser", "--skip-cache", option)
		cmd.Stdin = strings.NewReader("profile " + name + " {\n" + rules + "\n}\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			n.Errorf("apparmor_parser %s: %v: %s", option, err, out)
		}
	}
	parse("--add")
	n.Cleanup(func() { parse("--remove") })
	return name
}
