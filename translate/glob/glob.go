// Package glob is AppArmor's path globs as values: parsed, matched, printed,
// intersected and subtracted from one another.
//
// A Glob means what apparmor_parser makes of the text, its oddities included:
//
//   - * is any characters but a slash, ** any characters at all, ? one
//     character that is no slash. A * or ** that stands alone in its component
//     (behind a slash, and before another or the end) is at least one
//     character: /etc/** matches nothing shorter than /etc/x.
//   - [abc], [a-z] and [^a] are one character of a set. Unlike ?, a negated
//     set contains the slash.
//   - {a,b} is one of several globs, which may be empty.
//   - \ takes the meaning from the character behind it. \ooo (octal), \xhh and
//     \dnnn are a byte; \a \e \f \n \r \t as in C.
//   - Several slashes count as one.
//
// The parser's variables, as in @{HOME}, are not globs; and what it reads in a
// surprising way, such as a comma escaped within a set, is refused.
package glob

import (
	"slices"
	"strings"
)

// MaxLength is how long the text of a glob may be, in bytes: a path cannot be
// longer either (PATH_MAX).
const MaxLength = 4096

// Glob is a set of paths. The zero Glob matches only the empty string. Globs
// do not change and may be used by several goroutines.
type Glob struct {
	nodes []node
	start *state
}

func newGlob(nodes []node) Glob {
	nodes = normal(nodes)
	return Glob{nodes: nodes, start: compile(nodes, accept)}
}

// Literal is the glob that matches path alone.
func Literal(path string) (Glob, error) {
	if err := printable(path); err != nil {
		return Glob{}, err
	}
	return newGlob(literal(path)), nil
}

// Names are the kernel's names for the paths that g matches, as a union: a
// file's is its path, a directory's has a slash behind. None if g matches no
// path, because all its matches end in a slash.
func (g Glob) Names() []Glob {
	parts := [][]node{g.nodes}
	if endsInSlash(g.nodes, false) {
		parts = withoutSlash(g.nodes)
	}
	var out []Glob
	if g.Match("/") {
		out = append(out, newGlob(literal("/")))
	}
	for _, p := range parts {
		if len(p) == 0 || p[len(p)-1].kind != kindDeep { // which matches the slash
			p = concat(p, []node{optional(literal("/"))})
		}
		out = append(out, newGlob(p))
	}
	return out
}

// Prefix is the longest text that every match is known to begin with.
func (g Glob) Prefix() string {
	var b strings.Builder
	for _, n := range g.nodes {
		c, single := n.single()
		if !single {
			break
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Wild says whether g has wildcards or sets. Of the lines of a profile that
// match one path, apparmor_parser has those decide how a file is executed
// whose globs have none.
func (g Glob) Wild() bool { return wild(g.nodes) }

func wild(nodes []node) bool {
	return slices.ContainsFunc(nodes, func(n node) bool {
		if n.kind == kindAlt {
			return slices.ContainsFunc(n.alts, wild)
		}
		_, single := n.single()
		return !single
	})
}

// Match says whether path is in the set.
func (g Glob) Match(path string) bool {
	states := g.states()
	for i := 0; i < len(path) && len(states) > 0; i++ {
		states = states.after(path[i])
	}
	return states.nullable()
}

func (g Glob) states() states {
	if g.start == nil {
		return states{accept}
	}
	return states{g.start}
}

// Directory is the directory dir and what is in it: everything below it, or
// its direct children. Directories are in it with and without the slash at
// their end.
func Directory(dir string, recursive bool) (Glob, error) {
	if err := printable(dir); err != nil {
		return Glob{}, err
	}
	root := strings.Trim(dir, "/") == ""
	in := literal("/")
	if root {
		in = nil
	}
	var alts [][]node
	switch {
	case recursive:
		alts = [][]node{nil, concat(in, []node{deep()})}
	default:
		alts = [][]node{nil, concat(in, []node{star()}), concat(in, []node{set(nonSlash), star()}, literal("/"))}
	}
	if root {
		return newGlob(append(literal("/"), alternatives(alts...))), nil
	}
	return newGlob(append(literal(strings.TrimRight(dir, "/")), alternatives(alts...))), nil
}

// Named is every path whose last component is name.
func Named(name string) (Glob, error) {
	if err := printable(name); err != nil {
		return Glob{}, err
	}
	return newGlob(concat(literal("/"), []node{optional(concat([]node{deep()}, literal("/")))}, literal(name))), nil
}

// endsInSlash says whether a match of nodes may end in a slash though they
// have no wildcard there. Behind is whether a slash stands before them, for a
// second one in a row is in no name.
func endsInSlash(nodes []node, behind bool) bool {
	for i, n := range slices.Backward(nodes) {
		slashBefore := behind
		if i > 0 {
			slashBefore = nodes[i-1].is('/')
		}
		switch n.kind {
		case kindSet:
			return n.set.has('/') && !slashBefore
		case kindAlt:
			for _, alt := range n.alts {
				if endsInSlash(alt, slashBefore) {
					return true
				}
			}
			if !nullable(nodes[i : i+1]) {
				return false
			}
		}
	}
	return false
}
