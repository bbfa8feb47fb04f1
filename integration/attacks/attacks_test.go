package attacks

import (
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy/reader"
	"github.com/prearm/prearm/translate"
)

func corpus(t *testing.T) ([]Attack, []Policy) {
	t.Helper()
	all, err := Attacks()
	if err != nil {
		t.Fatal(err)
	}
	policies, err := Policies()
	if err != nil {
		t.Fatal(err)
	}
	return all, policies
}

// TestCorpus: each attack names policies and residuals that there are, and
// what one policy cannot stop by nature, another does.
func TestCorpus(t *testing.T) {
	all, policies := corpus(t)
	used := make(map[string]bool)
	ids := make(map[string]bool)
	for _, r := range translate.Residuals {
		ids[r.ID] = true
	}
	for _, a := range all {
		natural, stopped := false, false
		for _, try := range a.Tries {
			used[try.Policy] = true
			if !slices.ContainsFunc(policies, func(p Policy) bool { return p.Name == try.Policy }) {
				t.Errorf("%s: no policy %s", a.Name, try.Policy)
			}
			natural = natural || try.Result == ByNature
			stopped = stopped || try.Result == Stopped
			for enforcer, r := range try.Residuals {
				if !ids[r.ID] {
					t.Errorf("%s: no residual %s of %s", a.Name, r.ID, enforcer)
				}
			}
		}
		if natural && !stopped {
			t.Errorf("%s: no policy stops it", a.Name)
		}
	}
	for _, p := range policies {
		if !used[p.Name] {
			t.Errorf("nothing is tried under %s", p.Name)
		}
		text := "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata:\n  name: p\n  namespace: n\nspec:\n  selector:\n    matchLabels:\n      app: test\n" + p.Spec()
		if errs := reader.Read(p.Name+".yaml", strings.NewReader(text)).Errors(); len(errs) > 0 {
			t.Errorf("%s: %v", p.Name, errs)
		}
	}
}
