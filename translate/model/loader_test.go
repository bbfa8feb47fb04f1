package model

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/prearm/prearm/translate/glob"
)

// TestLoaderPatterns: the patterns match what IsLoader knows, and nothing else.
func TestLoaderPatterns(t *testing.T) {
	var patterns []glob.Glob
	for _, text := range LoaderPatterns() {
		g, err := glob.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, g)
	}
	rapid.Check(t, func(t *rapid.T) {
		file := "/"
		for _, piece := range rapid.SliceOfN(rapid.SampledFrom([]string{"ld", "64", "-", ".", ".so", "so", "libc", "linker", "linux", "2", "a/", "lib/"}), 1, 7).Draw(t, "pieces") {
			file += piece
		}
		if file[len(file)-1] == '/' {
			file += "x"
		}
		matches := slices.ContainsFunc(patterns, func(g glob.Glob) bool { return g.Match(file) })
		if matches != IsLoader(file) {
			t.Fatalf("%s: the patterns say %v", file, matches)
		}
	})
}
