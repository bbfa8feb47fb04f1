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

// maxDomains bounds the profiles of one container: the time that
// apparmor_parser takes grows with them.
const maxDomains = 64

// domains tells apart the executables that are sources of the rules: those
// that are sources of the same ones share a domain. A program maps itself, so
// one that some may run and that nobody else may map has a domain too.
func (c *armorer) domains() ([]domain, error) {
	found := []domain{{}}
	byRules := make(map[string]int)
	files := sourcesOf(c.rules)
	for _, r := range c.all {
		if file, ok := blocked(r); ok && !slices.Contains(files, file) && slices.ContainsFunc(append(files, ""), func(source string) bool {
			return c.runsUnmapped(file, source)
		}) {
			files = append(files, file)
		}
	}
	for _, file := range files {
		var key strings.Builder
		wide := false
		for i, r := range c.rules {
			if r.Sourced() && r.From(file) {
				fmt.Fprint(&key, i, " ")
			}
			if f, ok := blocked(r); ok && f == file {
				key.WriteString(file)
				wide = true
			}
		}
		if i, ok := byRules[key.String()]; ok {
			found[i].executables = append(found[i].executables, file)
			continue
		}
		byRules[key.String()] = len(found)
		c.domain = domain{executables: []string{file}, wide: wide}
		wider, err := c.widens()
		if err != nil {
			return nil, err
		}
		c.domain.wide = wider || wide && !c.stacked
		found = append(found, c.domain)
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

// widening is why a rule with sources is refused to processes that keep the
// profile of every other executable.
const widening = "it permits its sources what other executables may not do, and with no_new_privs a process never gets more rights than it began with; " +
	"start the container without it (allowPrivilegeEscalation: true), or have only rules with fromSource that block"

// widens says whether the rules deny or alert on what main's processes do and
// not on the same by the domain's. With no_new_privs, rules to blame for more
// than silence are refused.
func (c *armorer) widens() (bool, error) {
	wide := false
	differ := func(rule int, ours, mains policy.Action) {
		if !milder(ours, mains) {
			return
		}
		wide = true
		if c.stacked && mains == policy.Block {
			c.refuse(rule, widening)
		}
	}
	main := *c
	main.domain = domain{}
	for _, a := range fileAccesses {
		for _, w := range c.apart(a.class) {
			ours, err := c.tiers(a.class, a.op, w)
			if err != nil {
				return false, err
			}
			mains, err := main.tiers(a.class, a.op, w)
			if err != nil {
				return false, err
			}
			for i, t := range ours {
				for _, e := range t.entries {
					if e.sourced {
						differ(e.rule, e.action, mains[i].strictest(e, c.plan.Posture.For(a.class)))
					}
				}
			}
		}
	}
	for _, r := range c.rules {
		if !r.Sourced() || !r.From(c.domain.executable()) {
			continue
		}
		for _, a := range usesOf(r) {
			mains := c.ask.Decide(a)
			a.Source = c.domain.executable()
			differ(r.Number, c.ask.Decide(a).Action, mains.Action)
		}
	}
	return wide && !c.stacked, nil
}

// strictest is the strictest answer that the tier gives to some of what e is
// about. The loader is denied to all who do not name it.
func (t tier) strictest(e entry, posture policy.Action) policy.Action {
	answer := policy.Allow
	if t.listed {
		answer = posture
	}
	for _, f := range t.entries {
		if (f.rule >= 0 || e.named) && milder(answer, f.action) && e.overlaps(f) {
			answer = f.action
		}
	}
	return answer
}

// usesOf are accesses that a rule on capabilities or the network can be about.
func usesOf(r model.Rule) []model.Access {
	switch r.Class {
	case policy.Capabilities:
		return []model.Access{{Class: r.Class, Operation: model.Use, Name: r.Object.Name}}
	case policy.Network:
		var all []model.Access
		for _, f := range socketFamilies {
			for _, t := range socketTypes {
				all = append(all, creation(model.Socket{Family: f.family, Type: t.typ}))
			}
		}
		return all
	}
	return nil
}

// sourceResiduals are those of rules with sources.
func (c *armorer) sourceResiduals() []string {
	if c.stacked {
		return []string{"apparmor-outside-files", "apparmor-source-script", "apparmor-source-descriptor", "apparmor-source-stacked"}
	}
	return []string{"apparmor-outside-files", "apparmor-source-script", "apparmor-source-descriptor", "apparmor-source-link", "apparmor-source-privileges"}
}

// coverShared records which rules on capabilities and the network AppArmor
// enforces, alone or beside other mechanisms: those with sources, and those
// whose answers differ between sources.
func (c *armorer) coverShared() {
	sources := sourcesOf(c.rules)
	ask := model.New(c.rules, c.plan.Posture)
	for _, r := range c.rules {
		if r.Class != policy.Network && r.Class != policy.Capabilities {
			continue
		}
		differs := slices.ContainsFunc(usesOf(r), func(a model.Access) bool {
			mains := ask.Decide(a)
			return slices.ContainsFunc(sources, func(source string) bool {
				a.Source = source
				return ask.Decide(a).Action != mains.Action
			})
		})
		if !differs && !r.Sourced() {
			continue
		}
		o := Coverage{Mechanisms: []Mechanism{ByAppArmor}}
		if r.Class == policy.Network {
			o.Residuals = append(o.Residuals, "apparmor-source-network")
		} else {
			o.Residuals = append(o.Residuals, "apparmor-source-capability")
		}
		if r.Sourced() {
			o.Residuals = append(o.Residuals, c.sourceResiduals()...)
		}
		c.out[r.Number] = o
	}
}

// coverReading adds what follows from the kernel's asking a profile that is
// entered for the right to read the executable.
func (c *armorer) coverReading(domains []domain) {
	if !slices.ContainsFunc(c.all, func(r model.Rule) bool { return r.Class == policy.File }) {
		return
	}
	for _, d := range domains {
		for _, r := range c.rules {
			if d.wide && r.Sourced() && r.From(d.executable()) {
				c.residual(r.Number, "apparmor-source-read")
			}
		}
	}
}
