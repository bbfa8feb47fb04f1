package host

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/shim/config"
)

// tree is a node whose kernel files are the given ones.
func tree(t *testing.T, files map[string]string) node {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return node{root: root, loads: func() error { return unix.EPERM }}
}

func testConfig(t *testing.T) *config.Config {
	c := config.Default()
	c.State = t.TempDir()
	c.BPFFS = filepath.Join(t.TempDir(), "bpf", "prearm")
	return c
}

func TestProbeAllThere(t *testing.T) {
	n := tree(t, map[string]string{
		"sys/module/apparmor/parameters/enabled":          "Y\n",
		"sys/module/apparmor/parameters/mode":             "enforce",
		"sys/kernel/security/apparmor/.replace":           "",
		"sys/kernel/security/apparmor/features/file/mask": "create read",
		"sys/kernel/security/lsm":                         "lockdown,capability,apparmor,bpf",
		"proc/sys/kernel/seccomp/actions_avail":           "kill_process kill_thread trap errno log allow\n",
		"proc/sys/kernel/random/boot_id":                  "one\n",
	})
	h := n.probe(testConfig(t))
	if !h.AppArmor || !h.BPFLSM || !h.Seccomp || h.AppArmorABI == "" || h.Kernel == "" {
		t.Errorf("got %+v", h)
	}
	if h.CgroupBPF {
		t.Error("cgroup eBPF on an ordinary folder")
	}
}

func TestProbeNothingThere(t *testing.T) {
	h := tree(t, nil).probe(testConfig(t))
	if h.AppArmor || h.BPFLSM || h.Seccomp || h.CgroupBPF || h.AppArmorABI != "" || h.AppArmorParser != "" {
		t.Errorf("got %+v", h)
	}
}

func TestAppArmorNeedsSwitchModeAndFolder(t *testing.T) {
	for _, files := range []map[string]string{
		{"sys/module/apparmor/parameters/enabled": "N\n", "sys/module/apparmor/parameters/mode": "enforce", "sys/kernel/security/apparmor/.replace": ""},
		{"sys/module/apparmor/parameters/enabled": "Y\n", "sys/module/apparmor/parameters/mode": "enforce"},
		{"sys/module/apparmor/parameters/enabled": "Y\n", "sys/module/apparmor/parameters/mode": "complain", "sys/kernel/security/apparmor/.replace": ""},
		{"sys/module/apparmor/parameters/mode": "enforce", "sys/kernel/security/apparmor/.replace": ""},
	} {
		if tree(t, files).appArmor() {
			t.Errorf("enabled with %v", files)
		}
	}
}

func TestBPFIsAWholeName(t *testing.T) {
	n := tree(t, map[string]string{"sys/kernel/security/lsm": "capability,bpfish"})
	if n.probe(testConfig(t)).BPFLSM {
		t.Error("bpfish taken for bpf")
	}
}

// TestGuardNeedsAKernelThatLoadsIt asks the kernel once a boot, and not at all
// where nothing could come of it or the guard is there.
func TestGuardNeedsAKernelThatLoadsIt(t *testing.T) {
	const boot = "proc/sys/kernel/random/boot_id"
	n := tree(t, map[string]string{"sys/kernel/security/lsm": "capability,bpf", boot: "one\n"})
	c := testConfig(t)
	asked := 0
	n.loads = func() error { asked++; return nil }
	for range 2 {
		if !n.guard(c) || asked != 1 {
			t.Errorf("asked %d times: not loadable", asked)
		}
	}
	n.loads = func() error { asked++; return unix.EPERM }
	if err := os.WriteFile(n.path(boot), []byte("two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n.guard(c) || asked != 2 {
			t.Errorf("asked %d times: loadable after a reboot", asked)
		}
	}
	if h := tree(t, nil).probe(c); h.Guard {
		t.Error("a guard without a BPF LSM")
	}
	if err := os.Mkdir(filepath.Dir(c.BPFFS), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("bpf", filepath.Dir(c.BPFFS), "bpf", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(filepath.Dir(c.BPFFS), 0); err != nil {
			t.Error(err)
		}
	})
	if err := os.MkdirAll(filepath.Join(c.BPFFS, "guard-0123456789abcdef"), 0o700); err != nil {
		t.Fatal(err)
	}
	if !n.guard(c) || asked != 2 {
		t.Errorf("asked %d times, though the guard is pinned", asked)
	}
}

func TestABIFollowsFeaturesOncePerBoot(t *testing.T) {
	const feature, boot = "sys/kernel/security/apparmor/features/caps/mask", "proc/sys/kernel/random/boot_id"
	n := tree(t, map[string]string{feature: "chown", boot: "one"})
	state := t.TempDir()
	first := n.abi(state)
	if first == "" {
		t.Fatal("no digest")
	}
	set := func(name, text string) {
		if err := os.WriteFile(n.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set(feature, "chown kill")
	if n.abi(state) != first {
		t.Error("the digest of this boot was not kept")
	}
	set(boot, "two")
	second := n.abi(state)
	if second == first || second == "" {
		t.Errorf("after a reboot with other features: %q", second)
	}
	if err := os.WriteFile(filepath.Join(state, "apparmor-abi"), []byte("two short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n.abi(state) != second {
		t.Error("a damaged digest was believed")
	}
	if got := n.abi(filepath.Join(state, "missing")); got != second {
		t.Errorf("without a state folder: %q", got)
	}
}

func TestOnBPFFS(t *testing.T) {
	dir := t.TempDir()
	if onBPFFS(filepath.Join(dir, "a", "b")) {
		t.Error("an ordinary folder taken for bpffs")
	}
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatalf("mounting a bpffs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	if !onBPFFS(dir) || !onBPFFS(filepath.Join(dir, "a", "b")) {
		t.Error("bpffs not recognised")
	}
}

// TestThisNode needs what every node has that can run containers.
func TestThisNode(t *testing.T) {
	h := Probe(config.Default())
	if !h.Seccomp || (node{root: "/"}).cgroup2() == "" || h.Kernel == "" {
		t.Errorf("got %+v", h)
	}
}

func BenchmarkProbe(b *testing.B) {
	c := config.Default()
	for b.Loop() {
		Probe(c)
	}
}
