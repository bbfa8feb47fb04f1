package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// abi is a digest of the kernel's AppArmor features, which decide what
// apparmor_parser makes of a profile. They never change while a kernel runs,
// so the digest is kept in the state folder: walking the tree of some hundred
// files takes longer than the rest of the probe.
func (n node) abi(state string) string {
	return n.onceABoot(filepath.Join(state, "apparmor-abi"),
		func(kept string) bool { return len(kept) == hex.EncodedLen(sha256.Size) },
		func() string {
			digest, err := digestTree(n.path("sys/kernel/security/apparmor/features"))
			if err != nil {
				return ""
			}
			return digest
		})
}

// onceABoot gives what find has found since the node was booted, which the file
// keeps together with the boot's id, if it is good. An empty answer is not
// kept. Failing to keep one costs time only.
func (n node) onceABoot(file string, good func(string) bool, find func() string) string {
	boot := n.read("proc/sys/kernel/random/boot_id")
	kept, err := os.ReadFile(file)
	if err == nil && boot != "" {
		if id, answer, ok := strings.Cut(string(kept), " "); ok && id == boot && good(answer) {
			return answer
		}
	}
	answer := find()
	if boot != "" && answer != "" {
		_ = keep(file, boot+" "+answer)
	}
	return answer
}

// digestTree hashes names and contents of the regular files below dir, in
// their lexical order.
func digestTree(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%q %q\n", name, data)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// keep writes a small file so that a reader sees all of it or none.
func keep(path, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := io.WriteString(f, text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
