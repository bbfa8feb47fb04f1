package agreement

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prearm/prearm/translate/model"
	"github.com/prearm/prearm/translate/rootfs"
)

// The container's file systems, as far as spellings are concerned: files, and
// links with what they lead to.
var tree = map[string]string{
	"/usr/bin/bash":               "",
	"/usr/bin/dash":               "",
	"/usr/bin/sleep":              "",
	"/usr/bin/mawk":               "",
	"/usr/bin/busybox":            "",
	"/usr/sbin/nologin":           "",
	"/etc/passwd":                 "",
	"/srv/..2024_05/token":        "",
	"/srv/..2024_05/ca.crt":       "",
	"/run/app/pid":                "",
	"/usr/lib/x86_64/libc.so.6":   "",
	"/usr/lib/x86_64/ld-linux.so": "",

	"/bin":                   "usr/bin",
	"/sbin":                  "usr/sbin",
	"/lib":                   "usr/lib",
	"/lib64":                 "usr/lib64",
	"/usr/lib64/ld-64.so.2":  "../lib/x86_64/ld-linux.so",
	"/usr/bin/sh":            "dash",
	"/usr/bin/awk":           "/etc/alternatives/awk",
	"/etc/alternatives/awk":  "/usr/bin/mawk",
	"/usr/bin/ls":            "busybox",
	"/usr/bin/vi":            "/bin/busybox",
	"/var/run":               "../run",
	"/srv/..data":            "..2024_05",
	"/srv/token":             "..data/token",
	"/srv/ca.crt":            "..data/ca.crt",
	"/opt/app/current":       "releases/7",
	"/opt/app/releases/7/py": "../../../../usr/bin/sleep",
}

// World is file systems to resolve spellings in.
type World struct{ root *rootfs.Root }

// MakeWorld writes the file systems into an empty folder.
func MakeWorld(dir string) (*World, error) {
	for name, target := range tree {
		at := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch {
		case err != nil:
		case target == "":
			err = os.WriteFile(at, nil, 0o755)
		default:
			err = os.Symlink(target, at)
		}
		if err != nil {
			return nil, fmt.Errorf("make the file systems to resolve in: %w", err)
		}
	}
	root, err := rootfs.New(dir, nil)
	if err != nil {
		return nil, err
	}
	return &World{root}, nil
}

// Close closes the file systems.
func (w *World) Close() error { return w.root.Close() }

// spellings are names by which policies call files of the world.
var spellings = []string{
	"/bin/sh", "/bin/bash", "/usr/bin/sleep", "/bin/sleep", "/usr/bin/awk", "/bin/ls", "/bin/vi", "/usr/bin/busybox",
	"/sbin/nologin", "/lib64/ld-64.so.2", "/lib/x86_64/libc.so.6", "/etc/passwd", "/etc/alternatives/awk",
	"/var/run/app/pid", "/run/app", "/srv/token", "/srv/ca.crt", "/srv", "/srv/..data", "/opt/app/current/py",
	"/opt/app/current", "/usr/lib", "/bin", "/usr/bin", "/etc", "/var/run", "/",
}

// components are few, so that rules meet, and such as begin alike, or are hard
// to spell.
var components = []string{
	"a", "b", "c", "ab", "abc", "ac", "A", "aa", "x", "lib", "usr", "bin", "etc", "dev", "proc", "null", "pts",
	"a b", "a\"b", "a\\b", "a*", "[a]", "{a,b}", "a?", "#", "é", "\xff", "\x01", "\n", "...", "..a", ".a", "a.so", "ld.so", "ld-linux.so.2",
	"ld-musl-x86_64.so.1", "libc.so", "libc.so.6", "ld-2.31.so", "ld64.so.2", "linker64", "ld-a", "ld.so.cache",
}

// long are names and paths at the kernel's limits, some of which differ in
// their last byte.
var long = []string{
	"/" + strings.Repeat("n", maxName),
	"/" + strings.Repeat("n", maxName-1),
	"/" + strings.Repeat("n", maxName-1) + "m",
	"/a/" + strings.Repeat("n", maxName) + "/b",
	strings.Repeat("/d", 200),
	strings.Repeat("/d", 199),
	strings.Repeat("/d", 199) + "/e",
	strings.Repeat("/"+strings.Repeat("p", 90), 45), // 4,095 bytes
	strings.Repeat("/"+strings.Repeat("p", 90), 44) + "/" + strings.Repeat("p", 89),
	strings.Repeat("/"+strings.Repeat("p", 90), 44) + "/" + strings.Repeat("p", 89) + "q",
	strings.Repeat("/a", 2047),
}

// sockets are of every kind that rules tell apart.
func sockets() []model.Socket {
	var all []model.Socket
	for _, s := range [][3]int{
		{2, 1, 0}, {10, 1, 6}, {2, 1, 262}, {2, 1, 256}, {2, 1, 132}, // streams
		{2, 2, 0}, {10, 2, 17}, {2, 2, 136}, {2, 2, 1}, {10, 2, 58}, // datagrams
		{2, 3, 1}, {10, 3, 58}, {2, 3, 255}, {2, 3, 6}, {2, 3, 132}, {2, 3, 33}, // raw
		{2, 4, 0}, {2, 5, 0}, {10, 5, 132}, {2, 6, 0}, {2, 6, 33}, {2, 10, 768}, // others over IP
		{17, 3, 768}, {17, 2, 0}, {43, 1, 0}, {43, 1, 1}, {40, 1, 0}, {40, 2, 0}, // packet, SMC, vsock
		{38, 5, 0}, {29, 3, 1}, {44, 3, 0}, {31, 3, 0}, // and more
	} {
		all = append(all, model.Socket{Family: s[0], Type: s[1], Protocol: s[2]})
	}
	return all
}
