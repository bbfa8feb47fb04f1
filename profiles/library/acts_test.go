package library

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/profiles/base"
	"github.com/prearm/prearm/translate"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// acts are what a policy is for, and what it must leave alone.
type acts struct {
	blocked   []string // "OPERATION OBJECT", as access reads it
	permitted []string
}

// ordinary is what any program may do under every policy.
var ordinary = []string{
	"exec /usr/bin/python3", "exec /app/server", "read /etc/passwd", "read /etc/ssl/certs/ca.crt", "read /usr/bin/python3",
	"read /proc/self/status", "read /proc/sys/net/core/somaxconn", "read /etc/resolv.conf", "read /dev/urandom",
	"write /tmp/x", "write /var/lib/app/data", "write /dev/null", "socket tcp", "socket udp", "use CAP_NET_BIND_SERVICE",
	"use CAP_SETUID", "call openat", "call clone3",
}

// table is by the policies' names.
var table = map[string]acts{
	"service-account-token": {
		blocked: []string{
			"read /var/run/secrets/kubernetes.io/serviceaccount/token", "read /run/secrets/kubernetes.io/serviceaccount/token",
			"read /run/secrets/kubernetes.io/serviceaccount/..2026_01_01/token", "read /run/secrets/kubernetes.io/serviceaccount",
			"write /run/secrets/kubernetes.io/serviceaccount/ca.crt", "tamper /run/secrets", "mount /",
			"read /var/run/secrets/eks.amazonaws.com/serviceaccount/token", "read /var/run/secrets/azure/tokens/azure-identity-token",
		},
		permitted: []string{"read /run/secrets/password", "read /run/secrets/kubernetes.io/other", "write /var/run/app.pid"},
	},
	"package-managers": {
		blocked: []string{
			"exec /usr/bin/apt", "exec /usr/bin/apt-get", "exec /usr/bin/dpkg", "exec /sbin/apk", "exec /usr/bin/dnf", "exec /usr/bin/rpm",
			"exec /bin/yum", "exec /opt/tools/pacman",
		},
		permitted: []string{"exec /usr/bin/pip3", "exec /bin/bash", "read /usr/bin/apt", "mount /"},
	},
	"shells": {
		blocked:   []string{"exec /bin/sh", "exec /usr/bin/sh", "exec /bin/bash", "exec /usr/bin/dash", "exec /bin/ash", "exec /tmp/zsh"},
		permitted: []string{"exec /bin/ls", "exec /usr/bin/cat", "read /bin/bash"},
	},
	"raw-sockets": {
		blocked:   []string{"socket raw", "socket packet", "use CAP_NET_RAW"},
		permitted: []string{"socket icmp", "socket unix", "socket netlink", "use CAP_NET_ADMIN", "exec /usr/bin/ping", "mount /"},
	},
	"binary-folders": {
		blocked: []string{
			"write /usr/bin/new", "write /bin/sh", "write /usr/sbin/x", "write /usr/local/bin/tool", "write /lib/x.so",
			"write /usr/lib/python3/x.pyc", "write /usr/bin", "tamper /usr/bin/bash", "tamper /usr", "mount /",
		},
		permitted: []string{"read /usr/bin", "read /usr/lib/libc.so.6", "exec /bin/bash", "write /usr/share/x", "write /opt/app/bin/x", "write /usr/local/share/x"},
	},
	"kernel-files": {
		blocked: []string{
			"write /proc/sys/kernel/core_pattern", "write /proc/sys/net/ipv4/ip_forward", "read /proc/kcore", "read /proc/kallsyms",
			"write /proc/sysrq-trigger", "read /sys/kernel/debug/x", "read /sys/kernel/tracing/trace", "write /sys/kernel/uevent_helper",
			"read /dev/mem", "write /sys/fs/cgroup/memory/release_agent", "write /sys/fs/cgroup/release_agent", "mount /",
		},
		permitted: []string{
			"read /proc/sys/kernel/osrelease", "read /sys/kernel/mm/transparent_hugepage/enabled", "read /sys/fs/cgroup/cpu.max",
			"write /sys/fs/cgroup/memory.high", "read /proc/meminfo", "write /proc/self/oom_score_adj", "read /sys/class/net",
		},
	},
	"kernel-modules": {
		blocked: []string{
			"exec /sbin/insmod", "exec /sbin/modprobe", "exec /usr/bin/kmod", "use CAP_SYS_MODULE", "call init_module",
			"call finit_module", "call delete_module", "call kexec_load",
		},
		permitted: []string{"read /lib/modules/x", "use CAP_SYS_ADMIN", "call mmap", "mount /"},
	},
	"trust-stores": {
		blocked: []string{
			"write /etc/ssl/certs/ca.crt", "write /etc/ssl/certs/new.pem", "write /etc/pki/tls/cert.pem", "write /etc/ca-certificates.conf",
			"write /usr/local/share/ca-certificates/mine.crt", "write /etc/apt/keyrings/x.gpg", "tamper /etc/ssl", "mount /",
		},
		permitted: []string{"read /etc/ca-certificates.conf", "read /etc/pki/tls/cert.pem", "write /etc/app/tls/cert.pem"},
	},
	"persistence": {
		blocked: []string{
			"write /etc/crontab", "write /etc/cron.d/job", "write /var/spool/cron/crontabs/root", "write /etc/systemd/system/x.service",
			"write /etc/ld.so.preload", "write /root/.ssh/authorized_keys", "write /home/user1/.ssh/authorized_keys", "write /home/user1/.bashrc",
			"write /root/.profile", "write /etc/passwd", "write /etc/sudoers.d/x", "write /etc/init.d/x", "tamper /etc", "mount /",
		},
		permitted: []string{"read /etc/crontab", "read /etc/shadow", "write /home/user1/.cache", "write /root/.bash_history", "write /etc/hosts"},
	},
	"escape-helpers": {
		blocked: []string{
			"exec /usr/bin/nsenter", "exec /usr/bin/unshare", "exec /bin/mount", "exec /bin/umount", "exec /usr/sbin/chroot",
			"exec /usr/local/bin/docker", "exec /tmp/kubectl",
		},
		permitted: []string{"exec /bin/bash", "exec /bin/ls", "read /usr/bin/nsenter", "mount /"},
	},
	"setuid-tools": {
		blocked:   []string{"exec /usr/bin/su", "exec /bin/su", "exec /usr/bin/sudo", "exec /usr/bin/passwd", "exec /usr/bin/newgrp"},
		permitted: []string{"exec /usr/sbin/runuser", "exec /usr/bin/setpriv", "exec /usr/bin/id", "mount /"},
	},
}

// image is a root file system with a merged /usr and the links of a Debian.
func image(t *testing.T) *rootfs.Root {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"usr/bin", "usr/sbin", "usr/lib", "etc/ssl/certs", "run/secrets/kubernetes.io/serviceaccount", "var", "home/user1", "root"} {
		must(os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	for _, file := range []string{"usr/bin/bash", "usr/bin/dash", "usr/bin/kmod", "usr/bin/apt", "usr/bin/python3.11", "etc/passwd", "etc/ssl/certs/ca.crt"} {
		must(os.WriteFile(filepath.Join(dir, file), nil, 0o755))
	}
	for name, target := range map[string]string{
		"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "var/run": "/run",
		"usr/bin/sh": "dash", "usr/bin/python3": "python3.11", "usr/sbin/insmod": "../bin/kmod", "usr/sbin/modprobe": "../bin/kmod",
	} {
		must(os.Symlink(target, filepath.Join(dir, name)))
	}
	root, err := rootfs.New(dir, nil)
	must(err)
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return root
}

// access is what the model is asked for an act.
func access(t *testing.T, root *rootfs.Root, act string) model.Access {
	t.Helper()
	op, object, _ := strings.Cut(act, " ")
	resolve := func(a model.Access) model.Access {
		res, err := root.Resolve(object)
		if err != nil {
			t.Fatal(err)
		}
		a.Path, a.ExecName = res.Final(), filepath.Base(object)
		return a
	}
	switch op {
	case "exec":
		return resolve(model.Access{Class: policy.Process, Operation: model.Exec})
	case "read", "write", "tamper", "mount":
		return resolve(model.Access{Class: policy.File, Operation: model.Operation(op), UID: 1})
	case "socket":
		return model.Access{Class: policy.Network, Operation: model.Create, Socket: map[string]model.Socket{
			"tcp":     {Family: unix.AF_INET, Type: unix.SOCK_STREAM},
			"udp":     {Family: unix.AF_INET6, Type: unix.SOCK_DGRAM},
			"icmp":    {Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_ICMP},
			"raw":     {Family: unix.AF_INET, Type: unix.SOCK_RAW, Protocol: unix.IPPROTO_TCP},
			"packet":  {Family: unix.AF_PACKET, Type: unix.SOCK_DGRAM},
			"unix":    {Family: unix.AF_UNIX, Type: unix.SOCK_STREAM},
			"netlink": {Family: unix.AF_NETLINK, Type: unix.SOCK_RAW},
		}[object]}
	case "use":
		return model.Access{Class: policy.Capabilities, Operation: model.Use, Name: object}
	case "call":
		return model.Access{Class: policy.Syscalls, Operation: model.Use, Name: object}
	}
	t.Fatalf("no act %q", act)
	return model.Access{}
}

// TestActs asks the model: each policy blocks what it is for, and leaves its
// neighbourhood and what every program does alone.
func TestActs(t *testing.T) {
	root := image(t)
	each(t, func(t *testing.T, p Policy) {
		its, ok := table[p.Name]
		if !ok {
			t.Fatal("the table has no acts for it")
		}
		rules := read(t, p.Text).Rules
		resolved, unresolved, err := translate.Resolve(rules, root)
		if err != nil || len(unresolved) > 0 {
			t.Fatal(err, unresolved)
		}
		set := model.New(resolved, policy.Posture{}, base.Files()...)
		for _, act := range its.blocked {
			v := set.Decide(access(t, root, act))
			if v.Action != policy.Block || v.Rule < 0 {
				t.Errorf("%s: %s (%s)", act, v.Action, v.Reason)
			}
		}
		for _, act := range append(its.permitted, ordinary...) {
			if v := set.Decide(access(t, root, act)); v.Action != policy.Allow {
				t.Errorf("%s: %s by %s", act, v.Action, rules[v.Rule].Address)
			}
		}
	})
	if all, err := All(); err != nil || len(all) != len(table) {
		t.Errorf("%d policies, %d in the table: %v", len(all), len(table), err)
	}
}
