package image

import (
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Image is an image to ask, as the guard's programs do: for tests and for
// people, for it is the kernel that decides.
type Image []uint64

func (m Image) cell(n uint32) uint64 {
	if int(n) < len(m) {
		return m[n]
	}
	return 0
}

func (m Image) low(n uint32) uint32  { return uint32(m.cell(n)) }
func (m Image) high(n uint32) uint32 { return uint32(m.cell(n) >> 32) }

// Any is the source class of executables that are not known.
func (m Image) Any() int { return int(m.low(headSources)) - 1 }

// Names says whether the name that a file is executed by matters.
func (m Image) Names() bool { return m.high(headFormat)&flagNames != 0 }

// Source is the class of an executable.
func (m Image) Source(executable string) int {
	root := m.high(headSources)
	if root == 0 {
		return 0
	}
	row, _ := m.walk(root, executable)
	return int(row)
}

// walk gives the row of a text, and how many of its bytes decide it.
func (m Image) walk(state uint32, text string) (row uint32, read int) {
	const stop, meta = 1 << 31, 256
	for ; read < len(text) && state&stop == 0; read++ {
		next := state + uint32(text[read])
		if m.low(next) != state {
			next = state + meta
		}
		if state = m.high(next); state == 0 {
			state = stop
		}
	}
	return m.low(state&^stop + meta), read
}

// Object is what the guard knows of the object of an access.
type Object struct {
	Path     string // "" is a nameless object
	ExecName string // as model.Access has it
}

// Decide answers an access by an executable of a source class, to an object
// that the acting user owns or not.
func (m Image) Decide(class policy.Class, op model.Operation, o Object, source int, owner bool) Verdict {
	head := uint32(headFile)
	if class == policy.Process {
		head = headProcess
	}
	root := m.low(head)
	if root == 0 {
		return permitted
	}
	if o.Path == "" {
		if class == policy.File {
			return permitted
		}
		return m.verdict(m.low(headSpecial), class, op, source, owner)
	}
	text := o.Path
	if m.Names() && op == model.Exec && o.ExecName != "" {
		text += "\x00" + o.ExecName
	}
	row, _ := m.walk(root, text)
	return m.verdict(row, class, op, source, owner)
}

// Unresolved answers an access to an object whose path is not known.
func (m Image) Unresolved(class policy.Class, op model.Operation, source int, owner bool) Verdict {
	head := uint32(headFile)
	if class == policy.Process {
		head = headProcess
	}
	if m.low(head) == 0 {
		return permitted
	}
	return m.verdict(m.high(head), class, op, source, owner)
}

func (m Image) verdict(row uint32, class policy.Class, op model.Operation, source int, owner bool) Verdict {
	if row == 0 {
		return Decode(0)
	}
	at := uint32(source)*rowCells + uint32(slices.Index(operations[class], op))*2
	if owner {
		at++
	}
	return Decode(m.cell(row + at))
}

// permitted is the answer where the image has none to give.
var permitted = Verdict{Action: policy.Allow, Reason: model.ByNothing, Rule: -1, Foreign: policy.Allow}

// Mount answers all that changes mounts.
func (m Image) Mount() Verdict {
	if at := m.high(headSpecial); at != 0 {
		return Decode(m.cell(at))
	}
	return permitted
}

// Socket answers the use of a socket of a kind.
func (m Image) Socket(source, kind int) Verdict {
	if at := m.low(headTables); at != 0 {
		return Decode(m.cell(at + uint32(source*Sockets+kind)))
	}
	return permitted
}

// Capability answers the use of a capability.
func (m Image) Capability(source, number int) Verdict {
	if at := m.high(headTables); at != 0 {
		return Decode(m.cell(at + uint32(source*capabilities+number)))
	}
	return permitted
}
