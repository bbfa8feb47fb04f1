//go:build kernel

package bpf

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
)

// Paths that no rule may stop short of.
var (
	deep = strings.Repeat("/d", 200)
	over = strings.Repeat("/e", 2100)                       // is too deep to be resolved, and not below /d
	long = strings.Repeat("/"+strings.Repeat("n", 226), 18) // 4,086 bytes
)

func blockFile(kind policy.ObjectKind, name string) model.Rule {
	return model.Rule{Class: policy.File, Action: policy.Block, Object: policy.Object{Kind: kind, Name: name, Recursive: kind == policy.Directory}}
}

func blockProcess(name string) model.Rule {
	return model.Rule{Class: policy.Process, Action: policy.Block, Object: policy.Object{Kind: policy.Path, Name: name}}
}

// furnish makes what acts are about, anew.
func furnish(t *testing.T, root string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"etc", "private", "ro", "open", "mnt", "scratch"} {
		dir = filepath.Join(root, dir)
		must(os.RemoveAll(dir))
		must(os.MkdirAll(filepath.Join(dir, "dir"), 0o777))
		for _, file := range []string{"secret", "a", "b"} {
			must(os.WriteFile(filepath.Join(dir, file), []byte(file), 0o666))
		}
	}
	for _, file := range []string{"forbidden", "other"} {
		file = filepath.Join(root, "bin", file)
		must(os.RemoveAll(file))
		must(os.Link(filepath.Join(root, actor), file))
	}
}

// plant makes the files that lie deep. The parts of a path are short enough.
func plant(t *testing.T, root, dir string) {
	t.Helper()
	for _, name := range []string{"secret", "open"} {
		here, err := os.OpenRoot(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(dir[1:], "/") {
			if err := here.Mkdir(part, 0o777); err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
			next, err := here.OpenRoot(part)
			if err != nil {
				t.Fatal(err)
			}
			here.Close()
			here = next
		}
		if err := here.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		here.Close()
	}
}

// What is refused under the rules, and what is not; without rules, nothing is.
func TestKernelGuardFiles(t *testing.T) {
	rules := []model.Rule{
		blockFile(policy.Path, "/etc/secret"),
		blockFile(policy.Directory, "/private"),
		{Class: policy.File, Action: policy.Block, ReadOnly: true, Object: policy.Object{Kind: policy.Directory, Name: "/ro", Recursive: true}},
		blockFile(policy.Path, "/mnt/secret"),
		blockFile(policy.Path, deep+"/secret"),
		blockFile(policy.Path, long+"/secret"),
		blockFile(policy.Path, "/sockets/stream"),
		blockFile(policy.Path, "/sockets/datagram"),
		blockProcess("/bin/forbidden"),
	}
	denied := []string{
		"read /etc/secret", "write /etc/secret", "append /etc/secret", "cut /etc/secret", "reopen /etc/secret",
		"truncate /etc/secret", "unlink /etc/secret", "chmod /etc/secret", "chown /etc/secret",
		"rename /etc/secret /open/c", "rename /open/a /etc/secret", "exchange /open/a /etc/secret", "exchange /etc/secret /open/a",
		"link /etc/secret /open/c", "rename /etc /other", "rename /private /other",
		"read /private", "read /private/a", "create /private/c", "mkdir /private/c", "mknod /private/c", "symlink /private/c", "rmdir /private/dir",
		"link /open/a /private/c", "rename /open/a /private/c", "rename /private/a /private/c",
		"write /ro/a", "cut /ro/a", "unlink /ro/a", "create /ro/c", "chmod /ro/dir",
		"exec /bin/forbidden", "map /bin/forbidden", "protect /bin/forbidden", "link /bin/forbidden /bin/c", "rename /bin/forbidden /bin/c",
		"rename /bin/other /bin/forbidden", "unlink /bin/forbidden", "memfd",
		"connect stream /sockets/stream", "connect datagram /sockets/datagram",
		"read /proc/self/root/etc/secret", "chdir /etc read secret", "read /open/../etc//./secret",
		"child read /etc/secret", "orphan read /etc/secret", "child child child read /etc/secret",
		"cgroup read /etc/secret", "cgroup child exec /bin/forbidden",
		"child chroot /etc read /secret", "child chroot /private read /a", "child chroot /bin map /forbidden",
		"far " + over + "/open", "far " + deep + "/secret", "read " + deep + "/secret", "far " + long + "/secret", "child chdir " + long + " read secret",
	}
	permitted := []string{
		"stat /etc/secret", "read /etc/a", "write /etc/a", "create /etc/c", "unlink /etc/a", "rename /etc/a /etc/c", "link /etc/a /etc/c",
		"exchange /etc/a /etc/b", "read /ro/a", "read /ro", "read /etc", "chmod /open/a", "chown /open/a", "mkdir /open/c", "rmdir /open/dir", "mknod /open/c",
		"symlink /open/c", "truncate /open/a", "rename /open /other", "exec /bin/other", "map /bin/other", "protect /bin/other", "map " + actor,
		"read /etc/secrets", "connect stream /sockets/free", "cgroup read /open/a", "child chroot /open read /a", "namespaces read /open/a", "orphan read /open/a",
		"namespaces stat /etc/secret", "far " + deep + "/open", "read " + deep + "/open", "far " + long + "/open", "namespaces exec /bin/other",
	}
	// No mount may be made under these rules; what is mounted in rules without
	// a Block of a path is seen below.
	for name, image := range map[string][]uint64{"armed": build(t, rules...), "unarmed": nil} {
		t.Run(name, func(t *testing.T) {
			root := newRoot(t)
			plant(t, root, deep)
			plant(t, root, long)
			plant(t, root, over)
			listen(t, root)
			p := enter(t, root, image, false)
			if p.started != 0 {
				t.Fatal(p.started)
			}
			try := func(act string, want unix.Errno) {
				t.Helper()
				furnish(t, root)
				if err := os.RemoveAll(filepath.Join(root, "other")); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(act, "secrets") {
					if err := os.WriteFile(filepath.Join(root, "etc/secrets"), nil, 0o666); err != nil {
						t.Fatal(err)
					}
				}
				if got := p.try(act); got != want {
					t.Errorf("%.100s: %v, want %v", act, got, want)
				}
			}
			for _, act := range denied {
				if image != nil {
					try(act, unix.EACCES)
				} else {
					try(act, 0)
				}
			}
			for _, act := range permitted {
				try(act, 0)
			}
		})
	}
}

// listen makes sockets of which two are those of rules.
func listen(t *testing.T, root string) {
	t.Helper()
	dir := filepath.Join(root, "sockets")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, network := range map[string]string{"stream": "unix", "free": "unix"} {
		l, err := net.Listen(network, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	c, err := net.ListenPacket("unixgram", filepath.Join(dir, "datagram"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
}

// Where mounting is not refused, what is mounted is judged by where it is
// seen, and what is seen nowhere as the strictest rule would.
func TestKernelGuardMounts(t *testing.T) {
	rules := []model.Rule{
		{Class: policy.File, Action: policy.Audit, Object: policy.Object{Kind: policy.Path, Name: "/nothing"}},
		{Class: policy.File, Action: policy.Block, ReadOnly: true, Object: policy.Object{Kind: policy.Pattern, Name: "/mnt/*cret"}},
		{Class: policy.File, Action: policy.Block, Object: policy.Object{Kind: policy.Pattern, Name: "/mnt/*dden"}},
		blockProcess("/mnt/forbidden"),
	}
	image := build(t, rules...)
	image[4] &= 1<<32 - 1 // the mounts that these rules would refuse are the test's
	for name, image := range map[string][]uint64{"armed": image, "unarmed": nil} {
		t.Run(name, func(t *testing.T) {
			root := newRoot(t)
			p := enter(t, root, image, false)
			refused := unix.Errno(0)
			if image != nil {
				refused = unix.EACCES
			}
			for _, c := range []struct {
				act  string
				want unix.Errno
			}{
				{"read /mnt/hidden", refused},
				{"write /mnt/secret", refused},
				{"read /open/hidden", 0},
				{"namespaces read /mnt/hidden", refused},
				{"namespaces bind /open /mnt read /mnt/hidden", refused},
				{"namespaces bind /mnt /open read /open/hidden", 0}, // a rule is about a path
				{"namespaces tmpfs /mnt create /mnt/hidden", refused},
				{"namespaces tmpfs /mnt create /mnt/other", 0},
				{"namespaces overlay /open /mnt read /mnt/hidden", refused},
				{"namespaces overlay /open /mnt write /mnt/secret", refused},
				{"namespaces overlay /open /mnt read /mnt/secret", 0},
				{"namespaces overlay /open /mnt write /mnt/a", 0},
				{"namespaces overlay /bin /mnt exec /mnt/forbidden", refused},
				{"namespaces overlay /bin /mnt map /mnt/forbidden", refused},
				{"namespaces overlay /bin /mnt protect /mnt/forbidden", refused},
				{"namespaces overlay /bin /mnt exec /mnt/other", 0},
				{"namespaces overlay /bin /mnt protect /mnt/other", 0},
				{"namespaces bind /open /etc bind /etc /mnt tmpfs /mnt/dir create /mnt/dir/hidden", 0},
				{"namespaces bind /open /mnt lazy /mnt a", refused},
				{"namespaces detached /open a", refused},
				{"user read /mnt/hidden", refused},
				{"user bind /open /mnt read /mnt/hidden", refused},
			} {
				furnish(t, root)
				for _, dir := range []string{"mnt", "open"} {
					if err := os.WriteFile(filepath.Join(root, dir, "hidden"), nil, 0o666); err != nil {
						t.Fatal(err)
					}
				}
				if got := p.try(c.act); got != c.want {
					t.Errorf("%s: %v, want %v", c.act, got, c.want)
				}
			}
		})
	}
}

// A rule may be about what one executable does, and a process is its
// executable also after a change of rules.
func TestKernelGuardSources(t *testing.T) {
	secret := func(source string) model.Rule {
		r := blockFile(policy.Path, "/etc/secret")
		r.Sources = []string{source}
		return r
	}
	root := newRoot(t)
	furnish(t, root)
	p := enter(t, root, build(t, secret("/bin/other")), false)
	g := kernelGuard(t)
	for _, blocked := range []string{"/bin/other", actor, "/bin/forbidden", "/bin/other"} {
		digest := digestOf(t.Name() + blocked)
		if err := g.PutImage(digest, build(t, secret(blocked))); err != nil {
			t.Fatal(err)
		}
		if err := g.Swap(t.Name(), digest); err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{actor, "/bin/other", "/bin/forbidden"} {
			act := "as " + source + " read /etc/secret"
			if source == actor {
				act = "read /etc/secret" // has been it since before the change
			}
			want := unix.Errno(0)
			if source == blocked {
				want = unix.EACCES
			}
			if got := p.try(act); got != want {
				t.Errorf("%s, of which %s is blocked: %v, want %v", act, blocked, got, want)
			}
		}
	}
}

// What an allow-list leaves out may be executed by the runtime, if it is told
// so, and by nobody else; what a rule blocks, by nobody.
func TestKernelGuardFirst(t *testing.T) {
	allow := model.Rule{Class: policy.Process, Action: policy.Allow, Object: policy.Object{Kind: policy.Path, Name: "/bin/other"}}
	for _, c := range []struct {
		name  string
		rules []model.Rule
		admit bool
		want  unix.Errno
	}{
		{"unlisted", []model.Rule{allow}, false, unix.EACCES},
		{"admitted", []model.Rule{allow}, true, 0},
		{"blocked", []model.Rule{allow, blockProcess(actor)}, true, unix.EACCES},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := newRoot(t)
			furnish(t, root)
			p := enter(t, root, build(t, c.rules...), c.admit)
			if p.started != c.want {
				t.Fatalf("the runtime's exec: %v, want %v", p.started, c.want)
			}
			if p.started != 0 {
				return
			}
			for act, want := range map[string]unix.Errno{"exec /bin/other": 0, "exec " + actor: unix.EACCES, "exec /bin/forbidden": unix.EACCES} {
				if got := p.try(act); got != want {
					t.Errorf("%s: %v, want %v", act, got, want)
				}
			}
		})
	}
}
