package glob_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/translate/glob"
)

func parse(t testing.TB, text string) glob.Glob {
	t.Helper()
	g, err := glob.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		glob     string
		yes, not string // separated by spaces
	}{
		{"/etc/passwd", "/etc/passwd", "/etc /etc/passwd- /etc/passwd/"},
		{"/etc/*", "/etc/a /etc/.x", "/etc/ /etc /etc/a/ /etc/a/b"},
		{"/etc/**", "/etc/a /etc/a/ /etc/a/b/c", "/etc/ /etc"},
		{"/etc/**/", "/etc/a/ /etc/a/b/", "/etc/ /etc/a"},
		{"/*/b", "/a/b /aa/b", "//b /a/a/b"},
		{"/**/b", "/a/b /a/a/b", "/b /ab"},
		{"/a*", "/a /ab", "/a/b"},
		{"/a**", "/a /ab /a/b", "/b"},
		{"/*.so", "/.so /a.so", "/a/b.so"},
		{"/{*,b}", "/ /a /b", "/a/"},
		{"/{a,b/**}", "/a /b/ /b/c", "/b"},
		{"/?", "/a", "/ // /ab"},
		{"/[^a]", "/b //", "/a /bb"},
		{"/[a-c-]x", "", "/ax"},
		{"/[-a-c]x", "/ax /-x", "/dx"},
		{`/\*\{\054\}\\`, `/*{,}\`, "/a"},
		{"//a///b", "", ""},
		{"/a//b", "/a/b", "/a//b"},
		{`/\x41\d066\103`, "/ABC", "/abc"},
	} {
		g, err := glob.Parse(tc.glob)
		if err != nil {
			if tc.yes != "" {
				t.Error(err)
			}
			continue
		}
		for _, name := range strings.Fields(tc.yes) {
			if !g.Match(name) {
				t.Errorf("%s does not match %s", tc.glob, name)
			}
		}
		for _, name := range strings.Fields(tc.not) {
			if g.Match(name) {
				t.Errorf("%s matches %s", tc.glob, name)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "a", "*", "{/a,/b}", "//", "//a", "/a\\", "/a\x00", `/\000`, `/\x0`, `/\xg`, `/\/`, "/]", "/[", "/[]", "/[^]", "/[a",
		"/[a-]", "/[a-c", "/[--a]", "/[*]", "/[?]", `/[a\,b]`, `/[\^a]`, "/{", "/{}", "/{a}", "/{a,b", "/}", "/@{HOME}", "/[@{]",
		"/[^\\001-\\377]", strings.Repeat("/a", 3000), "/" + strings.Repeat("{,", 60) + strings.Repeat("}", 60),
	} {
		if g, err := glob.Parse(text); err == nil {
			t.Errorf("%q was read as %s", text, g)
		} else if syntax := new(glob.SyntaxError); !errors.As(err, &syntax) {
			t.Errorf("%q: %v is no SyntaxError", text, err)
		}
	}
}

func TestPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/a/*": "/a/", "/a/b*": "/a/b", "/a{b,c}": "/a", "/a/?": "/a/", "/[a][b]c": "/abc", `/\*a[ab]`: "/*a",
	} {
		if got := parse(t, text).Prefix(); got != want {
			t.Errorf("prefix of %s is %q, not %q", text, got, want)
		}
	}
}

// A printed glob is one quoted token, and reads back as the same set.
func TestPrintReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := glob.Parse(texts().Draw(t, "text"))
		if err != nil {
			return
		}
		back, err := glob.Parse(g.String())
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			name := names().Draw(t, "name")
			if g.Match(name) != back.Match(name) {
				t.Fatalf("%s and %s disagree on %q", g, back, name)
			}
		}
	})
}

func TestPatternsOfHostileSizeAreCheap(t *testing.T) {
	nested := strings.Repeat("{,", 49) + strings.Repeat("}", 49)
	for _, text := range []string{
		"/" + strings.Repeat("{,}", 1300),
		"/" + strings.Repeat("{a,**}", 600) + "b",
		"/" + strings.Repeat("*a", 2000),
		"/" + strings.Repeat(nested, 25),
		"/**" + strings.Repeat("{a,{a,{a,a}}}", 200) + "b",
	} {
		g := parse(t, text)
		if g.Match("/" + strings.Repeat("a", 200) + "/c") {
			t.Errorf("%.20s matches", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/a/**", "/a/b")
	f.Add("/{a,b}[^c]?", "/ad/")
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > glob.MaxLength/4 {
			return // escapes are four times as long
		}
		g, err := glob.Parse(text)
		if err != nil {
			return
		}
		printed := g.String()
		if strings.ContainsAny(printed, "\"\n\x00# ") || strings.HasSuffix(printed, `\`) {
			t.Fatalf("%q is no quoted token", printed)
		}
		back, err := glob.Parse(printed)
		if err != nil {
			t.Fatalf("%q was printed as %q: %v", text, printed, err)
		}
		if len(name) < 200 && g.Match(name) != back.Match(name) {
			t.Fatalf("%q and %q disagree on %q", text, printed, name)
		}
	})
}

func TestConstructors(t *testing.T) {
	must := func(g glob.Glob, err error) glob.Glob {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for _, tc := range []struct {
		glob          glob.Glob
		text, yes, no string
	}{
		{must(glob.Literal("/a b\n\"{")), `/a\040b\012\042\173`, "", "/a"},
		{must(glob.Directory("/a", true)), "/a{,/**}", "/a /a/ /a/b /a/b/ /a/b/c", "/ab /"},
		{must(glob.Directory("/a/", false)), "/a{,/*,/*/}", "/a /a/ /a/b /a/b/", "/ab /a/b/c /"},
		{must(glob.Directory("/", true)), "/{,**}", "/ /a /a/ /a/b", "a"},
		{must(glob.Directory("/", false)), "/{,*,?*/}", "/ /a /a/", "/a/b"},
		{must(glob.Named("ls")), "/{,**/}ls", "/ls /bin/ls /a/b/ls", "/als /ls/ /ls/a"},
	} {
		if got := tc.glob.String(); got != tc.text {
			t.Errorf("printed as %s, not %s", got, tc.text)
		}
		for _, name := range strings.Fields(tc.yes) {
			if !tc.glob.Match(name) {
				t.Errorf("%s does not match %s", tc.text, name)
			}
		}
		for _, name := range strings.Fields(tc.no) {
			if tc.glob.Match(name) {
				t.Errorf("%s matches %s", tc.text, name)
			}
		}
	}
	if _, err := glob.Literal("/a\x00"); err == nil {
		t.Error("a NUL byte was printed")
	}
}

// Names are those of files and directories at the paths that a glob matches.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := glob.Parse(texts().Draw(t, "text"))
		if err != nil {
			t.Skip(err)
		}
		all := g.Names()
		for range 100 {
			name := names().Draw(t, "name")
			path := strings.TrimSuffix(name, "/")
			if path == "" {
				path = "/"
			}
			if got, want := matchAny(all, name), g.Match(path); got != want {
				t.Fatalf("%s: the name %q is %v, want %v; %v", g, name, got, want, all)
			}
		}
	})
	if n := len(parse(t, "/"+strings.Repeat("{,}", 1000)).Names()); n > 1 {
		t.Error(n)
	}
}
