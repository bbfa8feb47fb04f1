package model

import (
	"cmp"

	"github.com/prearm/prearm/policy"
)

// Set is the rules that apply to one container, ready to decide. It does not
// change, and may be used by several goroutines.
type Set struct {
	groups  []*group // cluster tier first
	posture policy.Posture
	base    []baseEntry
	// mount is the answer to mounting, which hangs on no object.
	mount Verdict
	// places are where New put each rule; nowhere, if it is of no tier.
	places []place
}

// place is the position of a rule: its group's and its own within that.
type place struct{ group, rule int }

// group is the rules of one class in one tier: what one answer comes from.
type group struct {
	tier  policy.Tier
	class policy.Class
	rules []*rule
	// everyone is set if an Allow rule without source puts every process of
	// the container into allow-list mode; listed holds the sources that Allow
	// rules with sources put into it.
	everyone bool
	listed   map[string]bool
	set      *Set
}

// New prepares rules for deciding. Base is what the class file leaves
// readable in allow-list mode; without it, nothing is.
//
// A pattern that does not parse, which the reader of policies refuses, fails
// closed: a Block with it covers everything, another rule nothing.
func New(rules []Rule, posture policy.Posture, base ...BaseEntry) *Set {
	s := &Set{posture: posture, mount: permitted, places: make([]place, len(rules))}
	for _, b := range base {
		s.base = append(s.base, prepareBase(b))
	}
	for i := range s.places {
		s.places[i].group = -1
	}
	for _, tier := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		groups := make(map[policy.Class]int)
		for i, r := range rules {
			if r.Tier != tier {
				continue
			}
			n, ok := groups[r.Class]
			if !ok {
				n = len(s.groups)
				groups[r.Class] = n
				s.groups = append(s.groups, &group{tier: tier, class: r.Class, listed: make(map[string]bool), set: s})
			}
			s.places[i] = place{n, len(s.groups[n].rules)}
			s.groups[n].add(prepare(r))
		}
	}
	return s
}

// Among is the set for asking about objects of a class that no rules but those
// of the given indices, ascending, match, or lie below: whoever knows that is
// answered the same in less time. What the other rules say of all objects, as
// allow-lists do, stays.
func (s *Set) Among(class policy.Class, indices []int) *Set {
	among := &Set{posture: s.posture, base: s.base, mount: s.mount}
	for n, g := range s.groups {
		if g.class != class {
			continue
		}
		fewer := *g
		fewer.set, fewer.rules = among, nil
		for _, i := range indices {
			if s.places[i].group == n {
				fewer.rules = append(fewer.rules, g.rules[s.places[i].rule])
			}
		}
		among.groups = append(among.groups, &fewer)
	}
	return among
}

func (g *group) add(r *rule) {
	g.rules = append(g.rules, r)
	if r.lists() {
		g.everyone = g.everyone || !r.Sourced()
		for _, source := range r.Sources {
			g.listed[source] = true
		}
	}
	if m := &g.set.mount; r.shields() && (m.Rule < 0 || r.Number < m.Rule) {
		*m = Verdict{Action: policy.Block, Rule: r.Number, Tier: g.tier, Reason: ByTamper}
	}
}

// permitted is the answer where no rule of the class speaks.
var permitted = Verdict{Action: policy.Allow, Rule: -1, Reason: ByNothing}

// Decide is what the rules say of one access. Each tier is decided alone and
// the stricter answer stands: a namespace cannot loosen what the cluster
// demands. What lies outside a class is permitted: executing is no file
// operation, and pipes, sockets and anonymous inodes are no files.
//
// The model knows nothing of user namespaces, inherited descriptors or
// runtimes: whoever asks it leaves out uses of a capability against a user
// namespace of the container's own making, uses of a descriptor that was
// judged when opened, and what the runtime does before the entrypoint.
func (s *Set) Decide(a Access) Verdict {
	// A container with a blocked path may not rearrange its mounts, or the
	// path would lead elsewhere.
	if a.Operation == Mount {
		return s.mount
	}
	answer := permitted
	if !judged(a) {
		return answer
	}
	for _, g := range s.groups {
		if g.class == a.Class {
			answer = stricter(answer, g.decide(a))
		}
	}
	return answer
}

// judged says whether a's class speaks of its operation at all.
func judged(a Access) bool {
	switch a.Class {
	case policy.Process:
		return a.Operation == Exec || (a.Operation == Map || a.Operation == Tamper) && a.Path != ""
	case policy.File:
		return (a.Operation == Read || a.Operation == Write || a.Operation == Tamper) && a.Path != ""
	case policy.Network:
		return a.Operation == Create && !unmeant(a.Socket)
	default:
		return a.Operation == Use
	}
}

func (g *group) decide(a Access) Verdict {
	switch a.Operation {
	case Map:
		return g.mapping(a)
	case Tamper:
		return g.tamper(a)
	default:
		return g.access(a)
	}
}

// access decides everything but mapping and tampering: the winning rule
// answers; without one, allow-list mode and closed objects do.
func (g *group) access(a Access) Verdict {
	win := g.winner(a)
	if win != nil {
		if v := win.answer(a); v.Action == policy.Block {
			return v
		}
	}
	if reason, ok := needsName(a); ok && !g.names(a) {
		return Verdict{Action: policy.Block, Rule: -1, Tier: g.tier, Reason: reason}
	}
	if win != nil {
		return win.answer(a)
	}
	switch {
	case g.closed(a):
		return g.byPosture()
	case !g.everyone && !g.listed[a.Source]:
		return permitted
	case g.class == policy.File && g.set.inBase(a):
		return Verdict{Action: policy.Allow, Rule: -1, Tier: g.tier, Reason: ByBase}
	default:
		return g.byPosture()
	}
}

// winner is the rule that decides among those whose object and source match,
// or nil.
func (g *group) winner(a Access) *rule {
	return g.first(a, func(*rule) bool { return true })
}

// first is the rule that comes first among those that match and are as asked
// for, or nil.
func (g *group) first(a Access, asked func(*rule) bool) *rule {
	var win *rule
	for _, r := range g.rules {
		if r.matches(a) && r.From(a.Source) && asked(r) && (win == nil || precedence(a, r, win) < 0) {
			win = r
		}
	}
	return win
}

// precedence is negative if x decides before y where both match a.
func precedence(a Access, x, y *rule) int {
	return cmp.Or(
		// A capability that is gone from every set cannot be given back to
		// one source, nor a system call that the filter refuses.
		before(x.absolute(), y.absolute()),
		before(x.Sourced(), y.Sourced()),
		x.specificity.compare(y.specificity),
		-cmp.Compare(strictness(x.Action), strictness(y.Action)),
		// One object twice, with different flags: the stricter answer, so
		// that the order of the rules never matters.
		-cmp.Compare(strictness(x.answer(a).Action), strictness(y.answer(a).Action)),
		cmp.Compare(x.Number, y.Number),
	)
}

// closed says whether an Allow rule with sources covers the object, which
// closes it to every other source.
func (g *group) closed(a Access) bool {
	for _, r := range g.rules {
		if r.lists() && r.Sourced() && r.matches(a) {
			return true
		}
	}
	return false
}

// byPosture answers for what allow-list mode does not list. Anything but
// Audit is Block.
func (g *group) byPosture() Verdict {
	v := Verdict{Action: policy.Block, Rule: -1, Tier: g.tier, Reason: ByPosture}
	if g.set.posture.For(g.class) == policy.Audit {
		v.Action = policy.Audit
	}
	return v
}

// needsName says that any process rule at all denies the access unless one
// names its object, and why: the dynamic loader runs whatever file it is
// given, and a nameless file is out of reach of paths.
func needsName(a Access) (Reason, bool) {
	switch {
	case a.Class != policy.Process || a.Operation != Exec:
		return "", false
	case a.Path == "":
		return ByMemory, true
	case a.Loader:
		return ByLoader, true
	}
	return "", false
}

// names says whether a rule that matches a names its object: by path or base
// name, not by a directory or pattern that happens to contain it.
func (g *group) names(a Access) bool {
	return g.first(a, func(r *rule) bool {
		return r.Object.Kind == policy.Path || r.Object.Kind == policy.ExecName
	}) != nil
}

// mapping refuses to map as code what a literal Block path says not to run,
// where no rule that comes first permits it. A task that maps the file it runs
// is left alone: its exec was judged.
func (g *group) mapping(a Access) Verdict {
	win := g.winner(a)
	if win == nil || a.Path == a.Source && !a.Foreign {
		return permitted
	}
	isLiteral := func(r *rule) bool { return r.Object.Kind == policy.Path && r.Action == policy.Block }
	if v := win.answer(a); v.Action == policy.Block && g.first(a, isLiteral) != nil {
		return v
	}
	return permitted
}

// tamper protects the name of what a Block covers: linking, renaming,
// replacing or removing it, and renaming a directory above it, would let the
// object be reached by a name that no rule has. An owner whom ownerOnly lets
// pass may do so with the object, but not with what is above it, where other
// owners' objects lie.
func (g *group) tamper(a Access) Verdict {
	protects := func(r *rule) Verdict {
		return Verdict{Action: policy.Block, Rule: r.Number, Tier: g.tier, Reason: ByTamper}
	}
	if win := g.winner(a); win != nil && win.Action == policy.Block && !(win.OwnerOnly && a.UID == a.Owner) {
		if r := g.first(a, (*rule).shields); r != nil {
			return protects(r)
		}
	}
	var above *rule
	for _, r := range g.rules {
		if r.shields() && r.below(a.Path) && r.From(a.Source) && (above == nil || r.Number < above.Number) {
			above = r
		}
	}
	if above == nil {
		return permitted
	}
	return protects(above)
}

// stricter is the stricter of two tiers' answers. Between equals, what a rule
// says comes before the posture, so that an exception from the posture is none
// from the rule, and anything before silence; then the cluster's comes before
// the namespace's.
func stricter(cluster, namespaced Verdict) Verdict {
	order := cmp.Or(
		-cmp.Compare(strictness(cluster.Action), strictness(namespaced.Action)),
		-cmp.Compare(weight(cluster.Reason), weight(namespaced.Reason)),
	)
	if order > 0 {
		return namespaced
	}
	return cluster
}

func weight(r Reason) int {
	switch r {
	case ByNothing:
		return 0
	case ByPosture, ByBase:
		return 1
	default:
		return 2
	}
}

// strictness orders Block over Audit over Allow. What is none of them counts
// as Block.
func strictness(a policy.Action) int {
	switch a {
	case policy.Allow:
		return 0
	case policy.Audit:
		return 1
	default:
		return 2
	}
}

// before orders what has a property before what has not.
func before(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	default:
		return 1
	}
}
