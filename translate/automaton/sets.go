package automaton

import (
	"encoding/binary"
	"slices"
)

// sets are the sets of places that states have, each once. The first is empty.
type sets struct {
	places []place
	bytes  []byte // one of each class of bytes that no place tells apart, NUL left out
	class  [256]uint8
	list   []set
	index  map[string]int32
	effort int // what may still be done, in arcs followed
}

type set struct {
	places []int32 // sorted
	rest   int32   // the set behind bytes without an arc; none if not known yet
	arcs   []arc
}

// maxEffort bounds the time that globs can take which multiply each other.
const maxEffort = 1 << 27

func newSets(places []place) *sets {
	s := &sets{places: places, index: make(map[string]int32), effort: maxEffort}
	s.classify()
	s.intern(nil)
	return s
}

// classify finds the classes of bytes.
func (s *sets) classify() {
	seen := make(map[[4]uint64]bool)
	classes := 1
	for _, p := range s.places {
		for _, a := range p.arcs {
			if seen[a.set] {
				continue
			}
			seen[a.set] = true
			split := make(map[uint8]uint8) // class to that of its bytes in the set
			in := [256]bool{}
			size := [256]int{}
			for b := 1; b < 256; b++ {
				in[b] = a.set[b>>6]&(1<<(b&63)) != 0
				size[s.class[b]]++
			}
			inside := [256]int{}
			for b := 1; b < 256; b++ {
				if in[b] {
					inside[s.class[b]]++
				}
			}
			for b := 1; b < 256; b++ {
				c := s.class[b]
				if !in[b] || inside[c] == size[c] {
					continue
				}
				to, ok := split[c]
				if !ok {
					to = uint8(classes)
					classes++
					split[c] = to
				}
				s.class[b] = to
			}
		}
	}
	s.bytes = make([]byte, classes)
	for b := 1; b < 256; b++ {
		if s.bytes[s.class[b]] == 0 {
			s.bytes[s.class[b]] = byte(b)
		}
	}
}

// intern gives the set of places, which it keeps.
func (s *sets) intern(places []int32) int32 {
	slices.Sort(places)
	places = slices.Compact(places)
	key := make([]byte, 0, 4*len(places))
	for _, p := range places {
		key = binary.NativeEndian.AppendUint32(key, uint32(p))
	}
	n, ok := s.index[string(key)]
	if !ok {
		n = int32(len(s.list))
		s.index[string(key)] = n
		s.list = append(s.list, set{places: places, rest: none})
		s.effort -= 16 * len(places) // memory
	}
	return n
}

// with is the set with more places.
func (s *sets) with(n int32, more []int32) int32 {
	if len(more) == 0 {
		return n
	}
	return s.intern(slices.Concat(s.list[n].places, more))
}

// marks are those of the languages that a path in the set is in.
func (s *sets) marks(n int32) []Mark {
	var out []Mark
	for _, p := range s.list[n].places {
		if s.places[p].end {
			out = append(out, s.places[p].mark)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// step finds out where bytes lead from a set. It is false if the effort is
// used up.
func (s *sets) step(n int32) (set, bool) {
	if s.list[n].rest != none {
		return s.list[n], true
	}
	behind := make([]int32, len(s.bytes))
	counts := make(map[int32]int)
	perClass := [256]int{}
	for b := 1; b < 256; b++ {
		if b != '/' {
			perClass[s.class[b]]++
		}
	}
	for c, b := range s.bytes {
		var to []int32
		for _, p := range s.list[n].places {
			for _, a := range s.places[p].arcs {
				s.effort--
				if a.set[b>>6]&(1<<(b&63)) != 0 {
					to = append(to, a.to)
				}
			}
		}
		behind[c] = s.intern(to)
		counts[behind[c]] += perClass[c]
	}
	rest := behind[0]
	for _, to := range behind {
		if counts[to] > counts[rest] {
			rest = to
		}
	}
	s.list[n].rest = rest
	for b := 1; b < 256; b++ {
		if to := behind[s.class[b]]; to != rest {
			s.list[n].arcs = append(s.list[n].arcs, arc{byte(b), to})
		}
	}
	return s.list[n], s.effort > 0
}
