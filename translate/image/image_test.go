package image

import (
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/automaton"
	"github.com/prearm/prearm/translate/model"
)

// The world is small, so that rules and accesses meet often.
var (
	components  = []string{"a", "b", "ab", "c", "usr", "lib", "ld.so", "ld-linux.so.2", "libc.so", "x.so", "\xff"}
	executables = []string{"/a", "/a/b", "/ab", "/usr/b", "/c"}
	patterns    = []string{"/a/*", "/a/**", "/*/b", "/**/ab", "/a/{b,c/**}", "/a{,/**}", "/[ab]/?", "/a*", "/usr/**.so", "/ab**", "/**", "/{**/,}c", "/a/[^x]*/b", "/a{b,}", "/a/b[^/]"}
	caps        = []string{"CAP_CHOWN", "CAP_KILL", "CAP_SETUID"}
	sockets     = [Sockets][]model.Socket{
		0:            {{Family: unix.AF_INET, Type: unix.SOCK_STREAM}, {Family: unix.AF_INET6, Type: unix.SOCK_STREAM}},
		1:            {{Family: unix.AF_INET, Type: unix.SOCK_DGRAM}},
		2:            {{Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMP}},
		SocketPacket: {{Family: unix.AF_PACKET, Type: unix.SOCK_RAW}, {Family: unix.AF_INET, Type: unix.SOCK_PACKET}},
		SocketVsock:  {{Family: unix.AF_VSOCK, Type: unix.SOCK_STREAM}},
		SocketFamily: {{Family: unix.AF_CAN, Type: unix.SOCK_RAW}, {Family: unix.AF_KEY, Type: unix.SOCK_RAW}},
	}
)

func anyPath() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(components), 1, 4).Draw(t, "path"), "/")
	})
}

func anyRule() *rapid.Generator[model.Rule] {
	return rapid.Custom(func(t *rapid.T) model.Rule {
		r := model.Rule{
			Tier:   rapid.SampledFrom([]policy.Tier{policy.Namespaced, policy.Namespaced, policy.Cluster}).Draw(t, "tier"),
			Class:  rapid.SampledFrom([]policy.Class{policy.Process, policy.Process, policy.File, policy.File, policy.File, policy.Network, policy.Capabilities}).Draw(t, "class"),
			Action: rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit, policy.Allow, policy.Block}).Draw(t, "action"),
		}
		pick := func(kind policy.ObjectKind, from []string) policy.Object {
			return policy.Object{Kind: kind, Name: rapid.SampledFrom(from).Draw(t, "object")}
		}
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		switch {
		case r.Class == policy.Network:
			r.Object = pick(policy.Protocol, []string{"tcp", "udp", "icmp", "raw", "all"})
		case r.Class == policy.Capabilities:
			r.Object = pick(policy.Capability, caps)
		case kind < 4:
			r.Object = policy.Object{Kind: policy.Path, Name: rapid.OneOf(anyPath(), rapid.Just("/")).Draw(t, "object")}
		case kind < 7:
			r.Object = policy.Object{Kind: policy.Directory, Name: rapid.OneOf(anyPath(), rapid.Just("/")).Draw(t, "object"), Recursive: rapid.Bool().Draw(t, "recursive")}
		case kind < 8 || r.Class == policy.File:
			r.Object = pick(policy.Pattern, patterns)
		default:
			r.Object = pick(policy.ExecName, components)
		}
		r.ReadOnly = r.Class == policy.File && rapid.IntRange(0, 3).Draw(t, "readOnly") == 0
		r.OwnerOnly = (r.Class == policy.File || r.Class == policy.Process) && rapid.IntRange(0, 4).Draw(t, "ownerOnly") == 0
		if rapid.IntRange(0, 2).Draw(t, "sourced") == 0 {
			r.Sources = rapid.SliceOfNDistinct(rapid.SampledFrom(executables), 1, 2, rapid.ID).Draw(t, "sources")
		}
		return r
	})
}

// asked draws paths near the objects of rules, in the base set, and elsewhere.
func asked(rules []model.Rule) *rapid.Generator[string] {
	var near []string
	for _, r := range rules {
		if name := r.Object.Name; strings.HasPrefix(name, "/") && r.Object.Kind != policy.Pattern {
			near = append(near, name, path.Join(name, "b"), path.Join(name, "c", "ab"), path.Dir(name), name+"b", path.Join(path.Dir(name), "zz"))
		}
	}
	others := []string{"/dev/null", "/dev/pts/0", "/lib/libc.so.6", "/lib64/x/y.so", "/etc/passwd", "/proc/12/maps", "/proc/1/environ", "/proc/3/task/4/stat", "/etc/ld.so.cache", "/"}
	return rapid.OneOf(anyPath(), rapid.SampledFrom(append(near, others...)), rapid.SampledFrom(others))
}

// check asks the image and the model about one access.
func check(m Image, set *model.Set, a model.Access) error {
	source := m.Source(a.Source)
	owner := a.UID == a.Owner
	got := m.Decide(a.Class, a.Operation, Object{Path: a.Path, ExecName: a.ExecName}, source, owner)
	// What the kernel's side sees to: a task may map the file that it runs.
	a.Foreign = a.Operation == model.Map
	want := decide(set, a)
	if err := same(got, want); err != nil {
		return err
	}
	a.Foreign = true
	if foreign := set.Decide(a); got.Foreign != foreign.Action {
		return fmt.Errorf("of another process: the image says %s, the model %s", got.Foreign, foreign.Action)
	}
	if any := m.Decide(a.Class, a.Operation, Object{Path: a.Path, ExecName: a.ExecName}, m.Any(), owner); stricter(want.Action, any.Action) {
		return fmt.Errorf("any source may do what %q may not", a.Source)
	}
	if lost := m.Unresolved(a.Class, a.Operation, source, owner); a.Path != "" && (stricter(want.Action, lost.Action) || stricter(got.Foreign, lost.Action)) {
		return errors.New("without a path it is permitted")
	}
	return nil
}

// same compares verdicts; of those that permit, the action alone.
func same(got, want Verdict) error {
	if got.Action == want.Action && (got.Action == policy.Allow || got.Rule == want.Rule && got.Reason == want.Reason && got.Tier == want.Tier) {
		return nil
	}
	return fmt.Errorf("the image says %+v, the model %+v", got, want)
}

// TestImageAgreesWithModel: images of random rules answer random accesses as
// the model does, of every class and operation.
func TestImageAgreesWithModel(t *testing.T) {
	deadline, decisions, rulesets := time.Now().Add(8*time.Second), 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		for range 16 {
			if time.Now().After(deadline) {
				return
			}
			rules := rapid.SliceOfN(anyRule(), 0, 7).Draw(rt, "rules")
			for i := range rules {
				rules[i].Number = i
			}
			audit := func(name string) policy.Action {
				return rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit}).Draw(rt, name)
			}
			posture := policy.Posture{File: audit("file"), Network: audit("network"), Capabilities: audit("capabilities")}
			decisions += agree(rt, rules, posture)
			rulesets++
		}
	})
	t.Logf("%d decisions by %d rulesets", decisions, rulesets)
}

// agree compares an image with the model, in many accesses.
func agree(t *rapid.T, rules []model.Rule, posture policy.Posture) int {
	cells, err := Build(Ruleset{Rules: rules, Posture: posture, Base: base.Files(), Sockets: sockets, Capabilities: caps})
	if err != nil {
		t.Fatal(err)
	}
	m, set := Image(cells), model.New(rules, posture, base.Files()...)
	decisions := 0
	ask := func(a model.Access) {
		decisions++
		if err := check(m, set, a); err != nil {
			t.Fatalf("%+v of %+v: %v", a, rules, err)
		}
	}
	sources := append([]string{"", "/other", "/a/bb"}, executables...)
	paths := asked(rules)
	for range 10 {
		source := rapid.SampledFrom(sources).Draw(t, "source")
		name := rapid.OneOf(paths, rapid.Just("")).Draw(t, "path")
		for _, owner := range []uint32{0, 1} {
			for class, ops := range operations {
				for _, op := range ops {
					a := model.Access{Class: class, Operation: op, Path: name, Source: source, Owner: owner,
						Loader: class == policy.Process && name != "" && model.IsLoader(name)}
					ask(a)
					if op == model.Exec && name != "" {
						if a.ExecName = rapid.SampledFrom(components).Draw(t, "name"); a.ExecName != path.Base(name) {
							ask(a)
						}
					}
				}
			}
		}
	}
	for _, source := range sources {
		for kind, all := range sockets {
			for _, s := range all {
				decisions++
				if err := same(m.Socket(m.Source(source), kind), decide(set, model.Access{Class: policy.Network, Operation: model.Create, Socket: s, Source: source})); err != nil {
					t.Fatalf("%+v by %q of %+v: %v", s, source, rules, err)
				}
			}
		}
		for number, name := range caps {
			decisions++
			if err := same(m.Capability(m.Source(source), number), decide(set, model.Access{Class: policy.Capabilities, Operation: model.Use, Name: name, Source: source})); err != nil {
				t.Fatalf("%s by %q of %+v: %v", name, source, rules, err)
			}
		}
	}
	if err := same(m.Mount(), decide(set, model.Access{Operation: model.Mount})); err != nil {
		t.Fatalf("mounting by %+v: %v", rules, err)
	}
	return decisions
}

// TestLayout: the constants here are those of the C header.
func TestLayout(t *testing.T) {
	text, err := os.ReadFile("../../bpf/guard/layout.h")
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]int)
	comments := regexp.MustCompile(`(?s)/\*.*?\*/`)
	header := comments.ReplaceAllString(string(text), "")
	for _, m := range regexp.MustCompile(`(?s)enum \w+ \{(.*?)\}`).FindAllStringSubmatch(header, -1) {
		next := 0
		for entry := range strings.SplitSeq(m[1], ",") {
			name, value, explicit := strings.Cut(strings.TrimSpace(entry), "=")
			if name == "" {
				continue
			}
			if explicit {
				if next, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
					t.Fatal(err)
				}
			}
			values[strings.TrimSpace(name)] = next
			next++
		}
	}
	for _, m := range regexp.MustCompile(`#define (\w+) (\d+)\n`).FindAllStringSubmatch(header, -1) {
		values[m[1]], _ = strconv.Atoi(m[2])
	}
	index := func(r model.Reason) int { return slices.Index(reasons[:], r) }
	act := func(a policy.Action) int { return slices.Index(actions[:], a) }
	op := func(class policy.Class, op model.Operation) int { return slices.Index(operations[class], op) }
	for name, want := range map[string]int{
		"IMAGE_FORMAT": headFormat, "IMAGE_SOURCES": headSources, "IMAGE_FILE": headFile, "IMAGE_PROCESS": headProcess,
		"IMAGE_SPECIAL": headSpecial, "IMAGE_TABLES": headTables, "IMAGE_HEADER": headSize, "IMAGE_VERSION": version, "IMAGE_NAMES": flagNames,
		"FILE_READ": op(policy.File, model.Read), "FILE_WRITE": op(policy.File, model.Write), "FILE_TAMPER": op(policy.File, model.Tamper),
		"PROCESS_EXEC": op(policy.Process, model.Exec), "PROCESS_MAP": op(policy.Process, model.Map), "PROCESS_TAMPER": op(policy.Process, model.Tamper),
		"OPERATIONS": rowCells / 2, "GUARD_BLOCK": act(policy.Block), "GUARD_AUDIT": act(policy.Audit), "GUARD_PERMIT": act(policy.Allow),
		"REASON_MISSING": index(ByMissing), "REASON_RULE": index(model.ByRule), "REASON_FLAG": index(model.ByFlag), "REASON_POSTURE": index(model.ByPosture),
		"REASON_BASE": index(model.ByBase), "REASON_NONE": index(model.ByNothing), "REASON_LOADER": index(model.ByLoader), "REASON_NAMELESS": index(model.ByMemory),
		"REASON_TAMPER": index(model.ByTamper), "REASON_UNRESOLVED": index(Unresolvable),
		"GUARD_PACKET": SocketPacket, "GUARD_SMC": SocketSMC, "GUARD_VSOCK": SocketVsock, "GUARD_FAMILY": SocketFamily, "GUARD_SOCKETS": Sockets,
		"GUARD_CAPABILITIES": capabilities, "STATE_META": 256,
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %d in the header (there: %v), %d here", name, got, ok, want)
		}
	}
}

// TestWalkEnds: a path outside every rule is read no further than its first
// component.
func TestWalkEnds(t *testing.T) {
	cells, err := Build(Ruleset{Rules: large(100), Base: base.Files()})
	if err != nil {
		t.Fatal(err)
	}
	m := Image(cells)
	for path, want := range map[string]int{"/home/user/a/b/c": 2, "/usr/bin/env": len("/usr/b"), "/": 1} {
		if _, read := m.walk(m.low(headFile), path); read != want {
			t.Errorf("%s: %d bytes, want %d", path, read, want)
		}
	}
}

// TestMissingImageBlocks: nothing that is not there permits.
func TestMissingImageBlocks(t *testing.T) {
	if v := Decode(0); v.Action != policy.Block || v.Reason != ByMissing || v.Foreign != policy.Block {
		t.Errorf("%+v", v)
	}
}

// large has n rules, each with a path of its own.
func large(n int) []model.Rule {
	rules := make([]model.Rule, n)
	for i := range rules {
		rules[i] = model.Rule{Number: i, Tier: policy.Namespaced, Class: policy.File, Action: policy.Block,
			Object: policy.Object{Kind: policy.Path, Name: fmt.Sprintf("/usr/share/application-%d/data/component-%d/file%d.conf", i%97, i%1009, i)}}
	}
	return rules
}

// namesBeside are the rules, on processes, and others on names.
func namesBeside(n int, rules []model.Rule) []model.Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].Class = policy.Process
	}
	for i := range n {
		rules = append(rules, model.Rule{Number: len(rules), Tier: policy.Namespaced, Class: policy.Process, Action: policy.Audit,
			Object: policy.Object{Kind: policy.ExecName, Name: fmt.Sprintf("tool%d", i)}})
	}
	return rules
}

// TestLargeImages: 10,000 rules take little time and space; what is too much
// is refused with how much it is.
func TestLargeImages(t *testing.T) {
	rules := append(large(10_000), model.Rule{Number: 10_000, Tier: policy.Namespaced, Class: policy.File, Action: policy.Allow,
		Object: policy.Object{Kind: policy.Directory, Name: "/srv", Recursive: true}})
	begun := time.Now()
	cells, err := Build(Ruleset{Rules: rules, Base: base.Files()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("10,001 rules: %v, %d cells", time.Since(begun), len(cells))
	set := model.New(rules, policy.Posture{}, base.Files()...)
	for i := 0; i < len(rules)-1; i += 997 {
		for _, name := range []string{rules[i].Object.Name, path.Dir(rules[i].Object.Name), rules[i].Object.Name + "x"} {
			for _, op := range operations[policy.File] {
				if err := check(Image(cells), set, model.Access{Class: policy.File, Operation: op, Path: name}); err != nil {
					t.Fatalf("%s %s: %v", op, name, err)
				}
			}
		}
	}
	if _, err := Build(Ruleset{Rules: namesBeside(2000, rules)}); err == nil {
		t.Error("names are asked about with every path")
	} else {
		t.Log(err)
	}
	var large *automaton.TooLargeError
	for i := range rules { // each source and rule is a row of its own, and a column
		rules[i].Sources = []string{fmt.Sprintf("/usr/bin/tool%d", i)}
	}
	if _, err := build(Ruleset{Rules: rules[:3000]}, 1<<16); !errors.As(err, &large) {
		t.Errorf("got %v", err)
	} else {
		t.Log(err)
	}
}

func BenchmarkBuild20(b *testing.B)    { benchmarkBuild(b, large(20)) }
func BenchmarkBuild10000(b *testing.B) { benchmarkBuild(b, large(10_000)) }

// BenchmarkBuildList is an allow-list of files, and so with the base set, and
// of processes.
func BenchmarkBuildList(b *testing.B) {
	rules := large(20)
	for i := range rules {
		rules[i].Action = policy.Allow
		if i%2 == 0 {
			rules[i].Class = policy.Process
		}
	}
	benchmarkBuild(b, rules)
}

func benchmarkBuild(b *testing.B, rules []model.Rule) {
	for b.Loop() {
		if _, err := Build(Ruleset{Rules: rules, Base: base.Files()}); err != nil {
			b.Fatal(err)
		}
	}
}
