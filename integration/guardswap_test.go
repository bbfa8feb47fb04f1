//go:build integration

package integration

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/translate"
)

// Two versions of a policy, which agree on all that the hammer does, for
// reasons of their own: the second knows sources, so that what a process is
// must be found out anew.
const (
	hammered = `
  process:
    matchPaths:
    - path: /r/hammer/program
  file:
    matchPaths:
    - path: /r/hammer/blocked
    - path: /r/hammer/first
  network:
    matchProtocols:
    - protocol: tcp
`
	hammeredBySource = `
  process:
    matchPaths:
    - path: /r/hammer/program
      fromSource:
      - path: /r/hammer/hammer
  file:
    matchPaths:
    - path: /r/hammer/other
      fromSource:
      - path: /bin/aaa
    - path: /r/hammer/blocked
      fromSource:
      - path: /r/hammer/hammer
    - path: /r/hammer/second
  network:
    matchProtocols:
    - protocol: tcp
      fromSource:
      - path: /r/hammer/hammer
`
)

// TestGuardSwap changes the ruleset of a container again and again while fifty
// processes hammer what both rulesets deny and permit: none of them sees
// anything else, and each change is in force from its return on. Nobody reads
// the events, so that the ring is full before long.
func TestGuardSwap(t *testing.T) {
	if !shared.Guard {
		t.Skip("the kernel takes no programs at its security hooks")
	}
	n := newNodeBy(t, translate.EnforcerBPF)
	const processes = 50
	changes := 200
	if n.Slow && !n.Long {
		changes = 20
	}
	yard := n.yard("armed")
	dir := n.hammerAt(yard, processes)
	c := n.Container(n.busybox, "/r/hammer/hammer", strconv.Itoa(processes), "/r/hammer").in(yard)
	if r := n.unprotected(c); r.Exit != 1 || !strings.Contains(r.Stderr, "reading what is blocked: permitted") {
		t.Fatalf("without policies the hammer ended with %+v", r)
	}

	n.policy("hammered", hammered)
	task := n.start(c)
	keys, first, err := n.Guarded()
	n.must(err)
	n.policy("hammered", hammeredBySource)
	n.start(n.Container(n.busybox, "/act/pause").in(yard)) // brings the other ruleset into the kernel
	_, both, err := n.Guarded()
	n.must(err)
	if len(keys) != 1 || len(first) != 1 || len(both) != 2 {
		t.Fatalf("containers %v, rulesets %v and %v", keys, first, both)
	}
	second := both[0]
	if second == first[0] {
		second = both[1]
	}
	guard, err := bpf.PinnedGuard(n.BPFFS)
	n.must(err)
	swap := func(digest string) {
		t.Helper()
		d, err := bpf.ParseDigest(digest)
		n.must(err)
		n.must(guard.Swap(keys[0], d))
	}

	n.rounds(dir, processes)
	for i := range changes {
		swap([]string{second, first[0]}[i%2])
		// Every process has been through all its acts under this ruleset.
		n.rounds(dir, processes)
		if t.Failed() {
			break
		}
	}
	reads := func(file string, want bool) {
		t.Helper()
		if r := n.exec(task, "/bin/cat", "/r/hammer/"+file); (r.Exit == 0) != want {
			t.Errorf("reading %s ended with %d: %s", file, r.Exit, r.Stderr)
		}
	}
	swap(second)
	reads("first", true)
	reads("second", false)
	reads("blocked", true) // it is not the hammer
	swap(first[0])
	reads("first", false)
	reads("second", true)
	reads("blocked", false)

	lost, err := guard.Losses()
	n.must(err)
	if lost.Block == 0 {
		t.Errorf("with a full ring, no loss is counted: %+v", lost)
	}
	n.must(os.WriteFile(filepath.Join(dir, "stop"), nil, 0o644))
	r, err := task.Wait(t.Context())
	if err != nil || r.Exit != 0 {
		t.Errorf("the hammer ended with %+v, %v", r, err)
	}
}

// hammerAt puts what the hammer needs into a yard.
func (n *node) hammerAt(yard string, processes int) (dir string) {
	n.Helper()
	dir = filepath.Join(yard, "hammer")
	n.must(os.Mkdir(dir, 0o755))
	for name, from := range map[string]string{"hammer": "hammer", "program": "nothing"} {
		n.must(copyFile(filepath.Join(n.Fixture, from), filepath.Join(dir, name)))
	}
	for _, name := range []string{"allowed", "blocked", "first", "second"} {
		n.must(os.WriteFile(filepath.Join(dir, name), []byte("x\n"), 0o666))
	}
	n.must(os.WriteFile(filepath.Join(dir, "counts"), make([]byte, 8*processes), 0o666))
	return dir
}

// rounds waits until every process of the hammer has begun and ended a round
// from now on.
func (n *node) rounds(dir string, processes int) {
	n.Helper()
	counts := func() []uint64 {
		n.Helper()
		data, err := os.ReadFile(filepath.Join(dir, "counts"))
		n.must(err)
		all := make([]uint64, processes)
		for i := range all {
			all[i] = binary.NativeEndian.Uint64(data[8*i:])
		}
		return all
	}
	before := counts()
	n.eventually(func() (slow []string) {
		for i, now := range counts() {
			if now < before[i]+2 {
				slow = append(slow, fmt.Sprintf("process %d, in round %d", i, now))
			}
		}
		return slow
	})
}
