package translate

import (
	"fmt"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// compileAppArmor turns the process and file rules into one profile. They are
// plain: no sources, no owners.
//
// In AppArmor an explicit deny wins over every allow, and what nothing allows
// is denied. So what a rule blocks becomes denies that leave out what a more
// specific rule permits; the denies of both tiers add up to the stricter
// answer. An allow-list is what its rules permit and nothing else.
func compileAppArmor(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	out := outcomes{}
	var paths []model.Rule
	for _, r := range rules {
		if r.Class == policy.Process || r.Class == policy.File {
			paths = append(paths, r)
		}
	}
	audited := AuditedCapabilities(rules, p.Posture)
	if why := lacksAppArmor(host); why != "" {
		for _, r := range paths {
			out[r.Number] = Coverage{Unenforceable: why}
		}
		return out, nil
	}
	if len(paths) == 0 && len(audited) == 0 {
		return out, nil
	}
	b := &profileBuilder{posture: p.Posture, out: out}
	for _, r := range paths {
		out[r.Number] = Coverage{Mechanisms: []Mechanism{ByAppArmor}}
	}
	for _, a := range accesses {
		b.access(a, ofClass(paths, a.class))
	}
	for _, r := range paths {
		b.protect(r)
	}
	b.loader(ofClass(paths, policy.Process))
	b.residuals(paths)
	// Where AppArmor does not judge move_mount, a filter refuses it.
	if b.shields && !host.since(6, 8) {
		if p.Seccomp == nil {
			p.Seccomp = &Seccomp{}
		}
		p.Seccomp.Syscalls = append(p.Seccomp.Syscalls, "move_mount")
	}
	p.AppArmor = b.profile(audited, host)
	return out, nil
}

func lacksAppArmor(host Host) string {
	switch {
	case !host.AppArmor:
		return "AppArmor is not enabled in this kernel"
	case host.AppArmorParser == "":
		return "apparmor_parser is not installed (apt-get install apparmor)"
	}
	return ""
}

func ofClass(rules []model.Rule, class policy.Class) []model.Rule {
	var out []model.Rule
	for _, r := range rules {
		if r.Class == class {
			out = append(out, r)
		}
	}
	return out
}

// since says whether the kernel is of version major.minor or later. A release
// that cannot be read counts as old.
func (h Host) since(major, minor int) bool {
	var a, b int
	if n, err := fmt.Sscanf(h.Kernel, "%d.%d", &a, &b); n != 2 || err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
