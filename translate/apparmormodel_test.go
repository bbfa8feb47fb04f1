package translate

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/glob/parsertest"
	"github.com/prearm/prearm/translate/model"
)

// randomSources are executables that random rules have as sources and objects.
var randomSources = []string{"/a", "/a/b", "/ab", "/usr/b"}

// randomRules draws rules whose objects contain, neighbour and cut one another,
// for everybody and for some sources, for all and for owners.
func randomRules() *rapid.Generator[[]model.Rule] {
	component := rapid.SampledFrom([]string{"a", "b", "ab", "c", "usr", "ld.so", "ld-linux.so.2", "libc.so"})
	path := rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(component, 1, 3).Draw(t, "path"), "/")
	})
	pattern := rapid.SampledFrom([]string{"/a/*", "/a/**", "/*/b", "/**/ab", "/a/{b,c/**}", "/a{,/**}", "/[ab]/?", "/a*", "/usr/**.so", "/ab**", "/**"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) model.Rule {
		r := model.Rule{
			Tier:   rapid.SampledFrom([]policy.Tier{policy.Namespaced, policy.Namespaced, policy.Cluster}).Draw(t, "tier"),
			Class:  rapid.SampledFrom([]policy.Class{policy.Process, policy.File}).Draw(t, "class"),
			Action: rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit, policy.Allow, policy.Block}).Draw(t, "action"),
		}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2, 3:
			r.Object = policy.Object{Kind: policy.Path, Name: path.Draw(t, "object")}
		case 4, 5, 6:
			dir := rapid.OneOf(path, rapid.Just("/")).Draw(t, "object")
			r.Object = policy.Object{Kind: policy.Directory, Name: dir, Recursive: rapid.Bool().Draw(t, "recursive")}
		case 7, 8:
			r.Object = policy.Object{Kind: policy.Pattern, Name: pattern.Draw(t, "object")}
		default:
			r.Object = policy.Object{Kind: policy.ExecName, Name: component.Draw(t, "object")}
			r.Class = policy.Process
		}
		r.ReadOnly = r.Class == policy.File && rapid.IntRange(0, 3).Draw(t, "readOnly") == 0
		r.OwnerOnly = rapid.IntRange(0, 4).Draw(t, "ownerOnly") == 0
		if rapid.IntRange(0, 2).Draw(t, "sourced") == 0 {
			r.Sources = rapid.SliceOfNDistinct(rapid.SampledFrom(randomSources), 1, 2, rapid.ID).Draw(t, "sources")
		}
		return r
	}), 1, 6)
}

// randomNames draws names of the same world, and of the base set.
func randomNames() *rapid.Generator[string] {
	component := rapid.SampledFrom([]string{"a", "b", "ab", "c", "aa", "d", "usr", "lib", "ld.so", "ld-linux.so.2", "ld-linux.so.2x", "libc.so", "x.so"})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "base") == 0 {
			return rapid.SampledFrom([]string{"/dev/null", "/dev/pts/0", "/lib/libc.so.6", "/lib64/x/y.so", "/etc/passwd", "/proc/12/maps", "/proc/1/environ", "/etc/ld.so.cache", "/"}).Draw(t, "name")
		}
		return "/" + strings.Join(rapid.SliceOfN(component, 1, 4).Draw(t, "name"), "/")
	})
}

// judge is what a profile says of a name to its owner, or to another. It gives
// the profile of what is executed, if it knows.
type judge func(name string, owner bool) (perms parsertest.Perms, enters string)

// compiled asks the real parser's automaton.
func compiled(t *testing.T, profile string) judge {
	var dfa *parsertest.DFA
	return func(name string, owner bool) (parsertest.Perms, string) {
		if dfa == nil {
			dfa = parsertest.Files(t, profile)
		}
		return dfa.File(name, owner), ""
	}
}

var fileLine = regexp.MustCompile(`(?m)^  (audit deny |audit )?(owner |other )?"([^"]*)" ([rwlkmix]+|[rwlkm]*px -> (\S+)),$`)

// interpreted matches the lines of the profile itself: permissions and audits
// add up, a deny wins, and lines without wildcards say what is entered.
func interpreted(t *testing.T, profile string) judge {
	type parsed struct {
		qualifier, whose, enters string
		glob                     glob.Glob
		perms                    uint32
	}
	bits := map[rune]uint32{'r': parsertest.Read, 'w': parsertest.Write, 'l': parsertest.Link, 'k': parsertest.Lock, 'm': parsertest.Map, 'x': parsertest.Exec}
	here, _, _ := strings.Cut(strings.TrimPrefix(profile, "profile "), " ")
	var lines []parsed
	for _, m := range fileLine.FindAllStringSubmatch(profile, -1) {
		g, err := glob.Parse(m[3])
		if err != nil {
			t.Fatal(err)
		}
		l := parsed{qualifier: m[1], whose: m[2], enters: m[5], glob: g}
		perms, _, _ := strings.Cut(m[4], " ")
		for _, c := range perms {
			l.perms |= bits[c]
		}
		if l.enters == "" {
			l.enters = here
		}
		lines = append(lines, l)
	}
	return func(name string, owner bool) (p parsertest.Perms, enters string) {
		var denied uint32
		var exact, wild []string
		for _, l := range lines {
			if !l.glob.Match(name) || owner && l.whose == "other " || !owner && l.whose == "owner " {
				continue
			}
			switch l.qualifier {
			case "audit deny ":
				denied |= l.perms
				continue
			case "audit ":
				p.Audit |= l.perms
			}
			p.Allow |= l.perms
			switch {
			case l.perms&parsertest.Exec == 0:
			case l.glob.Wild():
				wild = append(wild, l.enters)
			default:
				exact = append(exact, l.enters)
			}
		}
		p.Allow &^= denied
		p.Audit &= p.Allow
		if len(exact) == 0 {
			exact = wild
		}
		if exact = slices.Compact(exact); len(exact) > 1 {
			t.Errorf("%s: the lines that permit to execute %s enter %q", here, name, exact)
		}
		return p, strings.Join(exact, " ")
	}
}

// domainTexts are the profiles of a policy, by name, each as a text of its own.
func domainTexts(p *Plan) map[string]string {
	texts := make(map[string]string)
	for text := range strings.SplitSeq("\n"+p.AppArmor.Text, "\nprofile ") {
		if name, _, found := strings.Cut(text, " "); found {
			texts[name] = "profile " + text + "\n"
		}
	}
	return texts
}

// actor is whose process tries something.
type actor struct {
	source string // the executable
	owner  bool   // of the object
}

// agree compares what a profile says with the reference decision, modulo the
// residuals that the plan names. It returns how the two differ, or "".
func agree(p *Plan, decide *model.Set, ask judge, by actor, path string, directory bool) string {
	name := path
	if directory && name != "/" {
		name += "/"
	}
	got, _ := ask(name, by.owner)
	uid := uint32(1)
	if by.owner {
		uid = 0
	}
	verdict := func(class policy.Class, op model.Operation) policy.Action {
		return decide.Decide(model.Access{Class: class, Operation: op, Path: path, Loader: model.IsLoader(path), Source: by.source, UID: uid}).Action
	}
	said := func(bit uint32) policy.Action {
		switch {
		case got.Allow&bit == 0:
			return policy.Block
		case got.Audit&bit != 0:
			return policy.Audit
		}
		return policy.Allow
	}
	if !directory {
		if want := verdict(policy.Process, model.Exec); said(parsertest.Exec) != want && !alertOnly(p, said(parsertest.Exec), want) {
			return "exec is " + string(said(parsertest.Exec)) + ", want " + string(want)
		}
		// A program's own file is asked about where it is executed.
		if want := verdict(policy.Process, model.Map); path != by.source && (said(parsertest.Map) == policy.Block) != (want == policy.Block) {
			return "map is " + string(said(parsertest.Map)) + ", want " + string(want)
		}
	}
	own := slices.Contains(strings.Split(p.AppArmor.Label(by.source), "//&"), p.AppArmor.Label(path)) || // apparmor-source-read
		p.AppArmor.Label(by.source) == p.AppArmor.Label(path)
	_, sourced := p.AppArmor.Labels[path]
	if want := verdict(policy.File, model.Read); !(own && sourced) && said(parsertest.Read) != want && !alertOnly(p, said(parsertest.Read), want) {
		return "read is " + string(said(parsertest.Read)) + ", want " + string(want)
	}
	write := said(parsertest.Write)
	want := verdict(policy.File, model.Write)
	tampers := verdict(policy.File, model.Tamper) == policy.Block || verdict(policy.Process, model.Tamper) == policy.Block
	switch {
	case write == want, alertOnly(p, write, want):
	case write == policy.Block && tampers: // apparmor-parent-metadata, apparmor-tamper-write
	default:
		return "write is " + string(write) + ", want " + string(want)
	}
	if tampers && path != "/" && write != policy.Block && !movedOut(p, path, directory) {
		return "the name is not protected"
	}
	return ""
}

// alertOnly says whether two verdicts differ in an alert that a residual of
// the plan explains.
func alertOnly(p *Plan, x, y policy.Action) bool {
	explained := slices.ContainsFunc(p.Coverage, func(c Coverage) bool {
		return slices.Contains(c.Residuals, "apparmor-audit-pattern") || slices.Contains(c.Residuals, "apparmor-audit-base") ||
			slices.Contains(c.Residuals, "apparmor-source-stacked")
	})
	return explained && x != policy.Block && y != policy.Block
}

// movedOut says whether the protection of a name is lost to the residual
// apparmor-move-out, or is about a directory that the name is not.
func movedOut(p *Plan, path string, directory bool) bool {
	for i, r := range p.Resolved {
		if !shields(r) || r.Class != policy.Process && r.Object.Kind != policy.Directory {
			continue
		}
		if r.Object.Kind != policy.Path && slices.Contains(p.Coverage[i].Residuals, "apparmor-move-out") {
			return true
		}
	}
	return !directory
}

// testAgreement compares random profiles with the model.
func testAgreement(t *testing.T, read func(t *testing.T, profile string) judge) {
	rapid.Check(t, func(rt *rapid.T) {
		posture := rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit}).Draw(rt, "posture")
		nnp := rapid.IntRange(0, 3).Draw(rt, "no_new_privs") == 0
		p := planWith(t, Plan{NoNewPrivileges: nnp, Posture: policy.Posture{File: posture}}, randomRules().Draw(rt, "rules")...)
		for _, c := range p.Coverage {
			if c.Unenforceable != "" {
				rt.Skip(c.Unenforceable)
			}
		}
		decide := model.New(p.Resolved, p.Posture, base.Files()...)
		mount := decide.Decide(model.Access{Operation: model.Mount}).Action == policy.Block
		domains := make(map[string]judge)
		for name, text := range domainTexts(p) {
			domains[name] = read(t, text)
			if mount == strings.Contains(text, "  mount,") {
				rt.Fatalf("mounting is denied: %v\n%s", !mount, text)
			}
		}
		// Not all of them: each is some profiles for the parser to compile.
		sources := rapid.SliceOfNDistinct(rapid.SampledFrom(append(randomSources, "")), 2, 2, rapid.ID).Draw(rt, "sources")
		for range 80 {
			by := actor{rapid.SampledFrom(sources).Draw(rt, "source"), rapid.Bool().Draw(rt, "owner")}
			path, directory := randomNames().Draw(rt, "name"), rapid.Bool().Draw(rt, "directory")
			ask := stack(domains, p.AppArmor.Label(by.source))
			diff := agree(p, decide, ask, by, path, directory)
			if diff == "" && !directory {
				diff = p.entered(domains, ask, by, path)
			}
			if diff != "" {
				rt.Fatalf("%+v, %s (directory %v): %s\n%+v\n%s", by, path, directory, diff, p.Resolved, p.AppArmor.Text)
			}
		}
	})
}

// stack is what the profiles of a label say together.
func stack(domains map[string]judge, label string) judge {
	parts := strings.Split(label, "//&")
	return func(name string, owner bool) (parsertest.Perms, string) {
		var all parsertest.Perms
		var enters []string
		for i, part := range parts {
			perms, to := domains[part](name, owner)
			if i == 0 {
				all.Allow = perms.Allow
			}
			all.Allow &= perms.Allow
			all.Audit |= perms.Audit
			enters = append(enters, strings.Split(to, "//&")...)
		}
		all.Audit &= all.Allow
		slices.Sort(enters)
		return all, strings.Join(slices.Compact(enters), "//&")
	}
}

// entered says what is wrong with what confines a process of by after it has
// executed path, "" if it cannot or all is well.
func (p *Plan) entered(domains map[string]judge, ask judge, by actor, path string) string {
	from, to := p.AppArmor.Label(by.source), p.AppArmor.Label(path)
	perms, enters := ask(path, by.owner)
	if perms.Allow&parsertest.Exec == 0 {
		return ""
	}
	if p.NoNewPrivileges && from != p.AppArmor.Name { // apparmor-source-stacked
		return ""
	}
	if enters != "" && enters != to {
		return "executing it enters " + enters
	}
	if into, _ := stack(domains, to)(path, by.owner); into.Allow&parsertest.Map == 0 {
		return "it may be executed, and may not map itself"
	}
	was := strings.Split(from, "//&")
	for part := range strings.SplitSeq(to, "//&") {
		if part == "" || slices.Contains(was, part) || part == p.AppArmor.Name { // apparmor-source-read
			continue
		}
		if into, _ := domains[part](path, by.owner); into.Allow&parsertest.Read == 0 {
			return "it may be executed, and may not read itself"
		}
	}
	return ""
}

func TestAppArmorAgreesWithModel(t *testing.T) { testAgreement(t, interpreted) }

func TestCompiledAppArmorAgreesWithModel(t *testing.T) { testAgreement(t, compiled) }
