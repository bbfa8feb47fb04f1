package build

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store"
)

var (
	labelKey   = rapid.SampledFrom([]string{"a", "b", "c"})
	labelValue = rapid.SampledFrom([]string{"", "1", "2"})
	namespaces = rapid.SampledFrom([]string{"x", "y", "z"})
	containers = rapid.SampledFrom([]string{"main", "side"})
)

// manifestOf writes a random policy: what is read, and as text.
func manifestOf(t *rapid.T, name string) (policy.Policy, string) {
	p := policy.Policy{Kind: policy.KindClusterPolicy, Name: name}
	metadata := map[string]any{"name": name}
	selector := map[string]any{}
	keys := []string{policy.KeyLabel}
	if rapid.Bool().Draw(t, "cluster") {
		keys = append(keys, policy.KeyNamespace)
	} else {
		p.Kind, p.Namespace = policy.KindPolicy, namespaces.Draw(t, "namespace")
		metadata["namespace"] = p.Namespace
		p.Selector.MatchLabels = rapid.MapOfN(labelKey, labelValue, 0, 2).Draw(t, "labels")
		labels := maps.Clone(p.Selector.MatchLabels)
		if rapid.IntRange(0, 3).Draw(t, "by container") == 0 {
			p.Selector.Containers = rapid.SliceOfNDistinct(containers, 1, 2, rapid.ID).Draw(t, "containers")
			labels[policy.ContainerLabel] = "[" + strings.Join(p.Selector.Containers, ", ") + "]"
		}
		selector["matchLabels"] = labels
	}
	for range rapid.IntRange(0, 2).Draw(t, "expressions") {
		e := policy.Expression{
			Key:      rapid.SampledFrom(keys).Draw(t, "key"),
			Operator: rapid.SampledFrom([]string{policy.OperatorIn, policy.OperatorNotIn}).Draw(t, "operator"),
		}
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			v := namespaces.Draw(t, "value")
			if e.Key == policy.KeyLabel {
				v = labelKey.Draw(t, "k") + "=" + labelValue.Draw(t, "v")
				if rapid.IntRange(0, 4).Draw(t, "a container") == 0 {
					v = policy.ContainerLabel + "=" + containers.Draw(t, "container")
				}
			}
			e.Values = append(e.Values, v)
		}
		p.Selector.Match = append(p.Selector.Match, e)
	}
	if p.Selector.Match != nil {
		selector["matchExpressions"] = p.Selector.Match
	}
	p.Rules = []policy.Rule{
		{Class: policy.Process, Object: policy.Object{Name: "/bin/" + name}},
		{Class: policy.Network, Object: policy.Object{Name: "tcp"}},
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": policy.APIVersion, "kind": p.Kind, "metadata": metadata,
		"spec": map[string]any{
			"selector": selector,
			"process":  map[string]any{"matchPaths": []any{map[string]any{"path": "/bin/" + name}}},
			"network":  map[string]any{"matchProtocols": []any{map[string]any{"protocol": "TCP"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, string(text) + "\n"
}

func subjectOf(t *rapid.T) policy.Subject {
	s := policy.Subject{
		Namespace: namespaces.Draw(t, "subject's namespace"),
		Labels:    rapid.MapOf(labelKey, labelValue).Draw(t, "subject's labels"),
		Sandbox:   rapid.IntRange(0, 4).Draw(t, "sandbox") == 0,
	}
	if !s.Sandbox {
		s.Container = containers.Draw(t, "subject's container")
	}
	return s
}

// TestIndexSelects: what is selected through files and index is what each
// policy says for itself, in one order.
func TestIndexSelects(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		n := &node{TB: t, dir: filepath.Join(root, "policies"), index: filepath.Join(root, "index")}
		n.must(os.Mkdir(n.dir, 0o755))
		var all []policy.Policy
		files := map[string]string{}
		for i := range rapid.IntRange(0, 30).Draw(rt, "policies") {
			p, text := manifestOf(rt, fmt.Sprintf("p%d", i))
			all = append(all, p)
			files[fmt.Sprintf("%d.json", rapid.IntRange(0, 9).Draw(rt, "file"))] += text
		}
		for name, text := range files {
			n.write(name, text)
		}
		slices.SortFunc(all, func(a, b policy.Policy) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
		for range 10 {
			subject := subjectOf(rt)
			var want store.Selection
			for _, p := range all {
				if p.Selects(subject) {
					want.Policies = append(want.Policies, store.Ref{Name: p.Name})
					want.Rules = append(want.Rules, p.RulesFor(subject)...)
				}
			}
			got, err := n.start(subject)
			if err != nil {
				rt.Fatal(err)
			}
			if summary(got) != summary(want) {
				rt.Fatalf("%+v: %s, not %s", subject, summary(got), summary(want))
			}
			for _, r := range got.Rules {
				if r.Position.Line == 0 || r.Position.File == "" || r.Address == "" {
					rt.Fatalf("a rule without a place: %+v", r)
				}
			}
		}
	})
}

// TestDamagedIndex: a start from a damaged index has the right answer or none.
func TestDamagedIndex(t *testing.T) {
	n := newNode(t)
	for i := range 20 {
		n.write(fmt.Sprintf("%d.yaml", i), blocks(fmt.Sprintf("p%d", i), fmt.Sprintf("/bin/%d", i)))
	}
	n.write("bad.yaml", strings.ReplaceAll(misses("bad"), "namespace: ns", "namespace: other"))
	want, err := n.start(web)
	n.must(err)
	good, err := os.ReadFile(n.index)
	n.must(err)
	answers := 0
	for i := range 2000 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		bad := slices.Clone(good)
		if i%10 == 0 {
			bad = bad[:random.IntN(len(bad))]
		} else {
			for range 1 + random.IntN(3) {
				bad[random.IntN(len(bad))] ^= byte(1 + random.IntN(255))
			}
		}
		n.must(os.WriteFile(n.index, bad, 0o600))
		sel, err := n.attempt(web)
		switch {
		case err == nil && summary(sel) == summary(want):
			answers++
		case !errors.Is(err, store.ErrStale):
			t.Fatalf("damage %d: %s, %v", i, summary(sel), err)
		}
	}
	if answers == 2000 {
		t.Error("no damage was done")
	}
	// The last one is mended by the next build, wherever the damage is.
	n.must(os.WriteFile(n.index, good[:len(good)-1], 0o600))
	n.expect("cut short", summary(want))
	last := slices.Clone(good)
	last[len(last)-1] ^= 1 // in a blob that this start does not read
	n.must(os.WriteFile(n.index, last, 0o600))
	if s := n.build(); s.Fresh {
		t.Error("a damaged blob was left in place")
	}
}
