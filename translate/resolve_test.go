package translate

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/prearm/prearm/policy"
	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// resolveImage is a merged /usr, a multi-call binary and a projected volume:
// a target for a link, "" for a file, "/" for a directory.
var resolveImage = map[string]string{
	"bin":                        "usr/bin",
	"sbin":                       "/usr/sbin",
	"usr/bin/sleep":              "",
	"usr/bin/dash":               "",
	"usr/bin/sh":                 "dash",
	"usr/bin/busybox":            "",
	"usr/bin/vi":                 "busybox",
	"usr/sbin":                   "/",
	"usr/lib":                    "/",
	"lib":                        "usr/lib",
	"etc/loop":                   "loop",
	"etc/dangling":               "/no/such",
	"vol/..2026/token":           "",
	"vol/..2026/sub/file":        "",
	"vol/..2026/bin/tool":        "",
	"vol/..data":                 "..2026",
	"vol/token":                  "..data/token",
	"vol/sub":                    "..data/sub",
	"vol/bin":                    "..data/bin",
	"weird[1]/d":                 "/",
	"weird":                      "weird[1]",
	"mnt/volume/kept/in/..data":  "/",
	"home/user1/hello":           "",
	"opt/app":                    "/home/user1",
	"opt/tool":                   "../usr/bin/dash",
	"usr/local/bin/through-link": "../../bin/sh",
}

func resolveRoot(t testing.TB, mounts ...specs.Mount) (dir string, root *rootfs.Root) {
	t.Helper()
	dir = t.TempDir()
	for name, target := range resolveImage {
		file := filepath.Join(dir, name)
		ok(t, os.MkdirAll(filepath.Dir(file), 0o755))
		switch target {
		case "":
			ok(t, os.WriteFile(file, []byte("ELF"), 0o755))
		case "/":
			ok(t, os.MkdirAll(file, 0o755))
		default:
			ok(t, os.Symlink(target, file))
		}
	}
	root, err := rootfs.New(dir, mounts)
	ok(t, err)
	t.Cleanup(func() { ok(t, root.Close()) })
	return dir, root
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestResolveObjects(t *testing.T) {
	_, root := resolveRoot(t)
	path := func(name string) policy.Object { return policy.Object{Kind: policy.Path, Name: name} }
	dir := func(name string) policy.Object { return policy.Object{Kind: policy.Directory, Name: name} }
	tree := func(name string) policy.Object {
		return policy.Object{Kind: policy.Directory, Name: name, Recursive: true}
	}
	pattern := func(name string) policy.Object { return policy.Object{Kind: policy.Pattern, Name: name} }
	named := func(name string) policy.Object { return policy.Object{Kind: policy.ExecName, Name: name} }
	for _, c := range []struct {
		says  string
		class policy.Class
		of    policy.Object
		want  []policy.Object
	}{
		{"links among the parents are followed", policy.Process, path("/bin/sleep"), []policy.Object{path("/usr/bin/sleep")}},
		{"a link in the last place is covered with its target", policy.Process, path("/bin/sh"), []policy.Object{path("/usr/bin/sh"), path("/usr/bin/dash")}},
		{"the last target of a chain", policy.Process, path("/usr/local/bin/through-link"), []policy.Object{path("/usr/local/bin/through-link"), path("/usr/bin/dash")}},
		{"a target that does not exist", policy.File, path("/etc/dangling"), []policy.Object{path("/etc/dangling"), path("/no/such")}},
		{"what does not exist stays as it is written", policy.File, path("/bin/no/such"), []policy.Object{path("/usr/bin/no/such")}},
		{"a multi-call binary is covered by the link's name", policy.Process, path("/bin/vi"), []policy.Object{path("/usr/bin/vi"), named("vi")}},
		{"reading through the same link reads the binary", policy.File, path("/bin/vi"), []policy.Object{path("/usr/bin/vi"), path("/usr/bin/busybox")}},
		{"the multi-call binary itself", policy.Process, path("/bin/busybox"), []policy.Object{path("/usr/bin/busybox")}},
		{"a token is covered in every generation", policy.File, path("/vol/token"), []policy.Object{path("/vol/token"), pattern("/vol/..*/token")}},
		{"what is below a directory of the volume", policy.File, path("/vol/sub/file"), []policy.Object{pattern("/vol/..*/sub/file")}},
		{"a directory that is a link", policy.Process, tree("/sbin/"), []policy.Object{tree("/sbin"), tree("/usr/sbin")}},
		{"a directory below a link", policy.File, dir("/lib/x"), []policy.Object{dir("/usr/lib/x")}},
		{"a directory of a volume", policy.File, dir("/vol/sub"), []policy.Object{dir("/vol/sub"), pattern("/vol/..*/sub"), pattern("/vol/..*/sub/*")}},
		{"a directory of a volume, recursive", policy.File, tree("/vol/sub/"), []policy.Object{tree("/vol/sub"), pattern("/vol/..*/sub"), pattern("/vol/..*/sub/**")}},
		{"a volume", policy.File, tree("/vol"), []policy.Object{tree("/vol")}},
		{"the root", policy.File, tree("/"), []policy.Object{tree("/")}},
		{"the literal directory of a pattern", policy.Process, pattern("/bin/*"), []policy.Object{pattern("/usr/bin/*")}},
		{"no more than that", policy.Process, pattern("/{,usr/}bin/*"), []policy.Object{pattern("/{,usr/}bin/*")}},
		{"a name that the glob completes", policy.Process, pattern("/bin/s*"), []policy.Object{pattern("/usr/bin/s*")}},
		{"a pattern without a directory", policy.Process, pattern("/**/sleep"), []policy.Object{pattern("/**/sleep")}},
		{"a pattern without a glob", policy.Process, pattern("/bin/sleep"), []policy.Object{pattern("/usr/bin/sleep")}},
		{"a directory with glob characters stays literal", policy.File, pattern("/weird/d/*"), []policy.Object{pattern(`/weird\[1\]/d/*`)}},
		{"and when it is quoted already", policy.File, pattern(`/weird\[1]/d/*`), []policy.Object{pattern(`/weird\[1\]/d/*`)}},
		{"a byte by its number is left alone", policy.File, pattern(`/bin/\x41/*`), []policy.Object{pattern(`/usr/bin/\x41/*`)}},
		{"a pattern in a volume", policy.File, pattern("/vol/sub/*.pem"), []policy.Object{pattern("/vol/..*/sub/*.pem")}},
		{"base names stay", policy.Process, named("sh"), []policy.Object{named("sh")}},
		{"protocols stay", policy.Network, policy.Object{Kind: policy.Protocol, Name: "tcp"}, []policy.Object{{Kind: policy.Protocol, Name: "tcp"}}},
		{"the path argument of a system call stays", policy.Syscalls, policy.Object{Kind: policy.Syscall, Name: "unlink", Target: "/bin"}, []policy.Object{{Kind: policy.Syscall, Name: "unlink", Target: "/bin"}}},
	} {
		t.Run(c.says, func(t *testing.T) {
			rule := policy.Rule{Tier: policy.Cluster, Class: c.class, Action: policy.Allow, Object: c.of, OwnerOnly: true, ReadOnly: true, Enforce: true}
			resolved, _, refused, err := resolve([]policy.Rule{{Class: policy.Network}, rule}, root)
			if err != nil || len(refused) != 0 {
				t.Fatal(err, refused)
			}
			var got []policy.Object
			for _, r := range resolved[1:] {
				got = append(got, r.Object)
				r.Object = policy.Object{}
				want := model.Rule{Number: 1, Tier: policy.Cluster, Class: c.class, Action: policy.Allow, OwnerOnly: true, ReadOnly: true, Enforce: true}
				if !reflect.DeepEqual(r, want) {
					t.Errorf("%+v is not %+v", r, want)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v\n got %+v\nwant %+v", c.of, got, c.want)
			}
		})
	}
}

func TestResolveSources(t *testing.T) {
	_, root := resolveRoot(t)
	rule := policy.Rule{
		Class: policy.Syscalls, Action: policy.Audit, Object: policy.Object{Kind: policy.Syscall, Name: "unlink"},
		Sources: []policy.Source{{Path: "/bin/sh"}, {Path: "/bin/vi"}, {Path: "/bin/none"}, {Dir: "/sbin", Recursive: true}, {Dir: "/opt/app/"}},
	}
	resolved, paths, refused, err := resolve([]policy.Rule{rule}, root)
	if err != nil || len(refused) != 0 || len(resolved) != 1 {
		t.Fatal(resolved, refused, err)
	}
	// A running program is never a link.
	if got, want := resolved[0].Sources, []string{"/usr/bin/dash", "/usr/bin/busybox", "/usr/bin/none"}; !reflect.DeepEqual(got, want) {
		t.Errorf("sources %v, want %v", got, want)
	}
	if got, want := resolved[0].SourceDirs, []policy.Source{{Dir: "/usr/sbin", Recursive: true}, {Dir: "/home/user1"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("directories %v, want %v", got, want)
	}
	if len(paths) != len(rule.Sources) {
		t.Errorf("%d resolutions for %d sources: %v", len(paths), len(rule.Sources), paths)
	}
}

func TestResolveRefuses(t *testing.T) {
	_, root := resolveRoot(t, specs.Mount{Type: "proc", Destination: "/proc"})
	literal := func(name string, sources ...policy.Source) policy.Rule {
		return policy.Rule{Address: "ns/p: " + name, Class: policy.File, Action: policy.Allow, Sources: sources,
			Object: policy.Object{Kind: policy.Path, Name: name}}
	}
	rules := []policy.Rule{
		literal("/etc/loop"),
		literal("/bin/sleep"),
		literal("/bin/sleep", policy.Source{Path: "/bin/sh"}, policy.Source{Path: "/etc/loop/x"}),
		literal("/bin/sleep", policy.Source{Path: "/vol/bin/tool"}),
		literal("/" + strings.Repeat("n", 256)),
		literal("/proc/self/environ"),
	}
	resolved, paths, refused, err := resolve(rules, root)
	ok(t, err)
	for i, want := range map[int]string{
		0: `"/etc/loop"`, 1: "", 2: `"/etc/loop/x"`, 3: "volume", 4: "255", 5: "each process",
	} {
		if got := refused[i]; !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", rules[i].Address, got, want)
		}
	}
	// An Allow that is refused is an Allow still, and a source stays one.
	if len(resolved) != len(rules) {
		t.Fatalf("%d rules resolved: %+v", len(resolved), resolved)
	}
	for i, r := range resolved {
		if r.Number != i || r.Action != policy.Allow || len(r.Sources) != len(rules[i].Sources) {
			t.Errorf("%+v", r)
		}
	}
	for _, p := range paths {
		if p.Path == "/etc/loop" {
			t.Error("a path that does not resolve has a resolution")
		}
	}
}

func TestRecheck(t *testing.T) {
	for _, c := range []struct {
		says    string
		path    string
		change  func(dir string) error
		refuses bool
	}{
		{"nothing changed", "/bin/sh", func(string) error { return nil }, false},
		{"a link leads elsewhere", "/bin/sh", func(dir string) error { return relink(dir, "usr/bin/sh", "busybox") }, true},
		{"a parent leads elsewhere", "/bin/sleep", func(dir string) error { return relink(dir, "bin", "opt") }, true},
		{"a file became a link", "/bin/sleep", func(dir string) error { return relink(dir, "usr/bin/sleep", "dash") }, true},
		{"a path that was missing is a file now", "/bin/new", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "usr/bin/new"), nil, 0o755)
		}, false},
		{"a path that was missing is a link now", "/bin/new", func(dir string) error { return relink(dir, "usr/bin/new", "dash") }, true},
		{"a volume's next generation", "/vol/token", func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "vol/..2026"), filepath.Join(dir, "vol/..2027")); err != nil {
				return err
			}
			return relink(dir, "vol/..data", "..2027")
		}, false},
		{"a volume's file leads elsewhere", "/vol/token", func(dir string) error { return relink(dir, "vol/token", "/bin/sh") }, true},
		{"a loop", "/bin/sleep", func(dir string) error { return relink(dir, "bin", "bin") }, true},
	} {
		t.Run(c.says, func(t *testing.T) {
			dir, root := resolveRoot(t)
			_, paths, _, err := resolve([]policy.Rule{{Class: policy.File, Object: policy.Object{Kind: policy.Path, Name: c.path}}}, root)
			ok(t, err)
			ok(t, c.change(dir))
			fresh, err := rootfs.New(dir, nil)
			ok(t, err)
			defer func() { ok(t, fresh.Close()) }()
			if err := Recheck(paths, fresh); (err != nil) != c.refuses {
				t.Errorf("%v, after %v", err, paths)
			}
		})
	}
}

func relink(dir, name, target string) error {
	file := filepath.Join(dir, name)
	if err := os.RemoveAll(file); err != nil {
		return err
	}
	return os.Symlink(target, file)
}

// A policy of 5,000 paths takes milliseconds. The bound here is loose, for
// busy machines; what it catches is work that grows with the square.
func TestResolveManyPaths(t *testing.T) {
	dir, root := resolveRoot(t)
	var rules []policy.Rule
	for i := range 5000 {
		name := fmt.Sprintf("bin/d%d/file%d", i%100, i)
		ok(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		if i%2 == 0 {
			ok(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
		}
		rules = append(rules, policy.Rule{Class: policy.File, Object: policy.Object{Kind: policy.Path, Name: "/" + name}})
	}
	start := time.Now()
	resolved, _, refused, err := resolve(rules, root)
	took := time.Since(start)
	if err != nil || len(refused) != 0 || len(resolved) != len(rules) {
		t.Fatal(len(resolved), refused, err)
	}
	t.Logf("%d paths in %v", len(rules), took)
	if took > 2*time.Second {
		t.Errorf("%d paths took %v", len(rules), took)
	}
}

func BenchmarkResolve5000(b *testing.B) {
	dir, _ := resolveRoot(b)
	var rules []policy.Rule
	for i := range 5000 {
		rules = append(rules, policy.Rule{Class: policy.File, Object: policy.Object{Kind: policy.Path, Name: fmt.Sprintf("/bin/file%d", i)}})
	}
	for b.Loop() {
		root, err := rootfs.New(dir, nil)
		ok(b, err)
		_, _, _, err = resolve(rules, root)
		ok(b, err)
		ok(b, root.Close())
	}
}
