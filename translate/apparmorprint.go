package translate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
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
	// permTarget is to be what a link leads to. It is denied to others, and
	// printed only, where what they link must keep its name: the kernel
	// refuses a link that permits more than its target, but apparmor_parser
	// 3.0 has it compare the two for owners of the target only.
	permTarget

	permWrite = permName | permLink
)

// effect is what a line of a profile does.
type effect uint8

const (
	permit effect = iota
	audit         // permit, and log
	deny          // and log
)

// whose says by whose processes an object is used: those of its owner, or
// others'.
type whose uint8

const (
	owners whose = 1 << iota
	others

	everyones = owners | others
)

// profile gathers the lines of a profile.
type profile struct {
	files        map[fileRule]*filePerms
	capabilities map[string]effect
	network      []string // what is permitted, audited and denied of sockets
	mount        bool     // mounting is permitted
	transitions  transitions
}

type fileRule struct {
	effect effect
	glob   string // as printed
}

// filePerms is what a line says, for owners and for others.
type filePerms struct {
	glob          glob.Glob
	owner, others perm
}

// transitions are the domains that a process enters by executing a file.
type transitions struct {
	to   map[string]int // by the glob of the executable, as printed: numbers of domains
	rest int            // by any other file
	here int            // the domain that the profile is of

	domains []domain
}

func newProfile() *profile {
	return &profile{
		files:        make(map[fileRule]*filePerms),
		capabilities: make(map[string]effect),
		network:      []string{"network"},
		mount:        true,
	}
}

func (p *profile) add(e effect, g glob.Glob, perm perm, w whose) {
	rule := fileRule{e, g.String()}
	if p.files[rule] == nil {
		p.files[rule] = &filePerms{glob: g}
	}
	if w&owners != 0 {
		p.files[rule].owner |= perm
	}
	if w&others != 0 {
		p.files[rule].others |= perm
	}
}

func (p *profile) addAll(e effect, globs []glob.Glob, perm perm, w whose) {
	for _, g := range globs {
		p.add(e, g, perm, w)
	}
}

// states estimates the automaton's size: one state for each distinct
// beginning of a glob.
func (p *profile) states() int {
	var globs []string
	for l, f := range p.files {
		globs = append(globs, l.glob)
		if f.others&permTarget != 0 {
			globs = append(globs, "link "+l.glob)
		}
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

// printAll gives the profiles of a plan's domains as one policy, named by its
// text and by what it is compiled for. Nothing of a policy gets into the text
// but globs, which print themselves safely.
func printAll(all []*profile, abi string) *AppArmor {
	text := func(name string) string {
		var b strings.Builder
		for i, p := range all {
			b.WriteString("profile " + domainName(name, i) + " " + p.body(name))
		}
		return b.String()
	}
	sum := sha256.Sum256([]byte(abi + "\n" + text("")))
	name := "prearm-" + hex.EncodeToString(sum[:12])
	return &AppArmor{Name: name, Text: text(name)}
}

// domainName is the profile of a domain by its number, in the policy of that
// name. All but the first are the first one's children, as AppArmor calls
// them: they are removed from the kernel with it.
func domainName(name string, number int) string {
	if number == 0 {
		return name
	}
	return fmt.Sprintf("%s//%d", name, number)
}

func (p *profile) body(policy string) string {
	var b strings.Builder
	b.WriteString("flags=(mediate_deleted) {\n")
	for _, line := range p.network {
		fmt.Fprintf(&b, "  %s,\n", line)
	}
	b.WriteString(base.Profile)
	for _, name := range slices.Sorted(maps.Keys(p.capabilities)) {
		fmt.Fprintf(&b, "  %scapability %s,\n", p.capabilities[name], strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	if p.mount {
		b.WriteString(base.Mounts)
	}
	for _, l := range slices.SortedFunc(maps.Keys(p.files), func(x, y fileRule) int {
		return cmp.Or(cmp.Compare(x.effect, y.effect), strings.Compare(x.glob, y.glob))
	}) {
		f := p.files[l]
		both := f.owner & f.others &^ permTarget
		for _, part := range []struct {
			qualifier string
			perm      perm
		}{{"", both}, {"owner ", f.owner &^ both}, {"other ", f.others &^ (both | permTarget)}} {
			if part.perm != 0 {
				fmt.Fprintf(&b, "  %s%s\"%s\" %s,\n", l.effect, part.qualifier, l.glob, p.perms(l, part.perm, policy))
			}
		}
		if f.others&permTarget != 0 {
			fmt.Fprintf(&b, "  %sother link \"/{,**}\" -> \"%s\",\n", l.effect, l.glob)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// String is how a line of the effect begins.
func (e effect) String() string {
	return [...]string{permit: "", audit: "audit ", deny: "audit deny "}[e]
}

// perms prints the permissions of a line.
func (p *profile) perms(l fileRule, perms perm, policy string) string {
	var b strings.Builder
	for _, bit := range []struct {
		perm perm
		text string
	}{{permRead, "r"}, {permName, "w"}, {permLink, "l"}, {permLock, "k"}, {permMap, "m"}} {
		if perms&bit.perm != 0 {
			b.WriteString(bit.text)
		}
	}
	switch {
	case perms&permExec == 0:
	case l.effect == deny:
		b.WriteString("x")
	default:
		b.WriteString(p.transitions.exec(l.glob, policy))
	}
	return b.String()
}

// exec is the permission to execute what glob names. The environment is not
// scrubbed: whose domain a process is in changes nothing for its libraries.
func (t transitions) exec(glob, policy string) string {
	to, ok := t.to[glob]
	if !ok {
		to = t.rest
	}
	if to == t.here {
		return "ix"
	}
	return "px -> " + t.domains[to].label(policy, to)
}
