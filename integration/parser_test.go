//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prearm/prearm/translate"
)

// TestOtherParser changes apparmor_parser and the kernel's features between
// starts: a profile is compiled anew for each, and only then.
func TestOtherParser(t *testing.T) {
	leaveTo(t, "6.1")
	needsAppArmor(t)
	n := newNodeBy(t, translate.EnforcerAppArmor).arm()
	start := func() (profile string) {
		t.Helper()
		task := n.start(n.Container(n.fixture, "/act/pause"))
		profile = n.confinement(t, task.Pid)["profile"]
		n.must(task.Delete(t.Context()))
		return profile
	}
	first := start()

	// Another version of the parser, which takes notes.
	const parser = "/usr/sbin/apparmor_parser"
	real, calls, other := filepath.Join(n.Cache, "parser"), filepath.Join(n.Cache, "calls"), filepath.Join(n.Cache, "other")
	n.must(copyFile(parser, real))
	n.must(os.WriteFile(other, fmt.Appendf(nil, "#!/bin/sh\necho called >>%s\nexec %s \"$@\"\n", calls, real), 0o755))
	n.shadow(other, parser)
	called := func(when string, want int) {
		t.Helper()
		text, err := os.ReadFile(calls)
		if got := strings.Count(string(text), "called"); got != want {
			t.Errorf("%s the parser was called %d times, want %d; %v", when, got, want, err)
		}
	}
	if profile := start(); profile != first {
		t.Errorf("%s became %s", first, profile)
	}
	called("once it is another version,", 1)
	start()
	called("at the second start with that version,", 1)

	// Other features of the kernel, as the node remembers them.
	abi := filepath.Join(n.State, "apparmor-abi")
	kept, err := os.ReadFile(abi)
	n.must(err)
	boot, digest, _ := strings.Cut(string(kept), " ")
	n.must(os.WriteFile(abi, []byte(boot+" "+strings.Repeat("0", len(digest))), 0o600))
	if profile := start(); profile == first {
		t.Errorf("%s stayed under another kernel", profile)
	}
	called("under another kernel", 2)

	// A compiled profile that was damaged on the disk.
	for _, cached := range n.glob(filepath.Join(n.Cache, "apparmor", "*")) {
		if !strings.HasPrefix(filepath.Base(cached), "features-") {
			n.must(os.Truncate(cached, 100))
		}
	}
	n.enforced()
	called("with a damaged cache", 3)
}
