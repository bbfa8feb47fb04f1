//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// needsAppArmor skips where there is no AppArmor to go wrong.
func needsAppArmor(t *testing.T) {
	t.Helper()
	if !shared.AppArmor {
		t.Skip("the kernel has no AppArmor, so that this cannot go wrong here")
	}
}

// losses are what an administrator may do to the profiles of running
// containers.
var losses = map[string]func(*node){
	"aa-remove-unknown": func(n *node) { n.command("aa-remove-unknown") },
	"aa-teardown":       func(n *node) { n.command("aa-teardown") },
	"removed by hand": func(n *node) {
		for _, name := range n.profiles() {
			n.must(os.WriteFile(filepath.Join(apparmorfs, ".remove"), []byte(name), 0))
		}
	},
	"replaced by one that complains": func(n *node) {
		for _, name := range n.profiles() {
			text := fmt.Sprintf("profile %s flags=(complain) { file, }\n", name)
			cmd := exec.CommandContext(n.Context(), "apparmor_parser", "--skip-cache", "--replace")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				n.Fatalf("%v: %s", err, out)
			}
		}
	},
}

const apparmorfs = "/sys/kernel/security/apparmor"

// profiles are the names of those of ours in the kernel.
func (n *node) profiles() []string {
	n.Helper()
	lines, err := Profiles()
	n.must(err)
	var names []string
	for _, line := range lines {
		name, _, _ := strings.Cut(line, " (")
		if !strings.Contains(name, "//") { // a child goes with its parent
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		n.Fatal("no profile of ours is in the kernel")
	}
	return names
}

func (n *node) command(name string, args ...string) {
	n.Helper()
	if out, err := exec.CommandContext(n.Context(), name, args...).CombinedOutput(); err != nil {
		n.Fatalf("%s: %v: %s", name, err, out)
	}
}

// TestLostProfile takes the profile from a running container. The container is
// ended, the log and the doctor say why, and the next start is enforced again.
func TestLostProfile(t *testing.T) {
	leaveTo(t, "6.1")
	needsAppArmor(t)
	n := newNodeBy(t, translate.EnforcerAppArmor).arm()
	other := n.start(n.Container(n.fixture, "/act/pause").unprotected())
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			n := n.with(t)
			task := n.start(n.Container(n.fixture, "/act/pause"))
			n.confinement(t, task.Pid) // it runs
			n.doctor("good +containers +1 with")
			began := n.LogEnd()
			lose(n)
			r, err := task.Wait(t.Context())
			if err != nil || r.Exit != 128+int(unix.SIGKILL) {
				t.Errorf("the container ended with %d, %v", r.Exit, err)
			}
			n.doctor("warning +container " + task.ID + " +AppArmor profile prearm-")
			log := n.Daemon.Log(began)
			for _, words := range []string{"id=" + task.ID, "prearm: ending container", "delete the container and start it again"} {
				if !strings.Contains(log, words) {
					t.Errorf("the log does not say %q:\n%s", words, log)
				}
			}
			if name == "aa-remove-unknown" {
				n.enforced()
			}
		})
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", other.Pid)); err != nil {
		t.Errorf("a container without policies ended too: %v", err)
	}
	n.doctor("good +containers +0 with")
}

// TestLostProfileIsOnlyLogged does the same where rules need not be enforced:
// the container runs on, unconfined for good, and nothing is exec'd in it.
func TestLostProfileIsOnlyLogged(t *testing.T) {
	leaveTo(t, "6.12")
	needsAppArmor(t)
	n := newNodeBy(t, translate.EnforcerAppArmor, `on_unenforceable = "warn"`).arm()
	task := n.start(n.Container(n.fixture, "/act/pause"))
	n.confinement(t, task.Pid)
	began := n.LogEnd()
	losses["removed by hand"](n)
	n.eventually(func() []string {
		if log := n.Daemon.Log(began); !strings.Contains(log, "prearm: container runs on without") {
			return []string{"a log that does not say it:\n" + log}
		}
		return nil
	})
	refused := func() {
		t.Helper()
		_, err := task.Exec(t.Context(), nil, "/act/nothing")
		var refusal *Refusal
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Message(), "prearm: exec refused: AppArmor profile prearm-") {
			t.Errorf("exec: %v", err)
		}
		n.doctor("warning +container " + task.ID + " ")
		if profile := n.confinement(t, task.Pid)["profile"]; profile != "unconfined" {
			t.Errorf("the container is %s", profile)
		}
	}
	refused()
	n.enforced()
	refused() // a profile that is loaded again is not the one that was lost
	n.must(task.Delete(t.Context()))
	n.doctor("good +containers +1 with")
}

// TestNothingDenies: while all of AppArmor only complains, which no profile
// shows, nothing with rules that need it is started or exec'd.
func TestNothingDenies(t *testing.T) {
	leaveTo(t, "6.12")
	needsAppArmor(t)
	n := newNodeBy(t, translate.EnforcerAppArmor).arm()
	task := n.start(n.Container(n.fixture, "/act/pause"))
	n.confinement(t, task.Pid)
	const mode = "/sys/module/apparmor/parameters/mode"
	n.must(os.WriteFile(mode, []byte("complain"), 0))
	enforce := func() { n.check(os.WriteFile(mode, []byte("enforce"), 0)) }
	defer enforce()
	_, err := task.Exec(t.Context(), nil, "/act/nothing")
	var refusal *Refusal
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Message(), mode+" says complain") {
		t.Errorf("exec: %v", err)
	}
	if words := n.refused(n.Container(n.fixture, "/act/nothing")); !strings.Contains(words, "AppArmor") {
		t.Errorf("the refusal does not say why: %s", words)
	}
	n.doctor("warning +AppArmor +denies nothing")
	n.doctor("warning +container " + task.ID + " ")
	enforce()
	n.enforced()
}

// enforced fails the test unless a new container is held to the policies, of
// which those on paths tell for all where they can be enforced.
func (n *node) enforced() {
	n.Helper()
	task := n.start(n.Container(n.fixture, "/act/pause"))
	for _, c := range enforceable() {
		if c.paths != n.paths() {
			continue
		}
		r, err := task.Exec(n.Context(), nil, "/act/"+c.act)
		if err := judge(c, r, err); err != nil {
			n.Errorf("the next container: %v", err)
		}
	}
}

// doctor fails the test unless the doctor prints a line that matches.
func (n *node) doctor(pattern string) {
	n.Helper()
	if said, _ := n.prearm("doctor", "--address", n.Address); !regexp.MustCompile("(?m)^" + pattern).MatchString(said) {
		n.Errorf("the doctor has no line %q:\n%s", pattern, said)
	}
}
