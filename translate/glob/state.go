package glob

import "slices"

// state is a place in a glob: the next byte is one of set, or the place is a
// fork. A glob of n nodes has at most as many states, and one to accept.
type state struct {
	node node
	next *state   // behind the node
	into []*state // kindAlt: the beginnings of the alternatives, which lead to next
}

// accept is the place at the end of every glob.
var accept = &state{}

// compile gives the beginning of nodes, which lead to next.
func compile(nodes []node, next *state) *state {
	for _, n := range slices.Backward(nodes) {
		s := &state{node: n, next: next}
		for _, alt := range n.alts {
			s.into = append(s.into, compile(alt, next))
		}
		next = s
	}
	return next
}

// rest is the sequence from the place to the end of the glob.
func (s *state) rest() []node {
	var out []node
	for ; s != accept; s = s.next {
		out = append(out, s.node)
	}
	return out
}

// states are the places that a glob may be at.
type states []*state

// step is a byte that a place consumes, and the place behind it.
type step struct {
	set class
	to  *state
}

// reach calls do for every place reachable without a byte, once.
func (ss states) reach(do func(*state)) {
	seen := make(map[*state]bool, 2*len(ss))
	var visit func(*state)
	visit = func(s *state) {
		if seen[s] {
			return
		}
		seen[s] = true
		do(s)
		if s == accept || s.node.kind == kindSet {
			return
		}
		for _, into := range s.into {
			visit(into)
		}
		if s.node.kind != kindAlt {
			visit(s.next)
		}
	}
	for _, s := range ss {
		visit(s)
	}
}

// steps are the ways to consume one byte.
func (ss states) steps() []step {
	var out []step
	ss.reach(func(s *state) {
		if s == accept || s.node.kind == kindAlt {
			return
		}
		if c, loops := s.node.loops(); loops {
			out = append(out, step{c, s})
		} else {
			out = append(out, step{s.node.set, s.next})
		}
	})
	return out
}

// after are the places after the byte b.
func (ss states) after(b byte) states {
	var out states
	for _, st := range ss.steps() {
		if st.set.has(b) && !slices.Contains(out, st.to) {
			out = append(out, st.to)
		}
	}
	return out
}

// nullable says whether the glob may end here.
func (ss states) nullable() bool {
	end := false
	ss.reach(func(s *state) { end = end || s == accept })
	return end
}
