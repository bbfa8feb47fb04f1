//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// settle bounds how long the kernel and containerd may take to let go of a
// container that is gone.
const settle = 30 * time.Second

// node is the Node of one test. At the test's end nothing may be left of its
// containers.
type node struct {
	*testing.T
	*suite
	*Node
}

// newNode makes a node; settings are further lines of its config.toml.
func newNode(t *testing.T, settings ...string) *node {
	t.Helper()
	return newNodeIn(t, fmt.Sprintf("t%d-%d", os.Getpid(), shared.serial.Add(1)), settings...)
}

// newNodeIn is newNode in the containerd namespace given.
func newNodeIn(t *testing.T, namespace string, settings ...string) *node {
	t.Helper()
	made, err := shared.NewNode(namespace, settings...)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{T: t, suite: shared, Node: made}
	began := n.LogEnd()
	t.Cleanup(func() {
		if t.Failed() {
			log := n.Daemon.Log(began)
			t.Logf("containerd's log:\n%s", log[max(0, len(log)-8000):])
		}
		n.empty()
		n.check(n.Remove())
	})
	return n
}

// newNodeBy is newNode for a test that is about one enforcer.
func newNodeBy(t *testing.T, enforcer string, settings ...string) *node {
	t.Helper()
	n := newNode(t)
	n.Enforcer = enforcer
	n.must(n.Configure(settings...))
	return n
}

// byAppArmor says whether the node's rules on processes and files are
// AppArmor's, alone or beside the guard.
func (n *node) byAppArmor() bool {
	return n.AppArmor && n.Enforcer != translate.EnforcerBPF
}

// byGuard says whether the guard enforces what it can on the node.
func (n *node) byGuard() bool {
	return n.Guard && (n.Enforcer == translate.EnforcerBPF || n.Enforcer == translate.EnforcerBoth)
}

// with is the same node in a subtest.
func (n *node) with(t *testing.T) *node {
	sub := *n
	sub.T = t
	return &sub
}

// must fails the test at once if something went wrong around it, check later.
func (n *node) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n *node) check(err error) {
	n.Helper()
	if err != nil {
		n.Error(err)
	}
}

// policy is WritePolicy.
func (n *node) policy(name, spec string) {
	n.Helper()
	n.must(n.WritePolicy(name, spec))
}

// file is WriteFile.
func (n *node) file(name, text string) {
	n.Helper()
	n.must(n.WriteFile(name, text))
}

// unprotected is the same container under runc alone, and in no pod: a pod's
// shim serves all of it, whichever runtime a container asks for.
func (c Container) unprotected() Container {
	c.Runtime, c.Config, c.Options, c.Annotations = Runc, "", nil, nil
	return c
}

// run runs c and fails the test if it does not start.
func (n *node) run(c Container) Result {
	n.Helper()
	r, err := n.Daemon.Run(n.Context(), c)
	if err != nil {
		n.Fatalf("run %q: %v", c.Args, err)
	}
	return r
}

// unprotected runs c under runc: what it does without any policy.
func (n *node) unprotected(c Container) Result {
	n.Helper()
	return n.run(c.unprotected())
}

// refused creates and starts c, which must fail, and returns the words.
func (n *node) refused(c Container) string {
	n.Helper()
	r, err := n.Daemon.Run(n.Context(), c)
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		n.Fatalf("run %q: got %+v, %v; want a refused start", c.Args, r, err)
	}
	return refusal.Message()
}

// closed runs c, whose first program tries an act that ends with 0 if it
// succeeds. The start is refused or the act denied; anything else fails the
// test. It returns the words of a refusal.
func (n *node) closed(c Container) string {
	n.Helper()
	r, err := n.Daemon.Run(n.Context(), c)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Message()
	case err != nil:
		n.Fatalf("run %q: %v", c.Args, err)
	case r.Exit != int(unix.EACCES) && r.Exit != int(unix.EPERM):
		n.Fatalf("run %q: ended with %d; want a refused start or a denied act", c.Args, r.Exit)
	}
	return ""
}

// start starts c, which is deleted when the test ends.
func (n *node) start(c Container) *Task {
	n.Helper()
	task, err := n.Create(n.Context(), c)
	if err != nil {
		n.Fatalf("create %q: %v", c.Args, err)
	}
	n.Cleanup(func() { n.check(task.Delete(n.Context())) })
	if err := task.Start(n.Context()); err != nil {
		n.Fatalf("start %q: %v", c.Args, err)
	}
	return task
}

// exec runs another program in a task and fails the test if it does not start.
func (n *node) exec(task *Task, args ...string) Result {
	n.Helper()
	r, err := task.Exec(n.Context(), nil, args...)
	if err != nil {
		n.Fatalf("exec %q: %v", args, err)
	}
	return r
}

// ctr is Ctr.
func (n *node) ctr(args ...string) Result {
	n.Helper()
	r, err := n.Ctr(n.Context(), args...)
	n.must(err)
	return r
}

// traces is Traces; what goes wrong in looking counts as one.
func (n *node) traces() []string {
	found, err := n.Traces()
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

// empty fails the test unless every trace of the node's containers goes.
func (n *node) empty() {
	n.Helper()
	n.eventually(n.traces)
}

// eventually fails the test unless rest becomes empty. It serves only for what
// the kernel and containerd do after they have answered, such as freeing.
func (n *node) eventually(rest func() []string) {
	n.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(settle)
	for {
		left := rest()
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			n.Errorf("left behind:\n  %s", strings.Join(left, "\n  "))
			return
		}
	}
}
