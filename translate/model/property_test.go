package model

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
)

// Few names, so that rules and accesses meet often.
var (
	someFiles    = []string{"/a", "/a/b", "/a/b/c", "/a/bc", "/b", "/a/b/c/d"}
	somePatterns = []string{"/a/*", "/a/**", "/**", "/a/b{,c}", "/?", "/a/[a-c]*"}
	someNames    = []string{"a", "b", "c"}
	someCaps     = []string{"CAP_CHOWN", "CAP_KILL"}
	someCalls    = []string{"unlink", "rmdir"}
	someSockets  = []Socket{
		{unix.AF_INET, unix.SOCK_STREAM, 0}, {unix.AF_INET6, unix.SOCK_DGRAM, 0}, {unix.AF_INET, unix.SOCK_RAW, 1},
		{unix.AF_PACKET, unix.SOCK_RAW, 0}, {unix.AF_UNIX, unix.SOCK_STREAM, 0}, {unix.AF_VSOCK, unix.SOCK_STREAM, 0},
	}
	someProtocols = []string{"tcp", "udp", "icmp", "raw", "all"}
	someActions   = []policy.Action{policy.Allow, policy.Audit, policy.Block}
	someClasses   = []policy.Class{policy.Process, policy.File, policy.Network, policy.Capabilities, policy.Syscalls}
)

func drawObject(t *rapid.T, class policy.Class) policy.Object {
	pick := func(names []string) string { return rapid.SampledFrom(names).Draw(t, "object") }
	switch class {
	case policy.Network:
		return policy.Object{Kind: policy.Protocol, Name: pick(someProtocols)}
	case policy.Capabilities:
		return policy.Object{Kind: policy.Capability, Name: pick(someCaps)}
	case policy.Syscalls:
		o := policy.Object{Kind: policy.Syscall, Name: pick(someCalls)}
		if rapid.Bool().Draw(t, "has path") {
			o.Target, o.Recursive = pick(someFiles), rapid.Bool().Draw(t, "recursive")
		}
		return o
	}
	kinds := []policy.ObjectKind{policy.Path, policy.Directory, policy.Pattern}
	if class == policy.Process {
		kinds = append(kinds, policy.ExecName)
	}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case policy.Directory:
		return policy.Object{Kind: kind, Name: pick(someFiles), Recursive: rapid.Bool().Draw(t, "recursive")}
	case policy.Pattern:
		return policy.Object{Kind: kind, Name: pick(somePatterns)}
	case policy.ExecName:
		return policy.Object{Kind: kind, Name: pick(someNames)}
	default:
		return policy.Object{Kind: kind, Name: pick(someFiles)}
	}
}

func drawRule(t *rapid.T) Rule {
	r := Rule{
		Tier:   rapid.SampledFrom([]policy.Tier{policy.Cluster, policy.Namespaced}).Draw(t, "tier"),
		Class:  rapid.SampledFrom(someClasses).Draw(t, "class"),
		Action: rapid.SampledFrom(someActions).Draw(t, "action"),
	}
	r.Object = drawObject(t, r.Class)
	if rapid.IntRange(0, 2).Draw(t, "has sources") == 0 {
		r.Sources = rapid.SliceOfNDistinct(rapid.SampledFrom(someFiles), 1, 2, rapid.ID).Draw(t, "sources")
	}
	switch r.Class {
	case policy.File:
		r.ReadOnly = rapid.IntRange(0, 3).Draw(t, "readOnly") == 0
		fallthrough
	case policy.Process:
		r.OwnerOnly = rapid.IntRange(0, 3).Draw(t, "ownerOnly") == 0
	case policy.Syscalls:
		r.Enforce = rapid.Bool().Draw(t, "enforce")
	}
	return r
}

func drawRules(t *rapid.T) []Rule {
	rules := rapid.SliceOfN(rapid.Custom(drawRule), 0, 6).Draw(t, "rules")
	for i := range rules {
		rules[i].Number = i
	}
	return rules
}

func drawAccess(t *rapid.T) Access {
	a := Access{
		Class:  rapid.SampledFrom(someClasses).Draw(t, "class of access"),
		Source: rapid.SampledFrom(someFiles).Draw(t, "source"),
		UID:    rapid.Uint32Range(0, 1).Draw(t, "uid"),
		Owner:  rapid.Uint32Range(0, 1).Draw(t, "owner"),
	}
	operations := []Operation{Use}
	switch a.Class {
	case policy.Process:
		operations = []Operation{Exec, Exec, Map, Tamper, Mount}
		a.Path = rapid.SampledFrom(append([]string{""}, someFiles...)).Draw(t, "path")
		a.ExecName = rapid.SampledFrom(append([]string{""}, someNames...)).Draw(t, "name")
		a.Loader = a.Path != "" && rapid.IntRange(0, 3).Draw(t, "loader") == 0
	case policy.File:
		operations = []Operation{Read, Write, Tamper, Mount}
		a.Path = rapid.SampledFrom(append([]string{""}, someFiles...)).Draw(t, "path")
	case policy.Network:
		operations = []Operation{Create}
		a.Socket = rapid.SampledFrom(someSockets).Draw(t, "socket")
	case policy.Capabilities:
		a.Name = rapid.SampledFrom(someCaps).Draw(t, "capability")
	case policy.Syscalls:
		a.Name = rapid.SampledFrom(someCalls).Draw(t, "call")
		a.Target = rapid.SampledFrom(append([]string{""}, someFiles...)).Draw(t, "argument")
	}
	a.Operation = rapid.SampledFrom(operations).Draw(t, "operation")
	return a
}

func drawPosture(t *rapid.T) policy.Posture {
	draw := rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit})
	return policy.Posture{File: draw.Draw(t, "file"), Network: draw.Draw(t, "network"), Capabilities: draw.Draw(t, "capabilities")}
}

var someBase = []BaseEntry{{Pattern: "/b"}, {Pattern: "/a/b/*", Write: true}}

// The order in which policies were read never matters.
func TestOrderNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, posture, a := drawRules(t), drawPosture(t), drawAccess(t)
		shuffled := rapid.Permutation(rules).Draw(t, "shuffled")
		want, got := New(rules, posture, someBase...).Decide(a), New(shuffled, posture, someBase...).Decide(a)
		if got != want {
			t.Fatalf("%+v, and in another order %+v", want, got)
		}
	})
}

// The whole is exactly as strict as the stricter tier, so that neither tier
// can loosen the other.
func TestTiersOnlyTighten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, posture, a := drawRules(t), drawPosture(t), drawAccess(t)
		strictest := 0
		for _, tier := range []policy.Tier{policy.Cluster, policy.Namespaced} {
			own := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Tier != tier })
			strictest = max(strictest, strictness(New(own, posture, someBase...).Decide(a).Action))
		}
		if got := New(rules, posture, someBase...).Decide(a); strictness(got.Action) != strictest {
			t.Fatalf("%+v, but the tiers alone reach %d", got, strictest)
		}
	})
}

// A Block that lets nobody pass by a flag never opens anything.
func TestBlockNeverLoosens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, posture, a := drawRules(t), drawPosture(t), drawAccess(t)
		added := drawRule(t)
		added.Number, added.Action, added.OwnerOnly, added.ReadOnly = len(rules), policy.Block, false, false
		if added.Class == policy.Syscalls {
			added.Enforce = true // only then is it a Block
			added.Sources, added.Object.Target = nil, ""
		}
		without := New(rules, posture, someBase...).Decide(a)
		with := New(append(slices.Clone(rules), added), posture, someBase...).Decide(a)
		if strictness(with.Action) < strictness(without.Action) {
			t.Fatalf("%+v becomes %+v with the Block", without, with)
		}
	})
}

// A Block without exceptions denies what it matches.
func TestLoneBlockDenies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, a := drawRule(t), drawAccess(t)
		r.Action, r.OwnerOnly, r.ReadOnly = policy.Block, false, false
		if a.Operation == Mount || a.Operation == Tamper || a.Operation == Map || a.Loader || a.Class == policy.Process && a.Path == "" {
			t.Skip("decided by more than a match")
		}
		p := prepare(r)
		meant := r.Class == a.Class && judged(a) && p.matches(a) && p.From(a.Source)
		got := New([]Rule{r}, policy.Posture{}).Decide(a)
		want := policy.Allow
		switch {
		case meant && r.Class == policy.Syscalls && !(r.Enforce && len(r.Sources) == 0 && r.Object.Target == ""):
			want = policy.Audit
		case meant:
			want = policy.Block
		}
		if got.Action != want {
			t.Fatalf("%+v, want %s", got, want)
		}
	})
}

// The posture changes what no rule speaks of, and nothing else.
func TestPostureIsForTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, a := drawRules(t), drawAccess(t)
		strict := New(rules, policy.Posture{File: policy.Block, Network: policy.Block, Capabilities: policy.Block}, someBase...).Decide(a)
		lax := New(rules, policy.Posture{File: policy.Audit, Network: policy.Audit, Capabilities: policy.Audit}, someBase...).Decide(a)
		if strict.Reason != ByPosture && lax != strict {
			t.Fatalf("%+v under block, %+v under audit", strict, lax)
		}
		if strict.Reason == ByPosture && (strict.Action != policy.Block || lax.Reason == ByPosture && lax.Action == policy.Block) {
			t.Fatalf("%+v under block, %+v under audit", strict, lax)
		}
	})
}

// Without Allow rules there is no allow-list: what no rule matches passes.
func TestNoAllowNoList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		for i := range rules {
			if rules[i].Action == policy.Allow {
				rules[i].Action = policy.Audit
			}
		}
		if v := New(rules, drawPosture(t), someBase...).Decide(drawAccess(t)); v.Reason == ByPosture || v.Reason == ByBase {
			t.Fatalf("%+v", v)
		}
	})
}

// The base set only ever permits files, and only in allow-list mode.
func TestBaseOnlyPermits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, posture, a := drawRules(t), drawPosture(t), drawAccess(t)
		without, with := New(rules, posture).Decide(a), New(rules, posture, someBase...).Decide(a)
		if strictness(with.Action) > strictness(without.Action) || with != without && (a.Class != policy.File || without.Reason != ByPosture) {
			t.Fatalf("%+v, and with a base set %+v", without, with)
		}
	})
}

// Rules that neither match the object nor lie below it need not be asked.
func TestAmongIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, a := drawRules(t), drawAccess(t)
		set := New(rules, drawPosture(t), BaseEntry{Pattern: "/a/*"}, BaseEntry{Pattern: "/b", Own: true})
		a.Foreign = rapid.Bool().Draw(t, "foreign")
		var about []int
		for i, r := range rules {
			if p := prepare(r); r.Class == a.Class && (p.matches(a) || p.below(a.Path)) {
				about = append(about, i)
			}
		}
		if got, want := set.Among(a.Class, about).Decide(a), set.Decide(a); got != want {
			t.Fatalf("%+v among %v of %+v, want %+v", got, about, rules, want)
		}
	})
}

// A verdict names the rule that it comes from.
func TestVerdictNamesItsRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, a := drawRules(t), drawAccess(t)
		v := New(rules, drawPosture(t), someBase...).Decide(a)
		switch v.Reason {
		case ByRule, ByFlag, ByTamper:
			if v.Rule < 0 || v.Rule >= len(rules) || rules[v.Rule].Tier != v.Tier || a.Operation != Mount && rules[v.Rule].Class != a.Class {
				t.Fatalf("%+v", v)
			}
		case ByNothing:
			if v != permitted {
				t.Fatalf("%+v", v)
			}
		default:
			if v.Rule != -1 || v.Tier == "" {
				t.Fatalf("%+v", v)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	var rules []Rule
	for i := range 20 {
		rules = append(rules, Rule{Number: i, Tier: policy.Namespaced, Class: policy.File, Action: policy.Block,
			Object: policy.Object{Kind: policy.Directory, Name: someFiles[i%len(someFiles)], Recursive: true}})
	}
	rules[7].Object = policy.Object{Kind: policy.Pattern, Name: "/a/**/x"}
	set := New(rules, policy.Posture{})
	access := Access{Class: policy.File, Operation: Read, Path: "/a/b/c/d/e", Source: "/b"}
	for b.Loop() {
		set.Decide(access)
	}
}
