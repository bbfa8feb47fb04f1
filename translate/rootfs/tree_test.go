package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// tree is files by path: "-> target" is a link, "/" a directory, "|" a fifo,
// "x:..." an executable file, anything else a file of that content.
type tree map[string]string

// build makes t in a new directory.
func build(t testing.TB, files tree) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		target, isLink := strings.CutPrefix(content, "-> ")
		code, isProgram := strings.CutPrefix(content, "x:")
		switch {
		case isLink:
			must(t, os.Symlink(target, file))
		case content == "/":
			must(t, os.MkdirAll(file, 0o755))
		case content == "|":
			must(t, unix.Mkfifo(file, 0o755))
		case isProgram:
			must(t, os.WriteFile(file, []byte(code), 0o755))
		default:
			must(t, os.WriteFile(file, []byte(content), 0o644))
		}
	}
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string, mounts ...specs.Mount) *Root {
	t.Helper()
	r, err := New(dir, mounts)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func bindMount(source, destination string) specs.Mount {
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: []string{"rbind", "ro"}}
}

func newMount(fsType, destination string) specs.Mount {
	return specs.Mount{Type: fsType, Source: fsType, Destination: destination}
}

// image is a small image with a merged /usr and links of every sort.
var image = tree{
	"/bin":                         "-> usr/bin",
	"/sbin":                        "-> /usr/sbin",
	"/usr/bin/sleep":               "x:ELF",
	"/usr/bin/dash":                "x:ELF",
	"/usr/bin/sh":                  "-> dash",
	"/usr/bin/awk":                 "-> /etc/alternatives/awk",
	"/etc/alternatives/awk":        "-> /usr/bin/mawk",
	"/usr/bin/mawk":                "x:ELF",
	"/usr/bin/busybox":             "x:ELF",
	"/usr/bin/vi":                  "-> busybox",
	"/usr/sbin/route":              "x:ELF",
	"/etc/passwd":                  "root",
	"/etc/dangling":                "-> /no/such/file",
	"/etc/upwards":                 "-> ../../../../etc/shadow",
	"/var/run":                     "-> /run",
	"/run":                         "/",
	"/loop/a":                      "-> b",
	"/loop/b":                      "-> a",
	"/loop/self":                   "-> self",
	"/loop/parent":                 "-> ../loop/parent/x",
	"/pipe":                        "|",
	"/vol/..2026_01_01.1/token":    "secret",
	"/vol/..2026_01_01.1/sub/file": "secret",
	"/vol/..data":                  "-> ..2026_01_01.1",
	"/vol/token":                   "-> ..data/token",
	"/vol/sub":                     "-> ..data/sub",
	"/odd*dir/..x/f":               "1",
	"/odd*dir/..data":              "-> ..x",
	"/slash":                       "-> usr/bin/",
	"/fileslash":                   "-> etc/passwd/",
}
