// Package automaton turns many languages of paths (files, directories, base
// names, globs) into one deterministic automaton over bytes, for a kernel
// program that asks which of them a path is in.
//
// Why an automaton: the walk is one step a byte, however many languages there
// are, and one array to look up in, which a BPF program may index without a
// loop over rules. Hashing a path's prefixes, the other candidate, costs a
// lookup for each directory and knows no globs; lists cost as many
// comparisons as there are rules.
//
// Why forwards, from the root: where paths part from every language, which
// most do at their first component, all later bytes lead to the same answer.
// Such a state is marked, and the walk ends there. Backwards, a base name
// that some rule has would begin a walk at every file of that name.
//
// How it is built: literal paths, and the literal beginnings of globs, share
// one trie, and base names another that is begun anew in each component. What
// follows a glob's literal beginning are places of a nondeterministic
// automaton, entered where the trie reaches them. A state is a node of either
// trie and a set of places, found by the subset construction; of a trie alone
// it has as many states as nodes. Then states that no continuation tells apart
// are merged: those in the trie from the leaves up, because each leads only
// deeper or out of it, and those outside by refining a partition. The result
// is minimal, but for bytes that cannot come (a second slash in a row).
//
// How it is stored: by row displacement. Every state has one cell for each
// byte that does not lead where most bytes lead, and one for those; states'
// cells interleave in one array, and a cell says whose it is. That makes about
// two cells, 16 bytes, of each byte of a literal path that no other path
// shares.
package automaton

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prearm/prearm/translate/glob"
)

// Mark stands for a language. Several languages may share one.
type Mark int32

// Union is languages of canonical paths: absolute, without a slash at the end
// but for the root, and without empty components. What is added and is no such
// path matches none; with a NUL byte, which no path has, it is not added.
type Union struct {
	paths  trie
	names  trie
	places []place
	always []Mark
}

// place is a place in a glob, or in what a directory contains.
type place struct {
	mark Mark
	end  bool
	arcs []placeArc
}

type placeArc struct {
	set [4]uint64
	to  int32
}

// New is the union of no languages.
func New() *Union {
	u := &Union{paths: newTrie(), names: newTrie()}
	u.paths.insert("/")
	return u
}

// Everything adds the language of all paths.
func (u *Union) Everything(m Mark) { u.always = append(u.always, m) }

// Path adds the language of one path.
func (u *Union) Path(path string, m Mark) {
	if strings.IndexByte(path, 0) < 0 {
		u.paths.mark(u.paths.insert(path), m)
	}
}

// Name adds the language of all paths whose last component is name.
func (u *Union) Name(name string, m Mark) {
	if name != "" && strings.IndexByte(name, 0) < 0 {
		u.names.mark(u.names.insert(name), m)
	}
}

// Directory adds the language of a directory and what is in it: its children
// or, with recursive, everything below it.
func (u *Union) Directory(dir string, recursive bool, m Mark) {
	if strings.IndexByte(dir, 0) >= 0 {
		return
	}
	set := [4]uint64{^uint64(1), ^uint64(0), ^uint64(0), ^uint64(0)} // not NUL
	if !recursive {
		set['/'>>6] &^= 1 << ('/' & 63)
	}
	inside := int32(len(u.places))
	u.places = append(u.places, place{mark: m, end: true, arcs: []placeArc{{set, inside}}})
	u.Path(dir, m)
	if dir != "/" {
		dir += "/"
	}
	u.paths.tail(u.paths.insert(dir), inside)
}

// Glob adds a glob's language.
func (u *Union) Glob(g glob.Glob, m Mark) {
	machine := g.Machine()
	first := int32(len(u.places))
	for _, p := range machine.Places {
		own := place{mark: m, end: p.End}
		for _, a := range p.Arcs {
			own.arcs = append(own.arcs, placeArc{a.Set, first + int32(a.To)})
		}
		u.places = append(u.places, own)
	}
	u.paths.tail(u.paths.insert(g.Prefix()), first+int32(machine.Start))
}

// Answer is what is to be known of paths.
type Answer struct {
	Row int32 // the caller's number, not negative
	// Named are rows that take Row's place if a NUL byte and a name follow the
	// path, by the name.
	Named map[string]int32
}

// TooLargeError says that an automaton, or several together, have more cells
// than they may.
type TooLargeError struct {
	Cells   int // needed; a lower bound with AtLeast
	Most    int
	AtLeast bool
}

func (e *TooLargeError) Error() string {
	if e.AtLeast {
		return fmt.Sprintf("the rules need more than %.1f MiB of kernel memory, and may have %.1f MiB", mib(e.Cells), mib(e.Most))
	}
	return fmt.Sprintf("the rules need about %.1f MiB of kernel memory, %.1f MiB more than they may have", mib(e.Cells), mib(e.Cells-e.Most))
}

// ErrMultiply is for globs that multiply each other, beyond what can be told
// apart in reasonable time.
var ErrMultiply = errors.New("the rules' patterns multiply each other: name directories instead, or patterns with fewer wildcards")

func mib(cells int) float64 { return float64(cells) * 8 / (1 << 20) }

// trie is a tree of strings. Node 0 is its root.
type trie struct {
	nodes []node
	notes []note
}

type node struct {
	first, next int32 // child and sibling, or none
	note        int32 // or none
	by          byte
}

// note is what some nodes have.
type note struct {
	marks []Mark
	tails []int32 // places that are entered here
}

const none = -1

func newTrie() trie { return trie{nodes: []node{{first: none, next: none, note: none}}} }

// child is the node behind a byte, or none.
func (t *trie) child(n int32, b byte) int32 {
	for c := t.nodes[n].first; c != none; c = t.nodes[c].next {
		if t.nodes[c].by == b {
			return c
		}
	}
	return none
}

func (t *trie) insert(text string) int32 {
	at := int32(0)
	for i := range len(text) {
		c := t.child(at, text[i])
		if c == none {
			c = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{first: none, next: t.nodes[at].first, note: none, by: text[i]})
			t.nodes[at].first = c
		}
		at = c
	}
	return at
}

func (t *trie) annotate(n int32) *note {
	if t.nodes[n].note == none {
		t.nodes[n].note = int32(len(t.notes))
		t.notes = append(t.notes, note{})
	}
	return &t.notes[t.nodes[n].note]
}

func (t *trie) mark(n int32, m Mark) {
	noted := t.annotate(n)
	noted.marks = append(noted.marks, m)
}

func (t *trie) tail(n int32, place int32) {
	noted := t.annotate(n)
	noted.tails = append(noted.tails, place)
}

// at is the note of a node, which may be none.
func (t *trie) at(n int32) note {
	if n == none || t.nodes[n].note == none {
		return note{}
	}
	return t.notes[t.nodes[n].note]
}
