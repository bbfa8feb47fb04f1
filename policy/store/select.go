package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store/internal/format"
)

// Selection is what applies to one container.
type Selection struct {
	Policies []Ref         // cluster policies first, each sort by namespace and name
	Rules    []policy.Rule // in the order of Policies
	// Posture is what the namespace sets for itself; an empty action is left
	// to the node's configuration.
	Posture policy.Posture
}

// Ref names a policy that applies.
type Ref struct {
	Kind      string          `json:"kind"`
	Namespace string          `json:"namespace,omitempty"`
	Name      string          `json:"name"`
	Position  policy.Position `json:"position"` // in the version that is in force
	// Outdated is why the file's present version is not the one in force;
	// empty if it is.
	Outdated string `json:"outdated,omitempty"`
}

// Select finds what applies to the subject. Its error is a *BadPolicyError if
// policies of the subject's namespace cannot be told, an *ImageLabelsError if
// they hang on labels that the image may have chosen, and matches ErrStale if
// the index is damaged.
func (s *Store) Select(subject policy.Subject) (Selection, error) {
	result, err := s.selectBy(subject)
	if err != nil || len(subject.Brought) == 0 {
		return result, err
	}
	own := subject
	own.Labels = maps.Clone(subject.Labels)
	for k := range subject.Brought {
		delete(own.Labels, k)
	}
	without, err := s.selectBy(own)
	if err != nil {
		return Selection{}, err
	}
	if !slices.Equal(result.Policies, without.Policies) {
		return Selection{}, &ImageLabelsError{subject.Brought}
	}
	return result, nil
}

// selectBy takes the subject's labels as they are.
func (s *Store) selectBy(subject policy.Subject) (Selection, error) {
	var (
		result  Selection
		chosen  []choice
		refused []policy.Bad
	)
	for _, i := range s.candidates(subject) {
		entry, err := s.index.Entry(i)
		if err != nil {
			return Selection{}, staleIf(err)
		}
		head, body, err := s.index.Blob(entry)
		if err != nil {
			return Selection{}, staleIf(err)
		}
		switch entry.Kind {
		case format.Policy:
			c := choice{entry: entry, body: body}
			if err := format.Decode(head, &c.policy); err != nil {
				return Selection{}, staleIf(err)
			}
			if c.policy.Selects(subject) {
				chosen = append(chosen, c)
			}
		case format.Namespace:
			var ns policy.Namespace
			if err := format.Decode(head, &ns); err != nil {
				return Selection{}, staleIf(err)
			}
			if ns.Name == subject.Namespace {
				result.Posture = ns.Posture
			}
		case format.Refusal:
			var bad policy.Bad
			if err := format.Decode(head, &bad); err != nil {
				return Selection{}, staleIf(err)
			}
			if bad.Concerns(subject.Namespace) {
				refused = append(refused, bad)
			}
		default:
			return Selection{}, staleIf(fmt.Errorf("%w: an entry of kind %d under a key", format.ErrDamaged, entry.Kind))
		}
	}
	if len(refused) > 0 {
		return Selection{}, &BadPolicyError{Namespace: subject.Namespace, Bad: refused}
	}
	slices.SortFunc(chosen, func(a, b choice) int {
		return cmp.Or(
			cmp.Compare(a.policy.Kind, b.policy.Kind), // KubeArmorClusterPolicy before KubeArmorPolicy
			cmp.Compare(a.policy.Namespace, b.policy.Namespace),
			cmp.Compare(a.policy.Name, b.policy.Name))
	})
	for _, c := range chosen {
		if err := s.add(&result, c, subject); err != nil {
			return Selection{}, staleIf(err)
		}
	}
	return result, nil
}

// choice is a policy that applies, its rules not decoded yet.
type choice struct {
	entry  format.Entry
	policy policy.Policy
	body   []byte
}

func (s *Store) add(result *Selection, c choice, subject policy.Subject) error {
	if err := format.Decode(c.body, &c.policy.Rules); err != nil {
		return err
	}
	file, err := s.index.File(int(c.entry.File))
	if err != nil {
		return err
	}
	path := s.folder.Path + "/" + file.Name
	c.policy.Position.File = path
	for i := range c.policy.Rules {
		c.policy.Rules[i].Position.File = path
	}
	outdated, err := s.outdated(file)
	if err != nil {
		return err
	}
	result.Policies = append(result.Policies, Ref{
		Kind:      c.policy.Kind,
		Namespace: c.policy.Namespace,
		Name:      c.policy.Name,
		Position:  c.policy.Position,
		Outdated:  outdated,
	})
	result.Rules = append(result.Rules, c.policy.RulesFor(subject)...)
	return nil
}

// outdated says what is wrong with the present version of a file.
func (s *Store) outdated(file format.File) (string, error) {
	for i := file.First; i < file.First+file.Count; i++ {
		entry, err := s.index.Entry(i)
		if err != nil {
			return "", err
		}
		if entry.Kind != format.Report {
			continue
		}
		head, _, err := s.index.Blob(entry)
		if err != nil {
			return "", err
		}
		var bad []policy.Bad
		if err := format.Decode(head, &bad); err != nil {
			return "", err
		}
		var all policy.Errors
		for i := range bad {
			all = append(all, bad[i].Errors...)
		}
		return all.Error(), nil
	}
	return "", nil
}

// candidates are the entries that may concern the subject, each once.
func (s *Store) candidates(subject policy.Subject) []uint32 {
	var found []uint32
	for _, namespace := range []string{subject.Namespace, ""} {
		found = s.index.Find(found, format.Key(namespace, "", ""))
		found = s.index.Find(found, format.Key(namespace, policy.ContainerLabel, subject.Container))
		for k, v := range subject.Labels {
			found = s.index.Find(found, format.Key(namespace, k, v))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
