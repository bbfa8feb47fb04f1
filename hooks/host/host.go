// Package host finds out what the kernel and the tools of this node can do.
// It looks at a few small files and is called at every start.
package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/bpf"
	"github.com/prearm/prearm/shim/config"
	"github.com/prearm/prearm/translate"
)

// Probe gives the facilities that can be used now. One whose files cannot be
// read is taken for missing: then rules that need it are refused.
func Probe(c *config.Config) translate.Host {
	return node{root: "/", loads: bpf.LSM}.probe(c)
}

// node is where the kernel's file systems are mounted; "/" but in tests.
type node struct {
	root  string
	loads func() error // whether the kernel takes programs at its security hooks
}

func (n node) probe(c *config.Config) translate.Host {
	h := translate.Host{
		Kernel:    release(),
		AppArmor:  n.appArmor(),
		CgroupBPF: n.cgroup2() != "" && onBPFFS(c.BPFFS),
		Seccomp:   n.seccomp(),
		BPFLSM:    slices.Contains(n.lsms(), "bpf"),
	}
	h.Guard = h.BPFLSM && h.CgroupBPF && n.guard(c)
	if h.AppArmor {
		h.AppArmorParser = parser()
		h.AppArmorABI = n.abi(c.State)
	}
	return h
}

func (n node) path(p string) string { return filepath.Join(n.root, p) }

// read gives a small file of the kernel's without its final newline, "" if
// there is none.
func (n node) read(p string) string {
	data, err := os.ReadFile(n.path(p))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// appArmor is true if profiles can be loaded and deny: the LSM is enabled, its
// mode, which stands over that of each profile, is not to complain only, and
// its folder in securityfs is there.
func (n node) appArmor() bool {
	if n.read("sys/module/apparmor/parameters/enabled") != "Y" {
		return false
	}
	if mode := n.read("sys/module/apparmor/parameters/mode"); mode != "enforce" && mode != "kill" {
		return false
	}
	_, err := os.Stat(n.path("sys/kernel/security/apparmor/.replace"))
	return err == nil
}

// guard is true if the guard is pinned, or a program of its kind can be loaded:
// there are kernels that have bpf among their security modules and refuse the
// programs.
func (n node) guard(c *config.Config) bool {
	if bpf.GuardThere(c.BPFFS) {
		return true
	}
	const yes, no = "yes", "no"
	answer := n.onceABoot(filepath.Join(c.State, "bpf-lsm"),
		func(kept string) bool { return kept == yes || kept == no },
		func() string {
			if n.loads() != nil {
				return no
			}
			return yes
		})
	return answer == yes
}

// parser is apparmor_parser's path. The folders of system programs are tried
// too, because a daemon's PATH may lack them.
func parser() string {
	if path, err := exec.LookPath("apparmor_parser"); err == nil && filepath.IsAbs(path) {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path := filepath.Join(dir, "apparmor_parser")
		if unix.Access(path, unix.X_OK) == nil {
			return path
		}
	}
	return ""
}

// cgroup2 is the mount point of the version 2 hierarchy, "" if there is none
// in the usual places: the unified mode's, and the hybrid mode's.
func (n node) cgroup2() string {
	for _, p := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if fsType(n.path(p)) == unix.CGROUP2_SUPER_MAGIC {
			return p
		}
	}
	return ""
}

// onBPFFS says whether dir is in a bpffs, or will be once it is made.
func onBPFFS(dir string) bool {
	for {
		_, err := os.Lstat(dir)
		if err == nil {
			return fsType(dir) == unix.BPF_FS_MAGIC
		}
		if !errors.Is(err, os.ErrNotExist) || dir == "/" {
			return false
		}
		dir = filepath.Dir(dir)
	}
}

func fsType(path string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0
	}
	return int64(s.Type) //nolint:unconvert // it is an int32 on some architectures
}

// seccomp is true if filters can answer with an errno.
func (n node) seccomp() bool {
	return slices.Contains(strings.Fields(n.read("proc/sys/kernel/seccomp/actions_avail")), "errno")
}

// lsms are the security modules in use, in their order; none if securityfs is
// not mounted.
func (n node) lsms() []string {
	list := n.read("sys/kernel/security/lsm")
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
