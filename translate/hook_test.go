package translate

import (
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/rootfs"
)

// TestHookPlan: what a hook cannot do is refused by name, and the plan holds
// nothing of it; with the same rules, the shim's plan has all of it.
func TestHookPlan(t *testing.T) {
	rule := func(class policy.Class, kind policy.ObjectKind, name string) policy.Rule {
		return policy.Rule{
			Address: "ns/p: " + name, Tier: policy.Namespaced, Class: class, Action: policy.Block,
			Object: policy.Object{Kind: kind, Name: name}, Enforce: class == policy.Syscalls,
		}
	}
	rules := []policy.Rule{
		rule(policy.Network, policy.Protocol, "udp"),
		rule(policy.Network, policy.Protocol, "tcp"),
		rule(policy.Capabilities, policy.Capability, "CAP_SYS_CHROOT"),
		rule(policy.Syscalls, policy.Syscall, "mkdirat"),
		rule(policy.File, policy.Path, "/etc/shadow"),
	}
	host := Host{CgroupBPF: true, Seccomp: true, AppArmor: true, AppArmorParser: "/sbin/apparmor_parser"}
	root, err := rootfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	in := Input{Rules: rules, Host: host, Root: root}
	shim, err := Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	if left := shim.Unenforced(); len(left) > 0 || shim.AppArmor == nil || shim.Seccomp == nil || shim.Capabilities == nil {
		t.Fatalf("the shim does not enforce %v", left)
	}
	in.Host.Hook = true
	hook, err := Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	if hook.AppArmor != nil || hook.Seccomp != nil || hook.Capabilities != nil || len(hook.Paths) > 0 {
		t.Errorf("the plan has what a hook cannot do: %+v", hook)
	}
	if hook.Network == nil || *hook.Network != *shim.Network {
		t.Errorf("network %+v, want %+v", hook.Network, shim.Network)
	}
	if hook.Digest == shim.Digest {
		t.Error("different plans have one digest")
	}
	if got := hook.Coverage[0]; got.Unenforceable != "" || !slices.Equal(got.Residuals, []string{"network-received"}) {
		t.Errorf("udp: %+v", got)
	}
	if got := hook.Coverage[1]; !slices.Equal(got.Mechanisms, []Mechanism{ByCgroupBPF}) || !slices.Equal(got.Residuals, []string{"network-received", "hook-families"}) {
		t.Errorf("tcp: %+v", got)
	}
	for i, mechanism := range map[int]Mechanism{2: ByCapabilities, 3: BySeccomp, 4: ByAppArmor} {
		c := hook.Coverage[i]
		if len(c.Mechanisms) > 0 || !strings.HasPrefix(c.Unenforceable, "it takes "+string(mechanism)) {
			t.Errorf("%s: %+v", c.Address, c)
		}
	}
	if got := len(hook.Refusals(Warn, Refuse)); got != 3 {
		t.Errorf("%d refusals", got)
	}
}
