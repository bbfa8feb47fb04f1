package agreement

import (
	"fmt"

	"github.com/prearm/prearm/translate/model"
)

// Disagreement is one access on which a decider and the model differ.
type Disagreement struct {
	Case      // of one access
	Want, Got model.Verdict
}

func (d *Disagreement) String() string {
	return fmt.Sprintf("%s# the model says %s, the decider %s\n", d.Case.String(), verdictText(d.Want), verdictText(d.Got))
}

func verdictText(v model.Verdict) string {
	return fmt.Sprintf("%s (%s, rule %d, tier %q)", v.Action, v.Reason, v.Rule, string(v.Tier))
}

// Compare asks both deciders, the first of which is right, and returns how
// they disagree.
func Compare(right, other Decider, c *Case) ([]Disagreement, error) {
	want, err := right.Decide(c)
	if err != nil {
		return nil, err
	}
	got, err := other.Decide(c)
	if err != nil {
		return nil, err
	}
	if len(got) != len(want) || len(got) != len(c.Accesses) {
		return nil, fmt.Errorf("%d verdicts on %d accesses", len(got), len(c.Accesses))
	}
	var all []Disagreement
	for i, a := range c.Accesses {
		if got[i] != want[i] {
			all = append(all, Disagreement{Case{c.Rules, c.Posture, []model.Access{a}}, want[i], got[i]})
		}
	}
	return all, nil
}
