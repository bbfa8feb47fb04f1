//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const udp = `
  network:
    matchProtocols:
    - protocol: udp
`

// TestPolicyChanges changes a policy between two starts, and deletes it: each
// container keeps to its end what it was started with.
func TestPolicyChanges(t *testing.T) {
	leaveTo(t, native)
	n := newNode(t)
	versions := []struct{ act, spec string }{{"tcp", tcp}, {"udp", udp}}
	if n.paths() {
		versions = append(versions, struct{ act, spec string }{"file", classes[1].rule})
	}
	var tasks []*Task
	for _, v := range versions {
		n.policy("changing", v.spec)
		tasks = append(tasks, n.start(n.Container(n.fixture, "/act/pause")))
	}
	n.must(os.Remove(filepath.Join(n.Policies, "changing.yaml")))
	free := n.start(n.Container(n.fixture, "/act/pause"))
	n.must(tasks[0].Delete(t.Context()))
	for _, v := range versions {
		if r := n.exec(free, "/act/"+v.act); r.Exit != 0 {
			t.Errorf("without a policy %s ended with %d", v.act, r.Exit)
		}
	}
	for i, task := range tasks[1:] {
		for j, v := range versions {
			r := n.exec(task, "/act/"+v.act)
			if denied := r.Exit == int(unix.EACCES); denied != (j == i+1) || !denied && r.Exit != 0 {
				t.Errorf("under the policy that denies %s, %s ended with %d", versions[i+1].act, v.act, r.Exit)
			}
		}
	}
}

// TestReadOnlyPolicies: a start writes nothing where the policies are, which
// may be a read-only file system.
func TestReadOnlyPolicies(t *testing.T) {
	leaveTo(t, native)
	n := armed(t)
	n.readOnly(n.Policies)
	n.enforced()
}

// readOnly takes away the right to write below dir.
func (n *node) readOnly(dir string) {
	n.Helper()
	n.must(unix.Mount(dir, dir, "", unix.MS_BIND, ""))
	n.Cleanup(func() { n.check(unmount(dir)) })
	n.must(unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
}
