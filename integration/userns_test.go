//go:build integration

package integration

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestUserNamespace: a container whose root is nobody on the host is held to
// the policies, its capabilities against its own user namespace included.
func TestUserNamespace(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	mapped := func(c Container) Container {
		c.Edit = func(s *specs.Spec) {
			ids := []specs.LinuxIDMapping{{HostID: 100_000, ContainerID: 0, Size: 65_536}}
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
		}
		return c
	}
	// The container may not make the places for mounts itself.
	image := n.image(func(dir string) error {
		var errs []error
		for _, name := range []string{"proc", "dev", "sys", "run"} {
			errs = append(errs, os.Mkdir(filepath.Join(dir, name), 0o755))
		}
		return errors.Join(errs...)
	})
	for _, c := range enforceable() {
		t.Run(c.name, func(t *testing.T) {
			n := n.with(t)
			container := mapped(n.Container(image, "/act/"+c.act))
			want := 0
			if c.act == "mkdir" { // the root's owner is not in the namespace
				want = int(unix.EACCES)
			}
			if r := n.unprotected(container); r.Exit != want {
				t.Fatalf("without the policy the act ended with %d: %s", r.Exit, r.Stderr)
			}
			r, err := n.Daemon.Run(t.Context(), container)
			if err := judge(c, r, err); err != nil {
				t.Error(err)
			}
		})
	}
}
