package automaton

import (
	"cmp"
	"math/bits"
	"slices"
)

// The form of a state's cells; see bpf/guard/layout.h.
const (
	meta = 256     // offset of the cell for the row and all other bytes
	stop = 1 << 31 // in a next state: its row is final
)

// Packer puts the states of automata into one array of cells.
type Packer struct {
	base  int // index of the first cell that states may have
	most  int // cells
	cells []uint64
	used  []uint64 // bit map of cells
	// No state with arcs of these bytes fits below.
	from map[string]int
}

// NewPacker packs behind cells that it leaves alone, the first base of an
// array of at most most. Rows must be numbers below base.
func NewPacker(base, most int) *Packer {
	return &Packer{base: base, most: most, from: make(map[string]int)}
}

// Cells are the packed states. The array's first base cells are not in it.
func (p *Packer) Cells() []uint64 { return p.cells }

// Pack adds an automaton and gives the index of its first state. Cell is the
// index of a row's first cell. The error is a TooLargeError.
func (p *Packer) Pack(a *Automaton, cell func(row int32) uint32) (root uint32, err error) {
	need := 0
	order := make([]int32, len(a.states))
	for i := range order {
		order[i] = int32(i)
		need += 1 + len(a.states[i].arcs)
	}
	if all := p.base + len(p.cells) + need; all > p.most {
		return 0, &TooLargeError{Cells: all, Most: p.most}
	}
	// The states with most arcs need most luck, so they come first.
	slices.SortStableFunc(order, func(x, y int32) int {
		return -cmp.Compare(len(a.states[x].arcs), len(a.states[y].arcs))
	})
	at := make([]int, len(a.states))
	for _, n := range order {
		at[n] = p.place(a.states[n].arcs)
	}
	if all := p.base + len(p.cells); all > p.most {
		return 0, &TooLargeError{Cells: all, Most: p.most}
	}
	next := func(n int32) uint64 {
		if a.stops(n) {
			return uint64(p.base+at[n]) | stop
		}
		return uint64(p.base + at[n])
	}
	for n, s := range a.states {
		own := uint64(p.base + at[n])
		for _, x := range s.arcs {
			p.cells[at[n]+int(x.by)] = next(x.to)<<32 | own
		}
		row := uint64(0)
		if s.row != rowNone {
			row = uint64(cell(s.row))
		}
		p.cells[at[n]+meta] = next(s.rest)<<32 | row
	}
	return uint32(next(0)), nil
}

// place finds the first place for a state with these arcs and takes its
// cells. Places only fill up, so where others with arcs of these bytes, or of
// some of them, found none before, there is none.
func (p *Packer) place(arcs []arc) int {
	bytes := make([]byte, len(arcs))
	from := p.from[""]
	for i, a := range arcs {
		bytes[i] = a.by
		from = max(from, p.from[string(bytes[i:i+1])])
	}
	from = max(from, p.from[string(bytes)])
	for word := from / 64; ; word++ {
		taken := p.taken(word*64 + meta)
		if word == from/64 {
			taken |= 1<<(from%64) - 1
		}
		for _, by := range bytes {
			if taken == ^uint64(0) {
				break
			}
			taken |= p.taken(word*64 + int(by))
		}
		if taken == ^uint64(0) {
			continue
		}
		s := word*64 + bits.TrailingZeros64(^taken)
		p.from[string(bytes)] = s
		p.take(s + meta)
		for _, by := range bytes {
			p.take(s + int(by))
		}
		return s
	}
}

// taken are the 64 cells from one on, as bits.
func (p *Packer) taken(from int) uint64 {
	word, shift := from/64, from%64
	at := func(i int) uint64 {
		if i < len(p.used) {
			return p.used[i]
		}
		return 0
	}
	return at(word)>>shift | at(word+1)<<(64-shift)
}

func (p *Packer) take(cell int) {
	for len(p.used) <= cell/64 {
		p.used = append(p.used, 0)
	}
	p.used[cell/64] |= 1 << (cell % 64)
	for len(p.cells) <= cell {
		p.cells = append(p.cells, 0)
	}
}
