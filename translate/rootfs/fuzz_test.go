package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzResolve compares every answer with the kernel's own, which openat2 with
// RESOLVE_IN_ROOT gives for a tree without mounts. The tree has a line for
// each file: "d path", "f path", or "l path target".
func FuzzResolve(f *testing.F) {
	f.Add("d usr/bin\nl bin usr/bin\nf usr/bin/sleep\n", "/bin/sleep")
	f.Add("l etc /\nf passwd\n", "/etc/etc/passwd")
	f.Add("l a b\nl b a\n", "/a/x")
	f.Add("d a/b\nl a/b/c ../../../../../etc/shadow\n", "/a/b/c")
	f.Add("d v/..g/s\nf v/..g/t\nl v/..data ..g\nl v/t ..data/t\n", "/v/t")
	f.Add("f f\nl l f/\nl m f/.\nl n f/..\n", "/l")
	f.Add("d d\nl l d/\n", "/l/./../l//")
	f.Add("", "/../..")
	f.Fuzz(func(t *testing.T, listing, path string) {
		if len(listing) > 4096 || len(path) > 1024 {
			return
		}
		dir := t.TempDir()
		plant(dir, listing)
		r, err := New(dir, nil)
		must(t, err)
		defer func() { must(t, r.Close()) }()

		if !strings.HasPrefix(path, "/") || strings.Contains(path, "\x00") {
			if _, err := r.Resolve(path); !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: %v", path, err)
			}
			return
		}
		path = "/" + strings.Trim(path, "/")
		real, realErr := kernel(dir, path, unix.O_NOFOLLOW)
		final, finalErr := kernel(dir, path, 0)
		got, err := r.Resolve(path)
		switch {
		case errors.Is(realErr, unix.ELOOP) || errors.Is(finalErr, unix.ELOOP):
			if !errors.Is(err, ErrLoop) {
				t.Errorf("%q: %+v, %v; the kernel finds a loop", path, got, err)
			}
		case errors.Is(err, ErrTooLong):
			if finalErr == nil {
				t.Errorf("%q: %v; the kernel finds %q", path, err, final)
			}
		case err != nil:
			// A loop behind something that is missing: the kernel has given
			// up before it.
			if finalErr == nil {
				t.Errorf("%q: %v; the kernel finds %q", path, err, final)
			}
		case got.Exists != (finalErr == nil):
			t.Errorf("%q: %+v; the kernel says %q, %v", path, got, final, finalErr)
		case finalErr == nil && got.Final() != final:
			t.Errorf("%q: %+v; the kernel finds %q", path, got, final)
		case realErr == nil && got.Real != real:
			t.Errorf("%q: %+v; the kernel finds %q", path, got, real)
		case realErr == nil && finalErr == nil && (got.Target != "") != (real != final):
			t.Errorf("%q: %+v; the kernel finds %q and %q", path, got, real, final)
		}
		for _, p := range []string{got.Real, got.Target} {
			if p != "" && (p[0] != '/' || p != filepath.Clean(p)) {
				t.Errorf("%q: %q is not canonical", path, p)
			}
		}
	})
}

// plant makes the files of a listing below dir, as far as they can be made.
// Parents are made by name below dir, never through a link.
func plant(dir, listing string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		panic(err)
	}
	defer func() { _ = root.Close() }()
	for i, line := range strings.Split(listing, "\n") {
		if i == 64 {
			return
		}
		fields := strings.SplitN(line, " ", 3)
		if len(fields) < 2 || fields[1] == "" {
			continue
		}
		name := strings.TrimPrefix(filepath.Clean("/"+fields[1]), "/")
		if name == "" || strings.Contains(line, "\x00") {
			continue
		}
		// What cannot be made is not part of the tree.
		switch {
		case fields[0] == "d":
			_ = root.MkdirAll(name, 0o755)
		case fields[0] == "f":
			_ = root.MkdirAll(filepath.Dir(name), 0o755)
			if f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); err == nil {
				_ = f.Close()
			}
		case fields[0] == "l" && len(fields) == 3 && fields[2] != "":
			_ = root.MkdirAll(filepath.Dir(name), 0o755)
			_ = root.Symlink(fields[2], name)
		}
	}
}

// kernel is what the kernel finds at path, as seen from dir as the root.
func kernel(dir, path string, flags uint64) (string, error) {
	top, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(top) }()
	fd, err := unix.Openat2(top, path, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC | flags,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(fd) }()
	host, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "", err
	}
	dirHost, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", top))
	if err != nil {
		return "", err
	}
	if host == dirHost {
		return "/", nil
	}
	return strings.TrimPrefix(host, dirHost), nil
}
