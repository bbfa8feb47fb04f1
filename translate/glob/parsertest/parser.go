// Package parsertest asks the real apparmor_parser what a profile means: it
// compiles a text and walks the automaton as the kernel does. It is for tests
// only, and works on hosts whose kernel has no AppArmor.
package parsertest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// features is what the profiles are compiled for: no more classes than they
// mediate.
const features = `caps {mask {chown dac_override net_raw sys_admin
}
}
mount {mask {mount umount pivot_root
}
}
network_v8 {af_mask {unspec unix inet inet6 netlink packet vsock smc
}
}
file {mask {create read write exec append mmap_exec link lock
}
}
domain {version {1.2
}
fix_binfmt_elf_mmap {yes
}
stack {yes
}
}
policy {set_load {yes
}
versions {v8 {yes
}
v7 {yes
}
v6 {yes
}
v5 {yes
}
}
}
`

// Compile runs apparmor_parser on text, and gives its binary policy or what
// it has to say.
func Compile(t testing.TB, text string) ([]byte, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "features")
	if err := os.WriteFile(file, []byte(features), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("apparmor_parser", "--config-file=/dev/null", "--skip-kernel-load", "--skip-cache",
		"--quiet", "--kernel-features="+file, "--policy-features="+file, "--stdout")
	cmd.Stdin = bytes.NewReader([]byte(text))
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("apparmor_parser: %w: %s", err, stderr.Bytes())
	}
	return out.Bytes(), nil
}

// Names are the profiles that the parser reads in text.
func Names(t testing.TB, text string) []string {
	t.Helper()
	cmd := exec.Command("apparmor_parser", "--config-file=/dev/null", "--names")
	cmd.Stdin = bytes.NewReader([]byte(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("apparmor_parser --names: %v: %s", err, stderr.Bytes())
	}
	var names []string
	for line := range bytes.Lines(out) {
		names = append(names, string(bytes.TrimSpace(line)))
	}
	return names
}

// Files compiles text, which holds one profile, and gives its file rules.
func Files(t testing.TB, text string) *DFA {
	t.Helper()
	policy, err := Compile(t, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	dfa, err := Last(policy)
	if err != nil {
		t.Fatal(err)
	}
	return dfa
}
