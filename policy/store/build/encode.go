package build

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store/internal/format"
)

// encode turns sources into what an index is written of.
func encode(sources []source) ([]format.Source, error) {
	common := map[uint64]int{} // how many policies demand a label
	for i := range sources {
		for _, it := range sources[i].items {
			for k, v := range it.policy.Selector.MatchLabels {
				common[format.Key(it.policy.Namespace, k, v)]++
			}
		}
	}
	out := make([]format.Source, len(sources))
	for i := range sources {
		s := &sources[i]
		o := format.Source{Stamp: s.stamp, Name: s.name}
		if s.good {
			o.Flags |= format.HasGood
		}
		if s.sum != nil {
			o.Flags |= format.Racy
			o.Blobs = append(o.Blobs, format.Blob{Kind: format.Sum, Head: s.sum})
		}
		for _, it := range s.items {
			b := format.Blob{Kind: it.kind, Head: it.head, Body: it.body}
			if it.kind == format.Namespace {
				b.Keys = []uint64{format.Key(it.namespace.Name, "", "")}
			} else {
				b.Keys = keys(&it.policy, common)
			}
			o.Blobs = append(o.Blobs, b)
		}
		if len(s.bad) > 0 {
			head, err := json.Marshal(s.bad)
			if err != nil {
				return nil, err
			}
			o.Blobs = append(o.Blobs, format.Blob{Kind: format.Report, Head: head})
			if !s.good {
				refusals, err := refuse(s.bad)
				if err != nil {
					return nil, err
				}
				o.Blobs = append(o.Blobs, refusals...)
			}
		}
		out[i] = o
	}
	return out, nil
}

// keys are those that a policy is filed under. It applies only to subjects
// that look one of them up: those of its namespace (or of any) which have the
// rarest of the labels that it demands, or one of the values that its first
// positive expression admits.
func keys(p *policy.Policy, common map[uint64]int) []uint64 {
	var all []uint64
	for k, v := range p.Selector.MatchLabels {
		all = append(all, format.Key(p.Namespace, k, v))
	}
	if len(all) > 0 {
		rarest := slices.MinFunc(all, func(a, b uint64) int { return cmp.Or(cmp.Compare(common[a], common[b]), cmp.Compare(a, b)) })
		return []uint64{rarest}
	}
	for _, name := range p.Selector.Containers {
		all = append(all, format.Key(p.Namespace, policy.ContainerLabel, name))
	}
	for i := 0; i < len(p.Selector.Match) && len(all) == 0; i++ {
		e := &p.Selector.Match[i]
		if e.Operator != policy.OperatorIn {
			continue
		}
		for _, value := range e.Values {
			if e.Key == policy.KeyNamespace {
				all = append(all, format.Key(value, "", ""))
				continue
			}
			k, v, _ := strings.Cut(value, "=")
			all = append(all, format.Key(p.Namespace, k, v))
		}
	}
	if len(all) == 0 {
		all = append(all, format.Key(p.Namespace, "", ""))
	}
	return all
}

// refuse has one refusal for each namespace that bad documents are about, or a
// single one for all.
func refuse(bad []policy.Bad) ([]format.Blob, error) {
	const most = 3 // mistakes that an error message of a start repeats
	var (
		scopes []*policy.Bad
		byName = map[string]*policy.Bad{}
	)
	for _, b := range bad {
		name := b.Namespace
		if b.Everywhere {
			name = ""
		}
		s := byName[name]
		if s == nil {
			s = &policy.Bad{Namespace: name, Everywhere: b.Everywhere}
			byName[name] = s
			scopes = append(scopes, s)
		}
		s.Errors = append(s.Errors, b.Errors[:min(len(b.Errors), most-len(s.Errors))]...)
	}
	var blobs []format.Blob
	for _, s := range scopes {
		head, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, format.Blob{Kind: format.Refusal, Head: head, Keys: []uint64{format.Key(s.Namespace, "", "")}})
	}
	return blobs, nil
}
