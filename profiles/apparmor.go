package profiles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/prearm/prearm/translate"
)

// securityfs is where the kernel takes and shows AppArmor profiles.
const securityfs = "/sys/kernel/security/apparmor"

// Runner runs a program to its end. The error carries its stderr.
type Runner interface {
	Run(*exec.Cmd) error
}

// AppArmor is the node's AppArmor: the profiles in the kernel, and the cache
// of compiled ones. It counts no users; package hooks does.
type AppArmor struct {
	kernel string // securityfs
	cache  string
}

// OpenAppArmor opens the kernel's interface. Compiled profiles are kept in
// the folder apparmor below cache.
func OpenAppArmor(cache string) (*AppArmor, error) {
	if _, err := os.Stat(filepath.Join(securityfs, ".replace")); err != nil {
		return nil, fmt.Errorf("AppArmor: %w (it is not enabled in this kernel, or securityfs is not mounted: mount -t securityfs none /sys/kernel/security)", err)
	}
	return &AppArmor{securityfs, filepath.Join(cache, "apparmor")}, nil
}

// Load brings the profile into the kernel, unless one of its name, which is
// a digest, is there. It is compiled once for a node.
func (a *AppArmor) Load(ctx context.Context, run Runner, p translate.AppArmor) error {
	loaded, err := a.Loaded(p.Name)
	if err != nil || loaded {
		return err
	}
	binary, err := a.cached(p.Name)
	if err != nil {
		if binary, err = compileProfile(ctx, run, p); err != nil {
			return err
		}
		if err := a.keep(p.Name, binary); err != nil {
			return err
		}
	}
	if err := write(filepath.Join(a.kernel, ".replace"), binary); err != nil {
		return fmt.Errorf("AppArmor: loading profile %s: %w", p.Name, err)
	}
	return nil
}

// Remove takes the profile out of the kernel; one that is not there is no
// error.
func (a *AppArmor) Remove(name string) error {
	err := write(filepath.Join(a.kernel, ".remove"), []byte(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("AppArmor: removing profile %s: %w", name, err)
	}
	return nil
}

// Loaded says whether a profile of that name is in the kernel and enforced.
func (a *AppArmor) Loaded(name string) (bool, error) {
	all, err := a.list()
	return all[name] == "enforce", err
}

// List gives the names of the profiles in the kernel that prearm made.
func (a *AppArmor) List() ([]string, error) {
	all, err := a.list()
	var ours []string
	for name := range all {
		if strings.HasPrefix(name, "prearm-") {
			ours = append(ours, name)
		}
	}
	return ours, err
}

// list reads the kernel's profiles: name and mode, "name (enforce)".
func (a *AppArmor) list() (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(a.kernel, "profiles"))
	if err != nil {
		return nil, fmt.Errorf("AppArmor: %w", err)
	}
	all := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ")")
		if i := strings.LastIndex(line, " ("); i >= 0 {
			all[line[:i]] = line[i+2:]
		}
	}
	return all, nil
}

// compileProfile has apparmor_parser make the kernel's form of a profile.
func compileProfile(ctx context.Context, run Runner, p translate.AppArmor) ([]byte, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "apparmor_parser", "--skip-kernel-load", "--skip-cache", "--stdout", "--quiet")
	cmd.Stdin = strings.NewReader(p.Text)
	cmd.Stdout = &out
	if err := run.Run(cmd); err != nil {
		return nil, fmt.Errorf("AppArmor: compiling profile %s: %w", p.Name, err)
	}
	if out.Len() == 0 {
		return nil, fmt.Errorf("AppArmor: compiling profile %s: apparmor_parser gave nothing", p.Name)
	}
	return out.Bytes(), nil
}

// cached reads a compiled profile. A profile's name covers its text and the
// kernel's features; a checksum tells whether the file is what was written.
func (a *AppArmor) cached(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(a.cache, name))
	if err != nil {
		return nil, err
	}
	if len(data) <= sha256.Size {
		return nil, fmt.Errorf("cached profile %s is cut off", name)
	}
	binary := data[sha256.Size:]
	if sha256.Sum256(binary) != [sha256.Size]byte(data[:sha256.Size]) {
		return nil, fmt.Errorf("cached profile %s is damaged", name)
	}
	return binary, nil
}

// keep writes a compiled profile to the cache, whole or not at all.
func (a *AppArmor) keep(name string, binary []byte) (err error) {
	if err := os.MkdirAll(a.cache, 0o700); err != nil {
		return fmt.Errorf("AppArmor cache: %w", err)
	}
	f, err := os.CreateTemp(a.cache, "."+hex.EncodeToString([]byte(name[:min(len(name), 16)])))
	if err != nil {
		return fmt.Errorf("AppArmor cache: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("AppArmor cache: %w", err), os.Remove(f.Name()))
		}
	}()
	sum := sha256.Sum256(binary)
	if _, err := f.Write(append(sum[:], binary...)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(a.cache, name))
}

// write gives data to a file of securityfs in the one write that it takes.
func write(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
