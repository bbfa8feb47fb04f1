package glob

import (
	"fmt"
	"strings"
)

// Hole is a set of names that can be cut out of a glob: some that begin with
// one literal prefix, or all that end in one literal component.
type Hole struct {
	prefix string
	tail   tail
}

// tail is what follows a hole's prefix.
type tail uint8

const (
	tailNone tail = 1 << iota // nothing
	tailFlat                  // one byte or more, none a slash
	tailDir                   // the same and a slash
	tailDeep                  // one byte or more

	tailBase tail = 0 // not a prefix at all, but the last component
)

// HolePath is path, as the name of a file and of a directory.
func HolePath(path string) []Hole {
	if strings.HasSuffix(path, "/") {
		return []Hole{{path, tailNone}}
	}
	return []Hole{{path, tailNone}, {path + "/", tailNone}}
}

// HoleDirectory is the directory dir with its direct children or, with
// recursive, everything below it.
func HoleDirectory(dir string, recursive bool) []Hole {
	dir = strings.TrimRight(dir, "/")
	below := tailNone | tailFlat | tailDir
	if recursive {
		below = tailNone | tailDeep
	}
	holes := []Hole{{dir + "/", below}}
	if dir != "" {
		holes = append(holes, Hole{dir, tailNone})
	}
	return holes
}

// HoleBase is every name whose last component is base.
func HoleBase(base string) []Hole { return []Hole{{base, tailBase}} }

// InexpressibleError says that no globs describe what remains of one glob
// without another.
type InexpressibleError struct{ Hole Glob }

func (e *InexpressibleError) Error() string {
	return fmt.Sprintf("the pattern %s cannot be cut out of another rule's: only paths, directories, and patterns that end in their first * or ** can", e.Hole)
}

// maxHoles is how many alternatives a pattern may stand for as a hole.
const maxHoles = 256

// HoleGlob is the names of what g matches. Its wildcards may stand at its end
// only: anything else is an InexpressibleError.
func HoleGlob(g Glob) ([]Hole, error) {
	var holes []Hole
	var expand func(prefix string, nodes []node) bool
	expand = func(prefix string, nodes []node) bool {
		if len(holes) > maxHoles {
			return false
		}
		if len(nodes) == 0 {
			holes = append(holes, HolePath(prefix)...)
			return true
		}
		n, rest := nodes[0], nodes[1:]
		switch n.kind {
		case kindAlt:
			for _, alt := range n.alts {
				if !expand(prefix, concat(alt, rest)) {
					return false
				}
			}
			return true
		case kindStar, kindDeep:
			if len(rest) > 0 {
				return false
			}
			holes = append(holes, HolePath(prefix)...)
			holes = append(holes, Hole{prefix, endless(n.kind)})
			return true
		}
		// A ? before a final star asks for one byte at least.
		if len(rest) == 1 {
			if loop, ok := rest[0].loops(); ok && loop == n.set {
				holes = append(holes, Hole{prefix, endless(rest[0].kind)})
				return true
			}
			if n.set == nonSlash && rest[0].kind == kindDeep {
				// What begins with a second slash is no name.
				if strings.HasSuffix(prefix, "/") {
					holes = append(holes, Hole{prefix, tailDeep})
					return true
				}
			}
		}
		for _, b := range n.set.bytes() {
			if !expand(prefix+string([]byte{b}), rest) {
				return false
			}
		}
		return true
	}
	parts := [][]node{g.nodes}
	if endsInSlash(g.nodes, false) {
		parts = withoutSlash(g.nodes)
	}
	for _, p := range parts {
		if !expand("", p) {
			return nil, &InexpressibleError{g}
		}
	}
	if g.Match("/") {
		holes = append(holes, HolePath("/")...)
	}
	return holes, nil
}

func endless(k kind) tail {
	if k == kindDeep {
		return tailDeep
	}
	return tailFlat | tailDir
}

// HoleAround is more than g matches: every name that begins like one of its
// matches, up to the wildcards.
func HoleAround(g Glob) []Hole {
	var holes []Hole
	var expand func(prefix string, nodes []node)
	expand = func(prefix string, nodes []node) {
		if len(nodes) > 0 && len(holes) < maxHoles {
			n, rest := nodes[0], nodes[1:]
			switch {
			case n.kind == kindAlt:
				for _, alt := range n.alts {
					expand(prefix, concat(alt, rest))
				}
				return
			case n.kind == kindSet && n.set.size() <= 16:
				for _, b := range n.set.bytes() {
					expand(prefix+string([]byte{b}), rest)
				}
				return
			}
		}
		holes = append(holes, Hole{prefix, tailNone | tailDeep})
	}
	expand("", g.nodes)
	return holes
}
