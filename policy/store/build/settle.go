package build

import (
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/policy/reader"
)

// settle resolves objects that several files define: each such file is a bad
// file, and falls back to its last good version. What has no such version
// keeps the rest of its objects, and refuses the starts that the doubtful one
// may concern.
//
// Falling back may bring other objects into conflict, so it repeats until none
// is; each round takes something out of force for good, so it ends.
func settle(sources []source, before *previous) {
	groups := make([][]reader.Definition, len(sources))
	for i := range sources {
		groups[i] = sources[i].definitions()
	}
	for {
		conflicts := reader.Conflicts(groups)
		var now []int // files in conflict, those before that are as they are on disk
		for i := range conflicts {
			if len(conflicts[i]) > 0 && len(sources[i].bad) == 0 {
				now = append(now, i)
			}
		}
		fallBack := len(now) > 0
		if !fallBack {
			for i := range conflicts {
				if len(conflicts[i]) > 0 {
					now = append(now, i)
				}
			}
		}
		if len(now) == 0 {
			return
		}
		for _, i := range now {
			s := &sources[i]
			s.bad, s.reused = append(s.bad, conflicts[i]...), false
			if !fallBack || !s.fallBack(before) {
				s.good = false
				s.drop(conflicts[i])
			}
			groups[i] = s.definitions()
		}
	}
}

// drop takes the objects in conflict out of force.
func (s *source) drop(conflicts []policy.Bad) {
	s.items = slices.DeleteFunc(s.items, func(it item) bool {
		d := it.definition(s.path)
		return slices.ContainsFunc(conflicts, func(b policy.Bad) bool {
			return b.Kind == d.Kind && b.Namespace == d.Namespace && b.Name == d.Name
		})
	})
}
