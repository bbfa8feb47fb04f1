package oci

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRootMount knows a mount by the number that the mount table has for it,
// and takes nothing else for a container's root.
func TestRootMount(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := rootMount(root); err == nil || !strings.Contains(err.Error(), "not a mount of its own") {
		t.Errorf("a folder: %v", err)
	}
	if err := unix.Mount(root, root, "", unix.MS_BIND, ""); err != nil {
		t.Fatalf("this test mounts (run it as root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	id, err := rootMount(fmt.Sprintf("/proc/%d/root%s", os.Getpid(), root))
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if fields[4] == root {
			found = fields[0] == fmt.Sprint(id)
		}
	}
	if !found {
		t.Errorf("mount %d is not at %s", id, root)
	}
	below, link := filepath.Join(root, "below"), filepath.Join(dir, "link")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{below, link, filepath.Join(dir, "nothing")} {
		if id, err := rootMount(path); err == nil {
			t.Errorf("%s is taken for mount %d", path, id)
		}
	}
}

// TestNamespace knows a namespace by the number that its name shows.
func TestNamespace(t *testing.T) {
	name, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	number, err := namespace("/proc/self/ns/user")
	if err != nil || name != fmt.Sprintf("user:[%d]", number) {
		t.Errorf("%d, %v; want %s", number, err, name)
	}
	if _, err := namespace("/proc/self/ns/none"); err == nil {
		t.Error("no namespace has a number")
	}
}
