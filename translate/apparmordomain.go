package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/glob"
	"github.com/prearm/prearm/translate/model"
)

// domain is executables whose processes the rules do not tell apart: one
// profile confines them. A process enters the domain of what it executes.
type domain struct {
	executables []string // the first domain of a plan, main, is that of all others
	// wide says that its processes may do what those of main may not. Those of
	// other domains keep main's profile and are confined by both: then the
	// kernel need not ask again what main's asked, and no_new_privs is no
	// obstacle.
	wide bool
}

// executable stands for all of the domain's; in main, "" does.
func (d domain) executable() string {
	if len(d.executables) == 0 {
		return ""
	}
	return d.executables[0]
}

// label is what confines processes of the domain with that number.
func (d domain) label(policy string, number int) string {
	if number == 0 || d.wide {
		return domainName(policy, number)
	}
	return policy + "//&" + domainName(policy, number)
}

// maxDomains bounds the domains of one plan, main among them: apparmor_parser
// takes twelve named transitions a profile.
const maxDomains = 13

// domains tells apart the executables that are sources of the rules: those
// that are sources of the same ones share a domain. A program maps itself, so
// one that some may run and that nobody else may map has a domain too. More
// than maxDomains are not counted.
func (c *armorer) domains() ([]domain, error) {
	found := []domain{{}}
	byRules := make(map[string]int)
	known := make(map[string]bool)
	for _, file := range sourcesOf(c.rules) {
		var key strings.Builder
		for i, r := range c.rules {
			if r.Sourced() && r.From(file) {
				fmt.Fprint(&key, i, " ")
			}
			if f, ok := blocked(r); ok && f == file {
				key.WriteString(file)
			}
		}
		i, ok := byRules[key.String()]
		if !ok {
			i = len(found)
			byRules[key.String()] = i
			found = append(found, domain{})
		}
		found[i].executables = append(found[i].executables, file)
		known[file] = true
	}
	for _, r := range c.all {
		file, ok := blocked(r)
		if !ok || known[file] || len(found) > maxDomains {
			continue
		}
		if slices.ContainsFunc(found, func(d domain) bool { return c.runsUnmapped(file, d.executable()) }) {
			known[file] = true
			found = append(found, domain{executables: []string{file}})
		}
	}
	if len(found) > maxDomains {
		return found, nil
	}
	for i := range found[1:] {
		d := &found[i+1]
		c.domain = *d
		wide, err := c.widens()
		if err != nil {
			return nil, err
		}
		unmapped := slices.ContainsFunc(c.all, func(r model.Rule) bool {
			file, ok := blocked(r)
			return ok && file == d.executable()
		})
		d.wide = !c.stacked && (wide || unmapped)
	}
	return found, nil
}

// sourcesOf are the executables that rules have as sources, sorted. The
// directories of rules on system calls are not among them.
func sourcesOf(rules []model.Rule) []string {
	var sources []string
	for _, r := range rules {
		if r.Class != policy.Syscalls {
			sources = append(sources, r.Sources...)
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

// blocked is the executable that the rule says not to run nor to map.
func blocked(r model.Rule) (string, bool) {
	return r.Object.Name, r.Class == policy.Process && r.Action == policy.Block && r.Object.Kind == policy.Path
}

// runsUnmapped says whether a process of source may run the file though, by
// the rules for every other file, it may not be mapped.
func (c *armorer) runsUnmapped(file, source string) bool {
	for _, uid := range []uint32{0, 1} {
		a := model.Access{Class: policy.Process, Path: file, Loader: model.IsLoader(file), UID: uid}
		a.Operation = model.Map
		unmapped := c.ask.Decide(a).Action == policy.Block
		a.Operation, a.Source = model.Exec, source
		if unmapped && c.ask.Decide(a).Action != policy.Block {
			return true
		}
	}
	return false
}

// enter has the domain's processes enter the domains of what they execute. A
// line of a literal path decides the transition before one with wildcards
// does; of other lines, two that match one path must agree.
func (c *armorer) enter(domains []domain) {
	t := &c.profile.transitions
	t.here, t.domains, t.to = c.number, domains, make(map[string]int)
	if c.stacked && c.number > 0 {
		t.rest = c.number // never to be left
		return
	}
	for i, d := range domains {
		for _, file := range d.executables {
			g, err := glob.Literal(file)
			if err != nil {
				continue // no rule on it either: its process is main's
			}
			t.to[g.String()] = i
			c.single(g, file)
		}
	}
}

// single gives the executable file a line of its own wherever others permit
// to execute it, and takes it out of those that have no wildcards.
func (c *armorer) single(literal glob.Glob, file string) {
	for _, l := range slices.Collect(maps.Keys(c.profile.files)) {
		p := c.profile.files[l]
		exec := fileWhose(p, permExec)
		if l.effect == deny || exec == 0 || l.glob == literal.String() || !p.glob.Match(file) {
			continue
		}
		c.profile.add(l.effect, literal, permExec, exec)
		if p.glob.Wild() {
			continue
		}
		p.owner, p.others = p.owner&^permExec, p.others&^permExec
		left, err := p.glob.Subtract(glob.HolePath(file)...)
		if err != nil {
			continue // a finite glob always has a rest
		}
		c.profile.addAll(l.effect, left, permExec, exec)
	}
}

// fileWhose says for whom the line has the permission.
func fileWhose(p *filePerms, perm perm) whose {
	var w whose
	if p.owner&perm != 0 {
		w |= owners
	}
	if p.others&perm != 0 {
		w |= others
	}
	return w
}
