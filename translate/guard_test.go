package translate

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/image"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// policyRule writes a rule as it comes from a policy: "block file /etc/x from=/bin/y".
func policyRule(text string) policy.Rule {
	r := rule(text)
	p := policy.Rule{Address: "ns/p: " + text, Tier: r.Tier, Class: r.Class, Action: r.Action, Object: r.Object, OwnerOnly: r.OwnerOnly, ReadOnly: r.ReadOnly}
	if r.Class == policy.Syscalls {
		p.Object, p.Enforce = policy.Object{Kind: policy.Syscall, Name: r.Object.Name}, true
	}
	for _, s := range r.Sources {
		p.Sources = append(p.Sources, policy.Source{Path: s})
	}
	return p
}

// enforcedBy compiles rules for a host, with a setting.
func enforcedBy(t *testing.T, setting string, host Host, texts ...string) *Plan {
	t.Helper()
	root, err := rootfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var rules []policy.Rule
	for _, text := range texts {
		rules = append(rules, policyRule(text))
	}
	block := policy.Posture{File: policy.Block, Network: policy.Block, Capabilities: policy.Block}
	p, err := Compile(Input{Rules: rules, Posture: block, Host: host, Root: root, Enforcer: setting})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// capable is a host that has everything.
func capable() Host {
	host := armed()
	host.CgroupBPF, host.Seccomp, host.BPFLSM, host.Guard, host.Kernel = true, true, true, true, "6.12.1"
	return host
}

var everyKind = []string{
	"block process /usr/bin/curl",
	"allow file /srv/ recursive",
	"block network sctp from=/usr/bin/nc",
	"block capabilities CAP_NET_RAW from=/usr/bin/ping",
	"block capabilities CAP_SYS_MODULE",
	"audit capabilities CAP_CHOWN",
	"block syscalls mkdirat",
	"block network udp",
}

// TestGuardCoverage: the guard enforces every kind of rule exactly, and leaves
// to others what they do for nothing.
func TestGuardCoverage(t *testing.T) {
	p := enforcedBy(t, EnforcerBPF, capable(), everyKind...)
	if p.AppArmor != nil || p.Network != nil || p.Seccomp == nil || len(p.Seccomp.Families) > 0 || p.Capabilities == nil || p.Guard == nil {
		t.Fatalf("the plan is %+v", p)
	}
	if want := []policy.Class{policy.Capabilities, policy.File, policy.Network, policy.Process}; !slices.Equal(p.Guard.Classes, want) {
		t.Errorf("the guard judges %v", p.Guard.Classes)
	}
	if !slices.Equal(p.Capabilities.Drop, []string{"CAP_SYS_MODULE"}) {
		t.Errorf("drops %v", p.Capabilities.Drop)
	}
	for i, want := range []Mechanism{ByGuard, ByGuard, ByGuard, ByGuard, ByCapabilities, ByGuard, BySeccomp, ByGuard} {
		c := p.Coverage[i]
		if !slices.Equal(c.Mechanisms, []Mechanism{want}) || len(c.Residuals) > 0 || c.Unenforceable != "" || c.Why == "" {
			t.Errorf("%s: %+v", everyKind[i], c)
		}
	}
	cells, err := p.GuardImage()
	if err != nil {
		t.Fatal(err)
	}
	m := image.Image(cells)
	curl := image.Object{Path: "/usr/bin/curl"}
	if v := m.Decide(policy.Process, model.Exec, curl, 0, false); v.Action != policy.Block || v.Rule != 0 {
		t.Errorf("curl: %+v", v)
	}
	for path, want := range map[string]policy.Action{"/srv/a/b": policy.Allow, "/etc/shadow": policy.Block, "/usr/lib/libc.so.6": policy.Allow} {
		if v := m.Decide(policy.File, model.Read, image.Object{Path: path}, 0, false); v.Action != want {
			t.Errorf("reading %s: %+v", path, v)
		}
	}
	nc := m.Source("/usr/bin/nc")
	if m.Socket(nc, int(KindSCTP)).Action != policy.Block || m.Socket(0, int(KindSCTP)).Action != policy.Allow || m.Socket(0, int(KindUDP)).Action != policy.Block {
		t.Error("sctp is not nc's alone to miss")
	}
	ping := m.Source("/usr/bin/ping")
	if m.Capability(ping, unix.CAP_NET_RAW).Action != policy.Block || m.Capability(0, unix.CAP_NET_RAW).Action != policy.Allow || m.Capability(0, unix.CAP_CHOWN).Action != policy.Audit {
		t.Error("capabilities are not told apart by source")
	}
	if m.Mount().Action != policy.Block {
		t.Error("mounting is permitted beside a blocked path")
	}
}

// TestGuardLeftOut: where a drop is enough, nothing is judged.
func TestGuardLeftOut(t *testing.T) {
	p := enforcedBy(t, EnforcerBPF, capable(), "block capabilities CAP_SYS_MODULE", "block syscalls mkdirat")
	if p.Guard != nil {
		t.Errorf("the guard judges %v", p.Guard.Classes)
	}
	if _, err := p.GuardImage(); err == nil {
		t.Error("it has an image")
	}
}

// TestEnforcer: what the setting comes to, on hosts that have less and more.
func TestEnforcer(t *testing.T) {
	with := func(guard, armor, hook bool) Host {
		h := capable()
		h.Guard, h.Hook = guard, hook
		if !armor {
			h.AppArmor, h.AppArmorParser = false, ""
		}
		return h
	}
	for _, test := range []struct {
		setting string
		host    Host
		want    []Mechanism // of a file rule; none if it is unenforceable
		why     string
	}{
		{"", with(true, false, false), []Mechanism{ByGuard}, "AppArmor"},
		{EnforcerAuto, with(false, true, false), []Mechanism{ByAppArmor}, "AppArmor"},
		{EnforcerAuto, with(false, false, false), nil, ""},
		{EnforcerAuto, with(true, true, true), []Mechanism{ByGuard}, "hook"},
		{EnforcerBPF, with(true, true, false), []Mechanism{ByGuard}, "bpf"},
		{EnforcerBPF, with(false, true, false), nil, ""},
		{EnforcerAppArmor, with(true, true, false), []Mechanism{ByAppArmor}, "apparmor"},
		{EnforcerAppArmor, with(true, false, false), nil, ""},
		{EnforcerBoth, with(true, true, false), []Mechanism{ByGuard, ByAppArmor}, "both"},
		{EnforcerBoth, with(true, true, true), []Mechanism{ByGuard}, "hook"},
		{EnforcerBoth, with(true, false, false), nil, ""},
	} {
		p := enforcedBy(t, test.setting, test.host, "block file /etc/shadow")
		c := p.Coverage[0]
		if test.want == nil {
			if c.Unenforceable == "" || len(p.Refusals(Warn, Refuse)) != 1 {
				t.Errorf("%s on %+v: %+v", test.setting, test.host, c)
			}
			continue
		}
		if !slices.Equal(c.Mechanisms, test.want) || !strings.Contains(c.Why, test.why) || c.Unenforceable != "" {
			t.Errorf("%s on %+v: %+v", test.setting, test.host, c)
		}
		if (p.Guard != nil) != slices.Contains(test.want, ByGuard) || (p.AppArmor != nil) != slices.Contains(test.want, ByAppArmor) {
			t.Errorf("%s on %+v: the plan is %+v", test.setting, test.host, p)
		}
	}
	root, err := rootfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := Compile(Input{Root: root, Enforcer: "selinux"}); err == nil {
		t.Error("any setting will do")
	}
}

// TestBoth: beside the guard, AppArmor judges processes and files alone, and
// what passes it is no residual any more.
func TestBoth(t *testing.T) {
	p := enforcedBy(t, EnforcerBoth, capable(), everyKind...)
	alone := enforcedBy(t, EnforcerAppArmor, capable(), everyKind...)
	for i, c := range p.Coverage {
		class := p.Rules[i].Class
		if both := class == policy.Process || class == policy.File; slices.Contains(c.Mechanisms, ByAppArmor) != both {
			t.Errorf("%+v", c)
		}
		for _, id := range c.Residuals {
			if slices.Contains(laxOfAppArmor, id) || !slices.Contains(alone.Coverage[i].Residuals, id) {
				t.Errorf("%s has the residual %s", c.Address, id)
			}
		}
	}
	if !slices.Contains(p.Coverage[0].Residuals, "apparmor-parent-metadata") {
		t.Error("what AppArmor refuses too much is forgotten")
	}
	if p.Digest == alone.Digest {
		t.Error("different plans have one digest")
	}
}

// TestGuardUnderHook: a hook alone has the guard judge capabilities as well,
// which it comes too late to drop.
func TestGuardUnderHook(t *testing.T) {
	host := capable()
	host.Hook = true
	p := enforcedBy(t, EnforcerAuto, host, everyKind...)
	if p.Capabilities != nil || p.AppArmor != nil || p.Network != nil || p.Seccomp != nil || p.Guard == nil {
		t.Fatalf("the plan is %+v", p)
	}
	for i, c := range p.Coverage {
		if syscalls := p.Rules[i].Class == policy.Syscalls; (c.Unenforceable != "") != syscalls || slices.Contains(c.Mechanisms, ByGuard) == syscalls {
			t.Errorf("%+v", c)
		}
	}
	cells, err := p.GuardImage()
	if err != nil {
		t.Fatal(err)
	}
	if v := image.Image(cells).Capability(0, unix.CAP_SYS_MODULE); v.Action != policy.Block || v.Rule != 4 {
		t.Errorf("%+v", v)
	}
}

// TestGuardTellsSourcesApart: with the guard, a source's rule may be about any
// protocol; without it, AppArmor cannot tell them.
func TestGuardTellsSourcesApart(t *testing.T) {
	const text = "block network icmp from=/usr/bin/ping"
	if c := enforcedBy(t, EnforcerBPF, capable(), text).Coverage[0]; c.Unenforceable != "" || len(c.Residuals) > 0 {
		t.Errorf("%+v", c)
	}
	if c := enforcedBy(t, EnforcerAppArmor, capable(), text).Coverage[0]; c.Unenforceable == "" {
		t.Errorf("%+v", c)
	}
}
