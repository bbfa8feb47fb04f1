package translate

import (
	"fmt"
	"path"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// tier is the rules of one tier and class for one operation, as entries: the
// first whose globs match a name decides.
type tier struct {
	entries []entry
	// listed says that the tier is in allow-list mode: what no entry matches
	// meets the posture.
	listed bool
}

// entry is a set of names and the answer for them.
type entry struct {
	rule    int // number; -1 is none
	action  policy.Action
	sourced bool        // for certain executables only
	named   bool        // the object is named, by path or base name
	globs   []glob.Glob // the kernel's names
	holes   func() ([]glob.Hole, error)
}

// tiers puts the rules of a class that are for the domain's processes in the
// order in which they decide on an operation.
func (c *armorer) tiers(class policy.Class, op model.Operation, w whose) ([]tier, error) {
	var out []tier
	for _, name := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		var ours, closed []model.Rule
		for _, r := range c.all {
			switch {
			case r.Tier != name || r.Class != class:
			case r.From(c.domain.executable()):
				ours = append(ours, r)
			case r.Action == policy.Allow:
				closed = append(closed, r)
			case ours == nil:
				ours = []model.Rule{} // there are rules, and so the loader's denial
			}
		}
		if ours == nil && closed == nil {
			continue
		}
		t, err := c.tier(model.Ranked(ours, op, w == owners), closed, class, op, w)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// tier makes entries of a tier's rules, which are in the order in which they
// decide; the objects of closed are other sources' alone.
func (c *armorer) tier(rules, closed []model.Rule, class policy.Class, op model.Operation, w whose) (tier, error) {
	var t tier
	if op == model.Read {
		var err error
		if t.entries, err = c.own(); err != nil {
			return t, err
		}
	}
	loader := op == model.Exec // still to be denied
	for i, r := range rules {
		t.listed = t.listed || r.Action == policy.Allow
		if loader && r.Object.Kind != policy.Path && r.Object.Kind != policy.ExecName {
			// Nothing less than its name permits the loader.
			t.entries, loader = append(t.entries, loaderEntry(rules[i:])), false
		}
		e, err := newEntry(r, op, w)
		if err != nil {
			c.refuse(r.Number, err.Error())
			continue
		}
		t.entries = append(t.entries, e)
	}
	if loader {
		t.entries = append(t.entries, loaderEntry(nil))
	}
	for _, r := range closed {
		e, err := objectEntry(r.Object, op)
		if err != nil {
			c.refuse(r.Number, err.Error())
			continue
		}
		e.rule, e.action = r.Number, policy.Block
		if c.plan.Posture.For(class) == policy.Audit {
			e.action = policy.Audit
		}
		t.entries = append(t.entries, e)
	}
	if class == policy.File && t.listed {
		base, err := baseEntries(op)
		if err != nil {
			return tier{}, err
		}
		t.entries = append(t.entries, base...)
	}
	return t, nil
}

// own permits the domain's processes to read their executables: the kernel maps
// them under the profile that is entered, and asks it for that.
func (c *armorer) own() ([]entry, error) {
	var out []entry
	for _, file := range c.domain.executables {
		e, err := objectEntry(policy.Object{Kind: policy.Path, Name: file}, model.Exec)
		if err != nil {
			return nil, err
		}
		e.rule, e.action = -1, policy.Allow
		out = append(out, e)
	}
	return out, nil
}

// permitted is what the tier's entries permit; what they also deny is denied.
func (t tier) permitted() []glob.Glob {
	var out []glob.Glob
	for _, e := range t.entries {
		if e.action != policy.Block {
			out = append(out, e.globs...)
		}
	}
	return out
}

// overlaps says whether some name matches both entries.
func (e entry) overlaps(f entry) bool {
	for _, a := range e.globs {
		for _, b := range f.globs {
			x, y := a.Prefix(), b.Prefix()
			if (strings.HasPrefix(x, y) || strings.HasPrefix(y, x)) && a.Overlaps(b) {
				return true
			}
		}
	}
	return false
}

// without is the entry's globs without holes.
func (e entry) without(holes []glob.Hole) ([]glob.Glob, error) {
	if len(holes) == 0 {
		return e.globs, nil
	}
	var out []glob.Glob
	for _, g := range e.globs {
		left, err := g.Subtract(holes...)
		if err != nil {
			return nil, err
		}
		out = append(out, left...)
	}
	return out, nil
}

// newEntry is what the rule says of the operation on its object.
func newEntry(r model.Rule, op model.Operation, w whose) (entry, error) {
	e, err := objectEntry(r.Object, op)
	if err != nil {
		return entry{}, err
	}
	e.rule, e.action, e.sourced = r.Number, r.Answer(op, w == owners), r.Sourced()
	return e, nil
}

// objectEntry is the names that an object has in the kernel.
func objectEntry(o policy.Object, op model.Operation) (entry, error) {
	if err := checkName(o); err != nil {
		return entry{}, err
	}
	switch o.Kind {
	case policy.Path:
		g, err := glob.Literal(o.Name)
		if err != nil {
			return entry{}, err
		}
		return entry{named: true, globs: names(g, op), holes: func() ([]glob.Hole, error) {
			return glob.HolePath(o.Name), nil
		}}, nil
	case policy.ExecName:
		g, err := glob.Named(o.Name)
		if err != nil {
			return entry{}, err
		}
		return entry{named: true, globs: []glob.Glob{g}, holes: func() ([]glob.Hole, error) {
			return glob.HoleBase(o.Name), nil
		}}, nil
	case policy.Directory:
		g, err := glob.Directory(o.Name, o.Recursive)
		if err != nil {
			return entry{}, err
		}
		return entry{globs: []glob.Glob{g}, holes: func() ([]glob.Hole, error) {
			return glob.HoleDirectory(o.Name, o.Recursive), nil
		}}, nil
	case policy.Pattern:
		g, err := glob.Parse(o.Name)
		if err != nil {
			return entry{}, err
		}
		e := entry{globs: names(g, op), holes: func() ([]glob.Hole, error) { return glob.HoleGlob(g) }}
		if len(g.Names()) == 0 {
			return entry{}, &glob.SyntaxError{Text: o.Name, Reason: "ends in a slash, and paths do not, directories' included: leave it out"}
		}
		return e, nil
	}
	return entry{}, &glob.SyntaxError{Text: o.Name, Reason: "AppArmor knows no object of kind " + string(o.Kind)}
}

// checkName refuses a name that no file has: paths are canonical, and base
// names one component.
func checkName(o policy.Object) error {
	switch o.Kind {
	case policy.Path, policy.Directory:
		if !path.IsAbs(o.Name) || path.Clean(o.Name) != o.Name {
			return fmt.Errorf("the kernel names no file %q: paths are absolute, without . and .. and empty components", o.Name)
		}
	case policy.ExecName:
		if o.Name == "" || o.Name == "." || o.Name == ".." || strings.Contains(o.Name, "/") {
			return fmt.Errorf("%q is no base name of a file", o.Name)
		}
	}
	return nil
}

// names are the kernel's names for the paths of g. What is executed is no
// directory, and its names are the paths.
func names(g glob.Glob, op model.Operation) []glob.Glob {
	if op == model.Exec {
		return []glob.Glob{g}
	}
	return g.Names()
}

// loaderEntry denies to execute what model.IsLoader knows, but for what rules
// name.
func loaderEntry(rules []model.Rule) entry {
	e := entry{rule: -1, action: policy.Block, holes: func() ([]glob.Hole, error) { return nil, nil }}
	var named []glob.Hole
	for _, r := range rules {
		switch o := r.Object; {
		case !model.IsLoader(o.Name):
		case o.Kind == policy.Path:
			named = append(named, glob.HolePath(o.Name)...)
		case o.Kind == policy.ExecName:
			named = append(named, glob.HoleBase(o.Name)...)
		}
	}
	for _, text := range model.LoaderPatterns() {
		g, err := glob.Parse(text)
		if err != nil {
			panic(err) // a constant
		}
		e.globs = append(e.globs, g)
	}
	if left, err := e.without(named); err == nil {
		e.globs = left // else the loader stays denied
	}
	return e
}
