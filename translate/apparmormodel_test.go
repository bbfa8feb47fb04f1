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

// randomRules draws plain rules whose objects contain, neighbour and cut one
// another.
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

// judge is what a profile says of a name.
type judge func(name string) parsertest.Perms

// compiled asks the real parser's automaton.
func compiled(t *testing.T, p *Plan) judge { return parsertest.Files(t, p.AppArmor.Text).File }

var fileLine = regexp.MustCompile(`(?m)^  (audit deny |audit )?"([^"]*)" ([rwlkmix]+),$`)

// interpreted matches the lines of the profile itself: permissions and audits
// add up, and a deny wins.
func interpreted(t *testing.T, p *Plan) judge {
	type parsed struct {
		qualifier string
		glob      glob.Glob
		perms     uint32
	}
	bits := map[rune]uint32{'r': parsertest.Read, 'w': parsertest.Write, 'l': parsertest.Link, 'k': parsertest.Lock, 'm': parsertest.Map, 'x': parsertest.Exec}
	var lines []parsed
	for _, m := range fileLine.FindAllStringSubmatch(p.AppArmor.Text, -1) {
		g, err := glob.Parse(m[2])
		if err != nil {
			t.Fatal(err)
		}
		l := parsed{qualifier: m[1], glob: g}
		for _, c := range m[3] {
			l.perms |= bits[c]
		}
		if strings.Contains(m[3], "ix") {
			l.perms |= parsertest.Map
		}
		lines = append(lines, l)
	}
	return func(name string) parsertest.Perms {
		var p parsertest.Perms
		var denied uint32
		for _, l := range lines {
			if !l.glob.Match(name) {
				continue
			}
			switch l.qualifier {
			case "audit deny ":
				denied |= l.perms
			case "audit ":
				p.Audit |= l.perms
				fallthrough
			default:
				p.Allow |= l.perms
			}
		}
		p.Allow &^= denied
		p.Audit &= p.Allow
		return p
	}
}

// agree compares what a profile says with the reference decision, modulo the
// residuals that the plan names. It returns how the two differ, or "".
func agree(p *Plan, decide *model.Set, ask judge, path string, directory bool) string {
	name := path
	if directory && name != "/" {
		name += "/"
	}
	got := ask(name)
	verdict := func(class policy.Class, op model.Operation) policy.Action {
		return decide.Decide(model.Access{Class: class, Operation: op, Path: path, Loader: model.IsLoader(path)}).Action
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
		if want := verdict(policy.Process, model.Map); (said(parsertest.Map) == policy.Block) != (want == policy.Block) {
			return "map is " + string(said(parsertest.Map)) + ", want " + string(want)
		}
	}
	if want := verdict(policy.File, model.Read); said(parsertest.Read) != want && !alertOnly(p, said(parsertest.Read), want) {
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
		return slices.Contains(c.Residuals, "apparmor-audit-pattern") || slices.Contains(c.Residuals, "apparmor-audit-base")
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
func testAgreement(t *testing.T, read func(*testing.T, *Plan) judge) {
	rapid.Check(t, func(rt *rapid.T) {
		posture := rapid.SampledFrom([]policy.Action{policy.Block, policy.Audit}).Draw(rt, "posture")
		p := plan(t, posture, randomRules().Draw(rt, "rules")...)
		for _, c := range p.Coverage {
			if c.Unenforceable != "" {
				rt.Skip(c.Unenforceable)
			}
		}
		decide := model.New(p.Resolved, p.Posture, base.Files()...)
		ask := read(t, p)
		if mount := decide.Decide(model.Access{Operation: model.Mount}).Action == policy.Block; mount == strings.Contains(p.AppArmor.Text, "  mount,") {
			rt.Fatalf("mounting is denied: %v\n%s", !mount, p.AppArmor.Text)
		}
		for range 60 {
			path, directory := randomNames().Draw(rt, "name"), rapid.Bool().Draw(rt, "directory")
			if diff := agree(p, decide, ask, path, directory); diff != "" {
				rt.Fatalf("%s (directory %v): %s\n%+v\n%s", path, directory, diff, p.Resolved, p.AppArmor.Text)
			}
		}
	})
}

func TestAppArmorAgreesWithModel(t *testing.T) { testAgreement(t, interpreted) }

func TestCompiledAppArmorAgreesWithModel(t *testing.T) { testAgreement(t, compiled) }
