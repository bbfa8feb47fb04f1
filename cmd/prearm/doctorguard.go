package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
)

// checkGuard says whether the guard enforces rules here, and if not, why.
func checkGuard(h translate.Host, c *config.Config, lsms string) []finding {
	used, _, why, err := translate.Enforcers(c.Enforcer, h)
	if err != nil {
		return []finding{{"enforcer", missing, err.Error(), "mend the configuration"}}
	}
	bad := good // what nothing needs is no trouble
	if used || !h.AppArmor {
		bad = warning
	}
	switch {
	case lsms == "":
		return []finding{{"BPF LSM", bad, "not to be seen: no list of security modules in /sys/kernel/security", "the guard needs it: mount -t securityfs securityfs /sys/kernel/security"}}
	case !h.BPFLSM:
		return []finding{{"BPF LSM", bad, "not enabled", "the guard needs it: boot with lsm=" + lsms + ",bpf; a kernel without CONFIG_BPF_LSM needs replacing"}}
	case !h.Guard:
		found := "enabled, but this kernel loads no programs for it"
		if err := bpf.LSM(); err != nil {
			found += ": " + err.Error()
		}
		return []finding{{"BPF LSM", bad, found, "the guard needs it, and a kernel from 6.1 on that is not locked down to confidentiality"}}
	}
	checks := []finding{{"BPF LSM", good, "enabled", ""}}
	if !used {
		return append(checks, finding{"guard", good, "not used: " + why, ""})
	}
	return append(checks, loadedGuard(c))
}

// loadedGuard looks at the guard itself: whether it is in the kernel, or could
// be, and which hooks it would have and the kernel does not.
func loadedGuard(c *config.Config) finding {
	versions, err := bpf.Pinned(c.BPFFS)
	if err != nil {
		return finding{"guard", warning, err.Error(), "starts need the folder of pins too: mend it"}
	}
	found := "not loaded yet; the first start that needs it, or prearm bpf load, does it"
	current := slices.IndexFunc(versions, func(v bpf.Version) bool { return v.Guard && v.Current })
	if current >= 0 {
		v := versions[current]
		found = fmt.Sprintf("loaded: %s, %s", count(len(v.Programs), "program"), count(len(v.Containers), "container"))
		if len(v.Programs) == 0 {
			return finding{"guard", warning, "its programs were unpinned, and enforce nothing", "stop the containers that run under prearm, then prearm bpf unload && prearm bpf load"}
		}
	} else if err := bpf.TryGuard(); err != nil {
		found := "cannot be loaded: " + err.Error()
		if log := bpf.VerifierLog(err, verifierLines); len(log) > 0 {
			found = "cannot be loaded; the kernel's verifier ended with: " + strings.Join(log, " / ")
		}
		return finding{"guard", warning, found, "containers with rules that need it are refused. Where the node has AppArmor, enforcer = \"apparmor\" does without it; report what the verifier says, with the kernel's version"}
	}
	for _, v := range versions {
		if v.Guard && !v.Current {
			found += fmt.Sprintf("; one of another release holds %s", count(len(v.Containers), "container"))
		}
	}
	lacks, err := bpf.MissingHooks()
	if err != nil {
		return finding{"guard", warning, found + "; " + err.Error(), "the guard needs a kernel with CONFIG_DEBUG_INFO_BTF"}
	}
	if len(lacks) > 0 {
		return finding{"guard", warning, found + "; this kernel lacks hooks that it needs: " + strings.Join(lacks, ", "), "boot a kernel with CONFIG_SECURITY_PATH and CONFIG_SECURITY_NETWORK, from 6.1 on"}
	}
	return finding{"guard", good, found, ""}
}
