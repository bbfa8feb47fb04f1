package translate

import (
	"fmt"
	"slices"
	"strings"
)

// leaveToHook takes out of the plan what a hook of the OCI runtime cannot do
// by itself. The runtime has read config.json by then, which names the
// capabilities, the filter and the AppArmor profile of every process; what is
// still open is the container's cgroup, and with it the guard. A network rule loses only the part
// that is the filter's.
func leaveToHook(p *Plan) {
	p.Capabilities, p.Seccomp, p.AppArmor, p.Paths = nil, nil, nil, nil
	for i, c := range p.Coverage {
		var beyond []string
		for _, m := range c.Mechanisms {
			if m != ByCgroupBPF && m != ByGuard {
				beyond = append(beyond, string(m))
			}
		}
		switch {
		case c.Unenforceable != "" || len(beyond) == 0:
		case slices.Contains(c.Mechanisms, ByCgroupBPF):
			p.Coverage[i].Mechanisms = []Mechanism{ByCgroupBPF}
			p.Coverage[i].Residuals = append(slices.DeleteFunc(slices.Clone(c.Residuals), ofTheFilter), "hook-families")
		default:
			p.Coverage[i] = Coverage{
				Address: c.Address,
				Unenforceable: fmt.Sprintf("it takes %s, which must be in config.json before the OCI runtime reads it, and a hook comes later; the shim does it, under containerd",
					strings.Join(beyond, " and ")),
			}
		}
	}
}

// ofTheFilter says whether the residual is one of rules that a seccomp filter
// enforces on sockets that are not over IP.
func ofTheFilter(residual string) bool {
	return residual == "network-packet-audit" || strings.HasPrefix(residual, "seccomp-")
}
