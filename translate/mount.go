package translate

import (
	"fmt"

	"github.com/prearm/prearm/translate/model"
)

// compileMounts refuses move_mount(2) by a filter where AppArmor does not
// judge it, which it does since Linux 6.8: a container with a blocked path may
// not rearrange its mounts, and this call would get around the profile's
// answer to mount(2).
func compileMounts(p *Plan, rules []model.Rule, host Host) (outcomes, error) {
	out := outcomes{}
	if p.AppArmor == nil || host.since(6, 8) {
		return out, nil
	}
	for _, r := range rules {
		if !shields(r) {
			continue
		}
		if !host.Seccomp {
			out[r.Number] = Coverage{Unenforceable: "on kernels before 6.8 a path can only be blocked with a seccomp filter beside AppArmor, which this kernel lacks"}
			continue
		}
		out[r.Number] = Coverage{Mechanisms: []Mechanism{BySeccomp}}
		if p.Seccomp == nil {
			p.Seccomp = &Seccomp{}
		}
	}
	if len(out) > 0 && p.Seccomp != nil {
		p.Seccomp.Syscalls = append(p.Seccomp.Syscalls, "move_mount")
	}
	return out, nil
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
