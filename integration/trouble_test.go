//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/translate"
)

// TestTrouble breaks one thing at a time under the shim. The container does
// not start, the words name the step and what to look at, and nothing is left.
func TestTrouble(t *testing.T) {
	for name, trouble := range map[string]struct {
		apparmor bool // only where there is AppArmor
		before   bool // spoil it before anything has run on the node
		spoil    func(*node, *Container)
		words    []string
	}{
		"policy folder is a file": {
			spoil: func(n *node, _ *Container) {
				n.must(os.RemoveAll(n.Policies))
				n.must(os.WriteFile(n.Policies, nil, 0o600))
			},
			words: []string{"prearm: index:", "policies", "create "},
		},
		"policy folder is gone": {
			spoil: func(n *node, _ *Container) { n.must(os.RemoveAll(n.Policies)) },
			words: []string{"prearm: index:", "policies", "create "},
		},
		"policy file is a link to nowhere": {
			spoil: func(n *node, _ *Container) {
				n.must(os.Symlink("/nowhere", filepath.Join(n.Policies, "lost.yaml")))
			},
			words: []string{"prearm: select:", "lost.yaml"},
		},
		"index is a folder": {
			spoil: func(n *node, _ *Container) {
				for _, index := range n.glob(filepath.Join(n.Cache, "*index*")) {
					n.must(os.RemoveAll(index))
					n.must(os.MkdirAll(filepath.Join(index, "x"), 0o700))
				}
			},
			words: []string{"prearm: index:", "index"},
		},
		"prearm is missing": {
			spoil: func(n *node, _ *Container) {
				n.must(n.Configure(`prearm = "/nowhere/prearm"`))
				n.policy("other", tcp)
			},
			words: []string{"prearm: ", "/nowhere/prearm"},
		},
		"hook is missing": {
			spoil: func(n *node, _ *Container) { n.must(n.Configure(`hook = "/nowhere/prearm-hook"`)) },
			words: []string{"/nowhere/prearm-hook"},
		},
		"containerd does not answer": {
			spoil: func(n *node, c *Container) { c.Runtime = n.behind(n.deaf()) },
			words: []string{"prearm: subject:", "labels"},
		},
		"containerd's socket is gone": {
			spoil: func(n *node, c *Container) { c.Runtime = n.behind("/nowhere/containerd.sock") },
			words: []string{"prearm: subject:", "/nowhere/containerd.sock"},
		},
		"no bpffs": {
			before: true,
			spoil: func(n *node, _ *Container) {
				n.BPFFS = filepath.Join(filepath.Dir(n.Cache), "bpf")
				n.must(n.Configure())
			},
			words: []string{"bpffs", "mount -t bpf"},
		},
		"state disk is full": {
			before: true,
			spoil:  func(n *node, _ *Container) { n.fill(n.State) },
			words:  []string{"prearm: ", "no space left"},
		},
		"cache disk is full": {
			before: true,
			spoil:  func(n *node, _ *Container) { n.fill(n.Cache) },
			words:  []string{"prearm: ", "no space left"},
		},
		"cache is read-only": {
			before: true,
			spoil:  func(n *node, _ *Container) { n.readOnly(n.Cache) },
			words:  []string{"prearm: index:", "read-only file system"},
		},
		"state is read-only": {
			before: true,
			spoil:  func(n *node, _ *Container) { n.readOnly(n.State) },
			words:  []string{"prearm: ", "read-only file system"},
		},
		"apparmor_parser is missing": {
			apparmor: true,
			before:   true,
			spoil:    func(n *node, _ *Container) { n.shadow("/dev/null", "/usr/sbin/apparmor_parser") },
			words:    []string{"prearm: ", "apparmor_parser"},
		},
		"apparmor_parser fails": {
			apparmor: true,
			before:   true,
			spoil:    func(n *node, _ *Container) { n.shadow("/bin/false", "/usr/sbin/apparmor_parser") },
			words:    []string{"prearm: ", "apparmor_parser"},
		},
		"config has an unknown key": {
			spoil: func(n *node, _ *Container) { n.must(n.Configure(`polices = "/etc"`)) },
			words: []string{"prearm: options:", "polices"},
		},
		"config is gone": {
			spoil: func(n *node, _ *Container) { n.must(os.Remove(n.Config)) },
			words: []string{"prearm: options:", "config.toml"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if trouble.apparmor {
				needsAppArmor(t)
				leaveTo(t, "6.1")
			} else {
				leaveTo(t, native)
			}
			n := newNode(t)
			if trouble.apparmor {
				n = newNodeBy(t, translate.EnforcerAppArmor)
			}
			n.arm()
			c := n.Container(n.fixture, "/act/nothing")
			if !trouble.before {
				if r := n.run(c); r.Exit != 0 {
					t.Fatalf("before the trouble it ended with %d", r.Exit)
				}
			}
			trouble.spoil(n, &c)
			began := time.Now()
			words := n.refused(c)
			for _, word := range trouble.words {
				if !strings.Contains(words, word) {
					t.Errorf("the error does not say %q: %s", word, words)
				}
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the refusal took %v", took)
			}
			n.empty()
		})
	}
}

func (n *node) glob(pattern string) []string {
	n.Helper()
	names, err := filepath.Glob(pattern)
	n.must(err)
	if len(names) == 0 {
		n.Fatalf("nothing matches %s", pattern)
	}
	return names
}

// behind is a shim that takes address for containerd's.
func (n *node) behind(address string) string {
	n.Helper()
	path := filepath.Join(n.Cache, "containerd-shim-behind-v1")
	script := fmt.Sprintf(`#!/bin/bash
args=()
while [ $# -gt 0 ]; do
	args+=("$1")
	if [ "$1" = -address ]; then args+=(%q); shift; fi
	shift
done
exec %q "${args[@]}"
`, address, filepath.Join(n.Bin, "containerd-shim-prearm-v1"))
	n.must(os.WriteFile(path, []byte(script), 0o755))
	return path
}

// deaf is the address of a socket that takes connections and says nothing.
func (n *node) deaf() string {
	n.Helper()
	path := filepath.Join(n.Cache, "deaf.sock")
	listener, err := net.Listen("unix", path)
	n.must(err)
	n.Cleanup(func() {
		if err := listener.Close(); err != nil {
			n.Error(err)
		}
	})
	return path
}

// fill mounts a small, full file system at dir.
func (n *node) fill(dir string) {
	n.Helper()
	n.must(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,nr_inodes=16"))
	n.Cleanup(func() {
		if err := unmount(dir); err != nil {
			n.Error(err)
		}
	})
	// Neither a block is left for data nor an inode for a name.
	full := 0
	for i := range 32 {
		if os.WriteFile(filepath.Join(dir, fmt.Sprintf("fill-%d", i)), bytes.Repeat([]byte("x"), 16<<10), 0o600) != nil {
			full++
		}
	}
	if full < 16 {
		n.Fatalf("%s does not fill", dir)
	}
}

// shadow puts one file in the place of another, in our mount namespace.
func (n *node) shadow(with, path string) {
	n.Helper()
	real, err := filepath.EvalSymlinks(path)
	n.must(err)
	n.must(unix.Mount(with, real, "", unix.MS_BIND, ""))
	n.Cleanup(func() {
		if err := unmount(real); err != nil {
			n.Error(err)
		}
	})
}
