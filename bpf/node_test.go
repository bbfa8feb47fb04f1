package bpf

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

func TestOpenPinsOnce(t *testing.T) {
	dir := pinDir(t)
	if _, err := OpenPinned(dir); !errors.Is(err, ErrNotPinned) {
		t.Errorf("before: %v, want %v", err, ErrNotPinned)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Open(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n, err := OpenPinned(dir)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != n.version {
		t.Errorf("%v, %v; want one version", entries, err)
	}
}

func TestUntrustedDirs(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"world-writable": func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) },
		"another user's": func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 1000, 1000)) },
		"a symlink":      func(dir string) error { return os.Symlink(filepath.Dir(dir), dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := pinDir(t)
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); !errors.Is(err, ErrUntrusted) {
				t.Errorf("Open: %v, want %v", err, ErrUntrusted)
			}
			if _, err := OpenPinned(dir); !errors.Is(err, ErrUntrusted) {
				t.Errorf("OpenPinned: %v, want %v", err, ErrUntrusted)
			}
		})
	}
}

func TestNoBPFFS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "prearm")
	if err := Supported(dir); !errors.Is(err, ErrNoBPFFS) {
		t.Errorf("Supported: %v, want %v", err, ErrNoBPFFS)
	}
	if _, err := Open(dir); !errors.Is(err, ErrNoBPFFS) {
		t.Errorf("Open: %v, want %v", err, ErrNoBPFFS)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrNoBPFFS) {
		t.Errorf("Open of a folder: %v, want %v", err, ErrNoBPFFS)
	}
	if err := Supported(pinDir(t)); err != nil {
		t.Errorf("Supported in a bpffs: %v", err)
	}
}

// older turns the node's version into another release's.
func older(t *testing.T, n *Node) string {
	t.Helper()
	old := filepath.Join(n.base, "0123456789abcdef")
	if err := os.Rename(n.dir(), old); err != nil {
		t.Fatal(err)
	}
	return old
}

// A container keeps the programs of the release that armed it; they go when
// it does.
func TestVersionsSideBySide(t *testing.T) {
	n, cgroup := newNode(t), newCgroup(t)
	digest := digestOf("x")
	if err := n.PutRuleset(digest, network(block(0), translate.KindTCP)); err != nil {
		t.Fatal(err)
	}
	if err := n.Attach("old", cgroup, digest); err != nil {
		t.Fatal(err)
	}
	old := older(t, n)
	if err := os.Mkdir(filepath.Join(n.base, building+"interrupted"), 0o700); err != nil {
		t.Fatal(err)
	}

	n, err := OpenPinned(n.base)
	if err != nil {
		t.Fatalf("with an older version only: %v", err)
	}
	if err := n.Attach("new", cgroup, digest); err == nil {
		t.Error("armed without programs")
	}
	if n, err = Open(n.base); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(n.base, building+"interrupted")); err == nil {
		t.Error("a half-built version was left")
	}
	if ids, err := n.Links(); err != nil || len(ids) != 1 || ids[0] != "old" {
		t.Errorf("links %q, %v", ids, err)
	}
	if has, err := n.HasRuleset(digest); has || err != nil {
		t.Errorf("the older version's ruleset is seen as ours: %v, %v", has, err)
	}
	v := start(t, cgroup)
	if errno := v.tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != unix.EACCES {
		t.Errorf("after the upgrade: %v, want EACCES", errno)
	}
	if err := n.DropRuleset(digest); !errors.Is(err, ErrInUse) {
		t.Errorf("drop of the older version's ruleset: %v, want %v", err, ErrInUse)
	}
	if err := n.Detach("old"); err != nil {
		t.Fatal(err)
	}
	if errno := v.tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != 0 {
		t.Errorf("disarmed: %v", errno)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the older version outlives its last container")
	}
}

func TestLockIsReleased(t *testing.T) {
	n := newNode(t)
	unlock, err := n.lock()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- n.Detach("nobody") }()
	select {
	case err := <-done:
		t.Errorf("not held off by the lock: %v", err)
	default:
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
