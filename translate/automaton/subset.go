package automaton

import (
	"encoding/binary"
	"slices"
	"strings"
)

// position is where a state is in each of the union's parts: a node of either
// trie or none, and a set of places.
type position struct{ path, name, set int32 }

// state is a state on its way to the result.
type state struct {
	position
	parent int32 // the state that it was found from, by the byte
	by     byte
	row    int32
	rest   int32 // the state behind bytes without an arc
	arcs   []arc // sorted by byte
}

// arc is a byte that does not lead where most do.
type arc struct {
	by byte
	to int32
}

// States that every construction begins with.
const (
	stateStart  int32 = iota // before the first byte
	stateReject              // what does not begin with a slash
)

// rowNone is the row of a state where no path ends.
const rowNone = -1

// Automaton is a union as minimised states. State 0 is where paths begin.
type Automaton struct{ states []final }

// final is a state of the result.
type final struct {
	row  int32
	rest int32
	arcs []arc
}

// Build asks for the answer to every set of marks that some path has, of which
// it gives one path, and makes the automaton. Errors are answer's, and a
// TooLargeError if the automaton needs more than most cells, or ErrMultiply.
func (u *Union) Build(most int, answer func(marks []Mark, path string) (Answer, error)) (*Automaton, error) {
	b := &builder{
		union:    u,
		answer:   answer,
		most:     most,
		sets:     newSets(u.places),
		index:    make(map[position]int32),
		lists:    make(map[string]int32),
		answers:  make(map[[3]int32]int32),
		settled:  make(map[int32]int32),
		pathList: make([]int32, len(u.paths.nodes)),
		nameList: make([]int32, len(u.names.nodes)),
	}
	if len(u.paths.nodes) > most {
		// Each node has one cell at least, which suffixes in common seldom save.
		return nil, &TooLargeError{Cells: 2 * len(u.paths.nodes), Most: most}
	}
	if err := b.explore(); err != nil {
		return nil, err
	}
	if err := b.addNames(); err != nil {
		return nil, err
	}
	return minimise(b.states), nil
}

type builder struct {
	union  *Union
	answer func([]Mark, string) (Answer, error)
	most   int
	sets   *sets
	states []state
	index  map[position]int32
	arena  []arc

	marks    [][]Mark // lists of marks, each once
	lists    map[string]int32
	pathList []int32 // of a trie's node, its list of marks, plus one
	nameList []int32
	setList  []int32

	answers map[[3]int32]int32 // by the lists of a position
	known   []Answer
	given   []int32 // of a state, its answer, or none
	settled map[int32]int32
}

// tooLarge is the error for a construction that is given up.
func (b *builder) tooLarge() error {
	return &TooLargeError{Cells: max(2*len(b.union.paths.nodes), 2*len(b.states), b.most+1), Most: b.most, AtLeast: true}
}

func (b *builder) add(s state) (int32, error) {
	if len(b.states) >= b.most {
		return 0, b.tooLarge()
	}
	b.states = append(b.states, s)
	return int32(len(b.states) - 1), nil
}

// explore finds all states, in the order of the lengths of their shortest
// paths, and the answers for them.
func (b *builder) explore() error {
	slash := b.union.paths.child(0, '/')
	root := position{slash, 0, b.sets.with(0, b.union.paths.at(slash).tails)}
	b.states = make([]state, 0, len(b.union.paths.nodes)+64)
	b.states = append(b.states, []state{
		stateStart:  {position: position{0, none, 0}, row: rowNone, rest: stateReject, arcs: []arc{{'/', 2}}},
		stateReject: {position: position{none, none, none}, row: rowNone, rest: stateReject},
		2:           {position: root, parent: stateStart, by: '/'},
	}...)
	b.index[root] = 2
	b.given = []int32{none, none}
	for n := int32(2); int(n) < len(b.states); n++ {
		if err := b.expand(n); err != nil {
			return err
		}
		if !b.ends(n) {
			b.given = append(b.given, none)
			continue
		}
		answer, err := b.ask(n)
		if err != nil {
			return err
		}
		b.given = append(b.given, answer)
		b.states[n].row = b.known[answer].Row
	}
	for n := range b.states[2:] {
		if s := &b.states[n+2]; b.given[n+2] == none {
			// No path ends in a slash, so the state may as well have the row
			// that lets most walks end in it.
			s.row = b.states[s.rest].row
		}
	}
	return nil
}

// ends says whether paths end in the state: not behind a slash, but for the
// root's.
func (b *builder) ends(n int32) bool {
	return b.states[n].name != 0 || n == 2
}

// expand finds where bytes lead from a state.
func (b *builder) expand(n int32) error {
	s := b.states[n]
	places, ok := b.sets.step(s.set)
	if !ok {
		return ErrMultiply
	}
	var err error
	found := func(by byte, to position) int32 {
		m, ok := b.index[to]
		if !ok && err == nil {
			m, err = b.add(state{position: to, parent: n, by: by})
			b.index[to] = m
		}
		return m
	}
	var behind [256]int32
	var known [4]uint64
	lead := func(by byte, set int32) {
		if known[by>>6]&(1<<(by&63)) != 0 || by == '/' && s.name == 0 {
			return // '/' behind a slash cannot come
		}
		known[by>>6] |= 1 << (by & 63)
		to := position{path: none, name: none, set: set}
		if s.path != none {
			to.path = b.union.paths.child(s.path, by)
			to.set = b.sets.with(set, b.union.paths.at(to.path).tails)
		}
		switch {
		case by == '/':
			to.name = 0
		case s.name != none:
			to.name = b.union.names.child(s.name, by)
		}
		behind[by] = found(by, to)
	}
	for _, a := range places.arcs {
		lead(a.by, a.to)
	}
	lead('/', places.rest)
	if s.path != none {
		for c := b.union.paths.nodes[s.path].first; c != none; c = b.union.paths.nodes[c].next {
			lead(b.union.paths.nodes[c].by, places.rest)
		}
	}
	if s.name != none {
		for c := b.union.names.nodes[s.name].first; c != none; c = b.union.names.nodes[c].next {
			lead(b.union.names.nodes[c].by, places.rest)
		}
	}
	other := byte(1)
	for other == '/' || known[other>>6]&(1<<(other&63)) != 0 {
		if other++; other == 0 {
			break
		}
	}
	rest := behind[1] // where every byte leads somewhere of its own
	if other != 0 {
		rest = found(other, position{none, none, places.rest})
	}
	if err != nil {
		return err
	}
	b.connect(n, rest, behind, known)
	return nil
}

// connect gives a state its arcs.
func (b *builder) connect(n, rest int32, behind [256]int32, known [4]uint64) {
	if cap(b.arena)-len(b.arena) < 256 {
		b.arena = make([]arc, 0, 1<<14)
	}
	from := len(b.arena)
	for by := range 256 {
		if known[by>>6]&(1<<(by&63)) != 0 && behind[by] != rest {
			b.arena = append(b.arena, arc{byte(by), behind[by]})
		}
	}
	b.states[n].rest, b.states[n].arcs = rest, b.arena[from:len(b.arena):len(b.arena)]
}

// ask gives the number of the answer for a state.
func (b *builder) ask(n int32) (int32, error) {
	s := b.states[n]
	key := [3]int32{b.listOf(&b.union.paths, b.pathList, s.path), b.listOf(&b.union.names, b.nameList, s.name), b.setMarks(s.set)}
	if known, ok := b.answers[key]; ok {
		return known, nil
	}
	marks := slices.Concat(b.union.always, b.marks[key[0]], b.marks[key[1]], b.marks[key[2]])
	slices.Sort(marks)
	a, err := b.answer(slices.Compact(marks), b.path(n))
	if err != nil {
		return 0, err
	}
	b.answers[key] = int32(len(b.known))
	b.known = append(b.known, a)
	return b.answers[key], nil
}

// listOf is the list of a node's marks.
func (b *builder) listOf(t *trie, lists []int32, n int32) int32 {
	if n == none {
		return b.list(nil)
	}
	if lists[n] == 0 {
		lists[n] = b.list(t.at(n).marks) + 1
	}
	return lists[n] - 1
}

func (b *builder) setMarks(n int32) int32 {
	for len(b.setList) <= int(n) {
		b.setList = append(b.setList, 0)
	}
	if b.setList[n] == 0 {
		b.setList[n] = b.list(b.sets.marks(n)) + 1
	}
	return b.setList[n] - 1
}

func (b *builder) list(marks []Mark) int32 {
	marks = slices.Clone(marks)
	slices.Sort(marks)
	marks = slices.Compact(marks)
	key := make([]byte, 0, 4*len(marks))
	for _, m := range marks {
		key = binary.NativeEndian.AppendUint32(key, uint32(m))
	}
	n, ok := b.lists[string(key)]
	if !ok {
		n = int32(len(b.marks))
		b.lists[string(key)] = n
		b.marks = append(b.marks, marks)
	}
	return n
}

// path is a path that ends in the state.
func (b *builder) path(n int32) string {
	var out []byte
	for ; n != stateStart; n = b.states[n].parent {
		out = append(out, b.states[n].by)
	}
	slices.Reverse(out)
	return string(out)
}

// addNames adds what may follow a path behind a NUL byte, if any answer
// depends on that.
func (b *builder) addNames() error {
	if !slices.ContainsFunc(b.known, func(a Answer) bool { return len(a.Named) > 0 }) {
		return nil
	}
	begin := make([]int32, len(b.known))
	for i, a := range b.known {
		var err error
		if begin[i], err = b.named(a); err != nil {
			return err
		}
	}
	for n, answer := range b.given {
		if answer != none {
			s := &b.states[n]
			s.arcs = slices.Concat([]arc{{0, begin[answer]}}, s.arcs)
		}
	}
	return nil
}

// named gives the state behind the NUL byte of an answer.
func (b *builder) named(a Answer) (int32, error) {
	rest, err := b.settle(a.Row)
	if err != nil || len(a.Named) == 0 {
		return rest, err
	}
	t := newTrie()
	rows := make(map[int32]int32)
	for name, row := range a.Named {
		if strings.IndexByte(name, 0) < 0 {
			rows[t.insert(name)] = row
		}
	}
	first := int32(len(b.states))
	for n, node := range t.nodes {
		row, ok := rows[int32(n)]
		if !ok {
			row = a.Row
		}
		s := state{position: position{none, none, none}, row: row, rest: rest}
		for c := node.first; c != none; c = t.nodes[c].next {
			s.arcs = append(s.arcs, arc{t.nodes[c].by, first + c})
		}
		slices.SortFunc(s.arcs, func(x, y arc) int { return int(x.by) - int(y.by) })
		if _, err := b.add(s); err != nil {
			return 0, err
		}
	}
	return first, nil
}

// settle gives the state that has a row for ever.
func (b *builder) settle(row int32) (int32, error) {
	n, ok := b.settled[row]
	if !ok {
		var err error
		if n, err = b.add(state{position: position{none, none, none}, row: row, rest: int32(len(b.states))}); err != nil {
			return 0, err
		}
		b.settled[row] = n
	}
	return n, nil
}
