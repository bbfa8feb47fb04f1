package glob_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/glob/parsertest"
)

// names draws strings of a small alphabet, so that globs of the same alphabet
// match some of them.
func names() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("abc-^,")), 1, 3, -1), 0, 4).Draw(t, "components")
		name := "/" + strings.Join(parts, "/")
		if len(parts) > 0 && rapid.Bool().Draw(t, "directory") {
			name += "/"
		}
		return name
	})
}

// texts draws globs as people write them, and as they should not.
func texts() *rapid.Generator[string] {
	atom := rapid.SampledFrom([]string{
		"a", "b", "c", "/", "/", "*", "**", "?", "[ab]", "[^a]", "[^/a]", "[a-c]", "[-a]", "[^-a]", "[a^]", "[,a]",
		"{a,b}", "{a,}", "{,/b}", "{*,b}", "{a/*,b/**}", "{a{b,c},**}", "***", `\*`, `\[`, `\{`, `\,`, `\\`, `\"`, `\-`,
		`\141`, `\x61`, `\d97`, "^", "-", ",", " ", "é", "@", ".", "+", "|", "(", ")", "$",
	})
	return rapid.Map(rapid.SliceOfN(atom, 0, 6), func(parts []string) string { return "/" + strings.Join(parts, "") })
}

// quoted is text as it is written in a profile, byte for byte but for what
// would end the quotes.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\\`, `\134`, `\"`, `\042`, `"`, `\042`).Replace(text) + `"`
}

// Each glob's own text and its printed form must both mean to the real parser
// what Match says.
func TestMatchAgreesWithParser(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var globs []glob.Glob
		var original, printed strings.Builder
		original.WriteString("profile x {\n")
		printed.WriteString("profile x {\n")
		for len(globs) < 4 {
			text := texts().Draw(rt, "text")
			g, err := glob.Parse(text)
			if err != nil {
				rt.Logf("%q: %v", text, err)
				continue
			}
			// Every glob has its own permission.
			perm := []string{"r", "w", "k", "m"}[len(globs)]
			fmt.Fprintf(&original, "  %s %s,\n", quoted(text), perm)
			fmt.Fprintf(&printed, "  \"%s\" %s,\n", g, perm)
			globs = append(globs, g)
		}
		original.WriteString("}\n")
		printed.WriteString("}\n")
		a, b := parsertest.Files(t, original.String()), parsertest.Files(t, printed.String())
		bits := []uint32{parsertest.Read, parsertest.Write, parsertest.Lock, parsertest.Map}
		for range 200 {
			name := names().Draw(rt, "name")
			for i, g := range globs {
				want := g.Match(name)
				if got := a.File(name, true).Allow&bits[i] != 0; got != want {
					rt.Fatalf("Match(%q) = %v, but the parser says %v of\n%s", name, want, got, original.String())
				}
				if got := b.File(name, true).Allow&bits[i] != 0; got != want {
					rt.Fatalf("Match(%q) = %v, but the parser says %v of the printed\n%s", name, want, got, printed.String())
				}
			}
		}
	})
}
