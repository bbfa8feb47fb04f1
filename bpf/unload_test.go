package bpf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// TestUnloadSparesTheArmed keeps everything while a container has its rules,
// and removes everything once its cgroup is gone, whatever versions are there.
func TestUnloadSparesTheArmed(t *testing.T) {
	n := newNode(t)
	if err := os.MkdirAll(filepath.Join(n.base, "0123456789abcdef", linksDir), 0o700); err != nil {
		t.Fatal(err)
	}
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	cgroup, err := os.MkdirTemp(mounts[0].point, "prearm-test-")
	if err != nil {
		t.Fatal(err)
	}
	digest := digestOf("unload")
	if err := n.PutRuleset(digest, network(block(0), translate.KindTCP)); err != nil {
		t.Fatal(err)
	}
	if err := n.Attach("armed", cgroup, digest); err != nil {
		t.Fatal(err)
	}
	if armed, err := InUse(n.base); err != nil || len(armed) != 1 || armed[0] != `"armed"` {
		t.Errorf("in use: %v, %v", armed, err)
	}
	if err := Unload(n.base); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "armed") {
		t.Errorf("with an armed container: %v, want %v and its name", err, ErrInUse)
	}
	t.Run("still denied", func(t *testing.T) {
		if errno := start(t, cgroup).tries(unix.AF_INET, unix.SOCK_STREAM, 0); errno != unix.EACCES {
			t.Errorf("after the refused unload: %v, want EACCES", errno)
		}
	})
	removeCgroups(t, cgroup)
	if armed, err := InUse(n.base); err != nil || len(armed) != 0 {
		t.Errorf("in use once the cgroup is gone: %v, %v", armed, err)
	}
	if err := Unload(n.base); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(n.base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of pins is left: %v", err)
	}
	if err := Unload(n.base); err != nil {
		t.Errorf("with nothing pinned: %v", err)
	}
}
