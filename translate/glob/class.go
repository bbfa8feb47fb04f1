package glob

import "math/bits"

// class is a set of bytes. NUL, which no path contains, is in none.
type class [4]uint64

var (
	anyByte  = class{^uint64(1), ^uint64(0), ^uint64(0), ^uint64(0)}
	slash    = of('/')
	nonSlash = anyByte.without(slash)
)

func of(bytes ...byte) class {
	var c class
	for _, b := range bytes {
		c[b>>6] |= 1 << (b & 63)
	}
	return c
}

// between is the bytes from a to b, in either order, as the parser has it.
func between(a, b byte) class {
	if a > b {
		a, b = b, a
	}
	var c class
	for i := int(a); i <= int(b); i++ {
		c[i>>6] |= 1 << (i & 63)
	}
	return c
}

func (c class) has(b byte) bool { return c[b>>6]&(1<<(b&63)) != 0 }

func (c class) and(d class) class {
	for i := range c {
		c[i] &= d[i]
	}
	return c
}

func (c class) or(d class) class {
	for i := range c {
		c[i] |= d[i]
	}
	return c
}

func (c class) without(d class) class {
	for i := range c {
		c[i] &^= d[i]
	}
	return c
}

func (c class) empty() bool { return c == class{} }

func (c class) size() int {
	n := 0
	for _, word := range c {
		n += bits.OnesCount64(word)
	}
	return n
}

// single is the one member, if there is one only.
func (c class) single() (byte, bool) {
	at := -1
	for i, word := range c {
		switch {
		case word == 0:
		case at >= 0 || word&(word-1) != 0:
			return 0, false
		default:
			at = i*64 + bits.TrailingZeros64(word)
		}
	}
	return byte(max(at, 0)), at >= 0
}

// bytes are the members in order.
func (c class) bytes() []byte {
	var out []byte
	for i, word := range c {
		for ; word != 0; word &= word - 1 {
			out = append(out, byte(i*64+bits.TrailingZeros64(word)))
		}
	}
	return out
}
