//go:build integration

package integration

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// acts are the fixture's programs, one for each act.
var acts = []string{"file", "write", "process", "tcp", "udp", "raw", "packet", "chroot", "mkdir", "nothing", "pause", "mptcp", "mkdir32", "tcp32", "socketcall"}

// FixtureImage makes a root file system of nothing but the fixture: one
// program an act in /act, the file /etc/secret and the program /bin/victim.
func FixtureImage(from, dir string) error {
	for _, name := range []string{"act", "bin", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return fmt.Errorf("make the fixture's image: %w", err)
		}
	}
	for _, act := range acts {
		if err := copyFile(filepath.Join(from, act), filepath.Join(dir, "act", act)); err != nil {
			return fmt.Errorf("make the fixture's image (make -C integration/fixture builds its programs): %w", err)
		}
	}
	if err := copyFile(filepath.Join(from, "nothing"), filepath.Join(dir, "bin/victim")); err != nil {
		return fmt.Errorf("make the fixture's image: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/secret"), []byte("secret\n"), 0o644); err != nil {
		return fmt.Errorf("make the fixture's image: %w", err)
	}
	return nil
}

// BusyboxImage makes a root file system of the host's static busybox, with its
// applets as symbolic links in /bin, the fixture's acts in /act, and /var/run
// where distributions have it.
func BusyboxImage(from, dir string) error {
	if err := FixtureImage(from, dir); err != nil {
		return err
	}
	if err := copyFile("/bin/busybox", filepath.Join(dir, "bin/busybox")); err != nil {
		return fmt.Errorf("make a busybox image (on Debian: apt-get install busybox-static): %w", err)
	}
	for _, applet := range []string{"sh", "cat", "echo", "id", "ls", "ln", "mkdir", "mv", "rm", "sleep", "touch", "true", "wget", "nc", "ping", "grep", "head", "chroot", "mount", "umount", "unshare"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil {
			return fmt.Errorf("make a busybox image: %w", err)
		}
	}
	for _, name := range []string{"run", "var"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return fmt.Errorf("make a busybox image: %w", err)
		}
	}
	if err := os.Symlink("/run", filepath.Join(dir, "var/run")); err != nil {
		return fmt.Errorf("make a busybox image: %w", err)
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser1:x:1000:1000::/home/user1:/bin/sh\n",
		"etc/group":  "root:x:0:\nuser1:x:1000:\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("make a busybox image: %w", err)
		}
	}
	return nil
}

// copyFile copies a program.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
