package translate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// access is one kind of access that AppArmor tells apart.
type access struct {
	class  policy.Class
	op     model.Operation
	permit string // the letters that permit it
	deny   string
}

var accesses = []access{
	{policy.Process, model.Exec, "ix", "x"},
	{policy.File, model.Read, "r", "r"},
	{policy.File, model.Write, "wl", "wl"},
}

// line is one rule of the profile.
type line struct {
	qualifier string // "", "audit", "audit deny"
	glob      glob.Glob
	perms     string
}

// profileBuilder gathers the lines of a profile.
type profileBuilder struct {
	posture policy.Posture
	out     outcomes
	lines   []line
	shields bool // a blocked path must keep its place: no mounts
}

// fail marks a rule as unenforceable; the first reason stays.
func (b *profileBuilder) fail(number int, err error) {
	c := b.out[number]
	if c.Unenforceable == "" {
		c.Mechanisms, c.Unenforceable = nil, err.Error()
		b.out[number] = c
	}
}

func (b *profileBuilder) add(qualifier string, g glob.Glob, perms string) {
	b.lines = append(b.lines, line{qualifier, g, perms})
}

// access adds the lines for one access: what each tier denies and audits,
// and what both permit.
func (b *profileBuilder) access(a access, rules []model.Rule) {
	permitted := []glob.Glob{everything()}
	for _, tier := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		ranked := model.Ranked(inTier(rules, tier), a.op)
		for i, r := range ranked {
			b.rule(a, r, ranked[:i])
		}
		if !allowList(ranked) {
			continue
		}
		if b.posture.For(a.class) == policy.Audit {
			b.auditRest(a, ranked)
			continue
		}
		permitted = b.narrow(permitted, b.allowed(a, ranked), ranked)
	}
	for _, g := range permitted {
		b.add("", g, a.permit)
	}
}

// rule adds what one rule denies or audits: its object, without those of more
// specific rules that say something else. A deny wins by itself, so that
// audits need not make room for it.
func (b *profileBuilder) rule(a access, r model.Rule, before []model.Rule) {
	answer := r.Answer(a.op)
	if answer == policy.Allow {
		return
	}
	var others []model.Rule
	for _, o := range before {
		if said := o.Answer(a.op); said != answer && said != policy.Block {
			others = append(others, o)
		}
	}
	globs, err := without(r, others)
	if err != nil {
		b.fail(r.Number, err)
		return
	}
	for _, g := range globs {
		if answer == policy.Block {
			b.add("audit deny", g, a.deny)
		} else {
			b.add("audit", g, a.permit)
		}
	}
}

// allowed is what an allow-list permits: the objects of its rules, and for
// files the base set. What a Block takes out of it is denied by itself.
func (b *profileBuilder) allowed(a access, ranked []model.Rule) []glob.Glob {
	var globs []glob.Glob
	for _, r := range ranked {
		if r.Answer(a.op) == policy.Block {
			continue
		}
		g, err := objectGlobs(r)
		if err != nil {
			b.fail(r.Number, err)
			continue
		}
		globs = append(globs, g...)
	}
	if a.class != policy.File {
		return globs
	}
	for _, e := range base.Files() {
		if !e.Write && a.op == model.Write {
			continue
		}
		if g, err := glob.Parse(e.Pattern); err == nil {
			globs = append(globs, g.Names()...)
		}
	}
	return globs
}

// narrow is what two tiers both permit.
func (b *profileBuilder) narrow(permitted, allowed []glob.Glob, ranked []model.Rule) []glob.Glob {
	if len(permitted) == 1 && permitted[0].String() == everything().String() {
		return allowed
	}
	var both []glob.Glob
	for _, p := range permitted {
		for _, q := range allowed {
			common, err := p.Intersect(q)
			if err != nil {
				b.fail(ranked[0].Number, fmt.Errorf("what the cluster's allow-list and the namespace's have in common: %w", err))
				return nil
			}
			both = append(both, common...)
		}
	}
	return both
}

// auditRest audits what an allow-list does not name, under posture audit.
func (b *profileBuilder) auditRest(a access, ranked []model.Rule) {
	globs, err := minus(everything(), ranked)
	if err != nil {
		for _, r := range ranked {
			if r.Action == policy.Allow {
				b.fail(r.Number, fmt.Errorf("posture audit: %w", err))
			}
		}
		return
	}
	for _, g := range globs {
		b.add("audit", g, a.permit)
	}
}

// without is the object of r, cut by those of others.
func without(r model.Rule, others []model.Rule) ([]glob.Glob, error) {
	globs, err := objectGlobs(r)
	if err != nil {
		return nil, err
	}
	var out []glob.Glob
	for _, g := range globs {
		rest, err := minus(g, others)
		if err != nil {
			return nil, err
		}
		out = append(out, rest...)
	}
	return out, nil
}

func minus(g glob.Glob, others []model.Rule) ([]glob.Glob, error) {
	var holes []glob.Hole
	for _, o := range others {
		if overlaps, err := overlap(g, o); err != nil {
			return nil, err
		} else if !overlaps {
			continue
		}
		h, err := objectHoles(o)
		if err != nil {
			return nil, err
		}
		holes = append(holes, h...)
	}
	return g.Subtract(holes...)
}

func overlap(g glob.Glob, r model.Rule) (bool, error) {
	globs, err := objectGlobs(r)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(globs, g.Overlaps), nil
}

// objectGlobs is the names that AppArmor has for a rule's object. Those of
// directories end in a slash.
func objectGlobs(r model.Rule) ([]glob.Glob, error) {
	var g glob.Glob
	var err error
	switch o := r.Object; o.Kind {
	case policy.Path:
		g, err = glob.Literal(o.Name)
	case policy.Directory:
		g, err = glob.Directory(o.Name, o.Recursive)
		return []glob.Glob{g}, err
	case policy.Pattern:
		g, err = glob.Parse(o.Name)
	case policy.ExecName:
		g, err = glob.Named(o.Name)
		return []glob.Glob{g}, err
	default:
		err = fmt.Errorf("AppArmor knows no object of kind %q", o.Kind)
	}
	if err != nil {
		return nil, err
	}
	if r.Class == policy.Process {
		return []glob.Glob{g}, nil
	}
	return g.Names(), nil
}

func objectHoles(r model.Rule) ([]glob.Hole, error) {
	switch o := r.Object; o.Kind {
	case policy.Path:
		return glob.HolePath(o.Name), nil
	case policy.Directory:
		return glob.HoleDirectory(o.Name, o.Recursive), nil
	case policy.ExecName:
		return glob.HoleBase(o.Name), nil
	case policy.Pattern:
		g, err := glob.Parse(o.Name)
		if err != nil {
			return nil, err
		}
		return glob.HoleGlob(g)
	}
	return nil, errors.New("AppArmor knows no such object")
}

// everything is every name.
func everything() glob.Glob {
	g, err := glob.Directory("/", true)
	if err != nil {
		panic(err) // a constant
	}
	return g
}

func inTier(rules []model.Rule, tier policy.Tier) []model.Rule {
	var out []model.Rule
	for _, r := range rules {
		if r.Tier == tier {
			out = append(out, r)
		}
	}
	return out
}

func allowList(rules []model.Rule) bool {
	for _, r := range rules {
		if r.Action == policy.Allow {
			return true
		}
	}
	return false
}
