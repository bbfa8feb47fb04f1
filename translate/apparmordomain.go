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
type domain []string

// executable stands for all of the domain's. The first domain of a plan is
// that of every file that has none of its own, which "" stands for.
func (d domain) executable() string {
	if len(d) == 0 {
		return ""
	}
	return d[0]
}

// maxDomains bounds the profiles of one container: the time that
// apparmor_parser takes grows with them.
const maxDomains = 64

// domainsOf tells apart the executables that are sources of the rules: those
// that are sources of the same ones share a domain.
func domainsOf(rules []model.Rule) []domain {
	found := []domain{nil}
	byRules := make(map[string]int)
	for _, source := range sourcesOf(rules) {
		var key strings.Builder
		for i, r := range rules {
			if r.Sourced() && r.From(source) {
				fmt.Fprint(&key, i, " ")
			}
			if _, own := blocked(r); own && r.Object.Name == source {
				fmt.Fprint(&key, source) // which it may map itself
			}
		}
		if i, ok := byRules[key.String()]; ok {
			found[i] = append(found[i], source)
			continue
		}
		byRules[key.String()] = len(found)
		found = append(found, domain{source})
	}
	return found
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

// withExceptions adds the executables that some processes may run and that
// nobody else may map: a program maps itself, so each is a domain.
func withExceptions(domains []domain, rules []model.Rule, ask *model.Set) []domain {
	known := slices.Concat(domains...)
	for _, r := range rules {
		file, ok := blocked(r)
		if !ok || slices.Contains(known, file) {
			continue
		}
		runs := slices.ContainsFunc(domains, func(d domain) bool {
			return permitsOnly(ask, file, d.executable())
		})
		if runs {
			known = append(known, file)
			domains = append(domains, domain{file})
		}
	}
	return domains
}

// permitsOnly says whether a process of source may run the file though, by the
// rules for every other file, the file may not be mapped.
func permitsOnly(ask *model.Set, file, source string) bool {
	for _, uid := range []uint32{0, 1} {
		a := model.Access{Class: policy.Process, Path: file, Loader: model.IsLoader(file), UID: uid}
		a.Operation = model.Map
		unmapped := ask.Decide(a).Action == policy.Block
		a.Operation, a.Source = model.Exec, source
		if unmapped && ask.Decide(a).Action != policy.Block {
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
	t.here, t.stacked, t.to = c.number, c.stacked, make(map[string]int)
	if c.stacked && c.number > 0 {
		t.rest = c.number // never to be left
		return
	}
	for i, d := range domains {
		for _, file := range d {
			g, err := glob.Literal(file)
			if err != nil || t.to[g.String()] == i {
				continue
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

// widens is why a rule with sources is refused to processes that keep the
// profile of every other executable.
const widens = "it permits its sources what other executables may not do, and with no_new_privs a process never gets more rights than it began with; " +
	"start the container without it (allowPrivilegeEscalation: true), or have only rules with fromSource that block"

// narrows refuses, where processes are stacked, the rules that give the
// domain's processes more than every other file's.
func (c *armorer) narrows(tiers []tier, class policy.Class, op model.Operation, w whose) error {
	if !c.stacked || c.number == 0 {
		return nil
	}
	domain := c.domain
	c.domain = nil
	all, err := c.tiers(class, op, w)
	c.domain = domain
	if err != nil {
		return err
	}
	for i, t := range tiers {
		unlisted := all[i].listed && c.plan.Posture.For(class) != policy.Audit
		for _, e := range t.entries {
			if e.sourced && e.action != policy.Block && (unlisted || all[i].blocks(e)) {
				c.refuse(e.rule, widens)
			}
		}
	}
	return nil
}

// blocks says whether the tier denies some of what e is about. The loader is
// denied to all who do not name it.
func (t tier) blocks(e entry) bool {
	return slices.ContainsFunc(t.entries, func(f entry) bool {
		return f.action == policy.Block && (f.rule >= 0 || e.named) && e.overlaps(f)
	})
}

// sourceResiduals are those of rules with sources.
func sourceResiduals(stacked bool) []string {
	if stacked {
		return []string{"apparmor-source-script", "apparmor-source-descriptor", "apparmor-source-stacked"}
	}
	return []string{"apparmor-source-script", "apparmor-source-descriptor", "apparmor-source-link", "apparmor-source-privileges"}
}
