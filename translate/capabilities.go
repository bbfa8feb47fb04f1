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

// compileCapabilities drops what the rules deny to every process. Without
// fromSource a verdict depends on nothing but the capability, so each one is
// decided once, for all processes.
func compileCapabilities(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	verdicts := decideCapabilities(rules, p.Posture)
	audited := len(withVerdict(verdicts, policy.Audit)) > 0
	if drop := withVerdict(verdicts, policy.Block); len(drop) > 0 {
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
		out[r.Number] = coverCapability(r, alerts, host)
	}
	return out, nil
}

// coverCapability says by what a rule is enforced. Alerts on permitted use need
// AppArmor, the one mechanism that sees a capability in use.
func coverCapability(r model.Rule, alerts bool, host Host) Coverage {
	switch {
	case len(r.Sources) > 0:
		return Coverage{Unenforceable: "fromSource is not enforced yet: a capability is dropped for every process of the container"}
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

// AuditedCapabilities are those whose use the rules permit and alert on, by
// an Audit rule or by posture, sorted. The AppArmor profile has them logged.
func AuditedCapabilities(rules []model.Rule, posture policy.Posture) []string {
	return withVerdict(decideCapabilities(rules, posture), policy.Audit)
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

// decideCapabilities asks the model about every capability. Rules with
// fromSource, which nothing here enforces, are left out.
func decideCapabilities(rules []model.Rule, posture policy.Posture) map[string]model.Verdict {
	var plain []model.Rule
	for _, r := range rules {
		if r.Class == policy.Capabilities && len(r.Sources) == 0 {
			plain = append(plain, r)
		}
	}
	m := model.New(plain, posture)
	verdicts := make(map[string]model.Verdict)
	for _, name := range KnownCapabilities() {
		verdicts[name] = m.Decide(model.Access{Class: policy.Capabilities, Operation: model.Use, Name: name})
	}
	return verdicts
}
