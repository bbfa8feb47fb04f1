//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// image makes a root file system of the fixture that change has its way with.
func (n *node) image(change func(dir string) error) string {
	n.Helper()
	dir := filepath.Join(n.Scratch, "images", n.Namespace)
	n.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			n.Error(err)
		}
	})
	if err := FixtureImage(n.Fixture, dir); err != nil {
		n.Fatal(err)
	}
	if err := change(dir); err != nil {
		n.Fatal(err)
	}
	return dir
}

// TestSymlinksInImage: a policy's path means what the kernel will resolve it
// to inside the container, whatever the image has put in its way.
func TestSymlinksInImage(t *testing.T) {
	leaveTo(t, "6.12")
	for name, test := range map[string]struct {
		change func(dir string) error
		path   string // the policy's
	}{
		"/etc is a link to /": {func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "etc/secret"), filepath.Join(dir, "secret")); err != nil {
				return err
			}
			if err := os.Remove(filepath.Join(dir, "etc")); err != nil {
				return err
			}
			return os.Symlink("/", filepath.Join(dir, "etc"))
		}, "/etc/secret"},
		"/etc is a link far above": {func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "etc"), filepath.Join(dir, "real")); err != nil {
				return err
			}
			return os.Symlink("../../../../../../real", filepath.Join(dir, "etc"))
		}, "/etc/secret"},
		"the secret is a link": {func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "etc/secret"), filepath.Join(dir, "real")); err != nil {
				return err
			}
			return os.Symlink("/real", filepath.Join(dir, "etc/secret"))
		}, "/etc/secret"},
		"the policy names a link": {func(dir string) error {
			return os.Symlink("../etc", filepath.Join(dir, "bin/link"))
		}, "/bin/link/secret"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.policy("file", "  file:\n    matchPaths:\n    - path: "+test.path)
			c := n.Container(n.image(test.change), "/act/file")
			if r := n.unprotected(c); r.Exit != 0 {
				t.Fatalf("without the policy the act ended with %d", r.Exit)
			}
			if words := n.closed(c); words != "" && n.paths() {
				t.Errorf("refused: %s", words)
			}
		})
	}
}

// TestCyclicSymlinks: a path that leads nowhere is an answer, not a hang.
func TestCyclicSymlinks(t *testing.T) {
	leaveTo(t, "6.12")
	n := newNode(t, `on_unenforceable = "warn"`)
	n.policy("file", "  file:\n    matchPaths:\n    - path: /loop/secret\n    - path: /self\n    - path: /etc/secret")
	n.policy("net", tcp)
	image := n.image(func(dir string) error {
		for from, to := range map[string]string{"loop": "pool", "pool": "loop", "self": "self"} {
			if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
				return err
			}
		}
		return nil
	})
	t.Log(n.closed(n.Container(image, "/act/tcp")))
}

// TestEntrypointStaysInImage: a program is looked up in the image, never on
// the host, and a blocked one is refused by any of its names.
func TestEntrypointStaysInImage(t *testing.T) {
	leaveTo(t, "6.12")
	n := newNode(t, `on_unenforceable = "warn"`)
	n.policy("process", classes[0].rule)
	outside := filepath.Join(n.Cache, "outside")
	if err := copyFile(filepath.Join(n.Fixture, "nothing"), outside); err != nil {
		t.Fatal(err)
	}
	image := n.image(func(dir string) error {
		for from, to := range map[string]string{
			"bin/host":  outside,
			"bin/above": "../../../../../../../.." + outside,
			"bin/alias": "victim",
			"also-bin":  "bin",
		} {
			if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, name := range []string{"/bin/host", "/bin/above"} {
		if words := n.refused(n.Container(image, name)); strings.Contains(words, "matchPaths") {
			t.Errorf("%s: %s", name, words)
		}
	}
	for _, name := range []string{"/bin/victim", "victim", "/bin/alias", "/also-bin/victim", "/bin/../bin/./victim"} {
		c := n.Container(image, name)
		if r := n.unprotected(c); r.Exit != 0 {
			t.Fatalf("without the policy %s ended with %d", name, r.Exit)
		}
		if words := n.refused(c); !strings.Contains(words, fmt.Sprintf("%s/process: process.matchPaths[0]", n.Namespace)) {
			t.Errorf("%s: the error does not name the rule: %s", name, words)
		}
	}
}
