package glob

import "slices"

// kind is what a node is.
type kind uint8

const (
	kindSet  kind = iota // one byte of a class
	kindStar             // any number of bytes but slashes
	kindDeep             // any number of bytes
	kindAlt              // one of several sequences
)

// node is one element of a glob; a glob is a sequence of them.
type node struct {
	kind kind
	set  class
	alts [][]node
}

func set(c class) node { return node{kind: kindSet, set: c} }
func star() node       { return node{kind: kindStar} }
func deep() node       { return node{kind: kindDeep} }

func alternatives(alts ...[]node) node { return node{kind: kindAlt, alts: alts} }

func optional(nodes []node) node { return alternatives(nil, nodes) }

func literal(text string) []node {
	nodes := make([]node, len(text))
	for i := range len(text) {
		nodes[i] = set(of(text[i]))
	}
	return nodes
}

// single is the node's byte, if it is one certain byte.
func (n node) single() (byte, bool) {
	if n.kind != kindSet {
		return 0, false
	}
	return n.set.single()
}

// loops says whether the node repeats, and what.
func (n node) loops() (class, bool) {
	switch n.kind {
	case kindStar:
		return nonSlash, true
	case kindDeep:
		return anyByte, true
	}
	return class{}, false
}

// concat is a new sequence: sequences are shared, and never appended to.
func concat(parts ...[]node) []node { return slices.Concat(parts...) }

// normal joins adjacent stars, which repeat each other.
func normal(nodes []node) []node {
	out := make([]node, 0, len(nodes))
	for _, n := range nodes {
		if n.kind == kindAlt {
			alts := make([][]node, len(n.alts))
			for i, alt := range n.alts {
				alts[i] = normal(alt)
			}
			n.alts = alts
		}
		if _, loops := n.loops(); loops && len(out) > 0 {
			last := &out[len(out)-1]
			if _, too := last.loops(); too {
				if n.kind == kindDeep {
					*last = n
				}
				continue
			}
		}
		out = append(out, n)
	}
	return out
}

// nullable says whether the sequence matches the empty string.
func nullable(nodes []node) bool {
	for _, n := range nodes {
		switch n.kind {
		case kindSet:
			return false
		case kindAlt:
			if !slices.ContainsFunc(n.alts, nullable) {
				return false
			}
		}
	}
	return true
}

// flat is the sequence's matches without a slash; false if there are none.
func flat(nodes []node) ([]node, bool) {
	out := make([]node, 0, len(nodes))
	for _, n := range nodes {
		switch n.kind {
		case kindSet:
			n.set = n.set.without(slash)
			if n.set.empty() {
				return nil, false
			}
		case kindDeep:
			n = star()
		case kindAlt:
			var alts [][]node
			for _, alt := range n.alts {
				if f, ok := flat(alt); ok {
					alts = append(alts, f)
				}
			}
			if len(alts) == 0 {
				return nil, false
			}
			n.alts = alts
		}
		out = append(out, n)
	}
	return out, true
}

// nonEmpty is the sequence's matches of at least one byte, as a union.
func nonEmpty(nodes []node) [][]node {
	var out [][]node
	for i, n := range nodes {
		rest := nodes[i+1:]
		switch n.kind {
		case kindSet:
			return append(out, nodes[i:])
		case kindAlt:
			for _, alt := range n.alts {
				for _, a := range nonEmpty(alt) {
					out = append(out, concat(a, rest))
				}
			}
			if !nullable(nodes[i : i+1]) {
				return out
			}
		default:
			c, _ := n.loops()
			out = append(out, concat([]node{set(c), n}, rest))
		}
	}
	return out
}

// split is a way to match a sequence with a slash: what comes before that
// slash, and what comes after it.
type split struct{ before, after []node }

// firstSlash splits the matches with a slash at their first one.
func firstSlash(nodes []node) []split {
	var out []split
	var before []node
	for i, n := range nodes {
		rest := nodes[i+1:]
		switch n.kind {
		case kindSet:
			if n.set.has('/') {
				out = append(out, split{before, rest})
			}
		case kindDeep:
			out = append(out, split{concat(before, []node{star()}), concat([]node{deep()}, rest)})
		case kindAlt:
			for _, alt := range n.alts {
				for _, s := range firstSlash(alt) {
					out = append(out, split{concat(before, s.before), concat(s.after, rest)})
				}
			}
		}
		f, ok := flat(nodes[i : i+1])
		if !ok {
			break
		}
		before = concat(before, f)
	}
	return out
}

// lastSlash splits the matches with a slash at their last one.
func lastSlash(nodes []node) []split {
	var out []split
	for i, n := range nodes {
		rest, ok := flat(nodes[i+1:])
		if !ok {
			continue
		}
		before := nodes[:i]
		switch n.kind {
		case kindSet:
			if n.set.has('/') {
				out = append(out, split{before, rest})
			}
		case kindDeep:
			out = append(out, split{concat(before, []node{deep()}), concat([]node{star()}, rest)})
		case kindAlt:
			for _, alt := range n.alts {
				for _, s := range lastSlash(alt) {
					out = append(out, split{concat(before, s.before), concat(s.after, rest)})
				}
			}
		}
	}
	return out
}

// withoutSlash is the sequence's matches that do not end in a slash, and not
// the empty one, as a union.
func withoutSlash(nodes []node) [][]node {
	var out [][]node
	for i, n := range slices.Backward(nodes) {
		before := nodes[:i]
		switch n.kind {
		case kindSet:
			if c := n.set.without(slash); !c.empty() {
				out = append(out, concat(before, []node{set(c)}))
			}
			return out
		case kindAlt:
			for _, alt := range n.alts {
				for _, w := range withoutSlash(alt) {
					out = append(out, concat(before, w))
				}
			}
			if !nullable(nodes[i : i+1]) {
				return out
			}
		default:
			out = append(out, concat(before, []node{n, set(nonSlash)}))
		}
	}
	return out
}
