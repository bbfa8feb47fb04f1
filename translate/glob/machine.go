package glob

// Machine is a glob's matches behind its Prefix, as an automaton over bytes
// that may be at several of its places at once. It is at Start first.
type Machine struct {
	Places []Place
	Start  int
}

// Place is a place in a glob.
type Place struct {
	End  bool // what was read so far is a match
	Arcs []Arc
}

// Arc is a set of bytes that lead on.
type Arc struct {
	Set [4]uint64 // bit b&63 of word b>>6 is the byte b
	To  int
}

// Machine gives the automaton of what follows the glob's Prefix.
func (g Glob) Machine() Machine {
	at := g.states()
	for _, b := range []byte(g.Prefix()) {
		at = at.after(b)
	}
	// One place stands for all that the prefix leads to.
	m := Machine{Places: make([]Place, 1)}
	numbers := make(map[*state]int)
	var left []*state
	number := func(s *state) int {
		n, ok := numbers[s]
		if !ok {
			n = len(m.Places)
			numbers[s] = n
			m.Places = append(m.Places, Place{})
			left = append(left, s)
		}
		return n
	}
	fill := func(n int, at states) {
		p := Place{End: at.nullable()}
		for _, st := range at.steps() {
			p.Arcs = append(p.Arcs, Arc{Set: st.set, To: number(st.to)})
		}
		m.Places[n] = p
	}
	fill(0, at)
	for len(left) > 0 {
		s := left[0]
		left = left[1:]
		fill(numbers[s], states{s})
	}
	return m
}
