package translate

import (
	"cmp"
	"path"
	"slices"
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

	rank   int // path and base name, loader, pattern, directory
	length int // of the literal prefix or directory
	flat   bool
	of     policy.Action // the rule's own action, before its flags
}

// Ranks of entries; lower decides first.
const (
	rankName      = iota // path and base name
	rankLoader           // nothing less than a name permits the loader
	rankPattern          //
	rankDirectory        //
	rankBase             //
)

// tiers puts the rules of a class in the order in which they decide.
func (c *armorer) tiers(class policy.Class, op model.Operation) ([]tier, error) {
	var out []tier
	for _, name := range []policy.Tier{policy.Cluster, policy.Namespaced} {
		var t tier
		ruled := false
		for _, r := range c.rules {
			if r.Tier != name || r.Class != class {
				continue
			}
			ruled = true
			t.listed = t.listed || r.Action == policy.Allow
			e, err := newEntry(r, op)
			if err != nil {
				c.refuse(r.Number, err.Error())
				continue
			}
			t.entries = append(t.entries, e)
		}
		if !ruled {
			continue
		}
		if op == model.Exec {
			loader, err := loaderEntry()
			if err != nil {
				return nil, err
			}
			t.entries = append(t.entries, loader)
		}
		slices.SortStableFunc(t.entries, entry.compare)
		if class == policy.File && t.listed {
			base, err := baseEntries(op)
			if err != nil {
				return nil, err
			}
			t.entries = append(t.entries, base...)
		}
		out = append(out, t)
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

// compare is negative if e decides before f where both match.
func (e entry) compare(f entry) int {
	return cmp.Or(
		cmp.Compare(e.rank, f.rank),
		-cmp.Compare(e.length, f.length),
		-cmp.Compare(asInt(e.flat), asInt(f.flat)),
		-cmp.Compare(strictness(e.of), strictness(f.of)),
		-cmp.Compare(strictness(e.action), strictness(f.action)),
		cmp.Compare(e.rule, f.rule),
	)
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// strictness orders Block over Audit over Allow.
func strictness(a policy.Action) int {
	return slices.Index([]policy.Action{policy.Allow, policy.Audit, policy.Block}, a)
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

// around is the directories that the entry's names are in.
func (e entry) around() []glob.Hole {
	var out []glob.Hole
	for _, g := range e.globs {
		for _, prefix := range g.Prefixes() {
			out = append(out, glob.HoleDirectory(path.Dir(prefix+"x"), true)...)
		}
	}
	return out
}

func newEntry(r model.Rule, op model.Operation) (entry, error) {
	e, err := objectEntry(r.Object, op)
	if err != nil {
		return entry{}, err
	}
	e.rule, e.of, e.action = r.Number, r.Action, r.Action
	if r.ReadOnly && r.Class == policy.File {
		switch {
		case op == model.Read:
			e.action = policy.Allow
		case r.Action != policy.Audit:
			e.action = policy.Block
		}
	}
	return e, nil
}

// objectEntry is the names that an object has in the kernel.
func objectEntry(o policy.Object, op model.Operation) (entry, error) {
	switch o.Kind {
	case policy.Path:
		g, err := glob.Literal(o.Name)
		if err != nil {
			return entry{}, err
		}
		return entry{rank: rankName, globs: names(g, op), holes: func() ([]glob.Hole, error) {
			return glob.HolePath(o.Name), nil
		}}, nil
	case policy.ExecName:
		g, err := glob.Named(o.Name)
		if err != nil {
			return entry{}, err
		}
		return entry{rank: rankName, globs: []glob.Glob{g}, holes: func() ([]glob.Hole, error) {
			return glob.HoleBase(o.Name), nil
		}}, nil
	case policy.Directory:
		g, err := glob.Directory(o.Name, o.Recursive)
		if err != nil {
			return entry{}, err
		}
		e := entry{rank: rankDirectory, length: len(strings.TrimRight(o.Name, "/")), flat: !o.Recursive, globs: []glob.Glob{g}}
		e.holes = func() ([]glob.Hole, error) { return glob.HoleDirectory(o.Name, o.Recursive), nil }
		return e, nil
	case policy.Pattern:
		g, err := glob.Parse(o.Name)
		if err != nil {
			return entry{}, err
		}
		e := patternEntry(g)
		e.rank, e.globs = rankPattern, names(g, op)
		if len(e.globs) == 0 {
			return entry{}, &glob.SyntaxError{Text: o.Name, Reason: "ends in a slash, and paths do not, directories' included: leave it out"}
		}
		return e, nil
	}
	return entry{}, &glob.SyntaxError{Text: o.Name, Reason: "AppArmor knows no object of kind " + string(o.Kind)}
}

func patternEntry(g glob.Glob) entry {
	return entry{rank: rankBase, length: len(g.Prefix()), globs: g.Names(), holes: func() ([]glob.Hole, error) {
		return glob.HoleGlob(g)
	}}
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
func loaderEntry() (entry, error) {
	e := entry{rule: -1, rank: rankLoader, action: policy.Block, of: policy.Block}
	for _, text := range []string{
		"/{**/,}{libc.so,linker,linker64}",
		"/{**/,}{ld-,ld.,ld64.}*{.so,.so.*}",
		"/{**/,}{ld.,ld64.}so{,.*}",
	} {
		g, err := glob.Parse(text)
		if err != nil {
			return entry{}, err
		}
		e.globs = append(e.globs, g)
	}
	return e, nil
}
