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
	rule   int // number; -1 is none
	action policy.Action
	globs  []glob.Glob // the kernel's names
	holes  func() ([]glob.Hole, error)
}

// tiers puts the rules of a class in the order in which they decide.
func (c *armorer) tiers(class policy.Class, op model.Operation) ([]tier, error) {
	var out []tier
	for _, name := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		var rules []model.Rule
		for _, r := range c.rules {
			if r.Tier == name && r.Class == class {
				rules = append(rules, r)
			}
		}
		if len(rules) == 0 {
			continue
		}
		t, err := c.tier(model.Ranked(rules, op), class, op)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// tier makes entries of a tier's rules, which are in the order in which they
// decide.
func (c *armorer) tier(rules []model.Rule, class policy.Class, op model.Operation) (tier, error) {
	var t tier
	loader := op == model.Exec // still to be denied
	for _, r := range rules {
		t.listed = t.listed || r.Action == policy.Allow
		if loader && r.Object.Kind != policy.Path && r.Object.Kind != policy.ExecName {
			// Nothing less than its name permits the loader.
			t.entries, loader = append(t.entries, loaderEntry()), false
		}
		e, err := newEntry(r, op)
		if err != nil {
			c.refuse(r.Number, err.Error())
			continue
		}
		t.entries = append(t.entries, e)
	}
	if loader {
		t.entries = append(t.entries, loaderEntry())
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
func newEntry(r model.Rule, op model.Operation) (entry, error) {
	e, err := objectEntry(r.Object, op)
	if err != nil {
		return entry{}, err
	}
	e.rule, e.action = r.Number, r.Answer(op)
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
		return entry{globs: names(g, op), holes: func() ([]glob.Hole, error) {
			return glob.HolePath(o.Name), nil
		}}, nil
	case policy.ExecName:
		g, err := glob.Named(o.Name)
		if err != nil {
			return entry{}, err
		}
		return entry{globs: []glob.Glob{g}, holes: func() ([]glob.Hole, error) {
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

// loaderEntry denies to execute what model.IsLoader knows.
func loaderEntry() entry {
	e := entry{rule: -1, action: policy.Block, holes: func() ([]glob.Hole, error) { return nil, nil }}
	for _, text := range []string{
		"/{**/,}{libc.so,linker,linker64}",
		"/{**/,}{ld-,ld.,ld64.}*{.so,.so.*}",
		"/{**/,}{ld,ld64}.so{,.*}", // the prefix's dot is that of .so
	} {
		g, err := glob.Parse(text)
		if err != nil {
			panic(err) // a constant
		}
		e.globs = append(e.globs, g)
	}
	return e
}
