package glob_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/translate/glob"
)

// hole is a set to cut out, and what it means.
type hole struct {
	text  string
	holes []glob.Hole
	has   func(name string) bool
}

func component(t *rapid.T) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 1, 2, -1).Draw(t, "component")
}

func path(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.Custom(component), 1, 3).Draw(t, "path")
	return "/" + strings.Join(parts, "/")
}

// holes draws holes of every kind. Patterns that cannot be holes come along:
// they must say so.
func holes() *rapid.Generator[hole] {
	return rapid.Custom(func(t *rapid.T) hole {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			p := path(t)
			return hole{p, glob.HolePath(p), func(name string) bool { return strings.TrimSuffix(name, "/") == p }}
		case 1:
			dir, recursive := path(t), rapid.Bool().Draw(t, "recursive")
			return hole{dir + "/", glob.HoleDirectory(dir, recursive), func(name string) bool {
				rest, below := strings.CutPrefix(name+"/", dir+"/")
				rest = strings.TrimSuffix(strings.TrimSuffix(rest, "/"), "/")
				return below && (recursive || !strings.Contains(rest, "/"))
			}}
		case 2:
			base := component(t)
			return hole{"**/" + base, glob.HoleBase(base), func(name string) bool { return strings.HasSuffix(name, "/"+base) }}
		default:
			g, err := glob.Parse(texts().Draw(t, "pattern"))
			if err != nil {
				t.Skip(err)
			}
			h, err := glob.HoleGlob(g)
			if err != nil {
				if inexpressible := new(glob.InexpressibleError); !errors.As(err, &inexpressible) {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			return hole{g.String(), h, func(name string) bool { return g.Match(name[:1] + strings.TrimSuffix(name[1:], "/")) }}
		}
	})
}

func matchAny(globs []glob.Glob, name string) bool {
	return slices.ContainsFunc(globs, func(g glob.Glob) bool { return g.Match(name) })
}

// What is left of a glob is what it matches and no hole contains, whatever
// the holes and in whatever order.
func TestSubtract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(texts(), rapid.SampledFrom([]string{"/**", "/a/**", "/a{,/**}", "/{**/,}a", "/a/*", "/*/*", "/**/b"})).Draw(t, "glob")
		g, err := glob.Parse(text)
		if err != nil {
			t.Skip(err)
		}
		var all []glob.Hole
		cut := rapid.SliceOfN(holes(), 1, 4).Draw(t, "holes")
		for _, h := range cut {
			all = append(all, h.holes...)
		}
		left, err := g.Subtract(all...)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			name := names().Draw(t, "name")
			want := g.Match(name) && !slices.ContainsFunc(cut, func(h hole) bool { return h.has(name) })
			if got := matchAny(left, name); got != want {
				t.Fatalf("%s without %v: %q is %v, want %v; left are %v", g, texting(cut), name, got, want, left)
			}
		}
	})
}

func texting(cut []hole) (out []string) {
	for _, h := range cut {
		out = append(out, h.text)
	}
	return out
}

func TestIntersect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := glob.Parse(texts().Draw(t, "g"))
		if err != nil {
			t.Skip(err)
		}
		h, err := glob.Parse(texts().Draw(t, "h"))
		if err != nil {
			t.Skip(err)
		}
		both, err := g.Intersect(h)
		if err != nil {
			t.Skip(err) // too many; never wrong
		}
		if len(both) > 0 != g.Overlaps(h) {
			t.Fatalf("%s and %s overlap in %v, and Overlaps is %v", g, h, both, g.Overlaps(h))
		}
		for range 100 {
			name := names().Draw(t, "name")
			if got, want := matchAny(both, name), g.Match(name) && h.Match(name); got != want {
				t.Fatalf("%s and %s: %q is %v, want %v; %v", g, h, name, got, want, both)
			}
		}
	})
}

// Nested and neighbouring holes share their way: the parts grow with the
// length of the holes' text, not with their number times it.
func TestSubtractGrowsLinearly(t *testing.T) {
	g := parse(t, "/usr/**")
	var all []glob.Hole
	dir := "/usr"
	for range 100 {
		dir += "/d"
		all = append(all, glob.HolePath(dir)...)
	}
	left, err := g.Subtract(all...)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 600 {
		t.Errorf("%d parts", len(left))
	}
}

func TestSubtractTooMany(t *testing.T) {
	g := parse(t, "/**")
	var all []glob.Hole
	for i := range 200 {
		all = append(all, glob.HolePath("/"+string(rune('a'+i%26))+strings.Repeat(string(rune('a'+i/26)), 200))...)
	}
	if _, err := g.Subtract(all...); !errors.Is(err, glob.ErrTooMany) {
		t.Error(err)
	}
}
