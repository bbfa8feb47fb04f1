package translate

import (
	"path"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// tamper keeps the names of what a Block covers. AppArmor has one permission
// for writing, creating, renaming and removing a name; linking it anywhere is
// refused by the kernel where the new name would permit more. Objects that
// cannot be printed are left out: their rules have been refused for it.
func (c *armorer) tamper() {
	for _, r := range c.all {
		if !shields(r) || !r.From(c.domain.executable()) || checkName(r.Object) != nil {
			continue
		}
		above, err := parents(r.Object)
		if err != nil {
			continue
		}
		for _, dir := range above {
			g, err := glob.Literal(dir + "/")
			if err != nil {
				continue
			}
			c.profile.add(deny, g, permName, everyones)
		}
		if r.Class != policy.Process || r.Object.Kind != policy.Path {
			continue
		}
		g, err := glob.Literal(r.Object.Name)
		if err != nil {
			continue
		}
		for w, uid := range map[whose]uint32{owners: 0, others: 1} {
			a := model.Access{Class: policy.Process, Path: r.Object.Name, Source: c.domain.executable(), UID: uid}
			// A library or program that must not run must not be mapped either.
			if a.Operation = model.Map; c.ask.Decide(a).Action == policy.Block {
				c.profile.add(deny, g, permMap, w)
			}
			if a.Operation = model.Tamper; c.ask.Decide(a).Action == policy.Block {
				c.profile.addAll(deny, names(g, model.Write), permWrite, w)
			}
		}
	}
}

// parents are the directories whose renaming would rename the object: those
// above it, and a directory itself. Those that a pattern matches through are
// not among them.
func parents(o policy.Object) ([]string, error) {
	var at string
	switch o.Kind {
	case policy.Directory:
		at = path.Clean(o.Name)
	case policy.Pattern:
		g, err := glob.Parse(o.Name)
		if err != nil {
			return nil, err
		}
		at = path.Dir(g.Prefix() + "x")
	default:
		at = path.Dir(o.Name)
	}
	var out []string
	for ; at != "/" && at != "."; at = path.Dir(at) {
		out = append(out, at)
	}
	return out, nil
}
