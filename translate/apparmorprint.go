package translate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate/glob"
)

// maxStates bounds a profile's size. apparmor_parser numbers the states of
// its automaton with 16 bits, and takes seconds for half of them.
const maxStates = 30000

// perm is a set of permissions of the file class.
type perm uint8

const (
	permRead perm = 1 << iota
	permName      // write, create, rename, remove, change mode and owner
	permLink      // make a link of that name
	permLock
	permMap
	permExec

	permWrite = permName | permLink
)

// effect is what a line of a profile does.
type effect uint8

const (
	permit effect = iota
	audit         // permit, and log
	deny          // and log
)

// profile gathers the lines of a profile.
type profile struct {
	files        map[fileRule]perm
	capabilities []string // alerted on
	mount        bool     // mounting is permitted
}

type fileRule struct {
	effect effect
	glob   string // as printed
}

func newProfile() *profile {
	return &profile{files: make(map[fileRule]perm), mount: true}
}

func (p *profile) add(e effect, g glob.Glob, perm perm) { p.files[fileRule{e, g.String()}] |= perm }

func (p *profile) addAll(e effect, globs []glob.Glob, perm perm) {
	for _, g := range globs {
		p.add(e, g, perm)
	}
}

func (p *profile) auditCapability(name string) { p.capabilities = append(p.capabilities, name) }

// states estimates the automaton's size: one state for each distinct
// beginning of a glob.
func (p *profile) states() int {
	var globs []string
	for l := range p.files {
		globs = append(globs, l.glob)
	}
	slices.Sort(globs)
	states, last := 0, ""
	for _, g := range globs {
		shared := 0
		for shared < min(len(g), len(last)) && g[shared] == last[shared] {
			shared++
		}
		states += len(g) - shared
		last = g
	}
	return states
}

// print gives the profile, named by its text and by what it is compiled for.
// Nothing of a policy gets into the text but globs, which print themselves
// safely.
func (p *profile) print(abi string) *AppArmor {
	body := p.body()
	sum := sha256.Sum256([]byte(abi + "\n" + body))
	name := "prearm-" + hex.EncodeToString(sum[:12])
	return &AppArmor{Name: name, Text: "profile " + name + " " + body}
}

func (p *profile) body() string {
	var b strings.Builder
	b.WriteString("flags=(mediate_deleted) {\n" + base.Profile)
	slices.Sort(p.capabilities)
	for _, name := range p.capabilities {
		fmt.Fprintf(&b, "  audit capability %s,\n", strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	if p.mount {
		b.WriteString(base.Mounts)
	}
	lines := make([]fileRule, 0, len(p.files))
	for l := range p.files {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(x, y fileRule) int {
		return cmp.Or(cmp.Compare(x.effect, y.effect), strings.Compare(x.glob, y.glob))
	})
	for _, l := range lines {
		fmt.Fprintf(&b, "  %s\"%s\" %s,\n", [...]string{permit: "", audit: "audit ", deny: "audit deny "}[l.effect], l.glob, p.files[l].text(l.effect))
	}
	b.WriteString("}\n")
	return b.String()
}

func (p perm) text(e effect) string {
	var b strings.Builder
	for _, bit := range []struct {
		perm perm
		text string
	}{{permRead, "r"}, {permName, "w"}, {permLink, "l"}, {permLock, "k"}, {permMap, "m"}, {permExec, "ix"}} {
		switch {
		case p&bit.perm == 0:
		case bit.perm == permExec && e == deny:
			b.WriteString("x")
		default:
			b.WriteString(bit.text)
		}
	}
	return b.String()
}
