package agreement

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/prearm/prearm/profiles/base"
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
		set := model.New(c.Rules, c.Posture, base.Files()...)
		for _, a := range c.Accesses {
			v := set.Decide(a)
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

// regressions are the cases on which there once was a disagreement, be it with
// a mistake that was made on purpose.
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

var (
	cases = flag.Int("cases", 40_000, "how many random decisions to compare")
	seed  = flag.Uint64("seed", 1, "what the cases are drawn from")
)

func compiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := NewCompiler(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// deciders are compared with the model on this machine, by name.
func deciders(t *testing.T, image Imager) map[string]Decider {
	t.Helper()
	kernel, err := NewKernel(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kernel.Close(); err != nil {
			t.Error(err)
		}
	})
	return map[string]Decider{"interpreter": Interpreter{image}, "kernel": kernel}
}

// What the model says of random accesses, the guard's image says as well, read
// here and by the guard's matcher in the kernel.
func TestAgreement(t *testing.T) {
	w := world(t)
	for name, d := range deciders(t, compiler(t).Image) {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			decisions := *cases
			if name == "interpreter" { // which the kernel's runs include, but for the reading
				decisions /= 4
			}
			r, err := w.Compare(d, decisions, *seed)
			if err != nil {
				t.Fatal(err)
			}
			if r.Disagreement != nil {
				t.Fatalf("after %d decisions of seed %d they disagree; as a file of testdata/regressions:\n%s", r.Decisions, *seed, r.Disagreement)
			}
			t.Logf("%d decisions by %d rulesets of seed %d, in %v", r.Decisions, r.Rulesets, *seed, time.Since(began))
		})
	}
}

// What there once was a disagreement on, there is none on now.
func TestRegressions(t *testing.T) {
	for name, d := range deciders(t, compiler(t).Image) {
		for file, c := range regressions(t) {
			found, err := Compare(Model{}, d, c)
			if err != nil {
				t.Errorf("%s, %s: %v", name, file, err)
			}
			for _, f := range found {
				t.Errorf("%s, %s:\n%s", name, file, &f)
			}
		}
	}
}
