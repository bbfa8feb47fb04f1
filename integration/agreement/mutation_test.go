package agreement

import (
	"slices"
	"strings"
	"testing"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// changed answers as another decider does, about something else: a mistake.
type changed struct {
	Decider
	mistake func(c *Case)
}

func (m changed) Decide(c *Case) ([]model.Verdict, error) {
	other := &Case{slices.Clone(c.Rules), c.Posture, slices.Clone(c.Accesses)}
	m.mistake(other)
	return m.Decider.Decide(other)
}

// inRules is a mistake in what is made of each rule.
func inRules(mistake func(r *model.Rule)) func(c *Case) {
	return func(c *Case) {
		for i := range c.Rules {
			mistake(&c.Rules[i])
		}
	}
}

// inAccesses is a mistake in what is seen of each access.
func inAccesses(mistake func(a *model.Access)) func(c *Case) {
	return func(c *Case) {
		for i := range c.Accesses {
			mistake(&c.Accesses[i])
		}
	}
}

// Mistakes in what is made of rules: of the model, if it is the one that makes
// them, or of the compiler of images.
var ruleMistakes = map[string]func(c *Case){
	"a cluster's rules are a namespace's": inRules(func(r *model.Rule) { r.Tier = policy.Namespaced }),
	"directories are recursive":           inRules(func(r *model.Rule) { r.Object.Recursive = true }),
	"owners are not asked about":          inRules(func(r *model.Rule) { r.OwnerOnly = false }),
	"reading is not told from writing":    inRules(func(r *model.Rule) { r.ReadOnly = false }),
	"one of several sources counts":       inRules(func(r *model.Rule) { r.Sources = r.Sources[:min(len(r.Sources), 1)] }),
	"rules on base names are left out": func(c *Case) {
		c.Rules = slices.DeleteFunc(c.Rules, func(r model.Rule) bool { return r.Object.Kind == policy.ExecName })
		if len(c.Rules) == 0 {
			c.Rules = []model.Rule{{Class: policy.File, Action: policy.Audit, Object: policy.Object{Kind: policy.Path, Name: "/nowhere"}}}
		}
	},
	"the posture is always block": func(c *Case) {
		c.Posture = policy.Posture{File: policy.Block, Network: policy.Block, Capabilities: policy.Block}
	},
}

// Mistakes in the walk of an image.
var walkMistakes = map[string]func(c *Case){
	"the last byte is left out":        inAccesses(func(a *model.Access) { a.Path = a.Path[:max(len(a.Path)-1, min(len(a.Path), 1))] }),
	"bytes have seven bits":            inAccesses(func(a *model.Access) { a.Path = strings.Map(func(r rune) rune { return r & 0x7f }, a.Path) }),
	"paths end after 255 bytes":        inAccesses(func(a *model.Access) { a.Path = a.Path[:min(len(a.Path), 255)] }),
	"the name executed by is left out": inAccesses(func(a *model.Access) { a.ExecName = "" }),
	"sources are not told apart":       inAccesses(func(a *model.Access) { a.Source = "" }),
	"all own everything":               inAccesses(func(a *model.Access) { a.Owner = a.UID }),
}

// A comparison proves something if it notices a mistake, and tells of it in a
// few words.
func TestMistakesAreNoticed(t *testing.T) {
	w := world(t)
	all := deciders(t, compiler(t).Image)
	image, kernel := all["interpreter"], all["kernel"]
	notice := func(name string, right, other Decider) {
		t.Run(name, func(t *testing.T) {
			for number := range uint64(200) {
				c := draw(t, w, 1, number)
				found, err := Compare(right, other, c)
				if err != nil {
					t.Fatal(err)
				}
				if len(found) == 0 {
					continue
				}
				least := Shrink(right, other, found[0])
				if len(least.Rules) > 2 {
					t.Errorf("%d rules are left", len(least.Rules))
				}
				t.Logf("noticed in ruleset %d, with %d rules:\n%.1000s", number, len(c.Rules), &least)
				return
			}
			t.Error("200 rulesets, and it is not noticed")
		})
	}
	for name, mistake := range ruleMistakes {
		notice("model/"+name, changed{Model{}, mistake}, image)
		notice("compiler/"+name, Model{}, changed{image, mistake})
	}
	for name, mistake := range walkMistakes {
		notice("matcher/"+name, Model{}, changed{kernel, mistake})
	}
}
