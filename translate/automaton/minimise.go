package automaton

import (
	"encoding/binary"
	"slices"
)

// minimise merges the states that no continuation tells apart.
func minimise(states []state) *Automaton {
	m := &merger{states: states, class: make([]int32, len(states)), found: make(map[string]int32)}
	m.refine()
	// What is in the trie of paths leads to what was found later, or out.
	for n := len(states) - 1; n >= 0; n-- {
		if states[n].path != none {
			m.class[n] = m.classOf(int32(n))
		}
	}
	return m.result()
}

type merger struct {
	states []state
	class  []int32 // of a state
	found  map[string]int32
	of     []int32 // a state of each class
	key    []byte
	arcs   []arc // normal's
}

// refine divides the states outside the trie of paths into classes, until all
// states of a class lead to the same classes.
func (m *merger) refine() {
	var outside []int32
	for n := range m.states {
		if m.states[n].path == none {
			outside = append(outside, int32(n))
		}
	}
	rows := make(map[int32]int32)
	for _, n := range outside {
		c, ok := rows[m.states[n].row]
		if !ok {
			c = int32(len(rows))
			rows[m.states[n].row] = c
		}
		m.class[n] = c
	}
	next := make([]int32, len(outside))
	for same := false; !same; {
		clear(m.found)
		m.of = m.of[:0]
		for i, n := range outside {
			next[i] = m.classOf(n)
		}
		// Numbered by their first states, the same classes have the same
		// numbers, so that what was found holds for them.
		same = true
		for i, n := range outside {
			same = same && m.class[n] == next[i]
			m.class[n] = next[i]
		}
	}
}

// classOf is the class of states that have the same row and lead to the same
// classes as n.
func (m *merger) classOf(n int32) int32 {
	s := m.states[n]
	rest, arcs := m.normal(s)
	m.key = binary.NativeEndian.AppendUint32(m.key[:0], uint32(s.row))
	m.key = binary.NativeEndian.AppendUint32(m.key, uint32(rest))
	for _, a := range arcs {
		m.key = binary.NativeEndian.AppendUint32(append(m.key, a.by), uint32(a.to))
	}
	c, ok := m.found[string(m.key)]
	if !ok {
		c = int32(len(m.of))
		m.found[string(m.key)] = c
		m.of = append(m.of, n)
	}
	return c
}

// normal is where a state leads, in classes: the class behind most bytes, and
// arcs for the others, which the next call takes back.
func (m *merger) normal(s state) (rest int32, arcs []arc) {
	rest = m.class[s.rest]
	arcs = m.arcs[:0]
	for _, a := range s.arcs {
		if to := m.class[a.to]; to != rest {
			arcs = append(arcs, arc{a.by, to})
		}
	}
	m.arcs = arcs
	if len(arcs) < 128 {
		return rest, arcs
	}
	behind := [256]int32{}
	counts := map[int32]int{}
	for b := range behind {
		behind[b] = rest
	}
	for _, a := range arcs {
		behind[a.by] = a.to
	}
	for _, to := range behind {
		counts[to]++
	}
	for to, n := range counts {
		if n > counts[rest] || n == counts[rest] && to < rest {
			rest = to
		}
	}
	arcs = arcs[:0]
	for b, to := range behind {
		if to != rest {
			arcs = append(arcs, arc{byte(b), to})
		}
	}
	m.arcs = arcs
	return rest, arcs
}

// result has a state for each class that paths come to.
func (m *merger) result() *Automaton {
	numbers := make([]int32, len(m.of)) // plus one
	a := &Automaton{states: make([]final, 0, len(m.of))}
	order := make([]int32, 0, len(m.of))
	number := func(class int32) int32 {
		if numbers[class] == 0 {
			order = append(order, class)
			numbers[class] = int32(len(order))
		}
		return numbers[class] - 1
	}
	number(m.class[stateStart])
	for i := 0; i < len(order); i++ {
		s := m.states[m.of[order[i]]]
		rest, arcs := m.normal(s)
		out := final{row: s.row, rest: number(rest), arcs: slices.Clone(arcs)}
		for j := range out.arcs {
			out.arcs[j].to = number(out.arcs[j].to)
		}
		a.states = append(a.states, out)
	}
	return a
}

// stops says whether a state's row is final.
func (a *Automaton) stops(n int32) bool {
	return a.states[n].rest == n && len(a.states[n].arcs) == 0
}

// Rows are the rows that paths can have, sorted.
func (a *Automaton) Rows() []int32 {
	var rows []int32
	for _, s := range a.states {
		if s.row != rowNone {
			rows = append(rows, s.row)
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}
