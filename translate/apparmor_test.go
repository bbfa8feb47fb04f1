package translate

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/glob/parsertest"
	"github.com/prearm/prearm/translate/model"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// armed is a host that compiles profiles.
func armed() Host {
	return Host{AppArmor: true, AppArmorParser: "apparmor_parser", AppArmorABI: "abi"}
}

// rule writes a rule in short: "block file /etc/ recursive".
func rule(text string) model.Rule {
	words := strings.Fields(text)
	r := model.Rule{Tier: policy.Namespaced, Action: map[string]policy.Action{"allow": policy.Allow, "audit": policy.Audit, "block": policy.Block}[words[0]]}
	r.Class = policy.Class(words[1])
	name := words[2]
	switch {
	case r.Class == policy.Capabilities:
		r.Object = policy.Object{Kind: policy.Capability, Name: name}
	case r.Class == policy.Network:
		r.Object = policy.Object{Kind: policy.Protocol, Name: name}
	case strings.HasSuffix(name, "/"):
		r.Object = policy.Object{Kind: policy.Directory, Name: strings.TrimSuffix(name, "/")}
		if name == "/" {
			r.Object.Name = name
		}
	case strings.ContainsAny(name, "*?[{"):
		r.Object = policy.Object{Kind: policy.Pattern, Name: name}
	case strings.HasPrefix(name, "/"):
		r.Object = policy.Object{Kind: policy.Path, Name: name}
	default:
		r.Object = policy.Object{Kind: policy.ExecName, Name: name}
	}
	for _, flag := range words[3:] {
		switch flag {
		case "recursive":
			r.Object.Recursive = true
		case "readonly":
			r.ReadOnly = true
		case "owneronly":
			r.OwnerOnly = true
		case "cluster":
			r.Tier = policy.Cluster
		default:
			r.Sources = append(r.Sources, strings.TrimPrefix(flag, "from="))
		}
	}
	return r
}

// plan compiles rules, numbered in order.
func plan(t testing.TB, posture policy.Action, rules ...model.Rule) *Plan {
	t.Helper()
	return planWith(t, Plan{Posture: policy.Posture{File: posture, Network: posture, Capabilities: posture}}, rules...)
}

func planWith(t testing.TB, settings Plan, rules ...model.Rule) *Plan {
	t.Helper()
	p := &settings
	p.Coverage = make([]Coverage, len(rules))
	for i := range rules {
		rules[i].Number = i
		p.Rules = append(p.Rules, policy.Rule{Tier: rules[i].Tier, Class: rules[i].Class, Action: rules[i].Action, Object: rules[i].Object, Address: "ns/p: rule " + string(rune('a'+i%26))})
	}
	p.Resolved = rules
	out, err := compileAppArmor(p, rules, armed())
	if err != nil {
		t.Fatal(err)
	}
	for n, c := range out {
		p.Coverage[n] = c
	}
	return p
}

func plain(t testing.TB, posture policy.Action, texts ...string) *Plan {
	t.Helper()
	var rules []model.Rule
	for _, text := range texts {
		rules = append(rules, rule(text))
	}
	return plan(t, posture, rules...)
}

// Each golden file is a profile; the rules and posture it is made of are
// here, and the real parser takes it.
func TestAppArmorGolden(t *testing.T) {
	for name, tc := range map[string]struct {
		posture policy.Action
		rules   []string
	}{
		"block-path":           {policy.Block, []string{"block process /usr/bin/sleep"}},
		"block-dir":            {policy.Block, []string{"block process /usr/sbin/"}},
		"block-dir-recursive":  {policy.Block, []string{"block process /usr/ recursive"}},
		"block-execname":       {policy.Block, []string{"block process curl"}},
		"allow-in-block":       {policy.Block, []string{"block process /opt/ recursive", "audit process /opt/a"}},
		"file-block":           {policy.Block, []string{"block file /credentials/ recursive"}},
		"file-readonly":        {policy.Block, []string{"block file /credentials/password readonly"}},
		"file-pattern":         {policy.Block, []string{"block file /home/*/.ssh/**", "audit file /etc/*.conf"}},
		"file-allow":           {policy.Block, []string{"allow file /credentials/password readonly", "allow file /data/ recursive"}},
		"file-allow-audit":     {policy.Audit, []string{"allow file /data/ recursive"}},
		"process-allow":        {policy.Block, []string{"allow process /usr/bin/bash", "allow process /usr/bin/", "block process /usr/bin/env"}},
		"two-tiers":            {policy.Block, []string{"allow process /usr/ recursive cluster", "allow process /usr/bin/*", "block process /usr/bin/x cluster"}},
		"audit-capability":     {policy.Block, []string{"audit capabilities CAP_NET_RAW"}},
		"loader-named":         {policy.Block, []string{"block process /tmp/ recursive", "allow process ld-linux-x86-64.so.2 cluster", "audit process /usr/lib64/ld-linux-x86-64.so.2"}},
		"source-block":         {policy.Block, []string{"block process /usr/bin/sleep from=/usr/bin/bash from=/usr/bin/dash"}},
		"source-allow":         {policy.Block, []string{"allow file /credentials/ from=/usr/bin/cat"}},
		"source-allow-audit":   {policy.Audit, []string{"allow process /usr/bin/sleep from=/usr/bin/bash"}},
		"source-exception":     {policy.Block, []string{"block process /usr/bin/su", "allow process /usr/bin/su from=/usr/bin/login", "audit process /usr/bin/{su,id} from=/usr/bin/su"}},
		"source-network":       {policy.Block, []string{"block network tcp from=/usr/bin/a", "allow network udp from=/usr/bin/b"}},
		"source-capability":    {policy.Audit, []string{"block capabilities CAP_SYS_CHROOT from=/usr/bin/a", "allow capabilities CAP_SYS_PTRACE from=/usr/bin/gdb"}},
		"owner-block":          {policy.Block, []string{"block file /etc/shadow owneronly readonly", "block file /etc/ssl/**/*.key owneronly", "audit file /tmp/ recursive owneronly"}},
		"owner-allow":          {policy.Block, []string{"allow process /home/user1/hello owneronly", "allow process /usr/bin/ recursive"}},
		"audit-in-block-alert": {policy.Block, []string{"audit file /var/ recursive", "allow file /var/log/ recursive", "block file /var/log/secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := plain(t, tc.posture, tc.rules...)
			for i, c := range p.Coverage {
				if c.Unenforceable != "" {
					t.Errorf("rule %d: %s", i, c.Unenforceable)
				}
			}
			file := filepath.Join("testdata", "apparmor", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(p.AppArmor.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if p.AppArmor.Text != string(golden) {
				t.Errorf("the profile is\n%s\nnot\n%s", p.AppArmor.Text, golden)
			}
			want := slices.Sorted(maps.Keys(domainTexts(p)))
			if got := slices.Sorted(slices.Values(parsertest.Names(t, p.AppArmor.Text))); !slices.Equal(got, want) || want[0] != p.AppArmor.Name {
				t.Errorf("the parser reads the profiles %q, not %q", got, want)
			}
			if _, err := parsertest.Compile(t, p.AppArmor.Text); err != nil {
				t.Error(err)
			}
		})
	}
}

// A profile without the right to mount must mediate mounts: the kernel permits
// what a profile does not mediate.
func TestAppArmorMounts(t *testing.T) {
	for rule, want := range map[string]bool{
		"block process /usr/bin/sleep": false,
		"block file /etc/ recursive":   false,
		"block file /etc/*":            false,
		"block process sleep":          true,
		"allow file /etc/ recursive":   true,
		"audit process /usr/bin/sleep": true,
	} {
		policy, err := parsertest.Compile(t, plain(t, policy.Block, rule).AppArmor.Text)
		if err != nil {
			t.Fatal(err)
		}
		classes, err := parsertest.First(policy)
		if err != nil {
			t.Fatal(err)
		}
		if !classes.Mediates(parsertest.Mount) {
			t.Errorf("%s: mounts are not mediated", rule)
		}
		if got := classes.Permits(parsertest.Mount); got != want {
			t.Errorf("%s: mounts are permitted: %v", rule, got)
		}
	}
}
