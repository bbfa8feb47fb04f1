package agreement

import (
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Shrink makes a disagreement as small as it can find: the fewest rules, then
// the plainest ones, the shortest names and the plainest access on which the
// deciders still disagree.
func Shrink(right, other Decider, d Disagreement) Disagreement {
	s := shrinker{right, other, d}
	for s.rules() || s.flags() || s.names() || s.access() {
	}
	return s.least
}

type shrinker struct {
	right, other Decider
	least        Disagreement
}

// try takes the case if the deciders disagree about it, too. A case that one
// of them cannot answer is another matter.
func (s *shrinker) try(rules []model.Rule, posture policy.Posture, a model.Access) bool {
	c := &Case{rules, posture, []model.Access{settle(a)}}
	if c.String() == s.least.Case.String() {
		return false
	}
	found, err := Compare(s.right, s.other, c)
	if err != nil || len(found) == 0 {
		return false
	}
	s.least = found[0]
	return true
}

func (s *shrinker) tryRules(rules []model.Rule) bool {
	return s.try(rules, s.least.Posture, s.least.Accesses[0])
}

// rules leaves rules out: halves, quarters, and at last single ones.
func (s *shrinker) rules() bool {
	smaller := false
	for n := max(1, len(s.least.Rules)/2); n >= 1; n /= 2 {
		for at := 0; at < len(s.least.Rules); {
			rest := slices.Concat(s.least.Rules[:at], s.least.Rules[min(at+n, len(s.least.Rules)):])
			if s.tryRules(rest) {
				smaller = true
			} else {
				at += n
			}
		}
	}
	return smaller
}

// flags takes off what rules have beside object and action.
func (s *shrinker) flags() bool {
	smaller := false
	for i := range s.least.Rules {
		for _, simpler := range []func(r *model.Rule) bool{
			func(r *model.Rule) bool { was := len(r.Sources); r.Sources = nil; return was > 0 },
			func(r *model.Rule) bool {
				was := len(r.Sources)
				r.Sources = r.Sources[:min(was, 1)]
				return was > 1
			},
			func(r *model.Rule) bool {
				was := len(r.Sources)
				r.Sources = r.Sources[max(was-1, 0):]
				return was > 1
			},
			func(r *model.Rule) bool { was := r.OwnerOnly; r.OwnerOnly = false; return was },
			func(r *model.Rule) bool { was := r.ReadOnly; r.ReadOnly = false; return was },
			func(r *model.Rule) bool {
				was := r.Tier != policy.Namespaced
				r.Tier = policy.Namespaced
				return was
			},
			func(r *model.Rule) bool { was := r.Number != i; r.Number = i; return was },
		} {
			rules := slices.Clone(s.least.Rules)
			if simpler(&rules[i]) && s.tryRules(rules) {
				smaller = true
			}
		}
	}
	return smaller
}

// names takes components out of all paths at once, or gives them names of one
// letter.
func (s *shrinker) names() bool {
	smaller := false
	for _, part := range s.components() {
		renamed := func(short string) bool {
			rules := slices.Clone(s.least.Rules)
			for i := range rules {
				if rules[i].Object.Kind != policy.Capability && rules[i].Object.Kind != policy.Protocol {
					rules[i].Object.Name = rename(rules[i].Object.Name, part, short)
				}
				rules[i].Sources = slices.Clone(rules[i].Sources)
				for j := range rules[i].Sources {
					rules[i].Sources[j] = rename(rules[i].Sources[j], part, short)
				}
			}
			a := s.least.Accesses[0]
			a.Path, a.Source, a.ExecName = rename(a.Path, part, short), rename(a.Source, part, short), rename(a.ExecName, part, short)
			return s.try(rules, s.least.Posture, a)
		}
		switch {
		case renamed(""):
			smaller = true
		case len(part) > 1:
			used := s.components()
			for _, short := range []string{"a", "b", "c", "d", "e", "f"} {
				if !slices.Contains(used, short) && renamed(short) {
					smaller = true
					break
				}
			}
		}
	}
	return smaller
}

// components are those of all paths and patterns, the longest first.
func (s *shrinker) components() []string {
	a := s.least.Accesses[0]
	paths := []string{a.Path, a.Source, a.ExecName}
	for _, r := range s.least.Rules {
		paths = append(append(paths, r.Object.Name), r.Sources...)
	}
	var parts []string
	for _, p := range paths {
		parts = append(parts, strings.Split(p, "/")...)
	}
	slices.SortFunc(parts, func(x, y string) int {
		if len(x) != len(y) {
			return len(y) - len(x)
		}
		return strings.Compare(x, y)
	})
	parts = slices.Compact(parts)
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}

// rename gives a component of a path another name, or takes it out.
func rename(name, part, short string) string {
	if name == part {
		return short
	}
	if !strings.HasPrefix(name, "/") {
		return name
	}
	parts := strings.Split(name[1:], "/")
	for i := range parts {
		if parts[i] == part {
			parts[i] = short
		}
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return "/" + strings.Join(parts, "/")
}

// access takes off what the access has beside its object.
func (s *shrinker) access() bool {
	smaller := false
	for _, simpler := range []func(a *model.Access, p *policy.Posture) bool{
		func(a *model.Access, _ *policy.Posture) bool { was := a.Source != ""; a.Source = ""; return was },
		func(a *model.Access, _ *policy.Posture) bool { was := a.ExecName != ""; a.ExecName = ""; return was },
		func(a *model.Access, _ *policy.Posture) bool {
			was := a.UID | a.Owner
			a.UID, a.Owner = 0, 0
			return was != 0
		},
		func(a *model.Access, _ *policy.Posture) bool {
			was := a.Foreign && a.Operation != model.Map
			a.Foreign = a.Foreign && !was
			return was
		},
		func(_ *model.Access, p *policy.Posture) bool {
			blocks := policy.Posture{File: policy.Block, Network: policy.Block, Capabilities: policy.Block}
			was := *p != blocks
			*p = blocks
			return was
		},
	} {
		a, posture := s.least.Accesses[0], s.least.Posture
		if simpler(&a, &posture) && s.try(s.least.Rules, posture, a) {
			smaller = true
		}
	}
	return smaller
}
