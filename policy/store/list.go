package store

import (
	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/store/internal/format"
	"github.com/prearm/prearm/policy/store/internal/scan"
)

// Policies are all policies in force, with their rules, in the order of the
// files' names. It decodes the whole index: not for a start.
func (s *Store) Policies() ([]policy.Policy, error) {
	var all []policy.Policy
	for i := range s.index.Entries {
		entry, err := s.index.Entry(i)
		if err != nil {
			return nil, staleIf(err)
		}
		if entry.Kind != format.Policy {
			continue
		}
		head, body, err := s.index.Blob(entry)
		if err != nil {
			return nil, staleIf(err)
		}
		file, err := s.index.File(int(entry.File))
		if err != nil {
			return nil, staleIf(err)
		}
		var p policy.Policy
		if err := format.Decode(head, &p); err != nil {
			return nil, staleIf(err)
		}
		if err := format.Decode(body, &p.Rules); err != nil {
			return nil, staleIf(err)
		}
		p.Position.File = s.folder.Path + "/" + file.Name
		for i := range p.Rules {
			p.Rules[i].Position.File = p.Position.File
		}
		all = append(all, p)
	}
	return all, nil
}

// Reports are what is wrong with the files as they are now.
func Reports(index *format.Index) ([]policy.Bad, error) {
	var all []policy.Bad
	for i := range index.Entries {
		entry, err := index.Entry(i)
		if err != nil {
			return nil, staleIf(err)
		}
		if entry.Kind != format.Report {
			continue
		}
		head, _, err := index.Blob(entry)
		if err != nil {
			return nil, staleIf(err)
		}
		var bad []policy.Bad
		if err := format.Decode(head, &bad); err != nil {
			return nil, staleIf(err)
		}
		all = append(all, bad...)
	}
	return all, nil
}

// IsPolicyFile reports whether a file of this name in a policy folder is read.
func IsPolicyFile(name string) bool { return scan.IsPolicyFile(name) }
