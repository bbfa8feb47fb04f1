package conformance

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/translate"
)

var update = flag.Bool("update", false, "write docs/conformance.md")

// results are what the committed runs have seen, by kernel and enforcer.
func results(t *testing.T) map[string]Results {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	columns := make(map[string]Results)
	for _, file := range files {
		r, err := ReadResults(file)
		if err != nil {
			t.Fatal(err)
		}
		columns[strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".json"), "-", " ")] = r
	}
	return columns
}

// TestDocumentIsUpToDate compares docs/conformance.md with the rows, with the
// model's verdicts of today, and with the committed results. It needs no
// kernel: make conformance performs the rows and writes the document.
func TestDocumentIsUpToDate(t *testing.T) {
	const file = "../../docs/conformance.md"
	cases, columns := Cases(), results(t)
	verdicts, err := Verdicts(cases, target(t, cases, translate.EnforcerAppArmor))
	if err != nil {
		t.Fatal(err)
	}
	for column, seen := range columns {
		for id := range seen {
			if _, ok := verdicts[id]; !ok {
				t.Errorf("%s has a row %q, which is no longer one", column, id)
			}
		}
		for id, want := range verdicts {
			if got := seen[id]; got.Verdict != want && got.Verdict != Refused && got.Residual == "" {
				t.Errorf("%s: %s: %q, and the model says %s", column, id, got.Verdict, want)
			}
		}
	}
	table, err := Table(cases, verdicts, columns)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	switch {
	case string(before) == table:
	case *update:
		if err := os.WriteFile(file, []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatal("docs/conformance.md is behind its rows or results: run make conformance")
	}
}

// TestExplanationsAreNeeded: a residual that explains no difference on any
// kernel explains none.
func TestExplanationsAreNeeded(t *testing.T) {
	used := make(map[string]bool)
	for _, seen := range results(t) {
		for _, o := range seen {
			used[o.Residual] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(explanations())) {
		if !used[id] {
			t.Errorf("no row shows the residual %s; take its explanation away", id)
		}
	}
}
