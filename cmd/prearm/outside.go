package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/shim/config"
)

// outside says in which ways a container with this spec, as the plan leaves
// it, could administer the host and so undo what holds it.
func outside(spec *specs.Spec, c *config.Config) []string {
	var ways []string
	if spec.Process != nil && spec.Process.Capabilities != nil && !ownUserNamespace(spec) {
		for _, name := range []string{"CAP_SYS_ADMIN", "CAP_BPF", "CAP_MAC_ADMIN"} {
			if slices.Contains(spec.Process.Capabilities.Bounding, name) || slices.Contains(spec.Process.Capabilities.Permitted, name) {
				ways = append(ways, fmt.Sprintf("it has %s in the host's user namespace", name))
			}
		}
	}
	folders := []string{filepath.Dir(config.DefaultPath), c.Policies, c.State, c.Cache, c.BPFFS}
	for _, m := range spec.Mounts {
		if slices.Contains(m.Options, "ro") {
			continue
		}
		if m.Type == "cgroup" || m.Type == "cgroup2" || strings.HasPrefix(m.Source+"/", "/sys/fs/cgroup/") {
			ways = append(ways, fmt.Sprintf("it may write the cgroups at %s", m.Destination))
		}
		if !filepath.IsAbs(m.Source) || m.Type != "bind" && !slices.Contains(m.Options, "bind") && !slices.Contains(m.Options, "rbind") {
			continue
		}
		for _, folder := range folders {
			if within(folder, m.Source) || within(m.Source, folder) {
				ways = append(ways, fmt.Sprintf("%s is mounted into it, which holds or lies in %s", m.Source, folder))
				break
			}
		}
	}
	return ways
}

// ownUserNamespace says whether the container's capabilities are against a
// user namespace of its own.
func ownUserNamespace(spec *specs.Spec) bool {
	return spec.Linux != nil && slices.ContainsFunc(spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type == specs.UserNamespace
	})
}

// within says whether path is dir or below it.
func within(path, dir string) bool {
	return dir == "/" || strings.HasPrefix(filepath.Clean(path)+"/", filepath.Clean(dir)+"/")
}
