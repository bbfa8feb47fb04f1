package glob

// Intersect is what both globs match, as a union of globs; none if nothing.
func (g Glob) Intersect(h Glob) ([]Glob, error) {
	if !g.Overlaps(h) {
		return nil, nil
	}
	i := intersection{effort: maxEffort}
	if err := i.both(nil, g.nodes, h.nodes); err != nil {
		return nil, err
	}
	return i.out, nil
}

// Overlaps says whether some name matches both globs.
func (g Glob) Overlaps(h Glob) bool {
	type pair struct{ a, b *state }
	seen := make(map[pair]bool)
	var visit func(a, b *state) bool
	visit = func(a, b *state) bool {
		if seen[pair{a, b}] {
			return false
		}
		seen[pair{a, b}] = true
		as, bs := states{a}, states{b}
		if as.nullable() && bs.nullable() {
			return true
		}
		for _, x := range as.steps() {
			for _, y := range bs.steps() {
				if !x.set.and(y.set).empty() && visit(x.to, y.to) {
					return true
				}
			}
		}
		return false
	}
	return visit(g.states()[0], h.states()[0])
}

// maxEffort bounds the ways of two globs through each other that are tried.
const maxEffort = 1 << 16

type intersection struct {
	out    []Glob
	effort int
}

// both emits done followed by what a and b both match. Every step shortens a
// or b, so it ends: where both loop, they share a stretch of the narrower
// loop until one of them goes on.
func (i *intersection) both(done, a, b []node) error {
	if i.effort--; i.effort < 0 {
		return ErrTooMany
	}
	switch {
	case len(a) == 0 || len(b) == 0:
		if !nullable(a) || !nullable(b) {
			return nil
		}
		if len(i.out) == MaxGlobs {
			return ErrTooMany
		}
		i.out = append(i.out, newGlob(done))
		return nil
	case a[0].kind == kindAlt:
		for _, alt := range a[0].alts {
			if err := i.both(done, concat(alt, a[1:]), b); err != nil {
				return err
			}
		}
		return nil
	case b[0].kind == kindAlt:
		return i.both(done, b, a)
	}
	loopA, loopsA := a[0].loops()
	_, loopsB := b[0].loops()
	switch {
	case loopsA && loopsB:
		shared := a[0]
		if b[0].kind == kindStar {
			shared = b[0]
		}
		done = concat(done, []node{shared})
		if err := i.both(done, a[1:], b); err != nil {
			return err
		}
		return i.both(done, a, b[1:])
	case loopsB:
		return i.both(done, b, a)
	case loopsA:
		if err := i.both(done, a[1:], b); err != nil {
			return err
		}
		if c := loopA.and(b[0].set); !c.empty() {
			return i.both(concat(done, []node{set(c)}), a, b[1:])
		}
		return nil
	default:
		c := a[0].set.and(b[0].set)
		if c.empty() {
			return nil
		}
		return i.both(concat(done, []node{set(c)}), a[1:], b[1:])
	}
}
