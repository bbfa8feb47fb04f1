package attacks

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/attacks.md")

// TestDocumentIsUpToDate compares docs/attacks.md with the corpus and with the
// committed outcomes, which must be what the corpus says. It needs no kernel:
// make attacks performs the attacks and writes the document.
func TestDocumentIsUpToDate(t *testing.T) {
	const file = "../../docs/attacks.md"
	all, policies := corpus(t)
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no outcomes: %v", err)
	}
	kernels := make(map[string]Outcomes)
	for _, file := range files {
		o, err := ReadOutcomes(file)
		if err != nil {
			t.Fatal(err)
		}
		kernels[strings.TrimSuffix(filepath.Base(file), ".json")] = o
	}
	for _, a := range all {
		proven := false
		for _, try := range a.Tries {
			for kernel, enforcers := range kernels {
				for enforcer, outcomes := range enforcers {
					seen, ok := outcomes[ID(a, try)]
					if !ok && a.Long {
						continue // the table says so
					}
					proven = proven || seen != Absent
					if want := map[bool]Outcome{true: Succeeded, false: WasStopped}[try.Succeeds(enforcer, kernel)]; seen != want && seen != Absent && (want != WasStopped || seen != Refused) {
						t.Errorf("%s by %s on %s: %q, want %q", ID(a, try), enforcer, kernel, seen, want)
					}
				}
			}
		}
		if !proven && !a.Long && !slices.Contains(unproven(), a.Name) {
			t.Errorf("%s: no kernel has what it needs", a.Name)
		}
	}
	text, err := Document(all, policies, kernels)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	switch {
	case string(before) == text:
	case *update:
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatal("docs/attacks.md is behind the attacks or their outcomes: run make attacks")
	}
}

// unproven are the attacks on what none of the two kernels has.
func unproven() []string { return nil }
