package glob

import (
	"errors"
	"sort"
	"strings"
)

// MaxGlobs is into how many globs a set may fall apart.
const MaxGlobs = 20000

// ErrTooMany is a set that would need more than MaxGlobs globs.
var ErrTooMany = errors.New("too many exceptions: the remaining paths need more rules than a profile can hold")

// Subtract is g without the holes, exactly, as a union of globs. It works by
// divergence: along the literal bytes of the holes, what leaves every hole's
// path at a byte is the prefix so far, any other byte, and what g has to
// follow. The number of globs is that of the distinct prefixes of the holes,
// so nested and neighbouring holes share theirs.
//
// Names are the kernel's: absolute, and without empty components.
func (g Glob) Subtract(holes ...Hole) ([]Glob, error) {
	globs := []Glob{g}
	tree := &prefix{}
	for _, h := range holes {
		if h.tail == tailBase {
			var err error
			if globs, err = withoutBase(globs, h.prefix); err != nil {
				return nil, err
			}
			continue
		}
		tree.insert(h)
	}
	if len(tree.next) == 0 && tree.ends == 0 {
		return globs, nil
	}
	c := cutter{}
	for _, g := range globs {
		if err := c.walk(tree, nil, g.states(), within{}); err != nil {
			return nil, err
		}
	}
	return c.out, nil
}

// prefix is a node in the tree of the holes' prefixes.
type prefix struct {
	next map[byte]*prefix
	ends tail // of the holes whose prefix ends here
}

func (p *prefix) insert(h Hole) {
	for i := range len(h.prefix) {
		if p.next == nil {
			p.next = make(map[byte]*prefix)
		}
		b := h.prefix[i]
		if p.next[b] == nil {
			p.next[b] = &prefix{}
		}
		p = p.next[b]
	}
	p.ends |= h.tail
}

// within is how far into the one component that a flat hole covers a place
// is; the hole of the names with a slash behind is told apart.
type within struct{ flat, dir depth }

type depth uint8

const (
	outside depth = iota
	atStart       // the hole begins here
	inside        // at least one byte of the component has passed
)

func (d depth) next() depth {
	if d == outside {
		return outside
	}
	return inside
}

type cutter struct{ out []Glob }

func (c *cutter) emit(text []byte, parts ...[]node) error {
	if len(c.out) == MaxGlobs {
		return ErrTooMany
	}
	c.out = append(c.out, newGlob(concat(append([][]node{literal(string(text))}, parts...)...)))
	return nil
}

// walk emits what begins with text, is in the glob at the places at, and in
// no hole at or below p.
func (c *cutter) walk(p *prefix, text []byte, at states, w within) error {
	if p.ends&tailFlat != 0 {
		w.flat = max(w.flat, atStart)
	}
	if p.ends&tailDir != 0 {
		w.dir = max(w.dir, atStart)
	}
	if p.ends&tailNone == 0 && w.flat != inside && at.nullable() {
		if err := c.emit(text); err != nil {
			return err
		}
	}
	if p.ends&tailDeep != 0 {
		return nil
	}
	steps := at.steps()
	var taken class
	for b := range p.next {
		taken = taken.or(of(b))
	}
	for _, st := range steps {
		st.set = st.set.without(taken)
		if err := c.diverge(text, st, w); err != nil {
			return err
		}
	}
	for _, b := range p.bytes() {
		child, after := p.next[b], at.after(b)
		if len(after) == 0 {
			continue
		}
		deeper := within{w.flat.next(), w.dir.next()}
		if b == '/' {
			if w.dir == inside {
				ends := *child
				ends.ends |= tailNone
				child = &ends
			}
			deeper = within{}
		}
		if err := c.walk(child, append(text[:len(text):len(text)], b), after, deeper); err != nil {
			return err
		}
	}
	return nil
}

func (p *prefix) bytes() []byte {
	out := make([]byte, 0, len(p.next))
	for b := range p.next {
		out = append(out, b)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

// diverge emits text, a byte of st, and what may follow: no hole's prefix
// goes this way, but flat holes that began above may cover it still.
func (c *cutter) diverge(text []byte, st step, w within) error {
	rest := st.to.rest()
	if strings.HasSuffix(string(text), "/") {
		st.set = st.set.without(slash) // no name has an empty component
	}
	if w == (within{}) {
		if st.set.empty() {
			return nil
		}
		return c.emit(text, []node{set(st.set)}, rest)
	}
	if st.set.has('/') {
		if w.dir != inside {
			if err := c.emit(text, literal("/"), rest); err != nil {
				return err
			}
		} else if err := c.emitNonEmpty(text, literal("/"), rest); err != nil {
			return err
		}
	}
	first := st.set.without(slash)
	if first.empty() {
		return nil
	}
	if w.flat == outside {
		if f, ok := flat(rest); ok {
			if err := c.emit(text, []node{set(first)}, f); err != nil {
				return err
			}
		}
	}
	for _, s := range firstSlash(rest) {
		before := concat([]node{set(first)}, s.before, literal("/"))
		if w.dir == outside {
			if err := c.emit(text, before, s.after); err != nil {
				return err
			}
		} else if err := c.emitNonEmpty(text, before, s.after); err != nil {
			return err
		}
	}
	return nil
}

// emitNonEmpty emits text, before, and the matches of after but the empty one.
func (c *cutter) emitNonEmpty(text []byte, before, after []node) error {
	for _, a := range nonEmpty(after) {
		if err := c.emit(text, before, a); err != nil {
			return err
		}
	}
	return nil
}

// withoutBase takes out the names whose last component is base.
func withoutBase(globs []Glob, base string) ([]Glob, error) {
	var out []Glob
	for _, g := range globs {
		for _, s := range lastSlash(g.nodes) {
			last, err := newGlob(s.after).Subtract(Hole{base, tailNone})
			if err != nil {
				return nil, err
			}
			for _, l := range last {
				out = append(out, newGlob(concat(s.before, literal("/"), l.nodes)))
			}
		}
		if len(out) > MaxGlobs {
			return nil, ErrTooMany
		}
	}
	return out, nil
}
