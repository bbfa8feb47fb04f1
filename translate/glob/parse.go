package glob

import (
	"errors"
	"fmt"
	"strconv"
)

// maxDepth is how deep apparmor_parser lets groups nest.
const maxDepth = 49

// SyntaxError is a text that is no glob, or none with one certain meaning.
type SyntaxError struct {
	Text   string
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("pattern %q: %s", e.Text, e.Reason) }

// Parse reads a glob that begins with a slash.
func Parse(text string) (Glob, error) {
	nodes, err := parse(text)
	if err != nil {
		return Glob{}, &SyntaxError{text, err.Error()}
	}
	return newGlob(nodes), nil
}

func parse(text string) ([]node, error) {
	if len(text) > MaxLength {
		return nil, fmt.Errorf("longer than %d bytes", MaxLength)
	}
	chars, err := unescape(text)
	if err != nil {
		return nil, err
	}
	if len(chars) == 0 || chars[0] != (char{b: '/'}) {
		return nil, errors.New("does not begin with a slash")
	}
	if len(chars) > 1 && chars[1].b == '/' && (len(chars) == 2 || chars[2].b != '/') {
		return nil, errors.New("begins with two slashes")
	}
	p := parser{chars: squeeze(chars)}
	nodes, err := p.sequence(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.chars) {
		return nil, errors.New("} without {")
	}
	return nodes, nil
}

// errNUL refuses a byte that no path contains. Only a negated set may name it.
var errNUL = errors.New("names a NUL byte, which no path contains")

// char is a byte of a glob, and whether it was escaped. Only bytes with a
// meaning of their own are ever marked as such.
type char struct {
	b      byte
	quoted bool
}

func (c char) is(b byte) bool { return c.b == b && !c.quoted }

func special(b byte) bool {
	switch b {
	case 0, '*', '?', '[', ']', '{', '}', '^', ',', '\\':
		return true
	}
	return false
}

// unescape resolves what stands behind a backslash.
func unescape(text string) ([]char, error) {
	chars := make([]char, 0, len(text))
	for i := 0; i < len(text); {
		b := text[i]
		i++
		if b == 0 {
			return nil, errNUL
		}
		if b != '\\' {
			chars = append(chars, char{b: b})
			continue
		}
		if i == len(text) {
			return nil, errors.New("ends in a backslash")
		}
		b, n, err := escaped(text[i:])
		if err != nil {
			return nil, err
		}
		i += n
		chars = append(chars, char{b, special(b)})
	}
	return chars, nil
}

// escaped is the byte that text begins with, as it means behind a backslash,
// and how long it is written.
func escaped(text string) (b byte, n int, err error) {
	switch c := text[0]; c {
	case 'a':
		return '\a', 1, nil
	case 'e':
		return 0x1b, 1, nil
	case 'f':
		return '\f', 1, nil
	case 'n':
		return '\n', 1, nil
	case 'r':
		return '\r', 1, nil
	case 't':
		return '\t', 1, nil
	case 'd':
		return number(text, 1, 10, 3)
	case 'x':
		return number(text, 1, 16, 2)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return number(text, 0, 8, 3)
	case '/':
		return 0, 0, errors.New(`\/ has no meaning; write /`)
	case 0:
		return 0, 0, errNUL
	default:
		return c, 1, nil
	}
}

// number reads up to max digits, fewer if the next would exceed a byte.
func number(text string, from, base, max int) (byte, int, error) {
	value, end := 0, from
	for end < len(text) && end < from+max {
		digit, err := strconv.ParseUint(text[end:end+1], base, 8)
		if err != nil || value*base+int(digit) > 255 {
			break
		}
		value = value*base + int(digit)
		end++
	}
	if end == from {
		return 0, 0, fmt.Errorf(`\%c is followed by no number`, text[0])
	}
	return byte(value), end, nil
}

// squeeze makes one slash of several.
func squeeze(chars []char) []char {
	out := chars[:0:0]
	for _, c := range chars {
		if c.b != '/' || len(out) == 0 || out[len(out)-1].b != '/' {
			out = append(out, c)
		}
	}
	return out
}

type parser struct {
	chars []char
	at    int
}

// sequence reads up to the end or, in a group, up to its next , or }.
func (p *parser) sequence(depth int) ([]node, error) {
	var nodes []node
	for p.at < len(p.chars) {
		c := p.chars[p.at]
		if c.b == 0 {
			return nil, errNUL
		}
		if c.quoted {
			nodes = append(nodes, set(of(c.b)))
			p.at++
			continue
		}
		switch c.b {
		case '*':
			nodes = append(nodes, p.stars()...)
		case '?':
			nodes = append(nodes, set(nonSlash))
			p.at++
		case '[':
			c, err := p.class()
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, set(c))
		case ']':
			return nil, errors.New("] without [")
		case '{':
			n, err := p.group(depth + 1)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, n)
		case '}':
			return nodes, nil
		case ',':
			if depth > 0 {
				return nodes, nil
			}
			fallthrough
		default:
			if c.b == '@' && p.peek(1).is('{') {
				return nil, errors.New("@{ begins a variable, and there are none; write [@]{ for a group")
			}
			nodes = append(nodes, set(of(c.b)))
			p.at++
		}
	}
	return nodes, nil
}

// peek is the character at an offset from the current one, a zero one past
// the ends.
func (p *parser) peek(offset int) char {
	if i := p.at + offset; i >= 0 && i < len(p.chars) {
		return p.chars[i]
	}
	return char{}
}

// stars reads * or **. Only the text right beside it says whether it stands
// alone in its component: {/a/*,b} does not count, though it ends there.
func (p *parser) stars() []node {
	var nodes []node
	if p.peek(-1).is('/') {
		end := 0
		for p.peek(end).is('*') {
			end++
		}
		if p.at+end == len(p.chars) || p.peek(end).is('/') {
			nodes = append(nodes, set(nonSlash))
		}
	}
	if p.peek(1).is('*') {
		p.at += 2
		return append(nodes, deep())
	}
	p.at++
	return append(nodes, star())
}

// group reads {a,b}.
func (p *parser) group(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("groups nest deeper than %d", maxDepth)
	}
	var alts [][]node
	for {
		p.at++ // { or ,
		alt, err := p.sequence(depth)
		if err != nil {
			return node{}, err
		}
		alts = append(alts, alt)
		switch {
		case p.at == len(p.chars):
			return node{}, errors.New("{ without }")
		case p.peek(0).is('}') && len(alts) == 1:
			return node{}, errors.New("a group of one: {a,b} needs a comma")
		case p.peek(0).is('}'):
			p.at++
			return alternatives(alts...), nil
		}
	}
}

// class reads [abc].
func (p *parser) class() (class, error) {
	p.at++ // [
	negated := p.peek(0).is('^')
	if negated {
		p.at++
	}
	var c class
	for first := true; ; first = false {
		if p.at == len(p.chars) {
			return class{}, errors.New("[ without ]")
		}
		if p.peek(0).is(']') {
			break
		}
		from, err := p.member(first)
		if err != nil {
			return class{}, err
		}
		if !p.peek(0).is('-') {
			c = c.or(of(from))
			continue
		}
		p.at++
		if from == '-' {
			return class{}, errors.New("a range from - within [ ]; write - first and the rest after it")
		}
		to, err := p.member(false)
		if err != nil {
			return class{}, err
		}
		c = c.or(between(from, to))
	}
	p.at++ // ]
	if c.empty() {
		return class{}, errors.New("an empty set [ ]")
	}
	if negated {
		c = anyByte.without(c)
		if c.empty() {
			return class{}, errors.New("a set [^ ] that excludes everything")
		}
	}
	if c.has(0) {
		return class{}, errNUL
	}
	return c, nil
}

// member reads one character of a set. What the parser takes for something
// else than it looks like is refused.
func (p *parser) member(first bool) (byte, error) {
	c := p.peek(0)
	refused := !c.quoted && (c.b == '*' || c.b == '?') || // would be wildcards
		c.quoted && c.b == ',' || // would add a backslash
		c.b == '^' && first || // would negate
		c.b == '-' && !first || // would need a range
		c.is(']') ||
		c.b == '@' && p.peek(1).is('{')
	if refused {
		return 0, fmt.Errorf("apparmor_parser misreads %q at this place of a set", c.b)
	}
	if c == (char{}) {
		return 0, errors.New("[ without ]")
	}
	p.at++
	return c.b, nil
}
