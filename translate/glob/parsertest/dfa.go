package parsertest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Permissions of the file class, as the automaton's accept tables have them.
const (
	Exec = 1 << iota
	Write
	Read
	Append
	Link
	Lock
	Map
)

// DFA is a compiled automaton: the kernel's tables (security/apparmor/match.c).
type DFA struct {
	tables map[uint16][]uint32
}

// Table ids.
const (
	accept  = 1
	base    = 2
	check   = 3
	def     = 4
	classes = 5
	accept2 = 7
	next    = 8
)

// magic begins an automaton.
var magic = []byte{0x1b, 0x5e, 0x78, 0x3d}

// Last finds the last automaton in a binary policy, which is that of the file
// rules.
func Last(policy []byte) (*DFA, error) { return at(policy, bytes.LastIndex(policy, magic)) }

// First finds the first one, which is that of the other classes.
func First(policy []byte) (*DFA, error) { return at(policy, bytes.Index(policy, magic)) }

func at(policy []byte, at int) (*DFA, error) {
	if at < 0 {
		return nil, errors.New("no automaton in the policy")
	}
	blob := policy[at:]
	be := binary.BigEndian
	header, size := be.Uint32(blob[4:]), be.Uint32(blob[8:])
	if int(size) > len(blob) || header > size {
		return nil, fmt.Errorf("automaton of %d bytes in %d", size, len(blob))
	}
	dfa := &DFA{tables: make(map[uint16][]uint32)}
	for rest := blob[header:size]; len(rest) >= 12; {
		id, width, length := be.Uint16(rest), int(be.Uint16(rest[2:])), int(be.Uint32(rest[8:]))
		data := rest[12:]
		values := make([]uint32, length)
		for i := range values {
			switch width {
			case 1:
				values[i] = uint32(data[i])
			case 2:
				values[i] = uint32(be.Uint16(data[2*i:]))
			case 4:
				values[i] = be.Uint32(data[4*i:])
			}
		}
		dfa.tables[id] = values
		rest = rest[min(len(rest), (12+length*width+7)&^7):]
	}
	return dfa, nil
}

func (d *DFA) step(state uint32, b byte) uint32 {
	const diff = 1 << 31
	class := uint32(b)
	if ec := d.tables[classes]; ec != nil {
		class = ec[b]
	}
	for {
		from := d.tables[base][state]
		at := from&0xffffff + class
		if int(at) < len(d.tables[check]) && d.tables[check][at] == state {
			return d.tables[next][at]
		}
		state = d.tables[def][state]
		if from&diff == 0 {
			return state
		}
	}
}

func (d *DFA) walk(state uint32, text string) uint32 {
	for i := range len(text) {
		state = d.step(state, text[i])
	}
	return state
}

// Perms are what the profile says of one name.
type Perms struct {
	Allow, Audit uint32
	Quiet        uint32 // denied without an event
}

// perms are an owner's, or those of another, which follow behind.
func (d *DFA) perms(state uint32, owner bool) Perms {
	a, b := d.tables[accept][state], uint32(0)
	if t := d.tables[accept2]; t != nil {
		b = t[state]
	}
	if !owner {
		a, b = a>>14, b>>14
	}
	return Perms{Allow: a & 0x7f, Audit: b & 0x7f, Quiet: b >> 7 & 0x7f}
}

// File is what a process may do to a file that it owns, or does not.
func (d *DFA) File(name string, owner bool) Perms { return d.perms(d.walk(1, name), owner) }

// LinkTo is what the profile says of making a link named name to target, of
// the same owner; the kernel also wants Link on the name itself.
func (d *DFA) LinkTo(name, target string) Perms {
	return d.perms(d.walk(d.step(d.walk(1, name), 0), target), true)
}

// Mount is the number of the kernel's mount class.
const Mount = 7

// Mediates says whether the automaton judges a class at all; the kernel
// permits what none judges.
func (d *DFA) Mediates(class byte) bool { return d.step(1, class) != 0 }

// Permits says whether it permits anything of the class.
func (d *DFA) Permits(class byte) bool {
	seen := make(map[uint32]bool)
	var visit func(state uint32) bool
	visit = func(state uint32) bool {
		if state == 0 || seen[state] {
			return false
		}
		seen[state] = true
		for b := range 256 {
			to := d.step(state, byte(b))
			if to != 0 && d.tables[accept][to] != 0 || visit(to) {
				return true
			}
		}
		return false
	}
	return visit(d.step(1, class))
}
