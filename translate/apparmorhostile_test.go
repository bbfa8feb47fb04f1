package translate

import (
	"fmt"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/glob/parsertest"
	"github.com/prearm/prearm/translate/model"
)

// safeLine is all that a line about files may consist of: nothing in it ends
// the quotes, the line or the rule.
var safeLine = func() *regexp.Regexp {
	const name = `"/([A-Za-z0-9/._+:=~@%,*?{}^\[\]-]|\\[0-3][0-7][0-7])*"`
	return regexp.MustCompile(`^  ((audit |audit deny )?(owner )?` + name + ` [rwlkmix]+|audit deny other link "/\{,\*\*\}" -> ` + name + `),$`)
}()

// checkText fails unless the profile is the frame and safe lines only.
func checkText(t testing.TB, a *AppArmor) {
	t.Helper()
	body, framed := strings.CutPrefix(a.Text, "profile "+a.Name+" flags=(mediate_deleted) {\n  network,\n"+base.Profile)
	body, ended := strings.CutSuffix(body, "}\n")
	if !framed || !ended {
		t.Fatalf("the frame is broken:\n%s", a.Text)
	}
	for line := range strings.Lines(strings.TrimPrefix(body, base.Mounts)) {
		if !safeLine.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Fatalf("%q is no safe line", line)
		}
	}
}

// hostilePaths are names that people give files to break profiles, and many
// random ones of the same characters.
func hostilePaths() []string {
	out := []string{
		`/a"b`, `/a\`, `/a\"`, `/a\\"`, "/a\nb", "/a\r\nb", "/a b", "/a\tb", "/a,b", "/a,\n  /b rw,", `/a" rw,` + "\n}\nprofile x {\n" + `"/b`,
		"/{a,b}", "/{", "/}", "/a{", "/[a-z]", "/[", "/]", "/[^a]", "/*", "/**", "/?", "/a*b", "/@{HOME}", "/@{", "/@", "/@{a", "/${x}", "/$",
		"/#include <x>", "/a#b", "/!a", "/a^b", "/^", "/(a)", "/a|b", "/a.b", "/a+b", "/-", "/a->b", "/é", "/\xff\xfe", "/\x01\x02\x1f\x7f\x80",
		"/a\\x41", "/a\\101", "/a\\000", `/a\d65`, "/ ", "/\"", "/'", "/a;b", "/a&b", "/a=b", "/a:b", "/~", "/%s%n", "/" + strings.Repeat("x", 4000),
		"/" + strings.Repeat("\"", 1000), "/usr/bin/\u202e",
	}
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "\"\\{}[]*?,^@#!$ \n\t\r/ab0-.|()+\x01\x7f\x80\xff"
	for range 250 {
		b := []byte("/")
		for range 1 + random.IntN(20) {
			b = append(b, alphabet[random.IntN(len(alphabet))])
		}
		if clean := path.Clean(string(b)); clean != "/" {
			out = append(out, clean)
		}
	}
	return out
}

// A source's name is printed as an object's is: each names its own domain's
// transition, and nothing else.
func TestHostileSourcesStayPaths(t *testing.T) {
	paths := slices.DeleteFunc(hostilePaths(), func(path string) bool { return len(path) > 500 }) // each is in two profiles
	p := plan(t, policy.Block,
		model.Rule{Tier: policy.Namespaced, Class: policy.Process, Action: policy.Block, Sources: paths, Object: policy.Object{Kind: policy.Path, Name: "/x"}})
	for _, c := range p.Coverage {
		if c.Unenforceable != "" {
			t.Error(c.Unenforceable)
		}
	}
	texts := domainTexts(p)
	if got := parsertest.Names(t, p.AppArmor.Text); len(got) != 2 || len(texts) != 2 {
		t.Fatalf("the parser reads the profiles %.200q", got)
	}
	child := p.AppArmor.Name + "//1"
	for _, path := range paths {
		if label := p.AppArmor.Label(path); label != p.AppArmor.Name+"//&"+child {
			t.Errorf("%.40q is confined by %s", path, label)
		}
	}
	for line := range strings.Lines(texts[p.AppArmor.Name]) {
		if quoted, to, ok := strings.Cut(line, " px -> "); ok && (!safeLine.MatchString(quoted+" ix,") || to != p.AppArmor.Name+"//&"+child+",\n") {
			t.Errorf("%q is no safe line", line)
		}
	}
	if _, err := parsertest.Compile(t, p.AppArmor.Text); err != nil {
		t.Error(err)
	}
}

// More domains than a profile has transitions to are refused; sources of the
// same rules share one.
func TestTooManyDomains(t *testing.T) {
	for n, want := range map[int]bool{maxDomains - 1: true, maxDomains: false, 40 * maxDomains: false} {
		var rules []model.Rule
		for i := range n {
			r := rule(fmt.Sprintf("block process /x%d from=/s%d", i, i))
			r.Sources = append(r.Sources, fmt.Sprintf("/t%d", i))
			rules = append(rules, r)
		}
		p := plan(t, policy.Block, rules...)
		if ok := p.Coverage[0].Unenforceable == ""; ok != want {
			t.Errorf("%d domains beside the first: %s", n, p.Coverage[0].Unenforceable)
		}
		if !want {
			continue
		}
		if _, err := parsertest.Compile(t, p.AppArmor.Text); err != nil {
			t.Errorf("%d domains: %v", n, err)
		}
	}
}

// The real parser reads one profile, whatever the paths are called, and each
// line of it means its path.
func TestHostilePathsStayPaths(t *testing.T) {
	paths := hostilePaths()
	var rules []model.Rule
	for _, path := range paths {
		rules = append(rules, model.Rule{Tier: policy.Namespaced, Class: policy.File, Action: policy.Audit, Object: policy.Object{Kind: policy.Path, Name: path}})
	}
	p := plan(t, policy.Block, rules...)
	for i, c := range p.Coverage {
		if c.Unenforceable != "" {
			t.Errorf("%.40q: %s", paths[i], c.Unenforceable)
		}
	}
	checkText(t, p.AppArmor)
	if got := parsertest.Names(t, p.AppArmor.Text); len(got) != 1 || got[0] != p.AppArmor.Name {
		t.Fatalf("the parser reads the profiles %.100q", got)
	}
	dfa := parsertest.Files(t, p.AppArmor.Text)
	known := make(map[string]bool)
	for _, path := range paths {
		known[path] = true
	}
	for _, path := range paths {
		if dfa.File(path, true).Audit&parsertest.Read == 0 {
			t.Errorf("%.40q is not audited", path)
		}
		for _, other := range []string{path + "x", path[:len(path)-1], strings.ReplaceAll(path, `\`, ""), strings.ReplaceAll(path, "*", "a"), "/" + path[2:]} {
			if !known[strings.TrimSuffix(other, "/")] && dfa.File(other, true).Audit != 0 {
				t.Errorf("%.40q is audited because of %.40q", other, path)
			}
		}
	}
}

// Directories, patterns and base names are no more dangerous than paths, also
// where others are cut out of them.
func TestHostileObjectsStayObjects(t *testing.T) {
	for _, path := range hostilePaths() {
		name := strings.ReplaceAll(path, "/", "")
		var rules []model.Rule
		for _, o := range []policy.Object{
			{Kind: policy.Directory, Name: path, Recursive: true},
			{Kind: policy.ExecName, Name: name},
			{Kind: policy.Pattern, Name: path + "*"},
		} {
			rules = append(rules, model.Rule{Tier: policy.Namespaced, Class: policy.Process, Action: policy.Block, Object: o})
		}
		rules = append(rules, model.Rule{Tier: policy.Namespaced, Class: policy.Process, Action: policy.Audit, Object: policy.Object{Kind: policy.Path, Name: path + "/" + name}})
		p := plan(t, policy.Audit, rules...)
		if p.AppArmor != nil {
			checkText(t, p.AppArmor)
		}
	}
}

func TestNamesOfNoFileAreRefused(t *testing.T) {
	for _, o := range []policy.Object{
		{Kind: policy.Path, Name: "/a\x00b"}, {Kind: policy.Path, Name: "a"}, {Kind: policy.Path, Name: "/a/"}, {Kind: policy.Path, Name: "//"},
		{Kind: policy.Path, Name: "/a/../b"}, {Kind: policy.Path, Name: ""}, {Kind: policy.Directory, Name: "/a//b"}, {Kind: policy.Directory, Name: "/a\x00"},
		{Kind: policy.ExecName, Name: ""}, {Kind: policy.ExecName, Name: "a/b"}, {Kind: policy.ExecName, Name: "\x00"}, {Kind: policy.Pattern, Name: "/a/*/"},
		{Kind: policy.Pattern, Name: "a*"}, {Kind: policy.Pattern, Name: "/["},
	} {
		for _, action := range []policy.Action{policy.Block, policy.Audit, policy.Allow} {
			p := plan(t, policy.Block, model.Rule{Tier: policy.Namespaced, Class: policy.Process, Action: action, Object: o})
			if p.Coverage[0].Unenforceable == "" {
				t.Errorf("%s %q is covered", o.Kind, o.Name)
			}
			checkText(t, p.AppArmor)
		}
	}
}

// A policy of too many paths is refused before apparmor_parser fails on it.
func TestTooManyPaths(t *testing.T) {
	var rules []model.Rule
	for i := range 5000 {
		rules = append(rules, rule(fmt.Sprintf("block file /opt/app%d/data/file%d", i*7919%10007, i)))
	}
	p := plan(t, policy.Block, rules...)
	if p.AppArmor != nil || !strings.Contains(p.Coverage[4999].Unenforceable, "too many paths") {
		t.Errorf("covered by %+v", p.Coverage[4999])
	}
}

func FuzzPrinter(f *testing.F) {
	for _, path := range hostilePaths()[:40] {
		f.Add(path, false)
	}
	f.Add("/a/{b,c}*", true)
	f.Fuzz(func(t *testing.T, name string, pattern bool) {
		if !strings.HasPrefix(name, "/") {
			name = "/" + name
		}
		object := policy.Object{Kind: policy.Path, Name: name}
		if pattern {
			object.Kind = policy.Pattern
		}
		p := plan(t, policy.Audit,
			model.Rule{Tier: policy.Namespaced, Class: policy.File, Action: policy.Block, Object: policy.Object{Kind: policy.Directory, Name: "/a", Recursive: true}},
			model.Rule{Tier: policy.Namespaced, Class: policy.File, Action: policy.Audit, Object: object},
			model.Rule{Tier: policy.Cluster, Class: policy.Process, Action: policy.Block, Object: object})
		if p.AppArmor != nil {
			checkText(t, p.AppArmor)
		}
	})
}
