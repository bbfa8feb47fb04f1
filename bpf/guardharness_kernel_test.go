//go:build kernel

package bpf

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
)

// loaded is the guard of all tests here: programs at the kernel's hooks judge
// no task but those of the tests' containers.
var loaded = sync.OnceValues(func() (*Guard, error) {
	return OpenGuard(filepath.Join(os.Getenv(bpffsEnv), "kernel"))
})

func kernelGuard(t *testing.T) *Guard {
	t.Helper()
	g, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// rules are an image's verdicts on what is not about paths, for every source.
type rules struct {
	sockets      map[int]uint64 // by kind; others are permitted
	capabilities map[int]uint64 // by number; others are permitted
	mount        uint64         // 0: permitted
}

// by is the cell of a rule's verdict.
func by(action uint64, rule int) uint64 {
	const reasonRule, namespaced = 1, 2
	return action | reasonRule<<8 | namespaced<<16 | uint64(rule)<<32
}

const permit = 2

// cells are the image.
func (r rules) cells() []uint64 {
	cells := []uint64{1, 2, 0, 0, 0, 0}
	table := func(length int, verdicts map[int]uint64) uint64 {
		if verdicts == nil {
			return 0
		}
		at := len(cells)
		for range 2 { // source classes
			for i := range length {
				v, ok := verdicts[i]
				if !ok {
					v = permit
				}
				cells = append(cells, v)
			}
		}
		return uint64(at)
	}
	cells[5] = table(image.Sockets, r.sockets) | table(64, r.capabilities)<<32
	if r.mount != 0 {
		cells[4] = uint64(len(cells)) << 32
		cells = append(cells, r.mount)
	}
	return cells
}

// confined is a container with a process of its own.
type confined struct {
	*victim
	guard  *Guard
	key    string
	cgroup string
	id     uint64
	digest Digest
}

// confine arms a container with an image, and starts a victim in it. Its root
// is this process's.
func confine(t *testing.T, cells []uint64, files ...*os.File) *confined {
	t.Helper()
	c := armed(t, cells)
	c.victim = start(t, c.cgroup, files...)
	return c
}

// armed is a container without process.
func armed(t *testing.T, cells []uint64) *confined {
	t.Helper()
	return armedAs(t, t.Name(), cells)
}

func armedAs(t *testing.T, key string, cells []uint64) *confined {
	t.Helper()
	c := &confined{guard: kernelGuard(t), key: key, cgroup: newCgroup(t), digest: digestOf(key)}
	var st unix.Stat_t
	if err := unix.Stat(c.cgroup, &st); err != nil {
		t.Fatal(err)
	}
	c.id = st.Ino
	if err := c.guard.PutImage(c.digest, cells); err != nil {
		t.Fatal(err)
	}
	var root unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, "/", 0, unix.STATX_MNT_ID, &root); err != nil {
		t.Fatal(err)
	}
	if err := unix.Stat("/proc/self/ns/user", &st); err != nil {
		t.Fatal(err)
	}
	if err := c.guard.Arm(c.key, Container{Cgroup: c.cgroup, RootMount: uint32(root.Mnt_id), UserNS: uint32(st.Ino), Ruleset: c.digest}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.guard.Disarm(c.key); err != nil {
			t.Error(err)
		}
	})
	return c
}

// events are those of the container that are in the ring.
func (c *confined) events(t *testing.T) []GuardEvent {
	t.Helper()
	r, err := c.guard.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	r.SetDeadline(time.Now()) // what is there is read all the same
	var events []GuardEvent
	for {
		e, err := r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Container == c.id {
			events = append(events, e)
		}
	}
}

// expect compares what came of acts.
func expect(t *testing.T, got []outcome, want ...error) {
	t.Helper()
	for i, o := range got {
		w := syscall.Errno(0)
		if i < len(want) {
			w = errno(want[i])
		}
		if o.Errno != w {
			t.Errorf("act %d: %v, want %v", i, o.Errno, w)
		}
	}
}

// errno is that of an error, 0 for nil.
func errno(err error) (n syscall.Errno) {
	errors.As(err, &n)
	return n
}

// build is the image of rules.
func build(t *testing.T, rules ...model.Rule) []uint64 {
	t.Helper()
	for i := range rules {
		rules[i].Number, rules[i].Tier = i, policy.Namespaced
	}
	cells, err := image.Build(image.Ruleset{Rules: rules, Posture: policy.Posture{}})
	if err != nil {
		t.Fatal(err)
	}
	return cells
}
