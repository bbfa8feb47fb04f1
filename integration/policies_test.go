//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// shelved is a policy of the library with acts, which all succeed without it.
type shelved struct {
	blocked   []string   // commands of a shell
	permitted []string   // the same
	first     [][]string // programs that are blocked, also as the first of an exec
	others    [][]string // programs that are not
	seen      bool       // needs neither AppArmor nor the guard
}

// shell is an act of a shell that stops at its first error.
func shell(script string) []string { return []string{"/bin/sh", "-ec", script} }

// shelf has an entry for each policy of the library. The programs that are
// named but never looked into are the fixture's, which do nothing.
func shelf() map[string]shelved {
	return map[string]shelved{
		"binary-folders": {
			blocked:   []string{"echo x >/usr/bin/new", "mv /usr/bin/moved /tmp/moved"},
			permitted: []string{"ls /usr/bin", "/usr/bin/apt", "echo x >/tmp/x"},
		},
		"escape-helpers": {
			blocked:   []string{"/usr/bin/nsenter"},
			permitted: []string{"/usr/bin/apt", "/bin/bash"},
			first:     [][]string{{"/bin/mount"}},
		},
		"kernel-files": {
			blocked:   []string{"cat /proc/kallsyms >/dev/null", "echo 63 >/proc/sys/net/ipv4/ip_default_ttl"},
			permitted: []string{"cat /proc/sys/net/ipv4/ip_default_ttl", "cat /proc/meminfo", "echo x >/tmp/x"},
		},
		"kernel-modules": {
			blocked:   []string{"/usr/bin/kmod", "/sbin/insmod"},
			permitted: []string{"/usr/bin/apt", "mkdir /tmp/new"},
		},
		"package-managers": {
			blocked:   []string{"/usr/bin/apt"},
			permitted: []string{"/usr/bin/su", "cat /usr/bin/apt >/dev/null"},
		},
		"persistence": {
			blocked:   []string{"echo x >>/etc/crontab", "echo x >/home/user1/.ssh/authorized_keys", "echo x >/etc/cron.d/new"},
			permitted: []string{"cat /etc/crontab", "echo x >/home/user1/x", "echo x >/etc/other"},
		},
		"raw-sockets": {
			blocked:   []string{"/act/raw", "/act/packet"},
			permitted: []string{"/act/udp", "/act/tcp"},
			seen:      true,
		},
		"service-account-token": {
			blocked: []string{
				"cat /run/secrets/kubernetes.io/serviceaccount/token", "cat /run/secrets/kubernetes.io/serviceaccount/..1/token",
				"ls /run/secrets/kubernetes.io/serviceaccount",
			},
			permitted: []string{"cat /etc/secret", "echo x >/run/pid"},
		},
		"setuid-tools": {
			blocked:   []string{"/usr/bin/su"},
			permitted: []string{"id", "/usr/bin/apt"},
		},
		"shells": {
			first:  [][]string{{"/bin/sh", "-c", "true"}, {"/bin/busybox", "env", "/bin/bash"}},
			others: [][]string{{"/bin/busybox", "env", "/usr/bin/apt"}},
		},
		"trust-stores": {
			blocked:   []string{"echo x >/etc/ssl/certs/ca.crt", "echo x >/etc/ssl/certs/new.crt", "mv /etc/ssl /etc/lss"},
			permitted: []string{"cat /etc/ssl/certs/ca.crt", "echo x >/etc/other"},
		},
	}
}

// shelfImage makes a root file system with what the policies are about.
func shelfImage(fixture, dir string) error {
	if err := BusyboxImage(fixture, dir); err != nil {
		return err
	}
	for _, folder := range []string{
		"usr/bin", "sbin", "home/user1/.ssh", "etc/cron.d", "etc/ssl/certs",
	} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return err
		}
	}
	for _, program := range []string{"usr/bin/apt", "usr/bin/nsenter", "usr/bin/kmod", "usr/bin/su", "usr/bin/moved", "bin/bash"} {
		if err := copyFile(filepath.Join(fixture, "nothing"), filepath.Join(dir, program)); err != nil {
			return err
		}
	}
	for _, file := range []string{"etc/crontab", "etc/ssl/certs/ca.crt"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("x\n"), 0o644); err != nil {
			return err
		}
	}
	return os.Symlink("../usr/bin/kmod", filepath.Join(dir, "sbin/insmod"))
}

// tokenVolume makes a volume as Kubernetes projects a token into it.
func tokenVolume(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "..1"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "..1/token"), []byte("token\n"), 0o644); err != nil {
		return err
	}
	if err := os.Symlink("..1", filepath.Join(dir, "..data")); err != nil {
		return err
	}
	return os.Symlink("..data/token", filepath.Join(dir, "token"))
}

// TestShippedPolicies puts each policy of the library in force, as the tool
// prints it: what it is for is denied, what is near it is not.
func TestShippedPolicies(t *testing.T) {
	leaveTo(t, "6.12")
	n := newNode(t)
	image := filepath.Join(n.Scratch, "images", n.Namespace)
	n.must(shelfImage(n.Fixture, image))
	t.Cleanup(func() { n.check(os.RemoveAll(image)) })
	list, exit := n.prearm("policies", "list")
	if exit != 0 {
		t.Fatalf("policies list ended with %d", exit)
	}
	pause := n.Container(image, "/act/pause")
	volume := filepath.Join(n.dir, "token")
	n.must(tokenVolume(volume))
	pause.Edit = func(s *specs.Spec) {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
		s.Mounts = append(s.Mounts, specs.Mount{
			Destination: "/run/secrets/kubernetes.io/serviceaccount", Type: "bind", Source: volume, Options: []string{"bind", "ro"},
		})
	}
	open := n.start(pause.unprotected())
	lines := strings.Split(strings.TrimSpace(list), "\n")[1:]
	if len(lines) != len(shelf()) {
		t.Errorf("the library has %d policies, the test %d", len(lines), len(shelf()))
	}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, " ")
		t.Run(name, func(t *testing.T) {
			policy, ok := shelf()[name]
			if !ok {
				t.Fatal("the test has no acts for it")
			}
			n, c := n.with(t), pause
			c.Labels = map[string]string{"policy": name}
			text, exit := n.prearm("policies", "show", name, "--namespace", n.Namespace, "--label", "policy="+name)
			if exit != 0 {
				t.Fatalf("policies show ended with %d", exit)
			}
			n.file(name+".yaml", text)
			if !policy.seen && !n.paths() {
				if words := n.refused(c); !strings.Contains(words, "AppArmor") {
					t.Errorf("refused with %s", words)
				}
				return
			}
			policy.try(n, open, n.start(c))
		})
	}
}

// try performs the acts without and with the policy.
func (p shelved) try(n *node, open, armed *Task) {
	n.Helper()
	all := func(commands []string) []string { return shell(strings.Join(commands, " && ")) }
	either := func(commands []string) []string { return shell(strings.Join(commands, " || ")) }
	if len(p.blocked) > 0 {
		if r := n.exec(armed, either(p.blocked)...); r.Exit == 0 || strings.Count(r.Stderr, "ermission denied") < len(p.blocked) && !p.seen {
			n.Errorf("one of %q was not denied: %d, %s", p.blocked, r.Exit, r.Stderr)
		}
		if r := n.exec(open, all(p.blocked)...); r.Exit != 0 {
			n.Errorf("without the policy one of %q ended with %d: %s", p.blocked, r.Exit, r.Stderr)
		}
		if r := n.exec(armed, all(p.permitted)...); r.Exit != 0 {
			n.Errorf("one of %q, which are permitted, ended with %d: %s", p.permitted, r.Exit, r.Stderr)
		}
	}
	for _, program := range p.first {
		r, err := armed.Exec(n.Context(), nil, program...)
		if err == nil && r.Exit == 0 || err != nil && !strings.Contains(err.Error(), "is denied by "+n.Namespace+"/") {
			n.Errorf("%q ended with %d, %v", program, r.Exit, err)
		}
		if r := n.exec(open, program...); r.Exit != 0 {
			n.Errorf("without the policy %q ended with %d: %s", program, r.Exit, r.Stderr)
		}
	}
	for _, program := range p.others {
		if r := n.exec(armed, program...); r.Exit != 0 {
			n.Errorf("%q, which is permitted, ended with %d: %s", program, r.Exit, r.Stderr)
		}
	}
}
