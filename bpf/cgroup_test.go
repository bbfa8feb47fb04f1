package bpf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCgroupOf(t *testing.T) {
	cgroup := newCgroup(t)
	strange := filepath.Join(cgroup, `a b\040 (deleted) 0::`+"\u00e9")
	if err := os.Mkdir(strange, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{cgroup, filepath.Join(cgroup, "below"), strange} {
		if err := os.MkdirAll(want, 0o755); err != nil {
			t.Fatal(err)
		}
		v := start(t, want)
		got, err := CgroupOf(v.pid)
		if err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if got, err := CgroupOf(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no process: %q, %v", got, err)
	}
}

// Seen through a mount that shows a part of the hierarchy only.
func TestCgroupOfThroughMountTable(t *testing.T) {
	cgroup := newCgroup(t)
	v := start(t, cgroup)
	path, err := cgroupPath(v.pid)
	if err != nil {
		t.Fatal(err)
	}
	part := t.TempDir()
	if err := unix.Mount(cgroup, part, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(part, 0); err != nil {
			t.Error(err)
		}
	}()
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.point == part {
			if m.root != path {
				t.Errorf("root %q, want %q", m.root, path)
			}
			if !holds(m.point, v.pid) {
				t.Error("the mount does not hold the victim")
			}
			return
		}
	}
	t.Errorf("%s is not in %v", part, mounts)
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`/a\040b`: "/a b", `/a\011\012`: "/a\t\n", `/a\134040b`: `/a\040b`, "/plain": "/plain",
	} {
		if got := unescape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
