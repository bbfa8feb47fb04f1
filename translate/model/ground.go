package model

// Ground is the rule behind an answer that no rule gave itself.
type Ground struct {
	Rule int // Number, -1 if there is none
	// Closed says that the rule is an Allow with sources whose object is
	// closed to all others; else it is an Allow that makes an allow-list.
	Closed bool
}

// Ground says which rule put the access a, for which Decide answered v by
// posture or by the base set, under either.
func (s *Set) Ground(a Access, v Verdict) Ground {
	none := Ground{Rule: -1}
	if v.Reason != ByPosture && v.Reason != ByBase {
		return none
	}
	for _, g := range s.groups {
		if g.class != a.Class || g.tier != v.Tier {
			continue
		}
		if r := g.ground(func(r *rule) bool { return r.Sourced() && r.matches(a) }); r != nil {
			return Ground{Rule: r.Number, Closed: true}
		}
		if r := g.ground(func(r *rule) bool { return r.From(a.Source) }); r != nil {
			return Ground{Rule: r.Number}
		}
	}
	return none
}

// ground is the first rule that makes allow-lists and is as asked for, or nil.
func (g *group) ground(asked func(*rule) bool) *rule {
	var found *rule
	for _, r := range g.rules {
		if r.lists() && asked(r) && (found == nil || r.Number < found.Number) {
			found = r
		}
	}
	return found
}
