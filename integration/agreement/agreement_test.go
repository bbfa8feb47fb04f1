package agreement

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/prearm/prearm/translate/model"
)

func world(t testing.TB) *World {
	t.Helper()
	w, err := MakeWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func draw(t testing.TB, w *World, seed, number uint64) *Case {
	t.Helper()
	c, err := w.Draw(seed, number, 100)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What a failure prints can be replayed.
func TestTextIsTheCase(t *testing.T) {
	w := world(t)
	for number := range uint64(100) {
		c := draw(t, w, 1, number)
		read, err := Parse(c.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, c)
		}
		if !reflect.DeepEqual(c, read) {
			t.Fatalf("%s\nis read as\n%s", c, read)
		}
	}
}

// Cases from which nothing could be learnt would prove nothing: all classes,
// operations, actions and reasons occur, and often.
func TestCasesReachEverything(t *testing.T) {
	w := world(t)
	seen := make(map[any]int)
	const cases = 400
	for number := range uint64(cases) {
		c := draw(t, w, 1, number)
		verdicts, err := Model{}.Decide(c)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range verdicts {
			a := c.Accesses[i]
			seen[a.Operation]++
			seen[v.Reason]++
			seen[[2]any{a.Class, v.Action}]++
			seen[v.Tier]++
			if len(a.Path) == maxPath {
				seen["a path of 4,095 bytes"]++
			}
		}
	}
	for what, n := range seen {
		t.Logf("%v: %d", what, n)
		if n < cases/40 {
			t.Errorf("%v: only %d of %d", what, n, cases*100)
		}
	}
	for _, what := range []any{"a path of 4,095 bytes", model.ByRule, model.ByFlag, model.ByPosture, model.ByBase, model.ByNothing, model.ByLoader, model.ByMemory, model.ByTamper} {
		if seen[what] == 0 {
			t.Errorf("never: %v", what)
		}
	}
}

// regressions are the cases on which there once was a disagreement.
func regressions(t *testing.T) map[string]*Case {
	t.Helper()
	files, err := filepath.Glob("testdata/regressions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no regressions: %v", err)
	}
	cases := make(map[string]*Case)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if cases[filepath.Base(file)], err = Parse(string(text)); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return cases
}
