package reader

import "github.com/prearm/prearm/policy"

// Key identifies an object; there must not be two of one key on a node.
type Key struct{ Kind, Namespace, Name string }

// Definition is a place where an object is defined.
type Definition struct {
	Key
	At policy.Position
}

// Definitions are the objects that the file defines.
func (f *File) Definitions() []Definition {
	all := make([]Definition, 0, len(f.Policies)+len(f.Namespaces))
	for i := range f.Policies {
		p := &f.Policies[i]
		all = append(all, Definition{Key{p.Kind, p.Namespace, p.Name}, p.Position})
	}
	for _, ns := range f.Namespaces {
		all = append(all, Definition{Key{policy.KindNamespace, ns.Name, ns.Name}, ns.Position})
	}
	return all
}

// Conflicts finds objects that are defined more than once. The definitions
// are grouped, by file for instance; the result has, for each group, what is
// wrong in it. Every definition of such an object is, also the first: nobody
// can tell which was meant.
func Conflicts(groups [][]Definition) [][]policy.Bad {
	type place struct{ first, second *Definition }
	places := map[Key]place{}
	for _, group := range groups {
		for i := range group {
			d := &group[i]
			switch p := places[d.Key]; {
			case p.first == nil:
				places[d.Key] = place{first: d}
			case p.second == nil:
				places[d.Key] = place{first: p.first, second: d}
			}
		}
	}
	bad := make([][]policy.Bad, len(groups))
	for g, group := range groups {
		for i := range group {
			d := &group[i]
			p := places[d.Key]
			if p.second == nil {
				continue
			}
			other := p.first
			if other == d {
				other = p.second
			}
			bad[g] = append(bad[g], d.conflict(other.At))
		}
	}
	return bad
}

func (d *Definition) conflict(other policy.Position) policy.Bad {
	name := d.Name
	if d.Kind == policy.KindPolicy {
		name = d.Namespace + "/" + d.Name
	}
	return policy.Bad{
		Kind:       d.Kind,
		Namespace:  d.Namespace,
		Name:       d.Name,
		Everywhere: d.Kind == policy.KindClusterPolicy,
		Errors: Errors{{
			Position:   d.At,
			Field:      "metadata.name",
			Reason:     d.Kind + " " + name + " is also defined at " + other.String(),
			Suggestion: "rename one, or remove it",
		}},
	}
}
