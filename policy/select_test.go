package policy_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
)

func TestSelects(t *testing.T) {
	in := func(key string, values ...string) policy.Expression {
		return policy.Expression{Key: key, Operator: policy.OperatorIn, Values: values}
	}
	notIn := func(key string, values ...string) policy.Expression {
		return policy.Expression{Key: key, Operator: policy.OperatorNotIn, Values: values}
	}
	web := policy.Subject{Namespace: "ns", Labels: map[string]string{"app": "web", "tier": "front"}, Container: "main"}
	for name, test := range map[string]struct {
		cluster  bool
		selector policy.Selector
		subject  policy.Subject
		want     bool
	}{
		"empty selector, its namespace":   {false, policy.Selector{}, web, true},
		"empty selector, another's":       {false, policy.Selector{}, policy.Subject{Namespace: "other"}, false},
		"empty selector, cluster":         {true, policy.Selector{}, policy.Subject{Namespace: "other"}, true},
		"one label":                       {false, policy.Selector{MatchLabels: map[string]string{"app": "web"}}, web, true},
		"both labels":                     {false, policy.Selector{MatchLabels: map[string]string{"app": "web", "tier": "front"}}, web, true},
		"one label of two":                {false, policy.Selector{MatchLabels: map[string]string{"app": "web", "tier": "back"}}, web, false},
		"a label that is not there":       {false, policy.Selector{MatchLabels: map[string]string{"x": ""}}, web, false},
		"labels in another namespace":     {false, policy.Selector{MatchLabels: map[string]string{"app": "web"}}, policy.Subject{Namespace: "other", Labels: web.Labels}, false},
		"container":                       {false, policy.Selector{Containers: []string{"side", "main"}}, web, true},
		"another container":               {false, policy.Selector{Containers: []string{"side"}}, web, false},
		"label In":                        {false, policy.Selector{Match: []policy.Expression{in("label", "app=db", "app=web")}}, web, true},
		"label In, none":                  {false, policy.Selector{Match: []policy.Expression{in("label", "app=db", "app=")}}, web, false},
		"label NotIn":                     {false, policy.Selector{Match: []policy.Expression{notIn("label", "app=db", "x=y")}}, web, true},
		"label NotIn, one":                {false, policy.Selector{Match: []policy.Expression{notIn("label", "app=db", "app=web")}}, web, false},
		"expressions are ANDed":           {false, policy.Selector{Match: []policy.Expression{in("label", "app=web"), notIn("label", "tier=front")}}, web, false},
		"expressions are ANDed, in order": {false, policy.Selector{Match: []policy.Expression{notIn("label", "tier=front"), in("label", "app=web")}}, web, false},
		"expressions and labels":          {false, policy.Selector{MatchLabels: map[string]string{"app": "web"}, Match: []policy.Expression{in("label", "tier=back")}}, web, false},
		"container by expression":         {false, policy.Selector{Match: []policy.Expression{in("label", policy.ContainerLabel+"=main")}}, web, true},
		"namespace In":                    {true, policy.Selector{Match: []policy.Expression{in("namespace", "x", "ns")}}, web, true},
		"namespace In, another":           {true, policy.Selector{Match: []policy.Expression{in("namespace", "x")}}, web, false},
		"namespace NotIn":                 {true, policy.Selector{Match: []policy.Expression{notIn("namespace", "x", "y")}}, web, true},
		"namespace NotIn, this":           {true, policy.Selector{Match: []policy.Expression{notIn("namespace", "x", "ns")}}, web, false},
		"namespace and label":             {true, policy.Selector{Match: []policy.Expression{in("label", "app=web"), in("namespace", "ns")}}, web, true},
		"a value with an equals sign":     {true, policy.Selector{Match: []policy.Expression{in("label", "a=b=c")}}, policy.Subject{Labels: map[string]string{"a": "b=c"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy.Policy{Kind: policy.KindPolicy, Namespace: "ns", Selector: test.selector, Rules: []policy.Rule{{Class: policy.File}}}
			if test.cluster {
				p.Kind, p.Namespace = policy.KindClusterPolicy, ""
			}
			if got := p.Selects(test.subject); got != test.want {
				t.Errorf("selected: %v", got)
			}
			if got := len(p.RulesFor(test.subject)) == 1; got != test.want {
				t.Errorf("rules: %v", got)
			}
		})
	}
}

// TestSandbox: the pause container is held to the network rules of policies
// for the whole pod, and to nothing else.
func TestSandbox(t *testing.T) {
	var rules []policy.Rule
	for _, class := range []policy.Class{policy.Process, policy.File, policy.Network, policy.Capabilities, policy.Syscalls} {
		rules = append(rules, policy.Rule{Class: class})
	}
	p := policy.Policy{Kind: policy.KindPolicy, Namespace: "ns", Rules: rules}
	sandbox := policy.Subject{Namespace: "ns", Sandbox: true}
	if got := p.RulesFor(sandbox); len(got) != 1 || got[0].Class != policy.Network {
		t.Errorf("the sandbox is held to %+v", got)
	}
	sandbox.Sandbox = false
	if got := p.RulesFor(sandbox); len(got) != len(rules) {
		t.Errorf("a container is held to %+v", got)
	}
	p.Selector.Containers = []string{"main"}
	sandbox.Sandbox = true
	if got := p.RulesFor(sandbox); len(got) != 0 {
		t.Errorf("a policy for another container holds the sandbox to %+v", got)
	}
}

// TestSelectsAgainstFacts compares selection with a reading of the definition
// that turns both sides into lists of facts.
func TestSelectsAgainstFacts(t *testing.T) {
	key, value := rapid.SampledFrom([]string{"a", "b", "c"}), rapid.SampledFrom([]string{"", "1", "2"})
	pair := rapid.Custom(func(t *rapid.T) string { return key.Draw(t, "k") + "=" + value.Draw(t, "v") })
	namespace := rapid.SampledFrom([]string{"x", "y", "z"})
	rapid.Check(t, func(t *rapid.T) {
		s := policy.Subject{Namespace: namespace.Draw(t, "namespace"), Labels: rapid.MapOf(key, value).Draw(t, "labels")}
		p := policy.Policy{Kind: policy.KindClusterPolicy, Selector: policy.Selector{MatchLabels: rapid.MapOfN(key, value, 0, 2).Draw(t, "matchLabels")}}
		if rapid.Bool().Draw(t, "namespaced") {
			p.Kind, p.Namespace = policy.KindPolicy, namespace.Draw(t, "policy's namespace")
		}
		for range rapid.IntRange(0, 3).Draw(t, "expressions") {
			e := policy.Expression{Key: policy.KeyLabel, Operator: rapid.SampledFrom([]string{policy.OperatorIn, policy.OperatorNotIn}).Draw(t, "operator")}
			values := pair
			if rapid.Bool().Draw(t, "by namespace") {
				e.Key, values = policy.KeyNamespace, namespace
			}
			e.Values = rapid.SliceOfN(values, 1, 3).Draw(t, "values")
			p.Selector.Match = append(p.Selector.Match, e)
		}

		facts := []string{"namespace " + s.Namespace}
		for k, v := range s.Labels {
			facts = append(facts, "label "+k+"="+v)
		}
		want := p.Namespace == "" || slices.Contains(facts, "namespace "+p.Namespace)
		for k, v := range p.Selector.MatchLabels {
			want = want && slices.Contains(facts, "label "+k+"="+v)
		}
		for _, e := range p.Selector.Match {
			hits := 0
			for _, v := range e.Values {
				hits += strings.Count("\n"+strings.Join(facts, "\n")+"\n", "\n"+e.Key+" "+v+"\n")
			}
			want = want && (hits > 0) == (e.Operator == policy.OperatorIn)
		}
		if got := p.Selects(s); got != want {
			t.Fatalf("selected: %v", got)
		}
	})
}

func TestErrorText(t *testing.T) {
	at := policy.Position{File: "a.yaml", Line: 3, Column: 7}
	for want, e := range map[string]error{
		"a.yaml:3:7: spec.action: is wrong (write Block)": policy.Error{Position: at, Field: "spec.action", Reason: "is wrong", Suggestion: "write Block"},
		"a.yaml:3:7: is wrong":                            policy.Error{Position: at, Reason: "is wrong"},
		"a.yaml:3: is wrong":                              policy.Error{Position: policy.Position{File: "a.yaml", Line: 3}, Reason: "is wrong"},
		"a.yaml: is wrong":                                policy.Error{Position: policy.Position{File: "a.yaml"}, Reason: "is wrong"},
		`"a\x1b[2J\nb": is wrong`:                         policy.Error{Position: policy.Position{File: "a\x1b[2J\nb"}, Reason: "is wrong"},
		"a.yaml:3:7: one\na.yaml:3:7: two":                policy.Errors{{Position: at, Reason: "one"}, {Position: at, Reason: "two"}},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
