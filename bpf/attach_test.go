package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// attached counts the programs on a cgroup, at all hooks.
func attached(t *testing.T, cgroup string) int {
	t.Helper()
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	count := 0
	for _, h := range allHooks() {
		result, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: h.attach})
		if err != nil {
			t.Fatal(err)
		}
		count += len(result.Programs)
	}
	return count
}

// linkPins lists what is left under the links directory.
func linkPins(t *testing.T, n *Node) []string {
	t.Helper()
	entries, err := os.ReadDir(n.pin(linksDir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestTwoContainersShareARuleset(t *testing.T) {
	n := newNode(t)
	cgroups := []string{newCgroup(t), newCgroup(t)}
	digest := digestOf("shared")
	for i, cgroup := range cgroups {
		if err := n.PutRuleset(digest, network(block(0), translate.KindTCP)); err != nil {
			t.Fatal(err)
		}
		if err := n.Attach(fmt.Sprint(i), cgroup, digest); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := n.Rulesets(); err != nil || len(all) != 1 || all[0] != digest {
		t.Fatalf("rulesets %x, %v", all, err)
	}
	for i, cgroup := range cgroups {
		if errno := start(t, cgroup).tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != unix.EACCES {
			t.Errorf("container %d: %v, want EACCES", i, errno)
		}
	}
	for i, cgroup := range cgroups {
		if err := n.DropRuleset(digest); !errors.Is(err, ErrInUse) {
			t.Errorf("drop with %d containers left: %v, want %v", 2-i, err, ErrInUse)
		}
		if err := n.Detach(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		if got := attached(t, cgroup); got != 0 {
			t.Errorf("%d programs left on container %d", got, i)
		}
		if errno := start(t, cgroup).tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != 0 {
			t.Errorf("container %d, disarmed: %v", i, errno)
		}
	}
	if err := n.DropRuleset(digest); err != nil {
		t.Fatal(err)
	}
	if err := n.DropRuleset(digest); err != nil {
		t.Errorf("again: %v", err)
	}
	if has, err := n.HasRuleset(digest); has || err != nil {
		t.Errorf("dropped, yet there: %v, %v", has, err)
	}
	if all, err := n.Rulesets(); err != nil || len(all) != 0 {
		t.Errorf("rulesets %x, %v", all, err)
	}
	if pins := linkPins(t, n); len(pins) != 0 {
		t.Errorf("pins left: %v", pins)
	}
}

// Rules outlive the process that made them; the container's death does not
// hinder Detach.
func TestDetachAfterCgroupIsGone(t *testing.T) {
	n := newNode(t)
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	cgroup, err := os.MkdirTemp(mounts[0].point, "prearm-test-")
	if err != nil {
		t.Fatal(err)
	}
	arm(t, n, cgroup, network(block(0)))
	if err := os.Remove(cgroup); err != nil {
		t.Fatal(err)
	}
	if err := n.Detach(t.Name()); err != nil {
		t.Error(err)
	}
	if pins := linkPins(t, n); len(pins) != 0 {
		t.Errorf("pins left: %v", pins)
	}
	if err := n.Detach(t.Name()); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestHostileIDs(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	digest := digestOf("x")
	if err := n.PutRuleset(digest, network(block(0))); err != nil {
		t.Fatal(err)
	}
	ids := []string{
		"..", ".", "/", "../../../escape", "a/b", "/sys/fs/bpf/x", "a\x00b", "\xff\xfe", "\"quoted\"\n",
		"$(id)", " ", strings.Repeat("x", maxID), strings.Repeat("\x00", maxID), "é€😀",
	}
	for _, id := range ids {
		if err := n.Attach(id, cgroup, digest); err != nil {
			t.Errorf("%.40q: %v", id, err)
		}
	}
	got, err := n.Links()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("links %.40q, want %.40q", got, ids)
	}
	for _, e := range linkPins(t, n) {
		if len(e) != 64 || strings.Trim(e, "0123456789abcdef") != "" {
			t.Errorf("a pin named %q", e)
		}
	}
	for _, id := range ids {
		if err := n.Detach(id); err != nil {
			t.Errorf("%.40q: %v", id, err)
		}
	}
	if got := attached(t, cgroup); got != 0 {
		t.Errorf("%d programs left", got)
	}
	for _, id := range []string{"", strings.Repeat("x", maxID+1)} {
		if err := n.Attach(id, cgroup, digest); err == nil {
			t.Errorf("an ID of %d bytes is accepted", len(id))
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	digest := digestOf("x")
	if err := n.PutRuleset(digest, network(block(0))); err != nil {
		t.Fatal(err)
	}
	own, err := CgroupOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, cgroup string
		digest       Digest
		want         error
	}{
		{"the root", mounts[0].point, digest, ErrCgroup},
		{"our own", own, digest, ErrCgroup},
		{"an ordinary folder", t.TempDir(), digest, ErrNoCgroup2},
		{"nothing", filepath.Join(cgroup, "missing"), digest, fs.ErrNotExist},
		{"no such ruleset", cgroup, digestOf("y"), ErrNoRuleset},
		{"the zero digest", cgroup, Digest{}, ErrNoRuleset},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := n.Attach("c", tt.cgroup, tt.digest); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if pins := linkPins(t, n); len(pins) != 0 {
				t.Errorf("pins left: %v", pins)
			}
		})
	}
	if err := n.Attach("c", cgroup, digest); err != nil {
		t.Fatal(err)
	}
	if err := n.Attach("c", cgroup, digest); !errors.Is(err, ErrAttached) {
		t.Errorf("twice: %v, want %v", err, ErrAttached)
	}
	if got := attached(t, cgroup); got != len(allHooks()) {
		t.Errorf("%d programs after the refusal, want %d", got, len(allHooks()))
	}
	if err := n.PutRuleset(Digest{}, network(block(0))); err == nil {
		t.Error("a ruleset for the zero digest, which stands for none")
	}
	if err := n.Detach("c"); err != nil {
		t.Fatal(err)
	}
}

// A hook that cannot be attached takes those before it with it: here, because
// the last has a program already that shares the cgroup with no other.
func TestAttachAllOrNothing(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	last := allHooks()[len(allHooks())-1]
	alone, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.CGroupSockAddr,
		AttachType:   last.attach,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
		License:      "GPL",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if err := link.RawAttachProgram(link.RawAttachProgramOptions{Target: int(dir.Fd()), Program: alone, Attach: last.attach}); err != nil {
		t.Fatal(err)
	}
	digest := digestOf("x")
	if err := n.PutRuleset(digest, network(block(0))); err != nil {
		t.Fatal(err)
	}
	if err := n.Attach("c", cgroup, digest); err == nil || !strings.Contains(err.Error(), last.program) {
		t.Errorf("%v, want a failure of %s", err, last.program)
	}
	if got := attached(t, cgroup); got != 1 {
		t.Errorf("%d programs on the cgroup, want the one that was there", got)
	}
	if pins := linkPins(t, n); len(pins) != 0 {
		t.Errorf("pins left: %v", pins)
	}
	if err := n.DropRuleset(digest); err != nil {
		t.Errorf("the ruleset is held: %v", err)
	}
}

// An Attach that was killed half-way is undone by Detach.
func TestDetachAfterCrash(t *testing.T) {
	n := newNode(t)
	if err := os.Mkdir(n.linkDir(n.version, "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := n.Links(); err != nil || len(got) != 0 {
		t.Errorf("links %q, %v", got, err)
	}
	if err := n.DropRuleset(digestOf("x")); err != nil {
		t.Errorf("drop beside it: %v", err)
	}
	if err := n.Detach("c"); err != nil {
		t.Error(err)
	}
	if pins := linkPins(t, n); len(pins) != 0 {
		t.Errorf("pins left: %v", pins)
	}
}

func TestManyCyclesLeakNothing(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	fds := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	var links []link.ID
	before := fds()
	for i := range 200 {
		digest := digestOf(fmt.Sprint(i))
		if err := n.PutRuleset(digest, network(block(i), translate.KindTCP)); err != nil {
			t.Fatal(err)
		}
		if err := n.Attach("c", cgroup, digest); err != nil {
			t.Fatal(err)
		}
		for _, h := range allHooks() {
			l, err := link.LoadPinnedLink(filepath.Join(n.linkDir(n.version, "c"), h.program), nil)
			if err != nil {
				t.Fatal(err)
			}
			info, err := l.Info()
			if err != nil {
				t.Fatal(err)
			}
			links = append(links, info.ID)
			l.Close()
		}
		if err := n.Detach("c"); err != nil {
			t.Fatal(err)
		}
		if err := n.DropRuleset(digest); err != nil {
			t.Fatal(err)
		}
	}
	if after := fds(); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	for _, id := range links {
		if l, err := link.NewFromID(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("link %d is still there (%v)", id, err)
			if err == nil {
				l.Close()
			}
		}
	}
	if pins := linkPins(t, n); len(pins) != 0 {
		t.Errorf("pins left: %v", pins)
	}
	if all, err := n.Rulesets(); err != nil || len(all) != 0 {
		t.Errorf("rulesets %x, %v", all, err)
	}
}
