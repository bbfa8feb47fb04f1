package glob

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// match reads text behind the glob's prefix.
func (m Machine) match(text string) bool {
	at := []int{m.Start}
	for _, b := range []byte(text) {
		var next []int
		for _, n := range at {
			for _, a := range m.Places[n].Arcs {
				if class(a.Set).has(b) && !slices.Contains(next, a.To) {
					next = append(next, a.To)
				}
			}
		}
		at = next
	}
	return slices.ContainsFunc(at, func(n int) bool { return m.Places[n].End })
}

// TestMachine: a glob's automaton and the glob match the same paths.
func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SampledFrom([]string{"/", "a", "b", "*", "**", "?", "[ab]", "[^a]", "{a,b}", "{,/b}", "{a*,/**/b,}"})
		g, err := Parse("/" + strings.Join(rapid.SliceOfN(pieces, 0, 6).Draw(t, "glob"), ""))
		if err != nil {
			t.Skip(err)
		}
		m := g.Machine()
		for range 20 {
			path := "/" + rapid.StringOfN(rapid.SampledFrom([]rune("/ab.")), 0, 8, -1).Draw(t, "path")
			rest, ok := strings.CutPrefix(path, g.Prefix())
			if got := ok && m.match(rest); got != g.Match(path) {
				t.Fatalf("%s: the automaton says %v of %s", g, got, path)
			}
		}
	})
}
