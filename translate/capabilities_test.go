package translate

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

func capabilityRule(tier policy.Tier, action policy.Action, name string) policy.Rule {
	return policy.Rule{
		Tier: tier, Class: policy.Capabilities, Action: action,
		Object:  policy.Object{Kind: policy.Capability, Name: name},
		Address: string(tier) + "/" + string(action) + ": " + name,
	}
}

// compileOne runs one compiler over rules that need no resolution.
func compileOne(t interface{ Fatal(...any) }, compile func(*Plan, []model.Rule, Host) (outcomes, error), rules []policy.Rule, posture policy.Posture, host Host) (*Plan, outcomes) {
	p := &Plan{Rules: rules, Posture: posture}
	var resolved []model.Rule
	for i, r := range rules {
		m := model.Rule{Number: i, Tier: r.Tier, Class: r.Class, Action: r.Action, Object: r.Object}
		for _, s := range r.Sources {
			m.Sources = append(m.Sources, s.Path)
		}
		resolved = append(resolved, m)
	}
	out, err := compile(p, resolved, host)
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

func allBut(names ...string) []string {
	var rest []string
	for _, name := range KnownCapabilities() {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return rest
}

func TestCapabilities(t *testing.T) {
	const n, c = policy.Namespaced, policy.Cluster
	block, audit := policy.Posture{Capabilities: policy.Block}, policy.Posture{Capabilities: policy.Audit}
	lsm := Host{AppArmor: true, AppArmorParser: "/usr/sbin/apparmor_parser"}
	byDrop := Coverage{Mechanisms: []Mechanism{ByCapabilities}}
	byAppArmor := Coverage{Mechanisms: []Mechanism{ByAppArmor}, Residuals: []string{"apparmor-capability-audit"}}
	for _, test := range []struct {
		name    string
		rules   []policy.Rule
		posture policy.Posture
		host    Host
		drop    []string
		audited []string
		want    []Coverage // Unenforceable is compared by a piece
	}{
		{
			name:  "block",
			rules: []policy.Rule{capabilityRule(n, policy.Block, "CAP_NET_RAW"), capabilityRule(n, policy.Block, "CAP_CHOWN")},
			drop:  []string{"CAP_CHOWN", "CAP_NET_RAW"}, want: []Coverage{byDrop, byDrop}, posture: block,
		},
		{
			name:  "allow-list, posture block",
			rules: []policy.Rule{capabilityRule(n, policy.Allow, "CAP_NET_RAW")},
			drop:  allBut("CAP_NET_RAW"), want: []Coverage{byDrop}, posture: block,
		},
		{
			name:  "a block within an allow-list",
			rules: []policy.Rule{capabilityRule(n, policy.Allow, "CAP_NET_RAW"), capabilityRule(n, policy.Block, "CAP_NET_RAW")},
			drop:  allBut(), want: []Coverage{byDrop, byDrop}, posture: block,
		},
		{
			name:  "a namespace cannot loosen the cluster",
			rules: []policy.Rule{capabilityRule(c, policy.Block, "CAP_NET_RAW"), capabilityRule(n, policy.Allow, "CAP_NET_RAW")},
			drop:  allBut(), want: []Coverage{byDrop, byDrop}, posture: block,
		},
		{
			name:  "the cluster's allow-list does not admit what the namespace's leaves out",
			rules: []policy.Rule{capabilityRule(c, policy.Allow, "CAP_KILL"), capabilityRule(n, policy.Allow, "CAP_CHOWN")},
			drop:  allBut(), want: []Coverage{byDrop, byDrop}, posture: block,
		},
		{
			name:  "audit with AppArmor",
			rules: []policy.Rule{capabilityRule(n, policy.Audit, "CAP_KILL")},
			host:  lsm, audited: []string{"CAP_KILL"}, want: []Coverage{byAppArmor}, posture: block,
		},
		{
			name:  "audit without",
			rules: []policy.Rule{capabilityRule(n, policy.Audit, "CAP_KILL")}, posture: block,
			audited: []string{"CAP_KILL"}, want: []Coverage{{Unenforceable: "needs AppArmor"}},
		},
		{
			name:  "audit without the parser",
			rules: []policy.Rule{capabilityRule(n, policy.Audit, "CAP_KILL")}, posture: block, host: Host{AppArmor: true},
			audited: []string{"CAP_KILL"}, want: []Coverage{{Unenforceable: "apparmor_parser"}},
		},
		{
			name:  "audit of what is blocked",
			rules: []policy.Rule{capabilityRule(n, policy.Audit, "CAP_KILL"), capabilityRule(c, policy.Block, "CAP_KILL")},
			drop:  []string{"CAP_KILL"}, want: []Coverage{byDrop, byDrop}, posture: block,
		},
		{
			name:  "audit within an allow-list permits",
			rules: []policy.Rule{capabilityRule(n, policy.Audit, "CAP_KILL"), capabilityRule(n, policy.Allow, "CAP_CHOWN")},
			drop:  allBut("CAP_KILL", "CAP_CHOWN"), host: lsm, audited: []string{"CAP_KILL"},
			want: []Coverage{byAppArmor, byDrop}, posture: block,
		},
		{
			name:  "allow-list, posture audit",
			rules: []policy.Rule{capabilityRule(n, policy.Allow, "CAP_CHOWN"), capabilityRule(n, policy.Block, "CAP_KILL")},
			drop:  []string{"CAP_KILL"}, host: lsm, audited: allBut("CAP_CHOWN", "CAP_KILL"),
			want: []Coverage{byAppArmor, byDrop}, posture: audit,
		},
		{
			name:    "allow-list, posture audit, without AppArmor",
			rules:   []policy.Rule{capabilityRule(n, policy.Allow, "CAP_CHOWN")},
			audited: allBut("CAP_CHOWN"), want: []Coverage{{Unenforceable: "posture audit"}}, posture: audit,
		},
		{name: "no rules", posture: block},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, out := compileOne(t, compileCapabilities, test.rules, test.posture, test.host)
			var drop []string
			if p.Capabilities != nil {
				drop = p.Capabilities.Drop
			}
			if !slices.Equal(drop, test.drop) {
				t.Errorf("drops %v, want %v", drop, test.drop)
			}
			resolved := make([]model.Rule, len(test.rules))
			for i, r := range test.rules {
				resolved[i] = model.Rule{Number: i, Tier: r.Tier, Class: r.Class, Action: r.Action, Object: r.Object}
			}
			if audited := auditedCapabilities(resolved, test.posture); !slices.Equal(audited, test.audited) {
				t.Errorf("audits %v, want %v", audited, test.audited)
			}
			compareCoverage(t, out, test.want)
		})
	}
}

// compareCoverage compares outcomes by number; of a reason, a piece is enough.
func compareCoverage(t *testing.T, out outcomes, want []Coverage) {
	t.Helper()
	if len(out) != len(want) {
		t.Errorf("covers %d rules of %d", len(out), len(want))
	}
	for i, w := range want {
		got := out[i]
		if w.Unenforceable == "" != (got.Unenforceable == "") || !strings.Contains(got.Unenforceable, w.Unenforceable) {
			t.Errorf("rule %d: unenforceable because %q, want %q", i, got.Unenforceable, w.Unenforceable)
		}
		if !reflect.DeepEqual(got.Mechanisms, w.Mechanisms) || !reflect.DeepEqual(got.Residuals, w.Residuals) {
			t.Errorf("rule %d: %+v, want %+v", i, got, w)
		}
	}
}

func TestUnknownCapabilityIsAnError(t *testing.T) {
	r := capabilityRule(policy.Namespaced, policy.Block, "CAP_PARTY")
	p := &Plan{Rules: []policy.Rule{r}}
	_, err := compileCapabilities(p, []model.Rule{{Class: r.Class, Action: r.Action, Object: r.Object, Tier: r.Tier}}, Host{})
	if err == nil || !strings.Contains(err.Error(), "CAP_PARTY") {
		t.Errorf("got %v", err)
	}
}

// TestDropIsWhatTheModelDenies: dropped are exactly the capabilities whose use
// the model denies, and audited exactly those that it alerts on.
func TestDropIsWhatTheModelDenies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []policy.Rule
		var resolved []model.Rule
		for i := range rapid.IntRange(0, 8).Draw(t, "rules") {
			r := capabilityRule(
				rapid.SampledFrom([]policy.Tier{policy.Cluster, policy.Namespaced}).Draw(t, "tier"),
				rapid.SampledFrom([]policy.Action{policy.Allow, policy.Audit, policy.Block}).Draw(t, "action"),
				rapid.SampledFrom(KnownCapabilities()).Draw(t, "name"))
			rules = append(rules, r)
			resolved = append(resolved, model.Rule{Number: i, Tier: r.Tier, Class: r.Class, Action: r.Action, Object: r.Object})
		}
		posture := policy.Posture{Capabilities: rapid.SampledFrom([]policy.Action{policy.Audit, policy.Block}).Draw(t, "posture")}
		p, _ := compileOne(t, compileCapabilities, rules, posture, Host{})
		var drop []string
		if p.Capabilities != nil {
			drop = p.Capabilities.Drop
		}
		audited := auditedCapabilities(resolved, posture)
		set := model.New(resolved, posture)
		for _, name := range KnownCapabilities() {
			v := set.Decide(model.Access{Class: policy.Capabilities, Operation: model.Use, Name: name})
			if slices.Contains(drop, name) != (v.Action == policy.Block) || slices.Contains(audited, name) != (v.Action == policy.Audit) {
				t.Errorf("%s: model says %s; dropped %v, audited %v", name, v.Action, drop, audited)
			}
		}
	})
}

// auditedCapabilities are those whose use the rules permit and alert on.
func auditedCapabilities(rules []model.Rule, posture policy.Posture) []string {
	return withVerdict(decideCapabilities(rules, posture, ""), policy.Audit)
}
