package translate

import (
	"fmt"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// KnownCapabilities are the kernel's capabilities by number, from CAP_CHOWN
// (0) to CAP_CHECKPOINT_RESTORE (40, since Linux 5.9); see capabilities(7).
func KnownCapabilities() []string {
	return []string{
		"CAP_CHOWN",
		"CAP_DAC_OVERRIDE",
		"CAP_DAC_READ_SEARCH",
		"CAP_FOWNER",
		"CAP_FSETID",
		"CAP_KILL",
		"CAP_SETGID",
		"CAP_SETUID",
		"CAP_SETPCAP",
		"CAP_LINUX_IMMUTABLE",
		"CAP_NET_BIND_SERVICE",
		"CAP_NET_BROADCAST",
		"CAP_NET_ADMIN",
		"CAP_NET_RAW",
		"CAP_IPC_LOCK",
		"CAP_IPC_OWNER",
		"CAP_SYS_MODULE",
		"CAP_SYS_RAWIO",
		"CAP_SYS_CHROOT",
		"CAP_SYS_PTRACE",
		"CAP_SYS_PACCT",
		"CAP_SYS_ADMIN",
		"CAP_SYS_BOOT",
		"CAP_SYS_NICE",
		"CAP_SYS_RESOURCE",
		"CAP_SYS_TIME",
		"CAP_SYS_TTY_CONFIG",
		"CAP_MKNOD",
		"CAP_LEASE",
		"CAP_AUDIT_WRITE",
		"CAP_AUDIT_CONTROL",
		"CAP_SETFCAP",
		"CAP_MAC_OVERRIDE",
		"CAP_MAC_ADMIN",
		"CAP_SYSLOG",
		"CAP_WAKE_ALARM",
		"CAP_BLOCK_SUSPEND",
		"CAP_AUDIT_READ",
		"CAP_PERFMON",
		"CAP_BPF",
		"CAP_CHECKPOINT_RESTORE",
	}
}

// compileCapabilities drops what the rules deny to every process. What they
// deny to some executables only, AppArmor does.
func compileCapabilities(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	return dropCapabilities(p, rules, func(r model.Rule, alerts bool) Coverage { return coverCapability(r, alerts, host) })
}

// compileDrops is the same beside the guard, which does the rest.
func compileDrops(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	return dropCapabilities(p, rules, func(_ model.Rule, alerts bool) Coverage {
		if alerts {
			return byGuard(host)
		}
		return Coverage{Mechanisms: []Mechanism{ByCapabilities}}
	})
}

// dropCapabilities drops what the rules deny to every process, and has cover
// say by what each rule without sources is enforced, given whether it alerts.
func dropCapabilities(p *Plan, rules []model.Rule, cover func(r model.Rule, alerts bool) Coverage) (outcomes, error) {
	verdicts := decideCapabilities(rules, p.Posture, "")
	audited := len(withVerdict(verdicts, policy.Audit)) > 0
	drop := withVerdict(verdicts, policy.Block)
	for _, source := range sourcesOf(rules) {
		denied := decideCapabilities(rules, p.Posture, source)
		drop = slices.DeleteFunc(drop, func(name string) bool { return denied[name].Action != policy.Block })
	}
	if len(drop) > 0 {
		p.Capabilities = &Capabilities{Drop: drop}
	}

	out := outcomes{}
	for _, r := range rules {
		if r.Class != policy.Capabilities {
			continue
		}
		v, known := verdicts[r.Object.Name]
		if !known {
			return nil, fmt.Errorf("%s: %q is not a capability; this is a mistake in prearm", p.Rules[r.Number].Address, r.Object.Name)
		}
		// What only alerts show of the rule's effect: its own Audit, unless
		// a Block overrides it, or its allow-list under posture audit.
		alerts := r.Action == policy.Audit && v.Action == policy.Audit ||
			r.Action == policy.Allow && p.Posture.Capabilities == policy.Audit && audited
		if !r.Sourced() {
			out[r.Number] = cover(r, alerts)
		}
	}
	return out, nil
}

// coverCapability says by what a rule without sources is enforced. Alerts on
// permitted use need AppArmor, the one mechanism that sees a capability in use.
func coverCapability(r model.Rule, alerts bool, host Host) Coverage {
	switch {
	case !alerts:
		return Coverage{Mechanisms: []Mechanism{ByCapabilities}}
	case host.AppArmor && host.AppArmorParser != "":
		return Coverage{Mechanisms: []Mechanism{ByAppArmor}, Residuals: []string{"apparmor-capability-audit"}}
	case r.Action == policy.Audit:
		return Coverage{Unenforceable: "alerting on the use of a capability needs AppArmor and apparmor_parser, which this host does not have; the action Block needs nothing but the drop"}
	default:
		return Coverage{Unenforceable: "with the capabilities posture audit, use of those not listed is alerted on, which needs AppArmor and apparmor_parser, and this host does not have them; the posture block needs nothing but the drop"}
	}
}

// capabilityEffects are what a profile does about capabilities, for the
// domain of an executable: those that the rules deny to it and that are not
// dropped for all, and those whose use they permit and alert on.
func capabilityEffects(p *Plan, rules []model.Rule, source string) map[string]effect {
	effects := make(map[string]effect)
	for name, v := range decideCapabilities(rules, p.Posture, source) {
		switch {
		case v.Action == policy.Audit:
			effects[name] = audit
		case v.Action == policy.Block && (p.Capabilities == nil || !slices.Contains(p.Capabilities.Drop, name)):
			effects[name] = deny
		}
	}
	return effects
}

func withVerdict(verdicts map[string]model.Verdict, action policy.Action) []string {
	var names []string
	for name, v := range verdicts {
		if v.Action == action {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// decideCapabilities asks the model about every capability in the hands of an
// executable.
func decideCapabilities(rules []model.Rule, posture policy.Posture, source string) map[string]model.Verdict {
	var ours []model.Rule
	for _, r := range rules {
		if r.Class == policy.Capabilities {
			ours = append(ours, r)
		}
	}
	m := model.New(ours, posture)
	verdicts := make(map[string]model.Verdict)
	for _, name := range KnownCapabilities() {
		verdicts[name] = m.Decide(model.Access{Class: policy.Capabilities, Operation: model.Use, Name: name, Source: source})
	}
	return verdicts
}
