package rootfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLookPath(t *testing.T) {
	files := tree{
		"/usr/local/bin/sleep": "not executable",
		"/usr/local/bin/ls":    "/",
		"/usr/bin/ls":          "x:ELF",
		"/work/tool":           "x:ELF",
		"/work/fifo":           "|",
		"/opt/work":            "-> ../work",
	}
	for name, content := range image {
		files[name] = content
	}
	r := open(t, build(t, files), newMount("tmpfs", "/tmp"))
	const path = "/no/such:/usr/local/bin:/tmp:/usr/bin"
	for _, c := range []struct {
		name, path, cwd string
		want            string // "" is an error
	}{
		{"sleep", path, "/", "/usr/bin/sleep"},
		{"ls", path, "/", "/usr/bin/ls"},
		{"sleep", "/bin", "/", "/bin/sleep"},
		{"sleep", "/sbin/../bin/", "/", "/bin/sleep"},
		{"sleep", "", "/usr/bin", ""},
		{"sleep", ":/usr/bin", "/", "/usr/bin/sleep"},
		{"sleep", ":/usr/bin", "/usr/bin", ""}, // found in a relative directory
		{"sleep", "bin:/usr/bin", "/usr", ""},
		{"", path, "/", ""},
		{"nothing", path, "/", ""},
		{"/bin/sleep", "", "/", "/bin/sleep"},
		{"/usr/local/bin/sleep", path, "/", ""},
		{"/usr/bin", path, "/", ""},
		{"./tool", "", "/work", "/work/./tool"},
		{"../work/tool", "", "/opt/work", "/opt/work/../work/tool"}, // what .. means, the link decides
		{"./tool", "", "", ""},
		{"work/tool", "", "", "//work/tool"},
		{"/work/fifo", "", "/", ""},
		{"fifo", "/work:/usr/bin", "/", ""},
		{"/tmp/program", "", "/", ""},
	} {
		got, err := r.LookPath(c.name, c.path, c.cwd)
		if got != c.want && c.want != "" || (err == nil) != (c.want != "") {
			t.Errorf("LookPath(%q, %q, %q) = %q, %v; want %q", c.name, c.path, c.cwd, got, err, c.want)
		}
	}
}

func TestExec(t *testing.T) {
	files := tree{
		"/scripts/sh":       "x:#!/bin/sh\n",
		"/scripts/env":      "x:#!/usr/bin/env -S sh\n",
		"/scripts/twice":    "x:#!/scripts/sh arg\n",
		"/scripts/relative": "x:#!sleep\n",
		"/scripts/missing":  "x:#!/no/such\n",
		"/scripts/plain":    "x:#!/etc/passwd\n",
		"/scripts/itself":   "x:#!/scripts/itself\n",
		"/scripts/dir":      "x:#!/usr/bin\n",
		"/scripts/fifo":     "x:#!/pipe\n",
		"/scripts/empty":    "x:",
		"/scripts/nobody":   "x:#!",
		"/usr/bin/env":      "x:ELF",
	}
	for name, content := range image {
		files[name] = content
	}
	r := open(t, build(t, files))
	for _, c := range []struct {
		argv0, cwd string
		want       []string // nil is an error
	}{
		{"sleep", "/", []string{"/usr/bin/sleep"}},
		{"vi", "/", []string{"/usr/bin/busybox"}},
		{"/bin/awk", "/", []string{"/usr/bin/mawk"}},
		{"/scripts/sh", "/", []string{"/scripts/sh", "/usr/bin/dash"}},
		{"./sh", "/scripts", []string{"/scripts/sh", "/usr/bin/dash"}},
		{"/scripts/env", "/", []string{"/scripts/env", "/usr/bin/env"}},
		{"/scripts/twice", "/", []string{"/scripts/twice", "/scripts/sh", "/usr/bin/dash"}},
		{"/scripts/relative", "/bin", []string{"/scripts/relative", "/usr/bin/sleep"}},
		{"/scripts/relative", "/", nil},
		{"/scripts/empty", "/", []string{"/scripts/empty"}},
		{"/scripts/missing", "/", nil},
		{"/scripts/nobody", "/", nil},
		{"/scripts/plain", "/", nil},
		{"/scripts/itself", "/", nil},
		{"/scripts/dir", "/", nil},
		{"/scripts/fifo", "/", nil},
		{"/pipe", "/", nil},
		{"/loop/a", "/", nil},
		{"", "/", nil},
	} {
		got, err := r.Exec(c.argv0, "/usr/bin", c.cwd)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("Exec(%q in %s) = %v, %v; want %v", c.argv0, c.cwd, got, err, c.want)
		}
	}
}

// The kernel is asked what it makes of first lines: echo, as the interpreter,
// says what it was run with.
func TestInterpreterAgreesWithKernel(t *testing.T) {
	echo, err := exec.LookPath("echo")
	must(t, err)
	dir := t.TempDir()
	r := open(t, dir)
	pad := func(n int) string { return strings.Repeat(" ", n) }
	for i, line := range []string{
		"#!" + echo + "\n",
		"#! \t" + echo + " \t\n",
		"#!" + echo + " a b  c \t\nrest",
		"#!" + echo + "\ta",
		"#!" + echo + " a\x00b\n",
		"#!" + echo + "\x00a\n",
		"#!" + echo,
		"#!" + echo + " a",
		"#!" + echo + "\r\n",
		"#!\n",
		"#! \t\n",
		"#!",
		"#!\x00\n",
		"# !" + echo + "\n",
		"#!" + pad(300) + echo + "\n",
		"#!" + pad(254-len(echo)) + echo + "\n",
		"#!" + pad(253-len(echo)) + echo + "\n",
		"#!" + pad(252-len(echo)) + echo + " \n",
		"#!" + pad(252-len(echo)) + echo + " arg\n",
		"#!" + echo + " " + strings.Repeat("a", 300) + "\n",
		"#!" + echo + " " + strings.Repeat("a", 300),
		"#!" + echo + " " + strings.Repeat("a", 252-len(echo)) + "\n",
		"#!" + echo + pad(300),
	} {
		name := fmt.Sprintf("script%d", i)
		file := filepath.Join(dir, name)
		must(t, os.WriteFile(file, []byte(line), 0o755))
		out, runErr := exec.Command(file).Output()
		interpreter, argument, ok, err := r.Interpreter("/" + name)
		must(t, err)
		said := strings.TrimSuffix(string(out), "\n")
		switch {
		case !ok && !errors.Is(runErr, unix.ENOEXEC):
			t.Errorf("%.60q (%d): no script, but the kernel says %q, %v", line, len(line), said, runErr)
		case ok && runErr == nil && (interpreter != echo || strings.TrimLeft(argument+" "+file, " ") != said):
			t.Errorf("%.60q (%d): %q %q, but the kernel says %q", line, len(line), interpreter, argument, said)
		case ok && runErr != nil && (errors.Is(runErr, unix.ENOEXEC) || interpreter == echo):
			t.Errorf("%.60q (%d): %q %q, but the kernel says %v", line, len(line), interpreter, argument, runErr)
		}
	}
}

func TestScriptsOfScriptsAgreeWithKernel(t *testing.T) {
	truth, err := exec.LookPath("true")
	must(t, err)
	code, err := os.ReadFile(truth)
	must(t, err)
	dir := t.TempDir()
	// The kernel sees these under their host names, so the root is the host's.
	r := open(t, "/")
	must(t, os.WriteFile(filepath.Join(dir, "0"), code, 0o755))
	for i := 1; i <= maxScripts+2; i++ {
		file := filepath.Join(dir, fmt.Sprint(i))
		must(t, os.WriteFile(file, fmt.Appendf(nil, "#!%s/%d\n", dir, i-1), 0o755))
		kernel := exec.Command(file).Run()
		chain, err := r.Exec(file, "", "/")
		if (kernel == nil) != (err == nil) || err == nil && len(chain) != i+1 {
			t.Errorf("%d scripts: %v, %v; the kernel says %v", i, chain, err, kernel)
		}
	}
}

// Looking at a fifo or a device must not block, nor open it.
func TestSpecialFilesAreNotOpened(t *testing.T) {
	dir := build(t, tree{"/fifo": "|"})
	must(t, unix.Mknod(filepath.Join(dir, "tty"), unix.S_IFCHR|0o755, int(unix.Mkdev(4, 0))))
	r := open(t, dir)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, path := range []string{"/fifo", "/tty"} {
			if _, _, _, err := r.Interpreter(path); !errors.Is(err, errNotRegular) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("blocked")
	}
}
