package translate

import (
	"fmt"
	"slices"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Settings of enforcer: which of the two mechanisms that see who does what to
// which path are to be used.
const (
	EnforcerAuto     = "auto" // AppArmor if this host has it, else the guard
	EnforcerBPF      = "bpf"  // the guard alone
	EnforcerAppArmor = "apparmor"
	EnforcerBoth     = "both" // process and file rules by both, the rest by the guard
)

// choice is what the setting comes to on a host, for one plan.
type choice struct {
	guard, appArmor bool
	why             string
}

// choose reads the setting; "" is auto. A mechanism that was asked for and is
// missing is chosen all the same: its compiler then says so for each rule.
func choose(setting string, host Host) (choice, error) {
	switch setting {
	case EnforcerBPF:
		return choice{guard: true, why: `enforcer = "bpf"`}, nil
	case EnforcerAppArmor:
		return choice{appArmor: true, why: `enforcer = "apparmor"`}, nil
	case EnforcerBoth:
		if host.Hook {
			return choice{guard: true, why: `enforcer = "both", of which a hook can use the guard only`}, nil
		}
		return choice{guard: true, appArmor: true, why: `enforcer = "both"`}, nil
	case EnforcerAuto, "":
	default:
		return choice{}, fmt.Errorf("enforcer is %q; it is one of auto, bpf, apparmor and both", setting)
	}
	armored := unarmored(host) == ""
	switch {
	case host.Hook && host.Guard:
		return choice{guard: true, why: "a hook comes too late for AppArmor, and the guard can be loaded here"}, nil
	case armored:
		return choice{appArmor: true, why: "this host has AppArmor"}, nil
	case host.Guard:
		return choice{guard: true, why: "this host has no AppArmor, and the guard can be loaded here"}, nil
	default:
		return choice{appArmor: true, why: "this host has neither AppArmor nor a kernel that loads the guard"}, nil
	}
}

// Enforcers is what the setting of enforcer comes to on a host: by which of
// the two mechanisms rules that need them are enforced there, and why, for
// people.
func Enforcers(setting string, host Host) (guard, appArmor bool, why string, err error) {
	c, err := choose(setting, host)
	return c.guard, c.appArmor, c.why, err
}

// compilers lists the compiler of every mechanism, in the order that they
// run. Each takes the rules it knows from those given (resolved, and not
// refused before), fills its part of the plan, and says how each of its rules
// is covered; rules of other classes it ignores.
func (c choice) compilers(host Host) []compiler {
	if !c.guard {
		return []compiler{
			compileCapabilities,
			compileSyscalls,
			compileNetwork,
			compileAppArmor, // process and file
			compileMounts,   // what AppArmor needs beside it; comes after it
		}
	}
	list := []compiler{compileSyscalls}
	if !host.Hook { // which is too late to drop any
		list = append(list, compileDrops)
	}
	list = append(list, compileGuard)
	if c.appArmor {
		list = append(list, compileBeside)
	}
	return list
}

// compileBeside is AppArmor beside the guard, for what both judge: processes
// and files. What passes AppArmor alone does not pass the guard, so that of
// its residuals those remain by which it refuses, or alerts on, too much.
func compileBeside(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	var paths []model.Rule
	for _, r := range rules {
		if r.Class == policy.Process || r.Class == policy.File {
			paths = append(paths, r)
		}
	}
	out, err := compileAppArmor(p, paths, host)
	for n, c := range out {
		c.Residuals = slices.DeleteFunc(c.Residuals, func(id string) bool { return slices.Contains(laxOfAppArmor, id) })
		out[n] = c
	}
	return out, err
}

// laxOfAppArmor are the residuals of process and file rules by which AppArmor
// permits, or does not alert on, what a rule denies or alerts on.
var laxOfAppArmor = []string{
	"apparmor-interpreter",
	"apparmor-exec-argv0",
	"apparmor-exec-name",
	"apparmor-move-out",
	"apparmor-mprotect",
	"apparmor-unix-connect",
	"apparmor-proc-self",
	"apparmor-audit-base",
	"apparmor-audit-link",
	"apparmor-owner-replace",
}

// reason says why the rule is enforced by what covers it.
func (c choice) reason(r policy.Rule, covered Coverage) string {
	switch {
	case covered.Unenforceable != "" || len(covered.Mechanisms) == 0:
		return ""
	case slices.ContainsFunc(covered.Mechanisms, func(m Mechanism) bool { return m == ByGuard || m == ByAppArmor }):
		return c.why
	case r.Class == policy.Capabilities:
		return "what no process may use is taken from all of them"
	case r.Class == policy.Syscalls:
		return "system calls are a filter's alone"
	default:
		return "the same for every process, so nothing need know who acts"
	}
}
