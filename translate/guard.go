package translate

import (
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// guardFormat is part of every plan that uses the guard. It changes with the
// meaning of images, so that none is taken for one of another meaning.
const guardFormat = 1

// Guard is what the guard judges. The image that it judges by is the plan's
// GuardImage, which is not kept here: it is only made where the kernel does
// not have it.
type Guard struct {
	Format int `json:"format"`
	// Classes are those of the rules that it enforces, sorted.
	Classes []policy.Class `json:"classes"`

	rules []model.Rule
}

// compileGuard has the guard enforce the rules on processes, files and the
// network, and of those on capabilities what a drop cannot do: what differs
// between executables. It asks the model for every verdict, so that there is
// nothing that it could only do nearly.
func compileGuard(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	out := outcomes{}
	differs := differing(rules, p.Posture)
	for _, r := range rules {
		switch {
		case r.Class == policy.Syscalls:
			continue
		case r.Class == policy.Capabilities && !host.Hook && !r.Sourced() && !differs(r):
			if !slices.Contains(p.Coverage[r.Number].Mechanisms, ByGuard) {
				continue
			}
		}
		c := byGuard(host)
		if err := checkName(r.Object); err != nil {
			c = Coverage{Unenforceable: err.Error()}
		}
		if slices.Contains(p.Coverage[r.Number].Mechanisms, ByGuard) {
			c.Mechanisms = nil // said before
		}
		if before, ok := out[r.Number]; !ok || before.Unenforceable == "" {
			out[r.Number] = c
		}
		if !host.Guard {
			continue
		}
		if p.Guard == nil {
			p.Guard = &Guard{Format: guardFormat, rules: rules}
		}
		if !slices.Contains(p.Guard.Classes, r.Class) {
			p.Guard.Classes = append(p.Guard.Classes, r.Class)
			slices.Sort(p.Guard.Classes)
		}
	}
	return out, nil
}

// byGuard is the coverage of a rule that the guard enforces.
func byGuard(host Host) Coverage {
	if !host.Guard {
		return Coverage{Unenforceable: "the guard cannot be loaded in this kernel (prearm doctor says why)"}
	}
	return Coverage{Mechanisms: []Mechanism{ByGuard}}
}
