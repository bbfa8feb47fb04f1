package bpf

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// newGuard is a guard of the test's own with maps and no programs, which not
// every kernel takes.
func newGuard(t *testing.T) *Guard {
	t.Helper()
	g := &Guard{pins{pinDir(t), guardVersion()}}
	build := func() error {
		spec, err := loadGuard()
		if err != nil {
			return err
		}
		clear(spec.Programs)
		work := filepath.Join(g.base, building+g.version)
		if err := os.MkdirAll(filepath.Join(work, linksDir), 0o700); err != nil {
			return err
		}
		guard, err := ebpf.NewCollection(spec)
		if err != nil {
			return err
		}
		defer guard.Close()
		return errors.Join(pinGuard(work, guard), os.Rename(work, g.dir()))
	}
	if err := g.establish(build); err != nil {
		t.Fatal(err)
	}
	return g
}

// putImage gives the guard an image of a few cells.
func putImage(t *testing.T, g *Guard, digest Digest) {
	t.Helper()
	if err := g.PutImage(digest, []uint64{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
}

// recordOf is what the programs find for the cgroup.
func recordOf(t *testing.T, g *Guard, cgroup string) (record guardGuarded, found bool) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(cgroup, &st); err != nil {
		t.Fatal(err)
	}
	err := withPin(g.pin(mapGuardeds), func(m int) error { return lookup(m, &st.Ino, &record) })
	if err != nil && !errors.Is(err, unix.ENOENT) {
		t.Fatal(err)
	}
	return record, err == nil
}

// cellsOf are those of an image as the kernel has it.
func cellsOf(t *testing.T, g *Guard, digest Digest) []uint64 {
	t.Helper()
	outer, err := ebpf.LoadPinnedMap(g.pin(mapImages), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	var image *ebpf.Map
	if err := outer.Lookup(digest, &image); err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	cells := make([]uint64, image.MaxEntries())
	var cursor ebpf.MapBatchCursor
	if n, err := image.BatchLookup(&cursor, make([]uint32, len(cells)), cells, nil); n != len(cells) {
		t.Fatalf("%d cells of %d: %v", n, len(cells), err)
	}
	if err := image.Put(uint32(0), uint64(7)); err == nil {
		t.Error("the image can be changed")
	}
	return cells
}

func TestImages(t *testing.T) {
	g, digest := newGuard(t), digestOf("image")
	if has, err := g.HasImage(digest); has || err != nil {
		t.Errorf("before: %v, %v", has, err)
	}
	want := make([]uint64, 2*batch+5) // more than is written at once, and not a multiple
	for i := range want {
		want[i] = uint64(i)<<32 | uint64(i) ^ 0x5555
	}
	for range 2 { // the second finds it there
		if err := g.PutImage(digest, want); err != nil {
			t.Fatal(err)
		}
	}
	if has, err := g.HasImage(digest); !has || err != nil {
		t.Errorf("after: %v, %v", has, err)
	}
	if got := cellsOf(t, g, digest); !slices.Equal(got, want) {
		t.Error("the kernel has other cells")
	}
	if all, err := g.Images(); err != nil || !slices.Equal(all, []Digest{digest}) {
		t.Errorf("images %x, %v", all, err)
	}
	for range 2 { // the second finds it gone
		if err := g.DropImage(digest); err != nil {
			t.Fatal(err)
		}
	}
	if has, err := g.HasImage(digest); has || err != nil {
		t.Errorf("dropped: %v, %v", has, err)
	}
}

func TestImageSizes(t *testing.T) {
	g := newGuard(t)
	if err := g.PutImage(digestOf("none"), nil); err == nil {
		t.Error("an empty image was taken")
	}
	if err := g.PutImage(digestOf("huge"), make([]uint64, MaxCells+2)); err == nil || !strings.Contains(err.Error(), "16 too large") {
		t.Errorf("two cells too many: %v", err)
	}
	if err := g.PutImage(Digest{}, []uint64{1}); err == nil {
		t.Error("the zero digest was taken")
	}
	began := time.Now()
	if err := g.PutImage(digestOf("large"), make([]uint64, 1_000_000)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("a million cells take %v", took)
	if took > 5*time.Second {
		t.Errorf("a million cells take %v", took)
	}
}

func TestArmSwapDisarm(t *testing.T) {
	g, cgroup := newGuard(t), newCgroup(t)
	first, second := digestOf("first"), digestOf("second")
	container := Container{Cgroup: cgroup, RootMount: 21, UserNS: 4026531837, AdmitFirst: true, Ruleset: first}
	if err := g.Arm("c", container); !errors.Is(err, ErrNoRuleset) {
		t.Errorf("without its image: %v, want %v", err, ErrNoRuleset)
	}
	putImage(t, g, first)
	if err := g.Arm("c", container); err != nil {
		t.Fatal(err)
	}
	armed, ok := recordOf(t, g, cgroup)
	if !ok || armed.Ruleset.Bytes != first || armed.RootMount != 21 || armed.UserNs != 4026531837 || armed.Flags != admitFirst || armed.Generation == 0 {
		t.Errorf("armed: %v, %+v", ok, armed)
	}
	if err := g.Arm("c", container); !errors.Is(err, ErrAttached) {
		t.Errorf("twice: %v, want %v", err, ErrAttached)
	}
	if err := g.Arm("d", container); !errors.Is(err, ErrAttached) {
		t.Errorf("another in the same cgroup: %v, want %v", err, ErrAttached)
	}
	if keys, err := g.Containers(); err != nil || !slices.Equal(keys, []string{"c"}) {
		t.Errorf("containers %q, %v", keys, err)
	}
	if err := g.DropImage(first); !errors.Is(err, ErrInUse) {
		t.Errorf("drop of a used image: %v, want %v", err, ErrInUse)
	}

	if err := g.Swap("c", second); !errors.Is(err, ErrNoRuleset) {
		t.Errorf("swap for nothing: %v, want %v", err, ErrNoRuleset)
	}
	putImage(t, g, second)
	if err := g.Swap("d", second); !errors.Is(err, ErrNotArmed) {
		t.Errorf("swap for nobody: %v, want %v", err, ErrNotArmed)
	}
	last := armed
	for _, to := range []Digest{second, second, first, second} {
		if err := g.Swap("c", to); err != nil {
			t.Fatal(err)
		}
		now, _ := recordOf(t, g, cgroup)
		want := last
		want.Ruleset.Bytes, want.Generation = to, now.Generation
		if now != want || now.Generation <= last.Generation {
			t.Errorf("swapped: %+v after %+v", now, last)
		}
		last = now
	}
	if err := g.DropImage(second); !errors.Is(err, ErrInUse) {
		t.Errorf("drop of the new image: %v, want %v", err, ErrInUse)
	}
	if err := g.DropImage(first); err != nil {
		t.Errorf("drop of the old image: %v", err)
	}
	for range 2 {
		if err := g.Disarm("c"); err != nil {
			t.Fatal(err)
		}
	}
	if record, ok := recordOf(t, g, cgroup); ok {
		t.Errorf("disarmed: %+v", record)
	}
	if keys, err := g.Containers(); err != nil || len(keys) != 0 {
		t.Errorf("containers %q, %v", keys, err)
	}
	if err := g.DropImage(second); err != nil {
		t.Error(err)
	}
}

func TestArmRefuses(t *testing.T) {
	g := newGuard(t)
	digest := digestOf("refuses")
	putImage(t, g, digest)
	own, err := CgroupOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	good := Container{Cgroup: newCgroup(t), RootMount: 1, UserNS: 1, Ruleset: digest}
	for name, spoil := range map[string]func(*Container){
		"this process's cgroup": func(c *Container) { c.Cgroup = own },
		"no cgroup":             func(c *Container) { c.Cgroup = t.TempDir() },
		"no root mount":         func(c *Container) { c.RootMount = 0 },
		"no user namespace":     func(c *Container) { c.UserNS = 0 },
		"no ruleset":            func(c *Container) { c.Ruleset = Digest{} },
	} {
		bad := good
		spoil(&bad)
		if err := g.Arm("c", bad); err == nil {
			t.Errorf("%s: armed", name)
		}
	}
	if keys, err := g.Containers(); err != nil || len(keys) != 0 {
		t.Errorf("left behind: %q, %v", keys, err)
	}
}

// A guard that was interrupted between any two steps can be disarmed.
func TestInterrupted(t *testing.T) {
	g, cgroup := newGuard(t), newCgroup(t)
	digest, next := digestOf("x"), digestOf("y")
	putImage(t, g, digest)
	putImage(t, g, next)
	for _, links := range [][]string{{}, {linkID}, {linkID, linkRuleset}} {
		dir := g.linkDir(g.version, "c")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			if err := os.Symlink(`"c"`, filepath.Join(dir, l)); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Disarm("c"); err != nil {
			t.Fatal(err)
		}
		if exists(dir) {
			t.Errorf("after %q: the folder is left", links)
		}
	}
	if err := g.Arm("c", Container{Cgroup: cgroup, RootMount: 1, UserNS: 1, Ruleset: digest}); err != nil {
		t.Fatal(err)
	}
	// A Swap whose record may have been written.
	if err := os.Symlink(hexOf(next), filepath.Join(g.linkDir(g.version, "c"), linkNext)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Digest{digest, next} {
		if err := g.DropImage(d); !errors.Is(err, ErrInUse) {
			t.Errorf("drop %x: %v, want %v", d[:2], err, ErrInUse)
		}
	}
	if err := g.Swap("c", next); err != nil {
		t.Error(err)
	}
	if err := g.Disarm("c"); err != nil {
		t.Error(err)
	}
}

// Containers keep the guard that armed them; it goes when the last of them
// does. The cgroup programs and the guard do not see each other's versions.
func TestGuardsSideBySide(t *testing.T) {
	g, cgroup := newGuard(t), newCgroup(t)
	digest := digestOf("x")
	putImage(t, g, digest)
	if err := g.Arm("old", Container{Cgroup: cgroup, RootMount: 1, UserNS: 1, Ruleset: digest}); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(g.base, guardPrefix+"0123456789abcdef")
	if err := os.Rename(g.dir(), old); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPinned(g.base); !errors.Is(err, ErrNotPinned) {
		t.Errorf("the guard is taken for cgroup programs: %v", err)
	}
	n, err := Open(g.base)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.Prune(), n.Detach("old")); err != nil {
		t.Error(err)
	}
	if ids, err := n.Links(); err != nil || len(ids) != 0 {
		t.Errorf("links %q, %v", ids, err)
	}

	if g, err = PinnedGuard(g.base); err != nil {
		t.Fatalf("with an older version only: %v", err)
	}
	if g.Ready() {
		t.Error("ready with an older version only")
	}
	if err := g.Swap("old", digest); err == nil {
		t.Error("swapped under an older version")
	}
	if keys, err := g.Containers(); err != nil || !slices.Equal(keys, []string{"old"}) {
		t.Errorf("containers %q, %v", keys, err)
	}
	if armed, err := InUse(g.base); err != nil || !slices.Equal(armed, []string{`"old"`}) {
		t.Errorf("in use: %v, %v", armed, err)
	}
	if err := Unload(g.base); !errors.Is(err, ErrInUse) {
		t.Errorf("unload: %v, want %v", err, ErrInUse)
	}
	if err := g.DropImage(digest); !errors.Is(err, ErrInUse) {
		t.Errorf("drop: %v, want %v", err, ErrInUse)
	}
	if of, err := GuardOf(g.base, filepath.Base(old)); err != nil || !of.Ready() {
		t.Errorf("the version by its name: %v", err)
	}
	if err := g.Disarm("old"); err != nil {
		t.Fatal(err)
	}
	if exists(old) {
		t.Error("the older version outlives its last container")
	}
	if _, err := GuardOf(g.base, filepath.Base(old)); !errors.Is(err, ErrNotPinned) {
		t.Errorf("a version that has gone: %v, want %v", err, ErrNotPinned)
	}
	for _, bad := range []string{"", "guard-../../etc", "0123"} {
		if _, err := GuardOf(g.base, bad); err == nil {
			t.Errorf("version %q was taken", bad)
		}
	}
	if err := Unload(g.base); err != nil {
		t.Error(err)
	}
}
