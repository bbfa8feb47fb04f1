//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// check is one thing that a container of an example tries.
type check struct {
	args   []string
	denied string // what it says when it is denied; "" if it is permitted
	host   bool   // in the host's network
}

// sh is a check of a shell command that is permitted.
func sh(command string) check { return check{args: []string{"/bin/bash", "-c", command}} }

// deny is the same check, denied with these words.
func (c check) deny(words string) check {
	c.denied = words
	return c
}

// example is a policy of the specification with the verification that its
// text describes.
type example struct {
	policy  string // a file's base name
	label   string // of the containers that it selects
	value   string
	paths   bool     // needs AppArmor or the guard; without them the start is refused
	refused string   // the reason of a refused start, on any machine
	images  []string // the merged one if none
	nnp     string   // what a start with no_new_privs is refused for, "" if it is not
	pause   []string // what the container that is exec'd into runs; the fixture's pause if none
	checks  []check
}

const merged = "multiubuntu" // has bin, sbin and lib in usr

var eitherImage = []string{merged, "multiubuntu-unmerged"}

func examples(server string) []example {
	curl := check{args: []string{"/bin/bash", "-c", "curl -sS -o /dev/null " + server}, host: true}
	const denied, forbidden = "Permission denied", "Operation not permitted"
	return []example{{
		policy: "ksp-group-1-proc-path-block", label: "group", value: "group-1", paths: true, images: eitherImage,
		checks: []check{sh("/bin/sleep 0").deny(denied), sh("sleep 0; exit $?").deny(denied), sh("/bin/ls /")},
	}, {
		policy: "ksp-ubuntu-1-proc-dir-block", label: "container", value: "ubuntu-1", paths: true, images: eitherImage,
		checks: []check{sh("/sbin/route -n").deny(denied), sh("/bin/ls /")},
	}, {
		policy: "ksp-ubuntu-2-proc-dir-recursive-block", label: "container", value: "ubuntu-2", paths: true, images: eitherImage,
		checks: []check{
			{args: []string{"/usr/bin/env"}, denied: denied},
			{args: []string{"/usr/bin/whoami"}, denied: denied},
			{args: []string{"/act/nothing"}},
		},
	}, {
		policy: "ksp-ubuntu-3-file-dir-allow-from-source-path", label: "container", value: "ubuntu-3", paths: true,
		nnp: "fromSource",
		checks: []check{
			sh("cat /credentials/password"), sh("cat /etc/hostname").deny(denied),
			{args: []string{"/bin/cat", "/credentials/password"}},
			{args: []string{"cat", "/etc/hostname"}, denied: denied},
			sh("read -r x < /credentials/password").deny(denied), sh("read -r x < /etc/hostname"),
		},
	}, {
		policy: "ksp-ubuntu-3-proc-path-owner-allow", label: "container", value: "ubuntu-3", paths: true,
		pause: []string{"/bin/sleep", "1000"},
		checks: []check{
			{args: []string{"/home/user1/hello"}, denied: denied},
			{args: []string{"/bin/su", "-", "user1", "-c", "/home/user1/hello"}},
			sh("/home/user1/hello").deny(denied),
		},
	}, {
		policy: "csp-in-bash-sleep-block", paths: true,
		checks: []check{
			sh("/bin/sleep 0; exit $?").deny(denied), {args: []string{"/bin/sleep", "0"}},
			{args: []string{"/usr/bin/env", "sleep", "0"}}, sh("/bin/ls /"),
		},
	}, {
		policy: "csp-in-bash-sleep-allow", paths: true, images: eitherImage, nnp: "fromSource",
		checks: []check{
			sh("/bin/sleep 0"), sh("/bin/ls /").deny(denied),
			{args: []string{"/bin/sleep", "0"}, denied: denied},
			{args: []string{"/usr/bin/env", "sleep", "0"}, denied: denied},
			{args: []string{"/usr/bin/env", "ls", "/"}},
		},
	}, {
		policy: "csp-not-in-shadow-read-only", paths: true,
		checks: []check{sh("read -r x < /etc/shadow"), sh("echo >> /etc/shadow").deny(denied)},
	}, {
		policy: "ksp-ubuntu-4-file-path-readonly-allow", label: "container", value: "ubuntu-4", paths: true,
		checks: []check{sh("cat /credentials/password"), sh(`echo "test" >> /credentials/password`).deny(denied)},
	}, {
		policy: "ksp-ubuntu-5-file-dir-recursive-block", label: "container", value: "ubuntu-5", paths: true,
		checks: []check{sh("cat /secret.txt"), sh("cat /credentials/password").deny(denied)},
	}, {
		policy: "ksp-ubuntu-5-net-icmp-audit", label: "container", value: "ubuntu-5",
		checks: []check{curl, sh("ping -c 1 127.0.0.1")},
	}, {
		policy: "ksp-ubuntu-1-cap-net-raw-block", label: "container", value: "ubuntu-1",
		checks: []check{curl, sh("ping -c 1 127.0.0.1").deny(forbidden)},
	}, {
		policy: "audit-all-unlink", label: "container", value: "ubuntu-1", refused: "audit of system calls is not enforced yet",
		checks: []check{sh("rm /secret.txt")},
	}, {
		policy: "audit-home-rmdir", label: "container", value: "ubuntu-1", refused: "audit of system calls is not enforced yet",
		checks: []check{sh("rmdir /home/user1/none")},
	}}
}

// TestExamples does to each example what its text says, in the entrypoint and
// in a process exec'd later.
func TestExamples(t *testing.T) {
	free := &unprotected{t.Context(), make(map[string]*Task)}
	defer free.delete(t)
	for _, e := range examples(serve(t)) {
		if len(e.images) == 0 {
			e.images = []string{merged}
		}
		for _, image := range e.images {
			t.Run(e.policy+"/"+image, func(t *testing.T) {
				if image != merged {
					leaveTo(t, "6.12") // how a path is canonicalised is no kernel's affair
				}
				e.run(t, image, free)
			})
		}
	}
}

func (e example) run(t *testing.T, image string, free *unprotected) {
	n := newNodeIn(t, "multiubuntu")
	text, err := os.ReadFile(filepath.Join(n.Sources, "policy/testdata/examples", e.policy+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	n.file(e.policy+".yaml", string(text))
	container := func(c check) Container {
		made := n.Container(filepath.Join(n.Images, image), c.args...)
		made.Labels = map[string]string{e.label: e.value}
		made.Privileges = e.nnp != ""
		made.Edit = func(s *specs.Spec) { n.edit(s, c.host) }
		return made
	}
	if reason := e.reason(n); reason != "" {
		for _, c := range e.checks {
			if words := n.refused(container(c)); !strings.Contains(words, reason) {
				t.Errorf("%q: the refusal does not say %q: %s", c.args, reason, words)
			}
		}
		return
	}
	if e.nnp != "" && n.byAppArmor() { // the guard holds sources without a transition
		c := container(e.checks[0])
		c.Privileges = false
		if words := n.refused(c); !strings.Contains(words, "no_new_privs") || !strings.Contains(words, e.nnp) {
			t.Errorf("with no_new_privs the refusal does not say why: %s", words)
		}
	}
	if len(e.pause) == 0 {
		e.pause = []string{"/act/pause"}
	}
	var armed [2]*Task
	for i, host := range []bool{false, true} {
		if slices.ContainsFunc(e.checks, func(c check) bool { return c.host == host }) {
			armed[i] = n.start(container(check{args: e.pause, host: host}))
		}
	}
	for _, c := range e.checks {
		i := 0
		if c.host {
			i = 1
		}
		if r := n.exec(free.start(n, image, c.host), c.args...); r.Exit != 0 {
			t.Errorf("without the policy %q ended with %d: %s", c.args, r.Exit, r.Stderr)
		}
		r, err := n.Daemon.Run(t.Context(), container(c))
		c.compare(t, "as the entrypoint", r, err)
		r, err = armed[i].Exec(t.Context(), nil, c.args...)
		c.compare(t, "exec'd", r, err)
	}
}

// unprotected are containers without policies that examples share, by image
// and network.
type unprotected struct {
	context.Context
	tasks map[string]*Task
}

func (u *unprotected) start(n *node, image string, host bool) *Task {
	n.Helper()
	key := fmt.Sprint(image, host)
	if u.tasks[key] == nil {
		c := Container{Namespace: "unprotected", Root: filepath.Join(n.Images, image), Args: []string{"/act/pause"}, Runtime: Runc}
		c.Edit = func(s *specs.Spec) { n.edit(s, host) }
		task, err := n.Create(u, c)
		n.must(err)
		u.tasks[key] = task
		n.must(task.Start(u))
	}
	return u.tasks[key]
}

func (u *unprotected) delete(t *testing.T) {
	for _, task := range u.tasks {
		if err := task.Delete(u); err != nil {
			t.Error(err)
		}
	}
}

// reason is why the example is refused here, "" if it is not.
func (e example) reason(n *node) string {
	if e.paths && !n.paths() {
		return "AppArmor"
	}
	return e.refused
}

// compare judges how a check ended. A program that is itself denied is
// refused with the rule's name, or fails to start.
func (c check) compare(t *testing.T, how string, r Result, err error) {
	t.Helper()
	var refusal *Refusal
	switch {
	case err != nil && !errors.As(err, &refusal):
		t.Errorf("%q %s: %v", c.args, how, err)
	case refusal != nil && c.denied == "":
		t.Errorf("%q %s was refused: %s", c.args, how, refusal.Message())
	case refusal != nil && !strings.Contains(refusal.Message(), ": process.match"):
		t.Errorf("%q %s: the refusal does not name the rule: %s", c.args, how, refusal.Message())
	case refusal != nil:
	case c.denied == "" && r.Exit != 0:
		t.Errorf("%q %s ended with %d: %s", c.args, how, r.Exit, r.Stderr)
	case c.denied != "" && r.Exit == 0:
		t.Errorf("%q %s was not denied", c.args, how)
	case c.denied != "" && !strings.Contains(r.Stderr, c.denied):
		t.Errorf("%q %s does not say %q: %s", c.args, how, c.denied, r.Stderr)
	}
}

// edit gives a container the fixture's programs in /act and, if host is set,
// the host's network.
func (n *node) edit(s *specs.Spec, host bool) {
	s.Mounts = append(s.Mounts, specs.Mount{
		Destination: "/act", Type: "bind", Source: filepath.Join(n.fixture, "act"), Options: []string{"bind", "ro"},
	})
	if host {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(ns specs.LinuxNamespace) bool {
			return ns.Type == specs.NetworkNamespace
		})
	}
}

// serve answers HTTP on the loopback until the test ends.
func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
	t.Cleanup(server.Close)
	return server.URL
}
