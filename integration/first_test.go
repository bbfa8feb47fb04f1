//go:build integration

package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// class is a kind of rule with an act that it denies.
type class struct {
	name  string
	act   string // of the fixture
	rule  string // a policy's specification
	errno unix.Errno
	paths bool // nothing but AppArmor and the guard can enforce it
}

var classes = []class{
	{"process", "process", `
  process:
    matchPaths:
    - path: /bin/victim
`, unix.EACCES, true},
	{"file", "file", `
  file:
    matchPaths:
    - path: /etc/secret
`, unix.EACCES, true},
	{"network", "tcp", `
  network:
    matchProtocols:
    - protocol: tcp
`, unix.EACCES, false},
	{"capabilities", "chroot", `
  capabilities:
    matchCapabilities:
    - capability: sys_chroot
`, unix.EPERM, false},
	{"syscalls", "mkdir", `
  syscalls:
    matchSyscalls:
    - syscall: [mkdirat]
`, unix.EPERM, false},
}

// enforceable are the classes that this machine can enforce.
func enforceable() []class {
	var can []class
	for _, c := range classes {
		if shared.paths() || !c.paths {
			can = append(can, c)
		}
	}
	return can
}

// paths says whether rules on processes and files can be enforced here.
func (s *suite) paths() bool { return s.AppArmor || s.Guard }

// armed is a node on which every enforceable class denies its act.
func armed(t *testing.T, settings ...string) *node {
	return newNode(t, settings...).arm()
}

// arm has every enforceable class deny its act.
func (n *node) arm() *node {
	n.Helper()
	for _, c := range enforceable() {
		n.policy(c.name, c.rule)
	}
	return n
}

// repeats is how often each class is tried, and by how many at once: in all
// of total tries here, and slow tries a class where everything is slow. There
// they are one after the other, but under the guard all at once: each start is
// what the others are slowed down by. The long tier does a thousand a class:
// here, and in the VMs one half on each of the two kernels. Another containerd
// than the machine's gets a twentieth.
func (n *node) repeats(total, workers, slow int) (each, atOnce int) {
	if n.visiting {
		total, slow = total/20, max(slow/20, 1)
	}
	classes := len(enforceable())
	each = (total + classes - 1) / classes
	if n.Slow {
		each, workers = slow, 1
		if n.byGuard() {
			workers = slow
		}
	}
	if n.Long {
		each = 1000
		if n.Slow {
			each /= 2
		}
	}
	return each, workers
}

// TestFirstCall starts containers whose first system call is forbidden. One
// that succeeds once is an escape.
func TestFirstCall(t *testing.T) {
	n := armed(t)
	each, workers := n.repeats(1000, 4, 20)
	for _, c := range enforceable() {
		t.Run(c.name, func(t *testing.T) {
			container := n.Container(n.fixture, "/act/"+c.act)
			if r := n.with(t).unprotected(container); r.Exit != 0 {
				t.Fatalf("without the policy the act failed with %d", r.Exit)
			}
			times(t, each, workers, func() error {
				r, err := n.Daemon.Run(t.Context(), container)
				return judge(c, r, err)
			})
		})
	}
}

// TestFirstCallOfExec does the same with the first process of an exec.
func TestFirstCallOfExec(t *testing.T) {
	n := armed(t)
	each, workers := n.repeats(300, 2, 10)
	open := n.start(n.Container(n.fixture, "/act/pause").unprotected())
	task := n.start(n.Container(n.fixture, "/act/pause"))
	for _, c := range enforceable() {
		t.Run(c.name, func(t *testing.T) {
			if r := n.with(t).exec(open, "/act/"+c.act); r.Exit != 0 {
				t.Fatalf("without the policy the act failed with %d", r.Exit)
			}
			times(t, each, workers, func() error {
				r, err := task.Exec(t.Context(), nil, "/act/"+c.act)
				return judge(c, r, err)
			})
		})
	}
}

// TestOtherDoors tries what the classes deny in a way that is easily forgotten.
// A kernel need not have each of the doors.
func TestOtherDoors(t *testing.T) {
	leaveTo(t, "6.12")
	n := armed(t)
	open := n.start(n.Container(n.fixture, "/act/pause").unprotected())
	for _, act := range []string{"mptcp", "mkdir32"} {
		r := n.exec(open, "/act/"+act)
		switch unix.Errno(r.Exit) {
		case 0, unix.ENOSYS, unix.EPROTONOSUPPORT:
		default:
			t.Errorf("without the policy %s ended with %d", act, r.Exit)
		}
		t.Logf("without the policy %s ends with %d", act, r.Exit)
		for _, seccomp := range []bool{false, true} {
			c := n.Container(n.fixture, "/act/"+act)
			c.Seccomp = seccomp
			if r := n.run(c); r.Exit == 0 || r.Exit >= 128 {
				t.Errorf("%s (containerd's filter: %v) ended with %d", act, seccomp, r.Exit)
			}
		}
	}
}

// judge says what is wrong about the end of a process that tried c's act.
func judge(c class, r Result, err error) error {
	switch {
	case err != nil:
		return err
	case r.Exit == 0:
		return fmt.Errorf("ESCAPE: %s succeeded", c.act)
	case r.Exit != int(c.errno):
		return fmt.Errorf("%s ended with %d, want %d (%s); stderr %q", c.act, r.Exit, int(c.errno), c.errno.Error(), r.Stderr)
	}
	return nil
}

// times calls do count times, on as many workers, and reports how often it
// went wrong, with the first few errors.
func times(t *testing.T, count, workers int, do func() error) {
	t.Helper()
	turns := make(chan struct{}, count)
	for range count {
		turns <- struct{}{}
	}
	close(turns)
	var mu sync.Mutex
	var wrong []string
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range turns {
				if err := do(); err != nil {
					mu.Lock()
					wrong = append(wrong, err.Error())
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(wrong) > 0 {
		t.Errorf("%d of %d went wrong:\n  %s", len(wrong), count, strings.Join(wrong[:min(len(wrong), 5)], "\n  "))
		return
	}
	t.Logf("%d of %d denied", count, count)
}
