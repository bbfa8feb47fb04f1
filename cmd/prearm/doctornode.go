package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/policy/store"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
)

func checkKernel(h translate.Host, c *config.Config) []finding {
	checks := []finding{{"kernel", good, h.Kernel, ""}}

	lsms, mode := readLine("/sys/kernel/security/lsm"), readLine("/sys/module/apparmor/parameters/mode")
	switch {
	case h.AppArmor:
		checks = append(checks, finding{"AppArmor", good, "enabled; security modules: " + lsms, ""})
	case mode == "complain" || mode == "unconfined":
		checks = append(checks, finding{"AppArmor", warning, "denies nothing: its mode is " + mode + ", whatever its profiles say",
			"process and file rules need it: printf enforce >/sys/module/apparmor/parameters/mode, and boot without apparmor.mode"})
	case lsms == "":
		checks = append(checks, finding{"AppArmor", warning, "not to be seen: no list of security modules in /sys/kernel/security",
			"process and file rules, and alerts on capabilities, need it: mount -t securityfs securityfs /sys/kernel/security; if there is still no list, this kernel has none, and needs replacing by one with CONFIG_SECURITY_APPARMOR"})
	default:
		checks = append(checks, finding{"AppArmor", warning, "not enabled; security modules: " + lsms,
			"process and file rules, and alerts on capabilities, need it: boot with lsm=" + lsms + ",apparmor; a kernel without CONFIG_SECURITY_APPARMOR needs replacing"})
	}
	if guard, appArmor, _, err := translate.Enforcers(c.Enforcer, h); err == nil && guard && h.Guard && !appArmor {
		checks[1].State, checks[1].Remedy = good, "" // rules do without AppArmor here
	}
	checks = append(checks, checkGuard(h, c, lsms)...)

	if err := bpf.Supported(c.BPFFS); err != nil {
		checks = append(checks, finding{"cgroup eBPF", warning, err.Error(),
			"network rules need it: mount -t bpf bpf /sys/fs/bpf, and a cgroup v2 hierarchy at /sys/fs/cgroup (or, beside version 1, at /sys/fs/cgroup/unified)"})
	} else {
		checks = append(checks, finding{"cgroup eBPF", good, "cgroup v2 " + cgroupMode() + ", bpffs for " + c.BPFFS, ""})
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		checks = append(checks, finding{"kernel types (BTF)", warning, err.Error(), "network rules need a kernel with CONFIG_DEBUG_INFO_BTF"})
	} else {
		checks = append(checks, finding{"kernel types (BTF)", good, "/sys/kernel/btf/vmlinux", ""})
	}
	if h.Seccomp {
		checks = append(checks, finding{"seccomp", good, "filters", ""})
	} else {
		checks = append(checks, finding{"seccomp", warning, "no filters", "rules on system calls, and network rules beyond IP, need a kernel with CONFIG_SECCOMP_FILTER"})
	}
	return checks
}

// cgroupMode tells where the version 2 hierarchy is mounted.
func cgroupMode() string {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "alone"
	}
	return "beside version 1"
}

func checkTools(ctx context.Context, h translate.Host, c *config.Config) []finding {
	var checks []finding
	switch {
	case h.AppArmorParser != "":
		checks = append(checks, finding{"apparmor_parser", good, firstLine(ctx, h.AppArmorParser, "--version"), ""})
	case h.AppArmor:
		checks = append(checks, finding{"apparmor_parser", warning, "not found", "process and file rules need it: apt install apparmor"})
	}
	runc := c.Runc
	if runc == "" {
		runc = "runc"
	}
	if path := find(runc); path == "" {
		checks = append(checks, finding{"runc", missing, runc + " not found", "apt install runc, or name it in the configuration (runc) or in containerd's options (BinaryName)"})
	} else {
		checks = append(checks, finding{"runc", good, path + ": " + firstLine(ctx, path, "--version"), ""})
	}
	const shim = "containerd-shim-prearm-v1"
	if path := find(shim); path == "" {
		checks = append(checks, finding{"shim", missing, shim + " not found in PATH", "install it where containerd looks for programs, such as /usr/local/bin"})
	} else {
		checks = append(checks, finding{"shim", good, path, ""})
		beside := *c
		if beside.Hook == "" {
			beside.Hook = filepath.Join(filepath.Dir(path), "prearm-hook")
		}
		if beside.Prearm == "" {
			beside.Prearm = filepath.Join(filepath.Dir(path), "prearm")
		}
		for _, p := range []struct{ name, path string }{{"prearm-shim", filepath.Join(filepath.Dir(path), "prearm-shim")}, {"prearm-hook", beside.Hook}, {"prearm", beside.Prearm}} {
			if find(p.path) == "" {
				checks = append(checks, finding{p.name, missing, p.path + " is not a program", "install it beside the shim, or name it in the configuration"})
			} else {
				checks = append(checks, finding{p.name, good, p.path, ""})
			}
		}
	}
	return checks
}

func checkPolicies(c *config.Config) []finding {
	files, err := readAll([]string{c.Policies}, nil)
	if err != nil {
		return []finding{{"policies", missing, err.Error(), "create " + c.Policies + ", empty if no policy shall apply"}}
	}
	read := check(files)
	result := finding{"policies", good, fmt.Sprintf("%s in %s of %s", count(read.Policies, "policy"), count(read.Files, "file"), c.Policies), ""}
	if n := len(read.Errors); n > 0 {
		result.State, result.Found = warning, result.Found+", with "+count(n, "mistake")
		result.Remedy = "prearm check " + c.Policies + " says which; starts that they may concern are refused unless an earlier version was good"
	}
	index := finding{"policy index", good, "up to date: " + c.IndexPath(), ""}
	s, err := store.Open(c.Policies, c.IndexPath())
	switch {
	case err == nil:
		if err := s.Close(); err != nil {
			index = finding{"policy index", warning, err.Error(), "prearm index --force"}
		}
	case errors.Is(err, store.ErrStale):
		index.Found = "not up to date; the next start, or prearm index, brings it"
	default:
		index = finding{"policy index", missing, err.Error(), "mend the folder; nobody can tell which policies apply"}
	}
	return []finding{result, index}
}

// find gives a program's path, "" if there is none. The folders of system
// programs are tried beside PATH.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if strings.Contains(name, "/") {
		return ""
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// firstLine is the first line that a program prints.
func firstLine(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

func readLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
