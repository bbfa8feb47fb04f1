package translate

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// randomUses draws rules on the network and on capabilities, of any source.
func randomUses() *rapid.Generator[[]model.Rule] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) model.Rule {
		r := model.Rule{
			Tier:   rapid.SampledFrom([]policy.Tier{policy.Namespaced, policy.Cluster}).Draw(t, "tier"),
			Action: rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit, policy.Allow}).Draw(t, "action"),
		}
		if rapid.IntRange(0, 2).Draw(t, "sourced") > 0 {
			r.Sources = rapid.SliceOfNDistinct(rapid.SampledFrom(randomSources), 1, 2, rapid.ID).Draw(t, "sources")
		}
		if rapid.Bool().Draw(t, "network") {
			r.Class = policy.Network
			name := rapid.SampledFrom([]string{"tcp", "udp", "raw", "all"}).Draw(t, "protocol")
			r.Object = policy.Object{Kind: policy.Protocol, Name: name}
		} else {
			r.Class = policy.Capabilities
			name := rapid.SampledFrom([]string{"CAP_NET_RAW", "CAP_CHOWN", "CAP_SYS_ADMIN"}).Draw(t, "capability")
			r.Object = policy.Object{Kind: policy.Capability, Name: name}
		}
		return r
	}), 1, 5)
}

// says is what lines of a profile about one thing come to: what the most
// demanding of them says.
func says(lines []string, things ...string) policy.Action {
	answer, permitted := policy.Allow, false
	for _, line := range lines {
		for _, thing := range things {
			switch strings.TrimSpace(strings.TrimSuffix(line, ",")) {
			case "audit deny " + thing:
				return policy.Block
			case "audit " + thing:
				answer, permitted = policy.Audit, true
			case thing:
				permitted = true
			}
		}
	}
	if !permitted {
		return policy.Block
	}
	return answer
}

// TestUsesAgreeWithModel compares what the drop, the cgroup programs, the
// filter and the profile of each domain say together with the model.
func TestUsesAgreeWithModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		posture := rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit}).Draw(rt, "posture")
		rules := randomUses().Draw(rt, "rules")
		p := &Plan{
			Posture:         policy.Posture{Network: posture, Capabilities: posture},
			NoNewPrivileges: rapid.Bool().Draw(rt, "no_new_privs"),
			Coverage:        make([]Coverage, len(rules)),
			Rules:           make([]policy.Rule, len(rules)),
		}
		for i := range rules {
			rules[i].Number = i
		}
		host := armed()
		host.CgroupBPF, host.Seccomp = true, true
		for _, compile := range (choice{appArmor: true}).compilers(host) {
			out, err := compile(p, rules, host)
			if err != nil {
				rt.Fatal(err)
			}
			for n, c := range out {
				p.Coverage[n] = merge(p.Coverage[n], c)
			}
		}
		for _, c := range p.Coverage {
			if c.Unenforceable != "" {
				rt.Skip(c.Unenforceable)
			}
			if len(c.Mechanisms) == 0 {
				rt.Fatal("a rule that nothing enforces")
			}
		}
		decide := model.New(rules, p.Posture)
		for _, source := range append(randomSources, "") {
			var parts [][]string
			if p.AppArmor != nil {
				texts := domainTexts(p)
				for part := range strings.SplitSeq(p.AppArmor.Label(source), "//&") {
					parts = append(parts, strings.Split(texts[part], "\n"))
				}
			}
			strictest := func(of policy.Action, things ...string) policy.Action {
				for _, lines := range parts {
					if x := says(lines, things...); milder(of, x) {
						of = x
					}
				}
				return of
			}
			check := func(what string, got, want policy.Action) {
				explained := p.NoNewPrivileges && source != "" // apparmor-source-stacked
				if got != want && !(explained && got != policy.Block && want != policy.Block) {
					text := ""
					if p.AppArmor != nil {
						text = p.AppArmor.Text
					}
					rt.Fatalf("%s of %q is %s, want %s\n%+v\n%s", what, source, got, want, rules, text)
				}
			}
			for _, name := range []string{"CAP_NET_RAW", "CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF"} {
				got := policy.Allow
				if p.Capabilities != nil && slices.Contains(p.Capabilities.Drop, name) {
					got = policy.Block
				}
				lower := strings.ToLower(strings.TrimPrefix(name, "CAP_"))
				got = strictest(got, "capability", "capability "+lower)
				check(name, got, decide.Decide(model.Access{Class: policy.Capabilities, Operation: model.Use, Name: name, Source: source}).Action)
			}
			for _, f := range socketFamilies {
				for _, typ := range socketTypes {
					got := policy.Allow
					if p.Network != nil && (f.family == unix.AF_INET || f.family == unix.AF_INET6) {
						if a := p.Network.Verdicts[typ.kind].Action; a != "" {
							got = a
						}
					}
					if p.Seccomp != nil && slices.Contains(p.Seccomp.Families, f.family) {
						got = policy.Block
					}
					got = strictest(got, "network", "network "+f.name, "network "+f.name+" "+typ.name)
					a := creation(model.Socket{Family: f.family, Type: typ.typ})
					a.Source = source
					want := decide.Decide(a).Action
					if !slices.ContainsFunc(rules, isSourcedNetwork) && f.family != unix.AF_INET && f.family != unix.AF_INET6 && want == policy.Audit {
						want = policy.Allow // network-packet-audit
					}
					check(f.name+" "+typ.name, got, want)
				}
			}
		}
	})
}

func isSourcedNetwork(r model.Rule) bool { return r.Class == policy.Network && r.Sourced() }
