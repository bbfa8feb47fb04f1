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

import "strings"

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

// Under is the glob of everything below the directory dir, or of its direct
// children only; the directory itself is not in it. Names of directories are
// AppArmor's, with a slash at their end, and without it.
func Under(dir string, recursive bool) (Glob, error) {
	if err := printable(dir); err != nil {
		return Glob{}, err
	}
	nodes := literal(strings.TrimRight(dir, "/") + "/")
	if recursive {
		return newGlob(append(nodes, set(nonSlash), deep())), nil
	}
	return newGlob(append(nodes, set(nonSlash), star(), optional(literal("/")))), nil
}

// OrDirectory is g together with the same names followed by a slash, which is
// how AppArmor names them if they are directories.
func (g Glob) OrDirectory() Glob {
	return newGlob(concat(g.nodes, []node{optional(literal("/"))}))
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
