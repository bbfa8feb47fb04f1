package translate

import (
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

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
	return wide, nil
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
		return []string{"apparmor-outside-files", "apparmor-source-script", "apparmor-source-descriptor", "apparmor-source-trace", "apparmor-source-stacked"}
	}
	return []string{"apparmor-outside-files", "apparmor-source-script", "apparmor-source-descriptor", "apparmor-source-trace", "apparmor-source-link", "apparmor-source-privileges"}
}

// coverShared records which rules on capabilities and the network AppArmor
// enforces, alone or beside other mechanisms: those with sources, and those
// whose answers differ between sources.
func (c *armorer) coverShared() {
	differs := differing(c.rules, c.plan.Posture)
	for _, r := range c.rules {
		if r.Class != policy.Network && r.Class != policy.Capabilities {
			continue
		}
		if !r.Sourced() && !differs(r) {
			continue
		}
		o := Coverage{Mechanisms: []Mechanism{ByAppArmor}}
		if r.Class == policy.Network {
			o.Residuals = append(o.Residuals, "apparmor-source-network")
		} else {
			o.Residuals = append(o.Residuals, "apparmor-source-capability")
			if r.Action == policy.Audit || c.plan.Posture.Capabilities == policy.Audit {
				o.Residuals = append(o.Residuals, "apparmor-capability-audit")
			}
		}
		if r.Sourced() {
			o.Residuals = append(o.Residuals, c.sourceResiduals()...)
		}
		c.out[r.Number] = o
	}
}

// differing says of rules on capabilities or the network whether the uses that
// they are about are answered differently for different executables.
func differing(rules []model.Rule, posture policy.Posture) func(r model.Rule) bool {
	sources := sourcesOf(rules)
	ask := model.New(rules, posture)
	return func(r model.Rule) bool {
		return slices.ContainsFunc(usesOf(r), func(a model.Access) bool {
			mains := ask.Decide(a)
			return slices.ContainsFunc(sources, func(source string) bool {
				a.Source = source
				return ask.Decide(a).Action != mains.Action
			})
		})
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
