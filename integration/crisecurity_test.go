//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// shares gives a pod and its containers namespaces of the host's.
func shares(options *cri.NamespaceOption) (func(*cri.PodSandboxConfig), func(*cri.ContainerConfig)) {
	return func(c *cri.PodSandboxConfig) {
			c.Linux.SecurityContext.NamespaceOptions = options
			if options.Network == cri.NamespaceMode_NODE {
				c.Hostname = "" // it is the host's
			}
		},
		func(c *cri.ContainerConfig) { c.Linux.SecurityContext.NamespaceOptions = options }
}

// TestCRIPrivileged: a pod that may do everything, and one that shares the
// host's namespaces, are held to their policies as long as they do not
// administer the host. For the first explain says that they could.
func TestCRIPrivileged(t *testing.T) {
	leaveTo(t, "6.12")
	const node = cri.NamespaceMode_NODE
	hostPod, hostContainer := shares(&cri.NamespaceOption{Network: node, Pid: node, Ipc: node})
	for name, test := range map[string]struct {
		pod       func(*cri.PodSandboxConfig)
		container func(*cri.ContainerConfig)
		outside   []string
	}{
		"privileged": {
			func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.Privileged = true },
			func(c *cri.ContainerConfig) { c.Linux.SecurityContext.Privileged = true },
			[]string{"Outside the promise", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_MAC_ADMIN", "may write the cgroups"},
		},
		"host network, pid and ipc": {hostPod, hostContainer, nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKubelet(t)
			k.armed()
			k.tries(k.pod(HandlerRunc, test.pod), permitted, test.container)
			config := ContainerConfig("main", "/act/pause")
			test.container(config)
			c := k.start(k.pod(HandlerPrearm, test.pod), config)
			k.judge(k.exec(c, script()...).Stdout, denied)
			text, exit := k.prearm("explain", "--address", k.Address, "--containerd-namespace", kubernetes, "--container", c.ID)
			if exit != 0 || len(test.outside) == 0 && strings.Contains(text, "Outside") {
				t.Errorf("explain ended with %d: %s", exit, text)
			}
			for _, word := range test.outside {
				if !strings.Contains(text, word) {
					t.Errorf("explain does not say %q: %s", word, text)
				}
			}
		})
	}
}

// TestCRISecurityContext: what a pod asks for to be less than it could is kept
// beside the policies.
func TestCRISecurityContext(t *testing.T) {
	leaveTo(t, "6.12")
	k := newKubelet(t)
	k.armed()
	open, pod := k.pod(HandlerRunc), k.pod(HandlerPrearm)
	// then is what acts fail with of which the policies say nothing.
	then := func(failures map[string]unix.Errno) func(class) unix.Errno {
		return func(c class) unix.Errno { return failures[c.act] }
	}
	for name, test := range map[string]struct {
		ask     func(*cri.LinuxContainerSecurityContext)
		without func(class) unix.Errno
	}{
		"read-only root":             {func(s *cri.LinuxContainerSecurityContext) { s.ReadonlyRootfs = true }, then(map[string]unix.Errno{"mkdir": unix.EROFS})},
		"no escalation, and seccomp": {func(s *cri.LinuxContainerSecurityContext) { seccompDefault(s); s.NoNewPrivs = true }, permitted},
		"another user":               {func(s *cri.LinuxContainerSecurityContext) { s.RunAsUser = &cri.Int64Value{Value: 1000} }, then(map[string]unix.Errno{"chroot": unix.EPERM, "mkdir": unix.EACCES})},
		"no capabilities": {func(s *cri.LinuxContainerSecurityContext) {
			s.Capabilities = &cri.Capability{DropCapabilities: []string{"ALL"}}
		}, then(map[string]unix.Errno{"chroot": unix.EPERM})},
		"the capability that is dropped": {func(s *cri.LinuxContainerSecurityContext) {
			s.Capabilities = &cri.Capability{AddCapabilities: []string{"SYS_CHROOT"}}
		}, permitted},
	} {
		t.Run(name, func(t *testing.T) {
			k := k.on(t)
			change := func(c *cri.ContainerConfig) { test.ask(c.Linux.SecurityContext) }
			k.tries(open, test.without, change)
			k.tries(pod, denied, change)
		})
	}
}

func seccompDefault(s *cri.LinuxContainerSecurityContext) {
	s.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}
}

// TestCRIAppArmor: a profile that the pod asks for stays in force, and ours
// with it.
func TestCRIAppArmor(t *testing.T) {
	leaveTo(t, "6.1")
	if !shared.AppArmor {
		t.Skip("the kernel has no AppArmor, so that pods cannot ask for it")
	}
	k := newKubelet(t, `enforcer = "apparmor"`)
	k.armed()
	local := fmt.Sprintf("pods-own-%d", os.Getpid())
	k.profile(local, `file, network, capability, signal, deny /etc/group r,`)
	open, pod := k.pod(HandlerRunc), k.pod(HandlerPrearm)
	for name, test := range map[string]struct {
		ask     *cri.SecurityProfile
		current string // what the kernel must call the confinement, beside ours
		group   string // the end of reading /etc/group
	}{
		"unconfined":            {&cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined}, "", "0"},
		"the runtime's default": {&cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}, "cri-containerd.apparmor.d", "0"},
		"one of its own":        {&cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: local}, local, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			k := k.on(t)
			config := ContainerConfig("main", "/bin/sh", "-c", script()[2]+"; cat /etc/group >/dev/null; echo group $?; cat /proc/self/attr/current")
			config.Linux.SecurityContext.Apparmor = test.ask
			for _, in := range []struct {
				pod  *Pod
				must func(class) unix.Errno
			}{{open, permitted}, {pod, denied}} {
				r := k.run(in.pod, config)
				k.judge(r.Stdout, in.must)
				if !strings.Contains(r.Stdout, "\ngroup "+test.group+"\n") || !strings.Contains(r.Stdout, test.current) {
					t.Errorf("under %s: the pod's own profile is not in force: %s", in.pod.Handler, r.Stdout)
				}
				if ours := strings.Contains(r.Stdout, "prearm-"); ours != (in.pod == pod) {
					t.Errorf("under %s: %s", in.pod.Handler, r.Stdout)
				}
			}
		})
	}
}

// profile loads an AppArmor profile of these rules until the test ends.
func (k *kubelet) profile(name, rules string) {
	k.Helper()
	file := filepath.Join(k.Cache, name)
	k.must(os.WriteFile(file, []byte(fmt.Sprintf("profile %s {\n  %s\n}\n", name, strings.ReplaceAll(rules, ", ", ",\n  "))), 0o600))
	parser := func(option string) {
		k.Helper()
		if out, err := exec.Command("apparmor_parser", option, "--skip-cache", file).CombinedOutput(); err != nil {
			k.Errorf("apparmor_parser %s: %v: %s", option, err, out)
		}
	}
	parser("--add")
	k.Cleanup(func() { parser("--remove") })
}

// TestCRIUserNamespace: containerd 1.6 does not know of pods with a user
// namespace and gives them none. Whatever it does, their policies hold.
func TestCRIUserNamespace(t *testing.T) {
	leaveTo(t, native)
	k := newKubelet(t)
	k.armed()
	ids := []*cri.IDMapping{{HostId: 100_000, ContainerId: 0, Length: 65_536}}
	podOption, containerOption := shares(&cri.NamespaceOption{UsernsOptions: &cri.UserNamespace{Mode: cri.NamespaceMode_POD, Uids: ids, Gids: ids}})
	pod := k.pod(HandlerPrearm, podOption)
	config := ContainerConfig("main", "/bin/sh", "-c", script()[2]+"; head -n 1 /proc/self/uid_map")
	containerOption(config)
	r := k.run(pod, config)
	k.judge(r.Stdout, denied)
	t.Logf("the container's uid_map: %s", r.Stdout[strings.LastIndex(r.Stdout, "done\n"):])
}
