package translate

import (
	"fmt"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// fileAccesses are what a profile has permissions for.
var fileAccesses = [...]struct {
	class policy.Class
	op    model.Operation
	perm  perm
}{
	{policy.Process, model.Exec, permExec},
	{policy.File, model.Read, permRead},
	{policy.File, model.Write, permWrite},
}

// compile fills the profile.
func (c *armorer) compile() error {
	everything, err := glob.Directory("/", true)
	if err != nil {
		return err
	}
	c.profile.mount = !slices.ContainsFunc(c.all, shields)
	for _, f := range fileAccesses {
		for _, w := range c.apart(f.class) {
			tiers, err := c.tiers(f.class, f.op, w)
			if err != nil {
				return err
			}
			c.decide(tiers, everything, f.class, f.perm, w)
		}
	}
	c.tamper()
	c.profile.capabilities = capabilityEffects(c.plan, c.rules, c.domain.executable())
	if slices.ContainsFunc(c.rules, func(r model.Rule) bool { return r.Class == policy.Network && r.Sourced() }) {
		c.profile.network = networkLines(c.plan, c.rules, c.domain.executable())
	}
	return nil
}

// apart are those whom the rules of a class answer apart.
func (c *armorer) apart(class policy.Class) []whose {
	ownerOnly := func(r model.Rule) bool { return r.Class == class && r.OwnerOnly }
	if slices.ContainsFunc(c.all, ownerOnly) {
		return []whose{owners, others}
	}
	return []whose{everyones}
}

// decide adds to the profile what the tiers say of one permission.
func (c *armorer) decide(tiers []tier, everything glob.Glob, class policy.Class, perm perm, w whose) {
	// What each tier permits: a line that alerts permits as well, so that the
	// other tier's list must contain it.
	permitted := make([][]glob.Glob, len(tiers))
	all := []glob.Glob{everything}
	for i, t := range tiers {
		permitted[i] = []glob.Glob{everything}
		if t.listed && c.plan.Posture.For(class) != policy.Audit {
			permitted[i] = t.permitted()
		}
		all = c.both(all, permitted[i], t)
	}
	for i, t := range tiers {
		audited := c.audited(t)
		if t.listed && c.plan.Posture.For(class) == policy.Audit {
			audited = append(audited, c.unlisted(t, everything)...)
		}
		for j := range tiers {
			if j != i {
				audited = c.both(audited, permitted[j], t)
			}
		}
		c.grant(audit, audited, perm, w, isEverything(all))
		denied, loader := c.denied(t)
		c.profile.addAll(deny, append(denied, loader...), perm, w)
		if perm != permRead {
			c.profile.addAll(deny, denied, permTarget, w&others)
		}
	}
	c.grant(permit, all, perm, w, isEverything(all))
}

// grant adds lines that permit. Where they are not everything, a link of a
// listed name could lead to what is not listed; and that it permits no more
// than its target is asked by the kernel for the target's owner only.
func (c *armorer) grant(e effect, globs []glob.Glob, perm perm, w whose, everything bool) {
	if perm&permLink != 0 && !everything && w&others != 0 {
		c.profile.addAll(e, globs, permLink, w&owners)
		perm &^= permLink
	}
	c.profile.addAll(e, globs, perm, w)
}

// denied is what the tier's Blocks deny, each without what an earlier entry
// permits; and apart from that, what is denied of the loader.
func (c *armorer) denied(t tier) (out, loader []glob.Glob) {
	for i, e := range t.entries {
		if e.action != policy.Block {
			continue
		}
		var holes []glob.Hole
		for _, before := range t.entries[:i] {
			if before.action == policy.Block || !e.overlaps(before) {
				continue
			}
			h, err := before.holes()
			if err != nil {
				c.refuse(before.rule, fmt.Sprintf("it would be an exception from %s, and %v", c.address(e), err))
				continue // and its object stays denied
			}
			holes = append(holes, h...)
		}
		left, err := e.without(holes)
		if err != nil {
			c.refuse(e.rule, err.Error())
			left = e.globs
		}
		if e.rule < 0 {
			loader = append(loader, left...)
		} else {
			out = append(out, left...)
		}
	}
	return out, loader
}

// audited is what the tier's Audits alert on: each without what an earlier
// Allow permits in silence. What an earlier Block denies is denied anyway.
func (c *armorer) audited(t tier) []glob.Glob {
	var out []glob.Glob
	for i, e := range t.entries {
		if e.action != policy.Audit {
			continue
		}
		var holes []glob.Hole
		for _, before := range t.entries[:i] {
			if before.action == policy.Allow && e.overlaps(before) {
				holes = append(holes, c.silence(before)...)
			}
		}
		left, err := e.without(holes)
		if err != nil {
			c.residual(e.rule, "apparmor-audit-pattern")
			left = e.globs
		}
		out = append(out, left...)
	}
	return out
}

// silence is what to leave out of an alert because of e. An alert too many is
// no denial too many, so what cannot be cut out exactly is a residual.
func (c *armorer) silence(e entry) []glob.Hole {
	h, err := e.holes()
	if err != nil {
		c.residual(e.rule, "apparmor-audit-pattern")
		return nil
	}
	return h
}

// unlisted is everything that no entry of the tier matches.
func (c *armorer) unlisted(t tier, everything glob.Glob) []glob.Glob {
	var holes []glob.Hole
	for _, e := range t.entries {
		holes = append(holes, c.silence(e)...)
	}
	left, err := everything.Subtract(holes...)
	if err == nil {
		return left
	}
	for _, e := range t.entries {
		c.refuse(e.rule, err.Error())
	}
	return []glob.Glob{everything}
}

// both is what xs and ys both contain; t's rules are to blame if that has too
// many forms.
func (c *armorer) both(xs, ys []glob.Glob, t tier) []glob.Glob {
	switch {
	case isEverything(xs):
		return ys
	case isEverything(ys):
		return xs
	}
	var out []glob.Glob
	for _, x := range xs {
		for _, y := range ys {
			shared, err := x.Intersect(y)
			if err != nil {
				for _, e := range t.entries {
					c.refuse(e.rule, "what it and the rules of the other tier both allow has too many forms")
				}
				continue
			}
			out = append(out, shared...)
		}
	}
	return out
}

func isEverything(globs []glob.Glob) bool {
	return len(globs) == 1 && globs[0].String() == "/{,**}"
}

// address names an entry to people.
func (c *armorer) address(e entry) string {
	if e.rule < 0 || e.rule >= len(c.plan.Rules) {
		return "the denial of the dynamic loader"
	}
	return c.plan.Rules[e.rule].Address
}

// baseEntries is the base set of a file allow-list as entries that decide
// after every rule.
func baseEntries(op model.Operation) ([]entry, error) {
	var out []entry
	for _, b := range base.Files() {
		if op == model.Write && !b.Write {
			continue
		}
		g, err := glob.Parse(b.Pattern)
		if err != nil {
			return nil, fmt.Errorf("the base set has a mistake: %w", err)
		}
		out = append(out, entry{rule: -1, action: policy.Allow, globs: g.Names(), holes: func() ([]glob.Hole, error) {
			if holes, err := glob.HoleGlob(g); err == nil {
				return holes, nil
			}
			return glob.HoleAround(g), nil
		}})
	}
	return out, nil
}
