package glob

import (
	"errors"
	"fmt"
	"strings"
)

// printable says whether a path can be written in a profile at all.
func printable(path string) error {
	switch {
	case len(path) > MaxLength:
		return fmt.Errorf("path of %d bytes is longer than %d", len(path), MaxLength)
	case strings.IndexByte(path, 0) >= 0:
		return errors.New("path contains a NUL byte")
	}
	return nil
}

// String is the glob in the syntax of apparmor.d, for use between double
// quotes. Whatever bytes the glob is made of, the text is one token: letters,
// digits, a few harmless marks, escapes, and the wildcards themselves.
func (g Glob) String() string {
	var b strings.Builder
	sequence(&b, g.nodes, true)
	return b.String()
}

// sequence prints nodes; top says that the glob ends with them.
func sequence(b *strings.Builder, nodes []node, top bool) {
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		behindSlash := i > 0 && nodes[i-1].is('/') && !(i > 1 && nodes[i-2].is('/'))
		// alone says whether a star up to nodes[j] would stand alone in its
		// component, and so not match the empty string.
		alone := func(j int) bool {
			return behindSlash && (j == len(nodes)-1 && top || j < len(nodes)-1 && nodes[j+1].is('/'))
		}
		switch {
		case n.kind == kindAlt:
			group(b, n)
		case n.kind != kindSet && alone(i):
			fmt.Fprintf(b, "{%s,}", stars(n))
		case n.kind != kindSet:
			b.WriteString(stars(n))
		case n.set == nonSlash && i+1 < len(nodes) && nodes[i+1].kind != kindSet && nodes[i+1].kind != kindAlt && alone(i+1):
			b.WriteString(stars(nodes[i+1]))
			i++
		case n.set == nonSlash:
			b.WriteByte('?')
		case n.is('/') && i > 0 && nodes[i-1].is('/'):
			b.WriteString("[/]") // or both would count as one
		case n.is('@') && i+1 < len(nodes) && nodes[i+1].kind == kindAlt:
			b.WriteString("[@]") // or it would begin a variable
		default:
			if c, single := n.single(); single {
				b.WriteString(byteText(c))
			} else {
				classText(b, n.set)
			}
		}
	}
}

func (n node) is(b byte) bool {
	c, single := n.single()
	return single && c == b
}

func stars(n node) string {
	if n.kind == kindDeep {
		return "**"
	}
	return "*"
}

func group(b *strings.Builder, n node) {
	if len(n.alts) == 1 {
		n.alts = [][]node{n.alts[0], n.alts[0]} // a group needs a comma
	}
	for i, alt := range n.alts {
		b.WriteByte("{,"[min(i, 1)])
		sequence(b, alt, false)
	}
	b.WriteByte('}')
}

// plain says whether the parser takes b for itself everywhere.
func plain(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	return strings.IndexByte("/._-+:=~@%", b) >= 0
}

func byteText(b byte) string {
	if plain(b) {
		return string(rune(b))
	}
	return fmt.Sprintf(`\%03o`, b)
}

// classText prints a set. Within one, a comma must not be escaped, - stands
// first and ^ last. A negated set also excludes NUL, which separates the
// names in the kernel's automaton.
func classText(b *strings.Builder, c class) {
	b.WriteByte('[')
	if c.size() > 127 {
		c = anyByte.without(c)
		b.WriteByte('^')
		if c.has('-') {
			b.WriteByte('-')
		}
		b.WriteString(`\000`)
	} else if c.has('-') {
		b.WriteByte('-')
	}
	members := c.without(of('-', '^')).bytes()
	for i := 0; i < len(members); {
		run := 1
		for i+run < len(members) && members[i+run] == members[i]+byte(run) {
			run++
		}
		if run > 3 {
			b.WriteString(memberText(members[i]) + "-" + memberText(members[i+run-1]))
			i += run
		} else {
			b.WriteString(memberText(members[i]))
			i++
		}
	}
	if c.has('^') {
		b.WriteByte('^')
	}
	b.WriteByte(']')
}

func memberText(b byte) string {
	if b == ',' {
		return ","
	}
	return byteText(b)
}
