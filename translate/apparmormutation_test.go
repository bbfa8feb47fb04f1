package translate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/model"
)

// mistakes are what a printer of profiles could do wrong, as edits of its text.
var mistakes = map[string]struct {
	line *regexp.Regexp // that has the mistake, wherever it is printed
	with string
}{
	"a denial is left out":            {regexp.MustCompile(`(?m)^  audit deny .*\n`), ""},
	"a denial leaves out writing":     {regexp.MustCompile(`(?m)^(  audit deny [^"]*"[^"]*" [rmx]*)w`), "${1}"},
	"a denial is the owner's only":    {regexp.MustCompile(`(?m)^  audit deny "`), `  audit deny owner "`},
	"an alert is left out":            {regexp.MustCompile(`(?m)^  audit ("|owner|other)`), "  ${1}"},
	"owners and others are mixed up":  {regexp.MustCompile(`(?m)^(  (?:audit |deny )*)owner `), "${1}other "},
	"who reads may write":             {regexp.MustCompile(`(?m)^(  "[^"]*" )r`), "${1}rw"},
	"a directory covers all below it": {regexp.MustCompile(`(?m)([^*])\*"`), `${1}**"`},
}

// A comparison proves something if it notices a mistake. Each of these is
// noticed within a few policies.
func TestMistakenPrinterIsNoticed(t *testing.T) {
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			printed := 0
			for number := range 500 {
				p := planWith(t, Plan{Posture: policy.Posture{File: policy.Block}}, randomRules().Example(number)...)
				if p.AppArmor == nil || refusesAny(p) || !mistake.line.MatchString(p.AppArmor.Text) {
					continue
				}
				if diff := firstDifference(t, p, number); diff != "" {
					t.Fatalf("without the mistake: %s", diff)
				}
				printed++
				p.AppArmor.Text = mistake.line.ReplaceAllString(p.AppArmor.Text, mistake.with)
				if diff := firstDifference(t, p, number); diff != "" {
					t.Logf("noticed in policy %d, the mistake's number %d: %s", number, printed, diff)
					return
				}
			}
			t.Errorf("%d profiles with the mistake, and none is noticed", printed)
		})
	}
}

func refusesAny(p *Plan) bool {
	for _, c := range p.Coverage {
		if c.Unenforceable != "" {
			return true
		}
	}
	return false
}

// firstDifference compares a plan's profiles with the model, on some accesses
// near its rules; "" if they agree.
func firstDifference(t *testing.T, p *Plan, seed int) string {
	decide := model.New(p.Resolved, p.Posture, base.Files()...)
	domains := make(map[string]judge)
	for name, text := range domainTexts(p) {
		domains[name] = interpreted(t, text)
	}
	var names []string
	for _, r := range p.Resolved {
		if strings.HasPrefix(r.Object.Name, "/") && r.Object.Kind != policy.Pattern {
			names = append(names, r.Object.Name, strings.TrimSuffix(r.Object.Name, "/")+"/b", strings.TrimSuffix(r.Object.Name, "/")+"/b/c")
		}
	}
	for i := range 20 {
		names = append(names, randomNames().Example(seed*20+i))
	}
	for _, source := range append([]string{""}, randomSources...) {
		for _, name := range names {
			for _, owner := range []bool{true, false} {
				by := actor{source, owner}
				if diff := agree(p, decide, stack(domains, p.AppArmor.Label(source)), by, name, false); diff != "" {
					return diff
				}
			}
		}
	}
	return ""
}
