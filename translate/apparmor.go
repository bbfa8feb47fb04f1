package translate

import (
	"fmt"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// compileAppArmor makes a profile for each domain of the rules on processes
// and files, of what is told apart by source, and of the capabilities whose
// use is alerted on.
//
// In AppArmor an explicit deny always wins, and permissions and audit flags
// of all rules that match a name add up. So the decision, where one rule wins,
// is made here: for each permission and tier, the rules are put in the order
// in which they decide, and every glob is printed without those that decide
// before it otherwise. What the tiers deny adds up by itself; what both must
// list in allow-list mode is intersected.
func compileAppArmor(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	c := &armorer{plan: p, rules: rules, out: outcomes{}, stacked: p.NoNewPrivileges}
	sourced := false // in a class that AppArmor shares with other mechanisms
	for _, r := range rules {
		switch r.Class {
		case policy.Process, policy.File:
			c.all = append(c.all, r)
		case policy.Network, policy.Capabilities:
			sourced = sourced || r.Sourced()
		}
	}
	audited := len(withVerdict(decideCapabilities(rules, p.Posture, ""), policy.Audit)) > 0
	if len(c.all) == 0 && !audited && !sourced {
		return c.out, nil
	}
	c.coverShared()
	if why := unarmored(host); why != "" {
		c.refuseAll(why)
		if host.AppArmor { // without it, the rules on capabilities say so themselves
			c.refuseAudits(rules, why)
		}
		return c.out, nil
	}
	for _, r := range c.all {
		c.cover(r)
	}
	c.ask = model.New(rules, p.Posture)
	domains, err := c.domains()
	if err != nil {
		return nil, err
	}
	if len(domains) > maxDomains {
		c.refuseAll(fmt.Sprintf("the policies tell apart more than %d groups of executables by fromSource; give rules the same sources", maxDomains-1))
		return c.out, nil
	}
	c.coverReading(domains)
	var profiles []*profile
	states := 0
	for i, d := range domains {
		c.number, c.domain, c.profile = i, d, newProfile()
		if err := c.compile(); err != nil {
			return nil, err
		}
		c.enter(domains)
		profiles = append(profiles, c.profile)
		states += c.profile.states()
	}
	if states > maxStates {
		c.refuseAll(fmt.Sprintf("the policies name too many paths for one AppArmor profile: about %d states, of at most %d; name directories instead of what is in them", states, maxStates))
		return c.out, nil
	}
	p.AppArmor = printAll(profiles, host.AppArmorABI)
	p.AppArmor.enterBy(domains)
	return c.out, nil
}

// unarmored is why this host compiles no profile, "" if it does.
func unarmored(host Host) string {
	switch {
	case !host.AppArmor:
		return "AppArmor is not enabled in this kernel, or only complains (prearm doctor says which)"
	case host.AppArmorParser == "":
		return "apparmor_parser is not installed (apt-get install apparmor)"
	}
	return ""
}

// armorer compiles the rules of one plan, domain by domain.
type armorer struct {
	plan  *Plan
	rules []model.Rule // of every class
	all   []model.Rule // of the classes process and file
	ask   *model.Set   // of every class
	out   outcomes
	// stacked says that processes have no_new_privs: they keep every profile
	// that they were ever confined by.
	stacked bool

	number  int // of the domain
	domain  domain
	profile *profile // its
}

func (c *armorer) refuseAll(why string) {
	for _, r := range c.all {
		c.out[r.Number] = Coverage{Unenforceable: why}
	}
	for n := range c.out {
		c.out[n] = Coverage{Unenforceable: why}
	}
}

// refuseAudits refuses the rules whose capabilities would be alerted on.
func (c *armorer) refuseAudits(rules []model.Rule, why string) {
	for _, r := range rules {
		if r.Class == policy.Capabilities && (r.Action == policy.Audit || r.Action == policy.Allow && c.plan.Posture.Capabilities == policy.Audit) {
			c.out[r.Number] = Coverage{Unenforceable: why}
		}
	}
}

// refuse says that a rule cannot be enforced. The first reason stands. What
// is no rule of its own (the loader, the base set) cannot be refused.
func (c *armorer) refuse(rule int, why string) {
	if o, ok := c.out[rule]; ok && o.Unenforceable == "" {
		c.out[rule] = Coverage{Unenforceable: why}
	}
}

func (c *armorer) residual(rule int, id string) {
	if o, ok := c.out[rule]; ok && o.Unenforceable == "" && !slices.Contains(o.Residuals, id) {
		o.Residuals = append(o.Residuals, id)
		c.out[rule] = o
	}
}

// cover records that AppArmor enforces the rule, and with which residuals as
// far as they follow from the rule alone.
func (c *armorer) cover(r model.Rule) {
	if _, ok := c.out[r.Number]; !ok {
		c.out[r.Number] = Coverage{Mechanisms: []Mechanism{ByAppArmor}}
	}
	add := func(id string) { c.residual(r.Number, id) }
	if r.Class == policy.Process {
		add("apparmor-interpreter")
		add("apparmor-exec-argv0")
		if r.Object.Kind == policy.ExecName {
			add("apparmor-exec-name")
		}
	} else if r.Action != policy.Block || !r.ReadOnly {
		add("apparmor-unix-connect")
	}
	add("apparmor-outside-files")
	if r.OwnerOnly {
		add("apparmor-owner-replace")
	}
	if r.Sourced() {
		for _, id := range c.sourceResiduals() {
			add(id)
		}
	}
	if r.Class == policy.File && r.Action == policy.Allow {
		add("apparmor-proc-self")
		if c.plan.Posture.File == policy.Audit {
			add("apparmor-audit-base")
		} else {
			add("apparmor-link-owner")
		}
	}
	if r.Class == policy.File && (r.Action == policy.Audit || r.Action == policy.Allow && c.plan.Posture.File == policy.Audit) {
		add("apparmor-audit-link")
	}
	if shields(r) {
		add("apparmor-parent-metadata")
		switch {
		case r.Class == policy.File:
		case r.Object.Kind == policy.Path:
			add("apparmor-tamper-write")
			add("apparmor-mprotect")
		default:
			add("apparmor-move-out")
		}
	}
}

// shields says whether the rule is a Block on a path, directory or pattern:
// its objects keep their names, and the container its mounts.
func shields(r model.Rule) bool {
	if r.Action != policy.Block || r.Class != policy.Process && r.Class != policy.File {
		return false
	}
	switch r.Object.Kind {
	case policy.Path, policy.Directory, policy.Pattern:
		return true
	}
	return false
}
