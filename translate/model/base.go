package model

import (
	"slices"

	"github.com/prearm/prearm/translate/glob"
)

// baseEntry is a BaseEntry with its pattern parsed.
type baseEntry struct {
	glob  *glob.Glob // nil, which matches nothing, if it does not parse
	write bool
	own   bool
}

func prepareBase(b BaseEntry) baseEntry {
	return baseEntry{glob: parse(b.Pattern), write: b.Write, own: b.Own}
}

// inBase says whether the base set grants the file access a.
func (s *Set) inBase(a Access) bool {
	return slices.ContainsFunc(s.base, func(b baseEntry) bool {
		return b.glob != nil && (b.write || a.Operation == Read) && !(b.own && a.Foreign) && b.glob.Match(a.Path)
	})
}
